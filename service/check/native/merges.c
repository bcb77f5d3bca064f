/* Merges by rank: the pair of neighbours with the lowest rank becomes one, until no pair is a token.
 *
 * Source: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units" (2016). */

#include "merges.h"

#include <stdlib.h>

#define LINEAR 40 /* pieces up to this length are merged by looking through all pairs */
#define KEPT_ROOM (1u << 18) /* entries of the heap that are kept for the next piece: 2 MB, of 160 for a line of 16 */

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

static int make_room(Merger *m, size_t size) {
    size_t words = size / 64 + 2, room = size + size / 4 + 4;
    if (room > m->room) {
        free(m->heap);
        m->heap = malloc(room * sizeof *m->heap);
        m->room = m->heap ? room : 0;
    }
    if (words > m->words) {
        free(m->bounds);
        m->bounds = malloc(words * sizeof *m->bounds);
        m->words = m->bounds ? words : 0;
    }
    return m->heap && m->bounds;
}

/* Whether the pair that an entry of the heap stands for is still there: its bytes have only grown since, if not. */
static int lasts(const Merger *m, const uint8_t *piece, size_t size, uint64_t entry, size_t *middle, size_t *end) {
    size_t at = (uint32_t)entry;
    if (!(m->bounds[at / 64] >> at % 64 & 1)) return 0;
    *middle = bound_after(m->bounds, at);
    if (*middle >= size) return 0;
    *end = bound_after(m->bounds, *middle);
    return rank_of(m->vocabulary, piece + at, *end - at) == entry >> 32;
}

static void make_heap(uint64_t *heap, size_t held) {
    for (size_t at = held / 2; at-- > 0;) sift_down(heap, held, at);
}

static size_t without_stale(Merger *m, const uint8_t *piece, size_t size, size_t held) {
    size_t kept = 0, middle, end;
    for (size_t at = 0; at < held; at++)
        if (lasts(m, piece, size, m->heap[at], &middle, &end)) m->heap[kept++] = m->heap[at];
    make_heap(m->heap, kept);
    return kept;
}

/* Merge a long piece: a heap of ranks and places. A merge takes one entry off, puts two on at most, and makes one or
 * two others stale; these are dropped as they come up, or all together when the heap is full. */
static int64_t merged_by_heap(Merger *m, const uint8_t *piece, size_t size) {
    const Vocabulary *v = m->vocabulary;
    if (size >> 31 || !make_room(m, size)) return -1;
    uint64_t *heap = m->heap, *bounds = m->bounds;
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
        if (!lasts(m, piece, size, top, &middle, &end)) continue;
        size_t at = (uint32_t)top;
        bounds[middle / 64] &= ~((uint64_t)1 << middle % 64);
        parts--;
        if (held + 2 > m->room) held = without_stale(m, piece, size, held);
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
    if (m->room > KEPT_ROOM) merger_clear(m);
    return parts;
}

int64_t merged(Merger *m, const uint8_t *piece, size_t size) {
    if (size < 256 && rank_of(m->vocabulary, piece, size) != NONE) return 1;
    return size <= LINEAR ? (int64_t)merged_linear(m->vocabulary, piece, size) : merged_by_heap(m, piece, size);
}

void merger_clear(Merger *m) {
    free(m->heap);
    free(m->bounds);
    *m = (Merger){.vocabulary = m->vocabulary};
}
