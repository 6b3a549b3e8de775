/* SPDX-License-Identifier: Apache-2.0 */
/* Compression with concurrency: threads on one connection, connections on many threads, apps. */
#include "app.h"
#include "deflate.h"
#include "gate.h"

#include <sys/socket.h>

enum { THREADS = 4 };

/* A message that identifies its sender, in text that compresses. */
static size_t numbered(char *text, size_t size, unsigned thread, unsigned number) {
    size_t len = (size_t)snprintf(text, size, "thread %u message %u ", thread, number);
    unsigned words = (number * 7 + thread) % 60;

    for (unsigned i = 0; i < words; i++)
        len += (size_t)snprintf(text + len, size - len, "%u again and ", (number + i) % 13);
    return len;
}

struct crew {
    wsline_conn *conn;
    unsigned count;
};

struct hand {
    struct crew *crew;
    unsigned thread;
};

static void *send_numbered(void *argument) {
    struct hand *hand = argument;
    char text[2048];

    for (unsigned i = 0; i < hand->crew->count; i++) {
        int32_t plain = i % 5 == 4 ? WSLINE_SEND_UNCOMPRESSED : 0;
        size_t len = numbered(text, sizeof text, hand->thread, i);

        REQUIRE_OK(wsline_conn_send(hand->crew->conn, WSLINE_OPCODE_TEXT | plain, text, len));
        if (i % 10 == 0) CHECK_OK(wsline_conn_ping(hand->crew->conn, text, 8));
    }
    return NULL;
}

static void threads_share_one_context(const char *peer) {
    struct crew crew = {deflate_connect(peer, "/", deflate_options()),
                        (unsigned)check_scaled(250, 40)};
    struct hand hands[THREADS];
    pthread_t threads[THREADS];
    unsigned next[THREADS] = {0};
    struct report report = {.asked = 0};

    for (unsigned i = 0; i < THREADS; i++) {
        hands[i] = (struct hand){&crew, i};
        threads[i] = thread_start(send_numbered, &hands[i]);
    }
    for (unsigned i = 0; i < THREADS * crew.count; i++) {
        wsline_message message;
        char want[2048];
        unsigned thread;

        REQUIRE_OK(wsline_conn_recv(crew.conn, WAIT_MS, &message));
        REQUIRE(sscanf((const char *)message.data, "thread %u", &thread) == 1 && thread < THREADS);
        CHECK_BYTES(want, numbered(want, sizeof want, thread, next[thread]), message.data,
                    message.len);
        next[thread]++;
    }
    for (unsigned i = 0; i < THREADS; i++) thread_join(threads[i]);
    report_get(crew.conn, &report);
    CHECK_INT(THREADS * crew.count, report.messages);
    CHECK_INT(THREADS * crew.count / 5 * 4, report.compressed);
    peer_hang_up(crew.conn);
}

static void messages_from_many_threads_stay_whole(void) {
    for (size_t i = 0; i < COUNT_OF(deflate_servers); i++) {
        check_row(deflate_servers[i]);
        threads_share_one_context(deflate_servers[i]);
    }
}

static void *echo_alone(void *argument) {
    const wsline_options *options = argument;

    for (size_t i = 0; i < COUNT_OF(deflate_servers); i++) {
        wsline_conn *conn = peer_connect(deflate_servers[i], "/", options);
        char text[2048];

        for (unsigned number = 0; number < check_scaled(100, 10); number++)
            echo_message(conn, WSLINE_OPCODE_TEXT, text,
                         numbered(text, sizeof text, (unsigned)i, number));
        peer_hang_up(conn);
    }
    return NULL;
}

static void connections_on_many_threads_are_independent(void) {
    wsline_options *options = deflate_options();
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) threads[i] = thread_start(echo_alone, options);
    for (unsigned i = 0; i < THREADS; i++) thread_join(threads[i]);
    wsline_options_free(options);
}

/* ---- apps ---- */

/* Sends messages of several lengths, each after the echo of the previous one. */
struct course {
    size_t at;
};

/* Whole lines. */
static const size_t lengths[] = {15, 0, 300, 70005, 30, 900000, 135, 300};

static int32_t course_opcode(size_t at) {
    return at % 2 == 0 ? WSLINE_OPCODE_BINARY : WSLINE_OPCODE_TEXT;
}

