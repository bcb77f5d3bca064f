/* Readers at work in threads of their own: they never wait for Python's lock, which whoever judges what they found holds
 * most of the time. */

#include "module.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define HANDS 16
#define BLOCKS 64 /* that may be given and not yet taken */

typedef struct {
    PyObject *raw;
    const uint8_t *bytes;
    size_t size;
    PyFound *found;
    enum { WAITING, WHOLE, WITHOUT_MEMORY } state;
} Block;

typedef struct Crew Crew;

typedef struct {
    Crew *crew;
    PyReader *reader;
    PySearch *search;
    pthread_t thread;
} Hand;

/* Blocks are numbered as they are given: those before `first` were taken, those before `next` begun. */
struct Crew {
    pthread_mutex_t lock;
    pthread_cond_t given, read;
    Block blocks[BLOCKS];
    size_t first, next, last, longest;
    Hand hands[HANDS];
    int n, over;
    unsigned heard[ROLES];
};

typedef struct {
    PyObject_HEAD
    Crew *crew;
    int busy;
} PyCrew;

static void *work(void *own) {
    const Hand *hand = own;
    Crew *crew = hand->crew;
    pthread_mutex_lock(&crew->lock);
    for (;;) {
        while (!crew->over && crew->next == crew->last) pthread_cond_wait(&crew->given, &crew->lock);
        if (crew->over) break;
        Block *block = crew->blocks + crew->next++ % BLOCKS;
        pthread_mutex_unlock(&crew->lock);
        int whole = reader_examine(hand->reader->reader, hand->search->automata, crew->heard, block->bytes, block->size,
                                   crew->longest, &block->found->found);
        pthread_mutex_lock(&crew->lock);
        block->state = whole ? WHOLE : WITHOUT_MEMORY;
        pthread_cond_signal(&crew->read);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Start a thread that leaves signals to Python's own. */
static int start(Hand *hand) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&hand->thread, NULL, work, hand);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !failed;
}

/* Let a reader and a search belong to the crew; 0 with an exception set. */
static int hire(Crew *crew, PyObject *reader, PyObject *search, const Types *types) {
    if (!PyObject_TypeCheck(reader, types->reader) || !PyObject_TypeCheck(search, types->search)) {
        PyErr_SetString(PyExc_TypeError, "a Reader and a Search are expected for each thread");
        return 0;
    }
    PySearch *own = (PySearch *)search;
    for (int role = 0; role < ROLES; role++) {
        if (!(crew->heard[role] >> own->n)) continue;
        PyErr_SetString(PyExc_ValueError, "there are not as many programs");
        return 0;
    }
    if (!begin(&((PyReader *)reader)->busy)) return 0;
    if (!begin(&own->busy)) {
        end(&((PyReader *)reader)->busy);
        return 0;
    }
    Hand *hand = crew->hands + crew->n;
    *hand = (Hand){.crew = crew, .reader = (PyReader *)Py_NewRef(reader), .search = (PySearch *)Py_NewRef(search)};
    return 1;
}

static void dismiss(Hand *hand) {
    end(&hand->reader->busy);
    end(&hand->search->busy);
    Py_DECREF(hand->reader);
    Py_DECREF(hand->search);
}

/* End the threads once each has read the block that it is at, and drop what nobody took. */
static void disband(PyCrew *self) {
    Crew *crew = self->crew;
    if (!crew) return;
    self->crew = NULL;
    pthread_mutex_lock(&crew->lock);
    crew->over = 1;
    pthread_cond_broadcast(&crew->given);
    pthread_mutex_unlock(&crew->lock);
    Py_BEGIN_ALLOW_THREADS
    for (int at = 0; at < crew->n; at++) pthread_join(crew->hands[at].thread, NULL);
    Py_END_ALLOW_THREADS
    for (int at = 0; at < crew->n; at++) dismiss(crew->hands + at);
    for (; crew->first < crew->last; crew->first++) {
        Py_DECREF(crew->blocks[crew->first % BLOCKS].raw);
        Py_DECREF(crew->blocks[crew->first % BLOCKS].found);
    }
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->given);
    pthread_cond_destroy(&crew->read);
    free(crew);
}

static void crew_dealloc(PyObject *self) {
    disband((PyCrew *)self);
    release(self);
}

