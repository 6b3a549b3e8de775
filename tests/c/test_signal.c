/* SPDX-License-Identifier: Apache-2.0 */
/* Signal handlers that run while a call waits. */
#include "app.h"
#include "clock.h"
#include "ended.h"
#include "gate.h"
#include "peer.h"

#include <signal.h>

enum { BETWEEN_SIGNALS_MS = 10, MUCH = 8 << 20 };

static volatile sig_atomic_t handled;

static void count_signal(int number) {
    (void)number;
    handled++;
}

static void handle_signals(void (*handler)(int), int flags) {
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

static void *signals_run(void *argument) {
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

static void signals_start(struct signals *signals) {
    memset(signals, 0, sizeof *signals);
    pthread_mutex_init(&signals->lock, NULL);
    signals->target = pthread_self();
    signals->thread = thread_start(signals_run, signals);
}

static void signals_end(struct signals *signals) {
    pthread_mutex_lock(&signals->lock);
    signals->is_over = true;
    pthread_mutex_unlock(&signals->lock);
    thread_join(signals->thread);
}

static wsline_conn *interruptible(const char *peer, const char *path) {
    wsline_options *options = peer_options();
    wsline_conn *conn;

    REQUIRE_OK(wsline_options_set_interruptible(options, true));
    conn = peer_connect(peer, path, options);
    wsline_options_free(options);
    return conn;
}

static const uint8_t *much(void) {
    static uint8_t *payload;

    if (payload == NULL) payload = malloc(MUCH);
    REQUIRE(payload != NULL);
    for (size_t i = 0; i < MUCH; i++) payload[i] = (uint8_t)(i * 31 + i / 4096);
    return payload;
}

/* Also where the kernel restarts recv(2) after the handler. */
static const int handler_flags[] = {0, SA_RESTART};

static void a_signal_ends_a_receive(void) {
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

/* The sent part of a message cannot be undone: the rest follows. */
static void a_signal_ends_a_send_and_no_byte_is_lost(void) {
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

/* For messages that are written to the socket at once if it has space for them. */
static void the_rest_of_a_message_is_sent_after_a_signal(void) {
    enum { LEN = 900000, MOST = 40 };
    struct gate gate = gate_new("FAULTS");
    char path[256];
    wsline_conn *conn = interruptible("FAULTS", gate_path(&gate, "/stall-then-echo?", path));
    const uint8_t *payload = much();
    struct signals signals;
    int sent = 0;

    handle_signals(count_signal, SA_RESTART);
    signals_start(&signals);
    while (sent < MOST && wsline_conn_send_binary(conn, payload + sent, LEN) == WSLINE_OK) sent++;
    signals_end(&signals);
    CHECK(sent > 0 && sent < MOST);
    gate_open(&gate);
    for (int i = 0; i < sent; i++) {
        wsline_message message;

        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK(message.len == LEN && memcmp(payload + i, message.data, LEN) == 0);
    }
    peer_hang_up(conn);
}

static void a_signal_ends_a_close_that_may_be_repeated(void) {
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

static void a_signal_ends_a_connect_that_may_be_repeated(void) {
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

static void without_the_option_a_wait_continues(void) {
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

/* The calls that are allowed in a handler, on a connection, an app and a loop. */
static wsline_conn *conn_to_abort;
static wsline_app *app_to_abort;
static wsline_loop *loop_to_stop;

static void abort_conn(int number) {
    (void)number;
    wsline_conn_abort(conn_to_abort);
}

static void interrupt_app(int number) {
    (void)number;
    wsline_app_abort_from_signal(app_to_abort);
}

static void stop_loop(int number) {
    (void)number;
    wsline_loop_stop(loop_to_stop);
}

/* Sends one signal when the thread should be waiting. */
static void *signal_run(void *target) {
    enum { PAUSE_MS = 200 };

    clock_sleep_ms(PAUSE_MS);
    CHECK(pthread_kill(*(pthread_t *)target, SIGUSR1) == 0);
    return NULL;
}

static pthread_t signal_later(void (*handler)(int)) {
    static pthread_t self;

    self = pthread_self();
    handle_signals(handler, SA_RESTART);
    return thread_start(signal_run, &self);
}

static void a_handler_aborts_a_waiting_call(void) {
    static const struct {
        const char *peer, *path;
        char call; /* the letter of the waiting object */
    } rows[] = {
        {"WEBSOCKETS", "/", 'r'},  {"WEBSOCKETS_TLS", "/", 'r'},
        {"FAULTS", "/stall", 's'}, {"FAULTS_TLS", "/stall", 's'},
        {"FAULTS", "/stall", 'x'}, {"FAULTS_TLS", "/no-close-reply", 'x'},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        pthread_t thread;
        wsline_message message;
        wsline_status status = WSLINE_OK;

        check_row(rows[i].peer);
        conn_to_abort = peer_connect(rows[i].peer, rows[i].path, NULL);
        thread = signal_later(abort_conn);
        if (rows[i].call == 'r') status = wsline_conn_recv(conn_to_abort, WSLINE_FOREVER, &message);
        while (rows[i].call == 's' && status == WSLINE_OK)
            status = wsline_conn_send_binary(conn_to_abort, much(), MUCH);
        if (rows[i].call == 'x')
            status = wsline_conn_close(conn_to_abort, WSLINE_CLOSE_NORMAL, NULL, WSLINE_FOREVER);
        CHECK_STATUS(WSLINE_ERR_ABORTED, status);
        thread_join(thread);
        CHECK(!wsline_conn_is_open(conn_to_abort));
        check_over(conn_to_abort, WSLINE_ERR_ABORTED);
        CHECK_STATUS(WSLINE_ERR_ABORTED,
                     wsline_conn_close(conn_to_abort, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
        wsline_conn_free(conn_to_abort);
    }
}

/* A handler that took a lock or allocated memory would eventually deadlock with the code that it
 * interrupted. */
static void a_handler_interrupts_the_library_anywhere(void) {
    size_t rounds = check_scaled(30, 3);

    for (size_t i = 0; i < rounds; i++) {
        struct record record;
        struct signals signals;
        wsline_status status = WSLINE_OK;

        conn_to_abort = peer_connect("FAULTS", "/swallow", NULL);
        handle_signals(abort_conn, 0);
        signals_start(&signals);
        while (status == WSLINE_OK) status = wsline_conn_send_text(conn_to_abort, "x", 1);
        CHECK_STATUS(WSLINE_ERR_ABORTED, status);
        signals_end(&signals);
        wsline_conn_free(conn_to_abort);

        app_to_abort = app_make("FAULTS", "/swallow", NULL, &record);
        REQUIRE_OK(wsline_app_start(app_to_abort));
        REQUIRE(record_wait(&record, 'o', 1));
        handle_signals(interrupt_app, 0);
        signals_start(&signals);
        while (wsline_app_is_running(app_to_abort)) wsline_app_send_text(app_to_abort, "x", 1);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app_to_abort, WAIT_MS));
        signals_end(&signals);
        wsline_app_free(app_to_abort);
    }
}

static void a_handler_aborts_a_connect(void) {
    static const char *const peers[] = {"FAULTS", "FAULTS_TLS"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        wsline_options *options = peer_options();
        char url[PEER_URL_MAX];
        pthread_t thread;

        check_row(peers[i]);
        REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, WSLINE_FOREVER));
        REQUIRE_OK(wsline_conn_new(options, &conn_to_abort));
        wsline_options_free(options);
        peer_url(url, peers[i], "/hang");
        thread = signal_later(abort_conn);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(conn_to_abort, url));
        thread_join(thread);
        wsline_conn_free(conn_to_abort);
    }
}

/* In each phase: connecting, open, and waiting to reconnect. */
static void a_handler_ends_an_app(void) {
    static const struct {
        const char *peer, *path;
    } rows[] = {
        {"FAULTS", "/hang"},
        {"WEBSOCKETS", "/"},
        {"WEBSOCKETS_TLS", "/"},
        {"FAULTS", "/status?code=503"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();
        struct record record;
        pthread_t thread;

        check_row(rows[i].path);
        REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, WSLINE_FOREVER));
        app_reconnect(options, WAIT_MS, WAIT_MS, 1, 0, 0);
        app_to_abort = app_make(rows[i].peer, rows[i].path, options, &record);
        wsline_options_free(options);
        thread = signal_later(interrupt_app);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_run(app_to_abort));
        thread_join(thread);
        /* Before the run: it ends at once, and the next one does not. */
        CHECK_OK(wsline_app_abort_from_signal(app_to_abort));
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_run(app_to_abort));
        thread = signal_later(interrupt_app);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_run(app_to_abort));
        thread_join(thread);
        wsline_app_free(app_to_abort);
    }
}

