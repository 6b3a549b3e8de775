/* SPDX-License-Identifier: Apache-2.0 */
/* Real proxies of every type: connecting through them, being rejected by them, and bypassing them.
 * */
#include "clock.h"
#include "ended.h"
#include "listen.h"
#include "proxy.h"

#include <netinet/tcp.h>

/* User and password, and both encoded as in a URL. */
#define SECRET     "user", "secret", "user:secret"
#define ODD_SECRET "user", "p:w@d", "user:p%3Aw%40d"
#define NOBODY     NULL, NULL, NULL

/* Every type that each proxy supports. */
static const struct proxy proxies[] = {
    {"TINYPROXY", WSLINE_PROXY_HTTP, NOBODY},
    {"TINYPROXY_AUTH", WSLINE_PROXY_HTTP, SECRET},
    {"SQUID", WSLINE_PROXY_HTTP, NOBODY},
    {"SQUID_AUTH", WSLINE_PROXY_HTTP, ODD_SECRET},
    {"SQUID_TLS", WSLINE_PROXY_HTTPS, NOBODY},
    {"TLS_PROXY_AUTH", WSLINE_PROXY_HTTPS, SECRET},
    {"DANTE", WSLINE_PROXY_SOCKS4, NOBODY},
    {"SSH_SOCKS", WSLINE_PROXY_SOCKS4, NOBODY},
    {"SSH_SOCKS", WSLINE_PROXY_SOCKS4A, NOBODY},
    {"MICROSOCKS", WSLINE_PROXY_SOCKS5, NOBODY},
    {"MICROSOCKS", WSLINE_PROXY_SOCKS5H, NOBODY},
    {"MICROSOCKS_AUTH", WSLINE_PROXY_SOCKS5, SECRET},
    {"MICROSOCKS_AUTH", WSLINE_PROXY_SOCKS5H, SECRET},
    {"DANTE", WSLINE_PROXY_SOCKS5, NOBODY},
    {"DANTE", WSLINE_PROXY_SOCKS5H, NOBODY},
    {"DANTE_AUTH", WSLINE_PROXY_SOCKS5H, SECRET},
    {"SSH_SOCKS", WSLINE_PROXY_SOCKS5H, NOBODY},
};

/* Options with `proxy`. */
static wsline_options *options_with(const struct proxy *proxy) {
    wsline_options *options = proxy_options();

    proxy_set_by_parts(options, proxy);
    CHECK_OK(wsline_options_set_connect_timeout_ms(options, WAIT_MS));
    return options;
}

static void name_row(const struct proxy *proxy, const char *what) {
    proxy_row("%s as %s, %s", proxy->peer, proxy_scheme(proxy->type), what);
}

/* Connecting ----------------------------------------------------------------------------------- */

static const struct way {
    const char *name;
    void (*set)(wsline_options *options, const struct proxy *proxy);
} ways[] = {
    {"by its parts", proxy_set_by_parts},
    {"by its URL", proxy_set_by_url},
    {"by http_proxy and https_proxy", proxy_set_by_scheme_variables},
    {"by all_proxy", proxy_set_by_all_proxy},
};

/* Echoes over ws and wss; the TLS information is about the server, not the proxy. */
static void check_leads_to_servers(const wsline_options *options) {
    wsline_conn *plain = peer_connect("WEBSOCKETS", "/", options);
    wsline_conn *secure = peer_connect("WEBSOCKETS_TLS", "/", options);
    wsline_tls_info info;

    proxy_echo(plain);
    proxy_echo(secure);
    CHECK_INT(101, wsline_conn_http_status(plain));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_tls_info(plain, &info));
    CHECK_OK(wsline_conn_tls_info(secure, &info));
    peer_hang_up(plain);
    peer_hang_up(secure);
}

static void every_proxy_works_however_it_was_set(void) {
    for (size_t i = 0; i < COUNT_OF(proxies); i++)
        for (size_t k = 0; k < COUNT_OF(ways); k++) {
            wsline_options *options = proxy_options();

            name_row(&proxies[i], ways[k].name);
            ways[k].set(options, &proxies[i]);
            check_leads_to_servers(options);
            wsline_options_free(options);
        }
}

static void check_carries_much(wsline_conn *conn) {
    size_t len = 1 << 20, count = check_scaled(200, 50);
    char *text = text_of(len);

    CHECK_OK(wsline_conn_send_text(conn, text, len));
    expect_message(conn, WSLINE_OPCODE_TEXT, text, len);
    free(text);
    for (size_t i = 0; i < count; i++) CHECK_OK(wsline_conn_send_binary(conn, &i, sizeof i));
    for (size_t i = 0; i < count; i++) expect_message(conn, WSLINE_OPCODE_BINARY, &i, sizeof i);
}

