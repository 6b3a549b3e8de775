/* SPDX-License-Identifier: Apache-2.0 */
/* From a URL to an open connection, and every way in which connecting fails. */
#include "clock.h"
#include "listen.h"
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>

/* Successful connections ----------------------------------------------------------------------- */

static void check_open_connection(const char *peer) {
    wsline_conn *conn = peer_connect(peer, "/", NULL);
    const char *url = peer_variable(peer, "_URL"), *name = NULL, *value = NULL;
    bool upgrade_seen = false;
    size_t count = 0;

    CHECK(wsline_conn_is_open(conn));
    CHECK_INT(101, wsline_conn_http_status(conn));
    CHECK_TEXT("websocket", wsline_conn_response_header(conn, "UPGRADE"));
    CHECK_TEXT("websocket", wsline_conn_response_header(conn, "upgrade"));
    CHECK_TEXT(NULL, wsline_conn_response_header(conn, "X-Absent"));
    CHECK_TEXT(NULL, wsline_conn_response_header(conn, ""));
    CHECK_TEXT(NULL, wsline_conn_response_header(conn, NULL));
    while (wsline_conn_response_header_at(conn, count, &name, &value)) {
        REQUIRE(name != NULL && value != NULL);
        upgrade_seen = upgrade_seen || strcmp(value, "websocket") == 0;
        count++;
    }
    CHECK(upgrade_seen);
    CHECK(!wsline_conn_response_header_at(conn, SIZE_MAX, &name, &value));
    CHECK(name == NULL && value == NULL);
    CHECK_TEXT(NULL, wsline_conn_subprotocol(conn));
    CHECK_TEXT(NULL, wsline_conn_extensions(conn));
    CHECK_HAS("127.0.0.1:", wsline_conn_peer_address(conn));
    CHECK_TEXT(strrchr(url, ':'), strrchr(wsline_conn_peer_address(conn), ':'));
    CHECK(wsline_conn_fd(conn) >= 0);
    peer_hang_up(conn);
}

static void both_servers_accept_connections_with_and_without_tls(void) {
    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        check_row(peer_echo_servers[i]);
        check_open_connection(peer_echo_servers[i]);
    }
}

static void a_new_connection_has_no_details_yet(void) {
    wsline_conn *conn = NULL;
    wsline_message message;
    wsline_close_info close_info;
    wsline_stats stats;
    wsline_tls_info tls_info;
    const char *name, *value;
    const void *body;
    size_t len;

    REQUIRE_OK(wsline_conn_new(NULL, &conn));
    CHECK(!wsline_conn_is_open(conn));
    CHECK_INT(0, wsline_conn_http_status(conn));
    CHECK_INT(-1, wsline_conn_fd(conn));
    CHECK_TEXT(NULL, wsline_conn_response_header(conn, "Upgrade"));
    CHECK(!wsline_conn_response_header_at(conn, 0, &name, &value));
    CHECK_TEXT(NULL, wsline_conn_subprotocol(conn));
    CHECK_TEXT(NULL, wsline_conn_peer_address(conn));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_stats(conn, &stats));
    CHECK_INT(0, stats.bytes_sent);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_close_info(conn, &close_info));
    CHECK_INT(0, close_info.code);
    CHECK_OK(wsline_conn_response_body(conn, &body, &len));
    CHECK(body == NULL && len == 0);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_tls_info(conn, &tls_info));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_recv(conn, 0, &message));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_send_text(conn, "x", 1));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_ping(conn, NULL, 0));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_send_close(conn, 1000, NULL));
    wsline_conn_free(conn);
    wsline_conn_free(NULL);
}

static void an_open_connection_cannot_be_connected_again(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    char url[PEER_URL_MAX];

    peer_url(url, "WEBSOCKETS", "/");
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_connect(conn, url));
    CHECK(wsline_conn_is_open(conn));
    peer_hang_up(conn);
}

