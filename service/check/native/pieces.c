/* The patterns of o200k_base and cl100k_base as tiktoken publishes them, read by hand into functions. */

#include "pieces.h"

static inline int class_at(const Cut *t, size_t at, size_t *next) {
    uint8_t byte = t->text[at];
    if (byte < 0x80) {
        *next = at + 1;
        return t->v->ascii[byte];
    }
    const uint8_t *b = t->text + at;
    uint32_t code;
    if (byte < 0xE0) {
        code = (byte & 0x1Fu) << 6 | (b[1] & 0x3Fu);
        *next = at + 2;
    } else if (byte < 0xF0) {
        code = (byte & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu);
        *next = at + 3;
    } else {
        code = (byte & 0x07u) << 18 | (b[1] & 0x3Fu) << 12 | (b[2] & 0x3Fu) << 6 | (b[3] & 0x3Fu);
        *next = at + 4;
    }
    return class_of(t->v, code);
}

#define IN(class, set) ((1u << (class)) & (set))
#define BIT(class) (1u << (class))
#define CAPITALS (BIT(UPPER) | BIT(BOTH) | BIT(MARK))
#define SMALL (BIT(LOWER) | BIT(BOTH) | BIT(MARK))
#define LETTERS (BIT(UPPER) | BIT(LOWER) | BIT(BOTH))
#define SIGNS (BIT(OTHER) | BIT(MARK))
#define BLANKS (BIT(BLANK) | BIT(BREAK))

static size_t run(const Cut *t, size_t at, unsigned set) {
    size_t next;
    while (at < t->size && IN(class_at(t, at, &next), set)) at = next;
    return at;
}

/* End of 's, 't, 're, 've, 'm, 'll, 'd in letters of either case at `at`, or `at`. The long s is an s. */
static size_t contraction(const Cut *t, size_t at) {
    if (at + 1 >= t->size || t->text[at] != '\'') return at;
    uint8_t one = t->text[at + 1] | 0x20, two = at + 2 < t->size ? t->text[at + 2] | 0x20 : 0;
    if (t->text[at + 1] >= 0x80) return t->text[at + 1] == 0xC5 && t->text[at + 2] == 0xBF ? at + 3 : at;
    if (one == 's' || one == 't' || one == 'm' || one == 'd') return at + 2;
    if (two >= 0x80) return at;
    return ((one == 'r' || one == 'v') && two == 'e') || (one == 'l' && two == 'l') ? at + 3 : at;
}

/* Capitals, then at least one small letter; `at` where there is no such word. */
static size_t word(const Cut *t, size_t at) {
    size_t next, end = at, place = at;
    int class = -1;
    while (place < t->size && IN(class = class_at(t, place, &next), CAPITALS)) {
        place = next;
        if (IN(class, SMALL)) end = next;
    }
    return place < t->size && class == LOWER ? run(t, next, SMALL) : end;
}

static size_t numbers(const Cut *t, size_t at) {
    size_t next;
    for (int digits = 0; digits < 3 && at < t->size && class_at(t, at, &next) == NUMBER; digits++) at = next;
    return at;
}

/* Signs behind at most one blank, with the line breaks (and slashes) that follow them; `at` where there are none. */
static size_t signs(const Cut *t, size_t at, int slashes) {
    size_t begin = at + (t->text[at] == ' '), end = run(t, begin, SIGNS);
    if (end == begin) return at;
    while (end < t->size && (t->text[end] == '\n' || t->text[end] == '\r' || (slashes && t->text[end] == '/'))) end++;
    return end;
}

/* Blanks up to the last line break among them, or but for the last before a word, or one. */
static size_t blanks(const Cut *t, size_t at, int all_at_end) {
    size_t next, broken = at, last = at, place = at;
    int class;
    while (place < t->size && IN(class = class_at(t, place, &next), BLANKS)) {
        last = place;
        place = next;
        if (class == BREAK) broken = place;
    }
    if (place == t->size && all_at_end) return place;
    if (broken > at) return broken;
    return place == t->size || last == at ? place : last;
}

size_t piece_o200k(const Cut *t, size_t at) {
    size_t next, end;
    int class = class_at(t, at, &next);
    if (class == NUMBER) return numbers(t, at);
    if (IN(class, LETTERS)) {
        end = word(t, at);
        return contraction(t, end > at ? end : run(t, at, CAPITALS));
    }
    if (class != BREAK) {
        if ((end = word(t, next)) > next) return contraction(t, end);
        if (class == MARK) return contraction(t, word(t, at));
        if ((end = run(t, next, CAPITALS)) > next) return contraction(t, end);
        if ((end = signs(t, at, 1)) > at) return end;
    }
    return blanks(t, at, 0);
}

size_t piece_cl100k(const Cut *t, size_t at) {
    size_t next, end = contraction(t, at);
    if (end > at) return end;
    int class = class_at(t, at, &next);
    if (class == NUMBER) return numbers(t, at);
    if (IN(class, LETTERS)) return run(t, next, LETTERS);
    if (class != BREAK) {
        if ((end = run(t, next, LETTERS)) > next) return end;
        if ((end = signs(t, at, 0)) > at) return end;
    }
    return blanks(t, at, 1);
}
