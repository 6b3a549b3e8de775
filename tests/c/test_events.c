/* SPDX-License-Identifier: Apache-2.0 */
/* The events of connections: which come, in which order, and what they say. */
#include "clock.h"
#include "event_log.h"
#include "fork.h"
#include "message.h"
#include "proxy.h"

#include <poll.h>

static wsline_conn *new_conn(wsline_options *options) {
    wsline_conn *conn = NULL;

    REQUIRE_OK(wsline_conn_new(options, &conn));
    wsline_options_free(options);
    return conn;
}

static void a_connection_is_observed_from_its_connect_to_its_end(void) {
    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        struct log log;
        wsline_options *options = observed(peer_options(), &log);
        wsline_conn *conn = NULL;
        wsline_message message;
        wsline_timings timings;

        check_row(peer_echo_servers[i]);
        REQUIRE_OK(peer_try(peer_echo_servers[i], "/?token=secret", options, &conn));
        wsline_options_free(options);
        CHECK_TEXT("CaO", log.order);
        CHECK(seen(&log, WSLINE_EVENT_CONNECTING)->event.conn == conn);
        CHECK(seen(&log, WSLINE_EVENT_CONNECTING)->event.attempt == 1);
        CHECK_HAS("://", seen(&log, WSLINE_EVENT_CONNECTING)->url);
        CHECK(strstr(seen(&log, WSLINE_EVENT_CONNECTING)->url, "secret") == NULL);
        CHECK(seen(&log, WSLINE_EVENT_CONNECTING)->stats.bytes_sent == 0);
        CHECK_TEXT(wsline_conn_peer_address(conn), seen(&log, WSLINE_EVENT_OPEN)->address);
        CHECK_OK(wsline_conn_timings(conn, &timings));
        CHECK(timings.total_ns == seen(&log, WSLINE_EVENT_OPEN)->timings.total_ns);
        CHECK_INT(WSLINE_PHASE_OPEN, seen(&log, WSLINE_EVENT_OPEN)->timings.phase);
        CHECK(seen(&log, WSLINE_EVENT_OPEN)->stats.bytes_received > 0);
        CHECK(seen(&log, WSLINE_EVENT_OPEN)->event.rtt_ns == -1);
        CHECK_OK(wsline_conn_ping(conn, "hi", 2));
        CHECK_OK(wsline_conn_send_text(conn, "hello", 5));
        REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK_TEXT("CaOip", log.order);
        CHECK(seen(&log, WSLINE_EVENT_PING)->stats.frames_sent == 1);
        CHECK(seen(&log, WSLINE_EVENT_PONG)->event.rtt_ns > 0);
        CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
        CHECK_TEXT("CaOipE", log.order);
        CHECK_INT(WSLINE_CLOSE_NORMAL, seen(&log, WSLINE_EVENT_CLOSED)->close.code);
        CHECK(seen(&log, WSLINE_EVENT_CLOSED)->close.clean);
        CHECK_INT(WSLINE_SIDE_CLIENT, seen(&log, WSLINE_EVENT_CLOSED)->close.closed_by);
        CHECK(seen(&log, WSLINE_EVENT_CLOSED)->event.error == NULL);
        CHECK_INT(1, seen(&log, WSLINE_EVENT_CLOSED)->stats.messages_sent);
        CHECK_INT(1, seen(&log, WSLINE_EVENT_CLOSED)->stats.messages_received);
        CHECK_INT(3, seen(&log, WSLINE_EVENT_CLOSED)->stats.frames_sent);
        CHECK_INT(0, log.released);
        wsline_conn_free(conn);
        CHECK_TEXT("CaOipE", log.order);
        CHECK_INT(1, log.released);
    }
}

static void only_the_pong_of_the_last_ping_is_measured(void) {
    struct log log;
    wsline_options *options = observed(peer_options(), &log);
    wsline_conn *conn = peer_connect("FAULTS", "/empty-pongs", options);
    wsline_message message;

    wsline_options_free(options);
    CHECK_OK(wsline_conn_ping(conn, "hi", 2));
    while (strchr(log.order, 'p') == NULL)
        if (wsline_conn_recv_event(conn, WAIT_MS, &message) != WSLINE_OK) break;
    CHECK_HAS("p", log.order);
    CHECK(seen(&log, WSLINE_EVENT_PONG)->event.rtt_ns == -1);
    wsline_conn_free(conn);
}

