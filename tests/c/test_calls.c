/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls of a connecting thread: which and how many. */
/* syscall() */
#define _DEFAULT_SOURCE
#include "calls.h"
#include "clock.h"
#include "listen.h"
#include "upgrade.h"

#include <netinet/tcp.h>

/* A server with one connection: replies to the upgrade, sends `answer` after the first frame, and
 * ends the stream. */
struct server {
    struct listener listener;
    const unsigned char *answer;
    size_t answer_len;
    pthread_t thread;
};

/* Keepalive would send nothing in this time. */
enum { SHORT_MS = 30000 };

static void *serve(void *argument) {
    struct server *server = argument;
    int fd = accept(server->listener.fd, NULL, NULL), on = 1;
    char rest[4096];

    upgrade(fd);
    REQUIRE(recv(fd, rest, sizeof rest, 0) > 0);
    /* The reply and the end of the stream are sent in one segment. */
    REQUIRE(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on) == 0);
    REQUIRE(send(fd, server->answer, server->answer_len, MSG_NOSIGNAL) ==
            (ssize_t)server->answer_len);
    REQUIRE(shutdown(fd, SHUT_WR) == 0);
    while (recv(fd, rest, sizeof rest, 0) > 0) continue;
    close(fd);
    return NULL;
}

static void server_start(struct server *server, const unsigned char *answer, size_t len,
                         char url[64]) {
    server->listener = listen_silent();
    server->answer = answer;
    server->answer_len = len;
    snprintf(url, 64, "ws://127.0.0.1:%u/", (unsigned)server->listener.port);
    server->thread = thread_start(serve, server);
}

static void server_end(struct server *server) {
    thread_join(server->thread);
    listen_close(&server->listener);
}

static const unsigned char close_frame[] = {0x88, 2, 0x03, 0xE8};
static const unsigned char close_frame_after_text[] = {0x81, 1, 'a', 0x88, 2, 0x03, 0xE8};

static void expect_calls(const char *const *want, size_t count) {
    unsigned made = calls_end();
    bool is_right = CHECK_INT((intmax_t)count, made);

    for (size_t i = 0; i < count && i < made; i++) is_right &= CHECK_TEXT(want[i], calls.names[i]);
    if (!is_right) calls_print();
}

static void connect_and_close(wsline_options *options, int64_t close_ms) {
    struct server server;
    wsline_conn *conn = NULL;
    char url[64];

    server_start(&server, close_frame, sizeof close_frame, url);
    calls_begin();
    REQUIRE_OK(wsline_connect(url, options, &conn));
    CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, close_ms));
    wsline_conn_free(conn);
    calls_end();
    server_end(&server);
}

static void connecting_and_closing_takes_twelve_calls(void) {
    static const char *const want[] = {
        "socket", /* non-blocking and close-on-exec from the start, without fcntl() */
        "connect",
        "poll", /* the kernel completes the TCP handshake; a later call would fail, so no SO_ERROR
                 */
        "send", /* the request */
        "poll", /* waits for the response; an abort shuts the socket down, so no eventfd */
        "recv",
        "send", /* the close frame */
        "poll",
        "recv",     /* the server's close frame */
        "recv",     /* waits for the end of the stream, as a reset could destroy our close frame */
        "shutdown", /* another process may share the descriptor */
        "close",
    };
    wsline_options *options = NULL;

    REQUIRE_OK(wsline_options_new(&options));
    /* The first connect of a process requests randomness, later ones do not. */
    connect_and_close(options, SHORT_MS);
    CHECK(calls_of("getrandom") > 0);
    for (int i = 0; i < 3; i++) {
        connect_and_close(options, SHORT_MS);
        expect_calls(want, COUNT_OF(want));
    }
    wsline_options_free(options);
}

/* In a longer wait, only keepalive detects a dead server. */
static void a_potentially_long_wait_enables_keepalive(void) {
    wsline_options *options = NULL;

    REQUIRE_OK(wsline_options_new(&options));
    connect_and_close(options, WSLINE_FOREVER);
    CHECK(calls_of("setsockopt") >= 5);
    connect_and_close(options, SHORT_MS);
    CHECK_INT(0, calls_of("setsockopt"));
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, WSLINE_FOREVER));
    connect_and_close(options, SHORT_MS);
    CHECK(calls_of("setsockopt") >= 5);
    wsline_options_free(options);
}

static int option_of(int fd, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;

    REQUIRE(getsockopt(fd, level, name, &value, &len) == 0);
    return value;
}

/* The descriptor of the process's only connection. */
static int connected_descriptor(uint16_t port) {
    for (int fd = 3; fd < 100; fd++) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;

        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && ntohs(peer.sin_port) == port)
            return fd;
    }
    return -1;
}

static void expect_defaults(int fd) {
    CHECK_INT(1, option_of(fd, IPPROTO_TCP, TCP_NODELAY));
    CHECK_INT(1, option_of(fd, SOL_SOCKET, SO_KEEPALIVE));
    CHECK_INT(30, option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE));
    CHECK_INT(10, option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL));
    CHECK_INT(3, option_of(fd, IPPROTO_TCP, TCP_KEEPCNT));
}

static void send_it(wsline_conn *conn) { CHECK_OK(wsline_conn_send_text(conn, "a", 1)); }

static void receive_it(wsline_conn *conn) {
    wsline_message message;

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 0, &message));
}

static void ping_it(wsline_conn *conn) { CHECK_OK(wsline_conn_ping(conn, NULL, 0)); }

static void ask_for_it(wsline_conn *conn) { CHECK(wsline_conn_fd(conn) >= 0); }

/* TCP_NODELAY and keepalive are set and the socket is blocking, whatever the first use is. */
static void the_first_use_sets_the_options_of_the_socket(void) {
    static void (*const uses[])(wsline_conn *) = {send_it, receive_it, ping_it, ask_for_it};

    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        struct server server;
        wsline_conn *conn = NULL;
        wsline_message message;
        char url[64];
        int fd;

        server_start(&server, close_frame_after_text, sizeof close_frame_after_text, url);
        REQUIRE_OK(wsline_connect(url, NULL, &conn));
        fd = connected_descriptor(server.listener.port);
        CHECK_INT(0, option_of(fd, SOL_SOCKET, SO_KEEPALIVE));
        calls_begin();
        uses[i](conn);
        calls_end();
        CHECK_INT(5, calls_of("setsockopt"));
        CHECK_INT(1, calls_of("ioctl"));
        expect_defaults(fd);
        calls_begin();
        send_it(conn);
        CHECK_INT(1, calls_end());
        /* recv() itself blocks, with a timeout set on the socket. */
        calls_begin();
        CHECK_OK(wsline_conn_recv(conn, 60000, &message));
        CHECK_INT(2, calls_end());
        CHECK_INT(1, calls_of("recv"));
        CHECK_INT(1, calls_of("setsockopt"));
        CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 60000));
        wsline_conn_free(conn);
        server_end(&server);
    }
}

int main(int argc, char **argv) {
    const struct test tests[] = {
        TEST(connecting_and_closing_takes_twelve_calls),
        TEST(a_potentially_long_wait_enables_keepalive),
        TEST(the_first_use_sets_the_options_of_the_socket),
    };

    return check_main(argc, argv, tests, COUNT_OF(tests));
}
