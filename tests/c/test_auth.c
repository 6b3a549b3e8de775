/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: which are sent, that they reach no other server, and that no setting can inject a
 * header. */
#include "check.h"
#include "lines.h"
#include "peer.h"

enum { URL_MAX = PEER_URL_MAX + 64 };

static void check_authorization(const char *url, const wsline_options *options, const char *want) {
    wsline_conn *conn = NULL;
    wsline_message head;
    char line[256];

    if (!CHECK_OK(wsline_connect(url, options, &conn))) return;
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &head));
    snprintf(line, sizeof line, "\r\n%s\r\n", want);
    if (want[0] != '\0')
        CHECK_HAS(line, (const char *)head.data);
    else
        CHECK(strstr((const char *)head.data, "uthorization:") == NULL);
    peer_hang_up(conn);
}

/* The URL of the server's /head with a user before its host. */
static void url_with(const char *user, char url[URL_MAX]) {
    char plain[PEER_URL_MAX];

    peer_url(plain, "FAULTS", "/head");
    snprintf(url, URL_MAX, "ws://%s%s", user, plain + strlen("ws://"));
}

static void a_url_may_contain_user_and_password(void) {
    static const struct {
        const char *user, *want;
    } rows[] = {
        {"", ""},
        {"@", ""},
        {"Aladdin:open%20sesame@", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
        {"user@", "Authorization: Basic dXNlcjo="},
        {"u%40x:p%3Aw%2F@", "Authorization: Basic dUB4OnA6dy8="},
        {"test:123%C2%A3@", "Authorization: Basic dGVzdDoxMjPCow=="},
    };
    char url[URL_MAX];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(rows[i].user);
        url_with(rows[i].user, url);
        check_authorization(url, NULL, rows[i].want);
    }
}

static void options_override_the_url_and_headers_override_both(void) {
    wsline_options *options = peer_options();
    char url[URL_MAX];

    url_with("other:one@", url);
    REQUIRE_OK(wsline_options_set_basic_auth(options, "user", "a:b"));
    check_authorization(url, options, "Authorization: Basic dXNlcjphOmI=");
    REQUIRE_OK(wsline_options_set_bearer_token(options, "abc.DEF-1~+/="));
    check_authorization(url, options, "Authorization: Bearer abc.DEF-1~+/=");
    REQUIRE_OK(wsline_options_set_basic_auth(options, "user", NULL));
    check_authorization(url, options, "Authorization: Basic dXNlcjo=");
    REQUIRE_OK(wsline_options_set_basic_auth(options, NULL, NULL));
    check_authorization(url, options, "Authorization: Basic b3RoZXI6b25l");
    REQUIRE_OK(wsline_options_set_bearer_token(options, "token"));
    REQUIRE_OK(wsline_options_add_header(options, "authorization", "Custom x"));
    check_authorization(url, options, "authorization: Custom x");
    wsline_options_free(options);
}

/* The status is "invalid argument"; the message names the argument and contains no secret. */
#define CHECK_REFUSED(name, call)                                                                  \
    do {                                                                                           \
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, call);                                           \
        CHECK_HAS("`" name "`", wsline_last_error_message());                                      \
        CHECK(strstr(wsline_last_error_message(), "hush") == NULL);                                \
    } while (0)

static void invalid_credentials_are_rejected(void) {
    wsline_options *options = peer_options();

    CHECK_REFUSED("user", wsline_options_set_basic_auth(options, "us:er", "hush"));
    CHECK_REFUSED("user", wsline_options_set_basic_auth(options, NULL, "hush"));
    CHECK_REFUSED("user", wsline_options_set_basic_auth(options, "user", "hush\n"));
    CHECK_REFUSED("user", wsline_options_set_basic_auth(options, "us\rer", "hush"));
    CHECK_REFUSED("password", wsline_options_set_basic_auth(options, "user", "hush\xff"));
    CHECK_REFUSED("options", wsline_options_set_basic_auth(NULL, "user", "hush"));
    CHECK_REFUSED("token", wsline_options_set_bearer_token(options, ""));
    CHECK_REFUSED("token", wsline_options_set_bearer_token(options, "hush hush"));
    CHECK_REFUSED("token", wsline_options_set_bearer_token(options, "hush\r\nX: y"));
    CHECK_REFUSED("options", wsline_options_set_bearer_token(NULL, "hush"));
    CHECK_REFUSED("name", wsline_options_add_header(options, "Proxy-Authorization", "hush"));
    wsline_options_free(options);
}

