/* One pass over a block of lines: JSON, shape, texts, tokens, patterns, hashes.
 *
 * A plain line is {"messages": [...]} of an optional system message, then user and assistant in turn, each with a role
 * and a text that says something, and nothing else. Whatever else a line is, it is left to the caller, who looks
 * closely; so nothing here has to say what is wrong. Sources: RFC 8259 (JSON), RFC 3629 (UTF-8). */

#include "lines.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define MESSAGES 1024
#define PER_EXAMPLE 3
#define PER_MESSAGE 4
#define LOOP 40 /* characters from which on a text may loop */
#define PROBE 8
#define LONG_PIECE 20
#define TELLING 400
#define END 30
#define ENOUGH 20 /* characters from which on an answer is no mere label */
#define KEPT 64   /* system prompts that are kept in mind, of up to */
#define KEPT_SIZE 65536

typedef struct {
    size_t start, size;
    int role;
} Said;

typedef struct {
    uint64_t hash;
    uint8_t *text;
    size_t size;
    int32_t count;
    Marks marks;
} Kept;

struct Reader {
    Counter *counter;
    Automaton **automata;
    unsigned heard[ROLES];
    uint32_t closing[64];
    size_t n_closing;
    Said said[MESSAGES];
    Kept kept[KEPT];
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

/* ---- texts that loop ---- */

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

static int goes_on(uint8_t byte) { return (byte & 0xC0) == 0x80; }

static size_t length_of(const uint8_t *text, size_t size) {
    size_t length = 0;
    for (size_t at = 0; at < size; at++) length += !goes_on(text[at]);
    return length;
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

/* ---- JSON ---- */

typedef struct {
    const uint8_t *at, *end;
} Input;

static void skip_blanks(Input *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\r')) in->at++;
}

static int take(Input *in, uint8_t sign) {
    skip_blanks(in);
    if (in->at == in->end || *in->at != sign) return 0;
    in->at++;
    return 1;
}

static int take_word(Input *in, const char *word, size_t size) {
    if ((size_t)(in->end - in->at) < size || memcmp(in->at, word, size)) return 0;
    in->at += size;
    return 1;
}
#define TAKE(in, word) take_word(in, word, sizeof word - 1)

/* Bytes of the valid character at `at`, which is not ASCII, or 0. */
static size_t character(const uint8_t *at, const uint8_t *end) {
    size_t left = (size_t)(end - at);
    if (*at < 0xC2) return 0;
    if (*at < 0xE0) return left >= 2 && goes_on(at[1]) ? 2 : 0;
    if (*at < 0xF0) {
        if (left < 3 || !goes_on(at[1]) || !goes_on(at[2])) return 0;
        if ((*at == 0xE0 && at[1] < 0xA0) || (*at == 0xED && at[1] > 0x9F)) return 0;
        return 3;
    }
    if (*at > 0xF4 || left < 4 || !goes_on(at[1]) || !goes_on(at[2]) || !goes_on(at[3])) return 0;
    if ((*at == 0xF0 && at[1] < 0x90) || (*at == 0xF4 && at[1] > 0x8F)) return 0;
    return 4;
}

static int hex(const uint8_t *at, uint32_t *value) {
    *value = 0;
    for (int digit = 0; digit < 4; digit++) {
        uint8_t byte = at[digit], low = byte | 0x20;
        if (byte >= '0' && byte <= '9') *value = *value << 4 | (uint32_t)(byte - '0');
        else if (low >= 'a' && low <= 'f') *value = *value << 4 | (uint32_t)(low - 'a' + 10);
        else return 0;
    }
    return 1;
}

static uint8_t *put(uint8_t *out, uint32_t code) {
    if (code < 0x80) {
        *out++ = (uint8_t)code;
    } else if (code < 0x800) {
        *out++ = (uint8_t)(0xC0 | code >> 6);
        *out++ = (uint8_t)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (uint8_t)(0xE0 | code >> 12);
        *out++ = (uint8_t)(0x80 | (code >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (code & 0x3F));
    } else {
        *out++ = (uint8_t)(0xF0 | code >> 18);
        *out++ = (uint8_t)(0x80 | (code >> 12 & 0x3F));
        *out++ = (uint8_t)(0x80 | (code >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (code & 0x3F));
    }
    return out;
}

/* Take what stands behind a backslash, as one character. */
static uint8_t *escape(Input *in, uint8_t *out) {
    static const uint8_t meant[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                       ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    if (in->at == in->end) return NULL;
    uint8_t sign = *in->at++;
    if (sign != 'u') {
        if (sign >= 128 || !meant[sign]) return NULL;
        *out++ = meant[sign];
        return out;
    }
    uint32_t code, low;
    if (in->end - in->at < 4 || !hex(in->at, &code)) return NULL;
    in->at += 4;
    if (code < 0xD800 || code > 0xDFFF) return put(out, code);
    if (code > 0xDBFF || in->end - in->at < 6 || in->at[0] != '\\' || in->at[1] != 'u') return NULL;
    if (!hex(in->at + 2, &low) || low < 0xDC00 || low > 0xDFFF) return NULL;
    in->at += 6;
    return put(out, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
}

/* Take a string whose first quotation mark is taken, and write its UTF-8; NULL where it is not valid. */
static uint8_t *string(Input *in, uint8_t *out) {
    for (;;) {
#ifdef __SSE2__
        while (in->end - in->at >= 16) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)in->at);
            __m128i special = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
            special = _mm_or_si128(special, _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20))); /* signed: not ASCII, too */
            unsigned mask = (unsigned)_mm_movemask_epi8(special);
            _mm_storeu_si128((__m128i *)out, bytes);
            unsigned plain = mask ? (unsigned)__builtin_ctz(mask) : 16;
            in->at += plain;
            out += plain;
            if (mask) break;
        }
#endif
        if (in->at == in->end) return NULL;
        uint8_t byte = *in->at;
        if (byte == '"') {
            in->at++;
            return out;
        }
        if (byte == '\\') {
            in->at++;
            if (!(out = escape(in, out))) return NULL;
        } else if (byte >= 0x80) {
            do {
                size_t size = character(in->at, in->end);
                if (!size) return NULL;
                for (size_t each = 0; each < size; each++) *out++ = *in->at++;
            } while (in->at < in->end && *in->at >= 0x80);
        } else if (byte < 0x20) {
            return NULL;
        } else {
            *out++ = byte;
            in->at++;
        }
    }
}

static int role(Input *in) {
    if (!take(in, '"')) return -1;
    if (TAKE(in, "user\"")) return USER;
    if (TAKE(in, "assistant\"")) return ASSISTANT;
    return TAKE(in, "system\"") ? SYSTEM : -1;
}

/* Take a message of a role and a text, in either order; returns where its text ends, NULL for anything else. */
static uint8_t *message(Input *in, uint8_t *out, Said *said) {
    int known = 0;
    if (!take(in, '{')) return NULL;
    for (int member = 0; member < 2; member++) {
        if ((member && !take(in, ',')) || !take(in, '"')) return NULL;
        if (!(known & 1) && TAKE(in, "role\"")) {
            known |= 1;
            if (!take(in, ':') || (said->role = role(in)) < 0) return NULL;
        } else if (!(known & 2) && TAKE(in, "content\"")) {
            known |= 2;
            if (!take(in, ':') || !take(in, '"') || !(out = string(in, out))) return NULL;
        } else {
            return NULL;
        }
    }
    return take(in, '}') ? out : NULL;
}

/* Read a line's messages; returns how many, 0 for a line that is not plain. */
static int messages(Reader *r, Input in, uint8_t *arena, size_t used) {
    int n = 0, before = -1;
    uint8_t *out = arena + used;
    if (!take(&in, '{') || !take(&in, '"') || !TAKE(&in, "messages\"") || !take(&in, ':') || !take(&in, '[')) return 0;
    do {
        if (n == MESSAGES) return 0;
        Said *said = r->said + n;
        said->start = (size_t)(out - arena);
        if (!(out = message(&in, out, said))) return 0;
        said->size = (size_t)(out - arena) - said->start;
        int follows = before == USER ? said->role == ASSISTANT : said->role == USER || (before < 0 && said->role == SYSTEM);
        if (!follows) return 0;
        before = said->role;
        n++;
    } while (take(&in, ','));
    if (before != ASSISTANT || !take(&in, ']') || !take(&in, '}')) return 0;
    skip_blanks(&in);
    return in.at == in.end ? n : 0;
}

/* ---- texts ---- */

static uint32_t code_at(const uint8_t *at) {
    if (*at < 0x80) return *at;
    if (*at < 0xE0) return (*at & 0x1Fu) << 6 | (at[1] & 0x3Fu);
    if (*at < 0xF0) return (*at & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    return (*at & 0x07u) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 | (at[3] & 0x3Fu);
}

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
    if (count < 0 || !automata_search(r->automata, r->heard[role], text, size, marks)) return -1;
    return (int32_t)count;
}

/* The same for a system prompt, which most examples of a file share. */
static int32_t look_at_system(Reader *r, const uint8_t *text, size_t size, uint64_t hash, Marks *marks) {
    Kept *kept = r->kept + hash % KEPT;
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
        *kept = (Kept){hash, copy, size, count, found};
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
        f->texts[f->n_texts++] = (Text){(int32_t)said->start, (int32_t)said->size, count};
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
    int n = end > start && end - start < longest ? messages(r, (Input){raw + start, raw + end}, f->arena, *used) : 0;
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
