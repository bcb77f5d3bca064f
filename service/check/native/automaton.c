/* Lazy subset construction: a state is a set of steps that patterns may be at, made when a text first leads there. All
 * patterns may begin anywhere, so that no state holds their beginnings, and what stands behind these after one byte is
 * known beforehand: a state is that byte's class, and the few steps of patterns that began before.
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

typedef struct {
    uint32_t start, size; /* its other steps, in `held` */
    uint32_t recent;
    Marks marks;
} State;

struct Automaton {
    const Program *program;
    uint16_t *next; /* a ROW for each byte; 0 is not yet known */
    State *states;
    uint16_t slots[SLOTS];
    uint32_t *held, *again; /* steps of all states; of one that is left */
    Scratch scratch;
    size_t n_held, room_held;
    uint32_t n_states, restarts;
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

static int scratch_new(Scratch *s, size_t steps) {
    s->seen = calloc(steps + 1, 1);
    s->visited = malloc((steps + 1) * sizeof *s->visited);
    s->stack = malloc((steps * 2 + 2) * sizeof *s->stack);
    s->made = malloc((steps + 1) * sizeof *s->made);
    return s->seen && s->visited && s->stack && s->made;
}

static void scratch_free(Scratch *s) {
    free(s->seen);
    free(s->visited);
    free(s->stack);
    free(s->made);
}

static void see(Scratch *s, uint32_t step) {
    s->seen[step] = 1;
    s->visited[s->n_visited++] = step;
}

static void forget_seen(Scratch *s) {
    while (s->n_visited) s->seen[s->visited[--s->n_visited]] = 0;
}

/* Add all steps that wait for a byte or tell of a match, and that a step leads to without one, to `made`: those at the
 * beginning of the text only where it is one. Returns how many there are then. */
static uint32_t follow(const Program *p, Scratch *s, uint32_t from, int at_begin, uint32_t n) {
    uint32_t depth = 0;
    s->stack[depth++] = from;
    while (depth) {
        uint32_t at = s->stack[--depth];
        if (s->seen[at]) continue;
        see(s, at);
        const Step *step = p->steps + at;
        if (step->kind == SPLIT) {
            s->stack[depth++] = step->operand;
            s->stack[depth++] = step->next;
            continue;
        }
        if (step->kind == AT_BEGIN && at_begin) s->stack[depth++] = step->next;
        s->made[n++] = at;
    }
    return n;
}

/* Add what follows those steps that take a byte. */
static uint32_t take(const Program *p, Scratch *s, const uint32_t *steps, uint32_t n_steps, uint8_t byte, uint32_t n) {
    for (uint32_t at = 0; at < n_steps; at++) {
        const Step *step = p->steps + steps[at];
        if (step->kind == ON_BYTE && p->sets[step->operand][byte / 8] >> byte % 8 & 1) n = follow(p, s, step->next, 0, n);
    }
    return n;
}

/* Sort a few steps. */
static void sort(uint32_t *steps, uint32_t n) {
    for (uint32_t at = 1; at < n; at++) {
        uint32_t moved = steps[at], to = at;
        for (; to && steps[to - 1] > moved; to--) steps[to] = steps[to - 1];
        steps[to] = moved;
    }
}

static void add_mark(const Program *p, uint32_t step, Marks *marks) {
    uint32_t pattern = p->steps[step].operand;
    if (p->steps[step].kind != FOUND) return;
    if (pattern < 64) marks->low |= (uint64_t)1 << pattern;
    else marks->high |= (uint64_t)1 << (pattern - 64);
}

/* Append found steps to a row of lists. */
static int append(uint32_t **row, uint32_t *used, const uint32_t *steps, uint32_t n) {
    uint32_t *grown = realloc(*row, (*used + n + 1) * sizeof *grown);
    if (!grown) return 0;
    memcpy(grown + *used, steps, n * sizeof *steps);
    *row = grown;
    *used += n;
    return 1;
}

static uint8_t any_of(const Program *p, int class) {
    int byte = 0;
    while (p->class_of[byte] != class) byte++;
    return (uint8_t)byte;
}

/* Return the first number with the same recent steps. */
static uint32_t first_like(const Program *p, uint32_t number) {
    const uint8_t *within = p->within + (size_t)number * p->n_steps;
    uint32_t like = 0;
    while (memcmp(p->within + (size_t)like * p->n_steps, within, p->n_steps)) like++;
    return like;
}

/* Note what stands behind the beginnings of patterns, once for all states. */
static int note_recent(Program *p, Scratch *s) {
    uint32_t numbers = CLASSES + (uint32_t)p->n_classes, used = 0, n_begins = follow(p, s, 0, 0, 0);
    forget_seen(s);
    uint32_t *begins = malloc((n_begins + 1) * sizeof *begins);
    p->recent_at = calloc(numbers + 1, sizeof *p->recent_at);
    p->recent_marks = calloc(numbers, sizeof *p->recent_marks);
    p->within = calloc(numbers, p->n_steps);
    int good = begins && p->recent_at && p->recent_marks && p->within;
    if (good) memcpy(begins, s->made, n_begins * sizeof *begins);
    for (uint32_t number = 0; good && number < numbers; number++) {
        uint32_t n = 0, kept = 0;
        if (number >= CLASSES) n = take(p, s, begins, n_begins, any_of(p, (int)number - CLASSES), 0);
        if (number == BEGINNING) n = follow(p, s, 0, 1, 0);
        forget_seen(s);
        if (number == BEGINNING)
            for (uint32_t at = 0; at < n_begins; at++) see(s, begins[at]);
        for (uint32_t at = 0; at < n; at++)
            if (!s->seen[s->made[at]]) s->made[kept++] = s->made[at];
        forget_seen(s);
        for (uint32_t at = 0; at < kept; at++) {
            p->within[number * p->n_steps + s->made[at]] = 1;
            add_mark(p, s->made[at], p->recent_marks + number);
        }
        good = append(&p->recent, &used, s->made, kept);
        p->recent_at[number + 1] = used;
        if (good && number >= CLASSES) p->number_of[number - CLASSES] = first_like(p, number);
    }
    free(begins);
    return good;
}

static int note_further(Program *p, Scratch *s) {
    uint32_t classes = (uint32_t)p->n_classes, numbers = CLASSES + classes, used = 0;
    int good = (p->further_at = calloc((size_t)numbers * classes + 1, sizeof *p->further_at)) != NULL;
    for (uint32_t number = 0; good && number < numbers; number++) {
        const uint32_t *recent = p->recent + p->recent_at[number];
        uint32_t n_recent = p->recent_at[number + 1] - p->recent_at[number];
        for (uint32_t class = 0; good && class < classes; class++) {
            const uint8_t *within = p->within + (size_t)p->number_of[class] * p->n_steps;
            uint32_t n = take(p, s, recent, n_recent, any_of(p, (int)class), 0), kept = 0;
            forget_seen(s);
            for (uint32_t at = 0; at < n; at++)
                if (!within[s->made[at]]) s->made[kept++] = s->made[at];
            good = append(&p->further, &used, s->made, kept);
            p->further_at[number * classes + class + 1] = used;
        }
    }
    return good;
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
    Scratch scratch = {0};
    if (!p) return NULL;
    p->n_steps = n_steps;
    p->n_sets = n_sets;
    p->steps = malloc((n_steps + 1) * sizeof *p->steps);
    p->sets = malloc((n_sets + 1) * sizeof *p->sets);
    int good = n_steps && p->steps && p->sets && scratch_new(&scratch, n_steps);
    if (good) {
        memcpy(p->steps, steps, n_steps * sizeof *p->steps);
        memcpy(p->sets, sets, n_sets * sizeof *p->sets);
        tell_apart(p);
        good = note_recent(p, &scratch) && note_further(p, &scratch);
    }
    scratch_free(&scratch);
    if (good) return p;
    program_free(p);
    return NULL;
}

void program_free(Program *p) {
    if (!p) return;
    free(p->steps);
    free(p->sets);
    free(p->recent);
    free(p->recent_at);
    free(p->recent_marks);
    free(p->within);
    free(p->further);
    free(p->further_at);
    free(p);
}

/* ---- states ---- */

/* Make room for more steps in `held`; returns whether there is some. */
static int hold(Automaton *a, uint32_t more) {
    if (a->held && a->n_held + more <= a->room_held) return 1;
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
    uint32_t slot = hash % SLOTS;
    for (; a->slots[slot]; slot = (slot + 1) % SLOTS) {
        const State *state = a->states + a->slots[slot];
        if (state->recent == recent && state->size == n && !memcmp(a->held + state->start, made, n * sizeof *made))
            return a->slots[slot];
    }
    if (a->n_states == STATES || !hold(a, n)) return 0;
    State state = {(uint32_t)a->n_held, n, recent, a->program->recent_marks[recent]};
    for (uint32_t at = 0; at < n; at++) add_mark(a->program, made[at], &state.marks);
    memcpy(a->held + a->n_held, made, n * sizeof *made);
    a->n_held += n;
    a->states[a->n_states] = state;
    return a->slots[slot] = (uint16_t)a->n_states++;
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
    a->later = state_of(a, NOTHING, 0);
    a->first = state_of(a, BEGINNING, 0);
    return a->first && a->later;
}

Automaton *automaton_new(const Program *program) {
    Automaton *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->program = program;
    a->next = calloc(CELLS, sizeof *a->next);
    a->states = malloc(STATES * sizeof *a->states);
    a->again = malloc((program->n_steps + 1) * sizeof *a->again);
    int made = a->next && a->states && a->again && scratch_new(&a->scratch, program->n_steps);
    if (made && begin_anew(a)) return a;
    automaton_free(a);
    return NULL;
}

void automaton_free(Automaton *a) {
    if (!a) return;
    free(a->next);
    free(a->states);
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