static void a_connection_through_a_proxy_transfers_much_data_and_closes_cleanly(void) {
    for (size_t i = 0; i < COUNT_OF(proxies); i++) {
        wsline_options *options = options_with(&proxies[i]);
        wsline_conn *conn;

        name_row(&proxies[i], "wss");
        conn = peer_connect("WEBSOCKETS_TLS", "/", options);
        check_carries_much(conn);
        CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, "done", WAIT_MS));
        check_ended(conn, WSLINE_CLOSE_NORMAL, "done", true, WSLINE_SIDE_CLIENT);
        wsline_conn_free(conn);
        wsline_options_free(options);
    }
}

static void the_certificate_is_that_of_the_server_not_of_the_proxy(void) {
    for (size_t i = 0; i < COUNT_OF(proxies); i++) {
        wsline_options *options = options_with(&proxies[i]);
        wsline_conn *conn = NULL, *direct;
        wsline_tls_info info, direct_info;

        name_row(&proxies[i], "a server with a certificate of its own");
        CHECK_STATUS(WSLINE_ERR_TLS_VERIFY, peer_try("TLS_WRONGHOST", "/", options, &conn));
        CHECK(conn == NULL);
        CHECK(strstr(wsline_last_error_message(), proxy_shown(&proxies[i])) == NULL);
        CHECK_OK(wsline_options_set_tls_verify_host(options, false));
        conn = peer_connect("TLS_WRONGHOST", "/", options);
        CHECK_OK(wsline_options_add_no_proxy(options, "*"));
        direct = peer_connect("TLS_WRONGHOST", "/", options);
        REQUIRE_OK(wsline_conn_tls_info(conn, &info));
        REQUIRE_OK(wsline_conn_tls_info(direct, &direct_info));
        CHECK_TEXT(direct_info.peer_certificate_pem, info.peer_certificate_pem);
        peer_hang_up(direct);
        peer_hang_up(conn);
        wsline_options_free(options);
    }
}

/* "proxy-only.test" resolves for the proxies, but not for this process. */
static void proxies_that_accept_names_look_them_up(void) {
    for (size_t i = 0; i < COUNT_OF(proxies); i++) {
        int32_t type = proxies[i].type;
        wsline_options *options = options_with(&proxies[i]);
        wsline_conn *conn = NULL;
        wsline_status status;
        char url[64];

        name_row(&proxies[i], "a name that only the proxy knows");
        snprintf(url, sizeof url, "ws://proxy-only.test:%u/", (unsigned)proxy_port("WEBSOCKETS"));
        status = wsline_connect(url, options, &conn);
        if (type == WSLINE_PROXY_SOCKS4 || type == WSLINE_PROXY_SOCKS5) {
            CHECK_STATUS(WSLINE_ERR_RESOLVE, status);
            CHECK_INT(WSLINE_PHASE_RESOLVE, proxy_failure().phase);
            CHECK_HAS("proxy-only.test", wsline_last_error_message());
        } else if (CHECK_STATUS(WSLINE_OK, status)) {
            proxy_echo(conn);
            peer_hang_up(conn);
        }
        wsline_options_free(options);
    }
}

/* Sockets ------------------------------------------------------------------------------------- */

static int socket_option(const wsline_conn *conn, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;

    CHECK(getsockopt(wsline_conn_fd(conn), level, name, &value, &len) == 0);
    return value;
}

