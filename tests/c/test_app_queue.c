/* SPDX-License-Identifier: Apache-2.0 */
/* Sending with an app: from any thread, in order, into a bounded queue. */
#include "app.h"
#include "drivers.h"
#include "gate.h"
#include "message.h"

#include <time.h>

enum { MIB = 1024 * 1024 };

static const char *const faulting[] = {"FAULTS", "FAULTS_TLS"};

static wsline_options *with_limit(uint64_t bytes) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, bytes));
    return options;
}

/* Sends until the queue is full; returns the number of queued messages. */
static unsigned fill(wsline_app *app, const void *data, size_t len) {
    unsigned sent = 0;
    wsline_status status;

    while ((status = wsline_app_send_binary(app, data, len)) == WSLINE_OK) sent++;
    CHECK_STATUS(WSLINE_ERR_WOULD_BLOCK, status);
    CHECK_HAS("send queue already holds", wsline_last_error_message());
    return sent;
}

static void a_full_queue_rejects_and_reports_when_it_has_drained(void) {
    enum { ROUNDS = 3 };
    char *data = calloc(1, MIB / 4);

    REQUIRE(data != NULL);
    for (size_t i = 0; i < COUNT_OF(faulting); i++) {
        struct record record;
        wsline_options *options = with_limit(MIB);
        struct gate gate = gate_new(faulting[i]);
        char path[256];
        /* Each time it reads at least half of the socket buffers, then nothing until the gate opens
         * again. */
        wsline_app *app = app_make(
            faulting[i], gate_path(&gate, "/read-by-gates?n=3&frames=8&", path), options, &record);

        check_row(faulting[i]);
        wsline_options_free(options);
        CHECK_OK(wsline_app_start(app));
        REQUIRE(record_wait(&record, 'o', 1));
        for (unsigned round = 1; round <= ROUNDS; round++) {
            CHECK(fill(app, data, MIB / 4) > 0);
            CHECK_INT(round - 1, record_count(&record, 'w'));
            gate_open(&gate);
            REQUIRE(record_wait(&record, 'w', round));
            CHECK(wsline_app_send_queue_bytes(app) <= MIB / 2);
            CHECK_INT(round, record_count(&record, 'w'));
        }
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
        CHECK_OK(wsline_app_join(app, WAIT_MS));
        CHECK_INT(0, record.close.unsent_messages);
        wsline_app_free(app);
    }
    free(data);
}

static void an_empty_queue_accepts_one_message_of_any_size(void) {
    struct record record;
    wsline_options *options = with_limit(1);
    size_t len = check_scaled(8, 2) * MIB;
    char *text = text_of(len);
    wsline_app *app = app_make("WEBSOCKETS", "", options, &record);

    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    CHECK_OK(wsline_app_send_text(app, text, len));
    REQUIRE(record_wait(&record, 'm', 1));
    CHECK_INT(len, record.bytes);
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    wsline_app_free(app);
    free(text);
}

static void unsent_messages_are_reported(void) {
    struct record record;
    wsline_options *options = with_limit(64 * MIB);
    char *data = calloc(1, MIB);
    wsline_app *app = app_make("FAULTS", "/stall", options, &record);
    uint64_t buffered;

    wsline_options_free(options);
    REQUIRE(data != NULL);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    for (unsigned i = 0; i < 32; i++) CHECK_OK(wsline_app_send_binary(app, data, MIB));
    CHECK_OK(wsline_app_ping(app, "no message", 10));
    buffered = wsline_app_send_queue_bytes(app);
    CHECK_RANGE(16 * MIB, 32 * MIB + 1024, buffered);
    CHECK_OK(wsline_app_abort(app));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, WAIT_MS));
    CHECK_TEXT("oc", record.order);
    CHECK_RANGE(16, 32, record.close.unsent_messages);
    CHECK_INT(buffered, record.close.unsent_bytes);
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    wsline_app_free(app);
    free(data);
}

/* Numbered messages from several threads; the echoes of each thread arrive in order. */
enum { THREADS = 8 };

struct counting {
    wsline_app *app;
    struct record record;
    unsigned expected[THREADS];
    unsigned received;
    unsigned each;
};

struct counter {
    struct counting *counting;
    unsigned number;
    pthread_t thread;
};

static void *count_up(void *argument) {
    struct counter *counter = argument;
    struct counting *counting = counter->counting;

    for (unsigned i = 0; i < counting->each; i++) {
        /* Sizes on both sides of the buffer size. */
        static const size_t sizes[] = {16, 100, 2000, 70000, 300000};
        size_t len = sizes[(i + counter->number) % COUNT_OF(sizes)];
        char *data = malloc(len);

        REQUIRE(data != NULL);
        memset(data, (int)('a' + counter->number), len);
        snprintf(data, len, "%u %u ", counter->number, i);
        data[strlen(data)] = '.';
        while (wsline_app_send_text(counting->app, data, len) == WSLINE_ERR_WOULD_BLOCK)
            clock_pause();
        free(data);
    }
    return NULL;
}

