/* Exact token counts of UTF-8 text, as tiktoken's encode_ordinary gives them. */
#ifndef TUNEWRIGHT_TOKENS_H
#define TUNEWRIGHT_TOKENS_H

#include <stddef.h>
#include <stdint.h>

/* Classes of characters that the two patterns tell apart. Marks are in both sets of letters, and no letters. */
enum { OTHER, UPPER, LOWER, BOTH, MARK, NUMBER, BLANK, BREAK };

typedef struct Vocabulary Vocabulary;
typedef struct Counter Counter;

/* Build from tokens in order of rank, each a byte of length and its bytes, and from runs of classes: each
 * `first code point << 3 | class`, ascending, up to the next. NULL without memory or where a byte has no token. */
Vocabulary *vocabulary_new(const uint8_t *packed, size_t size, const uint32_t *runs, size_t n_runs, int cl100k);
void vocabulary_free(Vocabulary *vocabulary);

/* One thread at a time. What was counted is kept in mind: short pieces by the vocabulary, for all counters, in 8 MB. */
Counter *counter_new(const Vocabulary *vocabulary);
void counter_free(Counter *counter);

/* Count valid UTF-8; -1 without memory. */
int64_t counter_count(Counter *counter, const uint8_t *text, size_t size);

#endif
