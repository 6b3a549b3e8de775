/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of apps, on a clock that the test moves. */
#include "clock_fixture.h"

#include "gate.h"

static void pings_are_sent_and_dead_servers_detected_on_time(void) {
    struct fixture fixture;
    wsline_options *options = peer_options();
    const int64_t minute = 60000;

    REQUIRE_OK(wsline_options_set_ping(options, minute, minute / 2));
    fixture_begin(&fixture, "FAULTS", "/stall", options);
    turn_until(&fixture, 'o', 1);
    CHECK_RANGE(minute - MARGIN_MS, minute, wsline_loop_next_timeout_ms(fixture.loop));
    pass(&fixture, minute - MARGIN_MS);
    CHECK_INT(0, frames_sent(&fixture));
    pass(&fixture, MARGIN_MS);
    CHECK_INT(1, frames_sent(&fixture));
    pass(&fixture, minute / 2 - MARGIN_MS);
    CHECK_TEXT("o", fixture.record.order);
    pass(&fixture, MARGIN_MS);
    CHECK_TEXT("oec", fixture.record.order);
    CHECK_STATUS(WSLINE_ERR_PONG_TIMEOUT, wsline_app_join(fixture.app, 0));
    fixture_end(&fixture);
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
    struct fixture fixture;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 60000));
    fixture_begin(&fixture, "WEBSOCKETS", "", options);
    fixture.record.then = take_long_then_close;
    turn_until(&fixture, 'c', 1);
    CHECK_TEXT("oc", fixture.record.order);
    fixture_end(&fixture);
}

static void take_long(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (app != NULL && (letter == 'o' || letter == 'p')) ahead_ms += 60000;
}

static void a_late_driver_does_not_drop_live_servers(void) {
    struct fixture fixture;
    wsline_options *options = peer_options();

    /* Each callback takes longer than a pong may. */
    REQUIRE_OK(wsline_options_set_ping(options, 10000, 30000));
    fixture_begin(&fixture, "WEBSOCKETS", "", options);
    fixture.record.then = take_long;
    turn_until(&fixture, 'p', 5);
    CHECK_INT(0, record_count(&fixture.record, 'e'));
    fixture_end(&fixture);
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
    struct fixture fixture;
    wsline_options *options = peer_options();
    static const int64_t jumps[] = {86400000, -86400000, INT64_C(31536000000)};

    REQUIRE_OK(wsline_options_set_ping(options, 60000, 30000));
    fixture_begin(&fixture, "FAULTS", "/stall", options);
    turn_until(&fixture, 'o', 1);
    for (size_t i = 0; i < COUNT_OF(jumps); i++) {
        wall_ahead_ms += jumps[i];
        turn(&fixture);
        CHECK_TEXT("o", fixture.record.order);
        CHECK_INT(0, frames_sent(&fixture));
    }
    CHECK_RANGE(60000 - MARGIN_MS, 60000, wsline_loop_next_timeout_ms(fixture.loop));
    wall_ahead_ms = 0;
    fixture_end(&fixture);
}

static void a_server_has_the_full_timeout_to_answer_a_close(void) {
    struct fixture fixture;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 60000));
    fixture_begin(&fixture, "FAULTS", "/no-close-reply", options);
    turn_until(&fixture, 'o', 1);
    CHECK_OK(wsline_app_close(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    turn(&fixture);
    pass(&fixture, 60000 - MARGIN_MS);
    CHECK_TEXT("o", fixture.record.order);
    pass(&fixture, MARGIN_MS);
    CHECK_TEXT("oec", fixture.record.order);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(fixture.app, 0));
    fixture_end(&fixture);
}

/* Turns the loop until more has been taken by the server, which shows in the bytes that the system
 * takes. */
static void turn_until_more_is_sent(struct fixture *fixture) {
    wsline_stats before, after;

    CHECK_OK(wsline_app_stats(fixture->app, &before));
    do {
        REQUIRE_OK(wsline_loop_run_once(fixture->loop, 10));
        CHECK_OK(wsline_app_stats(fixture->app, &after));
    } while (after.bytes_sent == before.bytes_sent && record_count(&fixture->record, 'c') == 0);
}

