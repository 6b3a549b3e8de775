/* SPDX-License-Identifier: Apache-2.0 */
/* One message for many connections: it arrives whatever each of them has negotiated. */
#include "app.h"
#include "deflate.h"

static wsline_prepared *prepare(int32_t opcode, const void *data, size_t len) {
    wsline_prepared *prepared = NULL;

    REQUIRE_OK(wsline_prepared_new(opcode, data, len, &prepared));
    REQUIRE(prepared != NULL);
    return prepared;
}

static void bad_arguments_are_rejected(void) {
    static const int32_t bad[] = {WSLINE_OPCODE_CONTINUATION,
                                  WSLINE_OPCODE_CLOSE,
                                  WSLINE_OPCODE_PING,
                                  WSLINE_OPCODE_PONG,
                                  3,
                                  -1,
                                  512,
                                  INT32_MAX,
                                  WSLINE_OPCODE_PING | WSLINE_SEND_UNCOMPRESSED};
    wsline_prepared *prepared = prepare(WSLINE_OPCODE_TEXT, "x", 1), *none;
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        none = prepared;
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_prepared_new(bad[i], "x", 1, &none));
        CHECK_HAS("`opcode`", wsline_last_error_message());
        CHECK(none == NULL);
    }
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_prepared_new(WSLINE_OPCODE_TEXT, "a\xff", 2, &none));
    CHECK_HAS("`data`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_prepared_new(WSLINE_OPCODE_TEXT, NULL, 1, &none));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_prepared_new(WSLINE_OPCODE_TEXT, "x", 1, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_prepared(NULL, prepared));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_prepared(conn, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_send_prepared(NULL, prepared));
    CHECK_OK(wsline_conn_send_prepared(conn, prepared));
    expect_message(conn, WSLINE_OPCODE_TEXT, "x", 1);
    CHECK_OK(wsline_conn_close(conn, 1000, NULL, WAIT_MS));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_send_prepared(conn, prepared));
    wsline_conn_free(conn);
    wsline_prepared_free(prepared);
    wsline_prepared_free(NULL);
}

/* Messages of all kinds, and their contents. */
enum { KINDS = 6 };

struct set {
    wsline_prepared *prepared[KINDS];
    const void *data[KINDS];
    size_t lengths[KINDS];
    int32_t opcodes[KINDS];
    char *text;
    bool is_plain[KINDS];
};

static void set_add(struct set *set, size_t at, int32_t opcode, const void *data, size_t len) {
    set->prepared[at] = prepare(opcode, data, len);
    set->data[at] = data;
    set->lengths[at] = len;
    set->opcodes[at] = opcode & ~WSLINE_SEND_UNCOMPRESSED;
    set->is_plain[at] = opcode & WSLINE_SEND_UNCOMPRESSED || len == 0;
}

static void set_make(struct set *set) {
    set->text = text_of(70000);
    set_add(set, 0, WSLINE_OPCODE_TEXT, set->text, 70000);
    set_add(set, 1, WSLINE_OPCODE_BINARY, payload_noise().block, 2000);
    set_add(set, 2, WSLINE_OPCODE_TEXT, "", 0);
    set_add(set, 3, WSLINE_OPCODE_BINARY | WSLINE_SEND_UNCOMPRESSED, payload_noise().block, 3000);
    set_add(set, 4, WSLINE_OPCODE_BINARY, payload_lines().block, 300000);
    set_add(set, 5, WSLINE_OPCODE_TEXT, "a", 1);
}

static void set_free(struct set *set) {
    for (size_t i = 0; i < KINDS; i++) wsline_prepared_free(set->prepared[i]);
    free(set->text);
}

