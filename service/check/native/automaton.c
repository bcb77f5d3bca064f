/* Lazy subset construction: a state is a set of steps that patterns may be at, made when a text first leads there. All
 * patterns may begin anywhere, so that a state holds only the steps that are not at their beginning.
 *
 * Source: Thompson, "Regular Expression Search Algorithm" (1968); the bounded cache that begins anew when it is full is
 * that of Cox, "Regular Expression Matching in the Wild" (2010). Several automata go through a text side by side: each
 * waits for memory at every byte, so that three of them take little more time than one. */

#include "automaton.h"

#include <stdlib.h>
#include <string.h>

#define STATES 8192u /* four megabytes of transitions, of which memory holds what is in use */
#define SLOTS (STATES * 2)
#define ROW (STATES + 32u) /* not a power of two: the rows of all bytes would fall on the same lines of the cache */
#define CELLS ((size_t)ROW * 256)
#define TELLS 0x8000u /* marks a transition to a state that is looked at: something matches there */

struct Program {
    Step *steps;
    uint8_t (*sets)[32];
    uint32_t n_steps, n_sets;
    uint8_t class_of[256]; /* bytes that no set tells apart */
    int n_classes;
};

typedef struct {
    uint32_t start, size; /* in `held` */
    Marks marks;
} State;

struct Automaton {
    const Program *program;
    uint16_t *next; /* STATES for each byte; 0 is not yet known */
    State *states;
    uint16_t slots[SLOTS];
    uint32_t *held, *stack, *made, *again, *visited; /* steps of all states; scratch */
    uint32_t *begins, *behind, behind_at[257]; /* steps at the beginning of patterns, and behind these by class of byte */
    uint8_t *seen;
    size_t n_held, room_held;
    uint32_t n_states, n_visited, n_begins, restarts;
    uint16_t first, later; /* states at the beginning of a text, and anywhere else before anything matched */
};

/* ---- programs ---- */

static void tell_apart(Program *p) {
    memset(p->class_of, 0, sizeof p->class_of);
    p->n_classes = 1;
    for (uint32_t set = 0; set < p->n_sets; set++) {
        int new_class[256], old = p->n_classes, used = old;
        for (int class = 0; class < old; class++) new_class[class] = -1;
        uint8_t within[256] = {0}, without[256] = {0};
        for (int byte = 0; byte < 256; byte++)
            (p->sets[set][byte / 8] >> byte % 8 & 1 ? within : without)[p->class_of[byte]] = 1;
        for (int class = 0; class < old; class++)
            if (within[class] && without[class]) new_class[class] = used++;
        for (int byte = 0; byte < 256; byte++) {
            int split = new_class[p->class_of[byte]];
            if (split >= 0 && p->sets[set][byte / 8] >> byte % 8 & 1) p->class_of[byte] = (uint8_t)split;
        }
        p->n_classes = used;
    }
}

Program *program_new(const Step *steps, uint32_t n_steps, const uint8_t *sets, uint32_t n_sets) {
    for (uint32_t at = 0; at < n_steps; at++) {
        const Step *step = steps + at;
        int leads = step->kind == FOUND ? step->operand < 128 : step->next < n_steps;
        if (step->kind > FOUND || !leads) return NULL;
        if (step->kind == SPLIT && step->operand >= n_steps) return NULL;
        if (step->kind == ON_BYTE && step->operand >= n_sets) return NULL;
    }
    Program *p = calloc(1, sizeof *p);
    if (!p || !n_steps) {
        free(p);
        return NULL;
    }
    p->n_steps = n_steps;
    p->n_sets = n_sets;
    p->steps = malloc(n_steps * sizeof *p->steps);
    p->sets = malloc((n_sets + 1) * sizeof *p->sets);
    if (!p->steps || !p->sets) {
        program_free(p);
        return NULL;
    }
    memcpy(p->steps, steps, n_steps * sizeof *p->steps);
    memcpy(p->sets, sets, n_sets * sizeof *p->sets);
    tell_apart(p);
    return p;
}

void program_free(Program *p) {
    if (!p) return;
    free(p->steps);
    free(p->sets);
    free(p);
}

/* ---- states ---- */

