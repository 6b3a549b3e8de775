/* SPDX-License-Identifier: Apache-2.0 */
/* Redirects: which are followed, where to, and which headers are not sent along. */
#include "clock.h"
#include "listen.h"
#include "peer.h"

#include <poll.h>

enum { PATH_MAX_HERE = PEER_URL_MAX + 256 };

/* ":4711" of a peer. */
static void port_of(const char *peer, char port[16]) {
    char url[PEER_URL_MAX];

    peer_url(url, peer, "");
    snprintf(port, 16, "%s", strrchr(url, ':'));
}

/* The request headers that the last server received. */
static void read_head(wsline_conn *conn, char *head, size_t size) {
    wsline_message message;

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    snprintf(head, size, "%s", (const char *)message.data);
}

static void five_statuses_are_followed_to_any_target(void) {
    static const int statuses[] = {301, 302, 303, 307, 308};
    /* With the port of the server inserted between host and path, if there is a host. */
    static const struct {
        const char *host, *path;
    } targets[] = {
        {NULL, "/head%3Fx=1"},
        {NULL, "head%3Fx=1"},
        {NULL, "./a/../head%3Fx=1"},
        {"//localhost", "/head%3Fx=1"},
        {"ws://127.0.0.1", "/head%3Fx=1"},
        {"http://127.0.0.1", "/head%3Fx=1"},
        {"HTTP://user:secret@localhost", "/head%3Fx=1%23top"},
    };
    char port[16], path[PATH_MAX_HERE], head[4096];

    port_of("FAULTS", port);
    for (size_t i = 0; i < COUNT_OF(targets) * COUNT_OF(statuses); i++) {
        const char *host = targets[i % COUNT_OF(targets)].host;
        wsline_conn *conn;

        snprintf(path, sizeof path, "/redirect?code=%d&to=%s%s%s", statuses[i % COUNT_OF(statuses)],
                 host == NULL ? "" : host, host == NULL ? "" : port,
                 targets[i % COUNT_OF(targets)].path);
        check_row(path);
        conn = peer_connect("FAULTS", path, NULL);
        read_head(conn, head, sizeof head);
        CHECK_HAS("GET /head?x=1 HTTP/1.1\r\n", head);
        CHECK(strstr(head, "Authorization") == NULL); /* no server requests the client's identity */
        peer_hang_up(conn);
    }
}

static void other_responses_are_not_redirects(void) {
    static const struct {
        const char *path;
        int status;
    } rows[] = {
        {"/redirect?code=300&to=/head", 300},
        {"/redirect?code=304&to=/head", 304},
        {"/redirect?code=302", 302},
        {"/redirect?code=302&to=ftp://a/", 302},
        {"/redirect?code=302&to=http://", 302},
        {"/redirect?code=302&to=ws%2Bunix:///tmp/s:/", 302},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_conn *conn = NULL;
        wsline_error_info info;

        check_row(rows[i].path);
        CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, peer_try("FAULTS", rows[i].path, NULL, &conn));
        CHECK_OK(wsline_last_error(&info));
        CHECK_INT(rows[i].status, info.http_status);
        CHECK_INT(WSLINE_PHASE_UPGRADE, info.phase);
    }
}

static void the_default_limit_is_three(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;

    peer_hang_up(peer_connect("FAULTS", "/redirect?n=3&to=/head", options));
    CHECK_STATUS(WSLINE_ERR_TOO_MANY_REDIRECTS,
                 peer_try("FAULTS", "/redirect?n=4&to=/head&token=hush-hush", options, &conn));
    CHECK_HAS("too many redirects, 3 allowed", wsline_last_error_message());
    CHECK_HAS("/redirect -> ws://", wsline_last_error_message());
    CHECK(strstr(wsline_last_error_message(), "hush-hush") == NULL);
    REQUIRE_OK(wsline_options_set_max_redirects(options, 20));
    peer_hang_up(peer_connect("FAULTS", "/redirect?n=20&to=/head", options));
    wsline_options_free(options);
}

static void a_redirect_loop_is_reported_as_one(void) {
    wsline_conn *conn = NULL;

    CHECK_STATUS(WSLINE_ERR_TOO_MANY_REDIRECTS, peer_try("FAULTS", "/redirect-loop", NULL, &conn));
    CHECK_HAS("a redirect loop", wsline_last_error_message());
}

