/* SPDX-License-Identifier: Apache-2.0 */
/* Binary messages that the server compresses itself, without an extension, on connections. */
/* mallinfo2() */
#define _DEFAULT_SOURCE
#include "heap.h"
#include "inflate.h"

enum { MIB = 1 << 20 };

static wsline_conn *connect_to(const char *peer, const struct format *format, const char *query) {
    char path[256];

    packed_path(path, format->name, query);
    return deflate_connect(peer, path, inflating(format->mode));
}

static void expect_lines(wsline_conn *conn, size_t len) {
    wsline_message message;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    check_lines(&message, WHOLE | WSLINE_MESSAGE_INFLATED, len);
}

static void expect_open(wsline_conn *conn) {
    CHECK_OK(wsline_conn_send_text(conn, "x\001", WSLINE_NUL_TERMINATED));
    expect_message(conn, WSLINE_OPCODE_TEXT, "x\001", 2);
    peer_hang_up(conn);
}

static void every_format_is_inflated(void) {
    static const struct {
        size_t size;
        const char *query;
    } rows[] = {
        {1, "size=1&n=3"},
        {100, "size=100&n=3"},
        {100, "size=100&n=3&frame=1"},
        {100, "size=100&n=3&frame=7&deflate=1"},
        {900000, "size=900000&n=2"},
        {900000, "size=900000&n=2&frame=1000"},
        {900000, "size=900000&n=2&deflate=1"},
    };

    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(formats) * COUNT_OF(servers); i++) {
        const char *peer = servers[i % COUNT_OF(servers)];
        const struct format *format = &formats[i / COUNT_OF(servers) % COUNT_OF(formats)];
        size_t k = i / COUNT_OF(servers) / COUNT_OF(formats);
        wsline_conn *conn = connect_to(peer, format, rows[k].query);
        char row[256];

        snprintf(row, sizeof row, "%s %s %d %s", peer, format->name, (int)format->mode,
                 rows[k].query);
        check_row(row);
        expect_lines(conn, rows[k].size);
        expect_lines(conn, rows[k].size);
        if (rows[k].size < 900000) expect_lines(conn, rows[k].size);
        expect_open(conn);
    }
}

static void empty_messages(void) {
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        wsline_conn *conn = connect_to("FAULTS", &formats[i], "size=0&n=1&frame=3");

        check_row(formats[i].name);
        expect_lines(conn, 0);
        expect_open(conn);
    }
}

static void every_function_receives_them(void) {
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        wsline_conn *conn = connect_to(servers[i % 2], &formats[i], "size=1000&n=4");
        wsline_message messages[4];
        uint64_t received = 0;

        check_row(formats[i].name);
        REQUIRE_OK(wsline_conn_recv_event(conn, WAIT_MS, messages));
        check_lines(messages, WHOLE | WSLINE_MESSAGE_INFLATED, 1000);
        for (size_t count = 0, more; count < 2; count += more) {
            REQUIRE_OK(wsline_conn_recv_many(conn, WAIT_MS, messages, 2 - count, &more));
            for (size_t k = 0; k < more; k++)
                check_lines(&messages[k], WHOLE | WSLINE_MESSAGE_INFLATED, 1000);
        }
        do {
            REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, messages));
            CHECK_INT(received == 0, (messages->flags & WSLINE_MESSAGE_FIRST) != 0);
            CHECK(payload_is(payload_lines(), received, messages->data, messages->len));
            received += messages->len;
        } while (!(messages->flags & WSLINE_MESSAGE_LAST));
        CHECK_INT(1000, received);
        expect_open(conn);
    }
}