static void a_close_waits_while_the_queue_drains(void) {
    enum { LEN = 1 << 20, MESSAGES = 15, STEPS = 3 };
    struct fixture fixture;
    struct gate gate = gate_new("FAULTS");
    wsline_options *options = peer_options();
    char *data = calloc(1, LEN), path[256];

    REQUIRE(data != NULL);
    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 5000));
    fixture_begin(&fixture, "FAULTS", gate_path(&gate, "/read-by-gates?n=3&frames=4&", path),
                  options);
    turn_until(&fixture, 'o', 1);
    for (int i = 0; i < MESSAGES; i++) CHECK_OK(wsline_app_send_binary(fixture.app, data, LEN));
    CHECK_OK(wsline_app_close(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    turn(&fixture);
    for (int i = 1; i < STEPS; i++) {
        gate_open(&gate);
        turn_until_more_is_sent(&fixture);
        pass(&fixture, 5000);
        CHECK_TEXT("o", fixture.record.order);
    }
    gate_open(&gate);
    turn_until(&fixture, 'c', 1);
    /* The server answers the close frame behind all of the messages. */
    CHECK_TEXT("oc", fixture.record.order);
    CHECK(fixture.record.close.clean);
    CHECK_INT(0, fixture.record.close.unsent_messages);
    fixture_end(&fixture);
    free(data);
}

/* A server that goes on sending, and reads no close frame. */
static void a_close_ends_at_its_limit_although_bytes_move(void) {
    static const struct {
        int64_t timeout_ms, limit_ms;
    } rows[] = {{10000, 60000}, {90000, 90000}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        wsline_options *options = peer_options();

        REQUIRE_OK(wsline_options_set_close_timeout_ms(options, rows[i].timeout_ms));
        fixture_begin(&fixture, "FAULTS", "/flood?n=1000000&size=1000", options);
        turn_until(&fixture, 'm', 1);
        CHECK_OK(wsline_app_close(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
        turn(&fixture);
        for (int64_t ms = 0; ms < rows[i].limit_ms; ms += rows[i].timeout_ms) {
            if (!CHECK_INT(0, record_count(&fixture.record, 'e'))) break;
            turn_until(&fixture, 'm', record_count(&fixture.record, 'm') + 1);
            pass(&fixture, rows[i].timeout_ms);
        }
        CHECK_INT(1, record_count(&fixture.record, 'c'));
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(fixture.app, 0));
        fixture_end(&fixture);
    }
}

/* RFC 6455 section 7.1.1: the server ends the stream; one that does not is waited for a second. */
static void a_server_that_keeps_the_stream_open_after_the_close_is_dropped(void) {
    struct fixture fixture;

    fixture_begin(&fixture, "FAULTS", "/answer-close-hold", peer_options());
    turn_until(&fixture, 'o', 1);
    CHECK_OK(wsline_app_close(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    /* Both close frames are through when the deadline is no longer that of the close. */
    do CHECK_OK(wsline_loop_run_once(fixture.loop, 10));
    while (wsline_loop_next_timeout_ms(fixture.loop) > 1000);
    CHECK_TEXT("o", fixture.record.order);
    pass(&fixture, 1000);
    CHECK_TEXT("oc", fixture.record.order);
    CHECK(fixture.record.close.clean);
    CHECK_OK(wsline_app_join(fixture.app, 0));
    fixture_end(&fixture);
}

/* The next attempt comes after `delay_ms`, and not before. */
static void expect_attempt(struct fixture *fixture, char letter, unsigned count, int64_t delay_ms) {
    CHECK_INT(delay_ms, fixture->record.error.retry_in_ms);
    pass(fixture, delay_ms - MARGIN_MS);
    CHECK_INT(count - 1, record_count(&fixture->record, letter));
    ahead_ms += MARGIN_MS;
    turn_until(fixture, letter, count);
}

static void delays_grow_and_attempts_end(void) {
    static const int64_t delays[] = {10000, 20000, 40000, 60000, 60000};
    struct fixture fixture;
    wsline_options *options = peer_options();

    app_reconnect(options, 10000, 60000, 2, 0, COUNT_OF(delays));
    fixture_begin(&fixture, "WEBSOCKETS", "/status?code=503", options);
    turn_until(&fixture, 'e', 1);
    for (unsigned i = 0; i < COUNT_OF(delays); i++) expect_attempt(&fixture, 'e', i + 2, delays[i]);
    CHECK_INT(-1, fixture.record.error.retry_in_ms);
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_app_join(fixture.app, 0));
    CHECK_TEXT("eeeeee", fixture.record.order);
    fixture_end(&fixture);
}

static void a_stable_connection_resets_the_delays(void) {
    /* Until a ping is sent, which is not answered for 5 seconds more. */
    static const struct {
        int64_t open_ms, retry_in_ms;
    } rows[] = {{1000, 10000}, {1000, 20000}, {2000, 40000}, {5000, 10000}, {1000, 20000}};
    struct fixture fixture;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_ping(options, 1000, 5000));
    app_reconnect(options, 10000, 60000, 2, 0, 0);
    fixture_begin(&fixture, "FAULTS", "/stall", options);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        turn_until(&fixture, i == 0 ? 'o' : 'r', i == 0 ? 1 : i);
        pass(&fixture, rows[i].open_ms);
        pass(&fixture, 5000);
        CHECK_INT(i + 1, record_count(&fixture.record, 'c'));
        CHECK_INT(rows[i].retry_in_ms, fixture.record.error.retry_in_ms);
        ahead_ms += rows[i].retry_in_ms;
    }
    CHECK_TEXT("oecrecrecrecrec", fixture.record.order);
    fixture_end(&fixture);
}

static void jitter_shortens_a_delay_by_its_fraction(void) {
    bool differs = false;
    int64_t first = 0;

    for (int i = 0; i < 8; i++) {
        struct fixture fixture;
        wsline_options *options = peer_options();

        app_reconnect(options, 100000, 100000, 1, 0.5, 1);
        fixture_begin(&fixture, "WEBSOCKETS", "/status?code=500", options);
        turn_until(&fixture, 'e', 1);
        CHECK_RANGE(50000, 100000, fixture.record.error.retry_in_ms);
        differs = differs || (i > 0 && fixture.record.error.retry_in_ms != first);
        first = fixture.record.error.retry_in_ms;
        fixture_end(&fixture);
    }
    CHECK(differs);
}

static void closing_the_app_ends_its_wait(void) {
    struct fixture fixture;
    wsline_options *options = peer_options();

    app_reconnect(options, 100000, 100000, 1, 0, 0);
    fixture_begin(&fixture, "WEBSOCKETS", "/status?code=500", options);
    turn_until(&fixture, 'e', 1);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_send_text(fixture.app, "x", 1));
    CHECK_OK(wsline_app_close(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    turn(&fixture);
    CHECK_OK(wsline_app_join(fixture.app, 0));
    CHECK_TEXT("e", fixture.record.order);
    fixture_end(&fixture);
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
