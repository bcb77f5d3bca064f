/* Texts that say the same over and over. */
#ifndef TUNEWRIGHT_LOOPS_H
#define TUNEWRIGHT_LOOPS_H

#include <stddef.h>
#include <stdint.h>

#define LOOP 40 /* characters from which on a text may loop */

/* Whether a text says the same over and over; what is not ASCII passes for a letter. */
int loops(const uint8_t *text, size_t size, int is_ascii);

#endif
