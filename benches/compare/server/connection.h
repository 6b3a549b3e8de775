/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a connection, and reading and writing its bytes. Built twice: without TLS, and with
 * -DTLS. */
#pragma once
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/ssl.h>
#endif

enum mode { M_ECHO, M_SOURCE, M_SINK };
enum st { S_TLS, S_HTTP, S_HDR, S_DATA, S_CTRL };

struct block { /* cached repeating byte block of whole frames */
    int text, deflate;
    size_t size, len; /* len: bytes of one full period, repeated if small */
    uint64_t *cum;    /* deflate: end offset of each frame within the period */
    size_t nframes;
    uint8_t *p;
    struct block *next;
};

struct conn {
    int fd;
    uint32_t ev;
    enum st st;
    enum mode mode;
    int sent_close, dying, deflate;
#ifdef TLS
    SSL *ssl;
#endif
    char *req;
    size_t reqlen;
    uint8_t hdr[14];
    unsigned hlen;
    uint64_t rem;
    uint32_t mask;
    unsigned mphase;
    uint8_t op;
    int fin;
    uint8_t ctrl[125];
    unsigned ctrllen, ctrlgot;
    uint8_t *out;
    size_t oh, ot, oc;
    struct block *blk;
    uint64_t total, sent;
    uint64_t count, seen;
    int done;
};

static int g_ep;

/* ---- I/O: >0 bytes, 0 would block, -1 gone ---- */
static ssize_t io_read(struct conn *c, void *p, size_t n) {
#ifdef TLS
    int r = SSL_read(c->ssl, p, n > 1 << 30 ? 1 << 30 : (int)n);
    if (r > 0) return r;
    int e = SSL_get_error(c->ssl, r);
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
#else
    (void)c;
    ssize_t r = recv(c->fd, p, n, 0);
    if (r > 0) return r;
    return r < 0 && errno == EAGAIN ? 0 : -1;
#endif
}
static ssize_t io_write(struct conn *c, const void *p, size_t n) {
#ifdef TLS
    int r = SSL_write(c->ssl, p, n > 1 << 30 ? 1 << 30 : (int)n);
    if (r > 0) return r;
    int e = SSL_get_error(c->ssl, r);
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
#else
    ssize_t r = send(c->fd, p, n, MSG_NOSIGNAL);
    if (r > 0) return r;
    return r < 0 && errno == EAGAIN ? 0 : -1;
#endif
}

static uint8_t *out_space(struct conn *c, size_t n) {
    if (c->oh == c->ot) c->oh = c->ot = 0;
    if (c->oc - c->ot < n) {
        if (c->oh) {
            memmove(c->out, c->out + c->oh, c->ot - c->oh);
            c->ot -= c->oh;
            c->oh = 0;
        }
        if (c->oc - c->ot < n) {
            size_t nc = c->oc ? c->oc : 4096;
            while (nc - c->ot < n) nc *= 2;
            c->out = realloc(c->out, nc);
            c->oc = nc;
        }
    }
    return c->out + c->ot;
}

static void set_ev(struct conn *c, uint32_t ev) {
    if (c->ev == ev) return;
    struct epoll_event e = {.events = ev, .data.ptr = c};
    epoll_ctl(g_ep, EPOLL_CTL_MOD, c->fd, &e);
    c->ev = ev;
}

static void conn_free(struct conn *c) {
#ifdef TLS
    if (c->ssl) {
        SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
    }
#endif
    close(c->fd);
    free(c->req);
    free(c->out);
    free(c);
}

static void put_frame(struct conn *c, uint8_t b0, const void *p, size_t n) { /* n <= 125 */
    uint8_t *o = out_space(c, n + 2);
    o[0] = b0;
    o[1] = (uint8_t)n;
    memcpy(o + 2, p, n);
    c->ot += n + 2;
}

static size_t put_hdr(uint8_t *h, uint8_t b0, uint64_t n) {
    h[0] = b0;
    if (n < 126) {
        h[1] = (uint8_t)n;
        return 2;
    }
    if (n < 65536) {
        h[1] = 126;
        h[2] = (uint8_t)(n >> 8);
        h[3] = (uint8_t)n;
        return 4;
    }
    h[1] = 127;
    for (int i = 0; i < 8; i++) h[2 + i] = (uint8_t)(n >> (56 - 8 * i));
    return 10;
}
