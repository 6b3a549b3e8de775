/* SPDX-License-Identifier: Apache-2.0 */
/* Messages are echoed whole and unchanged. */
#include "message.h"
#include "peer.h"

/* A buffer in which every byte depends on its offset. */
static uint8_t *pattern_of(size_t len) {
    uint8_t *data = malloc(len + 1);

    REQUIRE(data != NULL);
    for (size_t i = 0; i < len; i++) data[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
    return data;
}

static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 1048576, 16777216};

static void every_size_comes_back_from(const char *peer) {
    wsline_conn *conn = peer_connect(peer, "/", NULL);
    size_t largest = check_scaled(16777216, 65536);

    for (size_t i = 0; i < COUNT_OF(sizes) && sizes[i] <= largest; i++) {
        uint8_t *data = pattern_of(sizes[i]);
        char *text = text_of(sizes[i]);

        CHECK_OK(wsline_conn_send_binary(conn, data, sizes[i]));
        expect_message(conn, WSLINE_OPCODE_BINARY, data, sizes[i]);
        CHECK_OK(wsline_conn_send_text(conn, text, sizes[i]));
        expect_message(conn, WSLINE_OPCODE_TEXT, text, sizes[i]);
        free(text);
        free(data);
    }
    peer_hang_up(conn);
}

static void every_size_is_echoed_whole(void) {
    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        check_row(peer_echo_servers[i]);
        every_size_comes_back_from(peer_echo_servers[i]);
    }
}

static void empty_messages_are_delivered(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);

    CHECK_OK(wsline_conn_send_text(conn, NULL, 0));
    expect_message(conn, WSLINE_OPCODE_TEXT, "", 0);
    CHECK_OK(wsline_conn_send_text(conn, "", WSLINE_NUL_TERMINATED));
    expect_message(conn, WSLINE_OPCODE_TEXT, "", 0);
    CHECK_OK(wsline_conn_send_binary(conn, NULL, 0));
    expect_message(conn, WSLINE_OPCODE_BINARY, "", 0);
    peer_hang_up(conn);
}

static void a_payload_may_be_nul_terminated(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);

    CHECK_OK(wsline_conn_send_text(conn, "to the NUL", WSLINE_NUL_TERMINATED));
    expect_message(conn, WSLINE_OPCODE_TEXT, "to the NUL", 10);
    CHECK_OK(wsline_conn_send_text(conn, "a\0b", 3));
    expect_message(conn, WSLINE_OPCODE_TEXT, "a\0b", 3);
    peer_hang_up(conn);
}

static void send_accepts_text_binary_ping_and_pong(void) {
    static const int32_t bad[] = {WSLINE_OPCODE_CONTINUATION,
                                  WSLINE_OPCODE_CLOSE,
                                  3,
                                  7,
                                  11,
                                  15,
                                  16,
                                  -1,
                                  INT32_MAX,
                                  INT32_MIN};
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send(conn, bad[i], "x", 1));
        CHECK_HAS("`opcode`", wsline_last_error_message());
    }
    CHECK_OK(wsline_conn_send(conn, WSLINE_OPCODE_PING, "p", 1));
    CHECK_OK(wsline_conn_send(conn, WSLINE_OPCODE_PONG, "p", 1));
    CHECK_OK(wsline_conn_send(conn, WSLINE_OPCODE_TEXT, "t", 1));
    expect_message(conn, WSLINE_OPCODE_TEXT, "t", 1);
    CHECK_OK(wsline_conn_send(conn, WSLINE_OPCODE_BINARY, "b", 1));
    expect_message(conn, WSLINE_OPCODE_BINARY, "b", 1);
    peer_hang_up(conn);
}

