/* SPDX-License-Identifier: Apache-2.0 */
/* Timers, pauses and what a program decides about attempts, on a clock that the test moves. */
#include "stage.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };

/* Appends the letter that is its userdata. */
static char called[16];

static void note(wsline_app *app, void *userdata) {
    size_t len = strlen(called);

    (void)app;
    if (len + 1 < sizeof called) called[len] = *(const char *)userdata;
}

static uint64_t after(struct stage *stage, int64_t delay_ms, char *letter) {
    uint64_t id = 0;

    CHECK_OK(wsline_app_post_after(stage->app, delay_ms, note, letter, NULL, &id));
    return id;
}

static void stage_open(struct stage *stage, wsline_options *options) {
    stage_begin(stage, "WEBSOCKETS", "", options);
    turn_until(stage, 'o', 1);
    turn(stage);
    memset(called, 0, sizeof called);
}

static void a_timer_expires_to_the_millisecond(void) {
    struct stage stage;
    uint64_t second;

    stage_open(&stage, peer_options());
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(stage.loop));
    after(&stage, MINUTE_MS, "1");
    second = after(&stage, HOUR_MS, "2");
    turn(&stage);
    CHECK_RANGE(MINUTE_MS - MARGIN_MS, MINUTE_MS, wsline_loop_next_timeout_ms(stage.loop));
    pass(&stage, MINUTE_MS - MARGIN_MS);
    CHECK_TEXT("", called);
    pass(&stage, MARGIN_MS);
    CHECK_TEXT("1", called);
    CHECK_RANGE(HOUR_MS - MINUTE_MS - MARGIN_MS, HOUR_MS - MINUTE_MS,
                wsline_loop_next_timeout_ms(stage.loop));
    /* Cancelling does not wake the driver; it looks once when the timer would have expired. */
    CHECK_OK(wsline_app_cancel_post(stage.app, second));
    pass(&stage, HOUR_MS);
    CHECK_TEXT("1", called);
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(stage.loop));
    stage_end(&stage);
}

static void a_late_driver_calls_timers_in_the_order_of_their_deadlines(void) {
    struct stage stage;

    stage_open(&stage, peer_options());
    after(&stage, 3 * MINUTE_MS, "3");
    after(&stage, MINUTE_MS, "1");
    after(&stage, 2 * MINUTE_MS, "2");
    pass(&stage, HOUR_MS);
    CHECK_TEXT("123", called);
    stage_end(&stage);
}

static void a_pause_may_last_and_pings_start_again_after_it(void) {
    struct stage stage;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_ping(options, MINUTE_MS, MINUTE_MS / 2));
    stage_open(&stage, options);
    CHECK_OK(wsline_app_pause(stage.app));
    pass(&stage, HOUR_MS);
    CHECK_INT(0, frames_sent(&stage));
    CHECK(wsline_app_is_open(stage.app));
    CHECK_OK(wsline_app_resume(stage.app));
    turn(&stage);
    CHECK_INT(0, frames_sent(&stage));
    pass(&stage, MINUTE_MS - MARGIN_MS);
    CHECK_INT(0, frames_sent(&stage));
    pass(&stage, MARGIN_MS);
    CHECK_INT(1, frames_sent(&stage));
    turn_until(&stage, 'p', 1);
    CHECK_TEXT("op", stage.record.order);
    stage_end(&stage);
}

static void the_delay_is_between_rounds_through_the_servers(void) {
    struct stage stage;
    char url[PEER_URL_MAX];
    wsline_options *options = peer_options();

    app_reconnect(options, HOUR_MS, HOUR_MS, 1, 0, 0);
    peer_url(url, "FAULTS", "/status?code=502");
    REQUIRE_OK(wsline_options_add_fallback_url(options, url));
    stage_begin(&stage, "FAULTS", "/status?code=503", options);
    for (unsigned round = 1; round <= 3; round++) {
        turn_until(&stage, 'e', 2 * round);
        CHECK_INT(502, stage.record.error.http_status);
        CHECK_INT(HOUR_MS, stage.record.error.retry_in_ms);
        pass(&stage, HOUR_MS - MARGIN_MS);
        CHECK_INT(2 * round, record_count(&stage.record, 'e'));
        CHECK_RANGE(0, MARGIN_MS, wsline_loop_next_timeout_ms(stage.loop));
        pass(&stage, MARGIN_MS);
    }
    stage_end(&stage);
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
    struct stage stage;
    unsigned calls = 0;

    stage_begin(&stage, "WEBSOCKETS", "", peer_options());
    CHECK_OK(wsline_app_on_connecting(stage.app, later_at_first, &calls, NULL));
    turn(&stage);
    CHECK_INT(1, calls);
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(stage.loop));
    pass(&stage, 24 * HOUR_MS);
    CHECK_TEXT("", stage.record.order);
    CHECK_OK(wsline_app_proceed(stage.app));
    turn_until(&stage, 'o', 1);
    CHECK_INT(2, calls);
    stage_end(&stage);
}

/* No time passes. */
static void reconnecting_on_demand_ends_the_delay(void) {
    struct stage stage;
    wsline_options *options = peer_options();

    app_reconnect(options, HOUR_MS, HOUR_MS, 1, 0, 0);
    stage_begin(&stage, "FAULTS", "/status?code=503", options);
    turn_until(&stage, 'e', 1);
    turn(&stage);
    CHECK_INT(1, record_count(&stage.record, 'e'));
    CHECK_OK(wsline_app_reconnect(stage.app, WSLINE_CLOSE_NORMAL, NULL));
    turn_until(&stage, 'e', 2);
    stage_end(&stage);
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
