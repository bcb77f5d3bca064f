#include "module.h"

static PyObject *program_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"steps", "sets", NULL};
    PyObject *steps, *sets;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "SS", names, &steps, &sets)) return NULL;
    size_t n_steps = (size_t)PyBytes_Size(steps) / sizeof(Step), n_sets = (size_t)PyBytes_Size(sets) / 32;
    if (n_steps > STEPS || n_sets > STEPS) return PyErr_Format(PyExc_ValueError, "%d steps at most", STEPS);
    PyProgram *self = (PyProgram *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    const Step *first = (const void *)PyBytes_AsString(steps);
    self->program = program_new(first, (uint32_t)n_steps, (const void *)PyBytes_AsString(sets), (uint32_t)n_sets);
    if (!self->program) {
        PyErr_SetString(PyExc_ValueError, "a step leads nowhere, or there is no memory");
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static void program_dealloc(PyObject *self) {
    program_free(((PyProgram *)self)->program);
    release(self);
}

static PyType_Slot program_slots[] = {{Py_tp_new, program_make}, {Py_tp_dealloc, program_dealloc}, {0, NULL}};
PyType_Spec program_spec = {"service.check._native.Program", sizeof(PyProgram), 0, Py_TPFLAGS_DEFAULT, program_slots};

static void search_dealloc(PyObject *object) {
    PySearch *self = (PySearch *)object;
    for (int at = 0; at < self->n; at++) automaton_free(self->automata[at]);
    Py_XDECREF(self->programs);
    release(object);
}

/* Take up to AUTOMATA programs of a sequence as a tuple; NULL with an exception set. */
static PyObject *programs_of(Types *types, PyObject *sequence) {
    PyObject *programs = PySequence_Tuple(sequence);
    if (!programs) return NULL;
    Py_ssize_t n = PyTuple_Size(programs);
    int good = n <= AUTOMATA;
    if (!good) PyErr_Format(PyExc_ValueError, "%d programs at most go together", AUTOMATA);
    for (Py_ssize_t at = 0; good && at < n; at++) {
        good = PyObject_TypeCheck(PyTuple_GetItem(programs, at), types->program);
        if (!good) PyErr_SetString(PyExc_TypeError, "a Program is expected");
    }
    if (!good) Py_CLEAR(programs);
    return programs;
}

static PyObject *search_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"programs", "states", NULL};
    PyObject *programs;
    int states;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Oi", names, &programs, &states)) return NULL;
    if (states < 8 || states > 32767) {
        PyErr_SetString(PyExc_ValueError, "8 states at least, and 32,767 at most");
        return NULL;
    }
    PySearch *self = (PySearch *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    self->programs = programs_of(PyType_GetModuleState(type), programs);
    for (Py_ssize_t at = 0; self->programs && at < PyTuple_Size(self->programs); at++) {
        Automaton *made = automaton_new(((PyProgram *)PyTuple_GetItem(self->programs, at))->program, (uint32_t)states);
        if (!made) {
            PyErr_NoMemory();
            Py_CLEAR(self->programs);
            break;
        }
        self->automata[self->n++] = made;
    }
    if (!self->programs) Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *number_of(const Marks *marks) {
    uint8_t bytes[16];
    for (int at = 0; at < 8; at++) {
        bytes[at] = (uint8_t)(marks->low >> at * 8);
        bytes[at + 8] = (uint8_t)(marks->high >> at * 8);
    }
    return PyObject_CallMethod((PyObject *)&PyLong_Type, "from_bytes", "y#s", bytes, (Py_ssize_t)16, "little");
}

static PyObject *search_find(PyObject *object, PyObject *args) {
    PySearch *self = (PySearch *)object;
    PyObject *text;
    Marks found = {0, 0};
    Py_ssize_t size;
    int whole;
    unsigned which = (1u << self->n) - 1;
    if (!PyArg_ParseTuple(args, "O|I", &text, &which)) return NULL;
    if (which >> self->n) {
        PyErr_SetString(PyExc_ValueError, "there are not as many programs");
        return NULL;
    }
    const uint8_t *bytes = octets(text, &size);
    if (!bytes || !begin(&self->busy)) return NULL;
    PyThreadState *left = size < LONG_ENOUGH ? NULL : PyEval_SaveThread();
    whole = automata_search(self->automata, which, bytes, (size_t)size, &found);
    if (left) PyEval_RestoreThread(left);
    end(&self->busy);
    return whole ? number_of(&found) : PyErr_NoMemory();
}

typedef struct {
    const uint8_t *text;
    Py_ssize_t size;
    Marks marks;
} Searched;

static PyObject *search_find_all(PyObject *object, PyObject *args) {
    PySearch *self = (PySearch *)object;
    PyObject *texts, *list, *result = NULL;
    const uint8_t *which;
    Py_ssize_t n_which;
    if (!PyArg_ParseTuple(args, "Oy#", &texts, &which, &n_which) || !(list = PySequence_List(texts))) return NULL;
    Py_ssize_t n = PyList_Size(list);
    Searched *searched = PyMem_Calloc((size_t)n + 1, sizeof *searched);
    int good = searched != NULL, whole = 1;
    if (!searched) PyErr_NoMemory();
    for (Py_ssize_t at = 0; good && at < n; at++) {
        if (at >= n_which || which[at] >> self->n) {
            PyErr_SetString(PyExc_ValueError, "a byte is expected for each text, and as many programs");
            good = 0;
        } else {
            good = (searched[at].text = octets(PyList_GetItem(list, at), &searched[at].size)) != NULL;
        }
    }
    if (good && begin(&self->busy)) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t at = 0; whole && at < n; at++)
            whole = automata_search(self->automata, which[at], searched[at].text, (size_t)searched[at].size, &searched[at].marks);
        Py_END_ALLOW_THREADS
        end(&self->busy);
        result = whole ? PyList_New(0) : PyErr_NoMemory();
        for (Py_ssize_t at = 0; result && at < n; at++) {
            if (!(searched[at].marks.low | searched[at].marks.high)) continue;
            PyObject *marks = number_of(&searched[at].marks);
            PyObject *pair = marks ? Py_BuildValue("nN", at, marks) : NULL;
            if (!pair || PyList_Append(result, pair)) Py_CLEAR(result);
            Py_XDECREF(pair);
        }
    }
    PyMem_Free(searched);
    Py_DECREF(list);
    return result;
}

