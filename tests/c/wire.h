/* SPDX-License-Identifier: Apache-2.0 */
/* An open connection whose other end is a socket of the test, which is the server. */
#ifndef WSLINE_TESTS_WIRE_H
#define WSLINE_TESTS_WIRE_H

#include "listen.h"

#include <sys/socket.h>

struct wire {
    int server;
    int client; /* the library uses a duplicate */
    wsline_conn *conn;
};

/* Takes ownership of the options. */
static inline struct wire wire_open_on(int server, int client, wsline_options *options) {
    struct wire wire = {server, client, NULL};

    REQUIRE_OK(wsline_options_set_fd(options, wire.client));
    REQUIRE_OK(wsline_options_set_upgraded(options, true));
    REQUIRE_OK(wsline_connect("ws://localhost/", options, &wire.conn));
    wsline_options_free(options);
    return wire;
}

static inline struct wire wire_open_with(wsline_options *options) {
    int pair[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    return wire_open_on(pair[1], pair[0], options);
}

static inline struct wire wire_open(void) {
    wsline_options *options = NULL;

    REQUIRE_OK(wsline_options_new(&options));
    return wire_open_with(options);
}

/* Over TCP. */
static inline struct wire wire_open_tcp(wsline_options *options) {
    struct listener listener = listen_open(1);
    int client = listen_connect(listener.port), server = accept(listener.fd, NULL, NULL);

    REQUIRE(server >= 0);
    listen_close(&listener);
    return wire_open_on(server, client, options);
}

/* The server sends these bytes, in hexadecimal. */
static inline void wire_send_hex(const struct wire *wire, const char *hex) {
    unsigned char bytes[512];
    size_t len = 0;
    unsigned byte;

    for (; sscanf(hex + 2 * len, "%2x", &byte) == 1; len++) {
        REQUIRE(len < sizeof bytes);
        bytes[len] = (unsigned char)byte;
    }
    REQUIRE(send(wire->server, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

static inline void wire_close(struct wire *wire) {
    wsline_conn_free(wire->conn);
    close(wire->client);
    if (wire->server >= 0) close(wire->server);
}

#endif
