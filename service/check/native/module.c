/* The Python side: types that own what the other files make. Whatever takes long goes on without Python's lock. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "automaton.h"
#include "lines.h"
#include "tokens.h"

typedef struct {
    PyTypeObject *vocabulary, *program, *search, *found;
} Types;

static Types *types_of(PyObject *module) { return PyModule_GetState(module); }

static Types *types_for(PyObject *self) { return PyType_GetModuleState(Py_TYPE(self)); }

/* The UTF-8 of a str, or the bytes of bytes; NULL with an exception set. */
static const uint8_t *octets(PyObject *text, Py_ssize_t *size) {
    if (PyBytes_Check(text)) {
        char *bytes;
        return PyBytes_AsStringAndSize(text, &bytes, size) ? NULL : (const uint8_t *)bytes;
    }
    return (const uint8_t *)PyUnicode_AsUTF8AndSize(text, size);
}

/* Mark what only one thread may use; 0 with an exception set where another does. */
static int begin(int *busy) {
    if (*busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is using this object");
        return 0;
    }
    *busy = 1;
    return 1;
}

static void release(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* ---- Vocabulary ---- */

typedef struct {
    PyObject_HEAD
    Vocabulary *vocabulary;
} PyVocabulary;

static PyObject *vocabulary_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"packed", "classes", "cl100k", NULL};
    Py_buffer packed, classes;
    int cl100k;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*y*p", names, &packed, &classes, &cl100k)) return NULL;
    PyVocabulary *self = (PyVocabulary *)PyType_GenericAlloc(type, 0);
    if (self) {
        size_t n = (size_t)classes.len / sizeof(uint32_t);
        self->vocabulary = vocabulary_new(packed.buf, (size_t)packed.len, classes.buf, n, cl100k);
        if (!self->vocabulary) {
            PyErr_SetString(PyExc_ValueError, "no vocabulary of all single bytes, or no memory for it");
            Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&packed);
    PyBuffer_Release(&classes);
    return (PyObject *)self;
}

static void vocabulary_dealloc(PyObject *self) {
    vocabulary_free(((PyVocabulary *)self)->vocabulary);
    release(self);
}

static PyType_Slot vocabulary_slots[] = {{Py_tp_new, vocabulary_make}, {Py_tp_dealloc, vocabulary_dealloc}, {0, NULL}};
static PyType_Spec vocabulary_spec = {"service.check._native.Vocabulary", sizeof(PyVocabulary), 0, Py_TPFLAGS_DEFAULT, vocabulary_slots};

/* ---- Counter ---- */

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
        good = (counted[at].text = octets(PyList_GetItem(list, at), &counted[at].size)) != NULL;
    if (good && begin(&self->busy)) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t at = 0; whole && at < n; at++)
            whole = (counted[at].count = counter_count(self->counter, counted[at].text, (size_t)counted[at].size)) >= 0;
        Py_END_ALLOW_THREADS
        self->busy = 0;
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
static PyType_Spec counter_spec = {"service.check._native.Counter", sizeof(PyCounter), 0, Py_TPFLAGS_DEFAULT, counter_slots};

/* ---- Program ---- */

typedef struct {
    PyObject_HEAD
    Program *program;
} PyProgram;

static PyObject *program_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"steps", "sets", NULL};
    Py_buffer steps, sets;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*y*", names, &steps, &sets)) return NULL;
    PyProgram *self = (PyProgram *)PyType_GenericAlloc(type, 0);
    if (self) {
        self->program = program_new(steps.buf, (uint32_t)((size_t)steps.len / sizeof(Step)), sets.buf, (uint32_t)(sets.len / 32));
        if (!self->program) {
            PyErr_SetString(PyExc_ValueError, "a step leads nowhere, or there is no memory");
            Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&steps);
    PyBuffer_Release(&sets);
    return (PyObject *)self;
}

static void program_dealloc(PyObject *self) {
    program_free(((PyProgram *)self)->program);
    release(self);
}

static PyType_Slot program_slots[] = {{Py_tp_new, program_make}, {Py_tp_dealloc, program_dealloc}, {0, NULL}};
static PyType_Spec program_spec = {"service.check._native.Program", sizeof(PyProgram), 0, Py_TPFLAGS_DEFAULT, program_slots};

/* ---- Search ---- */