static void a_ping_that_was_not_sent_is_not_reported(void) {
    static const char too_long[126];
    struct log log;
    wsline_options *options = observed(peer_options(), &log);
    wsline_conn *conn = peer_connect("WEBSOCKETS", "", options);

    wsline_options_free(options);
    CHECK_OK(wsline_conn_ping(conn, "hi", 2));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_ping(conn, too_long, sizeof too_long));
    CHECK_OK(wsline_conn_send_text(conn, "hello", 5));
    expect_message(conn, WSLINE_OPCODE_TEXT, "hello", 5);
    CHECK_TEXT("CaOip", log.order);
    CHECK(seen(&log, WSLINE_EVENT_PONG)->event.rtt_ns > 0);
    peer_hang_up(conn);
}

static void a_lost_connection_ends_once(void) {
    struct log log;
    wsline_options *options = observed(peer_options(), &log);
    wsline_conn *conn = peer_connect("CHAOS", "/?reset-after=1", options);
    wsline_message message;

    wsline_options_free(options);
    (void)wsline_conn_send_text(conn, "hello", 5);
    for (unsigned i = 0; i < 3; i++)
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_TEXT("CaOE", log.order);
    CHECK_INT(WSLINE_ERR_CONNECTION_LOST, seen(&log, WSLINE_EVENT_CLOSED)->error.status);
    CHECK_INT(WSLINE_CLOSE_ABNORMAL, seen(&log, WSLINE_EVENT_CLOSED)->close.code);
    wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 0);
    wsline_conn_free(conn);
    CHECK_TEXT("CaOE", log.order);
}

static wsline_status end_by_shutdown(wsline_conn *conn) { return wsline_conn_shutdown(conn); }

static wsline_status end_by_abort(wsline_conn *conn) {
    wsline_message message;

    CHECK_OK(wsline_conn_abort(conn));
    return wsline_conn_recv(conn, WAIT_MS, &message) == WSLINE_ERR_ABORTED ? WSLINE_OK
                                                                           : WSLINE_ERR_INTERNAL;
}

static wsline_status end_by_free(wsline_conn *conn) {
    (void)conn;
    return WSLINE_OK;
}

static void every_way_to_end_a_connection_is_one_event(void) {
    static const struct {
        const char *name;
        wsline_status (*end)(wsline_conn *conn);
        wsline_status status;
    } rows[] = {
        {"shutdown", end_by_shutdown, WSLINE_ERR_CLOSED},
        {"abort", end_by_abort, WSLINE_ERR_ABORTED},
        {"free", end_by_free, WSLINE_ERR_CLOSED},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct log log;
        wsline_options *options = observed(peer_options(), &log);
        wsline_conn *conn = peer_connect("WEBSOCKETS_TLS", "", options);

        check_row(rows[i].name);
        wsline_options_free(options);
        CHECK_OK(rows[i].end(conn));
        wsline_conn_free(conn);
        CHECK_TEXT("CaOE", log.order);
        CHECK_INT(rows[i].status, seen(&log, WSLINE_EVENT_CLOSED)->error.status);
        CHECK_INT(WSLINE_SIDE_CLIENT, seen(&log, WSLINE_EVENT_CLOSED)->close.closed_by);
        CHECK_INT(1, log.released);
    }
}

static void the_end_comes_after_what_had_arrived(void) {
    struct log log;
    wsline_options *options = observed(peer_options(), &log);
    wsline_conn *conn = peer_connect("WEBSOCKETS", "", options);
    struct pollfd fd = {.fd = wsline_conn_fd(conn), .events = POLLIN};
    wsline_message message;

    wsline_options_free(options);
    CHECK_OK(wsline_conn_send_text(conn, "hello", 5));
    CHECK(poll(&fd, 1, WAIT_MS) == 1);
    CHECK_OK(wsline_conn_shutdown(conn));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_send_text(conn, "hello", 5));
    CHECK_TEXT("CaO", log.order);
    expect_message(conn, WSLINE_OPCODE_TEXT, "hello", 5);
    CHECK_TEXT("CaO", log.order);
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_TEXT("CaOE", log.order);
    CHECK_INT(1, seen(&log, WSLINE_EVENT_CLOSED)->stats.messages_received);
    wsline_conn_free(conn);
    CHECK_TEXT("CaOE", log.order);
}

