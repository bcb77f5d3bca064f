/* Byte pair encoding as tiktoken does it: a pattern cuts the text into pieces, each piece is merged by rank.
 *
 * Sources: the patterns of o200k_base and cl100k_base as tiktoken publishes them, read by hand into the functions
 * below; Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units" (2016). A piece's
 * merges depend on the piece alone, so counts of short pieces are kept: real text repeats nearly all of them. */

#include "tokens.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define CODES 0x110000u
#define BLOCK 128u
#define NONE UINT32_MAX
#define SHORT 15 /* bytes of a piece that fits in an entry with its length and count */
#define SHORT_SLOTS (1u << 18)
#define LONG 46
#define LONG_SLOTS (1u << 13)
#define COUNT ((uint64_t)15 << 56)
#define AHEAD 64
#define FILTER (1u << 21)
#define BRIEF_TOKEN 5 /* bytes of a token that fits in one number with its size and rank */
#define BRIEF_SLOTS (1u << 17)
#define RANK_BITS 18
#define LINEAR 40 /* pieces up to this length are merged by looking through all pairs */

typedef struct {
    uint64_t key; /* the bytes of a token of up to eight, the hash of a longer one */
    uint32_t next, size; /* rank + 1, none where the slot is empty; bytes */
} Slot;

struct Vocabulary {
    uint8_t *bytes;
    uint32_t *starts;
    Slot *slots;
    uint64_t *brief;
    uint64_t filter[FILTER / 64];
    uint32_t mask, size;
    uint32_t *pairs;
    uint8_t ascii[128];
    uint8_t *blocks;
    uint16_t block_of[CODES / BLOCK];
    int cl100k;
};

typedef struct {
    uint64_t low, high; /* the bytes; in the last one, length and count */
} Brief;

typedef struct {
    uint8_t bytes[LONG], size, count;
} Lengthy;

struct Counter {
    const Vocabulary *vocabulary;
    Brief *brief;
    Lengthy *lengthy;
    uint64_t *heap;
    size_t room;
    uint64_t *bounds; /* a bit for each place where a token begins */
    size_t words;
};

static inline uint64_t load(const uint8_t *at, size_t size) {
    uint64_t value = 0;
    memcpy(&value, at, size < 8 ? size : 8);
    return value;
}

static inline uint64_t mixed(uint64_t value) {
    value ^= value >> 32;
    value *= 0x9E3779B97F4A7C15u;
    return value ^ value >> 29;
}

/* The bytes themselves where they are eight at most. */
static uint64_t key_of(const uint8_t *at, size_t size) {
    if (size <= 8) return load(at, size);
    uint64_t key = size;
    for (; size > 8; at += 8, size -= 8) key = mixed(key ^ load(at, 8)) * 5 + 1;
    return mixed(key ^ load(at, size) * 0xC2B2AE3D27D4EB4Fu);
}

/* ---- vocabulary ---- */

static inline uint32_t place_of(uint64_t key, size_t size) { return (uint32_t)(mixed(key + size) >> 20); }

/* A token of three to five bytes, with its size, and room for its rank below. */
static inline uint64_t brief_of(uint64_t key, size_t size) { return (key | (uint64_t)size << 40) << RANK_BITS; }

static uint32_t rank_of(const Vocabulary *v, const uint8_t *at, size_t size) {
    if (size == 2) return v->pairs[at[0] << 8 | at[1]];
    uint64_t key = key_of(at, size);
    uint32_t place = place_of(key, size);
    if (size <= BRIEF_TOKEN) {
        uint64_t brief = brief_of(key, size);
        for (;; place++) {
            uint64_t slot = v->brief[place % BRIEF_SLOTS];
            if (!slot) return NONE;
            if (slot >> RANK_BITS == brief >> RANK_BITS) return (uint32_t)slot & ((1u << RANK_BITS) - 1);
        }
    }
    if (!(v->filter[place % FILTER / 64] >> place % 64 & 1)) return NONE;
    for (;; place++) {
        const Slot *slot = v->slots + (place & v->mask);
        if (!slot->next) return NONE;
        if (slot->key != key || slot->size != size) continue;
        uint32_t rank = slot->next - 1;
        if (size <= 8 || !memcmp(v->bytes + v->starts[rank], at, size)) return rank;
    }
}

static inline void fetch(const Vocabulary *v, const uint8_t *at, size_t size) {
    uint64_t key = key_of(at, size);
    uint32_t place = place_of(key, size);
    if (size <= BRIEF_TOKEN) __builtin_prefetch(v->brief + place % BRIEF_SLOTS);
    else __builtin_prefetch(v->slots + (place & v->mask));
}

