/* SPDX-License-Identifier: Apache-2.0 */
/* raw.c - the physical limit: prebuilt frames, no WebSocket logic, byte counting only. */
#include "net.h"
#define RB (256 * 1024) /* write batches */
#define RR (256 * 1024) /* reads */
static uint8_t *rb;

static size_t hdr(uint8_t *h, uint8_t b0, uint64_t n, int mask) {
    size_t k = 2;
    h[0] = b0;
    if (n < 126)
        h[1] = (uint8_t)n;
    else if (n < 65536)
        h[1] = 126, h[2] = (uint8_t)(n >> 8), h[3] = (uint8_t)n, k = 4;
    else {
        h[1] = 127;
        for (int i = 0; i < 8; i++) h[2 + i] = (uint8_t)(n >> (56 - 8 * i));
        k = 10;
    }
    if (mask) {
        h[1] |= 0x80;
        memset(h + k, 0, 4);
        k += 4;
    } /* zero key: the payload is its own masked form */
    return k;
}
static void read_total(net_t *s, uint64_t n) { /* n bytes, discarded */
    while (n) {
        ssize_t r = net_read(s, rb, RR);
        if (r <= 0) DIE("read");
        n -= (uint64_t)r;
    }
}
static void do_close(net_t *s) {
    static const uint8_t cl[] = {0x88, 0x82, 0, 0, 0, 0, 3, 0xE8};
    net_write_all(s, cl, sizeof cl);
    while (net_read(s, rb, RB) > 0) {
    }
    net_close(s);
}
int main(int argc, char **argv) {
    bench_t b;
    net_t s;
    bench_args(&b, "raw", argc, argv);
    if (b.deflate) UNSUPPORTED("raw: no deflate");
    rb = malloc(RB);
    memset(rb, 1, RB);
    uint8_t h[14];
    size_t hl = hdr(h, b.text ? 0x81 : 0x82, b.size, 1), fl = hl + b.size;
    size_t rfl = fl - 4; /* the same frame unmasked */
    uint8_t *pl = bench_payload(&b);
    if (!strcmp(b.kind, "echo")) {
        uint8_t *f = malloc(fl * b.window);
        for (unsigned i = 0; i < b.window; i++)
            memcpy(f + i * fl, h, hl), memcpy(f + i * fl + hl, pl, b.size);
        if (net_open(&s, &b) || net_upgrade(&s, &b, rb, RB)) DIE("connect");
        bench_start(&b);
        for (uint64_t i = 0; i < b.count;) {
            unsigned w = b.window;
            if (w > b.count - i) w = (unsigned)(b.count - i);
            if (net_write_all(&s, f, fl * w)) DIE("write");
            read_total(&s, rfl * w);
            i += w;
        }
        bench_stop(&b);
        do_close(&s);
    } else if (!strcmp(b.kind, "source")) {
        bench_start(&b);
        ssize_t l;
        if (net_open(&s, &b) || (l = net_upgrade(&s, &b, rb, RB)) < 0) DIE("connect");
        read_total(&s, b.count * rfl + 4 - (uint64_t)l);
        do_close(&s);
        bench_stop(&b);
    } else if (!strcmp(b.kind, "sink")) {
        size_t k = RB / fl + 1;
        if (k > b.count) k = b.count;
        uint8_t *f = malloc(fl * k);
        for (size_t i = 0; i < k; i++)
            memcpy(f + i * fl, h, hl), memcpy(f + i * fl + hl, pl, b.size);
        if (net_open(&s, &b) || net_upgrade(&s, &b, rb, RB)) DIE("connect");
        bench_start(&b);
        for (uint64_t i = 0; i < b.count;) {
            size_t w = k;
            if (w > b.count - i) w = b.count - i;
            if (net_write_all(&s, f, fl * w)) DIE("write");
            i += w;
        }
        read_total(&s, 6);
        bench_stop(&b);
        do_close(&s);
    } else if (!strcmp(b.kind, "connect")) {
        if (net_open(&s, &b) || net_upgrade(&s, &b, rb, RB)) DIE("connect");
        do_close(&s);
        bench_start(&b);
        for (uint64_t i = 0; i < b.count; i++) {
            if (net_open(&s, &b) || net_upgrade(&s, &b, rb, RB)) DIE("connect");
            do_close(&s);
        }
        bench_stop(&b);
    } else if (!strcmp(b.kind, "idle")) {
        net_t *v = calloc(b.count, sizeof *v);
        if (net_open(&s, &b) || net_upgrade(&s, &b, rb, RB)) DIE("connect");
        uint8_t *f = malloc(fl);
        memcpy(f, h, hl);
        memcpy(f + hl, pl, b.size);
        b.rss0 = rss_kb();
        bench_start(&b);
        for (uint64_t i = 0; i < b.count; i++)
            if (net_open(&v[i], &b) || net_upgrade(&v[i], &b, rb, RB)) DIE("connect");
        b.rss1 = rss_kb();
        for (uint64_t i = 0; i < b.count; i++) {
            net_write_all(&v[i], f, fl);
            read_total(&v[i], rfl);
        }
        b.rss2 = rss_kb();
        bench_stop(&b);
        _exit(0);
    } else
        DIE("unknown scenario");
    return 0;
}
