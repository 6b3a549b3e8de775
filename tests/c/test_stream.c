/* SPDX-License-Identifier: Apache-2.0 */
/* Messages received in parts: of any size, in little memory. */
/* mallinfo2() */
#define _DEFAULT_SOURCE
#include "app.h"
#include "deflate.h"
#include "heap.h"

#define DEFLATE "&deflate=1&extensions=permessage-deflate"

/* "Some 256 KiB". */
enum { MAX_PART_BYTES = 300 * 1024, MAX_HEAP_BYTES = 1 << 20 };

static wsline_options *stream_options(void) {
    wsline_options *options = deflate_options();

    CHECK_OK(wsline_options_set_max_frame_bytes(options, 0));
    /* They do not apply to parts. */
    CHECK_OK(wsline_options_set_max_message_bytes(options, 1));
    CHECK_OK(wsline_options_set_max_fragments(options, 1));
    return options;
}

static wsline_conn *stream_connect(const char *format, uint64_t size) {
    char query[256], path[300];

    snprintf(query, sizeof query, format, size);
    snprintf(path, sizeof path, "/stream?%s", query);
    check_row(format);
    return deflate_connect("STREAMS", path, stream_options());
}

/* The next part must continue a payload. */
static bool take_part(const wsline_message *part, int32_t opcode, struct payload payload,
                      uint64_t *at) {
    bool right = payload_is(payload, *at, part->data, part->len);

    CHECK(right);
    CHECK_INT(opcode, part->opcode);
    CHECK_INT(*at == 0, (part->flags & WSLINE_MESSAGE_FIRST) != 0);
    CHECK_INT(0, part->data[part->len]);
    CHECK_RANGE(0, MAX_PART_BYTES, part->len);
    *at += part->len;
    return right && !(part->flags & WSLINE_MESSAGE_LAST);
}

/* Receives a whole message in parts. */
static void take_message(wsline_conn *conn, int32_t opcode, struct payload payload, uint64_t size) {
    uint64_t at = 0;
    wsline_message part;

    do {
        REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, &part));
        /* The last part may be empty. */
        CHECK(part.len > 0 || (part.flags & WSLINE_MESSAGE_LAST));
    } while (take_part(&part, opcode, payload, &at));
    CHECK_INT(size, at);
}

/* The streaming server's statistics about this connection. */
static void stream_report(wsline_conn *conn, char *line, size_t size) {
    wsline_message part;

    REQUIRE_OK(wsline_conn_send_text(conn, "report", WSLINE_NUL_TERMINATED));
    REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, &part));
    CHECK_INT(WSLINE_MESSAGE_FIRST | WSLINE_MESSAGE_LAST, part.flags);
    snprintf(line, size, "%s", (const char *)part.data);
}

static void parts_add_up_to_the_whole_message(void) {
    static const struct {
        const char *format; /* the query of the URL, with the size */
        bool is_lines;
        int32_t opcode;
        uint64_t size, slow_size;
        int64_t pongs;
    } rows[] = {
        {"size=%" PRIu64, false, 2, 0, 0, 0},
        {"size=%" PRIu64 "&opcode=1&kind=lines", true, 1, 0, 0, 0},
        {"size=%" PRIu64, false, 2, 1, 1, 0},
        {"size=%" PRIu64 "&frame=1", false, 2, 5000, 500, 0},
        {"size=%" PRIu64, false, 2, 5000000, 500000, 0},
        {"size=%" PRIu64 "&frame=777&ping=3", false, 2, 2000000, 100000, 858},
        {"size=%" PRIu64 "&frame=100001&opcode=1&kind=lines", true, 1, 30000000, 300000, 0},
        {"size=%" PRIu64 "&frame=7&opcode=1&kind=lines", true, 1, 150000, 1500, 0},
        {"size=%" PRIu64 DEFLATE, false, 2, 0, 0, 0},
        {"size=%" PRIu64 DEFLATE, false, 2, 1, 1, 0},
        {"size=%" PRIu64 DEFLATE, false, 2, 5000000, 500000, 0},
        {"size=%" PRIu64 DEFLATE "&opcode=1&kind=lines", true, 1, 30000000, 300000, 0},
        {"size=%" PRIu64 DEFLATE "&opcode=1&kind=lines&frame=1", true, 1, 15000, 1500, 0},
        {"size=%" PRIu64 DEFLATE "&opcode=1&kind=lines&frame=777&ping=2", true, 1, 3000000, 30000,
         -1},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t size = check_slow() ? rows[i].slow_size : rows[i].size;
        wsline_conn *conn = stream_connect(rows[i].format, size);
        char line[512];

        take_message(conn, rows[i].opcode, rows[i].is_lines ? payload_lines() : payload_noise(),
                     size);
        stream_report(conn, line, sizeof line);
        if (rows[i].pongs >= 0 && !check_slow())
            CHECK_INT(rows[i].pongs, report_number(line, "pongs"));
        else if (!check_slow())
            CHECK_RANGE(100, 10000, report_number(line, "pongs"));
        peer_hang_up(conn);
    }
}