static void the_end_comes_after_the_closing_handshake(void) {
    for (int is_answered = 0; is_answered < 2; is_answered++) {
        struct log log;
        wsline_options *options = observed(peer_options(), &log);
        wsline_conn *conn = peer_connect("FAULTS", "/frame?hex=880203e8", options);
        wsline_frame frame;

        check_row(is_answered ? "answered" : "freed");
        wsline_options_free(options);
        REQUIRE_OK(wsline_conn_recv_frame(conn, WAIT_MS, &frame));
        CHECK_INT(WSLINE_OPCODE_CLOSE, frame.opcode);
        CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv_frame(conn, WAIT_MS, &frame));
        CHECK_TEXT("CaO", log.order);
        if (is_answered) {
            CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
            CHECK_TEXT("CaOE", log.order);
        }
        wsline_conn_free(conn);
        CHECK_TEXT("CaOE", log.order);
        CHECK_INT(is_answered, seen(&log, WSLINE_EVENT_CLOSED)->close.clean);
        CHECK_INT(WSLINE_CLOSE_NORMAL, seen(&log, WSLINE_EVENT_CLOSED)->close.code);
    }
}

static void *shut_down_and_receive(void *conn) {
    wsline_message message;

    CHECK_OK(wsline_conn_shutdown(conn));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_conn_recv(conn, WAIT_MS, &message));
    return NULL;
}

static pthread_t to_be_ended;

/* The line of the open connection is logged before the event. */
static void end_when_logged(int32_t level, const char *line, void *conn) {
    (void)level;
    if (pthread_equal(pthread_self(), to_be_ended) && strstr(line, ": open") != NULL)
        thread_join(thread_start(shut_down_and_receive, conn));
}

static void a_connection_is_reported_open_before_it_ends(void) {
    struct log log;
    wsline_conn *conn = new_conn(observed(peer_options(), &log));
    char url[PEER_URL_MAX];

    peer_url(url, "WEBSOCKETS", "");
    to_be_ended = pthread_self();
    REQUIRE_OK(wsline_set_log(WSLINE_LOG_INFO, end_when_logged, conn, NULL));
    CHECK_OK(wsline_conn_connect(conn, url));
    CHECK_OK(wsline_set_log(WSLINE_LOG_OFF, NULL, NULL, NULL));
    CHECK_TEXT("CaOE", log.order);
    wsline_conn_free(conn);
    CHECK_TEXT("CaOE", log.order);
}

static void fail_at_the_end(struct log *log, const wsline_event *event) {
    (void)log;
    if (event->kind == WSLINE_EVENT_CLOSED)
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_connect(event->conn, "ws://localhost/"));
}

static void a_failure_in_the_callback_is_not_that_of_the_call(void) {
    struct log log;
    wsline_options *options = observed(peer_options(), &log);
    wsline_conn *conn = peer_connect("CHAOS", "/?reset-after=1", options);
    wsline_message message;
    wsline_error_info info;

    wsline_options_free(options);
    log.then = fail_at_the_end;
    (void)wsline_conn_send_text(conn, "hello", 5);
    CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_TEXT("CaOE", log.order);
    CHECK_OK(wsline_conn_last_error(conn, &info));
    CHECK_INT(WSLINE_ERR_CONNECTION_LOST, info.status);
    wsline_conn_free(conn);
}

static void fork_at_address(struct log *log, const wsline_event *event) {
    if (event->kind == WSLINE_EVENT_ADDRESS) log->forked = fork();
}

static void a_child_process_gets_no_events(void) {
    struct log log;
    wsline_conn *conn = new_conn(observed(peer_options(), &log));
    char url[PEER_URL_MAX];
    int status = -1;

    peer_url(url, "WEBSOCKETS", "");
    log.then = fork_at_address;
    status = wsline_conn_connect(conn, url);
    if (log.forked == 0) _exit(status == WSLINE_OK || strcmp(log.order, "Ca") != 0);
    CHECK_OK(status);
    CHECK_TEXT("CaO", log.order);
    CHECK(waitpid(log.forked, &status, 0) == log.forked);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    peer_hang_up(conn);
}

