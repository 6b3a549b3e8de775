/* SPDX-License-Identifier: Apache-2.0 */
/* How much a peer may send, and how it is validated. */
#include "message.h"
#include "peer.h"

static void validation_of_text_can_be_disabled(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn;

    CHECK_OK(wsline_options_set_utf8_validation(options, false));
    conn = peer_connect("FAULTS", "/frame?hex=8102c328", options);
    wsline_options_free(options);
    expect_message(conn, WSLINE_OPCODE_TEXT, "\xc3(", 2);
    CHECK_OK(wsline_conn_send_text(conn, "\xff", 1));
    expect_message(conn, WSLINE_OPCODE_TEXT, "\xff", 1);
    peer_hang_up(conn);
}

static void messages_within_the_limits_pass(void) {
    wsline_options *options = peer_options();
    static const uint8_t zeros[1000];
    wsline_conn *conn;

    CHECK_OK(wsline_options_set_max_message_bytes(options, 1000));
    CHECK_OK(wsline_options_set_max_frame_bytes(options, 1000));
    CHECK_OK(wsline_options_set_max_fragments(options, 3));
    conn = peer_connect("WEBSOCKETS", "/push?n=3&size=1000", options);
    for (int i = 0; i < 3; i++) expect_message(conn, WSLINE_OPCODE_BINARY, zeros, 1000);
    peer_hang_up(conn);
    conn = peer_connect("WS", "/fragment", options);
    CHECK_OK(wsline_conn_send_binary(conn, zeros, 1000));
    expect_message(conn, WSLINE_OPCODE_BINARY, zeros, 1000);
    peer_hang_up(conn);
    wsline_options_free(options);
}

static void a_message_over_a_limit_is_too_big(void) {
    static const struct {
        const char *name;
        const char *path;
        uint64_t message, frame, fragments;
    } rows[] = {
        {"message", "/frame?hex=82054142434445&id=big0", 4, 0, 0},
        {"message in fragments",
         "/frame?hex=0203414243"
         "80024445&id=big1",
         4, 0, 0},
        {"frame", "/frame?hex=82054142434445&id=big2", 0, 4, 0},
        {"fragments",
         "/frame?hex=020141"
         "000142"
         "800143&id=big3",
         0, 0, 2},
        {"empty fragments",
         "/frame?hex=0200"
         "0000"
         "8000&id=big4",
         0, 0, 2},
        {"a claim beyond 64 bits of memory", "/claim?id=big5", 1 << 20, 0, 0},
        {"the default", "/claim?len=67108865&id=big6", 64 << 20, 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();
        wsline_message message;
        char line[512];
        wsline_conn *conn;

        check_row(rows[i].name);
        CHECK_OK(wsline_options_set_max_message_bytes(options, rows[i].message));
        CHECK_OK(wsline_options_set_max_frame_bytes(options, rows[i].frame));
        CHECK_OK(wsline_options_set_max_fragments(options, rows[i].fragments));
        conn = peer_connect("FAULTS", rows[i].path, options);
        wsline_options_free(options);
        CHECK_STATUS(WSLINE_ERR_MESSAGE_TOO_BIG, wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK(message.data == NULL && message.len == 0);
        CHECK_STATUS(WSLINE_ERR_MESSAGE_TOO_BIG, wsline_conn_recv(conn, WAIT_MS, &message));
        wsline_conn_free(conn);
        peer_journal(strstr(rows[i].path, "id=") + 3, line, sizeof line);
        CHECK_HAS("\"close\": 1009", line);
    }
}

static void the_limits_apply_to_each_frame_by_itself(void) {
    static const struct {
        const char *name;
        const char *path;
        uint64_t message, frame, fragments;
        int frames; /* delivered */
        wsline_status end;
    } rows[] = {
        {"the sum of a message",
         "/frame?hex=0203414243"
         "80024445",
         4, 4, 0, 2, WSLINE_ERR_TIMEOUT},
        {"a frame over the limit of messages", "/frame?hex=82054142434445", 4, 0, 0, 0,
         WSLINE_ERR_MESSAGE_TOO_BIG},
        {"a later one",
         "/frame?hex=020141"
         "80054142434445",
         4, 0, 0, 1, WSLINE_ERR_MESSAGE_TOO_BIG},
        {"a frame over the limit of frames", "/frame?hex=82054142434445", 0, 4, 0, 0,
         WSLINE_ERR_MESSAGE_TOO_BIG},
        {"fragments",
         "/frame?hex=020141"
         "000142"
         "800143",
         0, 0, 2, 2, WSLINE_ERR_MESSAGE_TOO_BIG},
        {"fragments of two messages",
         "/frame?hex=020141"
         "800142"
         "020143"
         "800144",
         0, 0, 2, 4, WSLINE_ERR_TIMEOUT},
        {"control frames",
         "/frame?hex=020141"
         "8903414243"
         "8a03414243"
         "800142",
         2, 2, 2, 4, WSLINE_ERR_TIMEOUT},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();
        wsline_frame frame;
        wsline_conn *conn;

        check_row(rows[i].name);
        CHECK_OK(wsline_options_set_max_message_bytes(options, rows[i].message));
        CHECK_OK(wsline_options_set_max_frame_bytes(options, rows[i].frame));
        CHECK_OK(wsline_options_set_max_fragments(options, rows[i].fragments));
        conn = peer_connect("FAULTS", rows[i].path, options);
        wsline_options_free(options);
        for (int n = 0; n < rows[i].frames; n++)
            REQUIRE_OK(wsline_conn_recv_frame(conn, WAIT_MS, &frame));
        CHECK_STATUS(
            rows[i].end,
            wsline_conn_recv_frame(conn, rows[i].end == WSLINE_ERR_TIMEOUT ? 20 : WAIT_MS, &frame));
        wsline_conn_free(conn);
    }
}

static void an_announced_length_allocates_no_memory(void) {
    wsline_options *options = peer_options();
    wsline_message message;
    wsline_conn *conn;

    /* No limit applies: the call waits for the rest without allocating memory for it. */
    CHECK_OK(wsline_options_set_max_message_bytes(options, 0));
    CHECK_OK(wsline_options_set_max_frame_bytes(options, 0));
    conn = peer_connect("FAULTS", "/claim?len=1099511627776", options);
    wsline_options_free(options);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 200, &message));
    CHECK(wsline_conn_is_open(conn));
    wsline_conn_free(conn);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(validation_of_text_can_be_disabled),
        TEST(messages_within_the_limits_pass),
        TEST(a_message_over_a_limit_is_too_big),
        TEST(the_limits_apply_to_each_frame_by_itself),
        TEST(an_announced_length_allocates_no_memory),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
