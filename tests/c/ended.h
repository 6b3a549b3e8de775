/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of every connection that has ended. */
#ifndef WSLINE_TESTS_ENDED_H
#define WSLINE_TESTS_ENDED_H

#include "check.h"

/* The reason that the connection reports for its end. */
static inline void check_ended(wsline_conn *conn, uint16_t code, const char *reason, bool clean,
                               int32_t closed_by) {
    wsline_close_info info;

    CHECK(!wsline_conn_is_open(conn));
    CHECK_OK(wsline_conn_close_info(conn, &info));
    CHECK_INT(code, info.code);
    CHECK_INT(clean, info.clean);
    CHECK_INT(closed_by, info.closed_by);
    CHECK_BYTES(reason, strlen(reason), info.reason, info.reason_len);
}

/* Every call that transfers data now fails with `status`. */
static inline void check_over(wsline_conn *conn, wsline_status status) {
    wsline_message message;
    wsline_frame frame;

    CHECK_STATUS(status, wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_STATUS(status, wsline_conn_recv_event(conn, WAIT_MS, &message));
    CHECK_STATUS(status, wsline_conn_recv_frame(conn, WAIT_MS, &frame));
    CHECK_STATUS(status, wsline_conn_send_text(conn, "x", 1));
    CHECK_STATUS(status, wsline_conn_ping(conn, NULL, 0));
    CHECK_STATUS(status, wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "x", 1, true));
}

#endif
