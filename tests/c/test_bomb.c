/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression bombs: how much memory and time a few bytes can cost. */
/* mallinfo2() */
#define _DEFAULT_SOURCE
#include "app.h"
#include "deflate.h"
#include "heap.h"

#define BOMB "/bomb?extensions=permessage-deflate"

enum { MIB = 1 << 20 };

/* The memory that the library may use in addition to the message itself. */
enum { MARGIN_BYTES = 2 * MIB };

/* The limits of one connection; UINT64_MAX and UINT32_MAX leave the defaults. */
struct limits {
    uint64_t message_bytes;
    uint32_t ratio;
};
static const struct limits as_they_are = {UINT64_MAX, UINT32_MAX};
static const struct limits no_limits = {0, 0};

static wsline_conn *connect_to_bomb(const char *id, const char *query,
                                    const struct limits *limits) {
    wsline_options *options = deflate_options();
    char path[256];

    if (limits->message_bytes != UINT64_MAX)
        CHECK_OK(wsline_options_set_max_message_bytes(options, limits->message_bytes));
    if (limits->ratio != UINT32_MAX)
        CHECK_OK(wsline_options_set_deflate_max_ratio(options, limits->ratio));
    CHECK_OK(wsline_options_set_max_fragments(options, 0));
    snprintf(path, sizeof path, BOMB "&id=%s&%s", id, query);
    return deflate_connect("FAULTS", path, options);
}

static void check_journal(const char *id) {
    char line[512];

    peer_journal(id, line, sizeof line);
    CHECK_INT(1009, report_number(line, "close"));
}

static void a_bomb_is_stopped(void) {
    static const struct {
        const char *id, *query;
        struct limits limits;
        size_t heap; /* how much of the message may be held */
    } rows[] = {
        {"one-frame", "size=1073741824", {UINT64_MAX, UINT32_MAX}, 64 * MIB},
        {"ten-gib", "size=10737418240&frame=1037", {UINT64_MAX, UINT32_MAX}, 64 * MIB},
        {"by-its-size", "size=1073741824", {MIB, 0}, MIB},
        {"by-its-size-in-fragments", "size=10737418240&frame=1037", {MIB, 0}, MIB},
        {"by-its-size-in-bytes", "size=10737418240&frame=1", {MIB, 0}, MIB},
        {"by-its-ratio", "size=10737418240&frame=1037", {0, UINT32_MAX}, 16 * MIB},
        {"by-its-ratio-in-bytes", "size=10737418240&frame=1", {0, UINT32_MAX}, 16 * MIB},
        {"by-a-small-ratio", "size=1073741824", {0, 10}, 16 * MIB},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct heap_watch watch;
        wsline_message message;
        wsline_conn *conn;
        size_t heap;

        check_row(rows[i].id);
        conn = connect_to_bomb(rows[i].id, rows[i].query, &rows[i].limits);
        heap_watch_start(&watch);
        CHECK_STATUS(WSLINE_ERR_MESSAGE_TOO_BIG, wsline_conn_recv(conn, WAIT_MS, &message));
        heap = heap_watch_end(&watch);
        CHECK(message.data == NULL && message.len == 0);
        CHECK(strchr(wsline_last_error_message(), '\n') == NULL);
        CHECK_STATUS(WSLINE_ERR_MESSAGE_TOO_BIG, wsline_conn_recv(conn, WAIT_MS, &message));
        wsline_conn_free(conn);
        /* A buffer that doubles may be twice as large as its contents. */
        if (!check_slow()) CHECK_RANGE(0, 2 * rows[i].heap + MARGIN_BYTES, heap);
        check_journal(rows[i].id);
    }
}

/* In parts it needs no memory, so only its ratio counts. */
static void a_bomb_received_in_parts_is_stopped_by_its_ratio(void) {
    static const struct limits small = {1000, UINT32_MAX};
    static const struct limits *const rows[] = {&as_they_are, &small};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char id[32];
        struct heap_watch watch;
        wsline_message part;
        wsline_status status;
        wsline_conn *conn;
        uint64_t received = 0;
        size_t heap;

        snprintf(id, sizeof id, "parts%zu", i);
        check_row(id);
        conn = connect_to_bomb(id, "size=10737418240&frame=1037", rows[i]);
        heap_watch_start(&watch);
        while ((status = wsline_conn_recv_part(conn, WAIT_MS, &part)) == WSLINE_OK)
            received += part.len;
        heap = heap_watch_end(&watch);
        CHECK_STATUS(WSLINE_ERR_MESSAGE_TOO_BIG, status);
        CHECK_RANGE(MIB, 17 * MIB, received);
        if (!check_slow()) CHECK_RANGE(0, MIB, heap);
        wsline_conn_free(conn);
        check_journal(id);
    }
}

