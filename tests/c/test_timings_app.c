/* SPDX-License-Identifier: Apache-2.0 */
/* How long the parts of an app's attempt to connect took, and where it failed. */
#include "app.h"
#include "drivers.h"
#include "proxy.h"
#include "timings.h"

static wsline_timings app_timings(const wsline_app *app) {
    wsline_timings timings;

    memset(&timings, 0xff, sizeof timings);
    CHECK_OK(wsline_app_timings(app, &timings));
    check_sum(&timings);
    return timings;
}

static void close_when_open(struct record *record, wsline_app *app, char letter) {
    wsline_timings timings = app_timings(app);

    (void)record;
    check_end(&timings, WSLINE_PHASE_OPEN);
    if (letter == 'o') CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void an_app_reports_its_last_attempt(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS"};

    for (size_t i = 0; i < COUNT_OF(peers) * COUNT_OF(drivers); i++) {
        struct record record;
        wsline_app *app = app_make(peers[i % 2], "", NULL, &record);
        wsline_timings timings;

        check_row(drivers[i / 2].name);
        record.then = close_when_open;
        drivers[i / 2].drive(app);
        timings = app_timings(app);
        check_end(&timings, WSLINE_PHASE_OPEN);
        CHECK_INT(i % 2, timings.tls_ns > 0);
        CHECK(timings.upgrade_ns > 0);
        CHECK_INT(1, timings.addresses_tried);
        wsline_app_free(app);
    }
}

static void an_app_takes_no_time_for_a_known_name(void) {
    wsline_options *options = peer_options();
    struct record record;
    wsline_app *app = NULL;
    char text[128];
    unsigned port = proxy_port("WEBSOCKETS");

    snprintf(text, sizeof text, "known.example:%u:127.0.0.1", port);
    CHECK_OK(wsline_options_add_resolve(options, text));
    snprintf(text, sizeof text, "ws://known.example:%u/", port);
    REQUIRE_OK(wsline_app_new(text, options, &app));
    wsline_options_free(options);
    record_init(&record);
    record.then = close_when_open;
    app_listen(app, "o", &record);
    CHECK_OK(wsline_app_run(app));
    CHECK(app_timings(app).lookup_ns == 0);
    wsline_app_free(app);
}

static void see_the_failure(struct record *record, wsline_app *app, char letter) {
    wsline_timings timings = app_timings(app);

    (void)record;
    CHECK_INT('e', letter);
    check_end(&timings, WSLINE_PHASE_UPGRADE);
    CHECK(timings.first_byte_ns > 0);
}

static void an_app_reports_a_failure_and_an_attempt_in_progress(void) {
    struct record record;
    wsline_app *app = app_make("FAULTS", "/status?code=401", NULL, &record);
    wsline_timings timings = {.phase = -1};

    record.then = see_the_failure;
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_app_run(app));
    CHECK_TEXT("e", record.order);
    wsline_app_free(app);

    app = app_make("FAULTS", "/hang", NULL, &record);
    CHECK_OK(wsline_app_start(app));
    while (wsline_app_timings(app, &timings) != WSLINE_OK || timings.phase != WSLINE_PHASE_UPGRADE)
        clock_pause();
    CHECK(!timings.finished);
    CHECK_OK(wsline_app_abort(app));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, WAIT_MS));
    timings = app_timings(app);
    check_end(&timings, WSLINE_PHASE_UPGRADE);
    wsline_app_free(app);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(an_app_reports_its_last_attempt),
        TEST(an_app_takes_no_time_for_a_known_name),
        TEST(an_app_reports_a_failure_and_an_attempt_in_progress),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