/* Prepared and ordinary messages alternate; the ordinary ones use context takeover. */
static void check_set(wsline_conn *conn, const struct set *set, unsigned seed) {
    struct report report = {.asked = 0};
    bool compresses = wsline_conn_extensions(conn) != NULL;
    int64_t compressed = 0;

    for (unsigned i = 0; i < 3 * KINDS; i++) {
        size_t kind = (i + seed) % KINDS, len = 100 + (i * 37 + seed) % 900;

        CHECK_OK(wsline_conn_send_prepared(conn, set->prepared[kind]));
        expect_message(conn, set->opcodes[kind], set->data[kind], set->lengths[kind]);
        echo_message(conn, WSLINE_OPCODE_BINARY, payload_noise().block, len);
        echo_message(conn, WSLINE_OPCODE_BINARY, payload_noise().block, len);
        compressed += 2 + !set->is_plain[kind];
    }
    if (!compresses) return;
    report_get(conn, &report);
    CHECK_INT(compressed, report.compressed);
}

/* Different results of negotiating compression. */
static const struct way {
    const char *peer, *path;
    int32_t level, bits;
} ways[] = {
    {"WEBSOCKETS", "/", 1, 15},
    {"DEFLATE_WEBSOCKETS", "/", 1, 15},
    {"DEFLATE_WS", "/", 9, 15},
    {"DEFLATE_WS_TLS", "/", 1, 12},
    {"DEFLATE_AIOHTTP", "/", 5, 15},
    {"DEFLATE_WEBSOCKETS", "/?client_no_context_takeover=1", 1, 15},
    {"DEFLATE_WEBSOCKETS", "/?client_max_window_bits=9", 1, 15},
    {"DEFLATE_WEBSOCKETS", "/?client_max_window_bits=10", 6, 15},
    {"DEFLATE_WEBSOCKETS", "/?client_max_window_bits=11", 1, 12},
    {"DEFLATE_WS", "/?client_max_window_bits=12", 1, 15},
    {"DEFLATE_WS", "/", 1, 13},
    {"DEFLATE_WEBSOCKETS", "/", 1, 9},
    {"DEFLATE_WEBSOCKETS", "/", 2, 14},
};

static wsline_conn *way_connect(const struct way *way) {
    wsline_options *options = deflate_options();

    CHECK_OK(wsline_options_set_deflate_level(options, way->level));
    CHECK_OK(wsline_options_set_deflate_window_bits(options, way->bits, 15));
    return deflate_connect(way->peer, way->path, options);
}

static void one_message_can_be_sent_on_all_connections(void) {
    struct set set;

    set_make(&set);
    for (unsigned i = 0; i < COUNT_OF(ways); i++) {
        wsline_conn *conn = way_connect(&ways[i]);

        check_row(ways[i].path);
        check_set(conn, &set, i);
        peer_hang_up(conn);
    }
    set_free(&set);
}

struct run {
    const struct set *set;
    unsigned seed;
    pthread_t thread;
};

static void *run_ways(void *argument) {
    const struct run *run = argument;

    for (unsigned i = 0; i < COUNT_OF(ways); i++) {
        wsline_conn *conn = way_connect(&ways[(i + run->seed * 3) % COUNT_OF(ways)]);

        check_set(conn, run->set, i + run->seed);
        peer_hang_up(conn);
    }
    return NULL;
}

static void threads_send_it_at_the_same_time(void) {
    struct set set;
    struct run runs[4];

    set_make(&set);
    for (unsigned i = 0; i < COUNT_OF(runs); i++) {
        runs[i] = (struct run){.set = &set, .seed = i};
        runs[i].thread = thread_start(run_ways, &runs[i]);
    }
    for (size_t i = 0; i < COUNT_OF(runs); i++) thread_join(runs[i].thread);
    set_free(&set);
}

struct shared {
    wsline_conn *conn;
    const wsline_prepared *prepared;
    int count;
};

static void *send_it_often(void *argument) {
    struct shared *shared = argument;

    for (int i = 0; i < shared->count; i++) {
        REQUIRE_OK(wsline_conn_send_prepared(shared->conn, shared->prepared));
        REQUIRE_OK(wsline_conn_send_text(shared->conn, "and an ordinary one", 19));
    }
    return NULL;
}