static void count_along(wsline_app *app, const wsline_message *message, void *userdata) {
    struct counting *counting = userdata;
    unsigned number, i;

    (void)app;
    if (CHECK(sscanf((const char *)message->data, "%u %u", &number, &i) == 2) &&
        CHECK(number < THREADS)) {
        CHECK_INT(counting->expected[number], i);
        counting->expected[number]++;
        /* It contains nothing of another thread's message. */
        CHECK(message->data[message->len - 1] == 'a' + number);
    }
    if (++counting->received == counting->each * THREADS)
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void messages_from_many_threads_are_not_interleaved_and_keep_their_order(void) {
    for (size_t row = 0; row < COUNT_OF(peer_echo_servers); row++) {
        struct counting counting = {.each = (unsigned)check_scaled(200, 10)};
        struct counter counters[THREADS];
        wsline_options *options = with_limit(MIB);

        check_row(peer_echo_servers[row]);
        counting.app = app_make(peer_echo_servers[row], "", options, &counting.record);
        wsline_options_free(options);
        CHECK_OK(wsline_app_on_message(counting.app, count_along, &counting, NULL));
        CHECK_OK(wsline_app_start(counting.app));
        REQUIRE(record_wait(&counting.record, 'o', 1));
        for (unsigned i = 0; i < THREADS; i++) {
            counters[i] = (struct counter){.counting = &counting, .number = i};
            counters[i].thread = thread_start(count_up, &counters[i]);
        }
        for (unsigned i = 0; i < THREADS; i++) thread_join(counters[i].thread);
        CHECK_OK(wsline_app_join(counting.app, WAIT_MS * 10));
        CHECK_INT(counting.each * THREADS, counting.received);
        wsline_app_free(counting.app);
    }
}

static void *close_it(void *app) {
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_GOING_AWAY, "all at once"));
    return NULL;
}

static void ten_threads_that_close_send_one_close_frame(void) {
    size_t rounds = check_scaled(50, 5);

    for (size_t round = 0; round < rounds; round++) {
        struct record record;
        wsline_app *app = app_make("WEBSOCKETS", "", NULL, &record);
        pthread_t threads[10];

        CHECK_OK(wsline_app_start(app));
        if (round % 2 == 0) REQUIRE(record_wait(&record, 'o', 1));
        for (size_t i = 0; i < COUNT_OF(threads); i++) threads[i] = thread_start(close_it, app);
        for (size_t i = 0; i < COUNT_OF(threads); i++) thread_join(threads[i]);
        CHECK_OK(wsline_app_join(app, WAIT_MS));
        if (record_count(&record, 'o') == 1) {
            CHECK_TEXT("oc", record.order);
            CHECK_INT(WSLINE_CLOSE_GOING_AWAY, record.close.code);
            CHECK(record.close.clean);
        } else {
            CHECK_TEXT("", record.order);
        }
        wsline_app_free(app);
    }
}

static void a_close_waits_for_queued_messages(void) {
    struct record record;
    size_t messages = check_scaled(64, 8);
    wsline_options *options = with_limit(0);
    char *data = calloc(1, MIB / 4);
    wsline_app *app;

    REQUIRE(data != NULL);
    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, WAIT_MS));
    app = app_make("FAULTS", "/echo", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    for (size_t i = 0; i < messages; i++) CHECK_OK(wsline_app_send_binary(app, data, MIB / 4));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    /* The server has read everything, and everything it sent before its close frame was delivered.
     * */
    CHECK_INT(messages, record_count(&record, 'm'));
    CHECK_INT(0, record.close.unsent_messages);
    wsline_app_free(app);
    free(data);
}

/* While one thread masks and queues a large message, the loop answers pings and drives its other
 * apps. */
static void echo_again(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o' || letter == 'm')
        CHECK_OK(wsline_app_send_text(app, "again", WSLINE_NUL_TERMINATED));
}

static void *run_loop(void *loop) {
    CHECK_OK(wsline_loop_run(loop));
    return NULL;
}

