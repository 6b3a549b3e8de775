/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of apps, on a clock that the test moves. */
#include "stage.h"

#include "gate.h"

static void pings_are_sent_and_dead_servers_detected_on_time(void) {
    struct stage stage;
    wsline_options *options = peer_options();
    const int64_t minute = 60000;

    REQUIRE_OK(wsline_options_set_ping(options, minute, minute / 2));
    stage_begin(&stage, "FAULTS", "/stall", options);
    turn_until(&stage, 'o', 1);
    CHECK_RANGE(minute - MARGIN_MS, minute, wsline_loop_next_timeout_ms(stage.loop));
    pass(&stage, minute - MARGIN_MS);
    CHECK_INT(0, frames_sent(&stage));
    pass(&stage, MARGIN_MS);
    CHECK_INT(1, frames_sent(&stage));
    pass(&stage, minute / 2 - MARGIN_MS);
    CHECK_TEXT("o", stage.record.order);
    pass(&stage, MARGIN_MS);
    CHECK_TEXT("oec", stage.record.order);
    CHECK_STATUS(WSLINE_ERR_PONG_TIMEOUT, wsline_app_join(stage.app, 0));
    stage_end(&stage);
}

/* A callback that takes longer than the deadlines which begin in it. */
static void take_long_then_close(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o') {
        ahead_ms += 120000;
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    }
}

static void a_deadline_starts_when_it_is_set(void) {
    struct stage stage;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 60000));
    stage_begin(&stage, "WEBSOCKETS", "", options);
    stage.record.then = take_long_then_close;
    turn_until(&stage, 'c', 1);
    CHECK_TEXT("oc", stage.record.order);
    stage_end(&stage);
}

static void take_long(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (app != NULL && (letter == 'o' || letter == 'p')) ahead_ms += 60000;
}

static void a_late_driver_does_not_drop_live_servers(void) {
    struct stage stage;
    wsline_options *options = peer_options();

    /* Each callback takes longer than a pong may. */
    REQUIRE_OK(wsline_options_set_ping(options, 10000, 30000));
    stage_begin(&stage, "WEBSOCKETS", "", options);
    stage.record.then = take_long;
    turn_until(&stage, 'p', 5);
    CHECK_INT(0, record_count(&stage.record, 'e'));
    stage_end(&stage);
}

/* Has the server answer, so that it has answered whatever it had been sent before. */
static void round_trip(wsline_conn *conn) {
    wsline_message message;

    REQUIRE_OK(wsline_conn_send_text(conn, "x", 1));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
}

/* More connections than one wait tells about, and a host that was busy for longer than a pong may
 * take. */
static void unread_pongs_do_not_drop_a_live_server(void) {
    enum { APPS = 600 };
    static struct record records[APPS];
    wsline_app **apps = calloc(APPS, sizeof *apps);
    wsline_loop *loop = NULL;
    wsline_options *options = peer_options();
    size_t count = check_scaled(APPS, 20), opened = 0, failed = 0, pongs = 0;
    wsline_conn *witness = peer_connect("WS", "", NULL);

    REQUIRE(apps != NULL);
    REQUIRE_OK(wsline_loop_new(&loop));
    REQUIRE_OK(wsline_options_set_ping(options, 10000, 10000));
    for (size_t i = 0; i < count; i++) {
        apps[i] = app_make("WS", "", options, &records[i]);
        CHECK_OK(wsline_loop_add(loop, apps[i]));
    }
    wsline_options_free(options);
    while (opened < count) {
        CHECK_OK(wsline_loop_run_once(loop, 10));
        opened = 0;
        for (size_t i = 0; i < count; i++) opened += record_count(&records[i], 'o');
    }
    /* All send their ping, and the next as soon as they have seen the pong. */
    ahead_ms += 10000;
    CHECK_OK(wsline_loop_run_once(loop, 0));
    for (unsigned round = 1; round <= 3; round++) {
        /* The server answers, and nobody looks until long after. */
        for (int i = 0; i < 3; i++) round_trip(witness);
        ahead_ms += 25000;
        for (pongs = 0; pongs < count * round;) {
            CHECK_OK(wsline_loop_run_once(loop, 10));
            pongs = 0;
            for (size_t i = 0; i < count; i++)
                pongs += record_count(&records[i], 'p') + record_count(&records[i], 'e');
        }
    }
    for (size_t i = 0; i < count; i++) {
        failed += record_count(&records[i], 'e');
        wsline_app_free(apps[i]);
    }
    CHECK_INT(0, failed);
    wsline_conn_free(witness);
    wsline_loop_free(loop);
    free(apps);
}

