/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping of text for terminals and for JSON. */
#include "escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Writes a substitute for the character; returns false if it needs none. */
typedef bool (*substitute_fn)(FILE *out, uint32_t character, const char *indent);

/* Added to a byte that is not valid UTF-8; larger than any character. */
enum { STRAY_BYTE = 0x110000 };

/* Decodes the first character of the text and returns its length in bytes. */
static size_t first_character(const uint8_t *text, size_t len, uint32_t *character_out) {
    size_t size = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;

    *character_out = size == 1 ? text[0] : text[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if (i == len || (text[i] & 0xc0) != 0x80 || text[0] < 0xc2 || text[0] > 0xf4) {
            *character_out = STRAY_BYTE + text[0];
            return 1;
        }
        *character_out = *character_out << 6 | (text[i] & 0x3f);
    }
    return size;
}

static void write_escaped(FILE *out, const uint8_t *text, size_t len, substitute_fn substitute,
                          const char *indent) {
    size_t begin = 0, at = 0;

    while (at < len) {
        uint32_t character;
        size_t size = first_character(text + at, len - at, &character);

        /* Characters that need no substitute are written in one piece. */
        if (character < ' ' || character > '~' || character == '"' || character == '\\') {
            fwrite(text + begin, 1, at - begin, out);
            begin = at;
            if (substitute(out, character, indent)) begin += size;
        }
        at += size;
    }
    fwrite(text + begin, 1, at - begin, out);
}

/* Control characters (C0, DEL, C1), Unicode line separators, and characters that change the writing
 * direction (Unicode Standard Annex 9). */
static bool is_control(uint32_t character) {
    return character < ' ' || (character >= 0x7f && character < 0xa0) || character == 0x61c ||
           character == 0x200e || character == 0x200f ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

static bool for_terminal(FILE *out, uint32_t character, const char *indent) {
    if (character == '\t') return false;
    if (character == '\n' && indent != NULL)
        fprintf(out, "\n%s", indent);
    else if (character == '\n')
        fputs("\\n", out);
    else if (character == '\r')
        fputs("\\r", out);
    else if (character >= STRAY_BYTE)
        fprintf(out, "\\x%02x", (unsigned)(character - STRAY_BYTE));
    else if (is_control(character))
        fprintf(out, character < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)character);
    else
        return false;
    return true;
}

static bool for_json(FILE *out, uint32_t character, const char *indent) {
    (void)indent;
    if (character == '"' || character == '\\')
        fprintf(out, "\\%c", (char)character);
    else if (character == '\n')
        fputs("\\n", out);
    else if (character == '\t')
        fputs("\\t", out);
    else if (character == '\r')
        fputs("\\r", out);
    else if (character >= STRAY_BYTE)
        fputs("\\ufffd", out);
    else if (is_control(character))
        fprintf(out, "\\u%04x", (unsigned)character);
    else
        return false;
    return true;
}

void escape_text(FILE *out, const void *text, size_t len, const char *indent) {
    write_escaped(out, text, len, for_terminal, indent);
}

void escape_line(FILE *out, const char *text) {
    write_escaped(out, (const uint8_t *)text, strlen(text), for_terminal, NULL);
}

void escape_json(FILE *out, const void *text, size_t len) {
    putc('"', out);
    write_escaped(out, text, len, for_json, NULL);
    putc('"', out);
}
