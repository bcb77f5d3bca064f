#include "module.h"

static void found_dealloc(PyObject *self) {
    found_clear(&((PyFound *)self)->found);
    release(self);
}

static PyObject *bytes_of(const void *items, size_t n, size_t size) {
    return PyBytes_FromStringAndSize(n ? items : "", (Py_ssize_t)(n * size));
}

static PyObject *found_examples(PyObject *self, void *closure) {
    (void)closure;
    const Found *f = &((PyFound *)self)->found;
    return bytes_of(f->examples, f->n_examples, sizeof *f->examples);
}

static PyObject *found_suspects(PyObject *self, void *closure) {
    (void)closure;
    const Found *f = &((PyFound *)self)->found;
    return bytes_of(f->suspects, f->n_suspects, sizeof *f->suspects);
}

static PyObject *found_left(PyObject *self, void *closure) {
    (void)closure;
    const Found *f = &((PyFound *)self)->found;
    return bytes_of(f->left, f->n_left, sizeof *f->left);
}

static PyObject *found_texts(PyObject *self, void *closure) {
    (void)closure;
    const Found *f = &((PyFound *)self)->found;
    return bytes_of(f->texts, f->n_texts, sizeof *f->texts);
}

static PyObject *found_lines(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromSize_t(((PyFound *)self)->found.n_lines);
}

static PyObject *found_text(PyObject *self, PyObject *number) {
    const Found *f = &((PyFound *)self)->found;
    size_t at = PyLong_AsSize_t(number);
    if (PyErr_Occurred()) return NULL;
    if (at >= f->n_texts) {
        PyErr_SetString(PyExc_IndexError, "there is no such text");
        return NULL;
    }
    return PyUnicode_DecodeUTF8((const char *)f->arena + f->texts[at].start, f->texts[at].size, NULL);
}

static PyMethodDef found_methods[] = {{"text", found_text, METH_O, "text(at)\n--\n\nReturn a text."}, {0}};
static PyGetSetDef found_members[] = {{"examples", found_examples, NULL, NULL, NULL},
                                      {"suspects", found_suspects, NULL, NULL, NULL},
                                      {"left", found_left, NULL, NULL, NULL},
                                      {"texts", found_texts, NULL, NULL, NULL},
                                      {"lines", found_lines, NULL, NULL, NULL},
                                      {0}};
static PyType_Slot found_slots[] = {
    {Py_tp_dealloc, found_dealloc}, {Py_tp_methods, found_methods}, {Py_tp_getset, found_members}, {0, NULL}};
PyType_Spec found_spec = {
    "service.check._native.Found", sizeof(PyFound), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, found_slots};

static void reader_dealloc(PyObject *object) {
    PyReader *self = (PyReader *)object;
    reader_free(self->reader);
    counter_free(self->counter);
    Py_XDECREF(self->vocabulary);
    release(object);
}

static PyObject *reader_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"vocabulary", "closing", NULL};
    PyObject *vocabulary, *closing;
    uint32_t signs[64];
    Types *types = PyType_GetModuleState(type);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OU", names, &vocabulary, &closing)) return NULL;
    if (vocabulary != Py_None && !PyObject_TypeCheck(vocabulary, types->vocabulary)) {
        PyErr_SetString(PyExc_TypeError, "a Vocabulary or None is expected");
        return NULL;
    }
    Py_ssize_t n = PyUnicode_GetLength(closing);
    if (n < 0 || n > 64) {
        PyErr_SetString(PyExc_ValueError, "64 closing characters at most");
        return NULL;
    }
    for (Py_ssize_t at = 0; at < n; at++) signs[at] = PyUnicode_ReadChar(closing, at);
    PyReader *self = (PyReader *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    self->vocabulary = Py_NewRef(vocabulary);
    int good = 1;
    if (vocabulary != Py_None) good = (self->counter = counter_new(((PyVocabulary *)vocabulary)->vocabulary)) != NULL;
    if (!good || !(self->reader = reader_new(self->counter, signs, (size_t)n))) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static PyObject *reader_examine_block(PyObject *object, PyObject *args) {
    PyReader *self = (PyReader *)object;
    PyObject *given;
    PyObject *raw;
    Py_ssize_t longest;
    int whole = 0;
    unsigned heard[ROLES];
    Types *types = (Types *)PyType_GetModuleState(Py_TYPE(object));
    if (!PyArg_ParseTuple(args, "SnO!(III)", &raw, &longest, types->search, &given, heard, heard + 1, heard + 2)) return NULL;
    const uint8_t *block = (const void *)PyBytes_AsString(raw);
    size_t size = (size_t)PyBytes_Size(raw);
    PySearch *search = (PySearch *)given;
    PyFound *found = (PyFound *)PyType_GenericAlloc(types->found, 0);
    for (int role = 0; found && role < ROLES; role++) {
        if (!(heard[role] >> search->n)) continue;
        PyErr_SetString(PyExc_ValueError, "there are not as many programs");
        Py_CLEAR(found);
    }
    if (found && begin(&self->busy)) {
        if (begin(&search->busy)) {
            Py_BEGIN_ALLOW_THREADS
            whole = reader_examine(self->reader, search->automata, heard, block, size, (size_t)longest, &found->found);
            Py_END_ALLOW_THREADS
            end(&search->busy);
            if (!whole) PyErr_NoMemory();
        }
        end(&self->busy);
    }
    if (!whole) Py_CLEAR(found);
    return (PyObject *)found;
}

static PyMethodDef reader_methods[] = {
    {"examine", reader_examine_block, METH_VARARGS,
     "examine(raw, longest, search, heard)\n--\n\nLook at the lines of a block that are shorter than `longest` bytes."},
    {0}};
static PyType_Slot reader_slots[] = {
    {Py_tp_new, reader_make}, {Py_tp_dealloc, reader_dealloc}, {Py_tp_methods, reader_methods}, {0, NULL}};
PyType_Spec reader_spec = {"service.check._native.Reader", sizeof(PyReader), 0, Py_TPFLAGS_DEFAULT, reader_slots};