static int compare(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

/* Sort steps of which most are in order: what follows beginnings is, and what follows other steps is little. */
static void sort(uint32_t *steps, uint32_t n) {
    for (uint32_t at = 1; at < n; at++) {
        uint32_t moved = steps[at], to = at;
        for (; to && steps[to - 1] > moved; to--) steps[to] = steps[to - 1];
        steps[to] = moved;
    }
}

/* Add all steps that wait for a byte or tell of a match, and that a step leads to without one, to `made`: those at the
 * beginning of the text only where it is one. Returns how many there are then. */
static uint32_t follow(Automaton *a, uint32_t from, int at_begin, uint32_t n) {
    uint32_t depth = 0;
    a->stack[depth++] = from;
    while (depth) {
        uint32_t at = a->stack[--depth];
        if (a->seen[at]) continue;
        a->seen[at] = 1;
        a->visited[a->n_visited++] = at;
        const Step *step = a->program->steps + at;
        if (step->kind == SPLIT) {
            a->stack[depth++] = step->operand;
            a->stack[depth++] = step->next;
            continue;
        }
        if (step->kind == AT_BEGIN && at_begin) a->stack[depth++] = step->next;
        a->made[n++] = at;
    }
    return n;
}

static void forget_visits(Automaton *a) {
    while (a->n_visited) a->seen[a->visited[--a->n_visited]] = 0;
}

/* Add what follows the steps that take a byte. */
static uint32_t take(Automaton *a, const uint32_t *steps, uint32_t n_steps, uint8_t byte, uint32_t n) {
    for (uint32_t at = 0; at < n_steps; at++) {
        const Step *step = a->program->steps + steps[at];
        if (step->kind == ON_BYTE && a->program->sets[step->operand][byte / 8] >> byte % 8 & 1) n = follow(a, step->next, 0, n);
    }
    return n;
}

/* Make room for more steps in `held`; returns whether there is some. */
static int hold(Automaton *a, uint32_t more) {
    if (a->n_held + more <= a->room_held) return 1;
    size_t room = (a->n_held + more) * 2;
    uint32_t *held = realloc(a->held, room * sizeof *held);
    if (!held) return 0;
    a->held = held;
    a->room_held = room;
    return 1;
}

/* Return the state that stands for the first `n` steps in `made`, a new one if need be; 0 where there is no room. */
static uint16_t state_of(Automaton *a, uint32_t n) {
    Marks marks = {0, 0};
    forget_visits(a);
    sort(a->made, n);
    uint32_t hash = n;
    for (uint32_t at = 0; at < n; at++) hash = (hash ^ a->made[at]) * 0x9E3779B1u, hash ^= hash >> 15;
    uint32_t slot = hash % SLOTS;
    for (; a->slots[slot]; slot = (slot + 1) % SLOTS) {
        const State *state = a->states + a->slots[slot];
        if (state->size == n && !memcmp(a->held + state->start, a->made, n * sizeof *a->made)) return a->slots[slot];
    }
    if (a->n_states == STATES || !hold(a, n)) return 0;
    for (uint32_t at = 0; at < n; at++) {
        const Step *step = a->program->steps + a->made[at];
        if (step->kind != FOUND) continue;
        if (step->operand < 64) marks.low |= (uint64_t)1 << step->operand;
        else marks.high |= (uint64_t)1 << (step->operand - 64);
    }
    uint16_t made = (uint16_t)a->n_states++;
    a->slots[slot] = made;
    a->states[made] = (State){(uint32_t)a->n_held, n, marks};
    if (n) memcpy(a->held + a->n_held, a->made, n * sizeof *a->made);
    a->n_held += n;
    return made;
}

/* Forget all states but those where texts begin: at the very beginning more patterns may be at their first step. */
static int begin_anew(Automaton *a) {
    memset(a->slots, 0, sizeof a->slots);
    if (a->n_states) {
        memset(a->next, 0, CELLS * sizeof *a->next);
        a->restarts++;
    }
    a->n_held = 0;
    a->n_states = 1;
    a->later = state_of(a, 0);
    a->first = state_of(a, follow(a, 0, 1, 0));
    return a->first && a->later;
}

/* Note which steps patterns begin with, and what follows them on each byte. */
static int note_beginnings(Automaton *a) {
    uint32_t n = follow(a, 0, 0, 0), used = 0;
    forget_visits(a);
    if (!(a->begins = malloc((n + 1) * sizeof *a->begins))) return 0;
    memcpy(a->begins, a->made, n * sizeof *a->made);
    a->n_begins = n;
    for (int class = 0; class < a->program->n_classes; class++) {
        int byte = 0;
        while (a->program->class_of[byte] != class) byte++;
        uint32_t more = take(a, a->begins, n, (uint8_t)byte, 0);
        forget_visits(a);
        qsort(a->made, more, sizeof *a->made, compare);
        uint32_t *grown = realloc(a->behind, (used + more + 1) * sizeof *grown);
        if (!grown) return 0;
        a->behind = grown;
        memcpy(a->behind + used, a->made, more * sizeof *a->made);
        a->behind_at[class] = used;
        a->behind_at[class + 1] = used += more;
    }
    return 1;
}

Automaton *automaton_new(const Program *program) {
    Automaton *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    size_t steps = program->n_steps;
    a->program = program;
    a->next = calloc(CELLS, sizeof *a->next);
    a->states = malloc(STATES * sizeof *a->states);
    a->stack = malloc((steps * 2 + 2) * sizeof *a->stack);
    a->made = malloc((steps + 1) * sizeof *a->made);
    a->again = malloc((steps + 1) * sizeof *a->again);
    a->visited = malloc((steps + 1) * sizeof *a->visited);
    a->seen = calloc(steps + 1, 1);
    int made = a->next && a->states && a->stack && a->made && a->again && a->visited && a->seen;
    if (made && note_beginnings(a) && begin_anew(a)) return a;
    automaton_free(a);
    return NULL;
}

void automaton_free(Automaton *a) {
    if (!a) return;
    free(a->next);
    free(a->states);
    free(a->held);
    free(a->stack);
    free(a->made);
    free(a->again);
    free(a->visited);
    free(a->begins);
    free(a->behind);
    free(a->seen);
    free(a);
}

/* Return the state that a byte leads to from these steps, with TELLS where it matches; 0 where there is no room. */
static uint16_t step_from(Automaton *a, const uint32_t *steps, uint32_t n_steps, uint8_t byte) {
    uint32_t n = 0;
    int class = a->program->class_of[byte];
    for (uint32_t at = a->behind_at[class]; at < a->behind_at[class + 1]; at++) {
        a->seen[a->behind[at]] = 1;
        a->visited[a->n_visited++] = a->behind[at];
        a->made[n++] = a->behind[at];
    }
    n = take(a, steps, n_steps, byte, n);
    uint16_t to = state_of(a, n);
    const Marks *marks = &a->states[to].marks;
    return to && (marks->low | marks->high) ? to | TELLS : to;
}

static uint16_t transition(Automaton *a, uint16_t from, uint8_t byte) {
    const State *state = a->states + from;
    uint32_t n_steps = state->size;
    memcpy(a->again, a->held + state->start, n_steps * sizeof *a->again);
    uint16_t to = step_from(a, a->again, n_steps, byte);
    if (!to) return begin_anew(a) ? step_from(a, a->again, n_steps, byte) : 0;
    return a->next[(size_t)byte * ROW + from] = to;
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
        uint16_t to = a->next[(size_t)byte * ROW + states[which]];
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
    ROWS(0);
    uint16_t s0 = s[0];
    for (; at < size; at++) {
        size_t row = (size_t)text[at] * ROW;
        GOES(0);
        if (PLAIN(0) & TELLS) break;
        STAY(0);
    }
    s[0] = s0;
    return at;
}

static size_t run_two(Automaton **automata, uint16_t *s, const uint8_t *text, size_t at, size_t size) {
    ROWS(0);
    ROWS(1);
    uint16_t s0 = s[0], s1 = s[1];
    for (; at < size; at++) {
        size_t row = (size_t)text[at] * ROW;
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
    ROWS(0);
    ROWS(1);
    ROWS(2);
    uint16_t s0 = s[0], s1 = s[1], s2 = s[2];
    for (; at < size; at++) {
        size_t row = (size_t)text[at] * ROW;
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

static int search_together(Automaton **automata, int n, const uint8_t *text, size_t size, Marks *found) {
    size_t (*const runs[TOGETHER])(Automaton **, uint16_t *, const uint8_t *, size_t, size_t) = {run_one, run_two, run_three};
    uint16_t states[TOGETHER];
    for (int which = 0; which < n; which++) {
        states[which] = automata[which]->first;
        mark(automata[which], states[which], found);
    }
    for (size_t at = 0; at < size; at++) {
        at = runs[n - 1](automata, states, text, at, size);
        if (at < size && !look(automata, n, states, text[at], found)) return 0;
    }
    return 1;
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
        uint16_t next = a->next[(size_t)text[at] * ROW + state];
        if (!next && !(next = transition(a, state, text[at]))) return 0;
        state = next & (uint16_t)~TELLS;
        if (next & TELLS && !told(to, at)) return 1;
    }
    /* What is left to do at the beginning of the text: steps that wait for it. */
    uint32_t n = 0, found = 0;
    const State *last = a->states + state;
    for (uint32_t at = 0; at < last->size; at++) n = follow(a, a->held[last->start + at], 1, n);
    forget_visits(a);
    for (uint32_t at = 0; at < n; at++) found |= a->program->steps[a->made[at]].kind == FOUND;
    if (found && !(last->marks.low | last->marks.high)) told(to, 0);
    return 1;
}
