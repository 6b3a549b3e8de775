/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed messages: they come back unchanged, and really were compressed. */
#include "deflate.h"

static const size_t sizes[] = {1, 2, 125, 126, 127, 128, 1000, 65535, 65536, 1048576, 16777216};

struct kind {
    const char *name;
    int32_t opcode;
    uint8_t *data;
    int64_t at_most; /* the compressed size in percent of the message */
    size_t largest;
};

static void every_size_of(wsline_conn *conn, const struct kind *kind, size_t largest) {
    size_t len_max = kind->largest < largest ? kind->largest : largest;
    struct report report = {.asked = 0};
    int64_t messages = 0, payload = 0;
    uint64_t received = received_bytes(conn);

    for (size_t i = 0; i < COUNT_OF(sizes) && sizes[i] <= len_max; i++) {
        echo_message(conn, kind->opcode, kind->data, sizes[i]);
        messages++;
        payload += (int64_t)sizes[i];
    }
    received = received_bytes(conn) - received;
    report_get(conn, &report);
    CHECK_INT(messages, report.messages);
    CHECK_INT(messages, report.compressed);
    CHECK_RANGE(1, payload * kind->at_most / 100 + 1000, report.wire_bytes);
    CHECK_RANGE(1, payload * kind->at_most / 100 + 2000, received);
}

static void every_size_and_kind_is_echoed_whole(void) {
    size_t largest = check_scaled(16777216, 65536);
    struct kind kinds[] = {
        {"noise", WSLINE_OPCODE_BINARY, payload_copy(payload_noise(), largest), 106, 16777216},
        {"lines", WSLINE_OPCODE_BINARY, payload_copy(payload_lines(), largest), 40, 16777216},
        {"zeros", WSLINE_OPCODE_BINARY, calloc(largest + 1, 1), 1, 1048576},
    };

    for (size_t i = 0; i < COUNT_OF(deflate_servers); i++) {
        size_t here = i < DEFLATE_TCP_SERVERS || largest < 1048576 ? largest : 1048576;

        for (size_t k = 0; k < COUNT_OF(kinds); k++) {
            wsline_conn *conn = deflate_connect(deflate_servers[i], "/", deflate_options());
            char row[128];

            snprintf(row, sizeof row, "%s %s", deflate_servers[i], kinds[k].name);
            check_row(row);
            REQUIRE(kinds[k].data != NULL);
            every_size_of(conn, &kinds[k], here);
            peer_hang_up(conn);
        }
    }
    for (size_t k = 0; k < COUNT_OF(kinds); k++) free(kinds[k].data);
}

static void text_is_echoed_whole(void) {
    for (size_t i = 0; i < COUNT_OF(deflate_servers); i++) {
        wsline_conn *conn = deflate_connect(deflate_servers[i], "/", deflate_options());
        struct report report = {.asked = 0};

        check_row(deflate_servers[i]);
        for (size_t k = 0; k < COUNT_OF(sizes) && sizes[k] <= check_scaled(1048576, 65536); k++) {
            char *text = text_of(sizes[k]);

            echo_message(conn, WSLINE_OPCODE_TEXT, text, sizes[k]);
            free(text);
        }
        report_get(conn, &report);
        CHECK_INT(report.messages, report.compressed);
        peer_hang_up(conn);
    }
}

static void empty_messages_are_sent_uncompressed(void) {
    for (size_t i = 0; i < DEFLATE_TCP_SERVERS; i++) {
        wsline_conn *conn = deflate_connect(deflate_servers[i], "/", deflate_options());
        struct report report = {.asked = 0};

        check_row(deflate_servers[i]);
        for (int round = 0; round < 3; round++) {
            echo_message(conn, WSLINE_OPCODE_TEXT, "", 0);
            echo_message(conn, WSLINE_OPCODE_BINARY, NULL, 0);
            echo_message(conn, WSLINE_OPCODE_TEXT, "between", 7);
        }
        report_get(conn, &report);
        CHECK_INT(9, report.messages);
        CHECK_INT(3, report.compressed);
        peer_hang_up(conn);
    }
}

