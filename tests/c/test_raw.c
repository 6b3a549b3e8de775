/* SPDX-License-Identifier: Apache-2.0 */
/* Raw frames: sent exactly as built, even if they violate the protocol. */
#include "deflate.h"

/* The server replies to each frame with a text that lists its fields. */
static void expect_description(wsline_conn *conn, const wsline_frame *frame) {
    size_t size = 128 + 2 * frame->len;
    char *want = malloc(size), key[9] = "none";
    int rsv = frame->rsv1 << 2 | frame->rsv2 << 1 | frame->rsv3, len;
    wsline_message message;

    REQUIRE(want != NULL);
    if (frame->masked)
        snprintf(key, sizeof key, "%02x%02x%02x%02x", frame->mask_key[0], frame->mask_key[1],
                 frame->mask_key[2], frame->mask_key[3]);
    len = snprintf(want, size, "fin=%d rsv=%d opcode=%d key=%s len=%zu payload=", frame->fin, rsv,
                   (int)frame->opcode, key, frame->len);
    for (size_t i = 0; i < frame->len; i++) snprintf(want + len + 2 * i, 3, "%02x", frame->data[i]);
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_TEXT(want, (const char *)message.data);
    free(want);
}

static const uint8_t filler[70000] = {1, 2, 3, 0xff, 0xfe};

#define KEY     .masked = 1, .mask_key = {1, 2, 3, 4}
#define SOME    .data = filler, .len = 5
#define REFUSED WSLINE_ERR_INVALID_ARGUMENT

static const struct {
    const char *name;
    wsline_frame frame;
    wsline_status status; /* without `raw` and mask */
} rows[] = {
    {"legal", {.fin = 1, .opcode = 2, SOME}, WSLINE_OK},
    {"legal and masked", {.fin = 1, .opcode = 1, .data = filler, .len = 3, KEY}, WSLINE_OK},
    {"not masked", {.fin = 1, .opcode = 1, .data = filler, .len = 3}, WSLINE_OK},
    {"a key of zeros", {.fin = 1, .opcode = 2, SOME, .masked = 1}, WSLINE_OK},
    {"rsv1", {.fin = 1, .rsv1 = 1, .opcode = 2, SOME, KEY}, REFUSED},
    {"rsv2", {.fin = 1, .rsv2 = 1, .opcode = 2, SOME, KEY}, REFUSED},
    {"rsv3", {.fin = 1, .rsv3 = 1, .opcode = 2, SOME, KEY}, REFUSED},
    {"rsv123", {.fin = 1, .rsv1 = 1, .rsv2 = 1, .rsv3 = 1, .opcode = 1, SOME}, REFUSED},
    {"rsv1 on a ping", {.fin = 1, .rsv1 = 1, .opcode = 9, SOME, KEY}, REFUSED},
    {"opcode 3", {.fin = 1, .opcode = 3, SOME, KEY}, REFUSED},
    {"opcode 4", {.fin = 1, .opcode = 4, SOME, KEY}, REFUSED},
    {"opcode 5", {.fin = 0, .opcode = 5, SOME, KEY}, REFUSED},
    {"opcode 6", {.fin = 1, .opcode = 6, SOME}, REFUSED},
    {"opcode 7", {.fin = 1, .opcode = 7, KEY}, REFUSED},
    {"opcode 11", {.fin = 1, .opcode = 11, SOME, KEY}, REFUSED},
    {"opcode 12", {.fin = 1, .opcode = 12, SOME, KEY}, REFUSED},
    {"opcode 13", {.fin = 0, .opcode = 13, SOME, KEY}, REFUSED},
    {"opcode 14", {.fin = 1, .opcode = 14, SOME}, REFUSED},
    {"opcode 15", {.fin = 1, .opcode = 15, .data = filler, .len = 70000, KEY}, REFUSED},
    {"a long ping", {.fin = 1, .opcode = 9, .data = filler, .len = 126, KEY}, REFUSED},
    {"a longer pong", {.fin = 1, .opcode = 10, .data = filler, .len = 65536, KEY}, REFUSED},
    {"a fragmented ping", {.fin = 0, .opcode = 9, SOME, KEY}, REFUSED},
    {"a continuation of nothing", {.fin = 1, .opcode = 0, SOME, KEY}, REFUSED},
    {"another", {.fin = 0, .opcode = 0, SOME, KEY}, REFUSED},
    {"text that is none", {.fin = 1, .opcode = 1, SOME, KEY}, WSLINE_OK},
    {"a first fragment", {.fin = 0, .opcode = 1, KEY}, WSLINE_OK},
    {"a new message inside", {.fin = 1, .opcode = 2, SOME, KEY}, WSLINE_ERR_BUSY},
    {"one that is large", {.fin = 0, .opcode = 0, .data = filler, .len = 70000, KEY}, WSLINE_OK},
};

