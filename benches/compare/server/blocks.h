/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of whole frames, made once for each size and kind of message. */
#pragma once
#include "../c/payload.h"
#include "connection.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define WRCHUNK (256 * 1024)

static struct block *g_blocks;

static struct block *get_block(size_t size, int text, int deflate_) {
    for (struct block *b = g_blocks; b; b = b->next)
        if (b->size == size && b->text == text && b->deflate == deflate_) return b;
    struct block *b = calloc(1, sizeof *b);
    b->size = size;
    b->text = text;
    b->deflate = deflate_;
    uint8_t op = text || deflate_ ? 0x81 : 0x82;
    if (deflate_) {
        b->nframes = 64;
        b->cum = malloc(64 * sizeof *b->cum);
        uint8_t *m = malloc(size + 64), *z = malloc(size * 2 + 1024);
        b->p = malloc(64 * (size * 2 + 1024));
        for (unsigned i = 0; i < 64; i++) {
            fill_json(m, size, i);
            z_stream s = {0};
            deflateInit2(&s, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
            s.next_in = m;
            s.avail_in = (uInt)size;
            s.next_out = z;
            s.avail_out = (uInt)(size * 2 + 1024);
            deflate(&s, Z_SYNC_FLUSH);
            size_t zl = s.total_out - 4; /* drop 00 00 ff ff */
            deflateEnd(&s);
            b->len += put_hdr(b->p + b->len, op | 0x40, zl);
            memcpy(b->p + b->len, z, zl);
            b->len += zl;
            b->cum[i] = b->len;
        }
        free(m);
        free(z);
    } else {
        uint8_t h[14];
        size_t hl = put_hdr(h, op, size), fl = hl + size, k = (WRCHUNK * 2) / fl + 1;
        b->nframes = k;
        b->len = k * fl;
        b->p = malloc(b->len);
        memcpy(b->p, h, hl);
        fill_payload(b->p + hl, size, text);
        for (size_t i = 1; i < k; i++) memcpy(b->p + i * fl, b->p, fl);
    }
    b->next = g_blocks;
    return g_blocks = b;
}
