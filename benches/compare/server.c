/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - a small neutral WebSocket server for client benchmarks.
 *
 * One thread, epoll, no allocation per message.  Built twice: plain, and with -DTLS (OpenSSL).
 *
 *   server PORT [CERT.pem KEY.pem]      (CERT/KEY only in the TLS build)
 *
 * URL paths:
 *   /echo                            every frame comes back as it is (unmasked); big frames stream through
 *   /source?size=S&count=N[&text=1]  N unmasked single-frame messages of S bytes, then close 1000
 *   /sink?count=N                    frames are dropped; one text message "done" after N messages
 *   ...&deflate=1                    accept permessage-deflate.  /echo returns the compressed bytes untouched
 *                                    (the client's own inflate context matches its deflate context), /source
 *                                    sends 64 different pre-compressed JSON messages in rotation.
 * Ping gets pong, close gets close.  "listening" and the port are printed when
 * ready; PORT 0 is any.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include "c/payload.h"
#ifdef TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
static SSL_CTX *g_ctx;
#endif

#define INBUF (512 * 1024)
#define HIGH (16u << 20) /* stop reading when this much echo output waits */
#define WRCHUNK (256 * 1024)

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

static uint8_t *g_in;
static int g_ep;
static struct block *g_blocks;

/* ---- SHA-1 + base64 (handshake only) ---- */
static uint32_t rol(uint32_t v, int n)
{
    return v << n | v >> (32 - n);
}
static void sha1(const uint8_t *d, size_t n, uint8_t out[20])
{
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t m[192] = {0};
    size_t total = ((n + 8) / 64 + 1) * 64;
    memcpy(m, d, n);
    m[n] = 0x80;
    for (int i = 0; i < 8; i++)
        m[total - 1 - i] = (uint8_t)(((uint64_t)n * 8) >> (8 * i));
    for (size_t o = 0; o < total; o += 64) {
        uint32_t w[80], a = h[0], b = h[1], c = h[2], e = h[4], dd = h[3];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)m[o + 4 * i] << 24 | m[o + 4 * i + 1] << 16 | m[o + 4 * i + 2] << 8 |
                   m[o + 4 * i + 3];
        for (int i = 16; i < 80; i++)
            w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        for (int i = 0; i < 80; i++) {
            uint32_t f, k;
            if (i < 20)
                f = (b & c) | (~b & dd), k = 0x5A827999;
            else if (i < 40)
                f = b ^ c ^ dd, k = 0x6ED9EBA1;
            else if (i < 60)
                f = (b & c) | (b & dd) | (c & dd), k = 0x8F1BBCDC;
            else
                f = b ^ c ^ dd, k = 0xCA62C1D6;
            uint32_t t = rol(a, 5) + f + e + k + w[i];
            e = dd;
            dd = c;
            c = rol(b, 30);
            b = a;
            a = t;
        }
        h[0] += a;
        h[1] += b;
        h[2] += c;
        h[3] += dd;
        h[4] += e;
    }
    for (int i = 0; i < 20; i++)
        out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}
static void b64(const uint8_t *in, int n, char *o)
{
    static const char *t = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < n ? in[i + 1] << 8 : 0) | (i + 2 < n ? in[i + 2] : 0);
        *o++ = t[v >> 18];
        *o++ = t[v >> 12 & 63];
        *o++ = i + 1 < n ? t[v >> 6 & 63] : '=';
        *o++ = i + 2 < n ? t[v & 63] : '=';
    }
    *o = 0;
}

/* ---- I/O: >0 bytes, 0 would block, -1 gone ---- */
static ssize_t io_read(struct conn *c, void *p, size_t n)
{
#ifdef TLS
    int r = SSL_read(c->ssl, p, n > 1 << 30 ? 1 << 30 : (int)n);
    if (r > 0)
        return r;
    int e = SSL_get_error(c->ssl, r);
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
#else
    (void)c;
    ssize_t r = recv(c->fd, p, n, 0);
    if (r > 0)
        return r;
    return r < 0 && errno == EAGAIN ? 0 : -1;
#endif
}
static ssize_t io_write(struct conn *c, const void *p, size_t n)
{
#ifdef TLS
    int r = SSL_write(c->ssl, p, n > 1 << 30 ? 1 << 30 : (int)n);
    if (r > 0)
        return r;
    int e = SSL_get_error(c->ssl, r);
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
#else
    ssize_t r = send(c->fd, p, n, MSG_NOSIGNAL);
    if (r > 0)
        return r;
    return r < 0 && errno == EAGAIN ? 0 : -1;
#endif
}

