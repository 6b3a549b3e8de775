/* SPDX-License-Identifier: Apache-2.0 */
/* Pausing an app: nothing is read, memory and keepalive hold, and the loop is not busy. */
#include "app.h"
#include "drivers.h"

#include <poll.h>
#include <time.h>

static void sleep_ms(long ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static const char *const flooding[] = {"FAULTS", "FAULTS_TLS"};
enum { MESSAGES = 400, PAUSE_MS = 150 };

static void pause_at_the_first(struct record *record, wsline_app *app, char letter) {
    if (letter == 'm' && record_count(record, 'm') == 1) CHECK_OK(wsline_app_pause(app));
    if (letter == 'm' && record_count(record, 'm') == MESSAGES)
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void resume(wsline_app *app, void *userdata) {
    CHECK_INT(1, record_count(userdata, 'm'));
    CHECK_OK(wsline_app_resume(app));
}

static void pause_for_a_while(struct record *record, wsline_app *app, char letter) {
    pause_at_the_first(record, app, letter);
    if (letter == 'm' && record_count(record, 'm') == 1)
        CHECK_OK(wsline_app_post_after(app, 30, resume, record, NULL, NULL));
}

static void a_timer_resumes_under_every_driver(void) {
    for (size_t i = 0; i < COUNT_OF(drivers) * COUNT_OF(flooding); i++) {
        struct record record;
        wsline_app *app =
            app_make(flooding[i % COUNT_OF(flooding)], "/flood?n=400&size=1000", NULL, &record);

        check_row(drivers[i / COUNT_OF(flooding)].name);
        record.then = pause_for_a_while;
        drivers[i / COUNT_OF(flooding)].drive(app);
        CHECK_INT(MESSAGES, record_count(&record, 'm'));
        CHECK(record.close.clean);
        wsline_app_free(app);
    }
}

static uint64_t bytes_received(wsline_app *app) {
    wsline_stats stats;

    CHECK_OK(wsline_app_stats(app, &stats));
    return stats.bytes_received;
}

static void nothing_is_read_or_delivered_during_a_pause(void) {
    for (size_t i = 0; i < COUNT_OF(flooding); i++) {
        struct record record;
        uint64_t bytes;
        wsline_app *app = app_make(flooding[i], "/flood?n=400&size=65000", NULL, &record);

        check_row(flooding[i]);
        record.then = pause_at_the_first;
        CHECK_OK(wsline_app_start(app));
        CHECK(record_wait(&record, 'm', 1));
        sleep_ms(20);
        bytes = bytes_received(app);
        CHECK(bytes < 4 * 1024 * 1024);
        sleep_ms(PAUSE_MS);
        CHECK_INT(1, record_count(&record, 'm'));
        CHECK_INT(bytes, bytes_received(app));
        CHECK_OK(wsline_app_resume(app));
        CHECK_OK(wsline_app_join(app, WAIT_MS));
        CHECK_INT(MESSAGES, record_count(&record, 'm'));
        CHECK(record.close.clean);
        wsline_app_free(app);
    }
}

static void pause_when_open(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o') CHECK_OK(wsline_app_pause(app));
}

static void keepalive_does_not_drop_a_paused_connection(void) {
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_ping(options, 20, 20));
    app = app_make("WEBSOCKETS", "/", options, &record);
    record.then = pause_when_open;
    CHECK_OK(wsline_app_start(app));
    CHECK(record_wait(&record, 'o', 1));
    sleep_ms(PAUSE_MS);
    CHECK(wsline_app_is_open(app));
    CHECK_INT(-1, wsline_app_rtt_us(app));
    CHECK_OK(wsline_app_send_text(app, "as usual", WSLINE_NUL_TERMINATED));
    CHECK_OK(wsline_app_resume(app));
    CHECK(record_wait(&record, 'm', 1));
    CHECK(record_wait(&record, 'p', 1)); /* a pong: pings are sent again */
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    CHECK_INT(0, record_count(&record, 'e'));
    wsline_app_free(app);
    wsline_options_free(options);
}

static void closing_ends_the_pause(void) {
    for (size_t i = 0; i < COUNT_OF(flooding); i++) {
        struct record record;
        wsline_app *app = app_make(flooding[i], "/flood?n=40&size=65000", NULL, &record);

        check_row(flooding[i]);
        record.then = pause_when_open;
        CHECK_OK(wsline_app_start(app));
        CHECK(record_wait(&record, 'o', 1));
        sleep_ms(20);
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
        CHECK_OK(wsline_app_join(app, WAIT_MS));
        /* What had been sent before the server's close frame is delivered. */
        CHECK_INT(40, record_count(&record, 'm'));
        CHECK(record.close.clean);
        wsline_app_free(app);
    }
}

/* A server that has gone makes its socket report that all the time. */
static void the_loop_sleeps_while_a_dead_connection_is_paused(void) {
    static const char *const paths[] = {"/eof-after-101", "/rst-after-101"};

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct record record;
        wsline_loop *loop = NULL;
        struct pollfd fd = {.events = POLLIN};
        wsline_app *app = app_make("FAULTS", paths[i], NULL, &record);

        check_row(paths[i]);
        record.then = pause_when_open;
        REQUIRE_OK(wsline_loop_new(&loop));
        CHECK_OK(wsline_loop_add(loop, app));
        while (record_count(&record, 'o') == 0) CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
        sleep_ms(50);
        for (int turn = 0; turn < 3; turn++) CHECK_OK(wsline_loop_run_once(loop, 0));
        fd.fd = wsline_loop_fd(loop);
        CHECK_INT(0, poll(&fd, 1, 50));
        CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(loop));
        CHECK_INT(0, record_count(&record, 'e'));
        CHECK_OK(wsline_app_resume(app));
        while (wsline_app_is_running(app)) CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_app_join(app, 0));
        CHECK_TEXT("oec", record.order);
        wsline_app_free(app);
        wsline_loop_free(loop);
    }
}