static void short_messages_are_sent_uncompressed(void) {
    static const struct {
        const char *name;
        bool is_set;
        uint64_t bytes;
        size_t longest_plain;
    } rows[] = {
        {"100", true, 100, 99},
        {"the default", false, 0, 127},
        {"all", true, UINT64_MAX, 4096},
    };
    char *text = text_of(8192);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();
        struct report report = {.asked = 0};
        wsline_conn *conn;

        check_row(rows[i].name);
        CHECK_OK(wsline_options_set_deflate(options, true));
        if (rows[i].is_set)
            CHECK_OK(wsline_options_set_deflate_threshold_bytes(options, rows[i].bytes));
        conn = deflate_connect("DEFLATE_WEBSOCKETS", "/", options);
        echo_message(conn, WSLINE_OPCODE_BINARY, text, 1);
        echo_message(conn, WSLINE_OPCODE_BINARY, text, rows[i].longest_plain);
        report_get(conn, &report);
        CHECK_INT(0, report.compressed);
        if (rows[i].bytes < UINT64_MAX) {
            echo_message(conn, WSLINE_OPCODE_BINARY, text, rows[i].longest_plain + 1);
            report_get(conn, &report);
            CHECK_INT(1, report.compressed);
        }
        peer_hang_up(conn);
    }
    free(text);
}

static void messages_flagged_uncompressed_are_sent_uncompressed(void) {
    for (size_t i = 0; i < DEFLATE_TCP_SERVERS; i++) {
        wsline_conn *conn = deflate_connect(deflate_servers[i], "/", deflate_options());
        const uint8_t *noise = payload_noise().block;
        const int32_t plain = WSLINE_OPCODE_BINARY | WSLINE_SEND_UNCOMPRESSED;
        struct report report = {.asked = 0};

        check_row(deflate_servers[i]);
        /* Compressed messages refer only to other compressed ones. */
        for (int round = 0; round < 3; round++) {
            echo_message(conn, WSLINE_OPCODE_BINARY, noise, 2000);
            CHECK_OK(wsline_conn_send(conn, plain, noise + 1000, 3000));
            expect_message(conn, WSLINE_OPCODE_BINARY, noise + 1000, 3000);
            CHECK_OK(wsline_conn_send_fragment(conn, plain, noise, 1000, false));
            CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_BINARY, noise + 1000, 9, true));
            expect_message(conn, WSLINE_OPCODE_BINARY, noise, 1009);
        }
        report_get(conn, &report);
        CHECK_INT(9, report.messages);
        CHECK_INT(3, report.compressed);
        CHECK_STATUS(
            WSLINE_ERR_INVALID_ARGUMENT,
            wsline_conn_send(conn, WSLINE_OPCODE_CLOSE | WSLINE_SEND_UNCOMPRESSED, "x", 1));
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send(conn, plain << 1, "x", 1));
        echo_message(conn, WSLINE_OPCODE_TEXT, "alive", 5);
        peer_hang_up(conn);
    }
}

static void without_negotiation_nothing_is_compressed(void) {
    wsline_conn *conn = deflate_connect("WEBSOCKETS", "/", deflate_options());
    wsline_stats stats;
    char *text = text_of(10000);

    CHECK_TEXT(NULL, wsline_conn_extensions(conn));
    echo_message(conn, WSLINE_OPCODE_TEXT, text, 10000);
    CHECK_OK(wsline_conn_send(conn, WSLINE_OPCODE_TEXT | WSLINE_SEND_UNCOMPRESSED, text, 10000));
    expect_message(conn, WSLINE_OPCODE_TEXT, text, 10000);
    CHECK_OK(wsline_conn_stats(conn, &stats));
    CHECK(stats.bytes_sent > 20000 && stats.bytes_received > 20000);
    peer_hang_up(conn);

    /* Not offered: a server that supports it does not use it. */
    conn = peer_connect("DEFLATE_WEBSOCKETS", "/", NULL);
    CHECK_TEXT(NULL, wsline_conn_extensions(conn));
    echo_message(conn, WSLINE_OPCODE_TEXT, text, 10000);
    peer_hang_up(conn);
    free(text);
}

