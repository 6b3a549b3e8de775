/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that are cancelled in a call of the library: the call returns first. */
#include "app.h"

/* A thread that waits in a call, to be cancelled. */
struct waiting {
    wsline_conn *conn;
    wsline_app *app;
    char url[PEER_URL_MAX];
    char call;
    wsline_status status;
};

static void *wait_in_call(void *argument) {
    enum { FAR_TOO_MUCH = 16 << 20 };
    static const char data[FAR_TOO_MUCH];
    struct waiting *waiting = argument;
    wsline_message message;

    switch (waiting->call) {
    case 'r':
        waiting->status = wsline_conn_recv(waiting->conn, WSLINE_FOREVER, &message);
        break;
    case 's':
        waiting->status = wsline_conn_send_binary(waiting->conn, data, sizeof data);
        break;
    case 'k':
        waiting->status = wsline_conn_close(waiting->conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS);
        break;
    case 'c':
        waiting->status = wsline_conn_connect(waiting->conn, waiting->url);
        break;
    default:
        waiting->status = wsline_app_run(waiting->app);
        break;
    }
    pthread_testcancel();
    return NULL;
}

static void a_cancelled_thread_leaves_its_call_first(void) {
    static const struct {
        const char *peer, *path;
        char call;
    } rows[] = {
        {"WEBSOCKETS", "/", 'r'},           {"WEBSOCKETS_TLS", "/", 'r'}, {"FAULTS", "/stall", 's'},
        {"FAULTS", "/no-close-reply", 'k'}, {"FAULTS", "/hang", 'c'},     {"WEBSOCKETS", "/", 'a'},
    };
    enum { PAUSE_MS = 200 };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct waiting waiting = {.call = rows[i].call};
        struct record record;
        wsline_options *options = peer_options();
        pthread_t thread;
        void *result = NULL;

        check_row(rows[i].path);
        if (strchr("rsk", rows[i].call) != NULL)
            waiting.conn = peer_connect(rows[i].peer, rows[i].path, NULL);
        else if (rows[i].call == 'c')
            REQUIRE_OK(wsline_conn_new(options, &waiting.conn));
        else
            waiting.app = app_make(rows[i].peer, rows[i].path, NULL, &record);
        wsline_options_free(options);
        peer_url(waiting.url, rows[i].peer, rows[i].path);
        thread = thread_start(wait_in_call, &waiting);
        clock_sleep_ms(PAUSE_MS);
        CHECK(pthread_cancel(thread) == 0);
        clock_sleep_ms(PAUSE_MS);
        CHECK_OK(waiting.app == NULL ? wsline_conn_abort(waiting.conn)
                                     : wsline_app_abort(waiting.app));
        CHECK(pthread_join(thread, &result) == 0);
        CHECK(result == PTHREAD_CANCELED);
        CHECK_STATUS(WSLINE_ERR_ABORTED, waiting.status);
        wsline_conn_free(waiting.conn);
        wsline_app_free(waiting.app);
    }
}

/* Functions of the caller are cancellation points, too. */
static void log_line(int32_t level, const char *message, void *userdata) {
    (void)level, (void)message, (void)userdata;
    pthread_testcancel();
}

static int32_t fill_mask_key(uint8_t key[4], void *userdata) {
    (void)userdata;
    pthread_testcancel();
    memset(key, 7, 4);
    return 0;
}

static void release_nothing(void *userdata) {
    (void)userdata;
    pthread_testcancel();
}

/* Sends messages on a thread that is already cancelled: each cancellation point in these calls
 * would take effect at once. */
static void *exchange_while_cancelled(void *argument) {
    enum { LARGE = 300000 };
    static const char large[LARGE];
    wsline_conn *conn = argument;
    wsline_message message;

    CHECK(pthread_cancel(pthread_self()) == 0);
    CHECK_OK(wsline_conn_send_text(conn, "one", 3));
    CHECK_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_OK(wsline_conn_cork(conn));
    CHECK_OK(wsline_conn_send_binary(conn, "three", 5));
    CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "four", 4, false));
    CHECK_OK(wsline_conn_send_fragment(conn, WSLINE_OPCODE_TEXT, "", 0, true));
    CHECK_OK(wsline_conn_uncork(conn));
    CHECK_OK(wsline_conn_recv(conn, WSLINE_FOREVER, &message));
    CHECK_OK(wsline_conn_recv_part(conn, WSLINE_FOREVER, &message));
    CHECK_OK(wsline_conn_ping(conn, "five", 4));
    CHECK_OK(wsline_conn_recv_event(conn, WAIT_MS, &message));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 1, &message));
    CHECK_OK(wsline_conn_send_binary(conn, large, sizeof large));
    CHECK_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK(message.len == sizeof large);
    CHECK_OK(wsline_conn_send_close(conn, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
    pthread_testcancel();
    return NULL;
}

static void check_cancelled(pthread_t thread) {
    void *result = NULL;

    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
}

static void a_cancelled_thread_exchanges_messages(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        for (char way = 'p'; way <= 't'; way++) {
            wsline_options *options = peer_options();
            wsline_conn *conn;

            check_row(peers[i]);
            if (way == 'q')
                REQUIRE_OK(wsline_options_set_mask_key_fn(options, fill_mask_key, NULL, NULL));
            if (way == 'r') REQUIRE_OK(wsline_options_set_interruptible(options, true));
            conn = peer_connect(peers[i], "/", options);
            if (way == 's')
                CHECK_OK(wsline_set_log(WSLINE_LOG_TRACE, log_line, NULL, release_nothing));
            if (way == 't') CHECK_OK(wsline_set_trace(true));
            check_cancelled(thread_start(exchange_while_cancelled, conn));
            CHECK_OK(wsline_set_log(WSLINE_LOG_OFF, NULL, NULL, NULL));
            wsline_conn_free(conn);
            wsline_options_free(options);
        }
    }
}

static void *send_while_cancelled(void *argument) {
    enum { FAR_TOO_MUCH = 16 << 20 };
    static const char data[FAR_TOO_MUCH];
    wsline_app *app = argument;

    CHECK(pthread_cancel(pthread_self()) == 0);
    CHECK_OK(wsline_app_cork(app));
    CHECK_OK(wsline_app_send_text(app, "x", 1));
    CHECK_OK(wsline_app_uncork(app));
    CHECK_OK(wsline_app_ping(app, "x", 1));
    /* What the socket does not accept is left to the driver, which is woken. */
    CHECK_OK(wsline_app_send_binary(app, data, sizeof data));
    CHECK(wsline_app_send_queue_bytes(app) > 0);
    pthread_testcancel();
    return NULL;
}

static void a_cancelled_thread_sends_through_an_app(void) {
    static const char *const peers[] = {"FAULTS", "FAULTS_TLS"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct record record;
        wsline_app *app;

        check_row(peers[i]);
        app = app_make(peers[i], "/stall", NULL, &record);
        REQUIRE_OK(wsline_app_start(app));
        REQUIRE(record_wait(&record, 'o', 1));
        check_cancelled(thread_start(send_while_cancelled, app));
        CHECK_OK(wsline_app_abort(app));
        wsline_app_free(app);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_cancelled_thread_leaves_its_call_first),
        TEST(a_cancelled_thread_exchanges_messages),
        TEST(a_cancelled_thread_sends_through_an_app),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
