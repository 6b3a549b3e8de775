/* SPDX-License-Identifier: Apache-2.0 */
/* Pings, pongs, and raw access to frames. */
#include "message.h"
#include "peer.h"

static void expect_event(wsline_conn *conn, int32_t opcode, const char *payload) {
    wsline_message message;

    REQUIRE_OK(wsline_conn_recv_event(conn, WAIT_MS, &message));
    CHECK_INT(opcode, message.opcode);
    CHECK_BYTES(payload, strlen(payload), message.data, message.len);
    CHECK_INT(WSLINE_MESSAGE_FIRST | WSLINE_MESSAGE_LAST, message.flags);
}

static void events_show_pings_and_pongs(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/frame?hex=890470696e67810474657874", NULL);

    expect_event(conn, WSLINE_OPCODE_PING, "ping");
    expect_event(conn, WSLINE_OPCODE_TEXT, "text");
    CHECK_OK(wsline_conn_ping(conn, "mine", 4));
    expect_event(conn, WSLINE_OPCODE_PONG, "mine");
    CHECK_OK(wsline_conn_ping(conn, NULL, 0));
    expect_event(conn, WSLINE_OPCODE_PONG, "");
    peer_hang_up(conn);
}

static void messages_are_received_among_pings_and_pongs(void) {
    /* A text in two fragments; a ping before the first, a pong in between, a ping after the last.
     * */
    static const char path[] = "/frame?hex=89017001026162"
                               "8a0170"
                               "80026364"
                               "890171&id=past";
    wsline_conn *conn = peer_connect("FAULTS", path, NULL);
    char line[512];

    expect_message(conn, WSLINE_OPCODE_TEXT, "abcd", 4);
    CHECK_OK(wsline_conn_send_text(conn, "x", 1));
    expect_message(conn, WSLINE_OPCODE_TEXT, "x", 1);
    peer_hang_up(conn);
    peer_journal("past", line, sizeof line);
    CHECK_HAS("\"pongs\": 2", line);
}

static void pings_are_not_answered_without_auto_pong(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn;
    char line[512];

    CHECK_OK(wsline_options_set_auto_pong(options, false));
    conn = peer_connect("FAULTS", "/frame?hex=890170810174&id=no-pong", options);
    wsline_options_free(options);
    expect_event(conn, WSLINE_OPCODE_PING, "p");
    expect_message(conn, WSLINE_OPCODE_TEXT, "t", 1);
    peer_hang_up(conn);
    peer_journal("no-pong", line, sizeof line);
    CHECK_HAS("\"pongs\": 0", line);
}

static void a_flood_of_pings_does_not_delay_a_message(void) {
    size_t count = check_scaled(10000, 500);
    char path[64];
    wsline_conn *conn;

    snprintf(path, sizeof path, "/ping-flood?n=%zu", count);
    conn = peer_connect("FAULTS", path, NULL);
    expect_message(conn, WSLINE_OPCODE_TEXT, "done", 4);
    CHECK_OK(wsline_conn_send_text(conn, "x", 1));
    expect_message(conn, WSLINE_OPCODE_TEXT, "x", 1);
    peer_hang_up(conn);
}

static void frames_are_sent_and_received_unchanged(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/frame?hex=890170010261628002ff64&id=raw", NULL);
    static const struct {
        uint8_t fin;
        int32_t opcode;
        const char *payload;
    } rows[] = {
        {1, WSLINE_OPCODE_PING, "p"},
        {0, WSLINE_OPCODE_TEXT, "ab"},
        {1, WSLINE_OPCODE_CONTINUATION,
         "\xff"
         "d"},
        {1, WSLINE_OPCODE_BINARY, "mine"},
    };
    wsline_frame frame = {.fin = 1, .opcode = WSLINE_OPCODE_BINARY};
    char line[512];

    frame.data = (const uint8_t *)"mine";
    frame.len = 4;
    CHECK_OK(wsline_conn_send_frame(conn, &frame));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        REQUIRE_OK(wsline_conn_recv_frame(conn, WAIT_MS, &frame));
        CHECK_INT(rows[i].fin, frame.fin);
        CHECK_INT(rows[i].opcode, frame.opcode);
        CHECK_BYTES(rows[i].payload, strlen(rows[i].payload), frame.data, frame.len);
        CHECK_INT(0, frame.masked);
    }
    peer_hang_up(conn);
    peer_journal("raw", line, sizeof line);
    CHECK_HAS("\"pongs\": 0", line);
    CHECK_HAS("\"masked\": true", line);
}

