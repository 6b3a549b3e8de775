/* SPDX-License-Identifier: Apache-2.0 */
/* The events of apps: which come, in which order, and what they say. */
#include "app.h"
#include "drivers.h"
#include "event_log.h"

static wsline_app *observed_app(const char *peer, const char *path, wsline_options *options,
                                struct log *log) {
    char url[PEER_URL_MAX];

    peer_url(url, peer, path);
    REQUIRE_OK(wsline_app_new(url, options, &log->app));
    wsline_options_free(options);
    return log->app;
}

static void close_after_a_pong(struct log *log, const wsline_event *event) {
    CHECK(event->app == log->app);
    if (event->kind == WSLINE_EVENT_PONG)
        CHECK_OK(wsline_app_close(log->app, WSLINE_CLOSE_NORMAL, NULL));
}

static void an_app_is_observed_under_every_driver(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS"};

    for (size_t i = 0; i < COUNT_OF(peers) * COUNT_OF(drivers); i++) {
        struct log log;
        wsline_options *options = observed(peer_options(), &log);
        wsline_app *app;

        check_row(drivers[i / 2].name);
        CHECK_OK(wsline_options_set_ping(options, 20, 0));
        app = observed_app(peers[i % 2], "", options, &log);
        log.then = close_after_a_pong;
        drivers[i / 2].drive(app);
        /* More pings may have been sent before the first pong. */
        CHECK(strncmp(log.order, "CaOi", 4) == 0 && strchr(log.order, 'p') != NULL);
        CHECK_INT('E', log.order[strlen(log.order) - 1]);
        CHECK(seen(&log, WSLINE_EVENT_OPEN)->timings.finished);
        CHECK(seen(&log, WSLINE_EVENT_CLOSED)->close.clean);
        CHECK(seen(&log, WSLINE_EVENT_CLOSED)->event.error == NULL);
        CHECK(seen(&log, WSLINE_EVENT_CLOSED)->event.attempt == 1);
        CHECK(seen(&log, WSLINE_EVENT_CLOSED)->stats.frames_sent >= 2);
        wsline_app_free(app);
        CHECK_INT(1, log.released);
    }
}

static void reconnect_once(struct log *log, const wsline_event *event) {
    if (event->kind != WSLINE_EVENT_OPEN) return;
    if (event->reconnects == 0) {
        CHECK(event->attempt == 3);
        CHECK_OK(wsline_app_reconnect(log->app, WSLINE_CLOSE_NORMAL, NULL));
    } else {
        CHECK(event->attempt == 1);
        CHECK_OK(wsline_app_close(log->app, WSLINE_CLOSE_NORMAL, NULL));
    }
}

static void an_app_reports_its_waits_and_reconnects(void) {
    struct log log;
    wsline_options *options = observed(peer_options(), &log);
    wsline_app *app;
    char path[64];

    app_reconnect(options, 20, 20, 1, 0, 0);
    snprintf(path, sizeof path, "/?refuse=2&key=events-%d", (int)getpid());
    app = observed_app("CHAOS", path, options, &log);
    log.then = reconnect_once;
    CHECK_OK(wsline_app_run(app));
    CHECK_TEXT("CaXwCaXwCaOEwCaOE", log.order);
    CHECK_INT(503, seen(&log, WSLINE_EVENT_CONNECT_FAILED)->error.http_status);
    CHECK(seen(&log, WSLINE_EVENT_CONNECT_FAILED)->event.attempt == 2);
    CHECK_INT(20, seen(&log, WSLINE_EVENT_WAITING)->event.delay_ms);
    CHECK_INT(20, seen(&log, WSLINE_EVENT_CONNECT_FAILED)->error.retry_in_ms);
    CHECK(seen(&log, WSLINE_EVENT_WAITING)->event.attempt == 1);
    CHECK(seen(&log, WSLINE_EVENT_WAITING)->event.reconnects == 1);
    CHECK(seen(&log, WSLINE_EVENT_CLOSED)->event.reconnects == 1);
    wsline_app_free(app);
    CHECK_INT(1, log.released);
}

static void note_error(wsline_app *app, const wsline_error_info *info, void *retry_in_ms) {
    (void)app;
    *(int64_t *)retry_in_ms = info->retry_in_ms;
}

static void send_and_close(struct log *log, const wsline_event *event) {
    switch (event->kind) {
    case WSLINE_EVENT_OPEN:
        CHECK_OK(wsline_app_send_text(log->app, "hello", 5));
        break;
    case WSLINE_EVENT_CLOSED:
    case WSLINE_EVENT_CONNECT_FAILED:
        CHECK_INT(17, event->error->retry_in_ms);
        CHECK_OK(wsline_app_close(log->app, WSLINE_CLOSE_NORMAL, NULL));
        break;
    default:
        break;
    }
}

