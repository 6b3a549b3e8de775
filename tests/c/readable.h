/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor that is readable when a receive would return something. */
#ifndef WSLINE_TESTS_READABLE_H
#define WSLINE_TESTS_READABLE_H

#include "check.h"

#include <poll.h>

static inline int poll_fd(wsline_conn *conn) {
    int32_t fd = -1;

    REQUIRE_OK(wsline_conn_poll_fd(conn, &fd));
    REQUIRE(fd >= 0);
    return fd;
}

static inline bool is_readable(int fd, int wait_ms) {
    struct pollfd watched = {.fd = fd, .events = POLLIN};

    REQUIRE(poll(&watched, 1, wait_ms) >= 0);
    return watched.revents != 0;
}

#endif