static void without_a_ratio_parts_may_continue(void) {
    wsline_conn *conn;
    uint64_t received = 0, size = check_scaled(256, 8) * MIB;
    struct heap_watch watch;
    wsline_message part;
    char query[64];
    size_t heap, wrong = 0, largest = 0;

    snprintf(query, sizeof query, "size=%" PRIu64, size);
    conn = connect_to_bomb("unlimited", query, &no_limits);
    heap_watch_start(&watch);
    do {
        REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, &part));
        CHECK_INT(received == 0, (part.flags & WSLINE_MESSAGE_FIRST) != 0);
        for (size_t i = 0; i < part.len; i += 4096) wrong += part.data[i] != 0;
        received += part.len;
        largest = part.len > largest ? part.len : largest;
    } while (!(part.flags & WSLINE_MESSAGE_LAST));
    heap = heap_watch_end(&watch);
    CHECK_INT(size, received);
    CHECK_INT(0, wrong);
    CHECK_RANGE(1000, 300 * 1024, largest);
    if (!check_slow()) CHECK_RANGE(0, MIB, heap);
    peer_hang_up(conn);
}

/* No work is repeated for earlier fragments: four times as many take four times as long. */
static void tiny_fragments_take_linear_time(void) {
    static const char *const sizes[] = {"4000000", "16000000"};
    clock_t took[2];

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char query[64];
        clock_t start = clock();
        wsline_message message;
        wsline_conn *conn;

        snprintf(query, sizeof query, "frame=1&size=%s", sizes[i]);
        conn = connect_to_bomb("tiny", query, &no_limits);
        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        took[i] = clock() - start;
        CHECK_INT(strtol(sizes[i], NULL, 10), message.len);
        peer_hang_up(conn);
    }
    if (!check_slow()) CHECK_RANGE(0, 8 * took[0] + CLOCKS_PER_SEC / 10, took[1]);
}

/* 512 KiB is below the threshold of the check; noise grows when compressed. */
static void a_large_message_that_is_not_a_bomb_passes(void) {
    static const struct limits tight = {UINT64_MAX, 1};
    wsline_message message;
    wsline_options *options;
    wsline_conn *conn = connect_to_bomb("small", "size=524288", &tight);

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_INT(524288, message.len);
    peer_hang_up(conn);

    options = deflate_options();
    CHECK_OK(wsline_options_set_deflate_max_ratio(options, 2));
    conn = deflate_connect("STREAMS",
                           "/stream?extensions=permessage-deflate&deflate=1"
                           "&size=33554432&frame=10000&kind=noise",
                           options);
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK(message.len == 33554432 && payload_is(payload_noise(), 0, message.data, message.len));
    wsline_conn_free(conn);

    options = deflate_options();
    conn = deflate_connect("STREAMS",
                           "/stream?extensions=permessage-deflate&deflate=1"
                           "&size=33554430&kind=lines&opcode=1",
                           options);
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK(message.len == 33554430 && payload_is(payload_lines(), 0, message.data, message.len));
    wsline_conn_free(conn);
}

static void an_app_is_told_of_a_bomb(void) {
    struct record record;
    wsline_options *options = deflate_options();
    wsline_app *app =
        app_make("FAULTS", BOMB "&id=app&size=10737418240&frame=1037", options, &record);

    wsline_options_free(options);
    CHECK_STATUS(WSLINE_ERR_MESSAGE_TOO_BIG, wsline_app_run(app));
    CHECK_TEXT("oec", record.order);
    CHECK_STATUS(WSLINE_ERR_MESSAGE_TOO_BIG, record.error.status);
    CHECK_INT(1009, record.error.close_code);
    wsline_app_free(app);
    check_journal("app");
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_bomb_is_stopped),
        TEST(a_bomb_received_in_parts_is_stopped_by_its_ratio),
        TEST(without_a_ratio_parts_may_continue),
        TEST(tiny_fragments_take_linear_time),
        TEST(a_large_message_that_is_not_a_bomb_passes),
        TEST(an_app_is_told_of_a_bomb),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
