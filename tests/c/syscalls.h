/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the system calls that send on one descriptor: the program's send() and related functions
 * replace those of libc. Include it in one file of a program, which must define _DEFAULT_SOURCE
 * first.
 */
#ifndef WSLINE_TESTS_SYSCALLS_H
#define WSLINE_TESTS_SYSCALLS_H

#include "check.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static struct {
    pthread_mutex_t lock;
    int fd;
    unsigned calls;
    size_t bytes, largest;
} syscalls = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static ssize_t syscalls_note(int fd, ssize_t sent) {
    int error = errno;

    pthread_mutex_lock(&syscalls.lock);
    if (fd == syscalls.fd && sent >= 0) {
        syscalls.calls++;
        syscalls.bytes += (size_t)sent;
        if ((size_t)sent > syscalls.largest) syscalls.largest = (size_t)sent;
    }
    pthread_mutex_unlock(&syscalls.lock);
    errno = error;
    return sent;
}

ssize_t send(int fd, const void *data, size_t len, int flags) {
    return syscalls_note(fd, syscall(SYS_sendto, fd, data, len, flags, NULL, 0));
}

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len) {
    return syscalls_note(fd, syscall(SYS_sendto, fd, data, len, flags, to, to_len));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    return syscalls_note(fd, syscall(SYS_sendmsg, fd, message, flags));
}

ssize_t write(int fd, const void *data, size_t len) {
    return syscalls_note(fd, syscall(SYS_write, fd, data, len));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return syscalls_note(fd, syscall(SYS_writev, fd, parts, count));
}

/* Counts what this connection sends from now on; NULL stops counting. */
static inline void syscalls_count(const wsline_conn *conn) {
    pthread_mutex_lock(&syscalls.lock);
    syscalls.fd = conn == NULL ? -1 : wsline_conn_fd(conn);
    syscalls.calls = 0;
    syscalls.bytes = syscalls.largest = 0;
    pthread_mutex_unlock(&syscalls.lock);
}

static inline unsigned syscalls_made(void) {
    unsigned calls;

    pthread_mutex_lock(&syscalls.lock);
    calls = syscalls.calls;
    pthread_mutex_unlock(&syscalls.lock);
    return calls;
}

#endif
