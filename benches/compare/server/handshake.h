/* SPDX-License-Identifier: Apache-2.0 */
/* The opening handshake, and the parameters in the path. */
#pragma once
#include "blocks.h"
#include "connection.h"
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static uint64_t qnum(const char *path, const char *end, const char *name) {
    size_t nl = strlen(name);
    for (const char *q = path; q + nl < end; q++)
        if ((*q == '?' || *q == '&') && !strncmp(q + 1, name, nl) && q[1 + nl] == '=')
            return strtoull(q + 2 + nl, 0, 10);
    return 0;
}

static int http(struct conn *c) { /* full request is in c->req, NUL terminated */
    char *path = strchr(c->req, ' ');
    if (strncmp(c->req, "GET ", 4) || !path) return -1;
    path++;
    char *pe = strchr(path, ' ');
    if (!pe) return -1;
    char *k = strcasestr(c->req, "\r\nsec-websocket-key:");
    if (!k) return -1;
    k += 20;
    while (*k == ' ') k++;
    char *ke = k;
    while (*ke > ' ') ke++;
    char cat[128];
    uint8_t dg[20];
    char acc[32];
    int n = snprintf(cat, sizeof cat, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                     (int)(ke - k > 60 ? 60 : ke - k), k);
    SHA1((uint8_t *)cat, (size_t)n, dg);
    EVP_EncodeBlock((uint8_t *)acc, dg, 20);
    c->deflate = qnum(path, pe, "deflate") && strcasestr(c->req, "permessage-deflate");
    c->count = qnum(path, pe, "count");
    uint8_t *o = out_space(c, 512);
    c->ot += (size_t)snprintf(
        (char *)o, 512,
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
