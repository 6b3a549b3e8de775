/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets created by tests: listeners that never respond, and manual connections. */
#ifndef WSLINE_TESTS_LISTEN_H
#define WSLINE_TESTS_LISTEN_H

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Listens on 127.0.0.1 without accepting: the kernel completes the TCP handshake, but no byte
 * arrives. */
struct listener {
    int fd;
    int filler; /* -1, or the connection that fills the queue */
    uint16_t port;
};

static inline struct sockaddr_in listen_address(uint16_t port) {
    struct sockaddr_in address;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static inline int listen_connect(uint16_t port) {
    struct sockaddr_in address = listen_address(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    REQUIRE(fd >= 0);
    REQUIRE(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static inline struct listener listen_open(int backlog) {
    struct listener listener = {.fd = socket(AF_INET, SOCK_STREAM, 0), .filler = -1};
    struct sockaddr_in address = listen_address(0);
    socklen_t len = sizeof address;

    REQUIRE(listener.fd >= 0);
    REQUIRE(bind(listener.fd, (struct sockaddr *)&address, len) == 0);
    REQUIRE(listen(listener.fd, backlog) == 0);
    REQUIRE(getsockname(listener.fd, (struct sockaddr *)&address, &len) == 0);
    listener.port = ntohs(address.sin_port);
    return listener;
}

static inline void listen_close(struct listener *listener) {
    if (listener->filler >= 0) close(listener->filler);
    close(listener->fd);
}

/* Accepts TCP connections in the kernel and sends nothing. */
static inline struct listener listen_silent(void) { return listen_open(16); }

/* Its queue is full, so a connect gets no reply. */
static inline struct listener listen_full(void) {
    struct listener listener = listen_open(0);

    listener.filler = listen_connect(listener.port);
    return listener;
}

/* A port where nobody listens. */
static inline uint16_t listen_nowhere(void) {
    struct listener listener = listen_open(1);

    listen_close(&listener);
    return listener.port;
}

#endif
