/* SPDX-License-Identifier: Apache-2.0 */
/* Results of connecting: a connection that works, or the error that names what failed. */
#ifndef WSLINE_TESTS_REACH_H
#define WSLINE_TESTS_REACH_H

#include "peer.h"

/* Sends a message, which the server returns. */
static inline void check_echo(wsline_conn *conn) {
    wsline_message message;

    CHECK_OK(wsline_conn_send_text(conn, "hello", WSLINE_NUL_TERMINATED));
    if (CHECK_OK(wsline_conn_recv(conn, WAIT_MS, &message)))
        CHECK_BYTES("hello", 5, message.data, message.len);
}

/* The error has this status, phase and part of its message. */
static inline void check_unreached(wsline_status status, int phase, const char *part,
                                   const char *url, const wsline_options *options) {
    wsline_conn *conn = NULL;
    wsline_error_info info;

    CHECK_STATUS(status, wsline_connect(url, options, &conn));
    CHECK_HAS(part, wsline_last_error_message());
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(phase, info.phase);
    CHECK(conn == NULL);
}

#endif