static uint8_t *out_space(struct conn *c, size_t n)
{
    if (c->oh == c->ot)
        c->oh = c->ot = 0;
    if (c->oc - c->ot < n) {
        if (c->oh) {
            memmove(c->out, c->out + c->oh, c->ot - c->oh);
            c->ot -= c->oh;
            c->oh = 0;
        }
        if (c->oc - c->ot < n) {
            size_t nc = c->oc ? c->oc : 4096;
            while (nc - c->ot < n)
                nc *= 2;
            c->out = realloc(c->out, nc);
            c->oc = nc;
        }
    }
    return c->out + c->ot;
}

static void set_ev(struct conn *c, uint32_t ev)
{
    if (c->ev == ev)
        return;
    struct epoll_event e = {.events = ev, .data.ptr = c};
    epoll_ctl(g_ep, EPOLL_CTL_MOD, c->fd, &e);
    c->ev = ev;
}

static void conn_free(struct conn *c)
{
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

/* masked copy; phase = payload offset mod 4 */
static void xor_copy(uint8_t *__restrict d, const uint8_t *__restrict s, size_t n, uint32_t mask,
                     unsigned phase)
{
    uint32_t m4 = phase ? (mask >> (8 * phase) | mask << (32 - 8 * phase)) : mask;
    uint64_t m8 = (uint64_t)m4 << 32 | m4;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t v;
        memcpy(&v, s + i, 8);
        v ^= m8;
        memcpy(d + i, &v, 8);
    }
    for (; i < n; i++)
        d[i] = s[i] ^ (uint8_t)(m8 >> (8 * (i & 7)));
}

static void put_frame(struct conn *c, uint8_t b0, const void *p, size_t n)
{ /* n <= 125 */
    uint8_t *o = out_space(c, n + 2);
    o[0] = b0;
    o[1] = (uint8_t)n;
    memcpy(o + 2, p, n);
    c->ot += n + 2;
}

static size_t put_hdr(uint8_t *h, uint8_t b0, uint64_t n)
{
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
    for (int i = 0; i < 8; i++)
        h[2 + i] = (uint8_t)(n >> (56 - 8 * i));
    return 10;
}

static struct block *get_block(size_t size, int text, int deflate_)
{
    for (struct block *b = g_blocks; b; b = b->next)
        if (b->size == size && b->text == text && b->deflate == deflate_)
            return b;
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
        for (size_t i = 1; i < k; i++)
            memcpy(b->p + i * fl, b->p, fl);
    }
    b->next = g_blocks;
    return g_blocks = b;
}

static uint64_t qnum(const char *path, const char *end, const char *name)
{
    size_t nl = strlen(name);
    for (const char *q = path; q + nl < end; q++)
        if ((*q == '?' || *q == '&') && !strncmp(q + 1, name, nl) && q[1 + nl] == '=')
            return strtoull(q + 2 + nl, 0, 10);
    return 0;
}

