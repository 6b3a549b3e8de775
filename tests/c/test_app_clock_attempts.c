/* SPDX-License-Identifier: Apache-2.0 */
/* Timers, pauses and what a program decides about attempts, on a clock that the test moves. */
#include "clock_fixture.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };

/* Appends the letter that is its userdata. */
static char called[16];

static void note(wsline_app *app, void *userdata) {
    size_t len = strlen(called);

    (void)app;
    if (len + 1 < sizeof called) called[len] = *(const char *)userdata;
}

static uint64_t after(struct fixture *fixture, int64_t delay_ms, char *letter) {
    uint64_t id = 0;

    CHECK_OK(wsline_app_post_after(fixture->app, delay_ms, note, letter, NULL, &id));
    return id;
}

static void fixture_open(struct fixture *fixture, wsline_options *options) {
    fixture_begin(fixture, "WEBSOCKETS", "", options);
    turn_until(fixture, 'o', 1);
    turn(fixture);
    memset(called, 0, sizeof called);
}

static void a_timer_expires_to_the_millisecond(void) {
    struct fixture fixture;
    uint64_t second;

    fixture_open(&fixture, peer_options());
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(fixture.loop));
    after(&fixture, MINUTE_MS, "1");
    second = after(&fixture, HOUR_MS, "2");
    turn(&fixture);
    CHECK_RANGE(MINUTE_MS - MARGIN_MS, MINUTE_MS, wsline_loop_next_timeout_ms(fixture.loop));
    pass(&fixture, MINUTE_MS - MARGIN_MS);
    CHECK_TEXT("", called);
    pass(&fixture, MARGIN_MS);
    CHECK_TEXT("1", called);
    CHECK_RANGE(HOUR_MS - MINUTE_MS - MARGIN_MS, HOUR_MS - MINUTE_MS,
                wsline_loop_next_timeout_ms(fixture.loop));
    /* Cancelling does not wake the driver; it looks once when the timer would have expired. */
    CHECK_OK(wsline_app_cancel_post(fixture.app, second));
    pass(&fixture, HOUR_MS);
    CHECK_TEXT("1", called);
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(fixture.loop));
    fixture_end(&fixture);
}

static void a_late_driver_calls_timers_in_the_order_of_their_deadlines(void) {
    struct fixture fixture;

    fixture_open(&fixture, peer_options());
    after(&fixture, 3 * MINUTE_MS, "3");
    after(&fixture, MINUTE_MS, "1");
    after(&fixture, 2 * MINUTE_MS, "2");
    pass(&fixture, HOUR_MS);
    CHECK_TEXT("123", called);
    fixture_end(&fixture);
}

static void a_pause_may_last_and_pings_start_again_after_it(void) {
    struct fixture fixture;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_ping(options, MINUTE_MS, MINUTE_MS / 2));
    fixture_open(&fixture, options);
    CHECK_OK(wsline_app_pause(fixture.app));
    pass(&fixture, HOUR_MS);
    CHECK_INT(0, frames_sent(&fixture));
    CHECK(wsline_app_is_open(fixture.app));
    CHECK_OK(wsline_app_resume(fixture.app));
    turn(&fixture);
    CHECK_INT(0, frames_sent(&fixture));
    pass(&fixture, MINUTE_MS - MARGIN_MS);
    CHECK_INT(0, frames_sent(&fixture));
    pass(&fixture, MARGIN_MS);
    CHECK_INT(1, frames_sent(&fixture));
    turn_until(&fixture, 'p', 1);
    CHECK_TEXT("op", fixture.record.order);
    fixture_end(&fixture);
}

static void the_delay_is_between_rounds_through_the_servers(void) {
    struct fixture fixture;
    char url[PEER_URL_MAX];
    wsline_options *options = peer_options();

    app_reconnect(options, HOUR_MS, HOUR_MS, 1, 0, 0);
    peer_url(url, "FAULTS", "/status?code=502");
    REQUIRE_OK(wsline_options_add_fallback_url(options, url));
    fixture_begin(&fixture, "FAULTS", "/status?code=503", options);
    for (unsigned round = 1; round <= 3; round++) {
        turn_until(&fixture, 'e', 2 * round);
        CHECK_INT(502, fixture.record.error.http_status);
        CHECK_INT(HOUR_MS, fixture.record.error.retry_in_ms);
        pass(&fixture, HOUR_MS - MARGIN_MS);
        CHECK_INT(2 * round, record_count(&fixture.record, 'e'));
        CHECK_RANGE(0, MARGIN_MS, wsline_loop_next_timeout_ms(fixture.loop));
        pass(&fixture, MARGIN_MS);
    }
    fixture_end(&fixture);
}

static int32_t later_at_first(wsline_app *app, const wsline_attempt *attempt,
                              wsline_options *options, void *userdata) {
    unsigned *calls = userdata;

    (void)app;
    (void)attempt;
    (void)options;
    return (*calls)++ == 0 ? WSLINE_CONNECT_LATER : WSLINE_CONNECT_NOW;
}

/* The connect timeout begins with the attempt. */
static void an_attempt_that_was_put_off_has_no_deadline(void) {
    struct fixture fixture;
    unsigned calls = 0;

    fixture_begin(&fixture, "WEBSOCKETS", "", peer_options());
    CHECK_OK(wsline_app_on_connecting(fixture.app, later_at_first, &calls, NULL));
    turn(&fixture);
    CHECK_INT(1, calls);
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(fixture.loop));
    pass(&fixture, 24 * HOUR_MS);
    CHECK_TEXT("", fixture.record.order);
    CHECK_OK(wsline_app_proceed(fixture.app));
    turn_until(&fixture, 'o', 1);
    CHECK_INT(2, calls);
    fixture_end(&fixture);
}

/* No time passes. */
static void reconnecting_on_demand_ends_the_delay(void) {
    struct fixture fixture;
    wsline_options *options = peer_options();

    app_reconnect(options, HOUR_MS, HOUR_MS, 1, 0, 0);
    fixture_begin(&fixture, "FAULTS", "/status?code=503", options);
    turn_until(&fixture, 'e', 1);
    turn(&fixture);
    CHECK_INT(1, record_count(&fixture.record, 'e'));
    CHECK_OK(wsline_app_reconnect(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    turn_until(&fixture, 'e', 2);
    fixture_end(&fixture);
}

static const struct test tests[] = {
    TEST(a_timer_expires_to_the_millisecond),
    TEST(a_late_driver_calls_timers_in_the_order_of_their_deadlines),
    TEST(a_pause_may_last_and_pings_start_again_after_it),
    TEST(the_delay_is_between_rounds_through_the_servers),
    TEST(an_attempt_that_was_put_off_has_no_deadline),
    TEST(reconnecting_on_demand_ends_the_delay),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
