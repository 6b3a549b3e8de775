/* SPDX-License-Identifier: Apache-2.0 */
/* Messages sent in parts: of any size, in little memory, with nothing but pings in between. */
/* mallinfo2() */
#define _DEFAULT_SOURCE
#include "app.h"
#include "deflate.h"
#include "heap.h"

#define DEFLATE_SINK "/sink?extensions=permessage-deflate"

/* The contents of a message, and the expected report of the sink. */
struct course {
    const char *path;
    bool is_lines;
    int32_t opcode; /* flags of the first part: WSLINE_SEND_UNCOMPRESSED or none */
    uint64_t size, slow_size;
    size_t step;    /* of each part except the last */
    unsigned pings; /* sends a ping after this many parts; 0: none */
    bool is_compressed;
};

/* The sink's report. */
static void check_sink(wsline_conn *conn, uint64_t size, uint32_t adler, int64_t frames,
                       int64_t pings, bool is_compressed) {
    wsline_message message;
    const char *line;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    line = (const char *)message.data;
    CHECK_INT(size, report_number(line, "length"));
    CHECK_INT(adler, report_number(line, "adler32"));
    CHECK_INT(frames, report_number(line, "frames"));
    CHECK_INT(pings, report_number(line, "pings"));
    CHECK_HAS(is_compressed ? "\"compressed\": true" : "\"compressed\": false", line);
}

/* Sends a message in parts that are lent from a block, so that none needs memory. */
static void send_course(wsline_conn *conn, const struct course *course) {
    struct payload payload = course->is_lines ? payload_lines() : payload_noise();
    uint64_t size = check_slow() ? course->slow_size : course->size, at = 0;
    int32_t opcode = course->opcode;
    uint32_t adler = 1;
    int64_t frames = 0, pings = 0;

    do {
        size_t len = course->step;
        const uint8_t *piece;

        if (len > size - at) len = (size_t)(size - at);
        piece = payload_piece(payload, at, &len);
        at += len;
        adler = payload_adler32(adler, piece, len);
        REQUIRE_OK(wsline_conn_send_fragment(conn, opcode, piece, len, at == size));
        opcode = course->opcode & ~WSLINE_SEND_UNCOMPRESSED;
        frames++;
        if (course->pings != 0 && frames % course->pings == 0 && at < size) {
            CHECK_OK(wsline_conn_ping(conn, "between", 7));
            pings++;
        }
    } while (at < size);
    check_sink(conn, size, adler, frames, pings, course->is_compressed);
}

#define MIB ((uint64_t)1 << 20)
static const struct course courses[] = {
    {"/sink", false, WSLINE_OPCODE_BINARY, 0, 0, 1, 0, false},
    {"/sink", false, WSLINE_OPCODE_BINARY, 5000, 500, 1, 3, false},
    {"/sink", true, WSLINE_OPCODE_TEXT, 15 * MIB, 150000, 777, 5, false},
    {"/sink", false, WSLINE_OPCODE_BINARY, 1024 * MIB, 4 * MIB, 1 << 20, 100, false},
    {DEFLATE_SINK, false, WSLINE_OPCODE_BINARY, 0, 0, 1, 0, true},
    {DEFLATE_SINK, true, WSLINE_OPCODE_TEXT, 3000, 300, 1, 2, true},
    {DEFLATE_SINK, true, WSLINE_OPCODE_TEXT, 15 * MIB, 150000, 777, 5, true},
    {DEFLATE_SINK, true, WSLINE_OPCODE_BINARY, 256 * MIB, MIB, 1 << 20, 10, true},
    {DEFLATE_SINK, false, WSLINE_OPCODE_BINARY, 64 * MIB, MIB, 100000, 10, true},
    {DEFLATE_SINK, true, WSLINE_OPCODE_TEXT | WSLINE_SEND_UNCOMPRESSED, 15 * MIB, 150000, 10000, 0,
     false},
};

static void streams_arrive_whole_and_need_no_memory(void) {
    for (size_t i = 0; i < COUNT_OF(courses); i++) {
        wsline_conn *conn = deflate_connect("STREAMS", courses[i].path, deflate_options());
        struct heap_watch watch;
        char row[128];
        size_t heap;

        snprintf(row, sizeof row, "%zu: %s in %zu", i, courses[i].path, courses[i].step);
        check_row(row);
        heap_watch_start(&watch);
        send_course(conn, &courses[i]);
        heap = heap_watch_end(&watch);
        /* The part that is masked or compressed, and the context. */
        if (!check_slow()) CHECK_RANGE(0, 4 * MIB, heap);
        peer_hang_up(conn);
    }
}

static void consecutive_messages_share_one_context(void) {
    wsline_conn *conn = deflate_connect("STREAMS", DEFLATE_SINK, deflate_options());

    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < COUNT_OF(courses); i++) {
            struct course course = courses[i];

            if (course.size > 20 * MIB || strcmp(course.path, DEFLATE_SINK) != 0) continue;
            course.size = course.size > 100000 ? 150000 : course.size;
            course.slow_size = course.size;
            send_course(conn, &course);
            CHECK_OK(wsline_conn_send_text(conn, "between", 7));
            check_sink(conn, 7, payload_adler32(1, (const uint8_t *)"between", 7), 1, 0, true);
        }
    peer_hang_up(conn);
}