static void no_value_can_inject_a_header_line(void) {
    static const char *const ends[] = {"a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1",
                                       "\r\n",           "a\x01",        "a\x7f"};
    wsline_options *options = peer_options();

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        const char *evil = ends[i];
        char line[64], url[128];
        wsline_conn *conn = NULL;

        check_row(evil);
        snprintf(line, sizeof line, "X-Good: %s", evil);
        snprintf(url, sizeof url, "ws://127.0.0.1/%s", evil);
        CHECK_REFUSED("value", wsline_options_add_header(options, "X-Good", evil));
        CHECK_REFUSED("name", wsline_options_add_header(options, evil, "x"));
        CHECK_REFUSED("line", wsline_options_set_header_line(options, line));
        CHECK_REFUSED("cookie", wsline_options_set_cookie_header(options, evil));
        CHECK_REFUSED("origin", wsline_options_set_origin_header(options, evil));
        CHECK_REFUSED("host", wsline_options_set_host_header(options, evil));
        CHECK_REFUSED("value", wsline_options_set_connection_header(options, evil));
        CHECK_REFUSED("name", wsline_options_add_subprotocol(options, evil));
        CHECK_REFUSED("user", wsline_options_set_basic_auth(options, evil, NULL));
        CHECK_REFUSED("user", wsline_options_set_basic_auth(options, "user", evil));
        CHECK_REFUSED("token", wsline_options_set_bearer_token(options, evil));
        CHECK_REFUSED("user", wsline_options_set_proxy_auth(options, evil, NULL));
        CHECK_REFUSED("host", wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, evil, 1));
        CHECK_REFUSED("url", wsline_options_set_proxy_url(options, evil));
        CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_connect(url, options, &conn));
    }
    wsline_options_free(options);
}

static void no_credential_appears_in_errors_or_logs(void) {
    /* "hush-hush" in base64 at each of the three offsets, without the characters that depend on
     * neighbours. */
    static const char *const secrets[] = {"hush-hush", "aHVzaC1odXNo", "h1c2gtaHVza",
                                          "odXNoLWh1c2"};
    static const struct {
        const char *before; /* NULL: the server's URL */
        const char *path;
    } urls[] = {
        {NULL, "/head"},
        {NULL, "/status?code=401"},
        {NULL, "/redirect?to=/head"},
        {NULL, "/redirect?to=http://user:other@localhost:1/"},
        {"ws://127.0.0.1:1", "/"},
        {"ws://user:hush-hush@127.0.0.1:1", "/"},
        {"ws://user:hush-hush@127.0.0.1:0", "/"},
        {"ws://user:hush-hush@", "/"},
        {"http://user:hush-hush@127.0.0.1", "/"},
        {"ws://user:hush-hush@nobody.invalid", "/"},
    };
    char server[PEER_URL_MAX], url[URL_MAX];
    wsline_cookie_jar *jar = NULL;

    peer_url(server, "FAULTS", "");
    REQUIRE_OK(wsline_cookie_jar_new(&jar));
    REQUIRE_OK(wsline_cookie_jar_add(jar, server, "kept=hush-hush; Path=/"));
    for (int kind = 0; kind < 3; kind++) {
        wsline_options *options = peer_options();

        REQUIRE_OK(wsline_options_set_cookie_jar(options, jar));
        REQUIRE_OK(wsline_options_set_cookie_header(options, "own=hush-hush"));
        if (kind == 0) REQUIRE_OK(wsline_options_set_basic_auth(options, "user", "hush-hush"));
        if (kind == 1) REQUIRE_OK(wsline_options_set_bearer_token(options, "hush-hush"));
        if (kind == 2) REQUIRE_OK(wsline_options_add_header(options, "Authorization", "hush-hush"));
        for (size_t i = 0; i < COUNT_OF(urls); i++) {
            wsline_conn *conn = NULL;
            const char *logged;

            check_row(urls[i].path);
            snprintf(url, sizeof url, "%s%s", urls[i].before == NULL ? server : urls[i].before,
                     urls[i].path);
            lines_begin();
            if (wsline_connect(url, options, &conn) == WSLINE_OK)
                wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS);
            wsline_conn_free(conn);
            logged = lines_end();
            if (urls[i].before == NULL) {
                CHECK_HAS("> Authorization: [redacted]", logged);
                CHECK_HAS("> Cookie: [redacted]", logged);
            }
            for (size_t k = 0; k < COUNT_OF(secrets); k++) {
                CHECK(strstr(logged, secrets[k]) == NULL);
                CHECK(strstr(wsline_last_error_message(), secrets[k]) == NULL);
            }
        }
        wsline_options_free(options);
    }
    wsline_cookie_jar_free(jar);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_url_may_contain_user_and_password),
        TEST(options_override_the_url_and_headers_override_both),
        TEST(invalid_credentials_are_rejected),
        TEST(no_value_can_inject_a_header_line),
        TEST(no_credential_appears_in_errors_or_logs),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
