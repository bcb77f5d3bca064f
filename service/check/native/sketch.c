/* The rows of `_sketched` in service/check/near.py, which says what a word is.
 *
 * Source: Broder, "On the resemblance and containment of documents" (1997). */

#include "sketch.h"

#include <string.h>

#define WORD 8 /* bytes of a word that count */

static const uint8_t in_word[256] = {['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, [0x80 ... 0xFF] = 1};

/* Bytes from `at` to the end of the word there, or of the next one, WORD at most. */
static size_t word_size(const uint8_t *text, size_t size, size_t at) {
    size_t most = size - at < WORD ? size - at : WORD, length = 0;
    while (length < most && !in_word[text[at + length]]) length++;
    while (length < most && in_word[text[at + length]]) length++;
    return length;
}

void sketch(const uint8_t *text, size_t size, const uint64_t *factors, size_t n, uint64_t *row) {
    memset(row, 0xFF, n * sizeof *row);
    row[n] = 0;
    for (size_t at = 0, before = 0; at < size; at++) {
        size_t now = in_word[text[at]], begins = now & ~before;
        size_t times = begins + (!text[at] | (text[at] >= 0xC0));
        before = now;
        if (!times) continue;
        uint64_t word = 0;
        memcpy(&word, text + at, word_size(text, size, at));
        word = (word ^ word >> 32) * factors[0];
        word ^= word >> 29;
        row[n] += word * times;
        for (size_t which = 0; which < n; which++) {
            uint64_t hash = word * factors[which];
            if (hash < row[which]) row[which] = hash;
        }
    }
}
