/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that use permessage-deflate incorrectly: in their response or in their frames. */
#include "deflate.h"

#define EXTENSIONS "extensions=permessage-deflate"

/* ---- responses ---- */

enum offer { PLAIN_OFFER, CLIENT_10, SERVER_10, SERVER_ALONE, NO_OFFER };

static wsline_options *offer_options(enum offer offer) {
    wsline_options *options = deflate_options();

    CHECK_OK(wsline_options_set_deflate(options, offer != NO_OFFER));
    CHECK_OK(wsline_options_set_deflate_window_bits(options, offer == CLIENT_10 ? 10 : 15,
                                                    offer == SERVER_10 ? 10 : 15));
    CHECK_OK(wsline_options_set_deflate_no_context_takeover(options, false, offer == SERVER_ALONE));
    return options;
}

static void an_invalid_response_fails_the_upgrade(void) {
    static const struct {
        enum offer offer;
        const char *answer, *culprit;
    } rows[] = {
        {PLAIN_OFFER, "permessage-deflate;+foo", "foo"},
        {PLAIN_OFFER, "permessage-deflate;+foo=1", "foo"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bit=10", "server_max_window_bit"},
        {PLAIN_OFFER, "permessage-deflate;+server_no_context_takeover;+server_no_context_takeover",
         "server_no_context_takeover"},
        {PLAIN_OFFER, "permessage-deflate;+client_max_window_bits=9;+client_max_window_bits=9",
         "client_max_window_bits"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=9;+server_max_window_bits=10",
         "server_max_window_bits"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits", "server_max_window_bits"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=7", "7"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=16", "16"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=08", "08"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=%22abc%22", "abc"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=-9", "-9"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=%2B9", "+9"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=4294967305", "4294967305"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=9.0", "9.0"},
        {PLAIN_OFFER, "permessage-deflate;+client_max_window_bits", "client_max_window_bits"},
        {PLAIN_OFFER, "permessage-deflate;+client_max_window_bits=7", "7"},
        {PLAIN_OFFER, "permessage-deflate;+client_max_window_bits=16", "16"},
        {PLAIN_OFFER, "permessage-deflate;+client_max_window_bits=09", "09"},
        {PLAIN_OFFER, "permessage-deflate;+server_no_context_takeover=1",
         "server_no_context_takeover"},
        {PLAIN_OFFER, "permessage-deflate;+client_no_context_takeover=%22true%22",
         "client_no_context_takeover"},
        {PLAIN_OFFER, "x-webkit-deflate-frame", "x-webkit-deflate-frame"},
        {PLAIN_OFFER, "permessage-bzip2", "permessage-bzip2"},
        {PLAIN_OFFER, "permessage-deflate,+permessage-deflate", "permessage-deflate"},
        {PLAIN_OFFER, "permessage-deflate&extensions=permessage-deflate", "permessage-deflate"},
        {PLAIN_OFFER, "permessage-deflate,+foo", "foo"},
        {PLAIN_OFFER, "foo,+permessage-deflate", "foo"},
        {PLAIN_OFFER, "permessage-deflate;", "permessage-deflate;"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=%2210", "server_max_window_bits"},
        {CLIENT_10, "permessage-deflate;+client_max_window_bits=11", "11"},
        {CLIENT_10, "permessage-deflate;+client_max_window_bits=15", "15"},
        {SERVER_10, "permessage-deflate", "server_max_window_bits"},
        {SERVER_10, "permessage-deflate;+server_max_window_bits=11", "11"},
        {SERVER_ALONE, "permessage-deflate", "server_no_context_takeover"},
        {SERVER_ALONE, "permessage-deflate;+client_no_context_takeover",
         "server_no_context_takeover"},
        {NO_OFFER, "permessage-deflate", "permessage-deflate"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = offer_options(rows[i].offer);
        wsline_conn *conn = NULL;
        char path[256];

        check_row(rows[i].answer);
        snprintf(path, sizeof path, "/echo?extensions=%s", rows[i].answer);
        CHECK_STATUS(WSLINE_ERR_BAD_UPGRADE, peer_try("FAULTS", path, options, &conn));
        CHECK_HAS(rows[i].culprit, wsline_last_error_message());
        CHECK(strchr(wsline_last_error_message(), '\n') == NULL);
        CHECK(conn == NULL);
        wsline_conn_free(conn);
        wsline_options_free(options);
    }
}

static void an_unusual_response_is_accepted(void) {
    static const struct {
        enum offer offer;
        const char *answer;
    } rows[] = {
        {PLAIN_OFFER, "permessage-deflate"},
        {PLAIN_OFFER, "permessage-deflate;server_max_window_bits=8"},
        {PLAIN_OFFER, "permessage-deflate+;++server_max_window_bits=15+"},
        {PLAIN_OFFER, "permessage-deflate;+server_max_window_bits=%2210%22"},
        {PLAIN_OFFER, "permessage-deflate;+client_max_window_bits=15"},
        {PLAIN_OFFER, "permessage-deflate;+client_max_window_bits=9"},
        {PLAIN_OFFER, "permessage-deflate;+server_no_context_takeover"},
        {PLAIN_OFFER, "permessage-deflate;+client_no_context_takeover"},
        {PLAIN_OFFER, "permessage-deflate;+client_max_window_bits=10;+server_no_context_takeover;"
                      "+server_max_window_bits=11;+client_no_context_takeover"},
        {CLIENT_10, "permessage-deflate"},
        {CLIENT_10, "permessage-deflate;+client_max_window_bits=10"},
        {CLIENT_10, "permessage-deflate;+client_max_window_bits=9"},
        {SERVER_10, "permessage-deflate;+server_max_window_bits=10"},
        {SERVER_10, "permessage-deflate;+server_max_window_bits=8"},
        {SERVER_ALONE, "permessage-deflate;+server_no_context_takeover"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = offer_options(rows[i].offer);
        wsline_conn *conn;
        char path[256];

        check_row(rows[i].answer);
        snprintf(path, sizeof path, "/echo?extensions=%s", rows[i].answer);
        conn = deflate_connect("FAULTS", path, options);
        CHECK_HAS("permessage-deflate", wsline_conn_extensions(conn));
        /* The server echoes the frame, so it must not refer to an earlier message. */
        echo_message(conn, WSLINE_OPCODE_TEXT, "Hello, hello, hello!", 20);
        peer_hang_up(conn);
    }
}

/* ---- frames ---- */

/* Messages of RFC 7692 section 7.2.3, and others; "Hello" unless noted. */
#define HELLO "f248cdc9c90700"
/* "one one one" in a block marked as the last. */
#define ONE_FINAL "cbcf4b55c8876000"

static wsline_status receive_all(wsline_conn *conn, bool in_parts, char *text, size_t size) {
    size_t len = 0;

    for (;;) {
        wsline_message message;
        wsline_status status = in_parts ? wsline_conn_recv_part(conn, WAIT_MS, &message)
                                        : wsline_conn_recv(conn, WAIT_MS, &message);

        text[len] = '\0';
        if (status != WSLINE_OK) return status;
        REQUIRE(len + message.len + 2 < size);
        memcpy(text + len, message.data, message.len);
        len += message.len;
        if (message.flags & WSLINE_MESSAGE_LAST) text[len++] = '.';
    }
}

static void good_frames_are_inflated(void) {
    static const struct {
        const char *name, *hex, *text;
    } rows[] = {
        {"one block", "c107" HELLO, "Hello."},
        {"two fragments",
         "4103f248cd"
         "8004c9c90700",
         "Hello."},
        {"one message refers to another", "c107" HELLO "c105f200110000", "Hello.Hello."},
        {"a stored block", "c10b000500faff48656c6c6f00", "Hello."},
        {"a final block", "c108f348cdc9c9070000", "Hello."},
        {"a final block, and a message",
         "c108f348cdc9c9070000"
         "c107" HELLO,
         "Hello.Hello."},
        {"a final block, and another", "c10ef348cdc9c90700" HELLO, "HelloHello."},
        {"final blocks with nothing behind them",
         "c108" ONE_FINAL "c108" ONE_FINAL "c108" ONE_FINAL "c107" HELLO,
         "one one one.one one one.one one one.Hello."},
        {"a final stored block", "c10b010500faff48656c6c6f00", "Hello."},
        {"two blocks",
         "c10df248050000"
         "00ffffcac9c90700",
         "Hello."},
        {"an empty message", "c10100", "."},
        {"empty ones between",
         "c10100"
         "c107" HELLO "c10100"
         "8100"
         "c105f200110000",
         ".Hello...Hello."},
        {"an empty last fragment", "4107" HELLO "8000", "Hello."},
        {"an empty first fragment",
         "4100"
         "8007" HELLO,
         "Hello."},
        {"a flushed first fragment",
         "410b" HELLO "0000ffff"
         "800100",
         "Hello."},
        {"a ping between",
         "4103f248cd"
         "8900"
         "8004c9c90700",
         "Hello."},
        {"plain and compressed",
         "8105"
         "48656c6c6f"
         "c107" HELLO "8105"
         "48656c6c6f"
         "c105f200110000",
         "Hello.Hello.Hello.Hello."},
        {"plain fragments",
         "0102"
         "4865"
         "8003"
         "6c6c6f",
         "Hello."},
        {"a character cut in two",
         "41027ad4"
         "8003b40600",
         "\xe2\x82\xac."},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int in_parts = 0; in_parts < 2; in_parts++) {
            char path[256], text[256];
            wsline_conn *conn;

            check_row(rows[i].name);
            snprintf(path, sizeof path, "/frame?" EXTENSIONS "&hex=%s8800", rows[i].hex);
            conn = deflate_connect("FAULTS", path, deflate_options());
            CHECK_STATUS(WSLINE_ERR_CLOSED, receive_all(conn, in_parts != 0, text, sizeof text));
            CHECK_TEXT(rows[i].text, text);
            wsline_conn_free(conn);
        }
}

static void bad_frames_end_the_connection(void) {
    static const struct {
        const char *name, *query;
        wsline_status status;
        int code;
        const char *text; /* the message received before */
    } rows[] = {
        {"rsv1 on a continuation",
         EXTENSIONS "&hex=4103f248cd"
                    "c004c9c90700",
         WSLINE_ERR_PROTOCOL, 1002, NULL},
        {"rsv1 on a continuation of a plain one",
         EXTENSIONS "&hex=0102"
                    "4865"
                    "c0036c6c6f",
         WSLINE_ERR_PROTOCOL, 1002, NULL},
        {"rsv1 on a ping", EXTENSIONS "&hex=c900", WSLINE_ERR_PROTOCOL, 1002, ""},
        {"rsv1 on a pong", EXTENSIONS "&hex=ca00", WSLINE_ERR_PROTOCOL, 1002, ""},
        {"rsv1 on a close", EXTENSIONS "&hex=c80203e8", WSLINE_ERR_PROTOCOL, 1002, ""},
        {"rsv2", EXTENSIONS "&hex=a10548656c6c6f", WSLINE_ERR_PROTOCOL, 1002, ""},
        {"rsv3", EXTENSIONS "&hex=910548656c6c6f", WSLINE_ERR_PROTOCOL, 1002, ""},
        {"rsv1 and rsv2", EXTENSIONS "&hex=e107" HELLO, WSLINE_ERR_PROTOCOL, 1002, ""},
        {"rsv1 without an agreement", "hex=c107" HELLO, WSLINE_ERR_PROTOCOL, 1002, ""},
        {"no block type", EXTENSIONS "&hex=c104ffffffff", WSLINE_ERR_INVALID_PAYLOAD, 1007, ""},
        {"no block type, later", EXTENSIONS "&hex=c107" HELLO "4104ffffffff",
         WSLINE_ERR_INVALID_PAYLOAD, 1007, "Hello."},
        {"wrong stored length", EXTENSIONS "&hex=c10b000500fbff48656c6c6f00",
         WSLINE_ERR_INVALID_PAYLOAD, 1007, ""},
        {"a reference to nothing", EXTENSIONS "&hex=c105f200110000", WSLINE_ERR_INVALID_PAYLOAD,
         1007, ""},
        {"a reference to a plain message",
         EXTENSIONS "&hex=810548656c6c6f"
                    "c105f200110000",
         WSLINE_ERR_INVALID_PAYLOAD, 1007, "Hello."},
        {"a reference against the agreement",
         EXTENSIONS ";+server_no_context_takeover&hex=c107" HELLO "c105f200110000",
         WSLINE_ERR_INVALID_PAYLOAD, 1007, "Hello."},
        {"a stored block cut off", EXTENSIONS "&hex=c107000500faff4865", WSLINE_ERR_INVALID_PAYLOAD,
         1007, NULL},
        {"a block cut off",
         EXTENSIONS "&hex=c103f248cd"
                    "c107" HELLO,
         WSLINE_ERR_INVALID_PAYLOAD, 1007, NULL},
        {"the only block cut off", EXTENSIONS ";+server_no_context_takeover&hex=c103f248cd",
         WSLINE_ERR_INVALID_PAYLOAD, 1007, NULL},
        {"no byte at all",
         EXTENSIONS "&hex=c100"
                    "c107" HELLO,
         WSLINE_ERR_INVALID_PAYLOAD, 1007, NULL},
        {"not utf-8", EXTENSIONS "&hex=c1044afc0f00", WSLINE_ERR_INVALID_PAYLOAD, 1007, NULL},
        {"utf-8 cut off", EXTENSIONS "&hex=c1044a3c0c00", WSLINE_ERR_INVALID_PAYLOAD, 1007, NULL},
        {"a new message inside",
         EXTENSIONS "&hex=4103f248cd"
                    "c107" HELLO,
         WSLINE_ERR_PROTOCOL, 1002, NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int in_parts = 0; in_parts < 2; in_parts++) {
            char id[32], path[256], text[256], line[512];
            wsline_conn *conn;

            check_row(rows[i].name);
            snprintf(id, sizeof id, "bad%zu-%d", i, in_parts);
            snprintf(path, sizeof path, "/frame?id=%s&%s", id, rows[i].query);
            conn = deflate_connect("FAULTS", path, deflate_options());
            CHECK_STATUS(rows[i].status, receive_all(conn, in_parts != 0, text, sizeof text));
            if (rows[i].text != NULL) CHECK_TEXT(rows[i].text, text);
            CHECK(strchr(wsline_last_error_message(), '\n') == NULL);
            CHECK_STATUS(rows[i].status, receive_all(conn, in_parts != 0, text, sizeof text));
            wsline_conn_free(conn);
            peer_journal(id, line, sizeof line);
            CHECK_INT(rows[i].code, report_number(line, "close"));
        }
}

/* ---- windows ---- */

/* A server that refers farther back than it negotiated: the data is either inflated correctly or
 * rejected. */
static void a_reference_too_far_back_is_never_misread(void) {
    static const size_t distances[] = {200, 600, 5000, 30000};

    for (size_t i = 0; i < COUNT_OF(distances); i++) {
        wsline_options *options = deflate_options();
        uint8_t *noise = payload_copy(payload_noise(), distances[i]);
        wsline_message message;
        wsline_status status;
        wsline_conn *conn;
        char id[32], path[256], line[512];

        snprintf(id, sizeof id, "far%zu", distances[i]);
        snprintf(path, sizeof path,
                 "/far-reference?id=%s&distance=%zu&" EXTENSIONS ";+server_max_window_bits=9", id,
                 distances[i]);
        check_row(id);
        CHECK_OK(wsline_options_set_deflate_window_bits(options, 15, 9));
        conn = deflate_connect("FAULTS", path, options);
        expect_message(conn, WSLINE_OPCODE_BINARY, noise, distances[i]);
        status = wsline_conn_recv(conn, WAIT_MS, &message);
        if (status == WSLINE_OK) {
            CHECK_BYTES(noise, distances[i], message.data, message.len);
            peer_hang_up(conn);
        } else {
            CHECK(distances[i] > 512);
            CHECK_STATUS(WSLINE_ERR_PROTOCOL, status);
            wsline_conn_free(conn);
            peer_journal(id, line, sizeof line);
            CHECK_INT(1002, report_number(line, "close"));
        }
        free(noise);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(an_invalid_response_fails_the_upgrade),
        TEST(an_unusual_response_is_accepted),
        TEST(good_frames_are_inflated),
        TEST(bad_frames_end_the_connection),
        TEST(a_reference_too_far_back_is_never_misread),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