static int http(struct conn *c)
{ /* full request is in c->req, NUL terminated */
    char *path = strchr(c->req, ' ');
    if (strncmp(c->req, "GET ", 4) || !path)
        return -1;
    path++;
    char *pe = strchr(path, ' ');
    if (!pe)
        return -1;
    char *k = strcasestr(c->req, "\r\nsec-websocket-key:");
    if (!k)
        return -1;
    k += 20;
    while (*k == ' ')
        k++;
    char *ke = k;
    while (*ke > ' ')
        ke++;
    char cat[128];
    uint8_t dg[20];
    char acc[32];
    int n = snprintf(cat, sizeof cat, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                     (int)(ke - k > 60 ? 60 : ke - k), k);
    sha1((uint8_t *)cat, (size_t)n, dg);
    b64(dg, 20, acc);
    c->deflate = qnum(path, pe, "deflate") && strcasestr(c->req, "permessage-deflate");
    c->count = qnum(path, pe, "count");
    uint8_t *o = out_space(c, 512);
    c->ot +=
        (size_t)snprintf((char *)o, 512,
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                         acc, c->deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    if (!strncmp(path, "/source", 7)) {
        size_t size = (size_t)qnum(path, pe, "size");
        c->mode = M_SOURCE;
        c->blk = get_block(size, (int)qnum(path, pe, "text"), c->deflate);
        if (c->deflate) {
            uint64_t full = c->count / 64, r = c->count % 64;
            c->total = full * c->blk->len + (r ? c->blk->cum[r - 1] : 0);
        } else
            c->total = c->count * (c->blk->len / c->blk->nframes);
    } else
        c->mode = !strncmp(path, "/sink", 5) ? M_SINK : M_ECHO;
    c->st = S_HDR;
    return 0;
}

static int ctrl_frame(struct conn *c)
{
    if (c->op == 9)
        put_frame(c, 0x8A, c->ctrl, c->ctrllen);
    else if (c->op == 8) {
        if (!c->sent_close)
            put_frame(c, 0x88, c->ctrl, c->ctrllen >= 2 ? 2 : 0);
        c->sent_close = 1;
        c->dying = 1;
    }
    c->st = S_HDR;
    return 0;
}

static int parse(struct conn *c, const uint8_t *p, size_t n)
{
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
                        if (c->hlen >= need)
                            break;
                    }
                    if (p == e)
                        return 0;
                    c->hdr[c->hlen++] = *p++;
                }
                h = c->hdr;
                c->hlen = 0;
            }
            if (!(h[1] & 0x80))
                return -1; /* client frames must be masked */
            unsigned l7 = h[1] & 127;
            uint64_t len = l7;
            if (l7 == 126)
                len = (uint64_t)h[2] << 8 | h[3];
            else if (l7 == 127) {
                len = 0;
                for (int i = 0; i < 8; i++)
                    len = len << 8 | h[2 + i];
            }
            memcpy(&c->mask, h + need - 4, 4);
            c->mphase = 0;
            c->op = h[0] & 15;
            c->fin = h[0] >> 7;
            c->rem = len;
            if (c->op >= 8) {
                if (len > 125)
                    return -1;
                c->ctrllen = (unsigned)len;
                c->ctrlgot = 0;
                c->st = S_CTRL;
                if (!len) {
                    ctrl_frame(c);
                    continue;
                }
            } else {
                if (c->mode == M_ECHO)
                    c->ot += put_hdr(out_space(c, 14), h[0], len);
                c->st = S_DATA;
            }
        }
        if (c->st == S_DATA) {
            size_t m = (size_t)(e - p);
            if (m > c->rem)
                m = (size_t)c->rem;
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
            if (c->ctrlgot == c->ctrllen)
                ctrl_frame(c);
        }
    }
    return 0;
}

/* write what waits; returns -1 gone, 0 blocked, 1 all written */
static int flush(struct conn *c)
{
    while (c->oh < c->ot) {
        ssize_t r = io_write(c, c->out + c->oh, c->ot - c->oh);
        if (r < 0)
            return -1;
        if (!r)
            return 0;
        c->oh += (size_t)r;
    }
    for (int k = 0;
         c->mode == M_SOURCE && c->st != S_HTTP && c->st != S_TLS && !c->dying && c->sent < c->total; k++) {
        if (k == 32)
            return 0;
        size_t pos = (size_t)(c->sent % c->blk->len), m = c->blk->len - pos;
        if (m > c->total - c->sent)
            m = (size_t)(c->total - c->sent);
        ssize_t r = io_write(c, c->blk->p + pos, m);
        if (r < 0)
            return -1;
        if (!r)
            return 0;
        c->sent += (uint64_t)r;
        if (c->sent == c->total && !c->sent_close) {
            uint8_t code[2] = {1000 >> 8, 1000 & 255};
            put_frame(c, 0x88, code, 2);
            c->sent_close = 1;
            return flush(c);
        }
    }
    return 1;
}