static void socket_options_apply_to_the_connection_to_the_proxy(void) {
    for (size_t i = 0; i < COUNT_OF(proxies); i++) {
        wsline_options *options = options_with(&proxies[i]);
        int size = 100000;
        struct sockaddr_in own;
        socklen_t len = sizeof own;
        char port[16];
        wsline_conn *conn;

        name_row(&proxies[i], "socket options");
        CHECK_OK(
            wsline_options_add_socket_option(options, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
        CHECK_OK(wsline_options_set_bind_address(options, "127.0.0.2"));
        conn = peer_connect("WEBSOCKETS", "/", options);
        proxy_echo(conn);
        CHECK(socket_option(conn, IPPROTO_TCP, TCP_NODELAY) != 0);
        CHECK_INT(2 * size, socket_option(conn, SOL_SOCKET, SO_RCVBUF)); /* socket(7) */
        REQUIRE(getsockname(wsline_conn_fd(conn), (struct sockaddr *)&own, &len) == 0);
        CHECK_INT(INADDR_LOOPBACK + 1, ntohl(own.sin_addr.s_addr));
        snprintf(port, sizeof port, ":%u", (unsigned)proxy_port(proxies[i].peer));
        CHECK_HAS("127.0.0.1:", wsline_conn_peer_address(conn));
        CHECK_TEXT(port, strrchr(wsline_conn_peer_address(conn), ':'));
        peer_hang_up(conn);
        wsline_options_free(options);
    }
}

/* Authentication ------------------------------------------------------------------------------- */

/* What some proxies return for a wrong password, instead of 407. */
static bool is_demand(int32_t http_status) { return http_status == 407 || http_status == 401; }

static void check_wants_others(const struct proxy *proxy, const char *user, const char *password) {
    struct proxy other = *proxy;
    wsline_conn *conn = NULL;
    wsline_options *options;
    char url[PEER_URL_MAX];
    int32_t http_status;

    other.user = user;
    other.password = password;
    options = options_with(&other);
    REQUIRE_OK(wsline_conn_new(options, &conn));
    wsline_options_free(options);
    peer_url(url, "WEBSOCKETS", "/");
    CHECK_STATUS(WSLINE_ERR_PROXY_AUTH, wsline_conn_connect(conn, url));
    CHECK_INT(WSLINE_PHASE_PROXY, proxy_failure().phase);
    CHECK_HAS(proxy_shown(proxy), wsline_last_error_message());
    http_status = wsline_conn_http_status(conn);
    CHECK_INT(http_status, proxy_failure().http_status);
    if (!proxy_is_http(proxy->type))
        CHECK_INT(0, http_status);
    else if (user == NULL)
        CHECK_INT(407, http_status);
    else
        CHECK(is_demand(http_status));
    if (http_status == 407)
        CHECK_HAS("Basic", wsline_conn_response_header(conn, "Proxy-Authenticate"));
    wsline_conn_free(conn);
}

static void a_proxy_that_requires_a_password_rejects_a_missing_one(void) {
    for (size_t i = 0; i < COUNT_OF(proxies); i++)
        if (proxies[i].user != NULL) {
            name_row(&proxies[i], "no password");
            check_wants_others(&proxies[i], NULL, NULL);
        }
}

static void a_proxy_that_requires_a_password_rejects_a_wrong_one(void) {
    for (size_t i = 0; i < COUNT_OF(proxies); i++)
        if (proxies[i].user != NULL) {
            name_row(&proxies[i], "another password");
            check_wants_others(&proxies[i], "user", "guess");
        }
}

static void set_auth_overrides_the_credentials_in_the_url(void) {
    static const struct proxy stale = {"TINYPROXY_AUTH", WSLINE_PROXY_HTTP, "user", "stale",
                                       "user:stale"};
    wsline_options *options = proxy_options();
    wsline_conn *conn = NULL;

    proxy_set_by_url(options, &stale);
    CHECK_OK(wsline_options_set_proxy_auth(options, "user", "secret"));
    peer_hang_up(peer_connect("WEBSOCKETS", "/", options));
    CHECK_OK(wsline_options_set_proxy_auth(options, NULL, NULL));
    CHECK_STATUS(WSLINE_ERR_PROXY_AUTH, peer_try("WEBSOCKETS", "/", options, &conn));
    wsline_options_free(options);
}

static void set_auth_does_not_apply_to_proxies_from_the_environment(void) {
    static const struct proxy bare = {"TINYPROXY_AUTH", WSLINE_PROXY_HTTP, NOBODY};
    wsline_options *options = proxy_options();
    wsline_conn *conn = NULL;

    proxy_set_by_all_proxy(options, &bare);
    CHECK_OK(wsline_options_set_proxy_auth(options, "user", "secret"));
    CHECK_STATUS(WSLINE_ERR_PROXY_AUTH, peer_try("WEBSOCKETS", "/", options, &conn));
    wsline_options_free(options);
}

/* All lines that the library has logged. */
static struct {
    pthread_mutex_t lock;
    size_t len;
    char text[1 << 20];
} said = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note_said(int32_t level, const char *line, void *userdata) {
    (void)level;
    (void)userdata;
    pthread_mutex_lock(&said.lock);
    int len = snprintf(said.text + said.len, sizeof said.text - said.len, "%s\n", line);
    if (CHECK(len > 0 && (size_t)len < sizeof said.text - said.len)) said.len += (size_t)len;
    pthread_mutex_unlock(&said.lock);
}

static void connect_and_note(wsline_options *options) {
    wsline_conn *conn = NULL;

    if (peer_try("WEBSOCKETS", "/", options, &conn) != WSLINE_OK)
        note_said(WSLINE_LOG_ERROR, wsline_last_error_message(), NULL);
    wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS);
    wsline_conn_free(conn);
    wsline_options_free(options);
}

static void no_password_appears_in_the_log_or_an_error(void) {
    static const struct proxy nobody_there = {"WEBSOCKETS", WSLINE_PROXY_HTTP, SECRET};
    /* Unencoded, encoded as in a URL, and in base64 with the user. */
    static const char *const secrets[] = {
        "secret",           "p:w@d",           "p%3Aw%40d", "guess", "dXNlcjpzZWNyZXQ=",
        "dXNlcjpwOndAZA==", "dXNlcjpndWVzcw=="};

    said.len = 0;
    CHECK_OK(wsline_set_log(WSLINE_LOG_TRACE, note_said, NULL, NULL));
    for (size_t i = 0; i < COUNT_OF(proxies); i++)
        for (size_t k = 0; proxies[i].user != NULL && k < COUNT_OF(ways); k++) {
            struct proxy wrong = proxies[i];
            wsline_options *options = proxy_options();

            ways[k].set(options, &proxies[i]);
            connect_and_note(options);
            options = proxy_options();
            wrong.password = "guess";
            wrong.userinfo = "user:guess";
            ways[k].set(options, &wrong);
            connect_and_note(options);
        }
    connect_and_note(options_with(&nobody_there)); /* a server that is not a proxy */
    CHECK_OK(wsline_set_log(WSLINE_LOG_OFF, NULL, NULL, NULL));
    CHECK_HAS("> CONNECT 127.0.0.1:", said.text);
    CHECK_HAS("> Proxy-Authorization: [redacted]", said.text);
    CHECK_HAS("SOCKS5: user name and password", said.text);
    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        check_row(secrets[i]);
        CHECK(strstr(said.text, secrets[i]) == NULL);
    }
}

