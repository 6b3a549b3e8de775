/* SPDX-License-Identifier: Apache-2.0 */
/* A small neutral WebSocket server for client benchmarks.
 *
 * One thread, epoll, no allocation per message.  Built twice: plain, and with -DTLS (OpenSSL).
 *
 *   server PORT [CERT.pem KEY.pem]      (CERT/KEY only in the TLS build)
 *
 * URL paths:
 *   /echo                              echoes every frame unchanged (unmasked); streams big ones
 *   /source?size=S&count=N[&text=1]    N unmasked single-frame messages of S bytes, then close 1000
 *   /sink?count=N                      drops frames; sends one text message "done" after N messages
 *   ...&deflate=1                      accepts permessage-deflate
 *
 * With deflate, /echo returns the compressed bytes unchanged (the client's own inflate context
 * matches its deflate context), and /source sends 64 different pre-compressed JSON messages in
 * rotation.
 *
 * Answers ping and close frames. Prints "listening" and the port when ready; PORT 0 selects any.
 */
#include "blocks.h"
#include "connection.h"
#include "frames.h"
#include "handshake.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/err.h>
static SSL_CTX *g_ctx;
#endif

#define INBUF (512 * 1024)
#define HIGH  (16u << 20) /* stop reading when this much echo output waits */

static uint8_t *g_in;

/* write pending data; returns -1 gone, 0 blocked, 1 all written */
static int flush(struct conn *c) {
    while (c->oh < c->ot) {
        ssize_t r = io_write(c, c->out + c->oh, c->ot - c->oh);
        if (r < 0) return -1;
        if (!r) return 0;
        c->oh += (size_t)r;
    }
    for (int k = 0; c->mode == M_SOURCE && c->st != S_HTTP && c->st != S_TLS && !c->dying &&
                    c->sent < c->total;
         k++) {
        if (k == 32) return 0;
        size_t pos = (size_t)(c->sent % c->blk->len), m = c->blk->len - pos;
        if (m > c->total - c->sent) m = (size_t)(c->total - c->sent);
        ssize_t r = io_write(c, c->blk->p + pos, m);
        if (r < 0) return -1;
        if (!r) return 0;
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
static int on_event(struct conn *c, uint32_t ev) {
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
            if (n < 0) return -1;
            if (!n) break;
            const uint8_t *p = g_in;
            size_t left = (size_t)n;
            if (c->st == S_HTTP) {
                if (c->reqlen + left > 16384) return -1;
                c->req = realloc(c->req, c->reqlen + left + 1);
                memcpy(c->req + c->reqlen, p, left);
                c->reqlen += left;
                c->req[c->reqlen] = 0;
                char *e = strstr(c->req, "\r\n\r\n");
                if (!e) continue;
                size_t used = (size_t)(e + 4 - c->req), extra = c->reqlen - used;
                if (http(c)) return -1;
                p += left - extra;
                left = extra;
                free(c->req);
                c->req = 0;
            }
            if (left && parse(c, p, left)) return -1;
#ifndef TLS
            break; /* plain: one read per wake-up is enough, epoll is level triggered */
#else
            /* TLS: data buffered by OpenSSL does not wake epoll, so drain it here */
            if (!SSL_has_pending(c->ssl)) break;
            if (c->ot - c->oh >= WRCHUNK && flush(c) < 0) return -1;
#endif
        }
    }
    int f = flush(c);
    if (f < 0) return -1;
    if (c->dying && c->oh == c->ot) return -1;
    set_ev(c, (c->ot - c->oh < HIGH ? EPOLLIN : 0u) | (f ? 0u : (uint32_t)EPOLLOUT));
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 2) return fprintf(stderr, "usage: %s PORT [CERT KEY]\n", argv[0]), 2;
    signal(SIGPIPE, SIG_IGN);
    struct rlimit rl = {65536, 65536};
    if (setrlimit(RLIMIT_NOFILE, &rl)) {
        getrlimit(RLIMIT_NOFILE, &rl);
        rl.rlim_cur = rl.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
#ifdef TLS
    if (argc < 4) return fprintf(stderr, "TLS build needs CERT KEY\n"), 2;
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
    if (bind(ls, (struct sockaddr *)&sa, sizeof sa) || listen(ls, 4096)) return perror("bind"), 1;
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
                if (on_event(c, evs[i].events) < 0) conn_free(c);
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
