/* One pass over a block of lines: JSON, shape, texts, tokens, patterns, hashes.
 *
 * A plain line is {"messages": [...]} of an optional system message, then user and assistant in turn, each with a role
 * and a text that says something, and nothing else. Whatever else a line is, it is left to the caller, who looks
 * closely; so nothing here has to say what is wrong. */

#include "lines.h"

#include "loops.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGES 1024
#define PER_EXAMPLE 3
#define PER_MESSAGE 4
#define ENOUGH 20 /* characters from which on an answer is no mere label */
#define KEPT 64   /* system prompts that are kept in mind, of up to */
#define KEPT_SIZE 65536

typedef struct {
    uint64_t hash;
    uint8_t *text;
    size_t size;
    int32_t count;
    Marks marks;
} KeptText;

struct Reader {
    Counter *counter;
    Automaton **automata;
    unsigned heard[ROLES];
    uint32_t closing[64];
    size_t n_closing;
    Said said[MESSAGES];
    KeptText kept[KEPT];
};

/* ---- hashes ---- */

static uint64_t secret[4] = {0xA0761D6478BD642Fu, 0xE7037ED1A0B428DBu, 0x8EBC6AF09C88C6E3u, 0x589965CC75374CC3u};

void seed_hashes(const uint8_t seed[32]) { memcpy(secret, seed, sizeof secret); }