static void small_messages_arrive_as_one_part(void) {
    for (size_t i = 0; i < COUNT_OF(deflate_servers); i++) {
        wsline_conn *conn = deflate_connect(deflate_servers[i], "/", stream_options());

        check_row(deflate_servers[i]);
        for (int round = 0; round < 20; round++) {
            wsline_message part;

            CHECK_OK(wsline_conn_send_text(conn, "small", 5));
            REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, &part));
            CHECK_BYTES("small", 5, part.data, part.len);
            CHECK_INT(WSLINE_MESSAGE_FIRST | WSLINE_MESSAGE_LAST, part.flags);
            CHECK_INT(WSLINE_OPCODE_TEXT, part.opcode);
        }
        CHECK_OK(wsline_conn_send_binary(conn, payload_noise().block, 60000));
        take_message(conn, WSLINE_OPCODE_BINARY, payload_noise(), 60000);
        peer_hang_up(conn);
    }
}

static void invalid_text_is_detected_in_parts(void) {
    static const struct {
        const char *hex, *text;
        wsline_status status;
    } rows[] = {
        {"0102e282"
         "800661c3a4ac6262",
         "", WSLINE_ERR_INVALID_PAYLOAD},
        {"0102e282"
         "0000"
         "8001ac",
         "\xe2\x82\xac", WSLINE_OK},
        {"0102e282"
         "8000",
         "", WSLINE_ERR_INVALID_PAYLOAD},
        {"010161"
         "0001c3"
         "800161",
         "", WSLINE_ERR_INVALID_PAYLOAD},
        {"8103edA080", "", WSLINE_ERR_INVALID_PAYLOAD},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char id[32], path[128], line[512], text[64] = "";
        wsline_message part = {.flags = 0};
        wsline_status status = WSLINE_OK;
        wsline_conn *conn;

        check_row(rows[i].hex);
        snprintf(id, sizeof id, "text%zu", i);
        snprintf(path, sizeof path, "/frame?id=%s&hex=%s", id, rows[i].hex);
        conn = deflate_connect("FAULTS", path, stream_options());
        while (status == WSLINE_OK && !(part.flags & WSLINE_MESSAGE_LAST)) {
            status = wsline_conn_recv_part(conn, WAIT_MS, &part);
            if (status == WSLINE_OK) strncat(text, (const char *)part.data, part.len);
        }
        CHECK_STATUS(rows[i].status, status);
        if (status == WSLINE_OK) {
            CHECK_TEXT(rows[i].text, text);
            peer_hang_up(conn);
            continue;
        }
        wsline_conn_free(conn);
        peer_journal(id, line, sizeof line);
        CHECK_INT(1007, report_number(line, "close"));
    }
}

static void a_timeout_keeps_the_received_data(void) {
    static const char *const formats[] = {
        "size=%" PRIu64 "&stop=70000", "size=%" PRIu64 "&stop=70000&frame=999",
        "size=%" PRIu64 "&stop=70000" DEFLATE, "size=%" PRIu64 "&stop=70000&frame=999" DEFLATE};
    enum { SIZE = 200000 };

    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        wsline_conn *conn = stream_connect(formats[i], SIZE);
        uint64_t at = 0;
        wsline_message part;
        wsline_status status;

        while ((status = wsline_conn_recv_part(conn, (int64_t)check_scaled(100, 1000), &part)) ==
               WSLINE_OK)
            take_part(&part, WSLINE_OPCODE_BINARY, payload_noise(), &at);
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, status);
        CHECK(part.data == NULL && part.len == 0);
        CHECK_RANGE(60000, 70000, at);
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv_part(conn, 0, &part));
        CHECK_OK(wsline_conn_send_text(conn, "go on", WSLINE_NUL_TERMINATED));
        do {
            REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, &part));
        } while (take_part(&part, WSLINE_OPCODE_BINARY, payload_noise(), &at));
        CHECK_INT(SIZE, at);
        peer_hang_up(conn);
    }
}

