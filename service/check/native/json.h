/* A plain chat line's JSON. */
#ifndef TUNEWRIGHT_JSON_H
#define TUNEWRIGHT_JSON_H

#include <stddef.h>
#include <stdint.h>

/* Who speaks; an answer of weight 0 is UNTAUGHT, and searched as what a user says. */
enum { SYSTEM, USER, ASSISTANT, UNTAUGHT, ROLES = UNTAUGHT };

typedef struct {
    size_t start, size; /* its UTF-8 in the arena */
    int role;
} Said;

typedef struct {
    const uint8_t *at, *end;
} Input;

/* Read a line's messages, `most` of them at most, and write their texts to the arena from `used` on; returns how many
 * there are, 0 for a line that is not plain. The arena has room for what is left of the line, and 16 bytes more. */
int read_messages(Input in, uint8_t *arena, size_t used, Said *said, int most);

#endif