static void a_jump_of_the_wall_clock_has_no_effect(void) {
    struct stage stage;
    wsline_options *options = peer_options();
    static const int64_t jumps[] = {86400000, -86400000, INT64_C(31536000000)};

    REQUIRE_OK(wsline_options_set_ping(options, 60000, 30000));
    stage_begin(&stage, "FAULTS", "/stall", options);
    turn_until(&stage, 'o', 1);
    for (size_t i = 0; i < COUNT_OF(jumps); i++) {
        wall_ahead_ms += jumps[i];
        turn(&stage);
        CHECK_TEXT("o", stage.record.order);
        CHECK_INT(0, frames_sent(&stage));
    }
    CHECK_RANGE(60000 - MARGIN_MS, 60000, wsline_loop_next_timeout_ms(stage.loop));
    wall_ahead_ms = 0;
    stage_end(&stage);
}

static void a_server_has_the_full_timeout_to_answer_a_close(void) {
    struct stage stage;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 60000));
    stage_begin(&stage, "FAULTS", "/no-close-reply", options);
    turn_until(&stage, 'o', 1);
    CHECK_OK(wsline_app_close(stage.app, WSLINE_CLOSE_NORMAL, NULL));
    turn(&stage);
    pass(&stage, 60000 - MARGIN_MS);
    CHECK_TEXT("o", stage.record.order);
    pass(&stage, MARGIN_MS);
    CHECK_TEXT("oec", stage.record.order);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(stage.app, 0));
    stage_end(&stage);
}

/* Turns the loop until more has been taken by the server, which shows in the bytes that the system
 * takes. */
static void turn_until_more_is_sent(struct stage *stage) {
    wsline_stats before, after;

    CHECK_OK(wsline_app_stats(stage->app, &before));
    do {
        REQUIRE_OK(wsline_loop_run_once(stage->loop, 10));
        CHECK_OK(wsline_app_stats(stage->app, &after));
    } while (after.bytes_sent == before.bytes_sent && record_count(&stage->record, 'c') == 0);
}

static void a_close_waits_while_the_queue_drains(void) {
    enum { LEN = 1 << 20, MESSAGES = 15, STEPS = 3 };
    struct stage stage;
    struct gate gate = gate_new("FAULTS");
    wsline_options *options = peer_options();
    char *data = calloc(1, LEN), path[256];

    REQUIRE(data != NULL);
    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 5000));
    stage_begin(&stage, "FAULTS", gate_path(&gate, "/read-by-gates?n=3&frames=4&", path), options);
    turn_until(&stage, 'o', 1);
    for (int i = 0; i < MESSAGES; i++) CHECK_OK(wsline_app_send_binary(stage.app, data, LEN));
    CHECK_OK(wsline_app_close(stage.app, WSLINE_CLOSE_NORMAL, NULL));
    turn(&stage);
    for (int i = 1; i < STEPS; i++) {
        gate_open(&gate);
        turn_until_more_is_sent(&stage);
        pass(&stage, 5000);
        CHECK_TEXT("o", stage.record.order);
    }
    gate_open(&gate);
    turn_until(&stage, 'c', 1);
    /* The server answers the close frame behind all of the messages. */
    CHECK_TEXT("oc", stage.record.order);
    CHECK(stage.record.close.clean);
    CHECK_INT(0, stage.record.close.unsent_messages);
    stage_end(&stage);
    free(data);
}

/* A server that goes on sending, and reads no close frame. */
static void a_close_ends_at_its_limit_although_bytes_move(void) {
    static const struct {
        int64_t timeout_ms, limit_ms;
    } rows[] = {{10000, 60000}, {90000, 90000}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct stage stage;
        wsline_options *options = peer_options();

        REQUIRE_OK(wsline_options_set_close_timeout_ms(options, rows[i].timeout_ms));
        stage_begin(&stage, "FAULTS", "/flood?n=1000000&size=1000", options);
        turn_until(&stage, 'm', 1);
        CHECK_OK(wsline_app_close(stage.app, WSLINE_CLOSE_NORMAL, NULL));
        turn(&stage);
        for (int64_t ms = 0; ms < rows[i].limit_ms; ms += rows[i].timeout_ms) {
            if (!CHECK_INT(0, record_count(&stage.record, 'e'))) break;
            turn_until(&stage, 'm', record_count(&stage.record, 'm') + 1);
            pass(&stage, rows[i].timeout_ms);
        }
        CHECK_INT(1, record_count(&stage.record, 'c'));
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(stage.app, 0));
        stage_end(&stage);
    }
}

/* RFC 6455 section 7.1.1: the server ends the stream; one that does not is waited for a second. */
static void a_server_that_keeps_the_stream_open_after_the_close_is_dropped(void) {
    struct stage stage;

    stage_begin(&stage, "FAULTS", "/answer-close-hold", peer_options());
    turn_until(&stage, 'o', 1);
    CHECK_OK(wsline_app_close(stage.app, WSLINE_CLOSE_NORMAL, NULL));
    /* Both close frames are through when the deadline is no longer that of the close. */
    do CHECK_OK(wsline_loop_run_once(stage.loop, 10));
    while (wsline_loop_next_timeout_ms(stage.loop) > 1000);
    CHECK_TEXT("o", stage.record.order);
    pass(&stage, 1000);
    CHECK_TEXT("oc", stage.record.order);
    CHECK(stage.record.close.clean);
    CHECK_OK(wsline_app_join(stage.app, 0));
    stage_end(&stage);
}

