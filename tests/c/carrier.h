/* SPDX-License-Identifier: Apache-2.0 */
/* A transport of the test: functions that use a socket, with or without TLS of the test. */
#ifndef WSLINE_TESTS_CARRIER_H
#define WSLINE_TESTS_CARRIER_H

#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct carrier {
    int fd;
    SSL *ssl; /* NULL without TLS of the test's own */
    pthread_mutex_t lock;
    size_t at_a_time;  /* the most bytes of one call; 0 for any number */
    int64_t misbehave; /* what read returns instead, unless it is 0 */
    int32_t claim;     /* what wait returns instead, unless it is 0 */
    const char *late;  /* arrives, and is reported, while read returns that it is not ready */
    int server;
    unsigned waits;
    unsigned frees;
    wsline_transport *transport;
    pthread_t watcher;
    int epoll, stop[2];
};

static inline size_t limited(const struct carrier *carrier, size_t len) {
    return carrier->at_a_time != 0 && len > carrier->at_a_time ? carrier->at_a_time : len;
}

static inline int64_t tls_result(SSL *ssl, int result) {
    int error = SSL_get_error(ssl, result);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return WSLINE_TRANSPORT_NOT_READY;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : WSLINE_TRANSPORT_FAILED;
}

static inline int64_t carrier_read(void *data, size_t len, void *userdata) {
    struct carrier *carrier = userdata;
    int64_t result;

    if (carrier->misbehave != 0)
        return carrier->misbehave == INT64_MAX ? (int64_t)len + 1 : carrier->misbehave;
    len = limited(carrier, len);
    if (carrier->ssl != NULL) {
        pthread_mutex_lock(&carrier->lock);
        result = SSL_read(carrier->ssl, data, (int)len);
        if (result <= 0) result = tls_result(carrier->ssl, (int)result);
        pthread_mutex_unlock(&carrier->lock);
        return result;
    }
    result = recv(carrier->fd, data, len, 0);
    if (result >= 0) return result;
    if (carrier->late != NULL) {
        const char *late = carrier->late;

        carrier->late = NULL;
        REQUIRE(send(carrier->server, late, strlen(late), 0) == (ssize_t)strlen(late));
        CHECK_OK(wsline_transport_ready(carrier->transport));
        return WSLINE_TRANSPORT_NOT_READY;
    }
    return errno == EAGAIN ? WSLINE_TRANSPORT_NOT_READY : WSLINE_TRANSPORT_FAILED;
}

static inline int64_t carrier_write(const void *data, size_t len, void *userdata) {
    struct carrier *carrier = userdata;
    int64_t result;

    len = limited(carrier, len);
    if (carrier->ssl != NULL) {
        pthread_mutex_lock(&carrier->lock);
        result = SSL_write(carrier->ssl, data, (int)len);
        if (result <= 0) result = tls_result(carrier->ssl, (int)result);
        pthread_mutex_unlock(&carrier->lock);
        return result;
    }
    result = send(carrier->fd, data, len, MSG_NOSIGNAL);
    if (result >= 0) return result;
    return errno == EAGAIN ? WSLINE_TRANSPORT_NOT_READY : WSLINE_TRANSPORT_FAILED;
}

static inline int32_t carrier_wait(uint32_t events, int64_t timeout_ms, void *userdata) {
    struct carrier *carrier = userdata;
    struct pollfd fd = {.fd = carrier->fd};

    carrier->waits++;
    CHECK_RANGE(0, 100, timeout_ms);
    if (carrier->claim != 0) {
        poll(NULL, 0, (int)timeout_ms);
        return carrier->claim;
    }
    CHECK(events != 0 && (events & ~3U) == 0);
    if (events & WSLINE_TRANSPORT_READABLE) fd.events |= POLLIN;
    if (events & WSLINE_TRANSPORT_WRITABLE) fd.events |= POLLOUT;
    return poll(&fd, 1, (int)timeout_ms) < 0 ? WSLINE_TRANSPORT_FAILED : fd.revents != 0;
}

static inline void carrier_free(void *userdata) { ((struct carrier *)userdata)->frees++; }

/* Reports each edge of the socket. */
static inline void *watch(void *userdata) {
    struct carrier *carrier = userdata;
    struct epoll_event event;

    while (epoll_wait(carrier->epoll, &event, 1, -1) == 1 && event.data.u32 == 0)
        CHECK_OK(wsline_transport_ready(carrier->transport));
    return NULL;
}

static inline void carrier_watch(struct carrier *carrier) {
    struct epoll_event socket = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u32 = 0}};
    struct epoll_event stop = {.events = EPOLLIN, .data = {.u32 = 1}};

    carrier->epoll = epoll_create1(0);
    REQUIRE(pipe(carrier->stop) == 0);
    REQUIRE(epoll_ctl(carrier->epoll, EPOLL_CTL_ADD, carrier->fd, &socket) == 0);
    REQUIRE(epoll_ctl(carrier->epoll, EPOLL_CTL_ADD, carrier->stop[0], &stop) == 0);
    REQUIRE(pthread_create(&carrier->watcher, NULL, watch, carrier) == 0);
}

/* With `wait`, or else with a thread that reports. The descriptor is connected and blocking. */
static inline void carrier_begin(struct carrier *carrier, int fd, SSL *ssl, bool wait) {
    memset(carrier, 0, sizeof *carrier);
    pthread_mutex_init(&carrier->lock, NULL);
    carrier->fd = fd;
    carrier->ssl = ssl;
    carrier->epoll = -1;
    REQUIRE(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    REQUIRE_OK(wsline_transport_new(carrier_read, carrier_write, wait ? carrier_wait : NULL,
                                    carrier, carrier_free, &carrier->transport));
    if (!wait) carrier_watch(carrier);
}

/* After the connection was freed. */
static inline void carrier_end(struct carrier *carrier) {
    if (carrier->epoll >= 0) {
        REQUIRE(write(carrier->stop[1], "", 1) == 1);
        REQUIRE(pthread_join(carrier->watcher, NULL) == 0);
        close(carrier->stop[0]);
        close(carrier->stop[1]);
        close(carrier->epoll);
    }
    CHECK_INT(0, carrier->frees);
    wsline_transport_free(carrier->transport);
    CHECK_INT(1, carrier->frees);
    if (carrier->ssl != NULL) SSL_free(carrier->ssl);
    close(carrier->fd);
    pthread_mutex_destroy(&carrier->lock);
}

/* Options with its transport. */
static inline wsline_options *options_for(struct carrier *carrier) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_transport(options, carrier->transport));
    return options;
}

#endif