static void a_connection_may_be_freed_while_open(void) {
    char line[512];

    wsline_conn_free(peer_connect("FAULTS", "/echo?id=freed", NULL));
    peer_journal("freed", line, sizeof line);
    CHECK_HAS("\"frames\": 0", line);
}

/* Failed connections --------------------------------------------------------------------------- */

static void a_name_that_does_not_exist_is_not_resolved(void) {
    wsline_conn *conn = (wsline_conn *)1;
    wsline_error_info info;

    CHECK_STATUS(WSLINE_ERR_RESOLVE, wsline_connect("ws://no-such-host.invalid/", NULL, &conn));
    CHECK(conn == NULL);
    CHECK_HAS("no-such-host.invalid", wsline_last_error_message());
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_PHASE_RESOLVE, info.phase);
}

static void a_port_where_nobody_listens_is_reported(void) {
    wsline_conn *conn = (wsline_conn *)1;
    wsline_error_info info;
    char address[64], url[128];

    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)listen_nowhere());
    snprintf(url, sizeof url, "ws://%s/", address);
    CHECK_STATUS(WSLINE_ERR_CONNECT, wsline_connect(url, NULL, &conn));
    CHECK(conn == NULL);
    CHECK_HAS(address, wsline_last_error_message());
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_PHASE_CONNECT, info.phase);
    CHECK_INT(ECONNREFUSED, info.os_errno);
}

static void bad_urls_are_rejected_before_any_attempt(void) {
    static const char *const urls[] = {"",
                                       "127.0.0.1",
                                       "http://127.0.0.1/",
                                       "ws://",
                                       "ws://127.0.0.1:99999/",
                                       "ws://127.0.0.1/\r\nX: y",
                                       "ws://127.0.0.1/#fragment",
                                       "ws://[::1/"};

    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        wsline_conn *conn = (wsline_conn *)1;

        check_row(urls[i]);
        CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_connect(urls[i], NULL, &conn));
        CHECK(conn == NULL);
    }
}

static void connect_requires_a_url_and_an_output(void) {
    wsline_conn *conn = (wsline_conn *)1;

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_connect(NULL, NULL, &conn));
    CHECK_HAS("`url`", wsline_last_error_message());
    CHECK(conn == NULL);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_connect("ws://127.0.0.1/", NULL, NULL));
    CHECK_HAS("`conn_out`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_new(NULL, NULL));
    CHECK_HAS("`conn_out`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_connect(NULL, "ws://127.0.0.1/"));
    CHECK_HAS("`conn`", wsline_last_error_message());
}

static void failed_connects_leak_no_descriptor(void) {
    static const char *const paths[] = {"/status?code=403", "/bad-accept", "/no-such-fault"};
    int before = dup(STDERR_FILENO), after;

    REQUIRE(before >= 0);
    close(before);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        wsline_conn *conn = NULL;

        CHECK(peer_try("FAULTS", paths[i], NULL, &conn) != WSLINE_OK);
        CHECK(conn == NULL);
    }
    after = dup(STDERR_FILENO);
    CHECK_INT(before, after);
    close(after);
}

/* Deadlines and aborts, phase by phase -------------------------------------------------------- */

struct phase_row {
    const char *name;
    char url[PEER_URL_MAX];
    int32_t phase;
};

enum { PHASE_ROWS = 6 };

struct phases {
    struct listener full;
    struct listener silent;
    struct phase_row rows[PHASE_ROWS];
};

/* Connects that never complete, each in a different phase. */
static struct phases phases_open(void) {
    struct phases phases;