static void refuse_names(wsline_lookup *lookup, const char *host, int32_t port, void *userdata) {
    (void)host, (void)port, (void)userdata;
    CHECK_OK(wsline_lookup_fail(lookup, NULL));
}

static void failed_connects_say_where_and_why(void) {
    static const struct {
        const char *host, *path;
        const char *order;
        wsline_status status;
        int32_t phase, http_status;
    } rows[] = {
        {"none.example", "/", "CX", WSLINE_ERR_RESOLVE, WSLINE_PHASE_RESOLVE, 0},
        {"dead.example", "/", "CafafX", WSLINE_ERR_CONNECT, WSLINE_PHASE_CONNECT, 0},
        {"two.example", "/status?code=401", "CafaX", WSLINE_ERR_HTTP_STATUS, WSLINE_PHASE_UPGRADE,
         401},
        {"two.example", "/redirect?to=/status%3Fcode=401", "CafaCafaX", WSLINE_ERR_HTTP_STATUS,
         WSLINE_PHASE_UPGRADE, 401},
    };
    unsigned port = proxy_port("FAULTS");

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct log log;
        wsline_options *options = observed(peer_options(), &log);
        wsline_conn *conn;
        const struct seen *failed = seen(&log, WSLINE_EVENT_CONNECT_FAILED);
        char text[TEXT_MAX];

        check_row(rows[i].host);
        CHECK_OK(wsline_options_set_resolver(options, refuse_names, NULL, NULL));
        snprintf(text, sizeof text, "dead.example:%u:127.0.0.8,127.0.0.9", port);
        CHECK_OK(wsline_options_add_resolve(options, text));
        snprintf(text, sizeof text, "two.example:%u:127.0.0.9,127.0.0.1", port);
        CHECK_OK(wsline_options_add_resolve(options, text));
        conn = new_conn(options);
        snprintf(text, sizeof text, "ws://me:secret@%s:%u%s", rows[i].host, port, rows[i].path);
        CHECK_STATUS(rows[i].status, wsline_conn_connect(conn, text));
        CHECK_TEXT(rows[i].order, log.order);
        CHECK(failed->event.conn == conn);
        CHECK_INT(rows[i].status, failed->error.status);
        CHECK_INT(rows[i].phase, failed->error.phase);
        CHECK_INT(rows[i].phase, failed->timings.phase);
        CHECK_INT(rows[i].http_status, failed->error.http_status);
        CHECK(failed->timings.finished);
        CHECK_TEXT(wsline_last_error_message(), failed->text);
        if (strchr(rows[i].order, 'f') != NULL) {
            snprintf(text, sizeof text, "127.0.0.9:%u", port);
            CHECK_TEXT(text, seen(&log, WSLINE_EVENT_ADDRESS_FAILED)->address);
            CHECK_HAS("connection refused", seen(&log, WSLINE_EVENT_ADDRESS_FAILED)->text);
        }
        for (size_t kind = 1; kind < KINDS; kind++) {
            CHECK(strstr(log.seen[kind].url, "secret") == NULL);
            CHECK(strstr(log.seen[kind].text, "secret") == NULL);
        }
        CHECK(strstr(seen(&log, WSLINE_EVENT_CONNECTING)->url, "code=") == NULL);
        wsline_conn_free(conn);
        CHECK_TEXT(rows[i].order, log.order);
    }
}

static void a_proxy_is_an_address_too(void) {
    struct log log;
    wsline_options *options = observed(proxy_options(), &log);
    char url[TEXT_MAX], address[64];
    wsline_conn *conn;

    snprintf(url, sizeof url, "http://me:secret@127.0.0.1:%u", (unsigned)proxy_port("TINYPROXY"));
    CHECK_OK(wsline_options_set_proxy_url(options, url));
    conn = peer_connect("WEBSOCKETS_TLS", "", options);
    wsline_options_free(options);
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)proxy_port("TINYPROXY"));
    CHECK_TEXT("CaO", log.order);
    CHECK_TEXT(address, seen(&log, WSLINE_EVENT_ADDRESS)->address);
    CHECK(seen(&log, WSLINE_EVENT_OPEN)->timings.proxy_ns > 0);
    peer_hang_up(conn);
}