static void a_raw_frame_arrives_as_it_was_built(void) {
    static const char *const peers[] = {"FAULTS", "FAULTS_TLS"};

    for (size_t k = 0; k < COUNT_OF(peers); k++) {
        wsline_conn *conn = peer_connect(peers[k], "/describe", NULL);

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            wsline_frame frame = rows[i].frame;

            check_row(rows[i].name);
            frame.raw = 1;
            REQUIRE_OK(wsline_conn_send_frame(conn, &frame));
            expect_description(conn, &frame);
        }
        /* Ordinary messages are not affected. */
        CHECK_OK(wsline_conn_send_text(conn, "x", 1));
        peer_hang_up(conn);
    }
}

static void invalid_frames_that_are_not_raw_are_rejected(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/swallow?id=not-raw", NULL);
    int64_t frames = 1;
    char line[512];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_frame frame = rows[i].frame;

        check_row(rows[i].name);
        frame.masked = 1;
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_frame(conn, &frame));
        frame.masked = 0;
        CHECK_STATUS(rows[i].status, wsline_conn_send_frame(conn, &frame));
        frames += rows[i].status == WSLINE_OK;
    }
    peer_hang_up(conn);
    peer_journal("not-raw", line, sizeof line);
    CHECK_INT(frames, report_number(line, "frames"));
}

static void values_that_no_frame_can_hold_are_rejected(void) {
    static const wsline_frame bad[] = {
        {.fin = 1, .opcode = 16, .raw = 1},
        {.fin = 1, .opcode = -1, .raw = 1},
        {.fin = 1, .opcode = 258, .raw = 1},
        {.fin = 2, .opcode = 1, .raw = 1},
        {.fin = 1, .rsv1 = 2, .opcode = 1, .raw = 1},
        {.fin = 1, .opcode = 1, .raw = 2},
        {.fin = 1, .opcode = 1, .raw = 1, .masked = 2},
        {.fin = 1, .opcode = 1, .raw = 1, .len = 1},
    };
    wsline_conn *conn = peer_connect("FAULTS", "/echo", NULL);

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char row[16];

        snprintf(row, sizeof row, "%zu", i);
        check_row(row);
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_frame(conn, &bad[i]));
    }
    echo_message(conn, WSLINE_OPCODE_TEXT, "alive", 5);
    peer_hang_up(conn);
}

static void a_raw_frame_can_be_encoded(void) {
    static uint8_t buffer[80000];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_frame frame = rows[i].frame;
        size_t len = 0, extended = frame.len < 126 ? 0 : frame.len < 65536 ? 2 : 8;
        size_t short_len = frame.len < 126 ? frame.len : frame.len < 65536 ? 126 : 127;

        check_row(rows[i].name);
        frame.raw = 1;
        CHECK_OK(wsline_frame_encode(&frame, buffer, sizeof buffer, &len));
        CHECK_INT(2 + extended + (frame.masked ? 4 : 0) + frame.len, len);
        CHECK_INT(frame.fin << 7 | frame.rsv1 << 6 | frame.rsv2 << 5 | frame.rsv3 << 4 |
                      frame.opcode,
                  buffer[0]);
        CHECK_INT((size_t)frame.masked << 7 | short_len, buffer[1]);
        if (frame.masked) CHECK_BYTES(frame.mask_key, 4, buffer + 2 + extended, 4);
    }
}

static void a_raw_frame_may_be_sent_within_a_message(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/describe", NULL);
    wsline_frame text = {.fin = 1, .opcode = 1, SOME, KEY, .raw = 1};
    wsline_message message;

    CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "a", 1, false));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_OK(wsline_conn_send_frame(conn, &text));
    expect_description(conn, &text);
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_send_text(conn, "x", 1));
    CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "b", 1, true));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_HAS("opcode=0 ", (const char *)message.data);
    peer_hang_up(conn);
}