    memset(&phases, 0, sizeof phases);
    phases.full = listen_full();
    phases.silent = listen_silent();
    phases.rows[0].name = "no answer to SYN";
    phases.rows[0].phase = WSLINE_PHASE_CONNECT;
    snprintf(phases.rows[0].url, PEER_URL_MAX, "ws://127.0.0.1:%u/", phases.full.port);
    phases.rows[1].name = "no answer to the TLS hello";
    phases.rows[1].phase = WSLINE_PHASE_TLS;
    snprintf(phases.rows[1].url, PEER_URL_MAX, "wss://127.0.0.1:%u/", phases.silent.port);
    phases.rows[2].name = "no answer to the request";
    phases.rows[2].phase = WSLINE_PHASE_UPGRADE;
    snprintf(phases.rows[2].url, PEER_URL_MAX, "ws://127.0.0.1:%u/", phases.silent.port);
    phases.rows[3].name = "request read, no answer";
    phases.rows[3].phase = WSLINE_PHASE_UPGRADE;
    peer_url(phases.rows[3].url, "FAULTS", "/hang");
    phases.rows[4].name = "half an answer";
    phases.rows[4].phase = WSLINE_PHASE_UPGRADE;
    peer_url(phases.rows[4].url, "FAULTS", "/hang-half");
    phases.rows[5].name = "one byte of the answer a second";
    phases.rows[5].phase = WSLINE_PHASE_UPGRADE;
    peer_url(phases.rows[5].url, "FAULTS", "/drip?ms=1000");
    return phases;
}

static void phases_close(struct phases *phases) {
    listen_close(&phases->full);
    listen_close(&phases->silent);
}

static void a_connect_that_gets_no_answer_ends_at_its_deadline(void) {
    struct phases phases = phases_open();
    wsline_options *options = peer_options();

    CHECK_OK(wsline_options_set_connect_timeout_ms(options, 300));
    for (size_t i = 0; i < PHASE_ROWS; i++) {
        wsline_conn *conn = NULL;
        wsline_error_info info;
        struct stopwatch start = stopwatch_start();

        check_row(phases.rows[i].name);
        CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_connect(phases.rows[i].url, options, &conn));
        CHECK_TOOK(300, start);
        CHECK(conn == NULL);
        CHECK_OK(wsline_last_error(&info));
        CHECK_INT(phases.rows[i].phase, info.phase);
    }
    wsline_options_free(options);
    phases_close(&phases);
}

static void the_default_timeout_applies_to_a_connect_without_its_own(void) {
    struct listener silent = listen_silent();
    wsline_options *options = NULL;
    wsline_conn *conn = NULL;
    char url[64];
    struct stopwatch start;

    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)silent.port);
    /* Not peer_options(), which set a connect timeout. */
    REQUIRE_OK(wsline_options_new(&options));
    CHECK_OK(wsline_options_set_timeout_ms(options, 200));
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_connect(url, options, &conn));
    CHECK_TOOK(200, start);
    CHECK_OK(wsline_options_set_timeout_ms(options, WSLINE_DEFAULT_TIMEOUT));
    CHECK_OK(wsline_set_default_timeout_ms(200));
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_connect(url, options, &conn));
    CHECK_TOOK(200, start);
    CHECK_OK(wsline_set_default_timeout_ms(WSLINE_FOREVER));
    wsline_options_free(options);
    listen_close(&silent);
}

struct connecting {
    wsline_conn *conn;
    const char *url;
    wsline_status status;
};

static void *connect_elsewhere(void *argument) {
    struct connecting *connecting = argument;

    /* The other thread's attempt may not have ended yet. */
    do connecting->status = wsline_conn_connect(connecting->conn, connecting->url);
    while (connecting->status == WSLINE_ERR_BUSY);
    return NULL;
}

static void a_second_connect_is_rejected_while_one_is_in_progress(void) {
    struct listener silent = listen_silent();
    struct connecting connecting = {.status = WSLINE_OK};
    char silent_url[64], dead_url[64];
    wsline_status status;
    pthread_t thread;

    snprintf(silent_url, sizeof silent_url, "ws://127.0.0.1:%u/", (unsigned)silent.port);
    snprintf(dead_url, sizeof dead_url, "ws://127.0.0.1:%u/", (unsigned)listen_nowhere());
    REQUIRE_OK(wsline_conn_new(NULL, &connecting.conn));
    connecting.url = silent_url;
    thread = thread_start(connect_elsewhere, &connecting);
    while ((status = wsline_conn_connect(connecting.conn, dead_url)) == WSLINE_ERR_CONNECT)
        clock_pause();
    CHECK_STATUS(WSLINE_ERR_BUSY, status);
    CHECK_OK(wsline_conn_abort(connecting.conn));
    thread_join(thread);
    CHECK_STATUS(WSLINE_ERR_ABORTED, connecting.status);
    wsline_conn_free(connecting.conn);
    listen_close(&silent);
}

