/* SPDX-License-Identifier: Apache-2.0 */
/* The send rate and the age of kept messages, on a clock that the test moves. */
#include "clock_fixture.h"
#include "lines.h"

/* What a waiting message counts beside its payload. */
enum { OVERHEAD = 128 };
enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS };

static wsline_options *limited_to(uint64_t messages, int64_t per_ms) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_send_rate(options, messages, per_ms));
    return options;
}

/* Reconnects at once, and keeps everything. */
static wsline_options *keeping_limited_to(uint64_t messages, int64_t per_ms) {
    wsline_options *options = limited_to(messages, per_ms);

    app_reconnect(options, 0, 0, 1, 0, 0);
    REQUIRE_OK(wsline_options_set_keep_unsent_ms(options, WSLINE_FOREVER));
    return options;
}

static void fixture_open(struct fixture *fixture, wsline_options *options) {
    fixture_begin(fixture, "FAULTS", "/echo", options);
    turn_until(fixture, 'o', 1);
    turn(fixture);
}

static void send_text(struct fixture *fixture, const char *text) {
    CHECK_OK(wsline_app_send_text(fixture->app, text, WSLINE_NUL_TERMINATED));
}

static void send_bytes(struct fixture *fixture, size_t len) {
    static const char data[4000];

    CHECK_OK(wsline_app_send_binary(fixture->app, data, len));
}

static void no_span_holds_more_messages_than_the_limit(void) {
    struct fixture fixture;
    char text[16];

    fixture_open(&fixture, limited_to(3, SECOND_MS));
    for (int i = 0; i < 8; i++) {
        snprintf(text, sizeof text, "%d", i);
        send_text(&fixture, text);
    }
    CHECK_INT(3, frames_sent(&fixture));
    CHECK_INT(5 * (1 + OVERHEAD), wsline_app_send_queue_bytes(fixture.app));
    /* When the echoes have arrived, only the rate is left to wait for. */
    turn_until(&fixture, 'm', 3);
    turn(&fixture);
    CHECK_RANGE(SECOND_MS - MARGIN_MS, SECOND_MS, wsline_loop_next_timeout_ms(fixture.loop));
    pass(&fixture, SECOND_MS - MARGIN_MS);
    CHECK_INT(3, frames_sent(&fixture));
    pass(&fixture, MARGIN_MS);
    CHECK_INT(6, frames_sent(&fixture));
    /* 0.9 s later the second three still count. */
    pass(&fixture, 900);
    CHECK_INT(6, frames_sent(&fixture));
    send_text(&fixture, "8");
    CHECK_INT(6, frames_sent(&fixture));
    pass(&fixture, 100);
    CHECK_INT(9, frames_sent(&fixture));
    turn_until(&fixture, 'm', 9);
    CHECK_TEXT("8", fixture.record.text);
    /* Nothing waits any more, so nothing wakes the loop. */
    CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(fixture.loop));
    fixture_end(&fixture);
}

static void single_messages_within_the_limit_never_wait(void) {
    struct fixture fixture;

    fixture_open(&fixture, limited_to(2, SECOND_MS));
    for (unsigned i = 1; i <= 10; i++) {
        send_text(&fixture, "on time");
        CHECK_INT(i, frames_sent(&fixture));
        pass(&fixture, SECOND_MS / 2);
    }
    fixture_end(&fixture);
}

static void pings_count_but_do_not_wait(void) {
    struct fixture fixture;

    fixture_open(&fixture, limited_to(2, SECOND_MS));
    for (int i = 0; i < 3; i++) CHECK_OK(wsline_app_ping(fixture.app, "", 0));
    CHECK_INT(3, frames_sent(&fixture));
    send_text(&fixture, "waits");
    CHECK_INT(3, frames_sent(&fixture));
    pass(&fixture, SECOND_MS - MARGIN_MS);
    CHECK_INT(3, frames_sent(&fixture));
    pass(&fixture, MARGIN_MS);
    CHECK_INT(4, frames_sent(&fixture));
    fixture_end(&fixture);
}

static void bytes_are_limited_per_second(void) {
    struct fixture fixture;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_send_rate_bytes(options, 1000));
    fixture_open(&fixture, options);
    send_bytes(&fixture, 600);
    send_bytes(&fixture, 400);
    send_bytes(&fixture, 1);
    CHECK_INT(2, frames_sent(&fixture));
    pass(&fixture, SECOND_MS);
    CHECK_INT(3, frames_sent(&fixture));
    /* More than the limit: alone, and for as long as it would take. */
    send_bytes(&fixture, 2500);
    send_bytes(&fixture, 1);
    CHECK_INT(3, frames_sent(&fixture));
    pass(&fixture, SECOND_MS);
    CHECK_INT(4, frames_sent(&fixture));
    pass(&fixture, 3 * SECOND_MS - MARGIN_MS);
    CHECK_INT(4, frames_sent(&fixture));
    pass(&fixture, MARGIN_MS);
    CHECK_INT(5, frames_sent(&fixture));
    fixture_end(&fixture);
}