static void a_connection_that_opens_during_a_pause_is_paused(void) {
    struct record record;
    wsline_app *app = app_make("FAULTS", "/flood?n=3&size=10", NULL, &record);

    CHECK_OK(wsline_app_pause(app));
    CHECK_OK(wsline_app_start(app));
    CHECK(record_wait(&record, 'o', 1));
    sleep_ms(50);
    CHECK_INT(0, record_count(&record, 'm'));
    CHECK_OK(wsline_app_resume(app));
    CHECK_OK(wsline_app_resume(app));
    CHECK(record_wait(&record, 'm', 3));
    CHECK_OK(wsline_app_abort(app));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, WAIT_MS));
    wsline_app_free(app);
}

static void a_paused_app_may_be_aborted_or_freed(void) {
    struct record record;
    wsline_app *app = app_make("FAULTS", "/flood?n=400&size=65000", NULL, &record);

    record.then = pause_when_open;
    CHECK_OK(wsline_app_start(app));
    CHECK(record_wait(&record, 'o', 1));
    CHECK_OK(wsline_app_abort(app));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, WAIT_MS));
    wsline_app_free(app);
    app = app_make("FAULTS", "/flood?n=400&size=65000", NULL, &record);
    record.then = pause_when_open;
    CHECK_OK(wsline_app_start(app));
    CHECK(record_wait(&record, 'o', 1));
    wsline_app_free(app);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_pause(NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_resume(NULL));
}

static const struct test tests[] = {
    TEST(nothing_is_read_or_delivered_during_a_pause),
    TEST(a_timer_resumes_under_every_driver),
    TEST(keepalive_does_not_drop_a_paused_connection),
    TEST(closing_ends_the_pause),
    TEST(the_loop_sleeps_while_a_dead_connection_is_paused),
    TEST(a_connection_that_opens_during_a_pause_is_paused),
    TEST(a_paused_app_may_be_aborted_or_freed),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
