/* SPDX-License-Identifier: Apache-2.0 */
/* Pings that keep a connection alive and detect dead ones. */
#include "app.h"

static wsline_options *pinging(int64_t interval_ms, int64_t timeout_ms) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_ping_payload(options, "hi", 2));
    REQUIRE_OK(wsline_options_set_ping(options, interval_ms, timeout_ms));
    return options;
}

static void pings_are_sent_and_their_round_trip_is_measured(void) {
    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        struct record record;
        wsline_options *options = pinging(20, 5000);
        wsline_app *app = app_make(peer_echo_servers[i], "", options, &record);

        check_row(peer_echo_servers[i]);
        wsline_options_free(options);
        CHECK_OK(wsline_app_start(app));
        REQUIRE(record_wait(&record, 'p', 5));
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
        CHECK_OK(wsline_app_join(app, WAIT_MS));
        CHECK_RANGE(1, 5000000, wsline_app_rtt_us(app));
        /* The user's payload, followed by the number of the ping. */
        CHECK_INT(10, record.message.len);
        CHECK_TEXT("hi", record.text);
        CHECK(record.close.clean);
        CHECK_INT(0, record_count(&record, 'e'));
        wsline_app_free(app);
    }
}

static void without_numbers_a_ping_is_exactly_the_payload(void) {
    struct record record;
    wsline_options *options = pinging(20, 5000);
    wsline_app *app;

    CHECK_OK(wsline_options_set_ping_numbers(options, false));
    app = app_make("WEBSOCKETS", "", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'p', 3));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    CHECK_RANGE(1, 5000000, wsline_app_rtt_us(app));
    CHECK_INT(2, record.message.len);
    CHECK_TEXT("hi", record.text);
    wsline_app_free(app);
}

static void a_dead_server_is_detected_in_time(void) {
    static const struct {
        const char *path;
        int64_t more_ms;
    } rows[] = {
        {"/stall", 0},
        /* Within a message, and within a frame. */
        {"/frame?hex=0103616263&then=stall", 0},
        {"/frame?hex=82647878&then=stall", 0},
        /* The pong is consumed as part of the unfinished frame: bytes arrived, so the timeout
         * restarts. */
        {"/claim?len=100000", 300},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record record;
        wsline_options *options = pinging(200, 300);
        wsline_app *app = app_make("FAULTS", rows[i].path, options, &record);
        struct stopwatch opened;

        check_row(rows[i].path);
        wsline_options_free(options);
        CHECK_OK(wsline_app_start(app));
        REQUIRE(record_wait(&record, 'o', 1));
        opened = (struct stopwatch){record.at_ms * 1000, clock_pressure_us()};
        CHECK_STATUS(WSLINE_ERR_PONG_TIMEOUT, wsline_app_join(app, WAIT_MS));
        CHECK_TOOK(500 + rows[i].more_ms, opened);
        CHECK_TEXT("oec", record.order);
        CHECK_STATUS(WSLINE_ERR_PONG_TIMEOUT, record.error.status);
        CHECK_INT(WSLINE_CLOSE_ABNORMAL, record.close.code);
        CHECK_INT(-1, wsline_app_rtt_us(app));
        wsline_app_free(app);
    }
}

/* A server that answers every ping with a wrong payload counts as alive; its round-trip time is
 * unknown. */
static void any_pong_keeps_a_server_alive(void) {
    struct record record;
    wsline_options *options = pinging(20, 5000);
    wsline_app *app = app_make("FAULTS", "/empty-pongs", options, &record);

    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    /* The next ping is sent only after the previous one has been answered. */
    CHECK(record_wait(&record, 'p', 10));
    CHECK_INT(0, record.message.len);
    CHECK_INT(-1, wsline_app_rtt_us(app));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    CHECK_INT(0, record_count(&record, 'e'));
    CHECK(record.close.clean);
    wsline_app_free(app);
}

/* Pongs received before a ping do not answer it. */
static void earlier_pongs_do_not_keep_a_server_alive(void) {
    struct record record;
    wsline_options *options = pinging(100, 300);
    wsline_app *app = app_make("FAULTS", "/frame?hex=8a026869&n=50&then=stall", options, &record);

    wsline_options_free(options);
    wsline_app_start(app);
    CHECK_STATUS(WSLINE_ERR_PONG_TIMEOUT, wsline_app_join(app, WAIT_MS));
    CHECK_INT(50, record_count(&record, 'p'));
    wsline_app_free(app);
}

/* A server that reads slowly has the ping behind megabytes of our data; while they move, it counts
 * as alive. */
static void a_slow_server_is_not_dead(void) {
    struct record record;
    wsline_options *options = pinging(100, 2000);
    size_t len = 3000000;
    char *data = calloc(1, len);
    wsline_app *app = app_make("FAULTS", "/slow-read?bps=600000", options, &record);

    wsline_options_free(options);
    REQUIRE(data != NULL);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    CHECK_OK(wsline_app_send_binary(app, data, len));
    CHECK(record_wait(&record, 'm', 1) || record_count(&record, 'e') == 0);
    CHECK_INT(0, record_count(&record, 'e'));
    wsline_app_abort(app);
    wsline_app_free(app);
    free(data);
}

static void invalid_numbers_are_rejected(void) {
    wsline_options *options = peer_options();
    char payload[126] = {0};

    CHECK_OK(wsline_options_set_ping(options, 0, 0));
    CHECK_OK(wsline_options_set_ping_payload(options, payload, 117));
    CHECK_OK(wsline_options_set_ping_payload(options, NULL, 0));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_ping(options, -1, 0));
    CHECK_HAS("interval_ms", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_ping(options, 1, -1));
    CHECK_HAS("timeout_ms", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_ping(options, 0, 10));
    CHECK_HAS("interval", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_options_set_ping_payload(options, payload, 118));
    CHECK_HAS("has 118 bytes; the limit is 117", wsline_last_error_message());
    CHECK_OK(wsline_options_set_ping_numbers(options, false));
    CHECK_OK(wsline_options_set_ping_payload(options, payload, 125));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_options_set_ping_payload(options, payload, 126));
    CHECK_HAS("has 126 bytes; the limit is 125", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_ping_numbers(options, true));
    CHECK_HAS("the payload has 125 bytes; the limit is 117", wsline_last_error_message());
    wsline_options_free(options);
}

static const struct test tests[] = {
    TEST(pings_are_sent_and_their_round_trip_is_measured),
    TEST(without_numbers_a_ping_is_exactly_the_payload),
    TEST(a_dead_server_is_detected_in_time),
    TEST(any_pong_keeps_a_server_alive),
    TEST(earlier_pongs_do_not_keep_a_server_alive),
    TEST(a_slow_server_is_not_dead),
    TEST(invalid_numbers_are_rejected),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