static void the_limit_applies_across_connections(void) {
    struct fixture fixture;

    fixture_open(&fixture, keeping_limited_to(2, MINUTE_MS));
    for (int i = 0; i < 3; i++) send_text(&fixture, "text");
    CHECK_OK(wsline_app_reconnect(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    turn_until(&fixture, 'r', 1);
    CHECK_INT(0, fixture.record.close.unsent_messages);
    turn(&fixture);
    CHECK_INT(0, frames_sent(&fixture));
    /* The close frame counts, too. */
    pass(&fixture, MINUTE_MS);
    CHECK_INT(1, frames_sent(&fixture));
    turn_until(&fixture, 'm', 3);
    fixture_end(&fixture);
}

static void without_keeping_a_reconnect_reports_what_waits(void) {
    struct fixture fixture;
    wsline_options *options = limited_to(2, MINUTE_MS);

    app_reconnect(options, 0, 0, 1, 0, 0);
    fixture_open(&fixture, options);
    for (int i = 0; i < 5; i++) send_text(&fixture, "text");
    CHECK_OK(wsline_app_reconnect(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    turn_until(&fixture, 'c', 1);
    CHECK_INT(3, fixture.record.close.unsent_messages);
    CHECK_INT(12, fixture.record.close.unsent_bytes);
    CHECK_INT(0, wsline_app_send_queue_bytes(fixture.app));
    fixture_end(&fixture);
}

static void a_close_does_not_wait_for_the_rate(void) {
    struct fixture fixture;

    fixture_open(&fixture, limited_to(2, MINUTE_MS));
    for (int i = 0; i < 5; i++) send_text(&fixture, "text");
    CHECK_OK(wsline_app_close(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_STATUS(WSLINE_ERR_CLOSED,
                 wsline_app_send_text(fixture.app, "late", WSLINE_NUL_TERMINATED));
    turn_until(&fixture, 'c', 1);
    CHECK(fixture.record.close.clean);
    CHECK_INT(3, fixture.record.close.unsent_messages);
    CHECK_INT(12, fixture.record.close.unsent_bytes);
    fixture_end(&fixture);
}

/* Messages that will not be sent any more are no reason to look again and again. */
static void a_slow_close_does_not_keep_the_loop_busy(void) {
    struct fixture fixture;
    wsline_options *options = limited_to(1, SECOND_MS);

    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, MINUTE_MS));
    fixture_begin(&fixture, "FAULTS", "/no-close-reply", options);
    turn_until(&fixture, 'o', 1);
    send_text(&fixture, "first");
    send_text(&fixture, "held back");
    CHECK_OK(wsline_app_close(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    pass(&fixture, 2 * SECOND_MS);
    CHECK_RANGE(MINUTE_MS / 2, MINUTE_MS, wsline_loop_next_timeout_ms(fixture.loop));
    fixture_end(&fixture);
}

static void frames_of_the_last_connection_count(void) {
    struct fixture fixture;

    fixture_open(&fixture, keeping_limited_to(3, MINUTE_MS));
    for (int i = 0; i < 2; i++) CHECK_OK(wsline_app_ping(fixture.app, "", 0));
    CHECK_OK(wsline_app_reconnect(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    turn_until(&fixture, 'r', 1);
    send_text(&fixture, "waits for two pings and a close frame");
    turn(&fixture);
    CHECK_INT(0, frames_sent(&fixture));
    pass(&fixture, MINUTE_MS);
    CHECK_INT(1, frames_sent(&fixture));
    fixture_end(&fixture);
}

static void a_ping_sends_what_is_corked(void) {
    struct fixture fixture;

    fixture_open(&fixture, limited_to(100, SECOND_MS));
    CHECK_OK(wsline_app_cork(fixture.app));
    send_text(&fixture, "corked");
    CHECK_INT(0, frames_sent(&fixture));
    CHECK_OK(wsline_app_ping(fixture.app, "", 0));
    CHECK_INT(2, frames_sent(&fixture));
    /* So do 64 KiB. */
    for (int i = 0; i < 17; i++) send_bytes(&fixture, 4000);
    CHECK_INT(19, frames_sent(&fixture));
    fixture_end(&fixture);
}

static void corked_messages_do_not_keep_the_queue_full(void) {
    struct fixture fixture;
    wsline_options *options = limited_to(100, SECOND_MS);

    REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, 1000));
    fixture_open(&fixture, options);
    CHECK_OK(wsline_app_cork(fixture.app));
    while (wsline_app_send_text(fixture.app, "corked", 6) == WSLINE_OK) continue;
    turn_until(&fixture, 'w', 1);
    CHECK_INT(0, wsline_app_send_queue_bytes(fixture.app));
    fixture_end(&fixture);
}

static void fragments_wait_in_their_order(void) {
    struct fixture fixture;
    wsline_app *app;

    fixture_open(&fixture, limited_to(1, SECOND_MS));
    app = fixture.app;
    CHECK_OK(wsline_app_send_fragment(app, WSLINE_OPCODE_TEXT, "a", 1, false));
    CHECK_INT(1, frames_sent(&fixture));
    CHECK_OK(wsline_app_send_fragment(app, WSLINE_OPCODE_TEXT, "b", 1, false));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_app_send_text(app, "whole", WSLINE_NUL_TERMINATED));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_app_send_fragment(app, WSLINE_OPCODE_BINARY, "c", 1, true));
    CHECK_OK(wsline_app_send_fragment(app, WSLINE_OPCODE_TEXT, "c", 1, true));
    send_text(&fixture, "whole");
    CHECK_INT(1, frames_sent(&fixture));
    for (unsigned frames = 2; frames <= 4; frames++) {
        pass(&fixture, SECOND_MS);
        CHECK_INT(frames, frames_sent(&fixture));
        if (frames == 3) {
            turn_until(&fixture, 'm', 1);
            CHECK_TEXT("abc", fixture.record.text);
        }
    }
    turn_until(&fixture, 'm', 2);
    CHECK_TEXT("whole", fixture.record.text);
    fixture_end(&fixture);
}

static void fragments_are_not_kept(void) {
    struct fixture fixture;

    fixture_open(&fixture, keeping_limited_to(1, SECOND_MS));
    CHECK_OK(wsline_app_send_fragment(fixture.app, WSLINE_OPCODE_TEXT, "a", 1, false));
    CHECK_OK(wsline_app_send_fragment(fixture.app, WSLINE_OPCODE_TEXT, "b", 1, true));
    send_text(&fixture, "kept");
    CHECK_OK(wsline_app_reconnect(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    turn_until(&fixture, 'r', 1);
    CHECK_INT(1, fixture.record.close.unsent_messages);
    CHECK_INT(1, fixture.record.close.unsent_bytes);
    pass(&fixture, SECOND_MS);
    turn_until(&fixture, 'm', 1);
    CHECK_TEXT("kept", fixture.record.text);
    CHECK_INT(1, frames_sent(&fixture));
    fixture_end(&fixture);
}

static void corked_messages_keep_to_the_rate(void) {
    struct fixture fixture;

    fixture_open(&fixture, limited_to(2, SECOND_MS));
    CHECK_OK(wsline_app_cork(fixture.app));
    for (int i = 0; i < 3; i++) send_text(&fixture, "text");
    pass(&fixture, SECOND_MS);
    CHECK_INT(0, frames_sent(&fixture));
    CHECK_OK(wsline_app_uncork(fixture.app));
    CHECK_INT(2, frames_sent(&fixture));
    pass(&fixture, SECOND_MS);
    CHECK_INT(3, frames_sent(&fixture));
    fixture_end(&fixture);
}

static void the_queue_is_bounded_while_the_rate_holds_it(void) {
    struct fixture fixture;
    wsline_options *options = limited_to(1, SECOND_MS);

    REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, 100 + 2 * OVERHEAD));
    fixture_open(&fixture, options);
    send_bytes(&fixture, 40);
    send_bytes(&fixture, 40);
    send_bytes(&fixture, 40);
    CHECK_STATUS(WSLINE_ERR_WOULD_BLOCK,
                 wsline_app_send_binary(fixture.app, "0123456789012345678901", 22));
    turn(&fixture);
    CHECK_INT(0, record_count(&fixture.record, 'w'));
    pass(&fixture, SECOND_MS);
    CHECK_INT(1, record_count(&fixture.record, 'w'));
    pass(&fixture, SECOND_MS);
    CHECK_INT(1, record_count(&fixture.record, 'w'));
    CHECK_INT(3, frames_sent(&fixture));
    fixture_end(&fixture);
}

/* A connection that fails to come back until the test says so. */
static void fixture_between(struct fixture *fixture, wsline_options *options) {
    char url[PEER_URL_MAX];

    app_reconnect(options, 60 * MINUTE_MS, 60 * MINUTE_MS, 1, 0, 0);
    fixture_open(fixture, options);
    peer_url(url, "FAULTS", "/status?code=503");
    CHECK_OK(wsline_app_set_url(fixture->app, url));
    CHECK_OK(wsline_app_reconnect(fixture->app, WSLINE_CLOSE_NORMAL, NULL));
    turn_until(fixture, 'c', 1);
    CHECK_OK(wsline_app_reconnect(fixture->app, WSLINE_CLOSE_NORMAL, NULL));
    turn_until(fixture, 'e', 1);
    peer_url(url, "FAULTS", "/echo");
    CHECK_OK(wsline_app_set_url(fixture->app, url));
}

static void messages_that_are_too_old_are_dropped(void) {
    struct fixture fixture;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_keep_unsent_ms(options, MINUTE_MS));
    fixture_between(&fixture, options);
    send_text(&fixture, "too old");
    send_text(&fixture, "too old");
    pass(&fixture, MARGIN_MS);
    send_text(&fixture, "younger");
    pass(&fixture, MINUTE_MS - MARGIN_MS);
    send_text(&fixture, "new");
    CHECK_INT(24 + 4 * OVERHEAD, wsline_app_send_queue_bytes(fixture.app));
    lines_begin();
    CHECK_OK(wsline_app_reconnect(fixture.app, WSLINE_CLOSE_NORMAL, NULL));
    turn_until(&fixture, 'r', 1);
    turn_until(&fixture, 'm', 2);
    CHECK_HAS("2 messages had become too old to be sent", lines_end());
    turn(&fixture);
    CHECK_INT(2, record_count(&fixture.record, 'm'));
    CHECK_INT(2, frames_sent(&fixture));
    CHECK_TEXT("new", fixture.record.text);
    fixture_end(&fixture);
}

static void old_messages_make_room_for_new_ones(void) {
    struct fixture fixture;
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_keep_unsent_ms(options, MINUTE_MS));
    REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, 10 + 2 * OVERHEAD));
    fixture_between(&fixture, options);
    send_text(&fixture, "01234");
    send_text(&fixture, "56789");
    CHECK_STATUS(WSLINE_ERR_WOULD_BLOCK, wsline_app_send_text(fixture.app, "x", 1));
    pass(&fixture, MINUTE_MS);
    send_text(&fixture, "new");
    CHECK_INT(3 + OVERHEAD, wsline_app_send_queue_bytes(fixture.app));
    fixture_end(&fixture);
}

