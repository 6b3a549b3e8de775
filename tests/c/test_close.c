/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a connection: by a closing handshake, without a reply, or broken. */
#include "clock.h"
#include "ended.h"
#include "peer.h"

#include <errno.h>
#include <poll.h>

/* Closing handshakes --------------------------------------------------------------------------- */

static void the_client_closes_with_a_code_and_a_reason(void) {
    static const uint16_t codes[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                     1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        char path[64], id[32], line[512], seen[32];
        wsline_conn *conn;

        snprintf(id, sizeof id, "client-%u", codes[i]);
        snprintf(path, sizeof path, "/echo?id=%s", id);
        check_row(id);
        conn = peer_connect("FAULTS", path, NULL);
        CHECK_OK(wsline_conn_close(conn, codes[i], "good bye", WAIT_MS));
        check_ended(conn, codes[i], "good bye", true, WSLINE_SIDE_CLIENT);
        check_over(conn, WSLINE_ERR_CLOSED);
        wsline_conn_free(conn);
        peer_journal(id, line, sizeof line);
        snprintf(seen, sizeof seen, "\"close\": %u,", codes[i]);
        CHECK_HAS(seen, line);
        CHECK_HAS("\"after_close\": 0", line);
        CHECK_HAS("\"end\": \"fin\"", line);
    }
}

static void the_server_closes_with_a_code_and_a_reason(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WS", "FAULTS", "WEBSOCKETS_TLS", "WS_TLS"};
    static const uint16_t codes[] = {1000, 1001, 1011, 4000};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        check_row(peers[i]);
        for (size_t k = 0; k < COUNT_OF(codes); k++) {
            char path[64];
            wsline_message message;
            wsline_error_info info;
            wsline_conn *conn;

            snprintf(path, sizeof path, "/close?code=%u&reason=enough%%20now", codes[k]);
            conn = peer_connect(peers[i], path, NULL);
            CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
            CHECK_OK(wsline_last_error(&info));
            CHECK_INT(codes[k], info.close_code);
            check_ended(conn, codes[k], "enough now", true, WSLINE_SIDE_SERVER);
            check_over(conn, WSLINE_ERR_CLOSED);
            CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
            wsline_conn_free(conn);
        }
    }
}

static void a_close_frame_is_answered_with_its_code(void) {
    static const struct {
        const char *id;
        const char *query;
        const char *answer;
    } rows[] = {
        {"answer-1000", "code=1000", "\"close\": 1000,"},
        {"answer-4321", "code=4321&reason=because", "\"close\": 4321,"},
        {"answer-none", "code=0", "\"close\": 1005,"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[64], line[512];
        wsline_message message;
        wsline_conn *conn;

        check_row(rows[i].id);
        snprintf(path, sizeof path, "/close?%s&id=%s", rows[i].query, rows[i].id);
        conn = peer_connect("FAULTS", path, NULL);
        CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
        wsline_conn_free(conn);
        peer_journal(rows[i].id, line, sizeof line);
        CHECK_HAS(rows[i].answer, line);
        CHECK_HAS("\"after_close\": 0", line);
    }
}

static void a_close_without_a_code_has_code_1005(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/close?code=0", NULL);
    wsline_message message;
    char line[512];

    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
    check_ended(conn, WSLINE_CLOSE_NO_STATUS, "", true, WSLINE_SIDE_SERVER);
    wsline_conn_free(conn);

    conn = peer_connect("FAULTS", "/echo?id=empty", NULL);
    CHECK_OK(wsline_conn_close(conn, 0, NULL, WAIT_MS));
    check_ended(conn, WSLINE_CLOSE_NO_STATUS, "", true, WSLINE_SIDE_CLIENT);
    wsline_conn_free(conn);
    peer_journal("empty", line, sizeof line);
    CHECK_HAS("\"close\": 1005,", line);
}

static void codes_that_must_not_be_sent_are_rejected(void) {
    static const int32_t bad[] = {-1,   1,    999,  1004, 1005,  1006,
                                  1015, 1016, 2999, 5000, 65535, 65536 + 1000};
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    char reason[125];

    memset(reason, 'r', sizeof reason);
    reason[124] = '\0';
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_close(conn, bad[i], NULL, WAIT_MS));
        CHECK_HAS("`code`", wsline_last_error_message());
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_close(conn, bad[i], NULL));
    }
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_close(conn, 0, "a reason"));
    CHECK_HAS("`reason`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_close(conn, 1000, reason, WAIT_MS));
    CHECK_HAS("`reason`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_close(conn, 1000, "\xff", WAIT_MS));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_close(conn, 1000, NULL, -3));
    CHECK_HAS("`timeout_ms`", wsline_last_error_message());
    CHECK(wsline_conn_is_open(conn));
    reason[123] = '\0';
    CHECK_OK(wsline_conn_close(conn, 1000, reason, WAIT_MS));
    check_ended(conn, 1000, reason, true, WSLINE_SIDE_CLIENT);
    wsline_conn_free(conn);
}

static void messages_in_flight_arrive_after_send_close(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/echo?id=under-way", NULL);
    wsline_message message;
    char line[512];

    CHECK_OK(wsline_conn_send_text(conn, "last words", WSLINE_NUL_TERMINATED));
    CHECK_OK(wsline_conn_send_close(conn, 4001, "done"));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_send_text(conn, "x", 1));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("last words", 10, message.data, message.len);
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
    check_ended(conn, 4001, "done", true, WSLINE_SIDE_CLIENT);
    wsline_conn_free(conn);
    peer_journal("under-way", line, sizeof line);
    CHECK_HAS("\"close\": 4001,", line);
    CHECK_HAS("\"after_close\": 0", line);
}