static PyObject *crew_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"readers", "searches", "longest", "heard", NULL};
    PyObject *readers, *searches;
    Py_ssize_t longest;
    unsigned heard[ROLES];
    const Types *types = PyType_GetModuleState(type);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!n(III)", names, &PyList_Type, &readers, &PyList_Type, &searches, &longest,
                                     heard, heard + 1, heard + 2))
        return NULL;
    Py_ssize_t n = PyList_Size(readers);
    if (n < 1 || n > HANDS || n != PyList_Size(searches))
        return PyErr_Format(PyExc_ValueError, "as many readers as searches are expected, 1 to %d", HANDS);
    PyCrew *self = (PyCrew *)PyType_GenericAlloc(type, 0);
    if (!self) return NULL;
    Crew *crew = self->crew = calloc(1, sizeof *crew);
    if (!crew) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->given, NULL);
    pthread_cond_init(&crew->read, NULL);
    crew->longest = (size_t)longest;
    memcpy(crew->heard, heard, sizeof heard);
    for (Py_ssize_t at = 0; at < n && hire(crew, PyList_GetItem(readers, at), PyList_GetItem(searches, at), types); at++) {
        if (start(crew->hands + crew->n)) crew->n++;
        else dismiss(crew->hands + crew->n); /* fewer do, too */
    }
    if (!PyErr_Occurred() && !crew->n) PyErr_SetString(PyExc_RuntimeError, "no thread can be started");
    if (PyErr_Occurred()) Py_CLEAR(self);
    return (PyObject *)self;
}

static Crew *crew_of(PyCrew *self) {
    if (!self->crew) PyErr_SetString(PyExc_RuntimeError, "the crew was disbanded");
    return self->crew;
}

static PyObject *crew_give(PyObject *object, PyObject *raw) {
    PyCrew *self = (PyCrew *)object;
    const Types *types = PyType_GetModuleState(Py_TYPE(object));
    char *bytes;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(raw, &bytes, &size) || !begin(&self->busy)) return NULL;
    Crew *crew = crew_of(self);
    int full = crew && crew->last - crew->first == BLOCKS;
    PyFound *found = crew && !full ? (PyFound *)PyType_GenericAlloc(types->found, 0) : NULL;
    if (full) PyErr_Format(PyExc_ValueError, "%d blocks at most are given and not taken", BLOCKS);
    if (found) {
        pthread_mutex_lock(&crew->lock);
        crew->blocks[crew->last++ % BLOCKS] = (Block){Py_NewRef(raw), (const uint8_t *)bytes, (size_t)size, found, WAITING};
        pthread_cond_signal(&crew->given);
        pthread_mutex_unlock(&crew->lock);
    }
    end(&self->busy);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyObject *crew_take(PyObject *object, PyObject *nothing) {
    (void)nothing;
    PyCrew *self = (PyCrew *)object;
    PyObject *found = NULL;
    if (!begin(&self->busy)) return NULL;
    Crew *crew = crew_of(self);
    if (crew && crew->first == crew->last) PyErr_SetString(PyExc_IndexError, "no block was given that was not taken");
    else if (crew) {
        Block *block = crew->blocks + crew->first % BLOCKS;
        Py_BEGIN_ALLOW_THREADS
        pthread_mutex_lock(&crew->lock);
        while (block->state == WAITING) pthread_cond_wait(&crew->read, &crew->lock);
        pthread_mutex_unlock(&crew->lock);
        Py_END_ALLOW_THREADS
        crew->first++;
        Py_DECREF(block->raw);
        found = (PyObject *)block->found;
        if (block->state == WITHOUT_MEMORY) {
            Py_CLEAR(found);
            PyErr_NoMemory();
        }
    }
    end(&self->busy);
    return found;
}

static PyObject *crew_disband(PyObject *object, PyObject *nothing) {
    (void)nothing;
    PyCrew *self = (PyCrew *)object;
    if (!begin(&self->busy)) return NULL;
    disband(self);
    end(&self->busy);
    Py_RETURN_NONE;
}

static PyMethodDef crew_methods[] = {
    {"give", crew_give, METH_O, "give(raw)\n--\n\nLet a block be read."},
    {"take", crew_take, METH_NOARGS, "take()\n--\n\nReturn what was found in the block that was given first of those not taken."},
    {"disband", crew_disband, METH_NOARGS, "disband()\n--\n\nEnd the threads; readers and searches may be used again."},
    {0}};
static PyType_Slot crew_slots[] = {{Py_tp_new, crew_make}, {Py_tp_dealloc, crew_dealloc}, {Py_tp_methods, crew_methods}, {0, NULL}};
PyType_Spec crew_spec = {"service.check._native.Crew", sizeof(PyCrew), 0, Py_TPFLAGS_DEFAULT, crew_slots};
