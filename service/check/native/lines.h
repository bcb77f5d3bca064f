/* Plain chat lines, read from JSON and looked at without the interpreter. */
#ifndef TUNEWRIGHT_LINES_H
#define TUNEWRIGHT_LINES_H

#include "automaton.h"
#include "json.h"
#include "tokens.h"
#include "tongues.h"

/* What stands at the end of an answer: too short to tell, a mark that closes it, or something else. */
enum { BRIEF, CLOSED, OPEN };

typedef struct {
    int32_t line;  /* within the block, from 0 */
    int32_t texts; /* number of the text behind its last */
    int32_t tokens, trained;
    uint8_t instructed, ending; /* whether a system message stands first; how its answer ends */
    uint64_t context, target, before, system;
} Example;

typedef struct {
    int32_t example, text;
    Marks marks;
} Suspect;

typedef struct {
    int32_t line, start, end;
} Left;

typedef struct {
    int32_t start, size, tokens; /* its UTF-8 in the arena */
    int32_t trained;             /* whether it bears loss */
} Text;

/* What was found in a block. */
typedef struct {
    uint8_t *arena;
    Text *texts;
    Example *examples;
    Suspect *suspects;
    Left *left;
    size_t n_texts, n_examples, n_suspects, n_left, n_lines;
    size_t room_texts, room_examples, room_suspects, room_left;
} Found;

typedef struct Reader Reader;

/* A reader counts with `counter`, if there is one. `closing` are the characters that close an answer. One thread at a
 * time. */
Reader *reader_new(Counter *counter, const uint32_t *closing, size_t n_closing);
void reader_free(Reader *reader);

/* Look at lines of less than `longest` bytes, and search the texts of a role with those automata whose bits are set in
 * `heard`, the same ones in all calls; all lines that are not plain, or may have a defect other than what patterns find,
 * are `left`. Returns 0 without memory. */
int reader_examine(Reader *reader, Automaton **automata, const unsigned heard[ROLES], const uint8_t *raw, size_t size,
                   size_t longest, Found *found);
void found_clear(Found *found);

/* The language of an example's answer, and of its last question, as language_of has it; none that counts for an answer that
 * is short or data. */
uint8_t found_language(const Found *found, size_t example, const Tongues *tongues);
uint8_t found_asked(const Found *found, size_t example, const Tongues *tongues);

/* 64 bits of a text said in a role, or of a row of those. The seed is the process's own. */
void seed_hashes(const uint8_t seed[32]);
uint64_t hash_text(unsigned role, const uint8_t *text, size_t size);
uint64_t hash_more(uint64_t row, uint64_t hash);

int is_ascii(const uint8_t *text, size_t size);

#endif