static void a_handler_ends_an_app_on_its_own_thread(void) {
    struct record record;
    pthread_t thread;

    app_to_abort = app_make("WEBSOCKETS", "/", NULL, &record);
    REQUIRE_OK(wsline_app_start(app_to_abort));
    REQUIRE(record_wait(&record, 'o', 1));
    thread = signal_later(interrupt_app);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app_to_abort, WAIT_MS));
    thread_join(thread);
    wsline_app_free(app_to_abort);
}

static void a_handler_stops_a_loop(void) {
    struct record record;
    wsline_app *app = app_make("WEBSOCKETS", "/", NULL, &record);
    pthread_t thread;

    REQUIRE_OK(wsline_loop_new(&loop_to_stop));
    REQUIRE_OK(wsline_loop_add(loop_to_stop, app));
    for (int i = 0; i < 2; i++) {
        thread = signal_later(stop_loop);
        CHECK_OK(wsline_loop_run(loop_to_stop));
        thread_join(thread);
    }
    CHECK(wsline_app_is_open(app));
    wsline_app_free(app);
    wsline_loop_free(loop_to_stop);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_signal_ends_a_receive),
        TEST(a_signal_ends_a_send_and_no_byte_is_lost),
        TEST(the_rest_of_a_message_is_sent_after_a_signal),
        TEST(a_signal_ends_a_close_that_may_be_repeated),
        TEST(a_signal_ends_a_connect_that_may_be_repeated),
        TEST(without_the_option_a_wait_continues),
        TEST(a_handler_aborts_a_waiting_call),
        TEST(a_handler_interrupts_the_library_anywhere),
        TEST(a_handler_aborts_a_connect),
        TEST(a_handler_ends_an_app),
        TEST(a_handler_ends_an_app_on_its_own_thread),
        TEST(a_handler_stops_a_loop),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