static void close_discards_the_messages_it_receives(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/push?n=100&size=1000", NULL);

    CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
    check_ended(conn, WSLINE_CLOSE_NORMAL, "", true, WSLINE_SIDE_CLIENT);
    wsline_conn_free(conn);
}

static void a_close_is_reported_as_one_event(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/close?code=4000&reason=why", NULL);
    wsline_message message;

    REQUIRE_OK(wsline_conn_recv_event(conn, WAIT_MS, &message));
    CHECK_INT(WSLINE_OPCODE_CLOSE, message.opcode);
    CHECK_BYTES("\x0f\xa0why", 5, message.data, message.len);
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv_event(conn, WAIT_MS, &message));
    wsline_conn_free(conn);
}

static void data_after_a_close_frame_is_dropped(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/close-data", NULL);
    wsline_message message;

    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
    wsline_conn_free(conn);
}

static void an_answered_close_takes_no_time(void) {
    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        check_row(peer_echo_servers[i]);
        for (size_t k = 0; k < check_scaled(30, 5); k++) {
            wsline_conn *conn = peer_connect(peer_echo_servers[i], "/", NULL);
            wsline_message message;
            struct stopwatch start;

            CHECK_OK(wsline_conn_send_text(conn, "x", 1));
            CHECK_OK(wsline_conn_recv(conn, WAIT_MS, &message));
            start = stopwatch_start();
            CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
            CHECK_TOOK(0, start);
            wsline_conn_free(conn);
        }
    }
}

static void a_close_answered_long_ago_takes_no_time(void) {
    enum { PAUSE_MS = 50 };

    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        struct pollfd readable = {.events = POLLIN};
        wsline_conn *conn;
        struct stopwatch start;

        check_row(peer_echo_servers[i]);
        conn = peer_connect(peer_echo_servers[i], "/", NULL);
        CHECK_OK(wsline_conn_send_close(conn, WSLINE_CLOSE_NORMAL, NULL));
        readable.fd = wsline_conn_fd(conn);
        REQUIRE(poll(&readable, 1, WAIT_MS) == 1);
        clock_sleep_ms(PAUSE_MS); /* what the server sends after its close frame is included */
        start = stopwatch_start();
        CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
        CHECK_TOOK(0, start);
        wsline_conn_free(conn);
    }
}

static void closing_again_succeeds(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/echo?id=twice", NULL);
    char line[512];

    CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, "first", WAIT_MS));
    CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_GOING_AWAY, "second", WAIT_MS));
    check_ended(conn, WSLINE_CLOSE_NORMAL, "first", true, WSLINE_SIDE_CLIENT);
    wsline_conn_free(conn);
    peer_journal("twice", line, sizeof line);
    CHECK_HAS("\"close\": 1000,", line);
    CHECK_HAS("\"after_close\": 0", line);
}

