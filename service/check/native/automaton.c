/* Lazy subset construction: a state is a set of steps that patterns may be at, made when a text first leads there. All
 * patterns may begin anywhere, so that no state holds their beginnings, and what stands behind these after one byte is
 * known beforehand: a state is that byte's class, and the few steps of patterns that began before.
 *
 * Source: Thompson, "Regular Expression Search Algorithm" (1968); the bounded cache that begins anew when it is full is
 * that of Cox, "Regular Expression Matching in the Wild" (2010). Several automata go through a text side by side, and
 * through both its halves: each waits for memory at every byte, so that six take little more time than one. Whoever begins
 * in the middle does not know what came before, and finds what begins there or later; whoever comes from the first half goes
 * on until both are in the same state. Source: Mytkowicz, Musuvathi and Schulte, "Data-Parallel Finite-State Machines" (2014). */

#include "program.h"

#include <stdlib.h>
#include <string.h>

#define PADDING 32u /* rows are no power of two: those of all bytes would fall on the same lines of the cache */
#define HALVED 64u  /* bytes from which on a text is searched in two halves */
#define COMPARED 8u /* bytes after which states are compared */
#define TELLS 0x8000u /* marks a transition to a state that is looked at: something matches there */

typedef struct {
    uint32_t start, size; /* its other steps, in `held` */
    uint32_t recent;
    Marks marks;
} State;

struct Automaton {
    const Program *program;
    uint16_t *next; /* a row for each byte; 0 is not yet known */
    State *states;
    uint16_t *slots; /* twice as many as states */
    uint32_t *held, *again; /* steps of all states; of one that is left */
    Scratch scratch;
    size_t n_held, room_held;
    uint32_t n_states, limit, row, restarts;
    uint16_t first, later; /* states at the beginning of a text, and anywhere else before anything matched */
};

/* Sort a few steps. */
static void sort(uint32_t *steps, uint32_t n) {
    for (uint32_t at = 1; at < n; at++) {
        uint32_t moved = steps[at], to = at;
        for (; to && steps[to - 1] > moved; to--) steps[to] = steps[to - 1];
        steps[to] = moved;
    }
}

/* Make room for more steps in `held`; returns whether there is some. */
static int hold(Automaton *a, uint32_t more) {
    if (a->held && a->n_held + more <= a->room_held) return 1;
    if (a->n_held + more > UINT32_MAX) return 0;
    size_t room = (a->n_held + more) * 2 + 64;
    uint32_t *held = realloc(a->held, room * sizeof *held);
    if (!held) return 0;
    a->held = held;
    a->room_held = room;
    return 1;
}

/* Return the state of recent steps and the first `n` steps in `made`, a new one if need be; 0 where there is no room. */
static uint16_t state_of(Automaton *a, uint32_t recent, uint32_t n) {
    uint32_t *made = a->scratch.made;
    forget_seen(&a->scratch);
    sort(made, n);
    uint32_t hash = recent * 0x85EBCA6Bu + n;
    for (uint32_t at = 0; at < n; at++) hash = (hash ^ made[at]) * 0x9E3779B1u, hash ^= hash >> 15;
    uint32_t slots = a->limit * 2, slot = hash % slots;
    for (; a->slots[slot]; slot = (slot + 1) % slots) {
        const State *state = a->states + a->slots[slot];
        if (state->recent == recent && state->size == n && !memcmp(a->held + state->start, made, n * sizeof *made))
            return a->slots[slot];
    }
    if (a->n_states == a->limit || !hold(a, n)) return 0;
    State state = {(uint32_t)a->n_held, n, recent, a->program->recent_marks[recent]};
    for (uint32_t at = 0; at < n; at++) add_mark(a->program, made[at], &state.marks);
    memcpy(a->held + a->n_held, made, n * sizeof *made);
    a->n_held += n;
    a->states[a->n_states] = state;
    return a->slots[slot] = (uint16_t)a->n_states++;
}

