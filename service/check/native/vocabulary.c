#include "vocabulary.h"

#include <stdlib.h>

uint32_t rank_of(const Vocabulary *v, const uint8_t *at, size_t size) {
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
    v->kept = calloc(KEPT_SLOTS, sizeof *v->kept);
    if (v->kept && add_tokens(v, packed, size) && add_classes(v, runs, n_runs)) return v;
    vocabulary_free(v);
    return NULL;
}

void vocabulary_free(Vocabulary *v) {
    if (!v) return;
    free(v->kept);
    free(v->bytes);
    free(v->starts);
    free(v->slots);
    free(v->brief);
    free(v->pairs);
    free(v->blocks);
    free(v);
}
