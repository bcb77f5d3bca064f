/* The tokens of an encoding by their bytes, and the classes of characters. */
#ifndef TUNEWRIGHT_VOCABULARY_H
#define TUNEWRIGHT_VOCABULARY_H

#include "tokens.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Numbers are read from bytes with the lowest first: without that the check is done in Python."
#endif

#include <string.h>

#define NONE UINT32_MAX
#define CODES 0x110000u
#define BLOCK 128u
#define FILTER (1u << 21)
#define BRIEF_TOKEN 5 /* bytes of a token that fits in one number with its size and rank */
#define BRIEF_SLOTS (1u << 17)
#define RANK_BITS 18

typedef struct {
    uint64_t key; /* the bytes of a token of up to eight, the hash of a longer one */
    uint32_t next, size; /* rank + 1, none where the slot is empty; bytes */
} Slot;

/* A short piece that was counted: its bytes, in the last one its length and count. Threads read and write it at once, so
 * that the first half is kept mixed with the second: halves of two pieces look like none. */
typedef struct {
    uint64_t mixed, high;
} KeptCount;

#define KEPT_SLOTS (1u << 19)

struct Vocabulary {
    KeptCount *kept;
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

static inline uint32_t place_of(uint64_t key, size_t size) { return (uint32_t)(mixed(key + size) >> 20); }

/* A token of three to five bytes, with its size, and room for its rank below. */
static inline uint64_t brief_of(uint64_t key, size_t size) { return (key | (uint64_t)size << 40) << RANK_BITS; }

/* Return the rank of a token, or NONE. */
uint32_t rank_of(const Vocabulary *v, const uint8_t *at, size_t size);

/* Have memory fetch what rank_of will ask for. */
static inline void fetch(const Vocabulary *v, const uint8_t *at, size_t size) {
    uint64_t key = key_of(at, size);
    uint32_t place = place_of(key, size);
    if (size <= BRIEF_TOKEN) __builtin_prefetch(v->brief + place % BRIEF_SLOTS);
    else __builtin_prefetch(v->slots + (place & v->mask));
}

static inline int class_of(const Vocabulary *v, uint32_t code) { return v->blocks[v->block_of[code / BLOCK] * BLOCK + code % BLOCK]; }

#endif
