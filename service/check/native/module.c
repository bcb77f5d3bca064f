/* The Python side: types that own what the other files make. Whatever takes long goes on without Python's lock. */

#include "module.h"

#include "loops.h"
#include "sketch.h"

#include <string.h>

const uint8_t *utf8_of(PyObject *text, Py_ssize_t *size) { return (const uint8_t *)PyUnicode_AsUTF8AndSize(text, size); }

const uint8_t *octets(PyObject *text, Py_ssize_t *size) {
    if (PyBytes_Check(text)) {
        char *bytes;
        return PyBytes_AsStringAndSize(text, &bytes, size) ? NULL : (const uint8_t *)bytes;
    }
    return utf8_of(text, size);
}

int begin(int *busy) {
    if (!__atomic_exchange_n(busy, 1, __ATOMIC_ACQUIRE)) return 1;
    PyErr_SetString(PyExc_RuntimeError, "another thread is using this object");
    return 0;
}

void end(int *busy) { __atomic_store_n(busy, 0, __ATOMIC_RELEASE); }

void release(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static int seeded; /* the secret is the process's, whoever imports the module again: hashes are compared */

static PyObject *seed(PyObject *module, PyObject *bytes) {
    (void)module;
    char *octets;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(bytes, &octets, &size)) return NULL;
    if (size != 32) {
        PyErr_SetString(PyExc_ValueError, "32 bytes are expected");
        return NULL;
    }
    if (!__atomic_exchange_n(&seeded, 1, __ATOMIC_ACQUIRE)) seed_hashes((const uint8_t *)octets);
    Py_RETURN_NONE;
}

/* Hash one text as Found does it: a role's number and the text. */
static PyObject *hash_one(PyObject *module, PyObject *args) {
    (void)module;
    unsigned role;
    PyObject *text;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "IO", &role, &text)) return NULL;
    const uint8_t *bytes = octets(text, &size);
    return bytes ? PyLong_FromUnsignedLongLong(hash_text(role, bytes, (size_t)size)) : NULL;
}

static PyObject *hash_all(PyObject *module, PyObject *hashes) {
    (void)module;
    uint64_t row = 0;
    PyObject *list = PySequence_List(hashes);
    if (!list) return NULL;
    for (Py_ssize_t at = 0; at < PyList_Size(list); at++) {
        uint64_t hash = PyLong_AsUnsignedLongLongMask(PyList_GetItem(list, at));
        if (PyErr_Occurred()) break;
        row = hash_more(row, hash);
    }
    Py_DECREF(list);
    return PyErr_Occurred() ? NULL : PyLong_FromUnsignedLongLong(row);
}

static PyObject *does_loop(PyObject *module, PyObject *text) {
    (void)module;
    Py_ssize_t size;
    const uint8_t *bytes = octets(text, &size);
    return bytes ? PyBool_FromLong(loops(bytes, (size_t)size, is_ascii(bytes, (size_t)size))) : NULL;
}

static PyObject *count_feeds(PyObject *module, PyObject *text) {
    (void)module;
    Py_ssize_t size;
    size_t feeds = 0;
    const uint8_t *bytes = octets(text, &size);
    if (!bytes) return NULL;
    for (const uint8_t *at = bytes, *end = bytes + size; (at = memchr(at, '\n', (size_t)(end - at))); at++) feeds++;
    return PyLong_FromSize_t(feeds);
}

static PyObject *sketch_all(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *texts, *factors;
    if (!PyArg_ParseTuple(args, "O!S", &PyList_Type, &texts, &factors)) return NULL;
    size_t n = (size_t)PyBytes_Size(factors) / sizeof(uint64_t), row = (n + 1) * sizeof(uint64_t);
    if (!n || n > FACTORS) return PyErr_Format(PyExc_ValueError, "1 to %d factors are expected", FACTORS);
    uint64_t multiplied[FACTORS], told[FACTORS + 1];
    memcpy(multiplied, PyBytes_AsString(factors), n * sizeof *multiplied);
    PyObject *rows = PyBytes_FromStringAndSize(NULL, PyList_Size(texts) * (Py_ssize_t)row);
    char *to = rows ? PyBytes_AsString(rows) : NULL;
    for (Py_ssize_t at = 0; rows && at < PyList_Size(texts); at++, to += row) {
        Py_ssize_t size;
        const uint8_t *text = octets(PyList_GetItem(texts, at), &size);
        if (text) sketch(text, (size_t)size, multiplied, n, told);
        if (text) memcpy(to, told, row);
        else Py_CLEAR(rows);
    }
    return rows;
}

static PyMethodDef functions[] = {
    {"seed", seed, METH_O, "seed(bytes)\n--\n\nMake hashes the process's own, before the first is taken; only the first call does."},
    {"hash_text", hash_one, METH_VARARGS, "hash_text(role, text)\n--\n\nReturn 64 bits."},
    {"hash_row", hash_all, METH_O, "hash_row(hashes)\n--\n\nReturn 64 bits of some hashes in their order."},
    {"count_feeds", count_feeds, METH_O, "count_feeds(text)\n--\n\nReturn the number of line feeds."},
    {"sketch", sketch_all, METH_VARARGS,
     "sketch(texts, factors)\n--\n\nReturn the least hashes of each text's words by each factor, and their sum."},
    {"loops", does_loop, METH_O, "loops(text)\n--\n\nReturn whether a text says the same over and over."},
    {0}};

static int add(PyObject *module, PyType_Spec *spec, PyTypeObject **held) {
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    if (!type) return -1;
    int failed = PyModule_AddType(module, type);
    if (held) *held = type;
    else Py_DECREF(type);
    return failed;
}

static int fill(PyObject *module) {
    Types *types = PyModule_GetState(module);
    if (add(module, &vocabulary_spec, &types->vocabulary) || add(module, &program_spec, &types->program)) return -1;
    if (add(module, &found_spec, &types->found) || add(module, &counter_spec, NULL)) return -1;
    if (add(module, &search_spec, &types->search) || add(module, &reader_spec, &types->reader)) return -1;
    return add(module, &crew_spec, NULL) || add(module, &tongues_spec, NULL) ? -1 : 0;
}

static int clear(PyObject *module) {
    Types *types = PyModule_GetState(module);
    Py_CLEAR(types->vocabulary);
    Py_CLEAR(types->program);
    Py_CLEAR(types->search);
    Py_CLEAR(types->reader);
    Py_CLEAR(types->found);
    return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
    Types *types = PyModule_GetState(module);
    Py_VISIT(types->vocabulary);
    Py_VISIT(types->program);
    Py_VISIT(types->search);
    Py_VISIT(types->reader);
    Py_VISIT(types->found);
    return 0;
}

static void discard(void *module) { clear(module); }

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};
static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT,
                                        .m_name = "_native",
                                        .m_doc = "What the dataset check does without the interpreter.",
                                        .m_size = sizeof(Types),
                                        .m_methods = functions,
                                        .m_slots = slots,
                                        .m_traverse = traverse,
                                        .m_clear = clear,
                                        .m_free = discard};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
