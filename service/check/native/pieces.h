/* Where tiktoken's patterns cut a text: the pieces that are merged to tokens. */
#ifndef TUNEWRIGHT_PIECES_H
#define TUNEWRIGHT_PIECES_H

#include "vocabulary.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SHORT 15 /* bytes of a piece that is counted quickly: with its length it fits in sixteen */

typedef struct {
    const Vocabulary *v;
    const uint8_t *text;
    size_t size;
} Cut;

/* Return where the piece that begins at `at` ends. */
size_t piece_o200k(const Cut *t, size_t at);
size_t piece_cl100k(const Cut *t, size_t at);

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

/* Take a piece of ASCII of less than 16 bytes, as nearly all are: its length, or 0 for what has to be looked at closely;
 * `low` and `high` are its bytes. Reads 16 bytes. */
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

#endif