/* Forget all states but those where texts begin: at the very beginning more patterns may be at their first step. */
static int begin_anew(Automaton *a) {
    memset(a->slots, 0, a->limit * 2 * sizeof *a->slots);
    if (a->n_states) {
        memset(a->next, 0, (size_t)a->row * 256 * sizeof *a->next);
        a->restarts++;
    }
    a->n_held = 0;
    a->n_states = 1;
    a->later = state_of(a, NOTHING, 0);
    a->first = state_of(a, BEGINNING, 0);
    return a->first && a->later;
}

Automaton *automaton_new(const Program *program, uint32_t limit) {
    Automaton *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->program = program;
    a->limit = limit;
    a->row = limit + PADDING;
    a->next = calloc((size_t)a->row * 256, sizeof *a->next);
    a->states = malloc(limit * sizeof *a->states);
    a->slots = malloc(limit * 2 * sizeof *a->slots);
    a->again = malloc((program->n_steps + 1) * sizeof *a->again);
    int made = a->next && a->states && a->slots && a->again && scratch_new(&a->scratch, program->n_steps);
    if (made && begin_anew(a)) return a;
    automaton_free(a);
    return NULL;
}

void automaton_free(Automaton *a) {
    if (!a) return;
    free(a->next);
    free(a->states);
    free(a->slots);
    free(a->held);
    free(a->again);
    scratch_free(&a->scratch);
    free(a);
}

/* Return the state that a byte leads to from recent steps and others, with TELLS where it matches; 0 without room. */
static uint16_t step_from(Automaton *a, uint32_t recent, const uint32_t *steps, uint32_t n_steps, uint8_t byte) {
    const Program *p = a->program;
    Scratch *s = &a->scratch;
    uint32_t class = p->class_of[byte], now = p->number_of[class], list = recent * (uint32_t)p->n_classes + class, n = 0, kept;
    const uint8_t *within = p->within + (size_t)now * p->n_steps;
    for (uint32_t at = p->further_at[list]; at < p->further_at[list + 1]; at++) {
        see(s, p->further[at]);
        s->made[n++] = p->further[at];
    }
    kept = n;
    n = take(p, s, steps, n_steps, byte, n);
    for (uint32_t at = kept; at < n; at++)
        if (!within[s->made[at]]) s->made[kept++] = s->made[at];
    uint16_t to = state_of(a, now, kept);
    const Marks *marks = &a->states[to].marks;
    return to && (marks->low | marks->high) ? to | TELLS : to;
}

static uint16_t transition(Automaton *a, uint16_t from, uint8_t byte) {
    const State state = a->states[from];
    memcpy(a->again, a->held + state.start, state.size * sizeof *a->again);
    uint16_t to = step_from(a, state.recent, a->again, state.size, byte);
    if (!to) return begin_anew(a) ? step_from(a, state.recent, a->again, state.size, byte) : 0;
    return a->next[(size_t)byte * a->row + from] = to;
}

/* ---- searches ---- */

static void mark(const Automaton *a, uint16_t state, Marks *found) {
    found->low |= a->states[state].marks.low;
    found->high |= a->states[state].marks.high;
}

/* Look closely at one byte's transitions. The states' numbers are valid until one automaton begins anew: each is asked
 * in turn, and only its own state changes. */
static int look(Automaton **automata, int n, uint16_t *states, uint8_t byte, Marks *found) {
    for (int which = 0; which < n; which++) {
        Automaton *a = automata[which];
        uint16_t to = a->next[(size_t)byte * a->row + states[which]];
        if (!to && !(to = transition(a, states[which], byte))) return 0;
        if (to & TELLS) mark(a, to &= (uint16_t)~TELLS, found);
        states[which] = to;
    }
    return 1;
}

/* The transitions of one byte lie together, so that a step waits for one load alone: its row is known beforehand. */
#define ROWS(which) const uint16_t *next##which = automata[which]->next
#define GOES(which) uint16_t to##which = next##which[row + s##which]
#define PLAIN(which) (uint16_t)(to##which - 1)
#define STAY(which) s##which = to##which