typedef struct {
    PyObject_HEAD
    PyObject *programs;
    Automaton *automata[AUTOMATA];
    int n, busy;
} PySearch;

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
    static char *names[] = {"programs", NULL};
    PyObject *programs;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &programs)) return NULL;
    PySearch *self = (PySearch *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    self->programs = programs_of(PyType_GetModuleState(type), programs);
    for (Py_ssize_t at = 0; self->programs && at < PyTuple_Size(self->programs); at++) {
        Automaton *made = automaton_new(((PyProgram *)PyTuple_GetItem(self->programs, at))->program);
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
    Py_BEGIN_ALLOW_THREADS
    whole = automata_search(self->automata, which, bytes, (size_t)size, &found);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    return whole ? number_of(&found) : PyErr_NoMemory();
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
    Py_BEGIN_ALLOW_THREADS
    whole = automaton_places(self->automata[0], bytes, (size_t)size, keep, &places);
    Py_END_ALLOW_THREADS
    self->busy = 0;
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
    for (int at = 0; at < self->n; at++) {
        states += automaton_states(self->automata[at]);
        restarts += automaton_restarts(self->automata[at]);
    }
    return Py_BuildValue("kk", states, restarts);
}

static PyGetSetDef search_members[] = {{"states", search_states, NULL, "States in use, and how often they became too many.", NULL}, {0}};
static PyMethodDef search_methods[] = {
    {"find", search_find, METH_VARARGS,
     "find(text, which=all)\n--\n\nReturn a number whose bits tell which patterns match, of the programs whose bits are set in `which`."},
    {"places", search_places, METH_VARARGS,
     "places(text, most)\n--\n\nReturn the first places in the UTF-8 where matches begin, of a program written backwards."},
    {0}};
static PyType_Slot search_slots[] = {
    {Py_tp_new, search_make}, {Py_tp_dealloc, search_dealloc}, {Py_tp_methods, search_methods}, {Py_tp_getset, search_members}, {0, NULL}};
static PyType_Spec search_spec = {"service.check._native.Search", sizeof(PySearch), 0, Py_TPFLAGS_DEFAULT, search_slots};

/* ---- Found ---- */

typedef struct {
    PyObject_HEAD
    Found found;
} PyFound;

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
static PyType_Spec found_spec = {
    "service.check._native.Found", sizeof(PyFound), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, found_slots};

/* ---- Reader ---- */

typedef struct {
    PyObject_HEAD
    PyObject *vocabulary;
    Counter *counter;
    Reader *reader;
    int busy;
} PyReader;

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
    Py_buffer raw;
    Py_ssize_t longest;
    int whole = 0;
    unsigned heard[ROLES];
    Types *types = types_for(object);
    if (!PyArg_ParseTuple(args, "y*nO!(III)", &raw, &longest, types->search, &given, heard, heard + 1, heard + 2)) return NULL;
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
            whole = reader_examine(self->reader, search->automata, heard, raw.buf, (size_t)raw.len, (size_t)longest, &found->found);
            Py_END_ALLOW_THREADS
            search->busy = 0;
            if (!whole) PyErr_NoMemory();
        }
        self->busy = 0;
    }
    if (!whole) Py_CLEAR(found);
    PyBuffer_Release(&raw);
    return (PyObject *)found;
}

static PyMethodDef reader_methods[] = {
    {"examine", reader_examine_block, METH_VARARGS,
     "examine(raw, longest, search, heard)\n--\n\nLook at the lines of a block that are shorter than `longest` bytes."},
    {0}};
static PyType_Slot reader_slots[] = {
    {Py_tp_new, reader_make}, {Py_tp_dealloc, reader_dealloc}, {Py_tp_methods, reader_methods}, {0, NULL}};
static PyType_Spec reader_spec = {"service.check._native.Reader", sizeof(PyReader), 0, Py_TPFLAGS_DEFAULT, reader_slots};

/* ---- functions ---- */

static PyObject *seed(PyObject *module, PyObject *bytes) {
    (void)module;
    char *octets;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(bytes, &octets, &size)) return NULL;
    if (size != 32) {
        PyErr_SetString(PyExc_ValueError, "32 bytes are expected");
        return NULL;
    }
    seed_hashes((const uint8_t *)octets);
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
    for (Py_ssize_t at = 0; at < size; at++) feeds += bytes[at] == '\n';
    return PyLong_FromSize_t(feeds);
}

static PyMethodDef functions[] = {
    {"seed", seed, METH_O, "seed(bytes)\n--\n\nMake hashes the process's own, before the first is taken."},
    {"hash_text", hash_one, METH_VARARGS, "hash_text(role, text)\n--\n\nReturn 64 bits."},
    {"hash_row", hash_all, METH_O, "hash_row(hashes)\n--\n\nReturn 64 bits of some hashes in their order."},
    {"count_feeds", count_feeds, METH_O, "count_feeds(text)\n--\n\nReturn the number of line feeds."},
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
    Types *types = types_of(module);
    if (add(module, &vocabulary_spec, &types->vocabulary) || add(module, &program_spec, &types->program)) return -1;
    if (add(module, &found_spec, &types->found) || add(module, &counter_spec, NULL)) return -1;
    return add(module, &search_spec, &types->search) || add(module, &reader_spec, NULL) ? -1 : 0;
}

static int clear(PyObject *module) {
    Types *types = types_of(module);
    Py_CLEAR(types->vocabulary);
    Py_CLEAR(types->program);
    Py_CLEAR(types->search);
    Py_CLEAR(types->found);
    return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
    Types *types = types_of(module);
    Py_VISIT(types->vocabulary);
    Py_VISIT(types->program);
    Py_VISIT(types->search);
    Py_VISIT(types->found);
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};
static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT,
                                        .m_name = "_native",
                                        .m_doc = "What the dataset check does without the interpreter.",
                                        .m_size = sizeof(Types),
                                        .m_methods = functions,
                                        .m_slots = slots,
                                        .m_traverse = traverse,
                                        .m_clear = clear};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
