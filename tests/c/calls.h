/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the system calls of one thread: the program's socket(), send() and so on replace those of
 * libc. Include it in one file of a program, which must define _DEFAULT_SOURCE first.
 */
#ifndef WSLINE_TESTS_CALLS_H
#define WSLINE_TESTS_CALLS_H

#include "check.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { CALLS_MAX = 64 };

/* The calls of the counting thread, in order. */
static __thread struct {
    bool is_on;
    unsigned count;
    const char *names[CALLS_MAX];
} calls;

static inline void calls_note(const char *name) {
    if (!calls.is_on) return;
    if (calls.count < CALLS_MAX) calls.names[calls.count] = name;
    calls.count++;
}

static inline void calls_begin(void) {
    calls.is_on = true;
    calls.count = 0;
}

/* The number of recorded calls. */
static inline unsigned calls_end(void) {
    calls.is_on = false;
    return calls.count;
}

static inline unsigned calls_of(const char *name) {
    unsigned count = 0;

    for (unsigned i = 0; i < calls.count && i < CALLS_MAX; i++)
        count += strcmp(calls.names[i], name) == 0;
    return count;
}

static inline void calls_print(void) {
    for (unsigned i = 0; i < calls.count && i < CALLS_MAX; i++)
        printf("%s%s", calls.names[i], i + 1 < calls.count ? " " : "\n");
}

#define CALLS_FUNCTION(type, name, number, parameters, ...)                                        \
    type name parameters {                                                                         \
        calls_note(#name);                                                                         \
        return (type)syscall(number, __VA_ARGS__);                                                 \
    }

CALLS_FUNCTION(int, socket, SYS_socket, (int family, int kind, int protocol), family, kind,
               protocol)
CALLS_FUNCTION(int, setsockopt, SYS_setsockopt,
               (int fd, int level, int name, const void *value, socklen_t len), fd, level, name,
               value, len)
CALLS_FUNCTION(int, getsockopt, SYS_getsockopt,
               (int fd, int level, int name, void *value, socklen_t *len), fd, level, name, value,
               len)
CALLS_FUNCTION(int, connect, SYS_connect, (int fd, const struct sockaddr *to, socklen_t len), fd,
               to, len)
CALLS_FUNCTION(int, getpeername, SYS_getpeername, (int fd, struct sockaddr *of, socklen_t *len), fd,
               of, len)
CALLS_FUNCTION(int, getsockname, SYS_getsockname, (int fd, struct sockaddr *of, socklen_t *len), fd,
               of, len)
CALLS_FUNCTION(int, eventfd, SYS_eventfd2, (unsigned count, int flags), count, flags)
CALLS_FUNCTION(int, shutdown, SYS_shutdown, (int fd, int how), fd, how)
CALLS_FUNCTION(int, close, SYS_close, (int fd), fd)
CALLS_FUNCTION(int, epoll_create1, SYS_epoll_create1, (int flags), flags)
/* Some architectures have only epoll_pwait(). */
CALLS_FUNCTION(int, epoll_wait, SYS_epoll_pwait,
               (int fd, struct epoll_event *events, int most, int timeout_ms), fd, events, most,
               timeout_ms, NULL, 0)
CALLS_FUNCTION(ssize_t, send, SYS_sendto, (int fd, const void *data, size_t len, int flags), fd,
               data, len, flags, NULL, 0)
CALLS_FUNCTION(ssize_t, sendto, SYS_sendto,
               (int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
                socklen_t to_len),
               fd, data, len, flags, to, to_len)
CALLS_FUNCTION(ssize_t, sendmsg, SYS_sendmsg, (int fd, const struct msghdr *message, int flags), fd,
               message, flags)
CALLS_FUNCTION(ssize_t, recv, SYS_recvfrom, (int fd, void *data, size_t len, int flags), fd, data,
               len, flags, NULL, NULL)
CALLS_FUNCTION(ssize_t, recvfrom, SYS_recvfrom,
               (int fd, void *data, size_t len, int flags, struct sockaddr *from,
                socklen_t *from_len),
               fd, data, len, flags, from, from_len)
CALLS_FUNCTION(ssize_t, recvmsg, SYS_recvmsg, (int fd, struct msghdr *message, int flags), fd,
               message, flags)
CALLS_FUNCTION(ssize_t, read, SYS_read, (int fd, void *data, size_t len), fd, data, len)
CALLS_FUNCTION(ssize_t, readv, SYS_readv, (int fd, const struct iovec *parts, int count), fd, parts,
               count)
CALLS_FUNCTION(ssize_t, write, SYS_write, (int fd, const void *data, size_t len), fd, data, len)
CALLS_FUNCTION(ssize_t, writev, SYS_writev, (int fd, const struct iovec *parts, int count), fd,
               parts, count)
CALLS_FUNCTION(ssize_t, getrandom, SYS_getrandom, (void *data, size_t len, unsigned flags), data,
               len, flags)

/* Newer architectures have only ppoll(2). */
int poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
    calls_note("poll");
#ifdef SYS_poll
    return (int)syscall(SYS_poll, fds, count, timeout_ms);
#else
    struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                               .tv_nsec = timeout_ms % 1000 * 1000000L};

    return (int)syscall(SYS_ppoll, fds, count, timeout_ms < 0 ? NULL : &timeout, NULL, 0);
#endif
}

#define CALLS_CONTROL(name, number, type)                                                          \
    int name(int fd, type request, ...) {                                                          \
        va_list rest;                                                                              \
        void *argument;                                                                            \
                                                                                                   \
        va_start(rest, request);                                                                   \
        argument = va_arg(rest, void *);                                                           \
        va_end(rest);                                                                              \
        calls_note(#name);                                                                         \
        return (int)syscall(number, fd, request, argument);                                        \
    }

CALLS_CONTROL(fcntl, SYS_fcntl, int)
CALLS_CONTROL(fcntl64, SYS_fcntl, int)
CALLS_CONTROL(ioctl, SYS_ioctl, unsigned long)

#endif