static void with_limit_0_a_redirect_can_be_inspected(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    char url[PEER_URL_MAX];

    REQUIRE_OK(wsline_options_set_max_redirects(options, 0));
    REQUIRE_OK(wsline_conn_new(options, &conn));
    peer_url(url, "FAULTS", "/redirect?code=307&to=/head");
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_conn_connect(conn, url));
    CHECK_INT(307, wsline_conn_http_status(conn));
    CHECK_TEXT("/head", wsline_conn_response_header(conn, "Location"));
    wsline_conn_free(conn);
    wsline_options_free(options);
}

static void a_supplied_descriptor_follows_no_redirect(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    char port[16];
    int fd;

    port_of("FAULTS", port);
    fd = listen_connect((uint16_t)strtoul(port + 1, NULL, 10));
    REQUIRE_OK(wsline_options_set_fd(options, fd));
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS,
                 wsline_connect("ws://127.0.0.1/redirect?to=/head", options, &conn));
    close(fd);
    wsline_options_free(options);
}

static void a_redirect_from_wss_to_ws_is_rejected(void) {
    struct listener listener = listen_silent();
    struct pollfd asked = {.fd = listener.fd, .events = POLLIN};
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    static const char *const schemes[] = {"ws", "http"};

    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        char path[128];

        check_row(schemes[i]);
        snprintf(path, sizeof path, "/redirect?to=%s://localhost:%u/", schemes[i],
                 (unsigned)listener.port);
        CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, peer_try("FAULTS_TLS", path, options, &conn));
        CHECK_HAS("drop TLS", wsline_last_error_message());
        CHECK_INT(0, poll(&asked, 1, 0)); /* nobody connected */
    }
    wsline_options_free(options);
    listen_close(&listener);
}

static void a_redirect_leaks_nothing_to_another_origin(void) {
    static const char *const secrets[] = {"Authorization:", "hush", "Cookie:", "virtual.example",
                                          "aHVzaDpodXNo"};
    char port[16], path[256], head[4096], url[PEER_URL_MAX];

    port_of("FAULTS", port);
    for (int kind = 0; kind < 4; kind++) {
        for (int same = 0; same < 2; same++) {
            wsline_options *options = peer_options();
            wsline_conn *conn = NULL;

            snprintf(path, sizeof path, "/redirect?to=ws://%s%s/head",
                     same ? "127.0.0.1" : "localhost", port);
            check_row(path);
            REQUIRE_OK(wsline_options_set_cookie_header(options, "session=hush"));
            REQUIRE_OK(wsline_options_set_host_header(options, "virtual.example"));
            REQUIRE_OK(wsline_options_add_header(options, "X-Other", "1"));
            peer_url(url, "FAULTS", path);
            if (kind == 0)
                REQUIRE_OK(wsline_options_add_header(options, "authorization", "Custom hush"));
            if (kind == 1) REQUIRE_OK(wsline_options_set_basic_auth(options, "hush", "hush"));
            if (kind == 2) REQUIRE_OK(wsline_options_set_bearer_token(options, "hush"));
            if (kind == 3) snprintf(url, sizeof url, "ws://hush:hush@127.0.0.1%s%s", port, path);
            REQUIRE_OK(wsline_connect(url, options, &conn));
            read_head(conn, head, sizeof head);
            CHECK_HAS("X-Other: 1\r\n", head);
            if (same) {
                CHECK_HAS("Cookie: session=hush\r\n", head);
                CHECK_HAS("Host: virtual.example\r\n", head);
                CHECK(strstr(head, "uthorization: ") != NULL);
            } else {
                for (size_t i = 0; i < COUNT_OF(secrets); i++)
                    CHECK(strstr(head, secrets[i]) == NULL);
                CHECK_HAS("Host: localhost:", head);
            }
            peer_hang_up(conn);
            wsline_options_free(options);
        }
    }
}

static void one_deadline_applies_to_all_redirects(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;
    wsline_error_info info;
    struct stopwatch start = stopwatch_start();

    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, 300));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, peer_try("FAULTS", "/redirect?n=2&to=/hang", options, &conn));
    CHECK_TOOK(300, start);
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_PHASE_UPGRADE, info.phase);
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(five_statuses_are_followed_to_any_target),
        TEST(other_responses_are_not_redirects),
        TEST(the_default_limit_is_three),
        TEST(a_redirect_loop_is_reported_as_one),
        TEST(with_limit_0_a_redirect_can_be_inspected),
        TEST(a_supplied_descriptor_follows_no_redirect),
        TEST(a_redirect_from_wss_to_ws_is_rejected),
        TEST(a_redirect_leaks_nothing_to_another_origin),
        TEST(one_deadline_applies_to_all_redirects),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