static void abort_ends_a_connect_in_every_phase(void) {
    struct phases phases = phases_open();

    for (size_t i = 0; i < PHASE_ROWS; i++) {
        struct later abort_it = {.call = wsline_conn_abort, .after_ms = 150};
        wsline_conn *conn = NULL;
        wsline_error_info info;
        wsline_message message;
        struct stopwatch start = stopwatch_start();

        check_row(phases.rows[i].name);
        REQUIRE_OK(wsline_conn_new(NULL, &conn));
        abort_it.conn = conn;
        later_start(&abort_it);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(conn, phases.rows[i].url));
        CHECK_TOOK(150, start);
        CHECK_OK(wsline_last_error(&info));
        CHECK_INT(phases.rows[i].phase, info.phase);
        later_end(&abort_it);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_recv(conn, 0, &message));
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(conn, phases.rows[i].url));
        wsline_conn_free(conn);
    }
    phases_close(&phases);
}

static void abort_before_the_connect_prevents_it(void) {
    wsline_conn *conn = NULL;
    char url[PEER_URL_MAX];

    peer_url(url, "WEBSOCKETS", "/");
    REQUIRE_OK(wsline_conn_new(NULL, &conn));
    CHECK_OK(wsline_conn_abort(conn));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(conn, url));
    wsline_conn_free(conn);
}

/* Sockets ------------------------------------------------------------------------------------- */

static uint16_t port_of(const char *url) {
    return (uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10);
}

/* Connects to the faults server over `fd`; the host name in the URL is never looked up. */
static void use_socket(int fd, const char *id) {
    wsline_options *options = peer_options();
    wsline_message message;
    wsline_conn *conn = NULL;
    char url[64], line[512];

    snprintf(url, sizeof url, "ws://no-such-host.invalid/echo?id=%s", id);
    CHECK_OK(wsline_options_set_fd(options, fd));
    REQUIRE_OK(wsline_connect(url, options, &conn));
    wsline_options_free(options);
    CHECK(wsline_conn_fd(conn) != fd);
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, 20, &message));
    CHECK_OK(wsline_conn_send_text(conn, "by hand", WSLINE_NUL_TERMINATED));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    CHECK_BYTES("by hand", 7, message.data, message.len);
    peer_hang_up(conn);
    peer_journal(id, line, sizeof line);
    CHECK_HAS("\"frames\": 2", line);
}

static void a_supplied_descriptor_is_used_and_left_to_the_caller(void) {
    static const int modes[] = {0, O_NONBLOCK};
    static const char *const ids[] = {"blocking", "nonblocking"};

    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        int fd = listen_connect(port_of(peer_variable("FAULTS", "_URL")));
        char byte;

        check_row(ids[i]);
        REQUIRE(fcntl(fd, F_SETFL, modes[i]) == 0);
        use_socket(fd, ids[i]);
        CHECK_INT(modes[i], fcntl(fd, F_GETFL) & O_NONBLOCK);
        CHECK_INT(0, recv(fd, &byte, 1, 0));
        CHECK(close(fd) == 0);
    }
}

static void a_supplied_descriptor_may_use_tls(void) {
    wsline_options *options = peer_options();
    int fd = listen_connect(port_of(peer_variable("WS_TLS", "_URL")));
    wsline_conn *conn = NULL;

    CHECK_OK(wsline_options_set_fd(options, fd));
    CHECK_OK(wsline_options_set_tls_server_name(options, "localhost"));
    REQUIRE_OK(wsline_connect("wss://no-such-host.invalid/", options, &conn));
    peer_hang_up(conn);
    CHECK(close(fd) == 0);
    wsline_options_free(options);
}