static void a_higher_level_saves_bytes(void) {
    uint8_t *data = payload_copy(payload_lines(), 100000);
    int64_t bytes[10] = {0};

    for (int32_t level = 1; level <= 9; level++) {
        wsline_options *options = deflate_options();
        struct report report = {.asked = 0};
        wsline_conn *conn;

        CHECK_OK(wsline_options_set_deflate_level(options, level));
        conn = deflate_connect("DEFLATE_WS", "/", options);
        echo_message(conn, WSLINE_OPCODE_BINARY, data, 100000);
        report_get(conn, &report);
        bytes[level] = report.wire_bytes;
        CHECK_RANGE(100, 50000, bytes[level]);
        peer_hang_up(conn);
    }
    CHECK(bytes[9] < bytes[1]);
    CHECK(bytes[9] <= bytes[6] && bytes[6] <= bytes[1]);
    free(data);
}

/* ---- fragments ---- */

static void fragments_are_compressed_as_one_message(void) {
    uint8_t *lines = payload_copy(payload_lines(), 200000);

    for (size_t i = 0; i < COUNT_OF(deflate_servers); i++) {
        wsline_conn *conn = deflate_connect(deflate_servers[i], "/", deflate_options());
        struct report report = {.asked = 0};
        int64_t frames = 0;

        check_row(deflate_servers[i]);
        for (size_t step = 1; step < 50000; step = step * 7 + 6) {
            /* Not at a character boundary. */
            size_t len = step * 5 - 4;

            len -= len % LINE_BYTES;
            for (size_t at = 0; at < len; at += step, frames++) {
                size_t size = step < len - at ? step : len - at;

                REQUIRE_OK(
                    wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, lines + at, size, false));
                CHECK_OK(wsline_conn_ping(conn, "between", 7));
            }
            REQUIRE_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, NULL, 0, true));
            frames++;
            expect_message(conn, WSLINE_OPCODE_TEXT, lines, len);
        }
        report_get(conn, &report);
        CHECK_INT(report.messages, report.compressed);
        CHECK_INT(frames, report.frames);
        peer_hang_up(conn);
    }
    free(lines);
}

static void received_fragments_are_inflated_and_joined(void) {
    static const size_t lengths[] = {0, 1, 2, 3, 1000, 300000};

    /* Pings in between; the last fragment of the first server is empty. */
    for (size_t i = 0; i < 2; i++) {
        wsline_conn *conn = deflate_connect(deflate_servers[i], "/fragment?n=5", deflate_options());
        struct report report = {.asked = 0};

        check_row(deflate_servers[i]);
        for (size_t k = 0; k < COUNT_OF(lengths); k++) {
            char *text = text_of(lengths[k]);

            echo_message(conn, WSLINE_OPCODE_TEXT, text, lengths[k]);
            free(text);
        }
        echo_message(conn, WSLINE_OPCODE_BINARY, payload_noise().block, 60000);
        report_get(conn, &report);
        /* The ping after the last fragment may not have been read yet. */
        CHECK_RANGE(5 * COUNT_OF(lengths) + 4, 5 * COUNT_OF(lengths) + 5, report.pings_and_pongs);
        peer_hang_up(conn);
    }
}

static void frames_are_delivered_unchanged(void) {
    wsline_conn *conn = deflate_connect("DEFLATE_WS", "/fragment?n=3", deflate_options());
    size_t received = 0;

    CHECK_OK(wsline_conn_send_binary(conn, payload_lines().block, 9000));
    for (int data_frames = 0; data_frames < 3;) {
        wsline_frame frame;

        REQUIRE_OK(wsline_conn_recv_frame(conn, WAIT_MS, &frame));
        if (frame.opcode == WSLINE_OPCODE_PING) continue;
        CHECK_INT(data_frames == 0, frame.rsv1);
        CHECK_INT(data_frames == 0 ? WSLINE_OPCODE_BINARY : WSLINE_OPCODE_CONTINUATION,
                  frame.opcode);
        CHECK_INT(data_frames == 2, frame.fin);
        received += frame.len;
        data_frames++;
    }
    CHECK_RANGE(100, 5000, received);
    wsline_conn_free(conn);
}