static void parts_are_small(void) {
    for (size_t i = 0; i < 2 * COUNT_OF(formats); i++) {
        const struct format *format = &formats[i / 2];
        wsline_conn *conn =
            connect_to("FAULTS", format,
                       i % 2 ? "kind=zeros&size=8388608&deflate=1" : "kind=zeros&size=8388608");
        wsline_message part;
        uint64_t received = 0;
        size_t wrong = 0;

        check_row(format->name);
        do {
            REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, &part));
            CHECK_RANGE(0, 65536, part.len);
            for (size_t at = 0; at < part.len; at++) wrong += part.data[at] != 0;
            received += part.len;
        } while (!(part.flags & WSLINE_MESSAGE_LAST));
        CHECK_INT(8388608, received);
        CHECK_INT(0, wrong);
        expect_open(conn);
    }
}

static void fragments_are_inflated_one_by_one(void) {
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        wsline_options *options = inflating(formats[i].mode);
        char path[256];
        wsline_message piece;
        wsline_conn *conn;
        uint64_t received = 0;
        size_t count = 0;

        check_row(formats[i].name);
        CHECK_OK(wsline_options_set_deliver_fragments(options, true));
        packed_path(path, formats[i].name, "size=5000&frame=500");
        conn = deflate_connect("FAULTS", path, options);
        do {
            REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &piece));
            CHECK(piece.flags & WSLINE_MESSAGE_INFLATED);
            CHECK(payload_is(payload_lines(), received, piece.data, piece.len));
            received += piece.len;
            count++;
        } while (!(piece.flags & WSLINE_MESSAGE_LAST));
        CHECK_INT(5000, received);
        CHECK_RANGE(2, 10, count);
        peer_hang_up(conn);
    }
}

static void frames_are_delivered_as_received(void) {
    wsline_conn *conn = connect_to("FAULTS", &formats[0], "size=5000&n=2");
    wsline_frame frame;

    REQUIRE_OK(wsline_conn_recv_frame(conn, WAIT_MS, &frame));
    CHECK_RANGE(10, 2500, frame.len);
    CHECK_BYTES("\x1f\x8b\x08", 3, frame.data, 3);
    expect_lines(conn, 5000);
    peer_hang_up(conn);

    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        conn = connect_to(servers[i], &formats[COUNT_OF(formats) - 1], "size=5000&n=2");
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_recv_frame(conn, 0, &frame));
        CHECK_HAS("wsline_options_set_inflate_messages", wsline_last_error_message());
        expect_lines(conn, 5000);
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_recv_frame(conn, WAIT_MS, &frame));
        expect_lines(conn, 5000);
        expect_open(conn);
    }
}

static void other_messages_are_delivered_unchanged(void) {
    static const struct format rows[] = {
        {"none", WSLINE_INFLATE_AUTO},
        {"none", WSLINE_INFLATE_GZIP},
        {"none", WSLINE_INFLATE_ZLIB},
        {"none", WSLINE_INFLATE_NONE},
    };
    static const struct format mismatches[] = {
        {"gzip", WSLINE_INFLATE_NONE}, {"zlib", WSLINE_INFLATE_NONE}, {"raw", WSLINE_INFLATE_NONE},
        {"gzip", WSLINE_INFLATE_ZLIB}, {"zlib", WSLINE_INFLATE_GZIP}, {"raw", WSLINE_INFLATE_AUTO},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static const char *const queries[] = {"size=900000", "size=900000&frame=999",
                                              "size=900000&deflate=1"};

        for (size_t k = 0; k < COUNT_OF(queries); k++) {
            wsline_conn *conn = connect_to(servers[i % 2], &rows[i], queries[k]);
            wsline_message message;

            check_row(queries[k]);
            REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
            check_lines(&message, WHOLE, 900000);
            expect_open(conn);
        }
    }
    for (size_t i = 0; i < COUNT_OF(mismatches); i++) {
        wsline_conn *conn = connect_to("FAULTS", &mismatches[i], "size=5000&frame=1");
        wsline_message message;

        check_row(mismatches[i].name);
        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK_INT(WHOLE, message.flags);
        CHECK_RANGE(10, 2500, message.len);
        expect_open(conn);
    }
}

