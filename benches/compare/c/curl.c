/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl WebSocket client (CURLOPT_CONNECT_ONLY = 2), one easy handle per connection.  libcurl
 * does not validate UTF-8. */
#define CLIENT_NAME "curl"
#include "common.h"
#include <curl/curl.h>
#include <poll.h>

typedef struct bc {
    CURL *h;
    curl_socket_t fd;
    uint8_t *buf;
    size_t cap;
    int closed;
} bc;

static bc *bc_open(const bench_t *b) {
    if (b->deflate) UNSUPPORTED("curl: no permessage-deflate");
    bc *c = calloc(1, sizeof *c);
    c->h = curl_easy_init();
    curl_easy_setopt(c->h, CURLOPT_URL, b->url);
    curl_easy_setopt(c->h, CURLOPT_CONNECT_ONLY, 2L);
    if (b->tls) curl_easy_setopt(c->h, CURLOPT_CAINFO, getenv("BENCH_CA"));
    CURLcode r = curl_easy_perform(c->h);
    if (r) return fprintf(stderr, "curl: %s\n", curl_easy_strerror(r)), NULL;
    curl_easy_getinfo(c->h, CURLINFO_ACTIVESOCKET, &c->fd);
    c->cap = b->size < 4096 ? 4096 : b->size;
    c->buf = malloc(c->cap);
    return c;
}
static void wait_for(bc *c, short ev) {
    struct pollfd p = {c->fd, ev, 0};
    poll(&p, 1, -1);
}
static int send_as(bc *c, unsigned flags, const uint8_t *p, size_t n) {
    do {
        size_t s = 0;
        CURLcode r = curl_ws_send(c->h, p, n, &s, 0, flags);
        p += s;
        n -= s;
        if (r == CURLE_AGAIN || (!r && n))
            wait_for(c, POLLOUT);
        else if (r)
            return -1;
        else
            break;
    } while (1);
    return 0;
}
static int bc_send(bc *c, int text, const uint8_t *p, size_t n) {
    return send_as(c, text ? CURLWS_TEXT : CURLWS_BINARY, p, n);
}
static int bc_flush(bc *c) {
    (void)c;
    return 0;
}
static int bc_recv(bc *c, const uint8_t **p, size_t *n) {
    size_t got = 0;
    for (;;) {
        size_t k;
        const struct curl_ws_frame *m;
        CURLcode r = curl_ws_recv(c->h, c->buf + got, c->cap - got, &k, &m);
        if (r == CURLE_AGAIN) {
            wait_for(c, POLLIN);
            continue;
        }
        if (r) return -1;
        if (m->flags & CURLWS_CLOSE) {
            if (!c->closed) send_as(c, CURLWS_CLOSE, (const uint8_t *)"\x03\xE8", 2);
            c->closed = 1;
            return 0;
        }
        if (m->flags & (CURLWS_PING | CURLWS_PONG)) continue;
        got += k;
        if (m->bytesleft || m->flags & CURLWS_CONT) {
            if (got == c->cap) {
                c->cap *= 2;
                c->buf = realloc(c->buf, c->cap);
            }
            continue;
        }
        *p = c->buf;
        *n = got;
        return m->flags & CURLWS_TEXT ? 1 : 2;
    }
}
static void bc_close(bc *c) {
    if (!c->closed) {
        c->closed = 1;
        send_as(c, CURLWS_CLOSE, (const uint8_t *)"\x03\xE8", 2);
        const uint8_t *p;
        size_t n;
        while (bc_recv(c, &p, &n) > 0) {
        }
    }
    curl_easy_cleanup(c->h);
    free(c->buf);
    free(c);
}
#include "sync_driver.h"