static void threads_send_it_on_one_connection(void) {
    char *text = text_of(5000);
    wsline_prepared *prepared = prepare(WSLINE_OPCODE_TEXT, text, 5000);
    wsline_conn *conn = deflate_connect("DEFLATE_WS", "/", deflate_options());
    struct shared shared = {conn, prepared, (int)check_scaled(200, 20)};
    pthread_t threads[3];
    int long_ones = 0;

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        threads[i] = thread_start(send_it_often, &shared);
    for (int i = 0; i < 3 * 2 * shared.count; i++) {
        wsline_message message;

        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        if (message.len == 19) {
            CHECK_TEXT("and an ordinary one", (const char *)message.data);
            continue;
        }
        CHECK_BYTES(text, 5000, message.data, message.len);
        long_ones++;
    }
    CHECK_INT(3 * shared.count, long_ones);
    for (size_t i = 0; i < COUNT_OF(threads); i++) thread_join(threads[i]);
    peer_hang_up(conn);
    wsline_prepared_free(prepared);
    free(text);
}

static void every_frame_has_its_own_key(void) {
    static const char *const paths[] = {"/echo?id=keys0",
                                        "/echo?id=keys1&extensions=permessage-deflate"};

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        wsline_prepared *prepared = prepare(WSLINE_OPCODE_TEXT, "the same", 8);
        wsline_conn *conn = deflate_connect("FAULTS", paths[i], deflate_options());
        char id[16], line[512];

        check_row(paths[i]);
        for (int k = 0; k < 99; k++) {
            CHECK_OK(wsline_conn_send_prepared(conn, prepared));
            expect_message(conn, WSLINE_OPCODE_TEXT, "the same", 8);
        }
        peer_hang_up(conn);
        snprintf(id, sizeof id, "keys%zu", i);
        peer_journal(id, line, sizeof line);
        CHECK_HAS("\"masked\": true", line);
        CHECK_INT(100, report_number(line, "frames"));
        CHECK_INT(100, report_number(line, "mask_keys"));
        CHECK_INT(i * 99, report_number(line, "compressed"));
        wsline_prepared_free(prepared);
    }
}

static void a_short_one_is_sent_uncompressed(void) {
    wsline_prepared *prepared = prepare(WSLINE_OPCODE_BINARY, payload_lines().block, 300);
    wsline_options *options = deflate_options();
    struct report report = {.asked = 0};
    wsline_conn *conn;

    CHECK_OK(wsline_options_set_deflate_threshold_bytes(options, 301));
    conn = deflate_connect("DEFLATE_WS", "/", options);
    CHECK_OK(wsline_conn_send_prepared(conn, prepared));
    expect_message(conn, WSLINE_OPCODE_BINARY, payload_lines().block, 300);
    report_get(conn, &report);
    CHECK_INT(0, report.compressed);
    peer_hang_up(conn);
    wsline_prepared_free(prepared);
}

static int64_t cpu_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void it_is_compressed_once(void) {
    enum { LEN = 900000, COUNT = 20 };
    wsline_prepared *prepared = prepare(WSLINE_OPCODE_BINARY, payload_lines().block, LEN);
    wsline_options *options = deflate_options();
    int64_t start, ordinary, once;
    wsline_conn *conn;

    CHECK_OK(wsline_options_set_deflate_level(options, 6));
    conn = deflate_connect("STREAMS", "/sink?extensions=permessage-deflate", options);
    start = cpu_ms();
    for (int i = 0; i < COUNT; i++)
        CHECK_OK(wsline_conn_send_binary(conn, payload_lines().block, LEN));
    ordinary = cpu_ms() - start;
    start = cpu_ms();
    for (int i = 0; i < COUNT; i++) CHECK_OK(wsline_conn_send_prepared(conn, prepared));
    once = cpu_ms() - start;
    CHECK_RANGE(0, ordinary / 4, once);
    for (int i = 0; i < 2 * COUNT; i++) {
        wsline_message message;

        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK_INT(LEN, report_number((const char *)message.data, "length"));
        CHECK_INT(payload_adler32(1, payload_lines().block, LEN),
                  report_number((const char *)message.data, "adler32"));
    }
    peer_hang_up(conn);
    wsline_prepared_free(prepared);
}

/* ---- the time that compression takes ---- */

struct sending {
    wsline_conn *conn;
    const wsline_prepared *prepared;
    wsline_status status;
    pthread_t thread;
};

static void *send_once(void *argument) {
    struct sending *sending = argument;

    sending->status = wsline_conn_send_prepared(sending->conn, sending->prepared);
    return NULL;
}