static uint64_t multiplied(uint64_t one, uint64_t other) {
    unsigned __int128 product = (unsigned __int128)one * other;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_text(unsigned role, const uint8_t *text, size_t size) {
    uint64_t hash = secret[0] ^ ((uint64_t)role << 56) ^ size, low, high;
    for (; size > 16; text += 16, size -= 16) {
        memcpy(&low, text, 8);
        memcpy(&high, text + 8, 8);
        hash = multiplied(low ^ secret[1], high ^ hash);
    }
    low = high = 0;
    memcpy(&low, text, size < 8 ? size : 8);
    if (size > 8) memcpy(&high, text + 8, size - 8);
    hash = multiplied(low ^ secret[2], high ^ hash);
    return multiplied(hash ^ secret[3], secret[1]);
}

uint64_t hash_more(uint64_t row, uint64_t hash) { return multiplied(row ^ secret[3], hash ^ secret[2]) + hash; }

/* ---- texts ---- */

static int is_blank(uint32_t code) {
    if (code < 0x80) return (code >= 9 && code <= 13) || (code >= 28 && code <= 32);
    return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

static int says_something(const uint8_t *text, size_t size) {
    for (size_t at = 0; at < size; at++)
        if (!goes_on(text[at]) && !is_blank(code_at(text + at))) return 1;
    return 0;
}

int is_ascii(const uint8_t *text, size_t size) {
    uint64_t all = 0, some;
    for (; size >= 8; text += 8, size -= 8) {
        memcpy(&some, text, 8);
        all |= some;
    }
    for (; size; text++, size--) all |= *text;
    return !(all & 0x8080808080808080u);
}

static uint8_t ending(const Reader *r, const uint8_t *text, size_t size) {
    if (size < ENOUGH * 4 && length_of(text, size) < ENOUGH) return BRIEF;
    size_t at = size - 1;
    while (goes_on(text[at])) at--;
    uint32_t last = code_at(text + at);
    for (size_t which = 0; which < r->n_closing; which++)
        if (r->closing[which] == last) return CLOSED;
    return OPEN;
}

/* ---- results ---- */

/* Return items with room for more, the same or moved; NULL without memory, and the old ones stay. */
static void *with_room(void *items, size_t *room, size_t held, size_t more, size_t size) {
    if (items && held + more <= *room) return items;
    size_t wanted = (held + more) * 2 + 64;
    void *grown = realloc(items, wanted * size);
    if (grown) *room = wanted;
    return grown;
}
#define MAKE_ROOM(f, what, more) \
    do { \
        void *grown = with_room((f)->what, &(f)->room_##what, (f)->n_##what, more, sizeof *(f)->what); \
        if (!grown) return 0; \
        (f)->what = grown; \
    } while (0)

static int leave(Found *f, size_t line, size_t start, size_t end) {
    MAKE_ROOM(f, left, 1);
    f->left[f->n_left++] = (Left){(int32_t)line, (int32_t)start, (int32_t)end};
    return 1;
}

/* Count and search one text; -1 without memory. */
static int32_t look_at(Reader *r, int role, const uint8_t *text, size_t size, Marks *marks) {
    int64_t count = r->counter ? counter_count(r->counter, text, size) : 0;
    if (count < 0 || !automata_search(r->automata, r->heard[role == UNTAUGHT ? USER : role], text, size, marks)) return -1;
    return (int32_t)count;
}

/* The same for a system prompt, which most examples of a file share. */
static int32_t look_at_system(Reader *r, const uint8_t *text, size_t size, uint64_t hash, Marks *marks) {
    KeptText *kept = r->kept + hash % KEPT;
    if (size > KEPT_SIZE) return look_at(r, SYSTEM, text, size, marks);
    if (!kept->text || kept->hash != hash || kept->size != size || memcmp(kept->text, text, size)) {
        Marks found = {0, 0};
        int32_t count = look_at(r, SYSTEM, text, size, &found);
        uint8_t *copy = realloc(kept->text, size);
        if (count < 0 || !copy) {
            if (copy) kept->text = copy;
            kept->size = 0;
            return -1;
        }
        memcpy(copy, text, size);
        *kept = (KeptText){hash, copy, size, count, found};
    }
    *marks = kept->marks;
    return kept->count;
}

static void forget(Reader *r) {
    for (int at = 0; at < KEPT; at++) free(r->kept[at].text);
    memset(r->kept, 0, sizeof r->kept);
}

static int add_texts(Reader *r, Found *f, int n, Example *example) {
    uint64_t context = 0, before = 0;
    MAKE_ROOM(f, texts, (size_t)n);
    MAKE_ROOM(f, suspects, (size_t)n);
    example->tokens = PER_EXAMPLE + PER_MESSAGE * n;
    for (int at = 0; at < n; at++) {
        const Said *said = r->said + at;
        const uint8_t *text = f->arena + said->start;
        Marks marks = {0, 0};
        uint64_t hash = hash_text((unsigned)said->role, text, said->size);
        int32_t count = said->role == SYSTEM ? look_at_system(r, text, said->size, hash, &marks)
                                             : look_at(r, said->role, text, said->size, &marks);
        if (count < 0) return 0;
        if (marks.low | marks.high)
            f->suspects[f->n_suspects++] = (Suspect){(int32_t)f->n_examples, (int32_t)f->n_texts, marks};
        f->texts[f->n_texts++] = (Text){(int32_t)said->start, (int32_t)said->size, count, said->role == ASSISTANT};
        example->tokens += count;
        if (said->role == ASSISTANT) example->trained += count;
        if (said->role == SYSTEM) example->system = hash;
        if (at + 1 == n) example->target = hash;
        else context = hash_more(context, hash);
        if (at + 3 == n) before = context;
    }
    example->context = context;
    example->before = before;
    return 1;
}

/* Take a line in, or leave it; returns 0 without memory. */
static int line(Reader *r, Found *f, const uint8_t *raw, size_t start, size_t end, size_t longest, size_t *used) {
    size_t number = f->n_lines++;
    int n = end > start && end - start < longest ? read_messages((Input){raw + start, raw + end}, f->arena, *used, r->said, MESSAGES) : 0;
    for (int at = 0; at < n; at++) {
        const Said *said = r->said + at;
        const uint8_t *text = f->arena + said->start;
        int odd = !says_something(text, said->size);
        if (!odd && said->role == ASSISTANT && said->size >= LOOP) odd = loops(text, said->size, is_ascii(text, said->size));
        if (odd) n = 0;
    }
    if (!n) return leave(f, number, start, end);
    MAKE_ROOM(f, examples, 1);
    const Said *last = r->said + n - 1;
    Example example = {.line = (int32_t)number,
                       .instructed = r->said[0].role == SYSTEM,
                       .ending = ending(r, f->arena + last->start, last->size)};
    if (!add_texts(r, f, n, &example)) return 0;
    example.texts = (int32_t)f->n_texts;
    f->examples[f->n_examples++] = example;
    *used = last->start + last->size;
    return 1;
}

int reader_examine(Reader *r, Automaton **automata, const unsigned heard[ROLES], const uint8_t *raw, size_t size, size_t longest,
                   Found *f) {
    size_t used = 0;
    memset(f, 0, sizeof *f);
    if (r->heard[SYSTEM] != heard[SYSTEM]) forget(r);
    r->automata = automata;
    memcpy(r->heard, heard, sizeof r->heard);
    if (size >= INT32_MAX / 2 || !(f->arena = malloc(size + 64))) return 0;
    for (size_t start = 0; start <= size;) {
        const uint8_t *feed = memchr(raw + start, '\n', size - start);
        size_t end = feed ? (size_t)(feed - raw) : size;
        if (!line(r, f, raw, start, end, longest, &used)) return 0;
        start = end + 1;
    }
    return 1;
}

uint8_t found_language(const Found *f, size_t example, const Tongues *tongues) {
    const Text *answer = f->texts + f->examples[example].texts - 1;
    const uint8_t *text = f->arena + answer->start;
    if (memchr("{[<`|", text[0], 5) || (f->examples[example].ending == BRIEF && is_ascii(text, (size_t)answer->size)))
        return NO_LANGUAGE;
    return language_of(tongues, text, (size_t)answer->size);
}

uint8_t found_asked(const Found *f, size_t example, const Tongues *tongues) {
    const Text *question = f->texts + f->examples[example].texts - 2;
    return language_of(tongues, f->arena + question->start, (size_t)question->size);
}

void found_clear(Found *f) {
    free(f->arena);
    free(f->texts);
    free(f->examples);
    free(f->suspects);
    free(f->left);
    memset(f, 0, sizeof *f);
}

Reader *reader_new(Counter *counter, const uint32_t *closing, size_t n_closing) {
    Reader *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->counter = counter;
    r->n_closing = n_closing < 64 ? n_closing : 64;
    memcpy(r->closing, closing, r->n_closing * sizeof *closing);
    return r;
}

void reader_free(Reader *r) {
    if (!r) return;
    forget(r);
    free(r);
}