static void course_step(wsline_app *app, struct course *course) {
    static const char question[] = "report";
    size_t at = course->at;

    if (at < COUNT_OF(lengths))
        CHECK_OK(wsline_app_send(app, course_opcode(at), payload_lines().block, lengths[at]));
    else if (at == COUNT_OF(lengths))
        CHECK_OK(wsline_app_send(app, WSLINE_OPCODE_TEXT | WSLINE_SEND_UNCOMPRESSED, question, 6));
    else
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void course_take(struct record *record, wsline_app *app, char letter) {
    struct course *course = record->more;

    if (letter == 'o') {
        course->at = 0;
        course_step(app, course);
    } else if (letter == 'm') {
        size_t at = course->at++;

        if (at < COUNT_OF(lengths)) {
            CHECK_INT(course_opcode(at), record->message.opcode);
            CHECK_BYTES(payload_lines().block, lengths[at], record->message.data,
                        record->message.len);
        } else {
            CHECK_INT(COUNT_OF(lengths) + 1,
                      report_number((const char *)record->message.data, "messages"));
            CHECK_INT(COUNT_OF(lengths) - 1,
                      report_number((const char *)record->message.data, "compressed"));
            CHECK_HAS("permessage-deflate", wsline_app_extensions(app));
        }
        course_step(app, course);
    }
}

static void an_app_compresses_on_each_of_its_connections(void) {
    for (size_t i = 0; i < COUNT_OF(deflate_servers); i++) {
        struct record record;
        struct course course = {0};
        wsline_options *options = deflate_options();
        wsline_app *app = app_make(deflate_servers[i], "/", options, &record);

        check_row(deflate_servers[i]);
        wsline_options_free(options);
        record.then = course_take;
        record.more = &course;
        /* The second connection starts with new contexts, or the server could not decompress. */
        for (int round = 0; round < 2; round++) {
            CHECK_OK(wsline_app_run(app));
            CHECK_INT(COUNT_OF(lengths) + 1, course.at);
            CHECK_INT(1000, record.close.code);
        }
        CHECK_INT(0, record_count(&record, 'e'));
        wsline_app_free(app);
    }
}

static void extensions_are_available_from_on_open(void) {
    struct record record;
    wsline_options *options = deflate_options();
    wsline_app *app = app_make("DEFLATE_WS", "/?client_max_window_bits=12", options, &record);

    wsline_options_free(options);
    CHECK_TEXT(NULL, wsline_app_extensions(NULL));
    CHECK_TEXT(NULL, wsline_app_extensions(app));
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    CHECK_TEXT("permessage-deflate; client_max_window_bits=12", wsline_app_extensions(app));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    CHECK_TEXT("permessage-deflate; client_max_window_bits=12", wsline_app_extensions(app));
    wsline_app_free(app);
}

static void other_threads_send_through_an_app(void) {
    struct record record;
    wsline_options *options = deflate_options();
    wsline_app *app = app_make("DEFLATE_WS", "/", options, &record);
    unsigned count = (unsigned)check_scaled(1000, 50);
    uint64_t bytes = 0;
    char text[2048];

    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    for (unsigned i = 0; i < count; i++) {
        size_t len = numbered(text, sizeof text, 0, i);

        bytes += len;
        if (i % 3 == 0) {
            REQUIRE_OK(wsline_app_send_fragment(app, WSLINE_OPCODE_TEXT, text, 5, false));
            CHECK_STATUS(WSLINE_ERR_BUSY, wsline_app_send_text(app, "x", 1));
            REQUIRE_OK(wsline_app_send_fragment(app, WSLINE_OPCODE_TEXT, text + 5, len - 5, true));
        } else {
            REQUIRE_OK(wsline_app_send_text(app, text, len));
        }
    }
    REQUIRE(record_wait(&record, 'm', count));
    CHECK_INT(bytes, record.bytes);
    CHECK(strncmp(text, record.text, 200) == 0);
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    wsline_app_free(app);
}

/* ---- full queues ---- */

/* Incompressible data for each number, and its checksum. */
static const uint8_t *noise_at(unsigned number, size_t len, uint32_t *adler) {
    const uint8_t *noise = payload_noise().block + number * 17 % 1000;

    *adler = payload_adler32(1, noise, len);
    return noise;
}

static void expect_from_sink(const wsline_message *message, unsigned number, size_t len) {
    uint32_t adler;

    noise_at(number, len, &adler);
    CHECK_INT(len, report_number((const char *)message->data, "length"));
    CHECK_INT(adler, report_number((const char *)message->data, "adler32"));
    CHECK_HAS("\"compressed\": true", (const char *)message->data);
}

#define LATE_SINK "/sink?extensions=permessage-deflate&"

/* The kernel may accept half of a frame, which ends the connection; then the test starts again. */
enum { ATTEMPTS = 100 };

/* A connection whose socket buffers are full, because the server does not read yet. */
static wsline_conn *connect_and_fill(unsigned *sent, struct gate *gate) {
    static const int small = 8192;
    wsline_options *options = deflate_options();
    wsline_status status = WSLINE_ERR_CONNECTION_LOST;
    wsline_conn *conn = NULL;
    char path[256];

    CHECK_OK(wsline_options_set_send_timeout_ms(options, 100));
    CHECK_OK(
        wsline_options_add_socket_option(options, SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
    /* Frames of eight bytes: the kernel hardly ever accepts half of one. */
    for (int attempt = 0; attempt < ATTEMPTS && status == WSLINE_ERR_CONNECTION_LOST; attempt++) {
        wsline_conn_free(conn);
        *gate = gate_new("STREAMS");
        conn = peer_connect("STREAMS", gate_path(gate, LATE_SINK, path), options);
        CHECK_OK(wsline_conn_send_binary(conn, payload_noise().block, 80));
        for (*sent = 0;
             (status = wsline_conn_send(conn, WSLINE_OPCODE_BINARY | WSLINE_SEND_UNCOMPRESSED, "xx",
                                        2)) == WSLINE_OK;)
            ++*sent;
    }
    REQUIRE_STATUS(WSLINE_ERR_TIMEOUT, status);
    wsline_options_free(options);
    return conn;
}

static int64_t take_length(wsline_conn *conn) {
    wsline_message message;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    return report_number((const char *)message.data, "length");
}

/* Later messages must not refer to one that was compressed but not sent. */
static void a_send_that_timed_out_does_not_enter_the_context(void) {
    unsigned sent, more = 0;
    struct gate gate;
    wsline_conn *conn = NULL;
    wsline_status status = WSLINE_ERR_CONNECTION_LOST;

    /* The kernel may have made room for more messages in the meantime. */
    for (int attempt = 0; attempt < ATTEMPTS && status == WSLINE_ERR_CONNECTION_LOST; attempt++) {
        wsline_conn_free(conn);
        conn = connect_and_fill(&sent, &gate);
        for (more = 0;
             (status = wsline_conn_send_binary(conn, payload_noise().block, 500)) == WSLINE_OK;)
            more++;
    }
    REQUIRE_STATUS(WSLINE_ERR_TIMEOUT, status);
    CHECK_OK(wsline_conn_set_timeout_ms(conn, WAIT_MS));
    gate_open(&gate);
    CHECK_INT(80, take_length(conn));
    for (unsigned i = 0; i < sent; i++) CHECK_INT(2, take_length(conn));
    for (unsigned i = 0; i < more; i++) CHECK_INT(500, take_length(conn));
    for (int i = 0; i < 5; i++) {
        wsline_message message;

        CHECK_OK(wsline_conn_send_binary(conn, payload_noise().block, 500));
        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        expect_from_sink(&message, 0, 500);
    }
    peer_hang_up(conn);
}

/* Sends until the queue is full, and continues when it has drained. */
struct giver {
    struct gate gate;
    unsigned sent, taken, refused;
};

enum { GIVEN = 400, GIVEN_BYTES = 60000 };

static void give(struct record *record, wsline_app *app, char letter) {
    struct giver *giver = record->more;
    uint32_t adler;

    if (letter == 'm') {
        expect_from_sink(&record->message, giver->taken++, GIVEN_BYTES);
        if (giver->taken == GIVEN) CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    }
    if (letter != 'o' && letter != 'w') return;
    while (giver->sent < GIVEN) {
        wsline_status status = wsline_app_send(
            app, WSLINE_OPCODE_BINARY, noise_at(giver->sent, GIVEN_BYTES, &adler), GIVEN_BYTES);

        if (status == WSLINE_ERR_WOULD_BLOCK) {
            /* The queue is full, so the server has no reason to wait any more. */
            if (giver->refused++ == 0) gate_open(&giver->gate);
            return;
        }
        REQUIRE_OK(status);
        giver->sent++;
    }
}

static void a_rejected_message_does_not_enter_the_context(void) {
    struct record record;
    struct giver giver = {.gate = gate_new("STREAMS")};
    wsline_options *options = deflate_options();
    wsline_app *app;
    char path[256];

    CHECK_OK(wsline_options_set_max_send_queue_bytes(options, 200000));
    app = app_make("STREAMS", gate_path(&giver.gate, LATE_SINK, path), options, &record);
    wsline_options_free(options);
    record.then = give;
    record.more = &giver;
    CHECK_OK(wsline_app_run(app));
    CHECK_INT(GIVEN, giver.taken);
    CHECK(giver.refused > 0);
    wsline_app_free(app);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(messages_from_many_threads_stay_whole),
        TEST(connections_on_many_threads_are_independent),
        TEST(an_app_compresses_on_each_of_its_connections),
        TEST(extensions_are_available_from_on_open),
        TEST(other_threads_send_through_an_app),
        TEST(a_send_that_timed_out_does_not_enter_the_context),
        TEST(a_rejected_message_does_not_enter_the_context),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
