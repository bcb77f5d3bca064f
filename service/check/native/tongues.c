/* `language_of` of service/core/dataset/languages.py, for ASCII. */

#include "tongues.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 4096
#define MOST_WORDS (SLOTS / 2)
#define LEAST_VOTES 2
#define SURE_VOTES 4
#define SEEN 512 /* more than twice as many as there are words in a head */

typedef struct {
    uint8_t word[WORD_SIZE], size; /* 0 where there is none */
    uint32_t languages;
} Common;

struct Tongues {
    Common words[SLOTS];
    uint32_t kin[MOST_LANGUAGES], n, n_words;
};

Tongues *tongues_new(const uint32_t *kin, uint32_t n) {
    Tongues *t = n && n <= MOST_LANGUAGES ? calloc(1, sizeof *t) : NULL;
    if (!t) return NULL;
    t->n = n;
    memcpy(t->kin, kin, n * sizeof *kin);
    return t;
}

void tongues_free(Tongues *t) { free(t); }

static uint32_t hash_of(const uint8_t *word, size_t size) {
    uint32_t hash = 2166136261u;
    for (size_t at = 0; at < size; at++) hash = (hash ^ word[at]) * 16777619u;
    return hash ^ hash >> 15;
}

/* The slot of a word, or the one where it would be. */
static const Common *slot_of(const Tongues *t, const uint8_t *word, size_t size, uint32_t hash) {
    const Common *common = t->words + hash % SLOTS;
    while (common->size && (common->size != size || memcmp(common->word, word, size)))
        if (++common == t->words + SLOTS) common = t->words;
    return common;
}

int tongues_add(Tongues *t, const uint8_t *word, size_t size, uint32_t languages) {
    if (!size || size > WORD_SIZE || t->n_words == MOST_WORDS) return 0;
    Common *common = (Common *)slot_of(t, word, size, hash_of(word, size));
    if (common->size) return 0;
    memcpy(common->word, word, size);
    common->size = (uint8_t)size;
    common->languages = languages;
    t->n_words++;
    return 1;
}

#define WORD(word) {.bytes = word " ", .size = sizeof word}
static const struct {
    char bytes[7];
    uint8_t size; /* with the blank behind it */
} english[] = {WORD("the"), WORD("of"), WORD("and"), WORD("to"), WORD("that"), WORD("with"), WORD("from"),
               WORD("are"), WORD("you"), WORD("your"), WORD("which"), WORD("this"), WORD("have")};

/* The number of the English word, and a blank behind it, that `left` bytes begin with; of none -1. */
static int english_word(const uint8_t *at, size_t left) {
    for (int which = 0; which < (int)(sizeof english / sizeof *english); which++)
        if (left >= english[which].size && *at == (uint8_t)*english[which].bytes &&
            !memcmp(at, english[which].bytes, english[which].size))
            return which;
    return -1;
}

static int is_english(const uint8_t *head, size_t size) {
    int first = -1;
    for (const uint8_t *at = head, *end = head + size; at < end; at++) {
        int word = *at == ' ' ? english_word(at + 1, (size_t)(end - at - 1)) : -1;
        if (word >= 0 && first >= 0 && word != first) return 1;
        if (first < 0) first = word;
    }
    return 0;
}

/* Words that were met, so that each counts once. */
typedef struct {
    uint16_t start[SEEN], size[SEEN];
    uint32_t n;
} Met;

static int is_new(Met *met, const uint8_t *low, size_t start, size_t size, uint32_t hash) {
    uint32_t slot = hash % SEEN;
    for (; met->size[slot]; slot = (slot + 1) % SEEN)
        if (met->size[slot] == size && !memcmp(low + met->start[slot], low + start, size)) return 0;
    met->start[slot] = (uint16_t)start;
    met->size[slot] = (uint16_t)size;
    met->n++;
    return 1;
}

/* Add up the votes of the words of a head in small letters: of those of one letter one counts. Returns how many words
 * there are. */
static uint32_t vote(const Tongues *t, const uint8_t *low, size_t size, uint32_t votes[MOST_LANGUAGES]) {
    Met met = {.n = 0};
    uint32_t of_a_letter = 0;
    for (size_t at = 0, start; at < size; at++) {
        for (start = at; at < size && low[at]; at++) {}
        if (at == start) continue;
        uint32_t hash = hash_of(low + start, at - start);
        if (!is_new(&met, low, start, at - start, hash)) continue;
        const Common *common = at - start <= WORD_SIZE ? slot_of(t, low + start, at - start, hash) : NULL;
        if (!common || !common->size) continue;
        if (at - start == 1) of_a_letter |= common->languages;
        else
            for (uint32_t left = common->languages; left; left &= left - 1) votes[__builtin_ctz(left)]++;
    }
    for (uint32_t left = of_a_letter; left; left &= left - 1) votes[__builtin_ctz(left)]++;
    return met.n;
}

uint8_t language_of(const Tongues *t, const uint8_t *text, size_t size) {
    uint8_t low[HEAD];
    uint32_t votes[MOST_LANGUAGES] = {0}, first = 0, rival = 0;
    if (size > HEAD) size = HEAD;
    for (size_t at = 0; at < size; at++) {
        uint8_t letter = text[at] | 0x20;
        if (text[at] >= 0x80) return UNCLEAR;
        low[at] = letter >= 'a' && letter <= 'z' ? letter : 0;
    }
    if (is_english(text, size)) return LANGUAGES;
    uint32_t words = vote(t, low, size, votes);
    for (uint32_t each = 1; each < t->n; each++)
        if (votes[each] > votes[first]) first = each;
    uint32_t best = votes[first];
    for (uint32_t each = 0; each < t->n; each++)
        if (each != first && !(t->kin[first] >> each & 1) && votes[each] > rival) rival = votes[each];
    int unsure = best < LEAST_VOTES || best * (best >= SURE_VOTES ? 5 : 3) < words || rival * 3 >= best * 2;
    return unsure ? NO_LANGUAGE : (uint8_t)(LANGUAGES + first);
}