static void bad_payloads_are_rejected_and_the_connection_stays_open(void) {
    static const uint8_t control[126] = {0};
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_text(conn, NULL, 1));
    CHECK_HAS("`text`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_conn_send_text(conn, NULL, WSLINE_NUL_TERMINATED));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_binary(conn, NULL, 1));
    CHECK_HAS("`data`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_text(conn, "a\xff", 2));
    CHECK_HAS("`text`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_conn_send(conn, WSLINE_OPCODE_TEXT, "\xc3", 1));
    CHECK_HAS("`data`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_ping(conn, control, 126));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_pong(conn, control, 126));
    CHECK_OK(wsline_conn_ping(conn, control, 125));
    CHECK_OK(wsline_conn_send_text(conn, "still here", WSLINE_NUL_TERMINATED));
    expect_message(conn, WSLINE_OPCODE_TEXT, "still here", 10);
    peer_hang_up(conn);
}

static void many_messages_may_be_in_flight_at_once(void) {
    size_t count = check_scaled(10000, 300);

    for (size_t k = 0; k < COUNT_OF(peer_echo_servers); k++) {
        wsline_conn *conn;

        check_row(peer_echo_servers[k]);
        conn = peer_connect(peer_echo_servers[k], "/", NULL);
        for (size_t i = 0; i < count; i++) {
            char text[32];

            snprintf(text, sizeof text, "message %zu", i);
            REQUIRE_OK(wsline_conn_send_text(conn, text, WSLINE_NUL_TERMINATED));
        }
        for (size_t i = 0; i < count; i++) {
            char text[32];

            snprintf(text, sizeof text, "message %zu", i);
            expect_message(conn, WSLINE_OPCODE_TEXT, text, strlen(text));
        }
        peer_hang_up(conn);
    }
}

static void all_pushed_messages_arrive(void) {
    wsline_conn *conn = peer_connect("WS", "/push?n=100&size=1000", NULL);
    static const uint8_t zeros[1000];
    wsline_stats stats;

    for (int i = 0; i < 100; i++) expect_message(conn, WSLINE_OPCODE_BINARY, zeros, sizeof zeros);
    CHECK_OK(wsline_conn_stats(conn, &stats));
    CHECK_INT(100, stats.messages_received);
    CHECK_INT(100, stats.frames_received);
    CHECK(stats.bytes_received > 100 * 1004);
    CHECK_INT(0, stats.messages_sent);
    peer_hang_up(conn);
}

static void a_received_message_stays_valid_until_the_next_receive(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    wsline_message message;

    CHECK_OK(wsline_conn_send_text(conn, "first", WSLINE_NUL_TERMINATED));
    CHECK_OK(wsline_conn_send_text(conn, "second", WSLINE_NUL_TERMINATED));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_OK(wsline_conn_send_text(conn, "third", WSLINE_NUL_TERMINATED));
    CHECK_OK(wsline_conn_ping(conn, "p", 1));
    CHECK_TEXT("first", (const char *)message.data);
    expect_message(conn, WSLINE_OPCODE_TEXT, "second", 6);
    expect_message(conn, WSLINE_OPCODE_TEXT, "third", 5);
    peer_hang_up(conn);
}

static void every_frame_is_masked_with_its_own_key(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/echo?id=masks", NULL);
    char line[512];

    for (int i = 0; i < 99; i++) {
        CHECK_OK(wsline_conn_send_text(conn, "x", 1));
        expect_message(conn, WSLINE_OPCODE_TEXT, "x", 1);
    }
    peer_hang_up(conn);
    peer_journal("masks", line, sizeof line);
    CHECK_HAS("\"masked\": true", line);
    CHECK_HAS("\"frames\": 100", line);
    CHECK_HAS("\"mask_keys\": 100", line);
}

static int32_t same_key(uint8_t *key_out, void *userdata) {
    memcpy(key_out, userdata, 4);
    return WSLINE_OK;
}

static void a_mask_key_function_supplies_the_keys(void) {
    wsline_options *options = peer_options();
    char key[] = "\x01\x02\x03\x04", line[512];
    wsline_conn *conn;

    CHECK_OK(wsline_options_set_mask_key_fn(options, same_key, key, NULL));
    conn = peer_connect("FAULTS", "/echo?id=one-mask", options);
    wsline_options_free(options);
    for (int i = 0; i < 9; i++) {
        CHECK_OK(wsline_conn_send_text(conn, "masked by hand", WSLINE_NUL_TERMINATED));
        expect_message(conn, WSLINE_OPCODE_TEXT, "masked by hand", 14);
    }
    peer_hang_up(conn);
    peer_journal("one-mask", line, sizeof line);
    CHECK_HAS("\"mask_keys\": 1,", line);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(every_size_is_echoed_whole),
        TEST(empty_messages_are_delivered),
        TEST(a_payload_may_be_nul_terminated),
        TEST(send_accepts_text_binary_ping_and_pong),
        TEST(bad_payloads_are_rejected_and_the_connection_stays_open),
        TEST(many_messages_may_be_in_flight_at_once),
        TEST(all_pushed_messages_arrive),
        TEST(a_received_message_stays_valid_until_the_next_receive),
        TEST(every_frame_is_masked_with_its_own_key),
        TEST(a_mask_key_function_supplies_the_keys),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
