/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that break in different ways: what an app reports, and that the next connection
 * works. */
#include "app.h"

#include <errno.h>

enum { DELAY_MS = 10, PING_MS = 100 };

/* An app that sends a greeting whenever it is open, and closes when a greeting is echoed after
 * `errors`. */
struct chaos {
    struct record record;
    wsline_app *app;
    const char *greeting;
    unsigned errors;
    int64_t opened_ms, failed_ms; /* measured in the callbacks, which is slightly late */
    wsline_close_info first_close;
};

static void greet(struct record *record, wsline_app *app, char letter) {
    struct chaos *chaos = record->more;

    if (letter == 'e') chaos->failed_ms = record->at_ms;
    if (letter == 'c' && record_count(record, 'c') == 1) chaos->first_close = record->close;
    if (letter == 'o' || letter == 'r') {
        if (letter == 'o') chaos->opened_ms = record->at_ms;
        CHECK_OK(wsline_app_send_text(app, chaos->greeting, WSLINE_NUL_TERMINATED));
    }
    if (letter == 'm' && record_count(record, 'e') >= chaos->errors)
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

/* Takes ownership of the options. Pongs arrive at any time, so they are not recorded. */
static void chaos_make(struct chaos *chaos, const char *path, wsline_options *options) {
    char url[PEER_URL_MAX];

    memset(chaos, 0, sizeof *chaos);
    record_init(&chaos->record);
    chaos->record.then = greet;
    chaos->record.more = chaos;
    chaos->greeting = "hello";
    chaos->errors = 1;
    peer_url(url, "CHAOS", path);
    CHECK_OK(wsline_app_new(url, options, &chaos->app));
    wsline_options_free(options);
    REQUIRE(chaos->app != NULL);
    app_listen(chaos->app, "ormec", &chaos->record);
}

static wsline_options *chaos_options(void) {
    wsline_options *options = peer_options();

    app_reconnect(options, DELAY_MS, 1000, 2, 0, 0);
    return options;
}

/* The last connection was good. */
static void check_well(const struct chaos *chaos) {
    CHECK_TEXT(chaos->greeting, chaos->record.text);
    CHECK_INT(WSLINE_CLOSE_NORMAL, chaos->record.close.code);
    CHECK(chaos->record.close.clean);
}

/* The echo of the greeting is a frame of 7 bytes, 2 of which are its header. */
static const struct fault {
    const char *path;
    const char *order;
    int phase;
    int os_errno;
    const char *part; /* a part of the message */
} faults[] = {
    {"/?drop=1&key=drop", "eomc", WSLINE_PHASE_UPGRADE, 0, "before its response was complete"},
    {"/?drop=3&key=drops", "eeeomc", WSLINE_PHASE_UPGRADE, 0, "before its response was complete"},
    {"/?cut-after=7&times=1&key=cut", "omecrmc", WSLINE_PHASE_OPEN, 0, "without a close frame"},
    {"/?cut-after=1&times=1&key=header", "oecrmc", WSLINE_PHASE_OPEN, 0, "without a close frame"},
    {"/?cut-after=2&times=1&key=between", "oecrmc", WSLINE_PHASE_OPEN, 0, "without a close frame"},
    {"/?cut-after=6&times=1&key=payload", "oecrmc", WSLINE_PHASE_OPEN, 0, "without a close frame"},
    {"/?drip=1&cut-after=5&times=1&key=drip", "oecrmc", WSLINE_PHASE_OPEN, 0,
     "without a close frame"},
    {"/?half-close-after=7&times=1&key=half", "omecrmc", WSLINE_PHASE_OPEN, 0,
     "without a close frame"},
    {"/?half-close-after=3&times=1&key=half-payload", "oecrmc", WSLINE_PHASE_OPEN, 0,
     "without a close frame"},
    {"/?reset-after=7&times=1&key=reset", "omecrmc", WSLINE_PHASE_OPEN, ECONNRESET, "reset"},
    {"/?reset-after=3&times=1&key=reset-payload", "oecrmc", WSLINE_PHASE_OPEN, ECONNRESET, "reset"},
};

static void a_broken_connection_is_reported_once_and_reconnected(void) {
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        const struct fault *fault = &faults[i];
        struct chaos chaos;

        check_row(fault->path);
        chaos_make(&chaos, fault->path, chaos_options());
        CHECK_OK(wsline_app_run(chaos.app));
        CHECK_TEXT(fault->order, chaos.record.order);
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, chaos.record.error.status);
        CHECK_INT(fault->phase, chaos.record.error.phase);
        CHECK_INT(fault->os_errno, chaos.record.error.os_errno);
        CHECK_HAS(fault->part, chaos.record.error_text);
        if (fault->phase == WSLINE_PHASE_OPEN) {
            CHECK_INT(DELAY_MS, chaos.record.error.retry_in_ms);
            CHECK_INT(WSLINE_CLOSE_ABNORMAL, chaos.first_close.code);
            CHECK_INT(WSLINE_SIDE_SERVER, chaos.first_close.closed_by);
            CHECK(!chaos.first_close.clean);
        }
        check_well(&chaos);
        wsline_app_free(chaos.app);
    }
}

