/* What the files of the Python side share. */
#ifndef TUNEWRIGHT_MODULE_H
#define TUNEWRIGHT_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "automaton.h"
#include "lines.h"
#include "tokens.h"

typedef struct {
    PyTypeObject *vocabulary, *program, *search, *reader, *found;
} Types;

typedef struct {
    PyObject_HEAD
    Vocabulary *vocabulary;
} PyVocabulary;

#define STEPS (1 << 20) /* of a program, and its sets, at most */

typedef struct {
    PyObject_HEAD
    Program *program;
} PyProgram;

typedef struct {
    PyObject_HEAD
    PyObject *programs;
    Automaton *automata[AUTOMATA];
    int n, busy;
} PySearch;

typedef struct {
    PyObject_HEAD
    PyObject *vocabulary;
    Counter *counter;
    Reader *reader;
    int busy;
} PyReader;

typedef struct {
    PyObject_HEAD
    Found found;
} PyFound;

extern PyType_Spec vocabulary_spec, counter_spec, program_spec, search_spec, found_spec, reader_spec, crew_spec, tongues_spec;

/* The UTF-8 of a str, which is valid; NULL with an exception set. */
const uint8_t *utf8_of(PyObject *text, Py_ssize_t *size);

/* The same, or the bytes of bytes, which may be anything. */
const uint8_t *octets(PyObject *text, Py_ssize_t *size);

/* Bytes from which on it is worth to let other threads have Python's lock meanwhile. */
#define LONG_ENOUGH (1 << 15)

/* Mark what only one thread may use, with Python's lock or without; 0 with an exception set where another does. */
int begin(int *busy);
void end(int *busy);

/* Free an object of a type of this module. */
void release(PyObject *self);

#endif
