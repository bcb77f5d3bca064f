#include "module.h"

static PyObject *vocabulary_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"packed", "classes", "cl100k", NULL};
    PyObject *packed, *classes;
    int cl100k;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "SSp", names, &packed, &classes, &cl100k)) return NULL;
    PyVocabulary *self = (PyVocabulary *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    const uint32_t *runs = (const void *)PyBytes_AsString(classes);
    size_t n = (size_t)PyBytes_Size(classes) / sizeof *runs;
    self->vocabulary = vocabulary_new((const void *)PyBytes_AsString(packed), (size_t)PyBytes_Size(packed), runs, n, cl100k);
    if (!self->vocabulary) {
        PyErr_SetString(PyExc_ValueError, "no vocabulary of all single bytes, or no memory for it");
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static void vocabulary_dealloc(PyObject *self) {
    vocabulary_free(((PyVocabulary *)self)->vocabulary);
    release(self);
}

static PyType_Slot vocabulary_slots[] = {{Py_tp_new, vocabulary_make}, {Py_tp_dealloc, vocabulary_dealloc}, {0, NULL}};
PyType_Spec vocabulary_spec = {"service.check._native.Vocabulary", sizeof(PyVocabulary), 0, Py_TPFLAGS_DEFAULT, vocabulary_slots};

typedef struct {
    PyObject_HEAD
    PyObject *vocabulary;
    Counter *counter;
    int busy;
} PyCounter;

static PyObject *counter_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"vocabulary", NULL};
    PyObject *vocabulary;
    Types *types = PyType_GetModuleState(type);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!", names, types->vocabulary, &vocabulary)) return NULL;
    PyCounter *self = (PyCounter *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    self->vocabulary = Py_NewRef(vocabulary);
    if (!(self->counter = counter_new(((PyVocabulary *)vocabulary)->vocabulary))) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void counter_dealloc(PyObject *self) {
    counter_free(((PyCounter *)self)->counter);
    Py_XDECREF(((PyCounter *)self)->vocabulary);
    release(self);
}

typedef struct {
    const uint8_t *text;
    Py_ssize_t size;
    int64_t count;
} Counted;

static PyObject *counter_count_all(PyObject *object, PyObject *texts) {
    PyCounter *self = (PyCounter *)object;
    PyObject *result = NULL, *list = PySequence_List(texts);
    if (!list) return NULL;
    Py_ssize_t n = PyList_Size(list);
    Counted *counted = PyMem_Malloc((size_t)(n + 1) * sizeof *counted);
    int good = counted != NULL, whole = 1;
    if (!counted) PyErr_NoMemory();
    for (Py_ssize_t at = 0; good && at < n; at++)
        good = (counted[at].text = utf8_of(PyList_GetItem(list, at), &counted[at].size)) != NULL;
    if (good && begin(&self->busy)) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t at = 0; whole && at < n; at++)
            whole = (counted[at].count = counter_count(self->counter, counted[at].text, (size_t)counted[at].size)) >= 0;
        Py_END_ALLOW_THREADS
        end(&self->busy);
        result = whole ? PyList_New(n) : PyErr_NoMemory();
        for (Py_ssize_t at = 0; result && at < n; at++) {
            PyObject *number = PyLong_FromLongLong(counted[at].count);
            if (!number || PyList_SetItem(result, at, number)) Py_CLEAR(result);
        }
    }
    PyMem_Free(counted);
    Py_DECREF(list);
    return result;
}

static PyMethodDef counter_methods[] = {
    {"count", counter_count_all, METH_O, "count(texts)\n--\n\nReturn the number of tokens of each text."}, {0}};
static PyType_Slot counter_slots[] = {
    {Py_tp_new, counter_make}, {Py_tp_dealloc, counter_dealloc}, {Py_tp_methods, counter_methods}, {0, NULL}};
PyType_Spec counter_spec = {"service.check._native.Counter", sizeof(PyCounter), 0, Py_TPFLAGS_DEFAULT, counter_slots};