/* The next attempt comes after `delay_ms`, and not before. */
static void expect_attempt(struct stage *stage, char letter, unsigned count, int64_t delay_ms) {
    CHECK_INT(delay_ms, stage->record.error.retry_in_ms);
    pass(stage, delay_ms - MARGIN_MS);
    CHECK_INT(count - 1, record_count(&stage->record, letter));
    ahead_ms += MARGIN_MS;
    turn_until(stage, letter, count);
}

static void delays_grow_and_attempts_end(void) {
    static const int64_t delays[] = {10000, 20000, 40000, 60000, 60000};
    struct stage stage;
    wsline_options *options = peer_options();

    app_reconnect(options, 10000, 60000, 2, 0, COUNT_OF(delays));
    stage_begin(&stage, "WEBSOCKETS", "/status?code=503", options);
    turn_until(&stage, 'e', 1);
    for (unsigned i = 0; i < COUNT_OF(delays); i++) expect_attempt(&stage, 'e', i + 2, delays[i]);
    CHECK_INT(-1, stage.record.error.retry_in_ms);
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_app_join(stage.app, 0));
    CHECK_TEXT("eeeeee", stage.record.order);
    stage_end(&stage);
}

static void a_stable_connection_resets_the_delays(void) {
    /* Until a ping is sent, which is not answered for 5 seconds more. */
    static const struct {
        int64_t open_ms, retry_in_ms;
    } rows[] = {{1000, 10000}, {1000, 20000}, {2000, 40000}, {5000, 10000}, {1000, 20000}};
    struct stage stage;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_ping(options, 1000, 5000));
    app_reconnect(options, 10000, 60000, 2, 0, 0);
    stage_begin(&stage, "FAULTS", "/stall", options);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        turn_until(&stage, i == 0 ? 'o' : 'r', i == 0 ? 1 : i);
        pass(&stage, rows[i].open_ms);
        pass(&stage, 5000);
        CHECK_INT(i + 1, record_count(&stage.record, 'c'));
        CHECK_INT(rows[i].retry_in_ms, stage.record.error.retry_in_ms);
        ahead_ms += rows[i].retry_in_ms;
    }
    CHECK_TEXT("oecrecrecrecrec", stage.record.order);
    stage_end(&stage);
}

static void jitter_shortens_a_delay_by_its_fraction(void) {
    bool differs = false;
    int64_t first = 0;

    for (int i = 0; i < 8; i++) {
        struct stage stage;
        wsline_options *options = peer_options();

        app_reconnect(options, 100000, 100000, 1, 0.5, 1);
        stage_begin(&stage, "WEBSOCKETS", "/status?code=500", options);
        turn_until(&stage, 'e', 1);
        CHECK_RANGE(50000, 100000, stage.record.error.retry_in_ms);
        differs = differs || (i > 0 && stage.record.error.retry_in_ms != first);
        first = stage.record.error.retry_in_ms;
        stage_end(&stage);
    }
    CHECK(differs);
}

static void closing_the_app_ends_its_wait(void) {
    struct stage stage;
    wsline_options *options = peer_options();

    app_reconnect(options, 100000, 100000, 1, 0, 0);
    stage_begin(&stage, "WEBSOCKETS", "/status?code=500", options);
    turn_until(&stage, 'e', 1);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_send_text(stage.app, "x", 1));
    CHECK_OK(wsline_app_close(stage.app, WSLINE_CLOSE_NORMAL, NULL));
    turn(&stage);
    CHECK_OK(wsline_app_join(stage.app, 0));
    CHECK_TEXT("e", stage.record.order);
    stage_end(&stage);
}

static const struct test tests[] = {
    TEST(pings_are_sent_and_dead_servers_detected_on_time),
    TEST(a_deadline_starts_when_it_is_set),
    TEST(a_late_driver_does_not_drop_live_servers),
    TEST(unread_pongs_do_not_drop_a_live_server),
    TEST(a_jump_of_the_wall_clock_has_no_effect),
    TEST(a_server_has_the_full_timeout_to_answer_a_close),
    TEST(a_close_waits_while_the_queue_drains),
    TEST(a_close_ends_at_its_limit_although_bytes_move),
    TEST(a_server_that_keeps_the_stream_open_after_the_close_is_dropped),
    TEST(delays_grow_and_attempts_end),
    TEST(a_stable_connection_resets_the_delays),
    TEST(jitter_shortens_a_delay_by_its_fraction),
    TEST(closing_the_app_ends_its_wait),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