static void the_end_of_a_connection_may_close_the_app(void) {
    static const struct {
        const char *peer, *path, *order;
    } rows[] = {
        {"CHAOS", "/?reset-after=1", "CaOE"},
        {"FAULTS", "/status?code=503", "CaX"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct log log;
        wsline_options *options = observed(peer_options(), &log);
        wsline_app *app;
        int64_t retry_in_ms = 0;

        check_row(rows[i].order);
        app_reconnect(options, 17, 17, 1, 0, 0);
        app = observed_app(rows[i].peer, rows[i].path, options, &log);
        CHECK_OK(wsline_app_on_error(app, note_error, &retry_in_ms, NULL));
        log.then = send_and_close;
        CHECK_OK(wsline_app_run(app));
        CHECK_TEXT(rows[i].order, log.order);
        CHECK_INT(-1, retry_in_ms);
        wsline_app_free(app);
    }
}

static void abort_at_address(struct log *log, const wsline_event *event) {
    if (event->kind == WSLINE_EVENT_ADDRESS) CHECK_OK(wsline_app_abort(log->app));
}

static void see_the_phase(struct log *log, const wsline_event *event) {
    abort_at_address(log, event);
    if (event->kind != WSLINE_EVENT_CONNECT_FAILED) return;
    CHECK_INT(WSLINE_ERR_ABORTED, event->error->status);
    CHECK_INT(WSLINE_PHASE_CONNECT, event->error->phase);
    CHECK_INT(WSLINE_PHASE_CONNECT, event->timings->phase);
}

static void an_abort_names_the_phase(void) {
    struct log log;
    wsline_app *app = observed_app("FAULTS", "/hang", observed(peer_options(), &log), &log);

    log.then = see_the_phase;
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_run(app));
    CHECK_TEXT("CaX", log.order);
    wsline_app_free(app);
}

/* An app ends with its loop. */
static void an_app_is_observed_until_its_loop_is_freed(void) {
    static const struct {
        const char *peer, *path, *until, *order;
    } rows[] = {
        {"WEBSOCKETS", "", "CaO", "CaOE"},
        {"FAULTS", "/hang", "Ca", "CaX"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct log log;
        wsline_options *options = observed(peer_options(), &log);
        wsline_app *app = observed_app(rows[i].peer, rows[i].path, options, &log);
        wsline_loop *loop = NULL;
        const struct seen *closed = seen(&log, WSLINE_EVENT_CLOSED);

        check_row(rows[i].order);
        REQUIRE_OK(wsline_loop_new(&loop));
        CHECK_OK(wsline_loop_add(loop, app));
        while (strcmp(log.order, rows[i].until) != 0)
            if (!CHECK_OK(wsline_loop_run_once(loop, WAIT_MS))) break;
        wsline_loop_free(loop);
        CHECK_TEXT(rows[i].order, log.order);
        if (i == 0) {
            CHECK(closed->event.app == app);
            CHECK_INT(WSLINE_ERR_ABORTED, closed->error.status);
            CHECK_INT(WSLINE_CLOSE_ABNORMAL, closed->close.code);
            CHECK(closed->stats.bytes_received > 0);
        }
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, 0));
        wsline_app_free(app);
        CHECK_TEXT(rows[i].order, log.order);
    }
}

static void free_at_end(struct log *log, const wsline_event *event) {
    if (event->kind == WSLINE_EVENT_CLOSED) wsline_app_free(log->app);
}

static void an_app_may_be_freed_at_the_end_of_its_loop(void) {
    struct log log;
    wsline_app *app = observed_app("WEBSOCKETS", "", observed(peer_options(), &log), &log);
    wsline_loop *loop = NULL;

    log.then = free_at_end;
    REQUIRE_OK(wsline_loop_new(&loop));
    CHECK_OK(wsline_loop_add(loop, app));
    while (strcmp(log.order, "CaO") != 0)
        if (!CHECK_OK(wsline_loop_run_once(loop, WAIT_MS))) break;
    wsline_loop_free(loop);
    CHECK_TEXT("CaOE", log.order);
    CHECK_INT(1, log.released);
}

static void abort_at_open(struct log *log, const wsline_event *event) {
    if (event->kind == WSLINE_EVENT_OPEN) CHECK_OK(wsline_app_abort(log->app));
}

static void free_at_open(struct log *log, const wsline_event *event) {
    if (event->kind == WSLINE_EVENT_OPEN) wsline_app_free(log->app);
}

static void free_at_address(struct log *log, const wsline_event *event) {
    if (event->kind == WSLINE_EVENT_ADDRESS) wsline_app_free(log->app);
}

static void a_callback_may_abort_and_free_its_app(void) {
    static const struct {
        const char *name;
        void (*then)(struct log *log, const wsline_event *event);
        const char *order;
    } rows[] = {
        {"abort while connecting", abort_at_address, "CaX"},
        {"abort", abort_at_open, "CaOE"},
        /* The app is not named any more. */
        {"free while connecting", free_at_address, "Ca"},
        {"free", free_at_open, "CaO"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct log log;
        wsline_app *app = observed_app("WEBSOCKETS", "", observed(peer_options(), &log), &log);

        check_row(rows[i].name);
        log.then = rows[i].then;
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_run(app));
        CHECK_TEXT(rows[i].order, log.order);
        if (strncmp(rows[i].name, "abort", 5) == 0) wsline_app_free(app);
        CHECK_INT(1, log.released);
    }
}

static const struct test tests[] = {
    TEST(an_app_is_observed_under_every_driver),
    TEST(an_app_reports_its_waits_and_reconnects),
    TEST(the_end_of_a_connection_may_close_the_app),
    TEST(an_abort_names_the_phase),
    TEST(an_app_is_observed_until_its_loop_is_freed),
    TEST(an_app_may_be_freed_at_the_end_of_its_loop),
    TEST(a_callback_may_abort_and_free_its_app),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
