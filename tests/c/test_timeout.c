/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of an open connection: they are met, and harmless unless a frame is half sent. */
#include "clock.h"
#include "peer.h"

static void check_alive(wsline_conn *conn) {
    wsline_message message;

    CHECK(wsline_conn_is_open(conn));
    CHECK_OK(wsline_conn_send_text(conn, "alive", WSLINE_NUL_TERMINATED));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("alive", 5, message.data, message.len);
}

static void a_receive_ends_at_its_deadline_and_harms_nothing(void) {
    static const int64_t timeouts[] = {0, 1, 50, 300};

    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        wsline_conn *conn;

        check_row(peer_echo_servers[i]);
        conn = peer_connect(peer_echo_servers[i], "/", NULL);
        for (size_t k = 0; k < COUNT_OF(timeouts); k++) {
            wsline_message message = {.len = 9};
            struct stopwatch start = stopwatch_start();

            CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, timeouts[k], &message));
            CHECK_TOOK(timeouts[k], start);
            CHECK(message.data == NULL && message.len == 0);
        }
        check_alive(conn);
        peer_hang_up(conn);
    }
}

static void events_and_frames_have_deadlines_too(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    wsline_message message;
    wsline_frame frame;
    struct stopwatch start = stopwatch_start();

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv_event(conn, 50, &message));
    CHECK_TOOK(50, start);
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv_frame(conn, 50, &frame));
    CHECK_TOOK(50, start);
    check_alive(conn);
    peer_hang_up(conn);
}

static void a_receive_with_timeout_0_returns_what_has_arrived(void) {
    wsline_conn *conn = peer_connect("FAULTS", "/frame?hex=810161810162", NULL);
    wsline_message message;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("a", 1, message.data, message.len);
    /* Both arrived in one piece. */
    REQUIRE_OK(wsline_conn_recv(conn, 0, &message));
    CHECK_BYTES("b", 1, message.data, message.len);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 0, &message));
    peer_hang_up(conn);
}

static void half_a_message_is_kept_for_the_next_receive(void) {
    static const char text[] = "every byte of this comes in a segment of its own";
    wsline_conn *conn = peer_connect("FAULTS", "/drip-echo?ms=5", NULL);
    wsline_message message;
    wsline_status status;
    int timeouts = 0;

    CHECK_OK(wsline_conn_send_text(conn, text, WSLINE_NUL_TERMINATED));
    while ((status = wsline_conn_recv(conn, 10, &message)) == WSLINE_ERR_TIMEOUT) timeouts++;
    REQUIRE_OK(status);
    CHECK_BYTES(text, sizeof text - 1, message.data, message.len);
    CHECK(timeouts > 2);

    /* The same without waiting. */
    CHECK_OK(wsline_conn_send_text(conn, text, WSLINE_NUL_TERMINATED));
    while ((status = wsline_conn_recv(conn, 0, &message)) == WSLINE_ERR_TIMEOUT) clock_pause();
    REQUIRE_OK(status);
    CHECK_BYTES(text, sizeof text - 1, message.data, message.len);
    peer_hang_up(conn);
}

static void single_bytes_do_not_extend_the_deadline(void) {
    static const char text[] = "0123456789012345678901234567890123456789";
    wsline_conn *conn = peer_connect("FAULTS", "/drip-echo?ms=20", NULL);
    wsline_message message;
    struct stopwatch start;

    CHECK_OK(wsline_conn_send_text(conn, text, WSLINE_NUL_TERMINATED));
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 200, &message));
    CHECK_TOOK(200, start);
    wsline_conn_free(conn);
}

static void ignore_signal(int number) { (void)number; }

/* Sends the test's thread a signal every 20 ms until told to stop. */
struct nuisance {
    pthread_t target;
    pthread_mutex_t lock;
    bool stop;
};

static void *be_a_nuisance(void *argument) {
    struct nuisance *nuisance = argument;
    bool stop = false;

    while (!stop) {
        clock_sleep_ms(20);
        pthread_mutex_lock(&nuisance->lock);
        stop = nuisance->stop;
        if (!stop) pthread_kill(nuisance->target, SIGUSR1);
        pthread_mutex_unlock(&nuisance->lock);
    }
    return NULL;
}

static void signals_do_not_extend_the_deadline(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS"};
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = ignore_signal;
    REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct nuisance nuisance = {.target = pthread_self(), .lock = PTHREAD_MUTEX_INITIALIZER};
        wsline_conn *conn;
        wsline_message message;
        pthread_t thread;
        struct stopwatch start;

        check_row(peers[i]);
        conn = peer_connect(peers[i], "/", NULL);
        thread = thread_start(be_a_nuisance, &nuisance);
        start = stopwatch_start();
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 200, &message));
        CHECK_TOOK(200, start);
        pthread_mutex_lock(&nuisance.lock);
        nuisance.stop = true;
        pthread_mutex_unlock(&nuisance.lock);
        thread_join(thread);
        check_alive(conn);
        peer_hang_up(conn);
    }
}