static void nothing_follows_a_raw_close_frame(void) {
    static const uint8_t payload[] = {0xff, 0xff, 'x'};
    wsline_frame close = {.fin = 1, .opcode = 8, .data = payload, .len = 3, KEY, .raw = 1};
    wsline_frame ping = {.fin = 1, .opcode = 9, KEY, .raw = 1};
    wsline_conn *conn = peer_connect("FAULTS", "/swallow?id=raw-close", NULL);
    char line[512];

    CHECK_OK(wsline_conn_send_frame(conn, &close));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_send_frame(conn, &ping));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_send_frame(conn, &close));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_send_text(conn, "x", 1));
    wsline_conn_free(conn);
    peer_journal("raw-close", line, sizeof line);
    CHECK_INT(65535, report_number(line, "close"));
    CHECK_INT(1, report_number(line, "frames"));
}

static void a_raw_close_frame_of_one_byte_arrives(void) {
    wsline_frame close = {.fin = 1, .opcode = 8, .data = filler, .len = 1, KEY, .raw = 1};
    wsline_conn *conn = peer_connect("FAULTS", "/swallow?id=raw-one", NULL);
    char line[512];

    CHECK_OK(wsline_conn_send_frame(conn, &close));
    wsline_conn_free(conn);
    peer_journal("raw-one", line, sizeof line);
    CHECK_INT(1005, report_number(line, "close"));
}

/* Third-party servers reject them. */
static void a_server_rejects_illegal_frames(void) {
    static const char *const servers[] = {"WEBSOCKETS", "WS", "DEFLATE_AIOHTTP"};

    for (size_t k = 0; k < COUNT_OF(servers); k++)
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            wsline_frame frame = rows[i].frame;
            wsline_conn *conn;
            wsline_message message;
            wsline_close_info info;

            /* Two reserved bits, reserved opcodes. */
            if (!frame.rsv2 && !frame.rsv3 && (frame.opcode < 3 || frame.opcode > 7)) continue;
            check_row(rows[i].name);
            conn = peer_connect(servers[k], "/", NULL);
            frame.raw = 1;
            frame.masked = 1;
            CHECK_OK(wsline_conn_send_frame(conn, &frame));
            CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
            CHECK_OK(wsline_conn_close_info(conn, &info));
            CHECK_INT(1002, info.code);
            wsline_conn_free(conn);
        }
}

/* Compressed by hand, between messages that use context takeover. */
static void compressed_messages_reset_their_context_after_a_raw_one(void) {
    static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
    wsline_frame frame = {
        .fin = 1, .rsv1 = 1, .opcode = 1, .data = hello, .len = sizeof hello, KEY, .raw = 1};

    for (size_t i = 0; i < DEFLATE_TCP_SERVERS; i++) {
        wsline_conn *conn = deflate_connect(deflate_servers[i], "/", deflate_options());

        check_row(deflate_servers[i]);
        for (int round = 0; round < 5; round++) {
            echo_message(conn, WSLINE_OPCODE_BINARY, payload_noise().block, 500);
            CHECK_OK(wsline_conn_send_frame(conn, &frame));
            expect_message(conn, WSLINE_OPCODE_TEXT, "Hello", 5);
            echo_message(conn, WSLINE_OPCODE_BINARY, payload_noise().block, 500);
            echo_message(conn, WSLINE_OPCODE_BINARY, payload_noise().block, 500);
        }
        peer_hang_up(conn);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_raw_frame_arrives_as_it_was_built),
        TEST(invalid_frames_that_are_not_raw_are_rejected),
        TEST(values_that_no_frame_can_hold_are_rejected),
        TEST(a_raw_frame_can_be_encoded),
        TEST(a_raw_frame_may_be_sent_within_a_message),
        TEST(nothing_follows_a_raw_close_frame),
        TEST(a_raw_close_frame_of_one_byte_arrives),
        TEST(a_server_rejects_illegal_frames),
        TEST(compressed_messages_reset_their_context_after_a_raw_one),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