static void a_server_that_falls_silent_is_detected_and_dropped(void) {
    static const struct {
        const char *path;
        const char *order;
    } rows[] = {
        {"/?stall-after=0&times=1&key=stall", "oecrmc"},
        {"/?stall-after=3&times=1&key=stall-payload", "oecrmc"},
        {"/?stall-after=7&times=1&key=stall-later", "omecrmc"},
    };
    int64_t timeout_ms = check_slow() ? 2000 : 200, noticed_ms = PING_MS + timeout_ms;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chaos chaos;
        wsline_options *options = chaos_options();
        struct stopwatch start;
        int64_t start_ms;

        check_row(rows[i].path);
        REQUIRE_OK(wsline_options_set_ping(options, PING_MS, timeout_ms));
        chaos_make(&chaos, rows[i].path, options);
        start = stopwatch_start();
        start_ms = clock_ms();
        CHECK_OK(wsline_app_run(chaos.app));
        CHECK_TEXT(rows[i].order, chaos.record.order);
        CHECK_STATUS(WSLINE_ERR_PONG_TIMEOUT, chaos.record.error.status);
        CHECK_INT(WSLINE_PHASE_OPEN, chaos.record.error.phase);
        CHECK(chaos.failed_ms - start_ms >= noticed_ms);
        CHECK(chaos.failed_ms - chaos.opened_ms <= noticed_ms + stopwatch_slack_ms(start));
        CHECK_INT(WSLINE_CLOSE_ABNORMAL, chaos.first_close.code);
        CHECK_INT(WSLINE_SIDE_CLIENT, chaos.first_close.closed_by);
        check_well(&chaos);
        wsline_app_free(chaos.app);
    }
}

/* The echo and the server's close frame arrive whole, however they are split. */
static void single_bytes_are_reassembled(void) {
    static const char *const paths[] = {"/?drip=1", "/?drip=2", "/?drip=3", "/?drip=127"};
    char greeting[201];

    memset(greeting, 'x', sizeof greeting - 1);
    greeting[sizeof greeting - 1] = '\0';
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct chaos chaos;

        check_row(paths[i]);
        chaos_make(&chaos, paths[i], chaos_options());
        chaos.greeting = greeting;
        chaos.errors = 0;
        CHECK_OK(wsline_app_run(chaos.app));
        CHECK_TEXT("omc", chaos.record.order);
        check_well(&chaos);
        wsline_app_free(chaos.app);
    }
}

static const struct refusal {
    const char *path;
    int code;
    bool always;
    int64_t retry_in_ms; /* -1: the app ends */
} refusals[] = {
    {"/?refuse=1&key=busy", 503, false, DELAY_MS},
    {"/?refuse=1&key=later&retry-after=1", 503, false, 1000},
    {"/?refuse=1&key=often&retry-after=1&code=429", 429, false, 1000},
    /* The server specifies the minimum delay, not the maximum. */
    {"/?refuse=1&key=now&retry-after=0", 503, false, DELAY_MS},
    {"/?refuse=1&key=no&code=403", 403, false, -1},
    {"/?refuse=1&key=no-and-yes&code=403", 403, true, DELAY_MS},
};

static void check_refusal(const struct refusal *refusal) {
    bool is_final = refusal->retry_in_ms < 0;
    struct chaos chaos;
    wsline_options *options = chaos_options();
    struct stopwatch start;
    int64_t start_ms;

    CHECK_OK(wsline_options_set_reconnect_always(options, refusal->always));
    chaos_make(&chaos, refusal->path, options);
    start = stopwatch_start();
    start_ms = clock_ms();
    CHECK_STATUS(is_final ? WSLINE_ERR_HTTP_STATUS : WSLINE_OK, wsline_app_run(chaos.app));
    CHECK_TEXT(is_final ? "e" : "eomc", chaos.record.order);
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, chaos.record.error.status);
    CHECK_INT(WSLINE_PHASE_UPGRADE, chaos.record.error.phase);
    CHECK_INT(refusal->code, chaos.record.error.http_status);
    CHECK_INT(refusal->retry_in_ms, chaos.record.error.retry_in_ms);
    CHECK_INT(is_final ? refusal->code : 101, wsline_app_http_status(chaos.app));
    if (!is_final) {
        CHECK(chaos.opened_ms - start_ms >= refusal->retry_in_ms);
        CHECK(chaos.opened_ms - chaos.failed_ms <=
              refusal->retry_in_ms + stopwatch_slack_ms(start));
        check_well(&chaos);
    }
    wsline_app_free(chaos.app);
}

static void a_rejection_decides_whether_and_when_to_retry(void) {
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        check_row(refusals[i].path);
        check_refusal(&refusals[i]);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_broken_connection_is_reported_once_and_reconnected),
        TEST(a_server_that_falls_silent_is_detected_and_dropped),
        TEST(single_bytes_are_reassembled),
        TEST(a_rejection_decides_whether_and_when_to_retry),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
