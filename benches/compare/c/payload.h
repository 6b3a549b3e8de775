/* SPDX-License-Identifier: Apache-2.0 */
/* payload.h - the payloads every party generates (C/C++ copy; rust/python/js have the same rules).
 *   binary: byte i = (i * 31 + 7) & 255
 *   text  : UTF8_UNIT repeated, cut at a character boundary, padded with 'x'
 *   json  : JSON-like text, different for each idx (0..63), padded with spaces before the last '}'
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#define UTF8_UNIT                                                                                  \
    "Hi w\xC3\xB6rld \xE2\x9C\x93 \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80, plain ascii words "   \
    "follow "                                                                                      \
    "here; "

static inline void fill_text(uint8_t *p, size_t n) {
    static const char u[] = UTF8_UNIT;
    size_t ul = sizeof u - 1, i;
    for (i = 0; i < n; i++) p[i] = (uint8_t)u[i % ul];
    if (!n) return;
    /* drop an incomplete last character */
    size_t k = n, back = 0;
    while (k > 0 && back < 4 && (p[k - 1] & 0xC0) == 0x80) k--, back++;
    if (k == 0) return;
    uint8_t b = p[k - 1];
    size_t need = b < 0x80 ? 0 : b >= 0xF0 ? 3 : b >= 0xE0 ? 2 : 1;
    if (need != back)
        for (i = k - 1; i < n; i++) p[i] = 'x';
}
static inline void fill_payload(uint8_t *p, size_t n, int text) {
    if (text)
        fill_text(p, n);
    else
        for (size_t i = 0; i < n; i++) p[i] = (uint8_t)(i * 31 + 7);
}
static inline void fill_json(uint8_t *p, size_t n, unsigned idx) {
    uint32_t x = 2463534242u + idx * 2654435761u;
    size_t o = 0;
    char b[160];
    int k = snprintf(b, sizeof b, "{\"idx\":%u,\"items\":[", idx);
    if ((size_t)k > n) k = (int)n;
    memcpy(p, b, (size_t)k);
    o = (size_t)k;
    for (unsigned r = 0;; r++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        k = snprintf(
            b, sizeof b,
            "%s{\"id\":%u,\"symbol\":\"SYM%03u\",\"price\":%u.%02u,\"qty\":%u,\"side\":\"%s\"}",
            r ? "," : "", idx * 1000 + r, x % 997, x % 50000, (x >> 8) % 100, (x >> 16) % 1000,
            x & 1 ? "buy" : "sell");
        if (o + (size_t)k + 2 > n) break;
        memcpy(p + o, b, (size_t)k);
        o += (size_t)k;
    }
    while (o + 2 < n) p[o++] = ' ';
    if (o + 2 <= n) p[o++] = ']';
    if (o < n) p[o++] = '}';
    while (o < n) p[o++] = ' ';
}
