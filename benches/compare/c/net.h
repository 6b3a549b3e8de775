/* SPDX-License-Identifier: Apache-2.0 */
/* net.h - blocking TCP or OpenSSL stream for raw.c and mini.c */
#pragma once
#include "common.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

typedef struct {
    int fd;
    SSL *ssl;
} net_t;

static SSL_CTX *net_ctx(void) {
    static SSL_CTX *x;
    if (!x) {
        x = SSL_CTX_new(TLS_client_method());
        const char *ca = getenv("BENCH_CA");
        if (!ca || SSL_CTX_load_verify_locations(x, ca, 0) != 1) DIE("BENCH_CA");
        SSL_CTX_set_verify(x, SSL_VERIFY_PEER, 0);
        SSL_CTX_set_read_ahead(x, 1);
        SSL_CTX_set_default_read_buffer_len(x, 64 * 1024);
        SSL_CTX_set_mode(x, SSL_MODE_AUTO_RETRY);
    }
    return x;
}
static int net_open(net_t *s, const bench_t *b) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)b->port)};
    int one = 1;
    s->ssl = 0;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, !strcmp(b->host, "localhost") ? "127.0.0.1" : b->host, &a.sin_addr);
    if (connect(s->fd, (struct sockaddr *)&a, sizeof a)) return perror("connect"), -1;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (b->tls) {
        s->ssl = SSL_new(net_ctx());
        SSL_set_tlsext_host_name(s->ssl, "localhost");
        SSL_set1_host(s->ssl, "localhost");
        SSL_set_fd(s->ssl, s->fd);
        if (SSL_connect(s->ssl) != 1) return ERR_print_errors_fp(stderr), -1;
    }
    return 0;
}
static inline ssize_t net_read(net_t *s, void *p, size_t n) {
    return s->ssl ? SSL_read(s->ssl, p, n > 1 << 30 ? 1 << 30 : (int)n) : recv(s->fd, p, n, 0);
}
static inline int net_write_all(net_t *s, const void *p, size_t n) {
    while (n) {
        ssize_t r = s->ssl ? SSL_write(s->ssl, p, n > 1 << 30 ? 1 << 30 : (int)n)
                           : send(s->fd, p, n, MSG_NOSIGNAL);
        if (r <= 0) return -1;
        p = (const char *)p + r;
        n -= (size_t)r;
    }
    return 0;
}
static void net_close(net_t *s) {
    if (s->ssl) {
        SSL_shutdown(s->ssl);
        SSL_free(s->ssl);
    }
    close(s->fd);
}
/* opening handshake with a fixed key; what follows the response stays in buf; returns bytes left
 * over or -1
 */
static ssize_t net_upgrade(net_t *s, const bench_t *b, uint8_t *buf, size_t cap) {
    char rq[1024];
    int n =
        snprintf(rq, sizeof rq,
                 "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                 b->path, b->host, b->port);
    if (net_write_all(s, rq, (size_t)n)) return -1;
    size_t got = 0;
    for (;;) {
        ssize_t r = net_read(s, buf + got, cap - got);
        if (r <= 0) return -1;
        got += (size_t)r;
        uint8_t *e = (uint8_t *)memmem(buf, got, "\r\n\r\n", 4);
        if (!e) continue;
        if (memcmp(buf, "HTTP/1.1 101", 12)) return -1;
        size_t left = got - (size_t)(e + 4 - buf);
        memmove(buf, e + 4, left);
        return (ssize_t)left;
    }
}
