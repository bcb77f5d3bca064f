#include "module.h"

typedef struct {
    PyObject_HEAD
    Tongues *tongues;
} PyTongues;

static PyObject *tongues_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"kin", "words", NULL};
    PyObject *kin, *words, *word, *languages;
    Py_ssize_t at = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "SO!", names, &kin, &PyDict_Type, &words)) return NULL;
    size_t n = (size_t)PyBytes_Size(kin) / sizeof(uint32_t);
    if (!n || n > MOST_LANGUAGES) return PyErr_Format(PyExc_ValueError, "1 to %d languages are expected", MOST_LANGUAGES);
    PyTongues *self = (PyTongues *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    if (!(self->tongues = tongues_new((const void *)PyBytes_AsString(kin), (uint32_t)n))) PyErr_NoMemory();
    while (!PyErr_Occurred() && PyDict_Next(words, &at, &word, &languages)) {
        char *bytes;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(word, &bytes, &size)) break;
        unsigned long bits = PyLong_AsUnsignedLong(languages);
        if (PyErr_Occurred()) break;
        if (bits >> n || !tongues_add(self->tongues, (const uint8_t *)bytes, (size_t)size, (uint32_t)bits))
            PyErr_SetString(PyExc_ValueError, "a word is too long, one too many, or of a language that there is not");
    }
    if (PyErr_Occurred()) Py_CLEAR(self);
    return (PyObject *)self;
}

static void tongues_dealloc(PyObject *self) {
    tongues_free(((PyTongues *)self)->tongues);
    release(self);
}

typedef uint8_t (*Told)(const Found *found, size_t example, const Tongues *tongues);

static PyObject *told_of_all(PyObject *self, PyObject *given, Told told) {
    const Types *types = PyType_GetModuleState(Py_TYPE(self));
    if (!PyObject_TypeCheck(given, types->found)) {
        PyErr_SetString(PyExc_TypeError, "a Found is expected");
        return NULL;
    }
    const Found *found = &((PyFound *)given)->found;
    PyObject *all = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)found->n_examples);
    char *each = all ? PyBytes_AsString(all) : NULL;
    for (size_t at = 0; each && at < found->n_examples; at++) each[at] = (char)told(found, at, ((PyTongues *)self)->tongues);
    return all;
}

static PyObject *tongues_answers(PyObject *self, PyObject *found) { return told_of_all(self, found, found_language); }

static PyObject *tongues_questions(PyObject *self, PyObject *found) { return told_of_all(self, found, found_asked); }

static PyMethodDef tongues_methods[] = {
    {"answers", tongues_answers, METH_O, "answers(found)\n--\n\nReturn the language of each example's answer in a byte."},
    {"questions", tongues_questions, METH_O, "questions(found)\n--\n\nReturn the language of each example's last question in a byte."},
    {0}};
static PyType_Slot tongues_slots[] = {
    {Py_tp_new, tongues_make}, {Py_tp_dealloc, tongues_dealloc}, {Py_tp_methods, tongues_methods}, {0, NULL}};
PyType_Spec tongues_spec = {"service.check._native.Tongues", sizeof(PyTongues), 0, Py_TPFLAGS_DEFAULT, tongues_slots};
