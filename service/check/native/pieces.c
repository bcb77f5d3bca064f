/* The patterns of o200k_base and cl100k_base as tiktoken publishes them, read by hand into functions. */

#include "pieces.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/* ---- many pieces at once ---- */

#ifdef __SSE2__
/* Which bytes of a window are of a kind, a bit each; `odd` are those that are not ASCII. */
typedef struct {
    uint64_t letters, small, digits, spaces, blanks, breaks, slashes, quotes, odd;
} Kinds;

static inline uint64_t among(__m128i bytes, char first, char last) {
    __m128i moved = _mm_sub_epi8(bytes, _mm_set1_epi8(first)), most = _mm_set1_epi8((char)(last - first));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(moved, most), moved));
}

static inline uint64_t equal(__m128i bytes, char sign) {
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(sign)));
}

static inline Kinds kinds_of(const uint8_t *window) {
    Kinds k = {0};
    for (int part = 0; part < WINDOW; part += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(window + part));
        k.letters |= among(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z') << part;
        k.small |= among(bytes, 'a', 'z') << part;
        k.digits |= among(bytes, '0', '9') << part;
        k.spaces |= equal(bytes, ' ') << part;
        k.blanks |= among(bytes, '\t', '\r') << part;
        k.breaks |= (equal(bytes, '\n') | equal(bytes, '\r')) << part;
        k.slashes |= equal(bytes, '/') << part;
        k.quotes |= equal(bytes, '\'') << part;
        k.odd |= (uint64_t)(unsigned)_mm_movemask_epi8(bytes) << part;
    }
    k.blanks |= k.spaces;
    return k;
}

static inline uint64_t up_to(unsigned n) { return n < 64 ? ((uint64_t)1 << n) - 1 : ~(uint64_t)0; }

static inline unsigned first_of(uint64_t set) { return set ? (unsigned)__builtin_ctzll(set) : 64; }

static inline unsigned last_of(uint64_t set) { return 63 - (unsigned)__builtin_clzll(set); }

static inline uint64_t begins(uint64_t set) { return set & ~(set << 1); }

/* The runs of a set that have one of `some` as their first bit; and the bits behind those. */
static inline uint64_t runs_from(uint64_t some, uint64_t set) { return set & ~(set + some); }
static inline uint64_t behind_runs(uint64_t some, uint64_t set) { return (set + some) & ~set; }

/* Take contractions out of the letters: of o200k, which are part of the word before, and of cl100k, which begin themselves.
 * Returns their bytes; `*stop` is where one can't be told. */
static uint64_t contracted(Kinds *k, const uint8_t *window, int cl100k, unsigned *stop) {
    uint64_t signs = ~(k->letters | k->digits | k->blanks), all = 0;
    uint64_t may = k->quotes & (cl100k ? (k->letters >> 1 | (uint64_t)1 << 63) & ~(signs << 1) & ~(k->spaces << 1) : k->letters << 1);
    for (; may; may &= may - 1) {
        unsigned at = first_of(may);
        if (at > WINDOW - 3 || k->odd >> at >> 1 & 1) {
            *stop = at;
            break;
        }
        if (!cl100k && !(k->letters << 1 >> at & 1)) continue; /* one contraction is behind another */
        uint8_t one = window[at + 1] | 0x20, two = window[at + 2] | 0x20;
        unsigned brief = one == 's' || one == 't' || one == 'm' || one == 'd';
        unsigned longer = ((one == 'r' || one == 'v') && two == 'e') || (one == 'l' && two == 'l');
        uint64_t taken = (uint64_t)(brief ? 3 : longer ? 7 : 0) << at;
        k->letters &= ~taken;
        k->small &= ~taken;
        all |= taken;
    }
    return all;
}

/* Where words, numbers and signs begin. The last of some blanks, which are `inner`, or one sign belongs to the word behind
 * it, a space to the signs. */
static inline uint64_t begin_said(const Kinds *k, uint64_t signs, uint64_t inner, int cl100k) {
    uint64_t first = begins(signs) & ~(k->spaces << 1), alone = first & ~(signs >> 1);
    uint64_t all = first | (begins(k->letters) & ~((alone | inner) << 1));
    if (!cl100k) all |= k->letters & ~k->small & k->small << 1;
    for (uint64_t three = begins(k->digits); three;) {
        all |= three;
        three = three << 3 & k->digits & k->digits << 1 & k->digits << 2;
    }
    return all;
}

uint64_t pieces_within(const Cut *t, size_t at, unsigned *known_bytes, int *to_end) {
    uint8_t copy[WINDOW] = {0};
    size_t left = t->size - at;
    const uint8_t *window = left < WINDOW ? memcpy(copy, t->text + at, left) : t->text + at;
    int cl100k = t->v->cl100k;
    unsigned n = left < WINDOW ? (unsigned)left : WINDOW;
    Kinds k = kinds_of(window);
    uint64_t joined = k.quotes ? contracted(&k, window, cl100k, &n) : 0;
    uint64_t signs = ~(k.letters | k.digits | k.blanks | k.odd | joined), taken = runs_from(signs << 1 & k.breaks, k.breaks);
    /* What is not ASCII, and for o200k a slash behind signs and line breaks, are looked at closely. */
    unsigned told = first_of(k.odd | (cl100k ? 0 : taken << 1 & ~taken & k.slashes));
    if (told < n) n = told;
    uint64_t known = up_to(n);
    signs &= known, joined &= known;
    k.letters &= known, k.small &= known, k.digits &= known, k.spaces &= known, k.blanks &= known, k.breaks &= known;

    /* Line breaks behind signs belong to these. Of other blanks, all up to the last line break are one piece, the rest but
     * for its last one is another. */
    taken = runs_from(signs << 1 & k.breaks, k.breaks);
    uint64_t inner = k.blanks & ~k.breaks;
    uint64_t blanks = k.blanks & ~taken, breaks = k.breaks & ~taken, behind = inner & breaks << 1;
    for (uint64_t more = behind_runs(behind, inner) & breaks; more; more &= more - 1)
        behind &= ~((uint64_t)1 << last_of(behind & up_to(first_of(more)))); /* one more line break follows */
    uint64_t all = 1 | begin_said(&k, signs, inner, cl100k) | begins(blanks) | behind | (cl100k ? joined & k.quotes : 0);
    all |= inner & ~(blanks >> 1) & inner << 1;
    *known_bytes = n;
    *to_end = n == left && !(blanks >> (n - 1) & 1);
    if (*to_end || !n) return all;
    uint64_t others = known & ~blanks; /* blanks at the end of what is known may go on */
    return all & up_to(others ? last_of(others) + 2 : 1);
}
#endif
