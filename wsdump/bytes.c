/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text. */
#include "bytes.h"

#include <string.h>

enum { BYTES_IN_A_ROW = 16 };

static bool is_printable(uint8_t byte) { return byte >= ' ' && byte <= '~'; }

static void write_escaped(FILE *out, const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\\')
            fputs("\\\\", out);
        else if (is_printable(data[i]))
            putc(data[i], out);
        else
            fprintf(out, "\\x%02x", data[i]);
    }
}

/* Like `hexdump -C`: the offset, the bytes in hexadecimal, and their ASCII characters. */
static void write_row(FILE *out, size_t at, const uint8_t *row, size_t len) {
    fprintf(out, "%08zx", at);
    for (size_t i = 0; i < BYTES_IN_A_ROW; i++) {
        fputs(i % 8 == 0 ? "  " : " ", out);
        if (i < len)
            fprintf(out, "%02x", row[i]);
        else
            fputs("  ", out);
    }
    fputs("  |", out);
    for (size_t i = 0; i < len; i++) putc(is_printable(row[i]) ? row[i] : '.', out);
    putc('|', out);
}

static void write_hex_dump(FILE *out, const uint8_t *data, size_t len) {
    fprintf(out, "%zu byte%s", len, len == 1 ? "" : "s");
    for (size_t at = 0; at < len; at += BYTES_IN_A_ROW) {
        size_t left = len - at;
        putc('\n', out);
        write_row(out, at, data + at, left < BYTES_IN_A_ROW ? left : BYTES_IN_A_ROW);
    }
}

static void write_base64(FILE *out, const uint8_t *data, size_t len) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t at = 0; at < len; at += 3) {
        size_t count = len - at < 3 ? len - at : 3;
        uint32_t group = (uint32_t)data[at] << 16;
        char quad[] = "====";

        if (count > 1) group |= (uint32_t)data[at + 1] << 8;
        if (count > 2) group |= data[at + 2];
        for (size_t i = 0; i <= count; i++) quad[i] = digits[group >> (18 - 6 * i) & 63];
        fputs(quad, out);
    }
}

void bytes_write(FILE *out, const uint8_t *data, size_t len, enum bytes_form form) {
    switch (form) {
    case BYTES_ESCAPED:
        write_escaped(out, data, len);
        break;
    case BYTES_HEX:
        write_hex_dump(out, data, len);
        break;
    case BYTES_BASE64:
        write_base64(out, data, len);
        break;
    }
}

static int hex_digit(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    return found == NULL ? -1 : (int)(found - digits);
}

bool bytes_from_hex(const char *text, uint8_t *data_out, size_t *len_out) {
    *len_out = 0;
    while (*text != '\0') {
        if (*text == ' ' || *text == ':') {
            text++;
            continue;
        }
        int high = hex_digit(text[0]);
        int low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0) return false;
        data_out[(*len_out)++] = (uint8_t)(high * 16 + low);
        text += 2;
    }
    return true;
}