static void a_close_frame_is_the_last_raw_frame(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/frame?hex=880203e8", NULL);
    wsline_frame frame;

    REQUIRE_OK(wsline_conn_recv_frame(conn, WAIT_MS, &frame));
    CHECK_INT(WSLINE_OPCODE_CLOSE, frame.opcode);
    CHECK_BYTES("\x03\xe8", 2, frame.data, frame.len);
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv_frame(conn, WAIT_MS, &frame));
    wsline_conn_free(conn);
}

static void frames_that_would_break_the_connection_are_rejected(void) {
    static const uint8_t zeros[126];
    static const wsline_frame rows[] = {
        {.fin = 1, .opcode = 16},
        {.fin = 1, .opcode = 3},
        {.fin = 1, .opcode = WSLINE_OPCODE_CONTINUATION},
        {.fin = 0, .opcode = WSLINE_OPCODE_PING},
        {.fin = 1, .opcode = WSLINE_OPCODE_PING, .data = zeros, .len = sizeof zeros},
        {.fin = 1, .rsv1 = 1, .opcode = WSLINE_OPCODE_TEXT},
        {.fin = 1, .rsv2 = 1, .opcode = WSLINE_OPCODE_TEXT},
        {.fin = 1, .rsv3 = 1, .opcode = WSLINE_OPCODE_TEXT},
        {.fin = 2, .opcode = WSLINE_OPCODE_TEXT},
        {.fin = 1, .opcode = WSLINE_OPCODE_TEXT, .masked = 1},
        {.fin = 1, .opcode = WSLINE_OPCODE_TEXT, .data = NULL, .len = 1},
    };
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_frame(conn, NULL));
    CHECK_HAS("`frame`", wsline_last_error_message());
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_frame(conn, &rows[i]));
        CHECK_HAS("frame", wsline_last_error_message());
    }
    CHECK_OK(wsline_conn_send_text(conn, "still here", WSLINE_NUL_TERMINATED));
    expect_message(conn, WSLINE_OPCODE_TEXT, "still here", 10);
    peer_hang_up(conn);
}

static void the_payload_of_a_sent_frame_may_be_nul_terminated(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    wsline_frame frame = {.fin = 1, .opcode = WSLINE_OPCODE_TEXT, .len = WSLINE_NUL_TERMINATED};

    frame.data = (const uint8_t *)"to the NUL";
    CHECK_OK(wsline_conn_send_frame(conn, &frame));
    expect_message(conn, WSLINE_OPCODE_TEXT, "to the NUL", 10);
    peer_hang_up(conn);
}

static void a_message_must_be_received_the_way_it_was_begun(void) {
    wsline_conn *conn = peer_connect("FAULTS",
                                     "/frame?hex=010161"
                                     "800162"
                                     "810163",
                                     NULL);
    wsline_message message;
    wsline_frame frame;

    REQUIRE_OK(wsline_conn_recv_frame(conn, WAIT_MS, &frame));
    CHECK_BYTES("a", 1, frame.data, frame.len);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_recv_event(conn, WAIT_MS, &message));
    REQUIRE_OK(wsline_conn_recv_frame(conn, WAIT_MS, &frame));
    CHECK_BYTES("b", 1, frame.data, frame.len);
    expect_message(conn, WSLINE_OPCODE_TEXT, "c", 1);
    peer_hang_up(conn);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(events_show_pings_and_pongs),
        TEST(messages_are_received_among_pings_and_pongs),
        TEST(pings_are_not_answered_without_auto_pong),
        TEST(a_flood_of_pings_does_not_delay_a_message),
        TEST(frames_are_sent_and_received_unchanged),
        TEST(a_close_frame_is_the_last_raw_frame),
        TEST(frames_that_would_break_the_connection_are_rejected),
        TEST(the_payload_of_a_sent_frame_may_be_nul_terminated),
        TEST(a_message_must_be_received_the_way_it_was_begun),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