static void a_descriptor_that_is_not_a_connected_socket_fails_the_connect(void) {
    int unconnected = socket(AF_INET, SOCK_STREAM, 0), device = open("/dev/null", O_RDWR);
    int closed = dup(device);
    const int rows[] = {unconnected, device, closed};

    REQUIRE(unconnected >= 0 && device >= 0 && closed >= 0);
    close(closed);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = peer_options();
        wsline_conn *conn = NULL;
        wsline_status status;

        CHECK_OK(wsline_options_set_fd(options, rows[i]));
        status = wsline_connect("ws://127.0.0.1/", options, &conn);
        CHECK(status == WSLINE_ERR_INVALID_ARGUMENT || status == WSLINE_ERR_CONNECT);
        CHECK(conn == NULL);
        wsline_options_free(options);
    }
    CHECK(close(unconnected) == 0 && close(device) == 0);
}

static void socket_options_are_applied(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn;
    int on = 1, idle = 77, got = 0;
    socklen_t len = sizeof got;

    CHECK_OK(wsline_options_add_socket_option(options, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
    CHECK_OK(
        wsline_options_add_socket_option(options, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof idle));
    conn = peer_connect("WEBSOCKETS", "/", options);
    CHECK(getsockopt(wsline_conn_fd(conn), SOL_SOCKET, SO_KEEPALIVE, &got, &len) == 0);
    CHECK(got != 0);
    CHECK(getsockopt(wsline_conn_fd(conn), IPPROTO_TCP, TCP_KEEPINTVL, &got, &len) == 0);
    CHECK_INT(77, got);
    peer_hang_up(conn);
    wsline_options_free(options);
}

static void a_socket_option_that_the_system_rejects_fails_the_connect(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    wsline_error_info info;
    int value = 1;

    CHECK_OK(wsline_options_add_socket_option(options, SOL_SOCKET, 9999, &value, sizeof value));
    CHECK_STATUS(WSLINE_ERR_CONNECT, peer_try("WEBSOCKETS", "/", options, &conn));
    CHECK(conn == NULL);
    CHECK_HAS("9999", wsline_last_error_message());
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(ENOPROTOOPT, info.os_errno);
    CHECK_OK(wsline_options_clear_socket_options(options));
    peer_hang_up(peer_connect("WEBSOCKETS", "/", options));
    wsline_options_free(options);
}

static void small_messages_do_not_wait_for_nagle(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    int got = 0;
    socklen_t len = sizeof got;

    CHECK(getsockopt(wsline_conn_fd(conn), IPPROTO_TCP, TCP_NODELAY, &got, &len) == 0);
    CHECK(got != 0);
    peer_hang_up(conn);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        /* Must run first: a lookup thread closes its descriptor at an unpredictable time. */
        TEST(failed_connects_leak_no_descriptor),
        TEST(both_servers_accept_connections_with_and_without_tls),
        TEST(a_new_connection_has_no_details_yet),
        TEST(an_open_connection_cannot_be_connected_again),
        TEST(a_connection_may_be_freed_while_open),
        TEST(a_name_that_does_not_exist_is_not_resolved),
        TEST(a_port_where_nobody_listens_is_reported),
        TEST(bad_urls_are_rejected_before_any_attempt),
        TEST(connect_requires_a_url_and_an_output),
        TEST(a_connect_that_gets_no_answer_ends_at_its_deadline),
        TEST(the_default_timeout_applies_to_a_connect_without_its_own),
        TEST(a_second_connect_is_rejected_while_one_is_in_progress),
        TEST(abort_ends_a_connect_in_every_phase),
        TEST(abort_before_the_connect_prevents_it),
        TEST(a_supplied_descriptor_is_used_and_left_to_the_caller),
        TEST(a_supplied_descriptor_may_use_tls),
        TEST(a_descriptor_that_is_not_a_connected_socket_fails_the_connect),
        TEST(socket_options_are_applied),
        TEST(a_socket_option_that_the_system_rejects_fails_the_connect),
        TEST(small_messages_do_not_wait_for_nagle),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
