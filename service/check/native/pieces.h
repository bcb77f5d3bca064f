/* Where tiktoken's patterns cut a text: the pieces that are merged to tokens. */
#ifndef TUNEWRIGHT_PIECES_H
#define TUNEWRIGHT_PIECES_H

#include "vocabulary.h"

#define SHORT 15 /* bytes of a piece that is counted quickly: with its length it fits in sixteen */

typedef struct {
    const Vocabulary *v;
    const uint8_t *text;
    size_t size;
} Cut;

/* Return where the piece that begins at `at` ends. */
size_t piece_o200k(const Cut *t, size_t at);
size_t piece_cl100k(const Cut *t, size_t at);

#define WINDOW 64 /* bytes whose pieces are cut together, where that can be done */

#ifdef __SSE2__
/* Return where pieces begin among the WINDOW bytes from `at` on, of which so many are `known`, a bit each; one does at `at`.
 * The last of these ends with the text if `*to_end`, and has to be looked at closely else. */
uint64_t pieces_within(const Cut *t, size_t at, unsigned *known, int *to_end);
#endif

#endif