/* Rejections ----------------------------------------------------------------------------------- */

static void a_rejection_by_an_http_proxy_reports_its_status(void) {
    static const struct proxy squids[] = {
        {"SQUID", WSLINE_PROXY_HTTP, NOBODY},
        {"SQUID_AUTH", WSLINE_PROXY_HTTP, ODD_SECRET},
        {"SQUID_TLS", WSLINE_PROXY_HTTPS, NOBODY},
    };

    for (size_t i = 0; i < COUNT_OF(squids); i++) {
        wsline_options *options = options_with(&squids[i]);
        wsline_conn *conn = NULL;
        const void *body;
        size_t len;

        name_row(&squids[i], "a denied host");
        REQUIRE_OK(wsline_conn_new(options, &conn));
        CHECK_STATUS(WSLINE_ERR_PROXY, wsline_conn_connect(conn, "ws://denied.test/"));
        CHECK_INT(403, proxy_failure().http_status);
        CHECK_INT(WSLINE_PHASE_PROXY, proxy_failure().phase);
        CHECK_INT(403, wsline_conn_http_status(conn));
        CHECK_HAS("403", wsline_last_error_message());
        CHECK_HAS(proxy_shown(&squids[i]), wsline_last_error_message());
        CHECK_OK(wsline_conn_response_body(conn, &body, &len));
        CHECK(len > 0);
        wsline_conn_free(conn);
        wsline_options_free(options);
    }
}

static void a_server_that_the_proxy_cannot_reach_is_a_rejection_by_the_proxy(void) {
    for (size_t i = 0; i < COUNT_OF(proxies); i++) {
        wsline_options *options = options_with(&proxies[i]);
        wsline_conn *conn = NULL;
        char url[64];

        name_row(&proxies[i], "a port where nobody listens");
        snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)listen_nowhere());
        CHECK_STATUS(WSLINE_ERR_PROXY, wsline_connect(url, options, &conn));
        CHECK(conn == NULL);
        CHECK_INT(WSLINE_PHASE_PROXY, proxy_failure().phase);
        CHECK_HAS(proxy_shown(&proxies[i]), wsline_last_error_message());
        if (proxy_is_http(proxies[i].type))
            CHECK_RANGE(500, 599, proxy_failure().http_status);
        else
            CHECK_INT(0, proxy_failure().http_status);
        wsline_options_free(options);
    }
}