static int add_tokens(Vocabulary *v, const uint8_t *packed, size_t size) {
    size_t held = 0;
    uint32_t brief = 0, room = 1;
    for (size_t at = 0; at < size; at += 1 + packed[at]) {
        if (at + 1 + packed[at] > size || !packed[at]) return 0;
        held += packed[at];
        brief += packed[at] <= BRIEF_TOKEN;
        v->size++;
    }
    if (v->size >> RANK_BITS || brief > BRIEF_SLOTS / 4 * 3) return 0;
    while (room < (v->size - brief) * 2) room <<= 1;
    v->mask = room - 1;
    v->bytes = malloc(held + 8);
    v->starts = malloc((v->size + 1) * sizeof *v->starts);
    v->slots = calloc(room, sizeof *v->slots);
    v->brief = calloc(BRIEF_SLOTS, sizeof *v->brief);
    v->pairs = malloc(65536 * sizeof *v->pairs);
    if (!v->bytes || !v->starts || !v->slots || !v->brief || !v->pairs) return 0;
    memset(v->pairs, 0xFF, 65536 * sizeof *v->pairs);
    uint32_t start = 0, rank = 0, singles = 0;
    for (size_t at = 0; at < size; at += 1 + packed[at], rank++) {
        const uint8_t *token = packed + at + 1;
        uint8_t length = packed[at];
        memcpy(v->bytes + start, token, length);
        v->starts[rank] = start;
        start += length;
        if (length == 1) singles++;
        if (length == 2) v->pairs[token[0] << 8 | token[1]] = rank;
        uint64_t key = key_of(token, length);
        uint32_t place = place_of(key, length);
        if (length <= BRIEF_TOKEN) {
            while (v->brief[place % BRIEF_SLOTS]) place++;
            v->brief[place % BRIEF_SLOTS] = brief_of(key, length) | rank;
        } else {
            v->filter[place % FILTER / 64] |= (uint64_t)1 << place % 64;
            while (v->slots[place & v->mask].next) place++;
            v->slots[place & v->mask] = (Slot){key, rank + 1, length};
        }
    }
    v->starts[rank] = start;
    return singles == 256;
}

static int add_classes(Vocabulary *v, const uint32_t *runs, size_t n) {
    uint8_t *all = malloc(CODES), *blocks = malloc(CODES);
    uint32_t used = 0;
    if (!all || !blocks) {
        free(all);
        free(blocks);
        return 0;
    }
    memset(all, OTHER, CODES);
    for (size_t at = 0; at < n; at++) {
        uint32_t first = runs[at] >> 3, end = at + 1 < n ? runs[at + 1] >> 3 : CODES;
        if (end > CODES) end = CODES;
        for (uint32_t code = first; code < end; code++) all[code] = runs[at] & 7;
    }
    for (uint32_t block = 0; block < CODES / BLOCK; block++) {
        uint32_t same = 0;
        while (same < used && memcmp(blocks + same * BLOCK, all + block * BLOCK, BLOCK)) same++;
        if (same == used) memcpy(blocks + used++ * BLOCK, all + block * BLOCK, BLOCK);
        v->block_of[block] = (uint16_t)same;
    }
    memcpy(v->ascii, all, 128);
    free(all);
    v->blocks = realloc(blocks, used * BLOCK);
    if (!v->blocks) v->blocks = blocks;
    return 1;
}

Vocabulary *vocabulary_new(const uint8_t *packed, size_t size, const uint32_t *runs, size_t n_runs, int cl100k) {
    Vocabulary *v = calloc(1, sizeof *v);
    if (!v) return NULL;
    v->cl100k = cl100k;
    if (add_tokens(v, packed, size) && add_classes(v, runs, n_runs)) return v;
    vocabulary_free(v);
    return NULL;
}

void vocabulary_free(Vocabulary *v) {
    if (!v) return;
    free(v->bytes);
    free(v->starts);
    free(v->slots);
    free(v->brief);
    free(v->pairs);
    free(v->blocks);
    free(v);
}

int class_of(const Vocabulary *v, uint32_t code) {
    return code < CODES ? v->blocks[v->block_of[code / BLOCK] * BLOCK + code % BLOCK] : -1;
}

/* ---- pieces ---- */

typedef struct {
    const Vocabulary *v;
    const uint8_t *text;
    size_t size;
} Cut;

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

