/* Byte pair encoding of one piece. */
#ifndef TUNEWRIGHT_MERGES_H
#define TUNEWRIGHT_MERGES_H

#include "vocabulary.h"

/* Room to merge long pieces, some of which is kept; begins as zeros but for the vocabulary. */
typedef struct {
    const Vocabulary *vocabulary;
    uint64_t *heap;
    size_t room;
    uint64_t *bounds; /* a bit for each place where a token begins */
    size_t words;
} Merger;

/* Return the number of tokens of a piece, -1 without memory. */
int64_t merged(Merger *m, const uint8_t *piece, size_t size);
void merger_clear(Merger *m);

#endif