typedef struct {
    size_t places[256];
    size_t n, most;
} Places;

static int keep(void *to, size_t place) {
    Places *places = to;
    places->places[places->n++ % places->most] = place; /* the last ones found stand first in the text */
    return 1;
}

static PyObject *search_places(PyObject *object, PyObject *args) {
    PySearch *self = (PySearch *)object;
    PyObject *text;
    Places places = {.n = 0};
    Py_ssize_t size;
    int most, whole;
    if (!PyArg_ParseTuple(args, "Oi", &text, &most)) return NULL;
    if (self->n != 1 || most < 1 || most > 256) {
        PyErr_SetString(PyExc_ValueError, "places are those of one program, 256 at most");
        return NULL;
    }
    places.most = (size_t)most;
    const uint8_t *bytes = octets(text, &size);
    if (!bytes || !begin(&self->busy)) return NULL;
    PyThreadState *left = size < LONG_ENOUGH ? NULL : PyEval_SaveThread();
    whole = automaton_places(self->automata[0], bytes, (size_t)size, keep, &places);
    if (left) PyEval_RestoreThread(left);
    end(&self->busy);
    if (!whole) return PyErr_NoMemory();
    size_t held = places.n < places.most ? places.n : places.most;
    PyObject *list = PyList_New((Py_ssize_t)held);
    for (size_t at = 0; list && at < held; at++) {
        PyObject *place = PyLong_FromSize_t(places.places[(places.n - 1 - at) % places.most]);
        if (!place || PyList_SetItem(list, (Py_ssize_t)at, place)) Py_CLEAR(list);
    }
    return list;
}

static PyObject *search_states(PyObject *object, void *closure) {
    (void)closure;
    PySearch *self = (PySearch *)object;
    unsigned long states = 0, restarts = 0;
    if (!begin(&self->busy)) return NULL;
    for (int at = 0; at < self->n; at++) {
        states += automaton_states(self->automata[at]);
        restarts += automaton_restarts(self->automata[at]);
    }
    end(&self->busy);
    return Py_BuildValue("kk", states, restarts);
}

static PyGetSetDef search_members[] = {{"states", search_states, NULL, "States in use, and how often they became too many.", NULL}, {0}};
static PyMethodDef search_methods[] = {
    {"find", search_find, METH_VARARGS,
     "find(text, which=all)\n--\n\nReturn a number whose bits tell which patterns match, of the programs whose bits are set in `which`."},
    {"find_all", search_find_all, METH_VARARGS,
     "find_all(texts, which)\n--\n\nReturn the places of those texts in which some pattern matches, each with its number as of `find`."},
    {"places", search_places, METH_VARARGS,
     "places(text, most)\n--\n\nReturn the first places in the UTF-8 where matches begin, of a program written backwards."},
    {0}};
static PyType_Slot search_slots[] = {
    {Py_tp_new, search_make}, {Py_tp_dealloc, search_dealloc}, {Py_tp_methods, search_methods}, {Py_tp_getset, search_members}, {0, NULL}};
PyType_Spec search_spec = {"service.check._native.Search", sizeof(PySearch), 0, Py_TPFLAGS_DEFAULT, search_slots};
