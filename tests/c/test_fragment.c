/* SPDX-License-Identifier: Apache-2.0 */
/* Fragmented messages in both directions. */
#include "message.h"
#include "peer.h"

static void fragments_form_one_message(void) {
    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        wsline_conn *conn;

        check_row(peer_echo_servers[i]);
        conn = peer_connect(peer_echo_servers[i], "/", NULL);
        /* The euro sign is split. */
        CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "one \xe2\x82", 6, false));
        CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, NULL, 0, false));
        CHECK_OK(wsline_conn_ping(conn, "between", 7));
        CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "\xac two", 5, true));
        expect_message(conn, WSLINE_OPCODE_TEXT, "one \xe2\x82\xac two", 11);
        CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_BINARY, "at once", 7, true));
        expect_message(conn, WSLINE_OPCODE_BINARY, "at once", 7);
        peer_hang_up(conn);
    }
}

static void other_messages_wait_for_the_last_fragment(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    wsline_frame frame = {.fin = 1, .opcode = WSLINE_OPCODE_TEXT};

    CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_BINARY, "a", 1, false));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_send_text(conn, "x", 1));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_send_binary(conn, "x", 1));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_send_frame(conn, &frame));
    CHECK_OK(wsline_conn_pong(conn, "p", 1));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "b", 1, true));
    CHECK_HAS("`opcode`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_conn_send_fragment(conn, WSLINE_OPCODE_PING, "b", 1, true));
    CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_BINARY, "b", 1, true));
    expect_message(conn, WSLINE_OPCODE_BINARY, "ab", 2);
    CHECK_OK(wsline_conn_send_text(conn, "x", 1));
    expect_message(conn, WSLINE_OPCODE_TEXT, "x", 1);
    peer_hang_up(conn);
}

static void received_fragments_are_joined(void) {
    static const size_t lengths[] = {0, 1, 2, 3, 1000, 300000};
    wsline_conn *conn = peer_connect("WS", "/fragment", NULL);
    wsline_stats stats;

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        char *text = text_of(lengths[i]);

        CHECK_OK(wsline_conn_send_text(conn, text, lengths[i]));
        expect_message(conn, WSLINE_OPCODE_TEXT, text, lengths[i]);
        free(text);
    }
    CHECK_OK(wsline_conn_stats(conn, &stats));
    CHECK_INT(COUNT_OF(lengths), stats.messages_received);
    peer_hang_up(conn);
}

static void fragments_are_delivered_individually_on_request(void) {
    wsline_options *options = peer_options();
    static const char *const pieces[] = {"abc", "def", "gh"};
    static const uint32_t flags[] = {WSLINE_MESSAGE_FIRST, 0, WSLINE_MESSAGE_LAST};
    wsline_conn *conn;

    CHECK_OK(wsline_options_set_deliver_fragments(options, true));
    conn = peer_connect("WS", "/fragment", options);
    wsline_options_free(options);
    CHECK_OK(wsline_conn_send_text(conn, "abcdefgh", 8));
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        wsline_message message;

        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK_BYTES(pieces[i], strlen(pieces[i]), message.data, message.len);
        CHECK_INT(WSLINE_OPCODE_TEXT, message.opcode);
        CHECK_INT(flags[i], message.flags);
    }
    peer_hang_up(conn);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(fragments_form_one_message),
        TEST(other_messages_wait_for_the_last_fragment),
        TEST(received_fragments_are_joined),
        TEST(fragments_are_delivered_individually_on_request),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