/* A message that was not flushed is continued by the next one. */
static void a_stream_goes_on_in_the_next_message(void) {
    static const char *const queries[] = {"size=1000&n=3&split=1", "size=1000&n=3&split=7",
                                          "size=900000&n=3&split=1000"};

    for (size_t i = 0; i < COUNT_OF(queries) * COUNT_OF(servers); i++) {
        size_t size = i / 2 == 2 ? 900000 : 1000;
        wsline_conn *conn =
            connect_to(servers[i % 2], &formats[COUNT_OF(formats) - 1], queries[i / 2]);
        wsline_message message;

        check_row(queries[i / 2]);
        for (int k = 0; k < 3; k++) expect_lines(conn, size);
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 0, &message));
        expect_open(conn);
    }
}

static void check_journal(const char *id, int64_t code) {
    char line[512];

    peer_journal(id, line, sizeof line);
    CHECK_INT(code, report_number(line, "close"));
}

static void broken_messages_end_the_connection(void) {
    static const struct {
        struct format format;
        const char *query, *why;
    } rows[] = {
        {{"gzip", WSLINE_INFLATE_AUTO}, "flip=3", "a gzip header has a reserved flag"},
        {{"gzip", WSLINE_INFLATE_GZIP}, "flip=10", ""},
        {{"gzip", WSLINE_INFLATE_GZIP}, "flip=-8", "its CRC-32 is wrong"},
        {{"gzip", WSLINE_INFLATE_GZIP}, "flip=-4", "it has another length than its trailer says"},
        {{"gzip", WSLINE_INFLATE_GZIP}, "cut=1", "it is truncated"},
        {{"gzip", WSLINE_INFLATE_AUTO}, "cut=20", "it is truncated"},
        {{"gzip", WSLINE_INFLATE_GZIP}, "add=00", "bytes that are not gzip follow its end"},
        {{"gzip", WSLINE_INFLATE_GZIP}, "add=1f8b", "it is truncated"},
        {{"gzips", WSLINE_INFLATE_AUTO}, "flip=-8", "its CRC-32 is wrong"},
        {{"zlib", WSLINE_INFLATE_AUTO}, "flip=-1", "incorrect data check"},
        {{"zlib", WSLINE_INFLATE_ZLIB}, "cut=4", "it is truncated"},
        {{"zlib", WSLINE_INFLATE_ZLIB}, "add=00", "bytes follow its end"},
        {{"raw", WSLINE_INFLATE_RAW}, "cut=2", "it is truncated"},
        {{"raw", WSLINE_INFLATE_RAW}, "add=7801", "bytes follow its end"},
        {{"none", WSLINE_INFLATE_RAW}, "size=0", "it is truncated"},
        {{"raw", WSLINE_INFLATE_STREAM}, "", "incorrect header check"},
        {{"stream", WSLINE_INFLATE_STREAM}, "n=2&add=07", "invalid block type"},
        {{"zlib", WSLINE_INFLATE_STREAM}, "add=00", "bytes follow its end"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int in_frames = 0; in_frames < 4; in_frames++) {
            char query[128], id[32], row[128];
            wsline_message message = {.len = 1};
            wsline_conn *conn;
            wsline_status status;

            snprintf(id, sizeof id, "broken%zu-%d", i, in_frames);
            snprintf(row, sizeof row, "%s %s %d", rows[i].format.name, rows[i].query, in_frames);
            check_row(row);
            snprintf(query, sizeof query, "id=%s&%s%s%s", id, rows[i].query,
                     in_frames % 2 ? "&frame=1" : "", in_frames / 2 ? "&deflate=1" : "");
            conn = connect_to("FAULTS", &rows[i].format, query);
            do {
                status = in_frames % 2 ? wsline_conn_recv_part(conn, WAIT_MS, &message)
                                       : wsline_conn_recv(conn, WAIT_MS, &message);
            } while (status == WSLINE_OK);
            CHECK_STATUS(WSLINE_ERR_INVALID_PAYLOAD, status);
            CHECK_HAS("that cannot be inflated: ", wsline_last_error_message());
            CHECK_HAS(rows[i].why, wsline_last_error_message());
            CHECK(message.data == NULL && message.len == 0);
            CHECK_STATUS(WSLINE_ERR_INVALID_PAYLOAD, wsline_conn_recv(conn, WAIT_MS, &message));
            wsline_conn_free(conn);
            check_journal(id, 1007);
        }
    }
}