/* A message must be completed by the kind of receive that began it. */
static void a_message_must_be_received_as_it_was_begun(void) {
    wsline_conn *conn =
        deflate_connect("STREAMS", "/stream?size=10000&frame=1000&stop=5000", deflate_options());
    uint64_t at = 0;
    wsline_message message;
    wsline_frame frame;
    char line[512];

    REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, &message));
    CHECK(take_part(&message, WSLINE_OPCODE_BINARY, payload_noise(), &at));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_recv_event(conn, WAIT_MS, &message));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_recv_frame(conn, WAIT_MS, &frame));
    CHECK_HAS("begun with wsline_conn_recv_part()", wsline_last_error_message());
    CHECK(wsline_conn_is_open(conn));
    CHECK_OK(wsline_conn_send_text(conn, "go on", WSLINE_NUL_TERMINATED));
    do {
        REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, &message));
    } while (take_part(&message, WSLINE_OPCODE_BINARY, payload_noise(), &at));
    CHECK_INT(10000, at);
    /* Between messages, any kind may be used. */
    CHECK_OK(wsline_conn_send_text(conn, "report", WSLINE_NUL_TERMINATED));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_OK(wsline_conn_send_text(conn, "report", WSLINE_NUL_TERMINATED));
    REQUIRE_OK(wsline_conn_recv_frame(conn, WAIT_MS, &frame));
    stream_report(conn, line, sizeof line);
    CHECK_INT(4, report_number(line, "frames"));
    peer_hang_up(conn);
}

static void a_message_begun_whole_stays_whole(void) {
    wsline_options *options = deflate_options();
    wsline_message message;
    wsline_conn *conn;

    conn = deflate_connect("STREAMS", "/stream?size=10000&frame=1000&stop=5000", options);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 100, &message));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_recv_part(conn, WAIT_MS, &message));
    CHECK_HAS("begun with wsline_conn_recv()", wsline_last_error_message());
    CHECK_OK(wsline_conn_send_text(conn, "go on", WSLINE_NUL_TERMINATED));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_INT(10000, message.len);
    CHECK(payload_is(payload_noise(), 0, message.data, message.len));
    peer_hang_up(conn);
}

static void frames_are_still_limited(void) {
    wsline_options *options = stream_options();
    wsline_message part;
    wsline_conn *conn;
    char line[512];

    CHECK_OK(wsline_options_set_max_frame_bytes(options, 1000));
    conn = deflate_connect("FAULTS", "/flood?id=parts&n=1&size=1001", options);
    CHECK_STATUS(WSLINE_ERR_MESSAGE_TOO_BIG, wsline_conn_recv_part(conn, WAIT_MS, &part));
    wsline_conn_free(conn);
    peer_journal("parts", line, sizeof line);
    CHECK_INT(1009, report_number(line, "close"));
}

static void an_end_within_a_message_is_reported_after_its_parts(void) {
    static const struct {
        const char *path;
        wsline_status status;
    } rows[] = {
        {"/fin-mid", WSLINE_ERR_CONNECTION_LOST},
        {"/frame?hex=0203414243"
         "8800",
         WSLINE_ERR_CLOSED},
        {"/frame?hex=0203414243"
         "8203414243",
         WSLINE_ERR_PROTOCOL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_conn *conn = deflate_connect("FAULTS", rows[i].path, stream_options());
        wsline_message part;
        wsline_status status;
        size_t received = 0;

        check_row(rows[i].path);
        while ((status = wsline_conn_recv_part(conn, WAIT_MS, &part)) == WSLINE_OK) {
            CHECK(!(part.flags & WSLINE_MESSAGE_LAST));
            received += part.len;
        }
        CHECK_STATUS(rows[i].status, status);
        CHECK_INT(i == 0 ? 100 : 3, received);
        wsline_conn_free(conn);
    }
}

static void a_message_need_not_be_received_to_its_end(void) {
    static const char *const formats[] = {"size=%" PRIu64, "size=%" PRIu64 "&frame=1000&ping=7",
                                          "size=%" PRIu64 "&kind=lines" DEFLATE};

    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        wsline_conn *conn = stream_connect(formats[i], check_scaled(20000000, 1000000));
        uint64_t at = 0;
        wsline_message part;
        wsline_close_info info;

        REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, &part));
        take_part(&part, WSLINE_OPCODE_BINARY, i == 2 ? payload_lines() : payload_noise(), &at);
        CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
        CHECK_OK(wsline_conn_close_info(conn, &info));
        CHECK_INT(1000, info.code);
        wsline_conn_free(conn);
    }
}

