/* The language of texts in ASCII, by their commonest words. */
#ifndef TUNEWRIGHT_TONGUES_H
#define TUNEWRIGHT_TONGUES_H

#include <stddef.h>
#include <stdint.h>

enum { UNCLEAR, NO_LANGUAGE, LANGUAGES };

#define MOST_LANGUAGES 32
#define WORD_SIZE 15 /* bytes of a common word */
#define HEAD 300     /* bytes of a text by which its language is told */

typedef struct Tongues Tongues;

/* Languages are numbered; `kin[n]` has bits for those that put language n in no doubt. The first language is English. NULL
 * without memory. */
Tongues *tongues_new(const uint32_t *kin, uint32_t n);
void tongues_free(Tongues *tongues);

/* Take in a word in small letters, with a bit for each language that it is common in, once; 0 for one too many or too
 * long. */
int tongues_add(Tongues *tongues, const uint8_t *word, size_t size, uint32_t languages);

/* Return UNCLEAR for a text whose head is not ASCII, NO_LANGUAGE for one that does not tell, or LANGUAGES and a number. */
uint8_t language_of(const Tongues *tongues, const uint8_t *text, size_t size);

#endif