static void what_precedes_a_broken_message_is_received(void) {
    wsline_conn *conn = connect_to("FAULTS", &formats[0], "n=3&flip=-8");
    wsline_message message;

    expect_lines(conn, 100);
    expect_lines(conn, 100);
    CHECK_STATUS(WSLINE_ERR_INVALID_PAYLOAD, wsline_conn_recv(conn, WAIT_MS, &message));
    wsline_conn_free(conn);
}

static void bombs_are_stopped(void) {
    static const struct {
        const char *query, *culprit;
        uint64_t message_bytes;
        size_t heap;
    } rows[] = {
        {"kind=zeros&size=99999999", "set_max_message_bytes", UINT64_MAX, 64 * MIB},
        {"kind=zeros&size=9999999", "set_max_message_bytes", MIB, MIB},
        {"kind=zeros&size=99999999", "set_deflate_max_ratio", 0, 16 * MIB},
        {"kind=zeros&size=99999999&deflate=1", "set_deflate_max_ratio", 0, 16 * MIB},
    };

    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(formats); i++) {
        const struct format *format = &formats[i % COUNT_OF(formats)];
        size_t k = i / COUNT_OF(formats), heap;
        wsline_options *options = inflating(format->mode);
        char path[256], query[128], id[32];
        struct heap_watch watch;
        wsline_message message;
        wsline_conn *conn;

        check_row(format->name);
        if (rows[k].message_bytes != UINT64_MAX)
            CHECK_OK(wsline_options_set_max_message_bytes(options, rows[k].message_bytes));
        if (rows[k].message_bytes != 0) CHECK_OK(wsline_options_set_deflate_max_ratio(options, 0));
        snprintf(id, sizeof id, "bomb%zu", i);
        snprintf(query, sizeof query, "id=%s&%s", id, rows[k].query);
        packed_path(path, format->name, query);
        conn = deflate_connect("FAULTS", path, options);
        heap_watch_start(&watch);
        CHECK_STATUS(WSLINE_ERR_MESSAGE_TOO_BIG, wsline_conn_recv(conn, WAIT_MS, &message));
        heap = heap_watch_end(&watch);
        CHECK_HAS(rows[k].culprit, wsline_last_error_message());
        wsline_conn_free(conn);
        /* A buffer that doubles may be twice as large as its contents. */
        if (!check_slow()) CHECK_RANGE(0, 2 * rows[k].heap + 2 * MIB, heap);
        check_journal(id, 1009);
    }
}

static void the_mode_is_checked(void) {
    wsline_options *options = peer_options();

    for (int32_t mode = WSLINE_INFLATE_NONE; mode <= WSLINE_INFLATE_STREAM; mode++)
        CHECK_OK(wsline_options_set_inflate_messages(options, mode));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_inflate_messages(options, 6));
    CHECK_HAS("`mode` is 6, which is not a wsline_inflate", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_inflate_messages(options, -1));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_inflate_messages(NULL, 0));
    wsline_options_free(options);
}

static const struct test tests[] = {
    TEST(every_format_is_inflated),
    TEST(empty_messages),
    TEST(every_function_receives_them),
    TEST(parts_are_small),
    TEST(fragments_are_inflated_one_by_one),
    TEST(frames_are_delivered_as_received),
    TEST(other_messages_are_delivered_unchanged),
    TEST(a_stream_goes_on_in_the_next_message),
    TEST(broken_messages_end_the_connection),
    TEST(what_precedes_a_broken_message_is_received),
    TEST(bombs_are_stopped),
    TEST(the_mode_is_checked),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
