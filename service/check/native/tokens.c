/* Byte pair encoding as tiktoken does it: a pattern cuts the text into pieces, each piece is merged by rank. A piece's
 * merges depend on the piece alone, so the counts of short pieces are kept: real text repeats nearly all of them. */

#include "merges.h"
#include "pieces.h"

#include <stdlib.h>

#define LONG 46
#define LONG_SLOTS (1u << 13)
#define COUNT ((uint64_t)15 << 56)
#define AHEAD (2 * WINDOW) /* pieces: a window has no more than bytes */

typedef struct {
    uint8_t bytes[LONG], size, count;
} Lengthy;

struct Counter {
    Merger merger;
    Lengthy *lengthy;
};

Counter *counter_new(const Vocabulary *vocabulary) {
    Counter *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->merger.vocabulary = vocabulary;
    c->lengthy = calloc(LONG_SLOTS, sizeof *c->lengthy);
    if (c->lengthy) return c;
    counter_free(c);
    return NULL;
}

void counter_free(Counter *c) {
    if (!c) return;
    free(c->lengthy);
    merger_clear(&c->merger);
    free(c);
}

/* Pieces whose entries are being fetched from memory while the next ones are cut. */
typedef struct {
    uint64_t low, high;
    const uint8_t *piece;
    KeptCount *entry;
} Asked;

typedef struct {
    Asked asked[AHEAD];
    size_t held;
} Queue;

static inline void ask(Counter *c, Queue *queue, const uint8_t *piece, size_t size, uint64_t low, uint64_t high) {
    high |= (uint64_t)size << 60;
    uint64_t hash = (low ^ high >> 7) * 0x9E3779B97F4A7C15u ^ high * 0xC2B2AE3D27D4EB4Fu;
    KeptCount *entry = c->merger.vocabulary->kept + ((hash ^ hash >> 32) >> 16) % KEPT_SLOTS;
    __builtin_prefetch(entry);
    queue->asked[queue->held++] = (Asked){low, high, piece, entry};
}

/* What the first half is mixed with: nobody can choose pieces whose halves fit, who does not know where memory lies. */
static inline uint64_t mixed_with(const KeptCount *entry, uint64_t high) { return mixed(high ^ (uintptr_t)entry); }

/* Which count a piece was found to have, or 0. */
static inline uint64_t count_kept(const Asked *asked) {
    uint64_t high = __atomic_load_n(&asked->entry->high, __ATOMIC_RELAXED);
    uint64_t low = __atomic_load_n(&asked->entry->mixed, __ATOMIC_RELAXED) ^ mixed_with(asked->entry, high);
    return low == asked->low && (high & ~COUNT) == asked->high ? high >> 56 & 15 : 0;
}

static void keep_count(const Asked *asked, uint64_t count) {
    uint64_t high = asked->high | count << 56;
    __atomic_store_n(&asked->entry->high, high, __ATOMIC_RELAXED);
    __atomic_store_n(&asked->entry->mixed, asked->low ^ mixed_with(asked->entry, high), __ATOMIC_RELAXED);
}

static int64_t answered(Counter *c, Queue *queue) {
    int64_t total = 0;
    size_t missed = 0;
    for (size_t at = 0; at < queue->held; at++) {
        const Asked *asked = queue->asked + at;
        uint64_t count = count_kept(asked);
        total += (int64_t)count;
        if (count) continue;
        size_t size = asked->high >> 60;
        fetch(c->merger.vocabulary, asked->piece, size);
        queue->asked[missed++] = *asked;
    }
    for (size_t at = 0; at < missed; at++) {
        const Asked *asked = queue->asked + at;
        int64_t count = merged(&c->merger, asked->piece, asked->high >> 60);
        keep_count(asked, (uint64_t)count);
        total += count;
    }
    queue->held = 0;
    return total;
}

static int64_t count_lengthy(Counter *c, const uint8_t *piece, size_t size) {
    Lengthy *entry = c->lengthy + mixed(key_of(piece, size)) % LONG_SLOTS;
    if (entry->size == size && !memcmp(entry->bytes, piece, size)) return entry->count;
    int64_t count = merged(&c->merger, piece, size);
    if (count < 0) return -1;
    memcpy(entry->bytes, piece, size);
    entry->size = (uint8_t)size;
    entry->count = (uint8_t)count;
    return count;
}

/* Take a piece; 0 without memory. */
static inline int take_piece(Counter *c, Queue *queue, const Cut *t, size_t at, size_t length, int64_t *total) {
    const uint8_t *piece = t->text + at;
    if (length > SHORT) {
        int64_t count = length <= LONG ? count_lengthy(c, piece, length) : merged(&c->merger, piece, length);
        *total += count;
        return count >= 0;
    }
    uint64_t low, high;
    if (t->size - at >= 16) {
        memcpy(&low, piece, 8);
        memcpy(&high, piece + 8, 8);
        low &= length < 8 ? ((uint64_t)1 << length * 8) - 1 : ~(uint64_t)0;
        high &= length > 8 ? ((uint64_t)1 << (length - 8) * 8) - 1 : 0;
    } else {
        low = load(piece, length);
        high = length > 8 ? load(piece + 8, length - 8) : 0;
    }
    ask(c, queue, piece, length, low, high);
    return 1;
}

#ifdef __SSE2__
/* Take the pieces from `at` on that can be told together; return where the next one begins, SIZE_MAX without memory. It is
 * worth no other try before `*again`: where a text is not all ASCII, looking closely at once takes half the time. */
static inline size_t take_pieces(Counter *c, Queue *queue, const Cut *t, size_t at, int64_t *total, size_t *again) {
    int to_end;
    unsigned known;
    uint64_t first = pieces_within(t, at, &known, &to_end);
    size_t from = at;
    *again = known == WINDOW ? 0 : at + known + (known < WINDOW / 4 ? WINDOW : 0);
    for (uint64_t next = first & (first - 1); next; next &= next - 1) {
        size_t end = at + (unsigned)__builtin_ctzll(next);
        if (!take_piece(c, queue, t, from, end - from, total)) return SIZE_MAX;
        from = end;
    }
    if (!to_end) return from;
    return take_piece(c, queue, t, from, t->size - from, total) ? t->size : SIZE_MAX;
}
#endif

int64_t counter_count(Counter *c, const uint8_t *text, size_t size) {
    Cut t = {c->merger.vocabulary, text, size};
    Queue queue;
    int64_t total = 0;
    queue.held = 0;
#ifdef __SSE2__
    size_t again = 0;
#endif
    for (size_t at = 0; at < size;) {
        if (queue.held > AHEAD - WINDOW) total += answered(c, &queue);
#ifdef __SSE2__
        size_t next = at < again || text[at] >= 0x80 ? at : take_pieces(c, &queue, &t, at, &total, &again);
        if (next == SIZE_MAX) return -1;
        if (next > at) {
            at = next;
            continue;
        }
#endif
        size_t end = t.v->cl100k ? piece_cl100k(&t, at) : piece_o200k(&t, at);
        if (!take_piece(c, &queue, &t, at, end - at, &total)) return -1;
        at = end;
    }
    return total + answered(c, &queue);
}
