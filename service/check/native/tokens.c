/* Byte pair encoding as tiktoken does it: a pattern cuts the text into pieces, each piece is merged by rank. A piece's
 * merges depend on the piece alone, so the counts of short pieces are kept: real text repeats nearly all of them. */

#include "merges.h"
#include "pieces.h"

#include <stdlib.h>

#define SHORT_SLOTS (1u << 18)
#define LONG 46
#define LONG_SLOTS (1u << 13)
#define COUNT ((uint64_t)15 << 56)
#define AHEAD 64

typedef struct {
    uint64_t low, high; /* the bytes; in the last one, length and count */
} Brief;

typedef struct {
    uint8_t bytes[LONG], size, count;
} Lengthy;

struct Counter {
    Merger merger;
    Brief *brief;
    Lengthy *lengthy;
};

Counter *counter_new(const Vocabulary *vocabulary) {
    Counter *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->merger.vocabulary = vocabulary;
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
    merger_clear(&c->merger);
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
        fetch(c->merger.vocabulary, asked->piece, size);
        queue->asked[missed++] = *asked;
    }
    for (size_t at = 0; at < missed; at++) {
        const Asked *asked = queue->asked + at;
        int64_t count = merged(&c->merger, asked->piece, asked->high >> 60);
        *asked->entry = (Brief){asked->low, asked->high | (uint64_t)count << 56};
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

int64_t counter_count(Counter *c, const uint8_t *text, size_t size) {
    Cut t = {c->merger.vocabulary, text, size};
    Queue queue;
    int cl100k = c->merger.vocabulary->cl100k;
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
        int64_t count = length <= LONG ? count_lengthy(c, text + at, length) : merged(&c->merger, text + at, length);
        if (count < 0) return -1;
        total += count;
    }
    return total + answered(c, &queue);
}
