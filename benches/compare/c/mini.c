/* SPDX-License-Identifier: Apache-2.0 */
/* mini.c - a hand-written minimal client that does the real protocol work (random masks, header
 * parsing, UTF-8 validation, whole contiguous messages) with the cheapest syscall pattern.  It is
 * no library: it shows how much of the distance between "raw" and the peers is avoidable, and it is
 * the worked example for the wsline slot: a client is five functions, then sync_driver.h. */
#define CLIENT_NAME "mini"
#include "net.h"
#include <sys/random.h>
#ifndef RCAP
#define RCAP (256 * 1024)
#endif
#ifndef WCAP
#define WCAP (1088 * 1024)
#endif
typedef struct bc {
    net_t s;
    uint8_t *r;
    size_t rh, rt; /* read buffer: [rh, rt) is unread */
    uint8_t *big;
    size_t bigcap; /* messages larger than the read buffer, or fragmented ones */
    uint8_t *w;
    size_t wt;
    uint32_t rng[16], keys[16];
    unsigned ki;
    int closed;
} bc;

__attribute__((target_clones("avx2", "default"))) static void
xor_copy(uint8_t *__restrict d, const uint8_t *__restrict s, size_t n, uint64_t m8) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t v;
        memcpy(&v, s + i, 8);
        v ^= m8;
        memcpy(d + i, &v, 8);
    }
    for (; i < n; i++) d[i] = s[i] ^ (uint8_t)(m8 >> (8 * (i & 7)));
}
static int utf8_ok(const uint8_t *p, size_t n) {
    const uint8_t *e = p + n;
    while (p < e) {
        if (e - p >= 8) {
            uint64_t v;
            memcpy(&v, p, 8);
            if (!(v & 0x8080808080808080ull)) {
                p += 8;
                continue;
            }
        }
        uint8_t c = *p;
        if (c < 0x80) {
            p++;
            continue;
        }
        unsigned k = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        if (c < 0xC2 || c > 0xF4 || (size_t)(e - p) <= k) return 0;
        uint8_t d = p[1];
        if ((d & 0xC0) != 0x80 || (c == 0xE0 && d < 0xA0) || (c == 0xED && d > 0x9F) ||
            (c == 0xF0 && d < 0x90) || (c == 0xF4 && d > 0x8F))
            return 0;
        if (k > 1 && (p[2] & 0xC0) != 0x80) return 0;
        if (k > 2 && (p[3] & 0xC0) != 0x80) return 0;
        p += k + 1;
    }
    return 1;
}
/* mask keys: ChaCha12 in user space, seeded once per connection; 16 keys a block, no system call
 * per message
 */
#define QR(a, b, c, d)                                                                             \
    (a += b, d ^= a, d = d << 16 | d >> 16, c += d, b ^= c, b = b << 12 | b >> 20, a += b, d ^= a, \
     d = d << 8 | d >> 24, c += d, b ^= c, b = b << 7 | b >> 25)
static __attribute__((noinline)) void more_keys(bc *c) {
    uint32_t x[16];
    memcpy(x, c->rng, sizeof x);
    for (int i = 0; i < 6; i++) {
        QR(x[0], x[4], x[8], x[12]);
        QR(x[1], x[5], x[9], x[13]);
        QR(x[2], x[6], x[10], x[14]);
        QR(x[3], x[7], x[11], x[15]);
        QR(x[0], x[5], x[10], x[15]);
        QR(x[1], x[6], x[11], x[12]);
        QR(x[2], x[7], x[8], x[13]);
        QR(x[3], x[4], x[9], x[14]);
    }
    for (int i = 0; i < 16; i++) c->keys[i] = x[i] + c->rng[i];
    if (!++c->rng[12]) c->rng[13]++;
    c->ki = 0;
}
static inline uint32_t key(bc *c) {
    if (c->ki == 16) more_keys(c);
    return c->keys[c->ki++];
}
static int bc_flush(bc *c) {
    if (!c->wt) return 0;
    int r = net_write_all(&c->s, c->w, c->wt);
    c->wt = 0;
    return r;
}
static int put(bc *c, uint8_t b0, const uint8_t *p, size_t n) {
    /* small messages share a 64 KiB batch (L2-hot); a big one starts on an empty buffer and goes
     * out in WCAP pieces */
    if (c->wt && c->wt + 14 + n > 65536 && bc_flush(c)) return -1;
    uint8_t *o = c->w + c->wt;
    size_t k = 2;
    o[0] = b0;
    if (n < 126)
        o[1] = 0x80 | (uint8_t)n;
    else if (n < 65536)
        o[1] = 0xFE, o[2] = (uint8_t)(n >> 8), o[3] = (uint8_t)n, k = 4;
    else {
        o[1] = 0xFF;
        for (int i = 0; i < 8; i++) o[2 + i] = (uint8_t)(n >> (56 - 8 * i));
        k = 10;
    }
    uint32_t m = key(c);
    uint64_t m8 = (uint64_t)m << 32 | m;
    memcpy(o + k, &m, 4);
    c->wt += k + 4;
    while (n) { /* chunks that stay in L2: mask, write, mask, write */
        size_t t = (WCAP - c->wt) & ~(size_t)7;
        if (t > n) t = n;
        xor_copy(c->w + c->wt, p, t, m8);
        c->wt += t;
        p += t;
        n -= t;
        if (n && bc_flush(c)) return -1;
    }
    return 0;
}
static int bc_send(bc *c, int text, const uint8_t *p, size_t n) {
    return put(c, text ? 0x81 : 0x82, p, n);
}

