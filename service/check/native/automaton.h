/* Many patterns of bytes at once, in one pass: automata that are made as texts come. */
#ifndef TUNEWRIGHT_AUTOMATON_H
#define TUNEWRIGHT_AUTOMATON_H

#include <stddef.h>
#include <stdint.h>

enum { ON_BYTE, SPLIT, AT_BEGIN, FOUND };

/* One step of a pattern: ON_BYTE goes to `next` on a byte of the set `operand`, SPLIT to `next` and `operand`, AT_BEGIN
 * to `next` where the text begins, FOUND tells that pattern `operand` has matched. */
typedef struct {
    uint32_t kind, operand, next;
} Step;

/* Which of up to 128 patterns have matched. */
typedef struct {
    uint64_t low, high;
} Marks;

typedef struct Program Program;
typedef struct Automaton Automaton;

/* Copy steps, the first of which is where patterns begin, and sets of 32 bytes each. NULL without memory or where a
 * step leads nowhere. */
Program *program_new(const Step *steps, uint32_t n_steps, const uint8_t *sets, uint32_t n_sets);
void program_free(Program *program);

/* One thread at a time; NULL without memory. Beyond `limit` states, 32,767 at most, it forgets them and begins anew; a state
 * takes 512 bytes of transitions, of which memory holds what is in use. */
Automaton *automaton_new(const Program *program, uint32_t limit);
void automaton_free(Automaton *automaton);

#define AUTOMATA 8 /* that belong together */
#define TOGETHER 3

/* States in use, and how often they became too many and were forgotten. */
uint32_t automaton_states(const Automaton *automaton);
uint32_t automaton_restarts(const Automaton *automaton);

/* Tell which patterns match somewhere in a text, of those automata, all with the same limit, whose bits are set in `which`;
 * 0 without memory. */
int automata_search(Automaton **automata, unsigned which, const uint8_t *text, size_t size, Marks *found);

/* Search backwards with an automaton whose patterns are written backwards: `told` is called with each place where a match
 * begins, in descending order, until it returns 0. Returns 0 without memory. */
int automaton_places(Automaton *automaton, const uint8_t *text, size_t size, int (*told)(void *, size_t), void *to);

#endif