static void look_and_abort(struct log *log, const wsline_event *event) {
    wsline_timings timings;
    wsline_stats stats;

    (void)log;
    CHECK_OK(wsline_conn_timings(event->conn, &timings));
    CHECK(wsline_conn_stats(event->conn, &stats) != WSLINE_OK);
    CHECK_INT(event->kind == WSLINE_EVENT_CONNECT_FAILED, timings.finished);
    CHECK(!wsline_conn_is_open(event->conn));
    CHECK_INT(0, wsline_conn_http_status(event->conn));
    if (event->kind == WSLINE_EVENT_CONNECTING)
        CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_connect(event->conn, "ws://localhost/"));
    if (event->kind == WSLINE_EVENT_ADDRESS) CHECK_OK(wsline_conn_abort(event->conn));
}

static void a_callback_may_look_and_abort(void) {
    struct log log;
    wsline_conn *conn = new_conn(observed(peer_options(), &log));
    char url[PEER_URL_MAX];

    log.then = look_and_abort;
    peer_url(url, "WEBSOCKETS", "");
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(conn, url));
    CHECK_TEXT("CaX", log.order);
    CHECK_INT(WSLINE_ERR_ABORTED, seen(&log, WSLINE_EVENT_CONNECT_FAILED)->error.status);
    wsline_conn_free(conn);
}

static void send_in_pong(struct log *log, const wsline_event *event) {
    wsline_message message;
    int32_t fd = -1;

    (void)log;
    if (event->kind != WSLINE_EVENT_PONG) return;
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_conn_recv(event->conn, 0, &message));
    CHECK_OK(wsline_conn_poll_fd(event->conn, &fd));
    CHECK_OK(wsline_conn_cork(event->conn));
    CHECK_OK(wsline_conn_send_text(event->conn, "from the callback", WSLINE_NUL_TERMINATED));
    CHECK_OK(wsline_conn_uncork(event->conn));
}

static void a_callback_may_send_but_not_receive(void) {
    struct log log;
    wsline_options *options = observed(peer_options(), &log);
    wsline_conn *conn = peer_connect("WS_TLS", "", options);

    wsline_options_free(options);
    log.then = send_in_pong;
    CHECK_OK(wsline_conn_ping(conn, NULL, 0));
    expect_message(conn, WSLINE_OPCODE_TEXT, "from the callback", strlen("from the callback"));
    CHECK_TEXT("CaOip", log.order);
    peer_hang_up(conn);
}

static void a_callback_can_be_replaced_and_removed(void) {
    struct log first, second;
    wsline_options *options = observed(peer_options(), &first);
    wsline_conn *conn = peer_connect("WEBSOCKETS", "", options);

    observed(options, &second);
    CHECK_INT(0, first.released);
    peer_hang_up(conn);
    CHECK_TEXT("CaOE", first.order);
    CHECK_INT(1, first.released);
    CHECK_OK(wsline_options_set_event_callback(options, NULL, NULL, NULL));
    CHECK_INT(1, second.released);
    peer_hang_up(peer_connect("WEBSOCKETS", "", options));
    CHECK_TEXT("", second.order);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_options_set_event_callback(NULL, note, &second, release));
    CHECK_INT(2, second.released);
    wsline_options_free(options);
}

static const struct test tests[] = {
    TEST(a_connection_is_observed_from_its_connect_to_its_end),
    TEST(only_the_pong_of_the_last_ping_is_measured),
    TEST(a_ping_that_was_not_sent_is_not_reported),
    TEST(a_lost_connection_ends_once),
    TEST(every_way_to_end_a_connection_is_one_event),
    TEST(the_end_comes_after_what_had_arrived),
    TEST(the_end_comes_after_the_closing_handshake),
    TEST(a_connection_is_reported_open_before_it_ends),
    TEST(a_failure_in_the_callback_is_not_that_of_the_call),
    TEST(a_child_process_gets_no_events),
    TEST(failed_connects_say_where_and_why),
    TEST(a_proxy_is_an_address_too),
    TEST(a_callback_may_look_and_abort),
    TEST(a_callback_may_send_but_not_receive),
    TEST(a_callback_can_be_replaced_and_removed),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
