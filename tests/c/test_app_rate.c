/* SPDX-License-Identifier: Apache-2.0 */
/* The send rate under every driver; test_app_clock_queue.c checks the times. */
#include "app.h"
#include "drivers.h"

enum { MESSAGES = 8, PER_RATE = 2, RATE_MS = 40 };

static const char *const echoing[] = {"FAULTS", "FAULTS_TLS"};

/* When each message was echoed. */
static int64_t echoed_at[MESSAGES];

static void send_all_at_once(struct record *record, wsline_app *app, char letter) {
    unsigned count = record_count(record, 'm'), number;
    char text[16];

    if (letter == 'o') {
        for (unsigned i = 0; i < MESSAGES; i++) {
            snprintf(text, sizeof text, "%u", i);
            CHECK_OK(wsline_app_send_text(app, text, WSLINE_NUL_TERMINATED));
        }
        CHECK(wsline_app_send_queue_bytes(app) > 0);
    } else if (letter == 'm') {
        REQUIRE(sscanf(record->text, "%u", &number) == 1);
        CHECK_INT(count - 1, number);
        echoed_at[number] = record->at_ms;
        if (count == MESSAGES) CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    }
}

static void messages_are_spread_over_time(void) {
    for (size_t i = 0; i < COUNT_OF(drivers) * COUNT_OF(echoing); i++) {
        struct record record;
        wsline_options *options = peer_options();
        wsline_app *app;
        int64_t begun = clock_ms();

        check_row(drivers[i / COUNT_OF(echoing)].name);
        REQUIRE_OK(wsline_options_set_send_rate(options, PER_RATE, RATE_MS));
        app = app_make(echoing[i % COUNT_OF(echoing)], "/echo", options, &record);
        wsline_options_free(options);
        record.then = send_all_at_once;
        drivers[i / COUNT_OF(echoing)].drive(app);
        CHECK_INT(MESSAGES, record_count(&record, 'm'));
        CHECK(record.close.clean);
        CHECK_INT(0, record.close.unsent_messages);
        /* An echo may be late, but none is early. */
        for (int number = 0; number < MESSAGES; number++)
            CHECK(echoed_at[number] - begun >= number / PER_RATE * RATE_MS);
        wsline_app_free(app);
    }
}

static void *flush_and_close(void *app) {
    CHECK_OK(wsline_app_flush(app, WAIT_MS));
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    return NULL;
}

static void a_flush_waits_for_the_rate(void) {
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_send_rate(options, PER_RATE, RATE_MS));
    app = app_make("FAULTS", "/echo", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    for (int i = 0; i < MESSAGES; i++) CHECK_OK(wsline_app_send_text(app, "text", 4));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_flush(app, 0));
    thread_join(thread_start(flush_and_close, app));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    CHECK_INT(MESSAGES, record_count(&record, 'm'));
    CHECK_INT(0, record.close.unsent_messages);
    wsline_app_free(app);
}

/* Any number of threads may send; each keeps its order, and the rate holds for all together. */
enum { THREADS = 4, EACH = 5 };

struct hand {
    wsline_app *app;
    unsigned number;
};

static void *send_each(void *argument) {
    struct hand *hand = argument;
    char text[16];

    for (unsigned i = 0; i < EACH; i++) {
        snprintf(text, sizeof text, "%u %u", hand->number, i);
        CHECK_OK(wsline_app_send_text(hand->app, text, WSLINE_NUL_TERMINATED));
    }
    return NULL;
}

static void check_order(struct record *record, wsline_app *app, char letter) {
    unsigned *next = record->more, thread, number;

    (void)app;
    if (letter != 'm') return;
    REQUIRE(sscanf(record->text, "%u %u", &thread, &number) == 2 && thread < THREADS);
    CHECK_INT(next[thread], number);
    next[thread]++;
}

static void the_rate_holds_for_all_threads_together(void) {
    struct record record;
    struct hand hands[THREADS];
    pthread_t threads[THREADS];
    unsigned next[THREADS] = {0};
    int64_t begun;
    wsline_options *options = peer_options();
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_send_rate(options, THREADS, RATE_MS));
    app = app_make("FAULTS", "/echo", options, &record);
    wsline_options_free(options);
    record.then = check_order;
    record.more = next;
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    begun = clock_ms();
    for (unsigned i = 0; i < THREADS; i++) {
        hands[i] = (struct hand){app, i};
        threads[i] = thread_start(send_each, &hands[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) thread_join(threads[i]);
    CHECK_OK(wsline_app_flush(app, WAIT_MS));
    CHECK(clock_ms() - begun >= (EACH - 1) * RATE_MS);
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    CHECK_INT(THREADS * EACH, record_count(&record, 'm'));
    wsline_app_free(app);
}

static const struct test tests[] = {
    TEST(messages_are_spread_over_time),
    TEST(a_flush_waits_for_the_rate),
    TEST(the_rate_holds_for_all_threads_together),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
