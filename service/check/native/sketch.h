/* What of a text's words is compared to find texts that say nearly the same. */
#ifndef TUNEWRIGHT_SKETCH_H
#define TUNEWRIGHT_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#define FACTORS 64 /* at most */

/* Write the least hash of a text's words by each of `n` factors, and the sum of the words' hashes, to a row of n + 1. The
 * text begins with a byte of zero. */
void sketch(const uint8_t *text, size_t size, const uint64_t *factors, size_t n, uint64_t *row);

#endif