static bc *bc_open(const bench_t *b) {
    bc *c = calloc(1, sizeof *c);
    if (b->deflate) UNSUPPORTED("mini: no deflate");
    if (net_open(&c->s, b)) return 0;
    c->r = malloc(RCAP);
    c->w = malloc(WCAP);
    c->ki = 16;
    memcpy(c->rng, "expand 32-byte k", 16);
    if (getrandom(c->rng + 4, 32, 0) != 32) abort();
    c->rng[12] = c->rng[13] = 0;
    ssize_t l = net_upgrade(&c->s, b, c->r, RCAP);
    if (l < 0) return 0;
    c->rt = (size_t)l;
    return c;
}
static int fill(bc *c, size_t need) { /* make `need` bytes available contiguously (need <= RCAP) */
    if (c->rh == c->rt) c->rh = c->rt = 0;
    if (c->rh + need > RCAP) {
        memmove(c->r, c->r + c->rh, c->rt - c->rh);
        c->rt -= c->rh;
        c->rh = 0;
    }
    while (c->rt - c->rh < need) {
        ssize_t r = net_read(&c->s, c->r + c->rt, RCAP - c->rt);
        if (r <= 0) return -1;
        c->rt += (size_t)r;
    }
    return 0;
}
static int bc_recv(bc *c, const uint8_t **p, size_t *n) {
    size_t acc = 0;
    int op0 = 0;
    for (;;) {
        if (c->rt - c->rh < 2 && fill(c, 2)) return -1;
        uint8_t b0 = c->r[c->rh], b1 = c->r[c->rh + 1];
        size_t hl = 2;
        uint64_t len = b1;
        if (b1 > 127 || b0 & 0x70) return -1;
        if (b1 >= 126) {
            hl = b1 == 126 ? 4 : 10;
            if (c->rt - c->rh < hl && fill(c, hl)) return -1;
            const uint8_t *q = c->r + c->rh + 2;
            len = 0;
            for (size_t i = 2; i < hl; i++) len = len << 8 | *q++;
        }
        c->rh += hl;
        int op = b0 & 15;
        if (op >= 8) {
            if (len > 125 || fill(c, (size_t)len)) return -1;
            const uint8_t *q = c->r + c->rh;
            c->rh += (size_t)len;
            if (op == 9 && (put(c, 0x8A, q, (size_t)len) || bc_flush(c))) return -1;
            if (op == 8) {
                if (!c->closed && (put(c, 0x88, q, len >= 2 ? 2 : 0) || bc_flush(c))) return -1;
                c->closed = 2;
                return 0;
            }
            continue;
        }
        if (op) op0 = op;
        int fin = b0 >> 7;
        const uint8_t *m;
        size_t ml;
        if (fin && op &&
            len <= RCAP - 16) { /* common case: deliver straight from the read buffer */
            if (c->rt - c->rh < len && fill(c, (size_t)len)) return -1;
            m = c->r + c->rh;
            ml = (size_t)len;
            c->rh += ml;
        } else { /* large or fragmented: buffered data is copied, the rest is read in place */
            if (acc + len > c->bigcap) {
                c->bigcap = acc + (size_t)len;
                c->big = realloc(c->big, c->bigcap);
            }
            size_t have = c->rt - c->rh;
            if (have > len) have = (size_t)len;
            memcpy(c->big + acc, c->r + c->rh, have);
            c->rh += have;
            while (have < len) {
                ssize_t r = net_read(&c->s, c->big + acc + have, (size_t)len - have);
                if (r <= 0) return -1;
                have += (size_t)r;
            }
            acc += (size_t)len;
            if (!fin) continue;
            m = c->big;
            ml = acc;
        }
        if (op0 == 1 && !utf8_ok(m, ml)) return -1;
        *p = m;
        *n = ml;
        return op0;
    }
}
static void bc_close(bc *c) {
    if (!c->closed) {
        static const uint8_t code[2] = {3, 0xE8};
        c->closed = 1;
        put(c, 0x88, code, 2);
        bc_flush(c);
        const uint8_t *p;
        size_t n;
        while (bc_recv(c, &p, &n) > 0) {
        }
    }
    uint8_t t[64];
    while (net_read(&c->s, t, sizeof t) > 0) {
    } /* RFC 6455 7.1.1: the server closes TCP first */
    net_close(&c->s);
    free(c->r);
    free(c->w);
    free(c->big);
    free(c);
}
#include "sync_driver.h"