/* Neither pings nor empty fragments are delivered as parts. */
static void a_flood_of_pings_and_empty_fragments_does_not_extend_the_deadline(void) {
    static const char *const paths[] = {
        "/frame?hex=8900&n=5000000",
        "/frame?first=0100&hex=0000&n=5000000",
        "/frame?extensions=permessage-deflate&first=4100&hex=0005000000ffff&n=5000000",
    };

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        wsline_conn *conn = deflate_connect("FAULTS", paths[i], stream_options());
        struct stopwatch start = stopwatch_start();
        wsline_message part = {.len = 1};

        check_row(paths[i]);
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv_part(conn, 200, &part));
        CHECK_TOOK(200, start);
        wsline_conn_free(conn);
    }
}

/* ---- larger than memory ---- */

struct giant {
    const char *format;
    bool is_lines;
    uint64_t size, slow_size;
};

#define GIB ((uint64_t)1 << 30)
static const struct giant giants[] = {
    {"size=%" PRIu64, false, 4 * GIB + 1, 8000000},
    {"size=%" PRIu64 "&frame=1000000&ping=10&kind=lines", true, GIB, 8000000},
    {"size=%" PRIu64 "&kind=lines" DEFLATE, true, GIB, 8000000},
    {"size=%" PRIu64 "&frame=100000" DEFLATE, false, GIB / 4, 4000000},
};

static void a_huge_message_takes_little_memory(void) {
    for (size_t i = 0; i < COUNT_OF(giants); i++) {
        uint64_t size = check_slow() ? giants[i].slow_size : giants[i].size;
        wsline_conn *conn = stream_connect(giants[i].format, size);
        struct heap_watch watch;
        size_t heap;

        heap_watch_start(&watch);
        take_message(conn, WSLINE_OPCODE_BINARY,
                     giants[i].is_lines ? payload_lines() : payload_noise(), size);
        heap = heap_watch_end(&watch);
        if (!check_slow()) CHECK_RANGE(0, MAX_HEAP_BYTES, heap);
        peer_hang_up(conn);
    }
}

/* What an app's on_part has received. */
struct taken {
    struct payload payload;
    uint64_t at;
    size_t largest;
};

static void app_take(struct record *record, wsline_app *app, char letter) {
    struct taken *taken = record->more;

    if (letter != 'f') return;
    if (!take_part(&record->message, WSLINE_OPCODE_BINARY, taken->payload, &taken->at))
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void an_app_receives_a_huge_message_in_parts(void) {
    for (size_t i = 0; i < COUNT_OF(giants); i++) {
        uint64_t size = check_slow() ? giants[i].slow_size : giants[i].size / 16;
        wsline_options *options = stream_options();
        struct record record;
        struct taken taken = {giants[i].is_lines ? payload_lines() : payload_noise(), 0, 0};
        struct heap_watch watch;
        char query[256], path[300];
        wsline_app *app;
        size_t heap;

        check_row(giants[i].format);
        snprintf(query, sizeof query, giants[i].format, size);
        snprintf(path, sizeof path, "/stream?%s", query);
        app = app_make("STREAMS", path, options, &record);
        wsline_options_free(options);
        app_listen(app, "f", &record);
        record.then = app_take;
        record.more = &taken;
        heap_watch_start(&watch);
        CHECK_OK(wsline_app_run(app));
        heap = heap_watch_end(&watch);
        CHECK_INT(size, taken.at);
        CHECK_INT(0, record_count(&record, 'm'));
        if (!check_slow()) CHECK_RANGE(0, MAX_HEAP_BYTES, heap);
        wsline_app_free(app);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(parts_add_up_to_the_whole_message),
        TEST(small_messages_arrive_as_one_part),
        TEST(invalid_text_is_detected_in_parts),
        TEST(a_timeout_keeps_the_received_data),
        TEST(a_message_must_be_received_as_it_was_begun),
        TEST(a_message_begun_whole_stays_whole),
        TEST(frames_are_still_limited),
        TEST(an_end_within_a_message_is_reported_after_its_parts),
        TEST(a_message_need_not_be_received_to_its_end),
        TEST(a_flood_of_pings_and_empty_fragments_does_not_extend_the_deadline),
        TEST(a_huge_message_takes_little_memory),
        TEST(an_app_receives_a_huge_message_in_parts),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