/* A message delivered as raw frames is part of the compression context all the same. */
static void frames_and_messages_alternate(void) {
    for (size_t i = 0; i < DEFLATE_TCP_SERVERS; i++) {
        wsline_conn *conn = deflate_connect(deflate_servers[i], "/", deflate_options());
        const uint8_t *noise = payload_noise().block;

        check_row(deflate_servers[i]);
        for (size_t round = 0; round < 5; round++) {
            wsline_frame frame;

            CHECK_OK(wsline_conn_send_binary(conn, noise + round * 1000, 1000));
            REQUIRE_OK(wsline_conn_recv_frame(conn, WAIT_MS, &frame));
            CHECK(frame.rsv1);
            /* It refers to the message that was delivered as a frame. */
            CHECK_OK(wsline_conn_send_binary(conn, noise + round * 1000, 1000));
            expect_message(conn, WSLINE_OPCODE_BINARY, noise + round * 1000, 1000);
        }
        peer_hang_up(conn);
    }
}

static void fragments_are_delivered_inflated_on_request(void) {
    wsline_options *options = deflate_options();
    static const char *const pieces[] = {"abc", "def", "gh"};
    static const uint32_t flags[] = {WSLINE_MESSAGE_FIRST, 0, WSLINE_MESSAGE_LAST};
    wsline_conn *conn;

    CHECK_OK(wsline_options_set_deliver_fragments(options, true));
    conn = deflate_connect("DEFLATE_WS", "/fragment", options);
    CHECK_OK(wsline_conn_send_text(conn, "abcdefgh", 8));
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        wsline_message message;

        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK_BYTES(pieces[i], strlen(pieces[i]), message.data, message.len);
        CHECK_INT(WSLINE_OPCODE_TEXT, message.opcode);
        CHECK_INT(flags[i], message.flags & ~WSLINE_MESSAGE_MORE);
    }
    wsline_conn_free(conn);
}

static void pushed_messages_are_inflated(void) {
    static const char *const kinds[] = {"noise", "text", "zeros"};

    for (size_t i = 0; i < COUNT_OF(deflate_servers); i++)
        for (size_t k = 0; k < COUNT_OF(kinds); k++) {
            char path[128];
            wsline_conn *conn;
            uint8_t *data = k == 0   ? payload_copy(payload_noise(), 70001)
                            : k == 1 ? (uint8_t *)text_of(70001)
                                     : calloc(70001, 1);

            snprintf(path, sizeof path, "/push?n=20&size=70001&kind=%s", kinds[k]);
            check_row(path);
            conn = deflate_connect(deflate_servers[i], path, deflate_options());
            for (int round = 0; round < 20; round++) {
                wsline_message message;

                REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
                CHECK_INT(k == 1 ? WSLINE_OPCODE_TEXT : WSLINE_OPCODE_BINARY, message.opcode);
                CHECK_BYTES(data, 70001, message.data, message.len);
            }
            CHECK(k == 0 || received_bytes(conn) < 70001);
            free(data);
            peer_hang_up(conn);
        }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(every_size_and_kind_is_echoed_whole),
        TEST(text_is_echoed_whole),
        TEST(empty_messages_are_sent_uncompressed),
        TEST(short_messages_are_sent_uncompressed),
        TEST(messages_flagged_uncompressed_are_sent_uncompressed),
        TEST(without_negotiation_nothing_is_compressed),
        TEST(a_higher_level_saves_bytes),
        TEST(fragments_are_compressed_as_one_message),
        TEST(received_fragments_are_inflated_and_joined),
        TEST(frames_are_delivered_unchanged),
        TEST(frames_and_messages_alternate),
        TEST(fragments_are_delivered_inflated_on_request),
        TEST(pushed_messages_are_inflated),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