static void arguments_are_checked(void) {
    wsline_options *options = peer_options();

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_send_rate(options, 1, 0));
    CHECK_HAS("`per_ms` is 0; it must be 1 to 86400000", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_send_rate(options, 1, 86400001));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_send_rate(NULL, 1, 1));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_send_rate_bytes(NULL, 1));
    CHECK_OK(wsline_options_set_send_rate(options, UINT64_MAX, 86400000));
    CHECK_OK(wsline_options_set_send_rate_bytes(options, UINT64_MAX));
    CHECK_OK(wsline_options_set_send_rate(options, 0, 0));
    CHECK_OK(wsline_options_set_send_rate_bytes(options, 0));
    wsline_options_free(options);
}

static const struct test tests[] = {
    TEST(no_span_holds_more_messages_than_the_limit),
    TEST(single_messages_within_the_limit_never_wait),
    TEST(pings_count_but_do_not_wait),
    TEST(bytes_are_limited_per_second),
    TEST(the_limit_applies_across_connections),
    TEST(without_keeping_a_reconnect_reports_what_waits),
    TEST(a_close_does_not_wait_for_the_rate),
    TEST(a_slow_close_does_not_keep_the_loop_busy),
    TEST(frames_of_the_last_connection_count),
    TEST(a_ping_sends_what_is_corked),
    TEST(corked_messages_do_not_keep_the_queue_full),
    TEST(fragments_wait_in_their_order),
    TEST(fragments_are_not_kept),
    TEST(corked_messages_keep_to_the_rate),
    TEST(the_queue_is_bounded_while_the_rate_holds_it),
    TEST(messages_that_are_too_old_are_dropped),
    TEST(old_messages_make_room_for_new_ones),
    TEST(arguments_are_checked),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