/* ---- concurrent senders ---- */

static void check_busy(wsline_conn *conn) {
    wsline_frame frame = {.fin = 1, .opcode = WSLINE_OPCODE_TEXT};
    wsline_prepared *prepared = NULL;

    REQUIRE_OK(wsline_prepared_new(WSLINE_OPCODE_TEXT, "x", 1, &prepared));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_send_text(conn, "x", 1));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_send_binary(conn, "x", 1));
    CHECK_STATUS(WSLINE_ERR_BUSY,
                 wsline_conn_send(conn, WSLINE_OPCODE_TEXT | WSLINE_SEND_UNCOMPRESSED, "x", 1));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_send_prepared(conn, prepared));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_send_frame(conn, &frame));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_conn_send_fragment(conn, WSLINE_OPCODE_BINARY, "x", 1, true));
    wsline_prepared_free(prepared);
}

static void *run_busy(void *argument) {
    check_busy(argument);
    return NULL;
}

static void others_are_busy_until_the_last_part(void) {
    static const char *const paths[] = {"/sink", DEFLATE_SINK};

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        wsline_conn *conn = deflate_connect("STREAMS", paths[i], deflate_options());
        uint32_t adler = payload_adler32(1, (const uint8_t *)"one two ", 8);

        check_row(paths[i]);
        CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "one ", 4, false));
        check_busy(conn);
        thread_join(thread_start(run_busy, conn));
        CHECK_OK(wsline_conn_ping(conn, "p", 1));
        CHECK_OK(wsline_conn_pong(conn, "p", 1));
        CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "two ", 4, false));
        check_busy(conn);
        CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, NULL, 0, true));
        check_sink(conn, 8, adler, 3, 1, i == 1);
        CHECK_OK(wsline_conn_send_text(conn, "one two ", 8));
        check_sink(conn, 8, adler, 1, 0, i == 1);
        peer_hang_up(conn);
    }
}

static void an_unfinished_message_may_be_abandoned(void) {
    wsline_conn *conn = deflate_connect("STREAMS", DEFLATE_SINK, deflate_options());

    CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "one ", 4, false));
    peer_hang_up(conn);
}

/* Each part is sent at once and can be read at once. */
static void a_part_does_not_wait_for_the_next(void) {
    wsline_conn *conn =
        deflate_connect("FAULTS", "/echo?extensions=permessage-deflate", deflate_options());
    uint64_t at = 0;

    for (int i = 0; i < 20; i++) {
        size_t len = (size_t)i * 100;
        wsline_message part = {.len = 0};

        CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_BINARY, payload_noise().block + at,
                                           len, i == 19));
        for (size_t got = 0; got < len; got += part.len) {
            REQUIRE_OK(wsline_conn_recv_part(conn, WAIT_MS, &part));
            CHECK(payload_is(payload_noise(), at + got, part.data, part.len));
        }
        at += len;
    }
    peer_hang_up(conn);
}

/* ---- apps ---- */

struct giver {
    uint64_t at, size;
    uint32_t adler;
    int64_t frames;
};

/* Sends until the queue is full, and continues when it has drained. */
static void give(wsline_app *app, struct giver *giver) {
    while (giver->at < giver->size) {
        size_t len = giver->size - giver->at < 100000 ? (size_t)(giver->size - giver->at) : 100000;
        const uint8_t *piece = payload_piece(payload_lines(), giver->at, &len);
        wsline_status status = wsline_app_send_fragment(app, WSLINE_OPCODE_BINARY, piece, len,
                                                        giver->at + len == giver->size);

        if (status == WSLINE_ERR_WOULD_BLOCK) return;
        REQUIRE_OK(status);
        giver->adler = payload_adler32(giver->adler, piece, len);
        giver->at += len;
        giver->frames++;
    }
}

static void give_on(struct record *record, wsline_app *app, char letter) {
    if (letter == 'o' || letter == 'w') give(app, record->more);
    if (letter == 'm') CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void an_app_sends_a_stream(void) {
    static const char *const paths[] = {"/sink", DEFLATE_SINK};

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct record record;
        struct giver giver = {0, check_scaled(100, 2) * MIB, 1, 0};
        wsline_options *options = deflate_options();
        wsline_app *app = app_make("STREAMS", paths[i], options, &record);

        check_row(paths[i]);
        wsline_options_free(options);
        record.then = give_on;
        record.more = &giver;
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE,
                     wsline_app_send_fragment(app, WSLINE_OPCODE_TEXT, "x", 1, true));
        CHECK_OK(wsline_app_run(app));
        CHECK_INT(giver.size, giver.at);
        CHECK_INT(giver.size, report_number(record.text, "length"));
        CHECK_INT(giver.adler, report_number(record.text, "adler32"));
        CHECK_INT(giver.frames, report_number(record.text, "frames"));
        wsline_app_free(app);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(streams_arrive_whole_and_need_no_memory), TEST(consecutive_messages_share_one_context),
        TEST(others_are_busy_until_the_last_part),     TEST(an_unfinished_message_may_be_abandoned),
        TEST(a_part_does_not_wait_for_the_next),       TEST(an_app_sends_a_stream),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
