/* Sources: RFC 8259 (JSON), RFC 3629 (UTF-8). */

#include "json.h"

#include "utf8.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/* Take a message of a role, a text and perhaps an answer's weight, in any order; returns where its text ends, NULL for
 * anything else. */
static uint8_t *message(Input *in, uint8_t *out, Said *said) {
    enum { ROLE = 1, CONTENT = 2, WEIGHT = 4 };
    int known = 0, weight = 1;
    if (!take(in, '{')) return NULL;
    do {
        if (!take(in, '"')) return NULL;
        if (!(known & ROLE) && TAKE(in, "role\"")) {
            known |= ROLE;
            if (!take(in, ':') || (said->role = role(in)) < 0) return NULL;
        } else if (!(known & CONTENT) && TAKE(in, "content\"")) {
            known |= CONTENT;
            if (!take(in, ':') || !take(in, '"') || !(out = string(in, out))) return NULL;
        } else if (!(known & WEIGHT) && TAKE(in, "weight\"")) {
            known |= WEIGHT;
            if (!take(in, ':') || (!(weight = take(in, '1')) && !take(in, '0'))) return NULL;
        } else {
            return NULL;
        }
    } while (take(in, ','));
    if (!take(in, '}') || (known & 3) != 3 || ((known & WEIGHT) && said->role != ASSISTANT)) return NULL;
    if (!weight) said->role = UNTAUGHT;
    return out;
}

int read_messages(Input in, uint8_t *arena, size_t used, Said *all, int most) {
    int n = 0, before = -1, taught = 0;
    uint8_t *out = arena + used;
    if (!take(&in, '{') || !take(&in, '"') || !TAKE(&in, "messages\"") || !take(&in, ':') || !take(&in, '[')) return 0;
    do {
        if (n == most) return 0;
        Said *said = all + n;
        said->start = (size_t)(out - arena);
        if (!(out = message(&in, out, said))) return 0;
        said->size = (size_t)(out - arena) - said->start;
        int answers = said->role == ASSISTANT || said->role == UNTAUGHT;
        int follows = before == USER ? answers : said->role == USER || (before < 0 && said->role == SYSTEM);
        if (!follows) return 0;
        taught |= said->role == ASSISTANT;
        before = said->role;
        n++;
    } while (take(&in, ','));
    if (!taught || before == USER || !take(&in, ']') || !take(&in, '}')) return 0;
    skip_blanks(&in);
    return in.at == in.end ? n : 0;
}
