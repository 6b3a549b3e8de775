/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that violate the protocol, and the effect on the connection. */
#include "ended.h"
#include "peer.h"

#define ZEROS_126                                                                                  \
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000"         \
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000"         \
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000"

static void broken_frames_end_the_connection(void) {
    static const struct {
        const char *name;
        const char *hex;
        wsline_status status;
        uint16_t code;
    } rows[] = {
        {"rsv1", "c10178", WSLINE_ERR_PROTOCOL, 1002},
        {"rsv2", "a10178", WSLINE_ERR_PROTOCOL, 1002},
        {"rsv3", "910178", WSLINE_ERR_PROTOCOL, 1002},
        {"opcode-3", "8300", WSLINE_ERR_PROTOCOL, 1002},
        {"opcode-7", "8700", WSLINE_ERR_PROTOCOL, 1002},
        {"opcode-11", "8b00", WSLINE_ERR_PROTOCOL, 1002},
        {"opcode-15", "8f00", WSLINE_ERR_PROTOCOL, 1002},
        {"masked", "8182616263640909", WSLINE_ERR_PROTOCOL, 1002},
        {"long-ping", "897e007e" ZEROS_126, WSLINE_ERR_PROTOCOL, 1002},
        {"fragmented-ping", "0900", WSLINE_ERR_PROTOCOL, 1002},
        {"fragmented-close", "080203e8", WSLINE_ERR_PROTOCOL, 1002},
        {"length-in-16-bits", "827e000178", WSLINE_ERR_PROTOCOL, 1002},
        {"length-in-64-bits", "827f000000000000000178", WSLINE_ERR_PROTOCOL, 1002},
        {"length-of-64-bits", "827fffffffffffffffff", WSLINE_ERR_PROTOCOL, 1002},
        {"stray-continuation", "800178", WSLINE_ERR_PROTOCOL, 1002},
        {"stray-continuation-unfinished", "000178", WSLINE_ERR_PROTOCOL, 1002},
        {"message-in-a-message", "010161810162", WSLINE_ERR_PROTOCOL, 1002},
        {"close-of-one-byte", "880103", WSLINE_ERR_PROTOCOL, 1002},
        {"close-code-0", "88020000", WSLINE_ERR_PROTOCOL, 1002},
        {"close-code-999", "880203e7", WSLINE_ERR_PROTOCOL, 1002},
        {"close-code-1004", "880203ec", WSLINE_ERR_PROTOCOL, 1002},
        {"close-code-1005", "880203ed", WSLINE_ERR_PROTOCOL, 1002},
        {"close-code-1006", "880203ee", WSLINE_ERR_PROTOCOL, 1002},
        {"close-code-1015", "880203f7", WSLINE_ERR_PROTOCOL, 1002},
        {"close-code-2999", "88020bb7", WSLINE_ERR_PROTOCOL, 1002},
        {"close-code-5000", "88021388", WSLINE_ERR_PROTOCOL, 1002},
        {"close-code-65535", "8802ffff", WSLINE_ERR_PROTOCOL, 1002},
        {"close-reason-not-utf8", "880403e8fffe", WSLINE_ERR_INVALID_PAYLOAD, 1007},
        {"text-not-utf8", "81056162ff6364", WSLINE_ERR_INVALID_PAYLOAD, 1007},
        {"text-cut-in-a-character", "8102e282", WSLINE_ERR_INVALID_PAYLOAD, 1007},
        {"fragments-not-utf8", "0102e28280017a", WSLINE_ERR_INVALID_PAYLOAD, 1007},
        {"fragment-not-utf8", "0102ffff", WSLINE_ERR_INVALID_PAYLOAD, 1007},
        {"surrogate", "8103eda080", WSLINE_ERR_INVALID_PAYLOAD, 1007},
        {"bytes-of-no-frame", "ffffffffffffffff", WSLINE_ERR_PROTOCOL, 1002},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[1024], line[512], seen[32];
        wsline_message message;
        wsline_error_info info;
        wsline_conn *conn;

        check_row(rows[i].name);
        snprintf(path, sizeof path, "/frame?id=%s&hex=%s", rows[i].name, rows[i].hex);
        conn = peer_connect("FAULTS", path, NULL);
        CHECK_STATUS(rows[i].status, wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK(message.data == NULL);
        CHECK_OK(wsline_conn_last_error(conn, &info));
        CHECK_INT(rows[i].status, info.status);
        CHECK(!wsline_conn_is_open(conn));
        check_over(conn, rows[i].status);
        wsline_conn_free(conn);
        peer_journal(rows[i].name, line, sizeof line);
        snprintf(seen, sizeof seen, "\"close\": %u,", rows[i].code);
        CHECK_HAS(seen, line);
        CHECK_HAS("\"after_close\": 0", line);
    }
}

static void good_messages_before_a_broken_frame_are_delivered(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/frame?hex=810161830081016282", NULL);
    wsline_message message;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("a", 1, message.data, message.len);
    CHECK_STATUS(WSLINE_ERR_PROTOCOL, wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_STATUS(WSLINE_ERR_PROTOCOL, wsline_conn_recv(conn, WAIT_MS, &message));
    wsline_conn_free(conn);
}

static void invalid_text_is_detected_before_its_frame_ends(void) {
    /* Announces ten bytes, then sends one that cannot start UTF-8 text. */
    wsline_conn *conn = peer_connect("FAULTS", "/frame?hex=810aff", NULL);
    wsline_message message;

    CHECK_STATUS(WSLINE_ERR_INVALID_PAYLOAD, wsline_conn_recv(conn, WAIT_MS, &message));
    wsline_conn_free(conn);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(broken_frames_end_the_connection),
        TEST(good_messages_before_a_broken_frame_are_delivered),
        TEST(invalid_text_is_detected_before_its_frame_ends),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