static size_t piece_o200k(const Cut *t, size_t at) {
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

static size_t piece_cl100k(const Cut *t, size_t at) {
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

/* ---- merges ---- */

/* Merge a short piece: look through all pairs for the lowest rank, the first of equal ones. */
static uint32_t merged_linear(const Vocabulary *v, const uint8_t *piece, size_t size) {
    uint8_t starts[LINEAR + 1];
    uint32_t ranks[LINEAR + 1], parts = (uint32_t)size;
    for (uint32_t at = 0; at <= parts; at++) starts[at] = (uint8_t)at;
    for (uint32_t at = 0; at + 1 < parts; at++) ranks[at] = v->pairs[piece[at] << 8 | piece[at + 1]];
    while (parts > 1) {
        uint32_t best = NONE, place = 0;
        for (uint32_t at = 0; at + 1 < parts; at++)
            if (ranks[at] < best) best = ranks[place = at];
        if (best == NONE) break;
        memmove(starts + place + 1, starts + place + 2, parts - place - 1);
        memmove(ranks + place, ranks + place + 1, (parts - place - 2) * sizeof *ranks);
        parts--;
        if (place + 1 < parts) ranks[place] = rank_of(v, piece + starts[place], starts[place + 2] - starts[place]);
        if (place) ranks[place - 1] = rank_of(v, piece + starts[place - 1], starts[place + 1] - starts[place - 1]);
    }
    return parts;
}

static void sift_down(uint64_t *heap, size_t size, size_t at) {
    uint64_t moved = heap[at];
    for (size_t child; (child = at * 2 + 1) < size; at = child) {
        if (child + 1 < size && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= moved) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void push(uint64_t *heap, size_t *size, uint64_t value) {
    size_t at = (*size)++;
    for (; at && heap[(at - 1) / 2] > value; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = value;
}

static size_t bound_after(const uint64_t *bounds, size_t at) {
    size_t word = ++at / 64;
    uint64_t left = bounds[word] >> at % 64;
    if (left) return at + (size_t)__builtin_ctzll(left);
    while (!bounds[++word]) {}
    return word * 64 + (size_t)__builtin_ctzll(bounds[word]);
}

static size_t bound_before(const uint64_t *bounds, size_t at) {
    size_t word = --at / 64;
    uint64_t left = bounds[word] << (63 - at % 64);
    if (left) return at - (size_t)__builtin_clzll(left);
    while (!bounds[--word]) {}
    return word * 64 + 63 - (size_t)__builtin_clzll(bounds[word]);
}

static int make_room(Counter *c, size_t size) {
    size_t words = size / 64 + 2, room = size + size / 4 + 4;
    if (room > c->room) {
        free(c->heap);
        c->heap = malloc(room * sizeof *c->heap);
        c->room = c->heap ? room : 0;
    }
    if (words > c->words) {
        free(c->bounds);
        c->bounds = malloc(words * sizeof *c->bounds);
        c->words = c->bounds ? words : 0;
    }
    return c->heap && c->bounds;
}

/* Whether the pair that an entry of the heap stands for is still there: its bytes have only grown since, if not. */
static int lasts(const Counter *c, const uint8_t *piece, size_t size, uint64_t entry, size_t *middle, size_t *end) {
    size_t at = (uint32_t)entry;
    if (!(c->bounds[at / 64] >> at % 64 & 1)) return 0;
    *middle = bound_after(c->bounds, at);
    if (*middle >= size) return 0;
    *end = bound_after(c->bounds, *middle);
    return rank_of(c->vocabulary, piece + at, *end - at) == entry >> 32;
}

static void make_heap(uint64_t *heap, size_t held) {
    for (size_t at = held / 2; at-- > 0;) sift_down(heap, held, at);
}

static size_t without_stale(Counter *c, const uint8_t *piece, size_t size, size_t held) {
    size_t kept = 0, middle, end;
    for (size_t at = 0; at < held; at++)
        if (lasts(c, piece, size, c->heap[at], &middle, &end)) c->heap[kept++] = c->heap[at];
    make_heap(c->heap, kept);
    return kept;
}

/* Merge a long piece: a heap of ranks and places. A merge takes one entry off, puts two on at most, and makes one or
 * two others stale; these are dropped as they come up, or all together when the heap is full. */
static int64_t merged_by_heap(Counter *c, const uint8_t *piece, size_t size) {
    const Vocabulary *v = c->vocabulary;
    if (size >> 31 || !make_room(c, size)) return -1;
    uint64_t *heap = c->heap, *bounds = c->bounds;
    size_t held = 0, middle, end;
    int64_t parts = (int64_t)size;
    memset(bounds, 0xFF, (size / 64 + 2) * sizeof *bounds);
    for (size_t at = 0; at + 1 < size; at++) {
        uint32_t rank = v->pairs[piece[at] << 8 | piece[at + 1]];
        if (rank != NONE) heap[held++] = (uint64_t)rank << 32 | at;
    }
    make_heap(heap, held);
    while (held) {
        uint64_t top = heap[0];
        heap[0] = heap[--held];
        sift_down(heap, held, 0);
        if (!lasts(c, piece, size, top, &middle, &end)) continue;
        size_t at = (uint32_t)top;
        bounds[middle / 64] &= ~((uint64_t)1 << middle % 64);
        parts--;
        if (held + 2 > c->room) held = without_stale(c, piece, size, held);
        if (at) {
            size_t before = bound_before(bounds, at);
            uint32_t rank = rank_of(v, piece + before, end - before);
            if (rank != NONE) push(heap, &held, (uint64_t)rank << 32 | before);
        }
        if (end < size) {
            uint32_t rank = rank_of(v, piece + at, bound_after(bounds, end) - at);
            if (rank != NONE) push(heap, &held, (uint64_t)rank << 32 | at);
        }
    }
    return parts;
}

static int64_t merged(Counter *c, const uint8_t *piece, size_t size) {
    if (size < 256 && rank_of(c->vocabulary, piece, size) != NONE) return 1;
    return size <= LINEAR ? (int64_t)merged_linear(c->vocabulary, piece, size) : merged_by_heap(c, piece, size);
}

/* ---- counting ---- */

Counter *counter_new(const Vocabulary *vocabulary) {
    Counter *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->vocabulary = vocabulary;
    c->brief = calloc(SHORT_SLOTS, sizeof *c->brief);
    c->lengthy = calloc(LONG_SLOTS, sizeof *c->lengthy);
    if (c->brief && c->lengthy) return c;
    counter_free(c);
    return NULL;
}

void counter_free(Counter *c) {
    if (!c) return;
    free(c->brief);
    free(c->lengthy);
    free(c->heap);
    free(c->bounds);
    free(c);
}

/* Pieces whose entries are being fetched from memory while the next ones are cut. */
typedef struct {
    uint64_t low, high;
    const uint8_t *piece;
    Brief *entry;
} Asked;

typedef struct {
    Asked asked[AHEAD];
    size_t held;
} Queue;

static inline void ask(Counter *c, Queue *queue, const uint8_t *piece, size_t size, uint64_t low, uint64_t high) {
    high |= (uint64_t)size << 60;
    uint64_t hash = (low ^ high >> 7) * 0x9E3779B97F4A7C15u ^ high * 0xC2B2AE3D27D4EB4Fu;
    Brief *entry = c->brief + ((hash ^ hash >> 32) >> 16) % SHORT_SLOTS;
    __builtin_prefetch(entry);
    queue->asked[queue->held++] = (Asked){low, high, piece, entry};
}

static int64_t answered(Counter *c, Queue *queue) {
    int64_t total = 0;
    size_t missed = 0;
    for (size_t at = 0; at < queue->held; at++) {
        const Asked *asked = queue->asked + at;
        const Brief *entry = asked->entry;
        if (entry->low == asked->low && (entry->high & ~COUNT) == asked->high) {
            total += (int64_t)(entry->high >> 56 & 15);
            continue;
        }
        size_t size = asked->high >> 60;
        fetch(c->vocabulary, asked->piece, size);
        queue->asked[missed++] = *asked;
    }
    for (size_t at = 0; at < missed; at++) {
        const Asked *asked = queue->asked + at;
        int64_t count = merged(c, asked->piece, asked->high >> 60);
        *asked->entry = (Brief){asked->low, asked->high | (uint64_t)count << 56};
        total += count;
    }
    queue->held = 0;
    return total;
}

static int64_t count_lengthy(Counter *c, const uint8_t *piece, size_t size) {
    Lengthy *entry = c->lengthy + mixed(key_of(piece, size)) % LONG_SLOTS;
    if (entry->size == size && !memcmp(entry->bytes, piece, size)) return entry->count;
    int64_t count = merged(c, piece, size);
    memcpy(entry->bytes, piece, size);
    entry->size = (uint8_t)size;
    entry->count = (uint8_t)count;
    return count;
}

#ifdef __SSE2__
static inline unsigned up_to(__m128i bytes, char first, char last) {
    __m128i moved = _mm_sub_epi8(bytes, _mm_set1_epi8(first)), most = _mm_set1_epi8((char)(last - first));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(moved, most), moved));
}

/* How many bytes from `at` on are in a set of the 16. */
static inline unsigned run_of(unsigned set, unsigned at) { return (unsigned)__builtin_ctz(~(set >> at)); }

/* Length of a piece of ASCII where the 16 bytes at hand tell it, else 0. Bits of `any` are letters, of `small` small ones,
 * of `beyond` what is not ASCII. */
static inline unsigned quick_end(__m128i bytes, const uint8_t *at, unsigned any, unsigned small, unsigned beyond, int cl100k) {
    uint8_t first = *at;
    unsigned begin = !(any & 1), end;
    if (begin && (first >= 0x80 || (cl100k && first == '\''))) return 0;
    unsigned digits = up_to(bytes, '0', '9');
    if (digits & 1) {
        end = run_of(digits, 0);
        return end >= 3 ? 3 : beyond >> end & 1 ? 0 : end;
    }
    if (first != '\n' && first != '\r') {
        end = begin + (cl100k ? run_of(any, begin) : run_of(any & ~small, begin));
        if (!cl100k) end += run_of(small, end);
        if (end > begin) return end > SHORT || beyond >> end & 1 || (!cl100k && at[end] == '\'') ? 0 : end;
    }
    unsigned blanks = up_to(bytes, '\t', '\r') | up_to(bytes, ' ', ' ');
    unsigned breaks = up_to(bytes, '\n', '\n') | up_to(bytes, '\r', '\r');
    unsigned signs = ~(any | digits | blanks | beyond) & 0xFFFF;
    begin = first == ' ';
    if (signs >> begin & 1 && !(blanks & 1 && !begin)) {
        end = begin + run_of(signs, begin);
        if (end > SHORT || beyond >> end & 1) return 0;
        end += run_of(cl100k ? breaks : breaks | up_to(bytes, '/', '/'), end);
        return end > SHORT ? 0 : end;
    }
    end = run_of(blanks, 0);
    if (!end || end > SHORT || beyond >> end & 1) return 0;
    breaks &= (1u << end) - 1;
    return breaks ? 32 - (unsigned)__builtin_clz(breaks) : end > 1 ? end - 1 : 1;
}

/* Take a piece of ASCII of less than 16 bytes, as nearly all are: its length, or 0 for what has to be looked at closely.
 * Reads 16 bytes. */
static inline size_t quick_piece(const uint8_t *at, int cl100k, uint64_t *low, uint64_t *high) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)at);
    unsigned any = up_to(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z'), small = up_to(bytes, 'a', 'z');
    unsigned end = quick_end(bytes, at, any, small, (unsigned)_mm_movemask_epi8(bytes), cl100k);
    uint64_t halves[2];
    _mm_storeu_si128((__m128i *)halves, bytes);
    *low = end < 8 ? halves[0] & (((uint64_t)1 << end * 8) - 1) : halves[0];
    *high = end > 8 ? halves[1] & (((uint64_t)1 << (end - 8) * 8) - 1) : 0;
    return end;
}
#endif

int64_t counter_count(Counter *c, const uint8_t *text, size_t size) {
    Cut t = {c->vocabulary, text, size};
    Queue queue;
    int cl100k = c->vocabulary->cl100k;
    int64_t total = 0;
    queue.held = 0;
    for (size_t at = 0, length; at < size; at += length) {
        uint64_t low, high;
        if (queue.held == AHEAD) total += answered(c, &queue);
#ifdef __SSE2__
        if (size - at >= 16 && (length = quick_piece(text + at, cl100k, &low, &high))) {
            ask(c, &queue, text + at, length, low, high);
            continue;
        }
#endif
        length = (cl100k ? piece_cl100k(&t, at) : piece_o200k(&t, at)) - at;
        if (length <= SHORT) {
            low = load(text + at, length);
            high = length > 8 ? load(text + at + 8, length - 8) : 0;
            ask(c, &queue, text + at, length, low, high);
            continue;
        }
        int64_t count = length <= LONG ? count_lengthy(c, text + at, length) : merged(c, text + at, length);
        if (count < 0) return -1;
        total += count;
    }
    return total + answered(c, &queue);
}
