/* The rule of `loops` in service/core/dataset/conversation.py, in bytes. */

#include "loops.h"

#include "utf8.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define PROBE 8
#define LONG_PIECE 20
#define TELLING 400
#define END 30

/* First place from `at` on where `what`, of at least eight bytes, stands in a text, or `size`. */
static size_t find(const uint8_t *text, size_t size, size_t at, const uint8_t *what, size_t length) {
    if (length > size) return size;
#ifdef __SSE2__
    __m128i first = _mm_set1_epi8((char)what[0]), eighth = _mm_set1_epi8((char)what[7]);
    for (; at + length + 15 <= size; at += 16) {
        __m128i here = _mm_loadu_si128((const __m128i *)(text + at)), ahead = _mm_loadu_si128((const __m128i *)(text + at + 7));
        unsigned both = (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(here, first), _mm_cmpeq_epi8(ahead, eighth)));
        for (; both; both &= both - 1) {
            size_t place = at + (unsigned)__builtin_ctz(both);
            if (!memcmp(text + place, what, length)) return place;
        }
    }
#endif
    for (; at + length <= size; at++)
        if (text[at] == what[0] && !memcmp(text + at, what, length)) return at;
    return size;
}

/* Number of times, up to `most`, that `what` stands in a text, none over another. */
static size_t times(const uint8_t *text, size_t size, const uint8_t *what, size_t length, size_t most) {
    size_t found = 0;
    for (size_t at = 0; found < most && (at = find(text, size, at, what, length)) < size; at += length) found++;
    return found;
}

/* Characters from `at` on, `n` of them: where they end. */
static size_t forward(const uint8_t *text, size_t size, size_t at, size_t n) {
    for (; n && at < size; n--)
        do at++;
        while (at < size && goes_on(text[at]));
    return at;
}

static size_t backward(const uint8_t *text, size_t at, size_t n) {
    for (; n && at; n--)
        do at--;
        while (at && goes_on(text[at]));
    return at;
}

/* Whether there is a letter; whatever is not ASCII passes for one. */
static int has_letter(const uint8_t *text, size_t size) {
    for (size_t at = 0; at < size; at++)
        if (text[at] >= 0x80 || ((text[at] | 0x20) >= 'a' && (text[at] | 0x20) <= 'z')) return 1;
    return 0;
}

/* Whether the text around a probe is one piece over and over: it begins where the probe stands before, or once or twice
 * before that. `length` is that of the text in characters. */
static int repeats_around(const uint8_t *text, size_t size, size_t length, size_t at, size_t probe) {
    size_t before = at;
    for (int which = 0; which < 3; which++) {
        do {
            if (!before) return 0;
            before--;
        } while (memcmp(text + before, text + at, probe));
        size_t piece = at - before, start = before, end = at;
        while (end + piece <= size && !memcmp(text + end, text + before, piece)) end += piece;
        while (start >= piece && !memcmp(text + start - piece, text + before, piece)) start -= piece;
        size_t often = (end - start) / piece;
        if (often < 3 || (often == 3 && length_of(text + before, piece) < LONG_PIECE)) continue;
        if (length_of(text + start, end - start) * 2 >= length && has_letter(text + before, piece)) return 1;
    }
    return 0;
}

static int has_three_signs(const uint8_t *text, size_t size) {
    size_t first = forward(text, size, 0, 1), other = size;
    for (size_t at = first, next; at < size; at = next) {
        next = forward(text, size, at, 1);
        if (next - at == first && !memcmp(text + at, text, first)) continue;
        if (other == size) other = at;
        else if (memcmp(text + other, text + at, next - at)) return 1;
    }
    return 0;
}

int loops(const uint8_t *text, size_t size, int is_ascii) {
    size_t length = is_ascii ? size : length_of(text, size);
    if (length < LOOP) return 0;
    size_t places[2] = {is_ascii ? size - PROBE : backward(text, size, PROBE), is_ascii ? size / 2 : forward(text, size, 0, length / 2)};
    for (int which = 0; which < 2; which++) {
        size_t at = places[which], probe = is_ascii ? PROBE : forward(text, size, at, PROBE) - at;
        if (times(text, size, text + at, probe, 3) > 2 && repeats_around(text, size, length, at, probe)) return 1;
    }
    if (length < TELLING) return 0;
    size_t end = is_ascii ? size - END : backward(text, size, END);
    if (!has_three_signs(text + end, size - end) || !has_letter(text + end, size - end)) return 0;
    return times(text, size, text + end, size - end, size) * 90 >= (length > 450 ? length : 450);
}