static size_t run_one(Automaton **automata, uint16_t *s, const uint8_t *text, size_t at, size_t size) {
    const size_t width = automata[0]->row;
    ROWS(0);
    uint16_t s0 = s[0];
    for (; at < size; at++) {
        size_t row = text[at] * width;
        GOES(0);
        if (PLAIN(0) & TELLS) break;
        STAY(0);
    }
    s[0] = s0;
    return at;
}

static size_t run_two(Automaton **automata, uint16_t *s, const uint8_t *text, size_t at, size_t size) {
    const size_t width = automata[0]->row;
    ROWS(0);
    ROWS(1);
    uint16_t s0 = s[0], s1 = s[1];
    for (; at < size; at++) {
        size_t row = text[at] * width;
        GOES(0);
        GOES(1);
        if ((PLAIN(0) | PLAIN(1)) & TELLS) break;
        STAY(0);
        STAY(1);
    }
    s[0] = s0, s[1] = s1;
    return at;
}

static size_t run_three(Automaton **automata, uint16_t *s, const uint8_t *text, size_t at, size_t size) {
    const size_t width = automata[0]->row;
    ROWS(0);
    ROWS(1);
    ROWS(2);
    uint16_t s0 = s[0], s1 = s[1], s2 = s[2];
    for (; at < size; at++) {
        size_t row = text[at] * width;
        GOES(0);
        GOES(1);
        GOES(2);
        if ((PLAIN(0) | PLAIN(1) | PLAIN(2)) & TELLS) break;
        STAY(0);
        STAY(1);
        STAY(2);
    }
    s[0] = s0, s[1] = s1, s[2] = s2;
    return at;
}

#define GOES_TOO(which) uint16_t and##which = next##which[other + a##which]
#define PLAIN_TOO(which) (uint16_t)(and##which - 1)
#define STAY_TOO(which) a##which = and##which

/* The same with three, and again with these from other states through another text. */
static size_t run_six(Automaton **automata, uint16_t *s, uint16_t *also, const uint8_t *text, const uint8_t *too, size_t at, size_t size) {
    const size_t width = automata[0]->row;
    ROWS(0);
    ROWS(1);
    ROWS(2);
    uint16_t s0 = s[0], s1 = s[1], s2 = s[2], a0 = also[0], a1 = also[1], a2 = also[2];
    for (; at < size; at++) {
        size_t row = text[at] * width, other = too[at] * width;
        GOES(0);
        GOES(1);
        GOES(2);
        GOES_TOO(0);
        GOES_TOO(1);
        GOES_TOO(2);
        if ((PLAIN(0) | PLAIN(1) | PLAIN(2) | PLAIN_TOO(0) | PLAIN_TOO(1) | PLAIN_TOO(2)) & TELLS) break;
        STAY(0);
        STAY(1);
        STAY(2);
        STAY_TOO(0);
        STAY_TOO(1);
        STAY_TOO(2);
    }
    s[0] = s0, s[1] = s1, s[2] = s2;
    also[0] = a0, also[1] = a1, also[2] = a2;
    return at;
}

/* Search from states on. */
static int search_on(Automaton **automata, int n, uint16_t *states, const uint8_t *text, size_t size, Marks *found) {
    size_t (*const runs[TOGETHER])(Automaton **, uint16_t *, const uint8_t *, size_t, size_t) = {run_one, run_two, run_three};
    for (size_t at = 0; at < size; at++) {
        at = runs[n - 1](automata, states, text, at, size);
        if (at < size && !look(automata, n, states, text[at], found)) return 0;
    }
    return 1;
}

static void begin(Automaton **automata, int n, uint16_t *states, Marks *found) {
    for (int which = 0; which < n; which++) {
        states[which] = automata[which]->first;
        mark(automata[which], states[which], found);
    }
}

static void begin_within(Automaton **automata, uint16_t *states) {
    for (int which = 0; which < TOGETHER; which++) states[which] = automata[which]->later;
}

