/* SPDX-License-Identifier: Apache-2.0 */
/* Connections ended from another thread: waiting calls wake up and return the reason. */
#include "clock.h"
#include "ended.h"
#include "peer.h"

#include <poll.h>

enum { MUCH = 64 << 20 };

/* More than the sockets buffer when nobody reads. */
static const uint8_t *much(void) {
    static uint8_t *payload;

    if (payload == NULL) payload = calloc(1, MUCH);
    REQUIRE(payload != NULL);
    return payload;
}

static void shutdown_ends_a_waiting_receive(void) {
    struct later shutdown_it = {.call = wsline_conn_shutdown, .after_ms = 100};
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    wsline_message message;
    struct stopwatch start = stopwatch_start();

    shutdown_it.conn = conn;
    later_start(&shutdown_it);
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WSLINE_FOREVER, &message));
    CHECK_TOOK(100, start);
    later_end(&shutdown_it);
    wsline_conn_free(conn);
}

static void abort_ends_a_waiting_receive(void) {
    static const char *const peers[] = {"WEBSOCKETS", "WEBSOCKETS_TLS"};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        struct later abort_it = {.call = wsline_conn_abort, .after_ms = 100};
        wsline_conn *conn;
        wsline_message message;
        struct stopwatch start;

        check_row(peers[i]);
        abort_it.conn = conn = peer_connect(peers[i], "/", NULL);
        start = stopwatch_start();
        later_start(&abort_it);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_recv(conn, WSLINE_FOREVER, &message));
        CHECK_TOOK(100, start);
        later_end(&abort_it);
        check_over(conn, WSLINE_ERR_ABORTED);
        CHECK_STATUS(WSLINE_ERR_ABORTED,
                     wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
        CHECK_OK(wsline_conn_abort(conn));
        wsline_conn_free(conn);
    }
}

static void abort_ends_a_send_that_waits_for_the_peer(void) {
    struct later abort_it = {.call = wsline_conn_abort, .after_ms = 300};
    wsline_conn *conn = peer_connect("FAULTS", "/stall", NULL);
    const uint8_t *payload = much();
    struct stopwatch start = stopwatch_start();

    abort_it.conn = conn;
    later_start(&abort_it);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_send_binary(conn, payload, MUCH));
    CHECK_TOOK(300, start);
    later_end(&abort_it);
    check_over(conn, WSLINE_ERR_ABORTED);
    wsline_conn_free(conn);
}

static void abort_ends_a_waiting_close(void) {
    struct later abort_it = {.call = wsline_conn_abort, .after_ms = 100};
    wsline_conn *conn = peer_connect("FAULTS", "/no-close-reply", NULL);
    struct stopwatch start = stopwatch_start();

    abort_it.conn = conn;
    later_start(&abort_it);
    CHECK_STATUS(WSLINE_ERR_ABORTED,
                 wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WSLINE_FOREVER));
    CHECK_TOOK(100, start);
    later_end(&abort_it);
    wsline_conn_free(conn);
}

struct stuck_sender {
    wsline_conn *conn;
    wsline_status status;
};

static void *send_until_told(void *argument) {
    struct stuck_sender *sender = argument;

    sender->status = wsline_conn_send_binary(sender->conn, much(), MUCH);
    return NULL;
}

/* Waits until the socket accepts no more data: by then the sender is stuck. */
static void await_full_socket(wsline_conn *conn) {
    struct pollfd writable = {.fd = wsline_conn_fd(conn), .events = POLLOUT};

    do {
        clock_pause();
        REQUIRE(poll(&writable, 1, 0) >= 0);
    } while (writable.revents != 0);
}

static void a_stuck_sender_does_not_delay_the_close(void) {
    struct stuck_sender sender = {.conn = peer_connect("FAULTS", "/stall", NULL)};
    pthread_t thread;
    struct stopwatch start;

    much(); /* allocated before timing starts */
    thread = thread_start(send_until_told, &sender);
    await_full_socket(sender.conn);
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT,
                 wsline_conn_close(sender.conn, WSLINE_CLOSE_NORMAL, NULL, 300));
    CHECK_TOOK(300, start);
    thread_join(thread);
    CHECK_TOOK(300, start);
    CHECK_STATUS(WSLINE_ERR_CLOSED, sender.status);
    wsline_conn_free(sender.conn);
}

static void shutdown_ends_a_stuck_sender(void) {
    struct stuck_sender sender = {.conn = peer_connect("FAULTS", "/stall", NULL)};
    pthread_t thread;
    struct stopwatch start;

    much(); /* allocated before timing starts */
    thread = thread_start(send_until_told, &sender);
    await_full_socket(sender.conn);
    start = stopwatch_start();
    CHECK_OK(wsline_conn_shutdown(sender.conn));
    thread_join(thread);
    CHECK_TOOK(0, start);
    CHECK_STATUS(WSLINE_ERR_CLOSED, sender.status);
    wsline_conn_free(sender.conn);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(shutdown_ends_a_waiting_receive),           TEST(abort_ends_a_waiting_receive),
        TEST(abort_ends_a_send_that_waits_for_the_peer), TEST(abort_ends_a_waiting_close),
        TEST(a_stuck_sender_does_not_delay_the_close),   TEST(shutdown_ends_a_stuck_sender),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
