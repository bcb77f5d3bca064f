#include "program.h"

#include <stdlib.h>
#include <string.h>

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

int scratch_new(Scratch *s, size_t steps) {
    s->seen = calloc(steps + 1, 1);
    s->visited = malloc((steps + 1) * sizeof *s->visited);
    s->stack = malloc((steps * 2 + 2) * sizeof *s->stack);
    s->made = malloc((steps + 1) * sizeof *s->made);
    return s->seen && s->visited && s->stack && s->made;
}

void scratch_free(Scratch *s) {
    free(s->seen);
    free(s->visited);
    free(s->stack);
    free(s->made);
}

void see(Scratch *s, uint32_t step) {
    s->seen[step] = 1;
    s->visited[s->n_visited++] = step;
}

void forget_seen(Scratch *s) {
    while (s->n_visited) s->seen[s->visited[--s->n_visited]] = 0;
}

uint32_t follow(const Program *p, Scratch *s, uint32_t from, int at_begin, uint32_t n) {
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

uint32_t take(const Program *p, Scratch *s, const uint32_t *steps, uint32_t n_steps, uint8_t byte, uint32_t n) {
    for (uint32_t at = 0; at < n_steps; at++) {
        const Step *step = p->steps + steps[at];
        if (step->kind == ON_BYTE && p->sets[step->operand][byte / 8] >> byte % 8 & 1) n = follow(p, s, step->next, 0, n);
    }
    return n;
}

void add_mark(const Program *p, uint32_t step, Marks *marks) {
    uint32_t pattern = p->steps[step].operand;
    if (p->steps[step].kind != FOUND) return;
    if (pattern < 64) marks->low |= (uint64_t)1 << pattern;
    else marks->high |= (uint64_t)1 << (pattern - 64);
}

/* Append found steps to a row of lists, of which there are tens of thousands; the row doubles where it is full. */
static int append(uint32_t **row, uint32_t *used, size_t *room, const uint32_t *steps, uint32_t n) {
    if (!*row || *used + (size_t)n > *room) {
        size_t wanted = (*used + (size_t)n) * 2 + 64;
        uint32_t *grown = wanted > UINT32_MAX ? NULL : realloc(*row, wanted * sizeof *grown);
        if (!grown) return 0;
        *row = grown;
        *room = wanted;
    }
    memcpy(*row + *used, steps, n * sizeof *steps);
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
    size_t room = 0;
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
            p->within[(size_t)number * p->n_steps + s->made[at]] = 1;
            add_mark(p, s->made[at], p->recent_marks + number);
        }
        good = append(&p->recent, &used, &room, s->made, kept);
        p->recent_at[number + 1] = used;
        if (good && number >= CLASSES) p->number_of[number - CLASSES] = first_like(p, number);
    }
    free(begins);
    return good;
}

static int note_further(Program *p, Scratch *s) {
    uint32_t classes = (uint32_t)p->n_classes, numbers = CLASSES + classes, used = 0;
    size_t room = 0;
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
            good = append(&p->further, &used, &room, s->made, kept);
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
