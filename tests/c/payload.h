/* SPDX-License-Identifier: Apache-2.0 */
/* The payloads of tests/peers/payloads.py: of any length, with a known byte at every offset. */
#ifndef WSLINE_TESTS_PAYLOAD_H
#define WSLINE_TESTS_PAYLOAD_H

#include "check.h"

enum { NOISE_BYTES = 65521, LINE_BYTES = 15, LINES = 65521, LINES_BYTES = LINE_BYTES * LINES };

/* A repeated block, for messages larger than memory. Any thread may request it. */
struct payload {
    const uint8_t *block;
    size_t size;
};

/* Not compressible by deflate. */
static inline struct payload payload_noise(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint8_t block[NOISE_BYTES];
    static bool made;
    uint32_t state = 1;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; !made && i < NOISE_BYTES; i++) {
        state = state * 1103515245 + 12345;
        block[i] = (uint8_t)(state >> 24);
    }
    made = true;
    pthread_mutex_unlock(&lock);
    return (struct payload){block, NOISE_BYTES};
}

/* Text in lines of 15 bytes that are all different. */
static inline struct payload payload_lines(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char block[LINES_BYTES + 1];
    static bool made;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; !made && i < LINES; i++)
        snprintf(block + i * LINE_BYTES, LINE_BYTES + 1, "%05zx%s", i,
                 "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    made = true;
    pthread_mutex_unlock(&lock);
    return (struct payload){(const uint8_t *)block, LINES_BYTES};
}

/* The contiguous piece of it that starts at `at`, at most `*len` bytes. */
static inline const uint8_t *payload_piece(struct payload payload, uint64_t at, size_t *len) {
    size_t phase = (size_t)(at % payload.size);

    if (*len > payload.size - phase) *len = payload.size - phase;
    return payload.block + phase;
}

/* Whether `data` equals the payload at `at`. */
static inline bool payload_is(struct payload payload, uint64_t at, const uint8_t *data,
                              size_t len) {
    while (len > 0) {
        size_t step = len;
        const uint8_t *piece = payload_piece(payload, at, &step);

        if (memcmp(piece, data, step) != 0) return false;
        at += step;
        data += step;
        len -= step;
    }
    return true;
}

/* A copy of its first bytes. */
static inline uint8_t *payload_copy(struct payload payload, size_t len) {
    uint8_t *copy = malloc(len + 1);
    size_t at = 0;

    REQUIRE(copy != NULL);
    while (at < len) {
        size_t step = len - at;
        const uint8_t *piece = payload_piece(payload, at, &step);

        memcpy(copy + at, piece, step);
        at += step;
    }
    return copy;
}

/* RFC 1950 section 8.2; starts with 1. */
static inline uint32_t payload_adler32(uint32_t adler, const uint8_t *data, size_t len) {
    uint32_t a = adler & 0xffff, b = adler >> 16;

    while (len > 0) {
        /* The number of bytes before a 32-bit sum could overflow. */
        size_t step = len < 5552 ? len : 5552;

        for (size_t i = 0; i < step; i++) {
            a += data[i];
            b += a;
        }
        a %= 65521;
        b %= 65521;
        data += step;
        len -= step;
    }
    return b << 16 | a;
}

#endif
