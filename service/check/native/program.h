/* Patterns as steps, and what is known of them before any text comes. */
#ifndef TUNEWRIGHT_PROGRAM_H
#define TUNEWRIGHT_PROGRAM_H

#include "automaton.h"

/* What is needed to follow steps: those seen, in what order, those still to be followed, and those found. */
typedef struct {
    uint8_t *seen;
    uint32_t *visited, *stack, *made;
    uint32_t n_visited;
} Scratch;

struct Program {
    Step *steps;
    uint8_t (*sets)[32];
    uint32_t n_steps, n_sets;
    uint8_t class_of[256]; /* bytes that no set tells apart */
    int n_classes;
    /* Steps behind the beginnings of all patterns, by what was read: nothing, the beginning of the text, or a byte of a
     * class. They are the same wherever that was read, so that a state names them by a number. */
    uint32_t *recent, *recent_at, number_of[256]; /* classes with the same steps have the same number */
    uint8_t *within; /* whether a step is among them, a byte for each step and number */
    Marks *recent_marks;
    uint32_t *further, *further_at; /* steps behind those, by number and class, that are not recent themselves */
};

enum { NOTHING, BEGINNING, CLASSES }; /* numbers of recent steps; CLASSES is that of class 0 */

int scratch_new(Scratch *s, size_t steps);
void scratch_free(Scratch *s);

/* Mark a step as seen; forget all that were. */
void see(Scratch *s, uint32_t step);
void forget_seen(Scratch *s);

/* Add all steps that wait for a byte or tell of a match, and that a step leads to without one, to `made`: those at the
 * beginning of the text only where it is one. Returns how many there are then. */
uint32_t follow(const Program *p, Scratch *s, uint32_t from, int at_begin, uint32_t n);

/* Add what follows those steps that take a byte. */
uint32_t take(const Program *p, Scratch *s, const uint32_t *steps, uint32_t n_steps, uint8_t byte, uint32_t n);

/* Add the pattern that a step tells of, if it does. */
void add_mark(const Program *p, uint32_t step, Marks *marks);

#endif
