/* SPDX-License-Identifier: Apache-2.0 */
/* How soon an app or a loop ends when another thread ends it, in every phase. */
#include "app.h"

enum { ROUNDS_MAX = 51 };

static int compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/* Prints the median and the maximum. */
static void report(const char *what, int64_t *us, size_t count) {
    qsort(us, count, sizeof *us, compare);
    printf("     %s: %" PRId64 " us, at worst %" PRId64 " us\n", what, us[count / 2],
           us[count - 1]);
}

static wsline_status close_normally(wsline_app *app) {
    return wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
}

/* `end` is called after the callback `after`, or after a while if there is none. */
static void measure(const char *what, const char *peer, const char *path, char after,
                    wsline_status (*end)(wsline_app *app), wsline_status want) {
    int64_t us[ROUNDS_MAX];
    size_t rounds = check_scaled(ROUNDS_MAX, 3);

    for (size_t i = 0; i < rounds; i++) {
        struct record record;
        wsline_options *options = peer_options();
        wsline_app *app;
        struct stopwatch start;

        app_reconnect(options, 60000, 60000, 1, 0, 0);
        app = app_make(peer, path, options, &record);
        wsline_options_free(options);
        CHECK_OK(wsline_app_start(app));
        if (after != '\0') REQUIRE(record_wait(&record, after, 1));
        start = stopwatch_start();
        CHECK_OK(end(app));
        CHECK_STATUS(want, wsline_app_join(app, WAIT_MS));
        us[i] = clock_us() - start.start_us;
        CHECK_TOOK(0, start);
        wsline_app_free(app);
    }
    report(what, us, rounds);
}

static void an_app_ends_at_once(void) {
    measure("abort while open", "WEBSOCKETS", "", 'o', wsline_app_abort, WSLINE_ERR_ABORTED);
    measure("abort while connecting", "FAULTS", "/hang", '\0', wsline_app_abort,
            WSLINE_ERR_ABORTED);
    measure("abort while waiting", "WEBSOCKETS", "/status?code=500", 'e', wsline_app_abort,
            WSLINE_ERR_ABORTED);
    measure("close while open, with the server's answer", "WEBSOCKETS", "", 'o', close_normally,
            WSLINE_OK);
    measure("close while connecting", "FAULTS", "/hang", '\0', close_normally, WSLINE_OK);
    measure("close while waiting", "WEBSOCKETS", "/status?code=500", 'e', close_normally,
            WSLINE_OK);
}

static void *run_loop(void *loop) {
    CHECK_OK(wsline_loop_run(loop));
    return NULL;
}

static void a_loop_stops_at_once(void) {
    struct record record;
    wsline_loop *loop = NULL;
    wsline_app *app = app_make("WEBSOCKETS", "", NULL, &record);
    int64_t us[ROUNDS_MAX];
    size_t rounds = check_scaled(ROUNDS_MAX, 3);

    REQUIRE_OK(wsline_loop_new(&loop));
    CHECK_OK(wsline_loop_add(loop, app));
    for (size_t i = 0; i < rounds; i++) {
        pthread_t thread = thread_start(run_loop, loop);
        struct stopwatch start;

        REQUIRE(record_wait(&record, 'o', 1));
        start = stopwatch_start();
        CHECK_OK(wsline_loop_stop(loop));
        thread_join(thread);
        us[i] = clock_us() - start.start_us;
        CHECK_TOOK(0, start);
    }
    report("stop of a loop, with the end of its thread", us, rounds);
    wsline_app_free(app);
    wsline_loop_free(loop);
}

/* For a server that never answers: interval plus timeout, and the delay beyond them. */
static void a_dead_server_is_detected_on_time(void) {
    enum { INTERVAL_MS = 100, TIMEOUT_MS = 200 };
    int64_t us[ROUNDS_MAX];
    size_t rounds = check_scaled(11, 1);

    for (size_t i = 0; i < rounds; i++) {
        struct record record;
        wsline_options *options = peer_options();
        wsline_app *app;
        struct stopwatch start;

        REQUIRE_OK(wsline_options_set_ping(options, INTERVAL_MS, TIMEOUT_MS));
        app = app_make("FAULTS", "/stall", options, &record);
        wsline_options_free(options);
        CHECK_OK(wsline_app_start(app));
        REQUIRE(record_wait(&record, 'o', 1));
        start = stopwatch_start();
        CHECK_STATUS(WSLINE_ERR_PONG_TIMEOUT, wsline_app_join(app, WAIT_MS));
        us[i] = clock_us() - start.start_us - (INTERVAL_MS + TIMEOUT_MS) * 1000;
        CHECK_RANGE(0, INTERVAL_MS + TIMEOUT_MS + stopwatch_slack_ms(start), stopwatch_ms(start));
        us[i] = us[i] < 0 ? 0 : us[i];
        wsline_app_free(app);
    }
    report("a dead server, beyond interval and timeout", us, rounds);
}

static const struct test tests[] = {
    TEST(an_app_ends_at_once),
    TEST(a_loop_stops_at_once),
    TEST(a_dead_server_is_detected_on_time),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