static void a_proxy_with_an_untrusted_certificate_is_rejected(void) {
    static const char *const targets[] = {"WEBSOCKETS", "WEBSOCKETS_TLS"};

    for (size_t i = 0; i < COUNT_OF(proxies); i++)
        for (size_t k = 0; proxies[i].type == WSLINE_PROXY_HTTPS && k < COUNT_OF(targets); k++) {
            wsline_options *options = NULL;
            wsline_conn *conn = NULL;

            name_row(&proxies[i], targets[k]);
            REQUIRE_OK(wsline_options_new(&options));
            proxy_set_by_parts(options, &proxies[i]);
            CHECK_STATUS(WSLINE_ERR_TLS_VERIFY, peer_try(targets[k], "/", options, &conn));
            CHECK(conn == NULL);
            CHECK_INT(WSLINE_PHASE_TLS, proxy_failure().phase);
            CHECK(proxy_failure().tls_verify_result != 0);
            CHECK_HAS("proxy", wsline_last_error_message());
            wsline_options_free(options);
        }
}

static void a_proxy_of_another_type_does_not_cause_an_endless_wait(void) {
    static const struct proxy mistakes[] = {
        {"TINYPROXY", WSLINE_PROXY_SOCKS4, NOBODY}, {"TINYPROXY", WSLINE_PROXY_SOCKS5, NOBODY},
        {"SQUID", WSLINE_PROXY_SOCKS4A, NOBODY},    {"SQUID", WSLINE_PROXY_SOCKS5H, NOBODY},
        {"MICROSOCKS", WSLINE_PROXY_HTTP, NOBODY},  {"MICROSOCKS", WSLINE_PROXY_SOCKS4, NOBODY},
        {"DANTE", WSLINE_PROXY_HTTP, NOBODY},       {"SSH_SOCKS", WSLINE_PROXY_HTTP, NOBODY},
        {"SQUID_TLS", WSLINE_PROXY_HTTP, NOBODY},   {"SQUID_TLS", WSLINE_PROXY_SOCKS5, NOBODY},
        {"WEBSOCKETS", WSLINE_PROXY_HTTP, NOBODY},  {"WEBSOCKETS", WSLINE_PROXY_SOCKS5, NOBODY},
    };

    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        wsline_options *options = options_with(&mistakes[i]);
        wsline_conn *conn = NULL;
        wsline_status status;
        struct stopwatch start;

        name_row(&mistakes[i], "which it is not");
        CHECK_OK(wsline_options_set_connect_timeout_ms(options, 300));
        start = stopwatch_start();
        status = peer_try("WEBSOCKETS", "/", options, &conn);
        CHECK_RANGE(0, 300 + stopwatch_slack_ms(start), stopwatch_ms(start));
        CHECK(status == WSLINE_ERR_PROXY || status == WSLINE_ERR_TIMEOUT);
        CHECK_HAS(proxy_shown(&mistakes[i]), wsline_last_error_message());
        CHECK_INT(WSLINE_PHASE_PROXY, proxy_failure().phase);
        CHECK(conn == NULL);
        wsline_options_free(options);
    }
}

static void a_proxy_without_tls_cannot_be_an_https_proxy(void) {
    static const struct proxy plain = {"SQUID", WSLINE_PROXY_HTTPS, NOBODY};
    wsline_options *options = options_with(&plain);
    wsline_conn *conn = NULL;

    CHECK_STATUS(WSLINE_ERR_TLS, peer_try("WEBSOCKETS", "/", options, &conn));
    CHECK_HAS("proxy", wsline_last_error_message());
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(every_proxy_works_however_it_was_set),
        TEST(a_connection_through_a_proxy_transfers_much_data_and_closes_cleanly),
        TEST(the_certificate_is_that_of_the_server_not_of_the_proxy),
        TEST(proxies_that_accept_names_look_them_up),
        TEST(socket_options_apply_to_the_connection_to_the_proxy),
        TEST(a_proxy_that_requires_a_password_rejects_a_missing_one),
        TEST(a_proxy_that_requires_a_password_rejects_a_wrong_one),
        TEST(set_auth_overrides_the_credentials_in_the_url),
        TEST(set_auth_does_not_apply_to_proxies_from_the_environment),
        TEST(no_password_appears_in_the_log_or_an_error),
        TEST(a_rejection_by_an_http_proxy_reports_its_status),
        TEST(a_server_that_the_proxy_cannot_reach_is_a_rejection_by_the_proxy),
        TEST(a_proxy_with_an_untrusted_certificate_is_rejected),
        TEST(a_proxy_of_another_type_does_not_cause_an_endless_wait),
        TEST(a_proxy_without_tls_cannot_be_an_https_proxy),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