static void the_connections_default_timeout_is_used_by_its_constant(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn;
    wsline_message message;
    struct stopwatch start;

    CHECK_OK(wsline_options_set_timeout_ms(options, 100));
    conn = peer_connect("WEBSOCKETS", "/", options);
    wsline_options_free(options);
    CHECK_INT(100, wsline_conn_timeout_ms(conn));
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, WSLINE_DEFAULT_TIMEOUT, &message));
    CHECK_TOOK(100, start);

    CHECK_OK(wsline_conn_set_timeout_ms(conn, 250));
    CHECK_INT(250, wsline_conn_timeout_ms(conn));
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, WSLINE_DEFAULT_TIMEOUT, &message));
    CHECK_TOOK(250, start);
    peer_hang_up(conn);
}

static void invalid_times_are_rejected(void) {
    static const int64_t bad[] = {-3, -1000, INT64_MIN};
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    wsline_message message;
    wsline_frame frame;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_recv(conn, bad[i], &message));
        CHECK_HAS("`timeout_ms`", wsline_last_error_message());
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_recv_event(conn, bad[i], &message));
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_recv_frame(conn, bad[i], &frame));
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_set_timeout_ms(conn, bad[i]));
    }
    CHECK_INT(WSLINE_DEFAULT_TIMEOUT, wsline_conn_timeout_ms(conn));
    peer_hang_up(conn);
}

static void the_longest_time_does_not_overflow(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn;
    wsline_message message;

    CHECK_OK(wsline_options_set_connect_timeout_ms(options, INT64_MAX));
    CHECK_OK(wsline_options_set_send_timeout_ms(options, INT64_MAX));
    CHECK_OK(wsline_options_set_close_timeout_ms(options, INT64_MAX));
    conn = peer_connect("WEBSOCKETS", "/", options);
    wsline_options_free(options);
    CHECK_OK(wsline_conn_send_text(conn, "x", 1));
    CHECK_OK(wsline_conn_recv(conn, INT64_MAX, &message));
    CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, INT64_MAX));
    wsline_conn_free(conn);
}

/* A send to a peer that does not read: `options` set its deadline. */
static void check_stalled_send(const wsline_options *options, int64_t want_ms) {
    size_t len = 64 << 20;
    uint8_t *payload = calloc(1, len);
    wsline_conn *conn = peer_connect("FAULTS", "/stall", options);
    wsline_message message;
    struct stopwatch start = stopwatch_start();

    REQUIRE(payload != NULL);
    /* Half a frame has been sent, so nothing can follow it. */
    CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_send_binary(conn, payload, len));
    CHECK_TOOK(want_ms, start);
    CHECK_HAS("time", wsline_last_error_message());
    CHECK(!wsline_conn_is_open(conn));
    CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_send_text(conn, "x", 1));
    CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(conn, WAIT_MS, &message));
    wsline_conn_free(conn);
    free(payload);
}

static void a_send_that_is_stuck_ends_the_connection_at_its_deadline(void) {
    wsline_options *options = peer_options();

    CHECK_OK(wsline_options_set_send_timeout_ms(options, 400));
    check_stalled_send(options, 400);
    wsline_options_free(options);
}

static void the_send_timeout_defaults_to_the_timeout(void) {
    wsline_options *options = peer_options();

    CHECK_OK(wsline_options_set_timeout_ms(options, 400));
    check_stalled_send(options, 400);
    wsline_options_free(options);
}

static void a_slow_peer_receives_everything_within_the_deadline(void) {
    size_t len = check_scaled(1 << 20, 1 << 16);
    uint8_t *payload = calloc(1, len);
    wsline_conn *conn = peer_connect("FAULTS", "/slow-read?bps=4000000", NULL);
    wsline_message message;

    REQUIRE(payload != NULL);
    CHECK_OK(wsline_conn_send_binary(conn, payload, len));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES(payload, len, message.data, message.len);
    peer_hang_up(conn);
    free(payload);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_receive_ends_at_its_deadline_and_harms_nothing),
        TEST(events_and_frames_have_deadlines_too),
        TEST(a_receive_with_timeout_0_returns_what_has_arrived),
        TEST(half_a_message_is_kept_for_the_next_receive),
        TEST(single_bytes_do_not_extend_the_deadline),
        TEST(signals_do_not_extend_the_deadline),
        TEST(the_connections_default_timeout_is_used_by_its_constant),
        TEST(invalid_times_are_rejected),
        TEST(the_longest_time_does_not_overflow),
        TEST(a_send_that_is_stuck_ends_the_connection_at_its_deadline),
        TEST(the_send_timeout_defaults_to_the_timeout),
        TEST(a_slow_peer_receives_everything_within_the_deadline),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
