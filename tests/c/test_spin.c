/* SPDX-License-Identifier: Apache-2.0 */
/* wsline_options_set_spin_us(): a wait that polls before it sleeps. */
/* syscall() */
#define _DEFAULT_SOURCE
#include "calls.h"
#include "clock.h"
#include "listen.h"
#include "upgrade.h"

enum {
    ANSWER_MS = 30, /* until the server replies */
    LONG_US = 60 * 1000 * 1000,
    SHORT_US = 1000,
    MANY = 5, /* more calls than a sleeping wait makes */
};

struct server {
    struct listener listener;
    pthread_t thread;
};

/* Replies with "a" to everything, each time after a delay. */
static void *serve(void *argument) {
    static const unsigned char answer[] = {0x81, 1, 'a'};
    struct server *server = argument;
    int fd = accept(server->listener.fd, NULL, NULL);
    char frame[256];

    upgrade(fd);
    while (recv(fd, frame, sizeof frame, 0) > 0) {
        clock_sleep_ms(ANSWER_MS);
        if (send(fd, answer, sizeof answer, MSG_NOSIGNAL) < 0) break;
    }
    close(fd);
    return NULL;
}

static void server_start(struct server *server, char url[64]) {
    server->listener = listen_silent();
    snprintf(url, 64, "ws://127.0.0.1:%u/", (unsigned)server->listener.port);
    server->thread = thread_start(serve, server);
}

static void server_end(struct server *server) {
    thread_join(server->thread);
    listen_close(&server->listener);
}

static wsline_options *spinning(int64_t spin_us) {
    wsline_options *options = NULL;

    REQUIRE_OK(wsline_options_new(&options));
    REQUIRE_OK(wsline_options_set_spin_us(options, spin_us));
    return options;
}

/* Sends a message, receives the reply, and counts the calls of the receive. */
static void exchange(wsline_conn *conn) {
    wsline_message message;

    REQUIRE_OK(wsline_conn_send_text(conn, "a", 1));
    calls_begin();
    REQUIRE_OK(wsline_conn_recv(conn, WSLINE_FOREVER, &message));
    calls_end();
    CHECK_TEXT("a", (const char *)message.data);
}

static void a_receive_polls_before_it_sleeps(void) {
    static const struct {
        const char *name;
        int64_t spin_us;
        bool looks, sleeps;
    } rows[] = {
        {"not at all", 0, false, true},
        {"until it is there", LONG_US, true, false},
        {"for a while", SHORT_US, true, true},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = spinning(rows[i].spin_us);
        struct server server;
        wsline_conn *conn = NULL;
        char url[64];

        check_row(rows[i].name);
        server_start(&server, url);
        REQUIRE_OK(wsline_connect(url, options, &conn));
        exchange(conn);
        exchange(conn);
        if (!rows[i].looks)
            CHECK_INT(1, calls.count);
        else
            CHECK(calls.count >= MANY);
        /* Without poll(2): the last call blocks. */
        CHECK_INT(0, calls_of("poll"));
        wsline_conn_free(conn);
        wsline_options_free(options);
        server_end(&server);
    }
    check_row(NULL);
}

static void polling_ends_with_the_timeout(void) {
    wsline_options *options = spinning(LONG_US);
    struct server server;
    struct stopwatch watch;
    wsline_message message;
    wsline_conn *conn = NULL;
    char url[64];

    server_start(&server, url);
    REQUIRE_OK(wsline_connect(url, options, &conn));
    watch = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 50, &message));
    CHECK_TOOK(50, watch);
    calls_begin();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 0, &message));
    CHECK_INT(1, calls_end());
    exchange(conn);
    wsline_conn_free(conn);
    wsline_options_free(options);
    server_end(&server);
}

static void ask(wsline_app *app, void *userdata) {
    (void)userdata;
    REQUIRE_OK(wsline_app_send_text(app, "a", 1));
    calls_begin();
}

static void count(wsline_app *app, const wsline_message *message, void *userdata) {
    (void)message;
    *(unsigned *)userdata = calls_end();
    CHECK_OK(wsline_app_abort(app));
}

static void a_loop_polls_before_it_sleeps(void) {
    static const int64_t spins[] = {0, LONG_US};

    for (size_t i = 0; i < COUNT_OF(spins); i++) {
        wsline_options *options = spinning(spins[i]);
        struct server server;
        wsline_app *app = NULL;
        unsigned made = 0;
        char url[64];

        server_start(&server, url);
        REQUIRE_OK(wsline_app_new(url, options, &app));
        REQUIRE_OK(wsline_app_on_open(app, ask, NULL, NULL));
        REQUIRE_OK(wsline_app_on_message(app, count, &made, NULL));
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_run(app));
        if (spins[i] == 0)
            CHECK_RANGE(2, MANY - 1, made);
        else
            CHECK(made >= MANY);
        wsline_app_free(app);
        wsline_options_free(options);
        server_end(&server);
    }
}

static void a_negative_time_is_rejected(void) {
    wsline_options *options = spinning(0);

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_spin_us(options, -1));
    CHECK_HAS("spin_us", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_spin_us(NULL, 0));
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_receive_polls_before_it_sleeps),
        TEST(polling_ends_with_the_timeout),
        TEST(a_loop_polls_before_it_sleeps),
        TEST(a_negative_time_is_rejected),
    };

    return check_main(argc, argv, tests, COUNT_OF(tests));
}