/* returns -1 if the connection is finished */
static int on_event(struct conn *c, uint32_t ev)
{
#ifdef TLS
    if (c->st == S_TLS) {
        int r = SSL_accept(c->ssl);
        if (r != 1) {
            int e = SSL_get_error(c->ssl, r);
            if (e == SSL_ERROR_WANT_READ) {
                set_ev(c, EPOLLIN);
                return 0;
            }
            if (e == SSL_ERROR_WANT_WRITE) {
                set_ev(c, EPOLLOUT);
                return 0;
            }
            ERR_clear_error();
            return -1;
        }
        c->st = S_HTTP;
        ev |= EPOLLIN;
    }
#endif
    if (ev & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        for (;;) {
            ssize_t n = io_read(c, g_in, INBUF);
            if (n < 0)
                return -1;
            if (!n)
                break;
            const uint8_t *p = g_in;
            size_t left = (size_t)n;
            if (c->st == S_HTTP) {
                if (c->reqlen + left > 16384)
                    return -1;
                c->req = realloc(c->req, c->reqlen + left + 1);
                memcpy(c->req + c->reqlen, p, left);
                c->reqlen += left;
                c->req[c->reqlen] = 0;
                char *e = strstr(c->req, "\r\n\r\n");
                if (!e)
                    continue;
                size_t used = (size_t)(e + 4 - c->req), extra = c->reqlen - used;
                if (http(c))
                    return -1;
                p += left - extra;
                left = extra;
                free(c->req);
                c->req = 0;
            }
            if (left && parse(c, p, left))
                return -1;
#ifndef TLS
            break; /* plain: one read per wake-up is enough, epoll is level triggered */
#else
            /* TLS: what OpenSSL has buffered does not wake epoll, so drain it here */
            if (!SSL_has_pending(c->ssl))
                break;
            if (c->ot - c->oh >= WRCHUNK && flush(c) < 0)
                return -1;
#endif
        }
    }
    int f = flush(c);
    if (f < 0)
        return -1;
    if (c->dying && c->oh == c->ot)
        return -1;
    set_ev(c, (c->ot - c->oh < HIGH ? EPOLLIN : 0u) | (f ? 0u : (uint32_t)EPOLLOUT));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return fprintf(stderr, "usage: %s PORT [CERT KEY]\n", argv[0]), 2;
    signal(SIGPIPE, SIG_IGN);
    struct rlimit rl = {65536, 65536};
    if (setrlimit(RLIMIT_NOFILE, &rl)) {
        getrlimit(RLIMIT_NOFILE, &rl);
        rl.rlim_cur = rl.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
#ifdef TLS
    if (argc < 4)
        return fprintf(stderr, "TLS build needs CERT KEY\n"), 2;
    g_ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(g_ctx, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(g_ctx, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_mode(g_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(g_ctx, 1);
    SSL_CTX_set_default_read_buffer_len(g_ctx, 64 * 1024);
    if (SSL_CTX_use_certificate_chain_file(g_ctx, argv[2]) != 1 ||
        SSL_CTX_use_PrivateKey_file(g_ctx, argv[3], SSL_FILETYPE_PEM) != 1)
        return ERR_print_errors_fp(stderr), 1;
#endif
    g_in = malloc(INBUF);
    int ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(argv[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(ls, (struct sockaddr *)&sa, sizeof sa) || listen(ls, 4096))
        return perror("bind"), 1;
    g_ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = 0};
    epoll_ctl(g_ep, EPOLL_CTL_ADD, ls, &e);
    socklen_t sa_len = sizeof sa;
    getsockname(ls, (struct sockaddr *)&sa, &sa_len);
    printf("listening %u\n", ntohs(sa.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event evs[256];
        int n = epoll_wait(g_ep, evs, 256, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = evs[i].data.ptr;
            if (c) {
                if (on_event(c, evs[i].events) < 0)
                    conn_free(c);
                continue;
            }
            int fd;
            while ((fd = accept4(ls, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                c = calloc(1, sizeof *c);
                c->fd = fd;
                c->ev = EPOLLIN;
                c->st = S_HTTP;
#ifdef TLS
                c->ssl = SSL_new(g_ctx);
                SSL_set_fd(c->ssl, fd);
                SSL_set_accept_state(c->ssl);
                c->st = S_TLS;
#endif
                e = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(g_ep, EPOLL_CTL_ADD, fd, &e);
            }
        }
    }
}
