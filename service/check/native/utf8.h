/* Valid UTF-8. */
#ifndef TUNEWRIGHT_UTF8_H
#define TUNEWRIGHT_UTF8_H

#include <stddef.h>
#include <stdint.h>

static inline int goes_on(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* Characters of a text. */
static inline size_t length_of(const uint8_t *text, size_t size) {
    size_t length = 0;
    for (size_t at = 0; at < size; at++) length += !goes_on(text[at]);
    return length;
}

static inline uint32_t code_at(const uint8_t *at) {
    if (*at < 0x80) return *at;
    if (*at < 0xE0) return (*at & 0x1Fu) << 6 | (at[1] & 0x3Fu);
    if (*at < 0xF0) return (*at & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    return (*at & 0x07u) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 | (at[3] & 0x3Fu);
}

#endif