static wsline_status close_normally(wsline_conn *conn) {
    return wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS);
}

static void close_from_another_thread_ends_a_receive(void) {
    struct later close_it = {.call = close_normally, .after_ms = 100};
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    wsline_message message;
    struct stopwatch start = stopwatch_start();

    close_it.conn = conn;
    later_start(&close_it);
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WSLINE_FOREVER, &message));
    CHECK_TOOK(100, start);
    later_end(&close_it);
    check_ended(conn, WSLINE_CLOSE_NORMAL, "", true, WSLINE_SIDE_CLIENT);
    wsline_conn_free(conn);
}

/* Peers that do not reply ---------------------------------------------------------------------- */

static void close_waits_for_a_silent_peer_until_its_timeout(void) {
    static const char *const paths[] = {"/no-close-reply?id=silent0", "/stall?id=silent1"};

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char line[512];
        wsline_conn *conn;
        struct stopwatch start;

        check_row(paths[i]);
        conn = peer_connect("FAULTS", paths[i], NULL);
        start = stopwatch_start();
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 300));
        CHECK_TOOK(300, start);
        check_ended(conn, WSLINE_CLOSE_ABNORMAL, "", false, WSLINE_SIDE_CLIENT);
        check_over(conn, WSLINE_ERR_CLOSED);
        /* The transport is closed although the handle still exists. */
        peer_journal(strstr(paths[i], "id=") + 3, line, sizeof line);
        CHECK_HAS("\"path\"", line);
        wsline_conn_free(conn);
    }
}

static void a_close_with_timeout_0_does_not_wait(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/no-close-reply?id=no-time", NULL);
    char line[512];
    struct stopwatch start = stopwatch_start();

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_close(conn, WSLINE_CLOSE_GOING_AWAY, NULL, 0));
    CHECK_TOOK(0, start);
    wsline_conn_free(conn);
    peer_journal("no-time", line, sizeof line);
    CHECK_HAS("\"close\": 1001", line);
}

static void the_close_timeout_is_an_option(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn;
    struct stopwatch start;

    CHECK_OK(wsline_options_set_close_timeout_ms(options, 200));
    conn = peer_connect("FAULTS", "/no-close-reply", options);
    wsline_options_free(options);
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT,
                 wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WSLINE_DEFAULT_TIMEOUT));
    CHECK_TOOK(200, start);
    wsline_conn_free(conn);
}

/* The kernel has accepted most of it when the send returns, and the server keeps reading for some
 * seconds. */
static wsline_conn *connect_and_send_much(const wsline_options *options, const char *path) {
    enum { LEN = 4 << 20 };
    wsline_conn *conn = peer_connect("FAULTS", path, options);
    char *data = calloc(1, LEN);

    REQUIRE(data != NULL);
    REQUIRE_OK(wsline_conn_send_binary(conn, data, LEN));
    free(data);
    return conn;
}

static void the_close_timeout_restarts_while_bytes_move(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn;
    char line[512];

    CHECK_OK(wsline_options_set_close_timeout_ms(options, 3000));
    conn = connect_and_send_much(options, "/slow-read?bps=500000&id=moving");
    wsline_options_free(options);
    CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WSLINE_DEFAULT_TIMEOUT));
    check_ended(conn, WSLINE_CLOSE_NORMAL, "", true, WSLINE_SIDE_CLIENT);
    wsline_conn_free(conn);
    peer_journal("moving", line, sizeof line);
    CHECK_HAS("\"frames\": 2,", line);
}

static void the_timeout_argument_of_a_close_limits_its_total_time(void) {
    wsline_conn *conn = connect_and_send_much(NULL, "/slow-read?bps=100000");
    struct stopwatch start = stopwatch_start();

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 500));
    CHECK_TOOK(500, start);
    wsline_conn_free(conn);
}

