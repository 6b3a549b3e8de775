/* SPDX-License-Identifier: Apache-2.0 */
/* Signal handlers that run while a call waits. */
#include "clock.h"
#include "gate.h"
#include "peer.h"

#include <signal.h>

enum { BETWEEN_SIGNALS_MS = 10, MUCH = 8 << 20 };

static volatile sig_atomic_t handled;

static void count_signal(int number)
{
    (void)number;
    handled++;
}

static void handle_signals(void (*handler)(int), int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
}

/* Sends signals to the thread that started it until it is told to end. */
struct signals {
    pthread_t target;
    pthread_t thread;
    pthread_mutex_t lock;
    bool is_over;
};

static void *signals_run(void *argument)
{
    struct signals *signals = argument;
    bool is_over = false;

    while (!is_over) {
        clock_sleep_ms(BETWEEN_SIGNALS_MS);
        CHECK(pthread_kill(signals->target, SIGUSR1) == 0);
        pthread_mutex_lock(&signals->lock);
        is_over = signals->is_over;
        pthread_mutex_unlock(&signals->lock);
    }
    return NULL;
}

static void signals_start(struct signals *signals)
{
    memset(signals, 0, sizeof *signals);
    pthread_mutex_init(&signals->lock, NULL);
    signals->target = pthread_self();
    signals->thread = thread_start(signals_run, signals);
}

static void signals_end(struct signals *signals)
{
    pthread_mutex_lock(&signals->lock);
    signals->is_over = true;
    pthread_mutex_unlock(&signals->lock);
    thread_join(signals->thread);
}

static wsline_conn *interruptible(const char *peer, const char *path)
{
    wsline_options *options = peer_options();
    wsline_conn *conn;

    REQUIRE_OK(wsline_options_set_interruptible(options, true));
    conn = peer_connect(peer, path, options);
    wsline_options_free(options);
    return conn;
}

static const uint8_t *much(void)
{
    static uint8_t *payload;

    if (payload == NULL)
        payload = malloc(MUCH);
    REQUIRE(payload != NULL);
    for (size_t i = 0; i < MUCH; i++)
        payload[i] = (uint8_t)(i * 31 + i / 4096);
    return payload;
}

/* Also where the system resumes a recv(2) after the handler. */
static const int handler_flags[] = {0, SA_RESTART};

static void a_signal_ends_a_receive(void)
{
    static const char *const peers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS"};

    for (size_t i = 0; i < COUNT_OF(peers) * COUNT_OF(handler_flags); i++) {
        const char *peer = peers[i % COUNT_OF(peers)];
        wsline_conn *conn = interruptible(peer, "/");
        struct signals signals;
        wsline_message message;

        check_row(peer);
        handle_signals(count_signal, handler_flags[i / COUNT_OF(peers)]);
        signals_start(&signals);
        CHECK_STATUS(WSLINE_ERR_INTERRUPTED, wsline_conn_recv(conn, WSLINE_FOREVER, &message));
        CHECK_STATUS(WSLINE_ERR_INTERRUPTED, wsline_conn_recv(conn, WAIT_MS, &message));
        signals_end(&signals);
        CHECK_OK(wsline_conn_send_text(conn, "on", 2));
        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK_BYTES("on", 2, message.data, message.len);
        peer_hang_up(conn);
    }
}

/* What of a message has left cannot be taken back: the rest follows. */
static void a_signal_ends_a_send_and_no_byte_is_lost(void)
{
    static const char *const peers[] = {"FAULTS", "FAULTS_TLS"};
    const uint8_t *payload = much();

    handle_signals(count_signal, SA_RESTART);
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct gate gate = gate_new("FAULTS");
        char path[256];
        wsline_conn *conn = interruptible(peers[i], gate_path(&gate, "/stall-then-echo?", path));
        struct signals signals;
        wsline_message message;

        check_row(peers[i]);
        signals_start(&signals);
        CHECK_OK(wsline_conn_send_binary(conn, payload, MUCH));
        CHECK_STATUS(WSLINE_ERR_INTERRUPTED, wsline_conn_send_text(conn, "not sent", 8));
        CHECK_STATUS(WSLINE_ERR_INTERRUPTED, wsline_conn_recv(conn, WSLINE_FOREVER, &message));
        CHECK_STATUS(WSLINE_ERR_INTERRUPTED,
                     wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WSLINE_FOREVER));
        signals_end(&signals);
        gate_open(&gate);
        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK(message.len == MUCH && memcmp(payload, message.data, MUCH) == 0);
        CHECK_OK(wsline_conn_send_text(conn, "next", 4));
        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK_BYTES("next", 4, message.data, message.len);
        peer_hang_up(conn);
    }
}

static void a_signal_ends_a_close_that_may_be_repeated(void)
{
    wsline_conn *conn = interruptible("FAULTS", "/no-close-reply");
    struct signals signals;

    handle_signals(count_signal, SA_RESTART);
    signals_start(&signals);
    for (int i = 0; i < 2; i++)
        CHECK_STATUS(WSLINE_ERR_INTERRUPTED,
                     wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WSLINE_FOREVER));
    signals_end(&signals);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 10));
    wsline_conn_free(conn);
}

static void a_signal_ends_a_connect_that_may_be_repeated(void)
{
    static const char *const peers[] = {"FAULTS", "FAULTS_TLS"};

    handle_signals(count_signal, SA_RESTART);
    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_options *options = peer_options();
        wsline_conn *conn = NULL;
        char url[PEER_URL_MAX];
        struct signals signals;

        check_row(peers[i]);
        REQUIRE_OK(wsline_options_set_interruptible(options, true));
        REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, WSLINE_FOREVER));
        REQUIRE_OK(wsline_conn_new(options, &conn));
        wsline_options_free(options);
        peer_url(url, peers[i], "/hang");
        signals_start(&signals);
        CHECK_STATUS(WSLINE_ERR_INTERRUPTED, wsline_conn_connect(conn, url));
        signals_end(&signals);
        peer_url(url, peers[i], "/echo");
        CHECK_OK(wsline_conn_connect(conn, url));
        peer_hang_up(conn);
    }
}

static void without_the_option_a_wait_goes_on(void)
{
    enum { SPAN_MS = 300 };

    for (size_t i = 0; i < COUNT_OF(handler_flags); i++) {
        wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
        struct signals signals;
        struct stopwatch start;
        wsline_message message;

        handle_signals(count_signal, handler_flags[i]);
        handled = 0;
        signals_start(&signals);
        start = stopwatch_start();
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, SPAN_MS, &message));
        CHECK_TOOK(SPAN_MS, start);
        signals_end(&signals);
        CHECK(handled > 0);
        peer_hang_up(conn);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_signal_ends_a_receive),
        TEST(a_signal_ends_a_send_and_no_byte_is_lost),
        TEST(a_signal_ends_a_close_that_may_be_repeated),
        TEST(a_signal_ends_a_connect_that_may_be_repeated),
        TEST(without_the_option_a_wait_goes_on),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