static wsline_conn *compressing_well(int64_t send_timeout_ms) {
    wsline_options *options = deflate_options();

    CHECK_OK(wsline_options_set_deflate_level(options, 9));
    CHECK_OK(wsline_options_set_send_timeout_ms(options, send_timeout_ms));
    return deflate_connect("FAULTS", "/swallow?extensions=permessage-deflate", options);
}

/* Compressing this many letters takes seconds. */
static wsline_prepared *prepare_letters(void) {
    size_t len = check_scaled(64, 8) << 20;
    char *letters = malloc(len);
    wsline_prepared *prepared;
    uint32_t state = 1;

    REQUIRE(letters != NULL);
    for (size_t i = 0; i < len; i++) {
        state = state * 1103515245 + 12345;
        letters[i] = (char)('a' + (state >> 24) % 8);
    }
    prepared = prepare(WSLINE_OPCODE_BINARY, letters, len);
    free(letters);
    return prepared;
}

static void deadlines_end_compressing_and_waiting_for_it(void) {
    wsline_prepared *prepared = prepare_letters();
    wsline_conn *late = compressing_well(100);
    struct sending first = {.conn = compressing_well(WSLINE_FOREVER), .prepared = prepared};
    struct sending second = {.conn = compressing_well(WSLINE_FOREVER), .prepared = prepared};

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_send_prepared(late, prepared));
    first.thread = thread_start(send_once, &first);
    /* Another thread is now compressing it. */
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_send_prepared(late, prepared));
    second.thread = thread_start(send_once, &second);
    for (int i = 0; i < 50; i++) clock_pause();
    CHECK_OK(wsline_conn_abort(second.conn));
    thread_join(second.thread);
    CHECK_STATUS(WSLINE_ERR_ABORTED, second.status);
    /* It is still compressing: nobody has waited for it to finish. */
    CHECK_OK(wsline_conn_abort(first.conn));
    thread_join(first.thread);
    CHECK_STATUS(WSLINE_ERR_ABORTED, first.status);
    /* A call that timed out has sent nothing. */
    CHECK_OK(wsline_conn_send_text(late, "x", 1));
    wsline_conn_free(first.conn);
    wsline_conn_free(second.conn);
    peer_hang_up(late);
    wsline_prepared_free(prepared);
}

/* ---- apps ---- */

static void take_echoes(struct record *record, wsline_app *app, char letter) {
    const char *text = record->more;

    if (letter != 'm') return;
    CHECK_BYTES(text, 5000, record->message.data, record->message.len);
    if (record_count(record, 'm') == 50) CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void apps_send_it_and_it_may_be_freed_at_once(void) {
    static const char *const peers[] = {"WS", "DEFLATE_WS", "DEFLATE_WEBSOCKETS_TLS"};
    char *text = text_of(5000);

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct record record;
        wsline_options *options = deflate_options();
        wsline_app *app = app_make(peers[i], "/", options, &record);

        check_row(peers[i]);
        wsline_options_free(options);
        record.then = take_echoes;
        record.more = text;
        CHECK_OK(wsline_app_start(app));
        REQUIRE(record_wait(&record, 'o', 1));
        for (int k = 0; k < 50; k++) {
            wsline_prepared *prepared = prepare(WSLINE_OPCODE_TEXT, text, 5000);

            CHECK_OK(wsline_app_send_prepared(app, prepared));
            wsline_prepared_free(prepared);
        }
        CHECK_OK(wsline_app_join(app, WAIT_MS));
        CHECK_INT(50, record_count(&record, 'm'));
        wsline_app_free(app);
    }
    free(text);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(bad_arguments_are_rejected),
        TEST(one_message_can_be_sent_on_all_connections),
        TEST(threads_send_it_at_the_same_time),
        TEST(threads_send_it_on_one_connection),
        TEST(every_frame_has_its_own_key),
        TEST(a_short_one_is_sent_uncompressed),
        TEST(it_is_compressed_once),
        TEST(deadlines_end_compressing_and_waiting_for_it),
        TEST(apps_send_it_and_it_may_be_freed_at_once),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