static void a_large_send_does_not_stop_the_loop(void) {
    /* The scheduler may not run the driver during one whole send, so there are several attempts. */
    enum { ATTEMPTS = 10 };
    size_t len = check_scaled(64, 1) * MIB;
    char *data = calloc(1, len);
    struct record busy, other;
    wsline_options *options = with_limit(0);
    wsline_loop *loop = NULL;
    wsline_app *apps[2];
    unsigned seen = 0;
    pthread_t thread;

    REQUIRE(data != NULL);
    REQUIRE_OK(wsline_loop_new(&loop));
    /* The server reads nothing, so each of its pings arrives while the queue is not empty. */
    apps[0] = app_make("FAULTS", "/ping-flood?n=100000000", options, &busy);
    apps[1] = app_make("FAULTS", "/echo", options, &other);
    wsline_options_free(options);
    other.then = echo_again;
    for (size_t i = 0; i < COUNT_OF(apps); i++) CHECK_OK(wsline_loop_add(loop, apps[i]));
    thread = thread_start(run_loop, loop);
    REQUIRE(record_wait(&busy, 'i', 1));
    REQUIRE(record_wait(&other, 'm', 1));
    for (int i = 0; i < ATTEMPTS && seen < 2; i++) {
        unsigned before = record_count(&other, 'm');

        CHECK_OK(wsline_app_send_binary(apps[0], data, len));
        seen = record_count(&other, 'm') - before;
    }
    CHECK(seen >= 2 || check_slow());
    for (size_t i = 0; i < COUNT_OF(apps); i++) CHECK_OK(wsline_app_abort(apps[i]));
    thread_join(thread);
    for (size_t i = 0; i < COUNT_OF(apps); i++) wsline_app_free(apps[i]);
    wsline_loop_free(loop);
    free(data);
}

/* Flushing ------------------------------------------------------------------------------------ */

static void flush_inside(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o') CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_flush(app, 0));
}

struct flushing {
    struct record record;
    wsline_app *app;
    const char *data; /* 8 MiB */
};

static void *send_and_flush(void *argument) {
    struct flushing *flushing = argument;
    wsline_app *app = flushing->app;

    REQUIRE(record_wait(&flushing->record, 'o', 1));
    CHECK_OK(wsline_app_flush(app, 0));
    CHECK_OK(wsline_app_send_binary(app, flushing->data, 8 * MIB));
    CHECK_OK(wsline_app_flush(app, WAIT_MS));
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    CHECK_OK(wsline_app_cork(app));
    CHECK_OK(wsline_app_send_text(app, "corked", WSLINE_NUL_TERMINATED));
    CHECK(wsline_app_send_queue_bytes(app) > 0);
    CHECK_OK(wsline_app_flush(app, WSLINE_FOREVER));
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    return NULL;
}

static void a_flush_waits_until_everything_was_sent(void) {
    char *data = calloc(1, 8 * MIB);

    REQUIRE(data != NULL);
    for (size_t i = 0; i < COUNT_OF(drivers) * COUNT_OF(faulting); i++) {
        struct flushing flushing = {.data = data};
        const char *peer = faulting[i % COUNT_OF(faulting)];
        wsline_app *app = app_make(peer, "/swallow", NULL, &flushing.record);
        pthread_t thread;

        check_row(drivers[i / COUNT_OF(faulting)].name);
        flushing.app = app;
        flushing.record.then = flush_inside;
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_flush(app, 0));
        thread = thread_start(send_and_flush, &flushing);
        drivers[i / COUNT_OF(faulting)].drive(app);
        thread_join(thread);
        CHECK_INT(0, flushing.record.close.unsent_messages);
        wsline_app_free(app);
    }
    free(data);
}

static void *abort_soon(void *app) {
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    CHECK_OK(wsline_app_abort(app));
    return NULL;
}

static void a_flush_ends_in_time_and_with_the_connection(void) {
    struct record record;
    char *data = calloc(1, 8 * MIB);
    wsline_app *app = app_make("FAULTS", "/stall", NULL, &record);
    pthread_t thread;

    REQUIRE(data != NULL);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    CHECK_OK(wsline_app_send_binary(app, data, 8 * MIB));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_flush(app, 0));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_flush(app, 20));
    CHECK_HAS("bytes were not sent in time", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_flush(app, -3));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_flush(NULL, 0));
    REQUIRE(pthread_create(&thread, NULL, abort_soon, app) == 0);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_flush(app, WAIT_MS));
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, WAIT_MS));
    wsline_app_free(app);
    free(data);
}

static const struct test tests[] = {
    TEST(a_full_queue_rejects_and_reports_when_it_has_drained),
    TEST(an_empty_queue_accepts_one_message_of_any_size),
    TEST(unsent_messages_are_reported),
    TEST(messages_from_many_threads_are_not_interleaved_and_keep_their_order),
    TEST(ten_threads_that_close_send_one_close_frame),
    TEST(a_close_waits_for_queued_messages),
    TEST(a_large_send_does_not_stop_the_loop),
    TEST(a_flush_waits_until_everything_was_sent),
    TEST(a_flush_ends_in_time_and_with_the_connection),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