static uint32_t restarts_of(Automaton **automata) {
    uint32_t restarts = 0;
    for (int which = 0; which < TOGETHER; which++) restarts += automata[which]->restarts;
    return restarts;
}

/* Search both halves side by side; returns 2 where an automaton began anew, and its other states are no more. */
static int search_halves(Automaton **automata, const uint8_t *text, size_t size, Marks *found) {
    uint16_t states[TOGETHER], also[TOGETHER];
    uint32_t restarts = restarts_of(automata);
    size_t half = size / 2;
    const uint8_t *rest = text + half;
    begin(automata, TOGETHER, states, found);
    begin_within(automata, also);
    for (size_t at = 0; at < half; at++) {
        at = run_six(automata, states, also, text, rest, at, half);
        if (at == half) break;
        if (!look(automata, TOGETHER, states, text[at], found)) return 0;
        if (restarts_of(automata) != restarts) return 2;
        if (!look(automata, TOGETHER, also, rest[at], found)) return 0;
        if (restarts_of(automata) != restarts) return 2;
    }
    if (size % 2 && !look(automata, TOGETHER, also, text[size - 1], found)) return 0;
    if (restarts_of(automata) != restarts) return 2;
    begin_within(automata, also);
    for (size_t at = 0, end = size - half; at < end && memcmp(states, also, sizeof states);) {
        size_t next = end - at < COMPARED ? end : at + COMPARED;
        at = run_six(automata, states, also, rest, rest, at, next);
        if (at == next) continue;
        if (!look(automata, TOGETHER, states, rest[at], found)) return 0;
        if (restarts_of(automata) != restarts) return 2;
        if (!look(automata, TOGETHER, also, rest[at++], found)) return 0;
        if (restarts_of(automata) != restarts) return 2;
    }
    return 1;
}

static int search_together(Automaton **automata, int n, const uint8_t *text, size_t size, Marks *found) {
    uint16_t states[TOGETHER];
    int done = n == TOGETHER && size >= HALVED ? search_halves(automata, text, size, found) : 2;
    if (done < 2) return done;
    begin(automata, n, states, found);
    return search_on(automata, n, states, text, size, found);
}

int automata_search(Automaton **automata, unsigned which, const uint8_t *text, size_t size, Marks *found) {
    Automaton *chosen[TOGETHER];
    int n = 0;
    for (int at = 0; at < AUTOMATA && which >> at; at++) {
        if (!(which >> at & 1)) continue;
        chosen[n++] = automata[at];
        if (n < TOGETHER && which >> at > 1) continue;
        if (!search_together(chosen, n, text, size, found)) return 0;
        n = 0;
    }
    return 1;
}

uint32_t automaton_restarts(const Automaton *a) { return a->restarts; }

uint32_t automaton_states(const Automaton *a) { return a->n_states; }

int automaton_places(Automaton *a, const uint8_t *text, size_t size, int (*told)(void *, size_t), void *to) {
    uint16_t state = a->later;
    for (size_t at = size; at-- > 0;) {
        uint16_t next = a->next[(size_t)text[at] * a->row + state];
        if (!next && !(next = transition(a, state, text[at]))) return 0;
        state = next & (uint16_t)~TELLS;
        if (next & TELLS && !told(to, at)) return 1;
    }
    /* What is left to do at the beginning of the text: steps that wait for it. */
    const Program *p = a->program;
    const State *last = a->states + state;
    uint32_t n = 0, found = 0;
    for (uint32_t at = p->recent_at[last->recent]; at < p->recent_at[last->recent + 1]; at++)
        n = follow(p, &a->scratch, p->recent[at], 1, n);
    for (uint32_t at = 0; at < last->size; at++) n = follow(p, &a->scratch, a->held[last->start + at], 1, n);
    forget_seen(&a->scratch);
    for (uint32_t at = 0; at < n; at++) found |= p->steps[a->scratch.made[at]].kind == FOUND;
    if (found && !(last->marks.low | last->marks.high)) told(to, 0);
    return 1;
}
