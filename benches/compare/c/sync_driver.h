/* SPDX-License-Identifier: Apache-2.0 */
/* sync_driver.h - the scenarios, for any client that can be driven by five blocking calls.
 * Include it last, after defining CLIENT_NAME, struct bc and:
 *   bc  *bc_open (const bench_t *b)                       connect + opening handshake; NULL on
 * failure int  bc_send (bc *c, int text, const uint8_t *p, size_t n)   queue or send one message; p
 * must stay unchanged; 0 ok int  bc_flush(bc *c)                                  everything queued
 * is handed to the kernel; 0 ok int  bc_recv (bc *c, const uint8_t **p, size_t *n)    next whole
 * message, contiguous: 1 text, 2 binary; 0 closed; <0 error void bc_close(bc *c) closing handshake
 * (if still open), free */
#pragma once
#include "common.h"

static void drive_echo(bench_t *b, bc *c) {
    uint8_t **pl = bench_payloads(b);
    int text = b->text || b->deflate, want = text ? 1 : 2;
    const uint8_t *p = NULL;
    size_t n = 0;
    for (uint64_t i = 0; i < b->count;) {
        unsigned w = b->window;
        if (w > b->count - i) w = (unsigned)(b->count - i);
        for (unsigned j = 0; j < w; j++)
            if (bc_send(c, text, pl[(i + j) & 63], b->size)) DIE("send failed");
        if (bc_flush(c)) DIE("flush failed");
        for (unsigned j = 0; j < w; j++) {
            int k = bc_recv(c, &p, &n);
            if (k != want || n != b->size)
                DIE("echo %llu: type %d, %zu bytes", (unsigned long long)(i + j), k, n);
            if (n && (p[0] != pl[(i + j) & 63][0] || p[n - 1] != pl[(i + j) & 63][n - 1]))
                DIE("echo content");
        }
        i += w;
    }
}
static void drive_source(bench_t *b, bc *c) {
    const uint8_t *p = NULL;
    size_t n = 0;
    uint64_t m = 0;
    int k;
    while ((k = bc_recv(c, &p, &n)) > 0) {
        if (n != b->size) DIE("source: %zu bytes", n);
        m++;
    }
    if (m != b->count)
        DIE("source: %llu of %llu messages (%d)", (unsigned long long)m,
            (unsigned long long)b->count, k);
}
static void drive_sink(bench_t *b, bc *c) {
    uint8_t **pl = bench_payloads(b);
    int text = b->text || b->deflate;
    const uint8_t *p = NULL;
    size_t n = 0;
    for (uint64_t i = 0; i < b->count; i++)
        if (bc_send(c, text, pl[i & 63], b->size)) DIE("send failed");
    if (bc_flush(c)) DIE("flush failed");
    if (bc_recv(c, &p, &n) != 1 || n != 4) DIE("sink: no done");
}
int main(int argc, char **argv) {
    bench_t b;
    bench_args(&b, CLIENT_NAME, argc, argv);
    if (!strcmp(b.kind, "connect")) {
        bc *w = bc_open(&b); /* one-time costs of a process are not part of a connect */
        if (!w) DIE("connect failed");
        bc_close(w);
        bench_start(&b);
        for (uint64_t i = 0; i < b.count; i++) {
            bc *c = bc_open(&b);
            if (!c) DIE("connect %llu failed", (unsigned long long)i);
            bc_close(c);
        }
    } else if (!strcmp(b.kind, "idle")) {
        bc *w = bc_open(&b); /* one-time costs are not per connection */
        if (!w) DIE("connect failed");
        b.rss0 = rss_kb();
        bench_start(&b);
        bc **v = (bc **)calloc(b.count, sizeof *v);
        for (uint64_t i = 0; i < b.count; i++)
            if (!(v[i] = bc_open(&b))) DIE("connect %llu failed", (unsigned long long)i);
        b.rss1 = rss_kb();
        uint64_t cnt = b.count;
        b.count = 1;
        for (uint64_t i = 0; i < cnt; i++) drive_echo(&b, v[i]);
        b.count = cnt;
        b.rss2 = rss_kb();
        bench_stop(&b);
        _exit(0);
    } else if (!strcmp(b.kind, "source")) {
        bench_start(&b);
        bc *c = bc_open(&b);
        if (!c) DIE("connect failed");
        drive_source(&b, c);
        bc_close(c);
    } else {
        bc *c = bc_open(&b);
        if (!c) DIE("connect failed");
        bench_start(&b);
        if (!strcmp(b.kind, "echo"))
            drive_echo(&b, c);
        else if (!strcmp(b.kind, "sink"))
            drive_sink(&b, c);
        else
            DIE("unknown scenario %s", b.scenario);
        bench_stop(&b);
        bc_close(c);
        return 0;
    }
    bench_stop(&b);
    return 0;
}