static void a_peer_that_keeps_the_transport_open_does_not_delay_the_close(void) {
    static const char *const paths[] = {"/answer-close-hold", "/close-hold"};

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        wsline_conn *conn;
        struct stopwatch start;

        check_row(paths[i]);
        conn = peer_connect("FAULTS", paths[i], NULL);
        start = stopwatch_start();
        CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
        CHECK_RANGE(0, 1000 + stopwatch_slack_ms(start), stopwatch_ms(start));
        CHECK(!wsline_conn_is_open(conn));
        wsline_conn_free(conn);
    }
}

/* Broken connections --------------------------------------------------------------------------- */

static void an_end_without_a_close_frame_is_a_lost_connection(void) {
    static const struct {
        const char *path;
        int32_t os_errno;
    } rows[] = {
        {"/eof-after-101", 0},          {"/fin-mid", 0},          {"/frame?hex=8902&then=fin", 0},
        {"/rst-after-101", ECONNRESET}, {"/rst-mid", ECONNRESET},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_message message;
        wsline_error_info info;
        wsline_conn *conn;

        check_row(rows[i].path);
        conn = peer_connect("FAULTS", rows[i].path, NULL);
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK(message.data == NULL);
        CHECK_OK(wsline_last_error(&info));
        CHECK_INT(rows[i].os_errno, info.os_errno);
        CHECK_INT(WSLINE_PHASE_OPEN, info.phase);
        check_ended(conn, WSLINE_CLOSE_ABNORMAL, "", false, WSLINE_SIDE_SERVER);
        check_over(conn, WSLINE_ERR_CONNECTION_LOST);
        wsline_conn_free(conn);
    }
}

static void messages_before_the_end_are_delivered(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/frame?hex=810161810162&then=fin", NULL);
    wsline_message message;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("a", 1, message.data, message.len);
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("b", 1, message.data, message.len);
    CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(conn, WAIT_MS, &message));
    wsline_conn_free(conn);
}

static void a_close_frame_counts_although_a_reset_follows(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/close-rst?code=4005", NULL);
    wsline_message message;

    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
    check_ended(conn, 4005, "", true, WSLINE_SIDE_SERVER);
    wsline_conn_free(conn);
}

static void shutdown_drops_the_connection_without_a_close_frame(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/echo?id=shutdown", NULL);
    char line[512];

    CHECK_OK(wsline_conn_shutdown(conn));
    CHECK_OK(wsline_conn_shutdown(conn));
    check_ended(conn, WSLINE_CLOSE_ABNORMAL, "", false, WSLINE_SIDE_CLIENT);
    check_over(conn, WSLINE_ERR_CLOSED);
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
    peer_journal("shutdown", line, sizeof line);
    CHECK_HAS("\"frames\": 0", line);
    wsline_conn_free(conn);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(the_client_closes_with_a_code_and_a_reason),
        TEST(the_server_closes_with_a_code_and_a_reason),
        TEST(a_close_frame_is_answered_with_its_code),
        TEST(a_close_without_a_code_has_code_1005),
        TEST(codes_that_must_not_be_sent_are_rejected),
        TEST(messages_in_flight_arrive_after_send_close),
        TEST(close_discards_the_messages_it_receives),
        TEST(a_close_is_reported_as_one_event),
        TEST(data_after_a_close_frame_is_dropped),
        TEST(an_answered_close_takes_no_time),
        TEST(a_close_answered_long_ago_takes_no_time),
        TEST(closing_again_succeeds),
        TEST(close_from_another_thread_ends_a_receive),
        TEST(close_waits_for_a_silent_peer_until_its_timeout),
        TEST(a_close_with_timeout_0_does_not_wait),
        TEST(the_close_timeout_is_an_option),
        TEST(the_close_timeout_restarts_while_bytes_move),
        TEST(the_timeout_argument_of_a_close_limits_its_total_time),
        TEST(a_peer_that_keeps_the_transport_open_does_not_delay_the_close),
        TEST(an_end_without_a_close_frame_is_a_lost_connection),
        TEST(messages_before_the_end_are_delivered),
        TEST(a_close_frame_counts_although_a_reset_follows),
        TEST(shutdown_drops_the_connection_without_a_close_frame),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
