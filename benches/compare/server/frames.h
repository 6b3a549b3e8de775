/* SPDX-License-Identifier: Apache-2.0 */
/* Received frames: echoed, counted, or answered. */
#pragma once
#include "connection.h"
#include <stdint.h>
#include <string.h>

/* masked copy; phase = payload offset mod 4 */
static void xor_copy(uint8_t *__restrict d, const uint8_t *__restrict s, size_t n, uint32_t mask,
                     unsigned phase) {
    uint32_t m4 = phase ? (mask >> (8 * phase) | mask << (32 - 8 * phase)) : mask;
    uint64_t m8 = (uint64_t)m4 << 32 | m4;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t v;
        memcpy(&v, s + i, 8);
        v ^= m8;
        memcpy(d + i, &v, 8);
    }
    for (; i < n; i++) d[i] = s[i] ^ (uint8_t)(m8 >> (8 * (i & 7)));
}

static int ctrl_frame(struct conn *c) {
    if (c->op == 9)
        put_frame(c, 0x8A, c->ctrl, c->ctrllen);
    else if (c->op == 8) {
        if (!c->sent_close) put_frame(c, 0x88, c->ctrl, c->ctrllen >= 2 ? 2 : 0);
        c->sent_close = 1;
        c->dying = 1;
    }
    c->st = S_HDR;
    return 0;
}

static int parse(struct conn *c, const uint8_t *p, size_t n) {
    const uint8_t *e = p + n;
    while (p < e && !c->dying) {
        if (c->st == S_HDR) {
            const uint8_t *h;
            unsigned need;
            if (!c->hlen && e - p >= 14) {
                h = p;
                unsigned l7 = p[1] & 127;
                need = 2 + (l7 == 126 ? 2 : l7 == 127 ? 8 : 0) + (p[1] >> 7 ? 4 : 0);
                p += need;
            } else {
                for (;;) {
                    need = 2;
                    if (c->hlen >= 2) {
                        unsigned l7 = c->hdr[1] & 127;
                        need += (l7 == 126 ? 2 : l7 == 127 ? 8 : 0) + (c->hdr[1] >> 7 ? 4 : 0);
                        if (c->hlen >= need) break;
                    }
                    if (p == e) return 0;
                    c->hdr[c->hlen++] = *p++;
                }
                h = c->hdr;
                c->hlen = 0;
            }
            if (!(h[1] & 0x80)) return -1; /* client frames must be masked */
            unsigned l7 = h[1] & 127;
            uint64_t len = l7;
            if (l7 == 126)
                len = (uint64_t)h[2] << 8 | h[3];
            else if (l7 == 127) {
                len = 0;
                for (int i = 0; i < 8; i++) len = len << 8 | h[2 + i];
            }
            memcpy(&c->mask, h + need - 4, 4);
            c->mphase = 0;
            c->op = h[0] & 15;
            c->fin = h[0] >> 7;
            c->rem = len;
            if (c->op >= 8) {
                if (len > 125) return -1;
                c->ctrllen = (unsigned)len;
                c->ctrlgot = 0;
                c->st = S_CTRL;
                if (!len) {
                    ctrl_frame(c);
                    continue;
                }
            } else {
                if (c->mode == M_ECHO) c->ot += put_hdr(out_space(c, 14), h[0], len);
                c->st = S_DATA;
            }
        }
        if (c->st == S_DATA) {
            size_t m = (size_t)(e - p);
            if (m > c->rem) m = (size_t)c->rem;
            if (c->mode == M_ECHO && m) {
                xor_copy(out_space(c, m), p, m, c->mask, c->mphase);
                c->ot += m;
            }
            c->mphase = (c->mphase + (unsigned)(m & 3)) & 3;
            c->rem -= m;
            p += m;
            if (!c->rem) {
                c->st = S_HDR;
                if (c->mode == M_SINK && c->fin && ++c->seen == c->count)
                    put_frame(c, 0x81, "done", 4);
            }
        } else if (c->st == S_CTRL) {
            while (p < e && c->ctrlgot < c->ctrllen) {
                c->ctrl[c->ctrlgot] = *p++ ^ (uint8_t)(c->mask >> (8 * (c->ctrlgot & 3)));
                c->ctrlgot++;
            }
            if (c->ctrlgot == c->ctrllen) ctrl_frame(c);
        }
    }
    return 0;
}
