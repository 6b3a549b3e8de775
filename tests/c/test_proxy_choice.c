/* SPDX-License-Identifier: Apache-2.0 */
/* Which proxy is used, if any: by options and environment, and which values are invalid. */
#include "clock.h"
#include "ended.h"
#include "listen.h"
#include "proxy.h"

enum port { ANY_PORT, ITS_PORT, OTHER_PORT };

static const struct exception {
    const char *entry;
    enum port port;
    const char *host;
    bool is_direct;
} exceptions[] = {
    {"127.0.0.1", ANY_PORT, "127.0.0.1", true},
    {"127.0.0.1", ITS_PORT, "127.0.0.1", true},
    {"127.0.0.1", OTHER_PORT, "127.0.0.1", false},
    {"127.0.0.2", ANY_PORT, "127.0.0.1", false},
    {"127.0.0.0/8", ANY_PORT, "127.0.0.1", true},
    {"10.0.0.0/8", ANY_PORT, "127.0.0.1", false},
    {"*", ANY_PORT, "127.0.0.1", true},
    {"*", ITS_PORT, "127.0.0.1", true},
    {"*", OTHER_PORT, "127.0.0.1", false},
    {"localhost", ANY_PORT, "localhost", true},
    {"LOCALHOST", ITS_PORT, "localhost", true},
    {"localhost", OTHER_PORT, "localhost", false},
    {"LocalHost.", ANY_PORT, "LOCALHOST", true},
    {".localhost", ANY_PORT, "localhost", true},
    {"*.localhost", ANY_PORT, "localhost", true},
    {"host", ANY_PORT, "localhost", false},
    {"*", ANY_PORT, "localhost", true},
    {"other.example, localhost", ANY_PORT, "localhost", true},
    {"other.example,localhost", ITS_PORT, "localhost", true},
    {"other.example", ANY_PORT, "localhost", false},
    /* Host names are not resolved for this. */
    {"127.0.0.0/8", ANY_PORT, "localhost", false},
    {"localhost", ANY_PORT, "127.0.0.1", false},
};

/* The status of connecting to `host` if the proxy that it should bypass is dead. */
static void check_avoids(bool is_direct, const char *host, const wsline_options *options) {
    wsline_conn *conn = NULL;
    wsline_status status;
    char url[64];

    snprintf(url, sizeof url, "ws://%s:%u/", host, (unsigned)proxy_port("WEBSOCKETS"));
    status = wsline_connect(url, options, &conn);
    if (!is_direct) {
        CHECK_STATUS(WSLINE_ERR_CONNECT, status);
        CHECK_HAS("proxy", wsline_last_error_message());
    } else if (CHECK_STATUS(WSLINE_OK, status)) {
        peer_hang_up(conn);
    }
}

/* The entry of an exception, with its port if it has one. */
static const char *entry_of(const struct exception *exception) {
    static char entry[64];
    unsigned port = proxy_port("WEBSOCKETS");

    switch (exception->port) {
    case ANY_PORT:
        return exception->entry;
    case ITS_PORT:
        snprintf(entry, sizeof entry, "%s:%u", exception->entry, port);
        return entry;
    default:
        snprintf(entry, sizeof entry, "%s:%u", exception->entry, port - 1);
        return entry;
    }
}

static void exceptions_in_the_options_apply_to_every_type_of_proxy(void) {
    for (int32_t type = WSLINE_PROXY_HTTP; type <= WSLINE_PROXY_SOCKS5H; type++)
        for (size_t i = 0; i < COUNT_OF(exceptions); i++) {
            const char *entry = entry_of(&exceptions[i]);
            wsline_options *options = proxy_options();

            proxy_row("%s, \"%s\" for %s", proxy_scheme(type), entry, exceptions[i].host);
            CHECK_OK(wsline_options_set_proxy(options, type, "127.0.0.1", listen_nowhere()));
            CHECK_OK(wsline_options_add_no_proxy(options, entry));
            check_avoids(exceptions[i].is_direct, exceptions[i].host, options);
            wsline_options_free(options);
        }
}

static void exceptions_in_the_environment_work_like_those_in_the_options(void) {
    static const char *const names[] = {"no_proxy", "NO_PROXY"};
    char dead[64];

    snprintf(dead, sizeof dead, "socks5h://127.0.0.1:%u", (unsigned)listen_nowhere());
    for (size_t i = 0; i < COUNT_OF(exceptions); i++)
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            const char *entry = entry_of(&exceptions[i]);
            wsline_options *options = proxy_options();

            proxy_row("%s=\"%s\" for %s", names[k], entry, exceptions[i].host);
            CHECK(setenv("all_proxy", dead, 1) == 0);
            CHECK(setenv(names[k], entry, 1) == 0);
            check_avoids(exceptions[i].is_direct, exceptions[i].host, options);
            CHECK_OK(wsline_options_set_proxy_url(options, dead));
            check_avoids(exceptions[i].is_direct, exceptions[i].host, options);
            wsline_options_free(options);
        }
}

static void exceptions_in_the_options_replace_those_in_the_environment(void) {
    wsline_options *options = proxy_options();

    CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, "127.0.0.1", listen_nowhere()));
    CHECK(setenv("no_proxy", "*", 1) == 0);
    check_avoids(true, "127.0.0.1", options);
    CHECK_OK(wsline_options_add_no_proxy(options, "other.example"));
    check_avoids(false, "127.0.0.1", options);
    CHECK_OK(wsline_options_add_no_proxy(options, "127.0.0.1"));
    check_avoids(true, "127.0.0.1", options);
    CHECK_OK(wsline_options_clear_no_proxy(options));
    check_avoids(true, "127.0.0.1", options); /* from the environment again */
    CHECK(setenv("no_proxy", "", 1) == 0);
    check_avoids(false, "127.0.0.1", options);
    wsline_options_free(options);
}

static void the_environment_is_ignored_if_disabled(void) {
    char dead[64];
    wsline_options *options = proxy_options();

    snprintf(dead, sizeof dead, "http://127.0.0.1:%u", (unsigned)listen_nowhere());
    CHECK(setenv("http_proxy", dead, 1) == 0);
    CHECK(setenv("all_proxy", dead, 1) == 0);
    check_avoids(false, "127.0.0.1", options);
    CHECK_OK(wsline_options_set_proxy_from_environment(options, false));
    check_avoids(true, "127.0.0.1", options);
    CHECK(setenv("no_proxy", "*", 1) == 0);
    CHECK_OK(wsline_options_set_proxy_url(options, dead));
    check_avoids(false, "127.0.0.1", options);
    CHECK_OK(wsline_options_set_proxy_url(options, NULL));
    check_avoids(true, "127.0.0.1", options);
    CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, "127.0.0.1", listen_nowhere()));
    CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_NONE, NULL, 0));
    check_avoids(true, "127.0.0.1", options);
    wsline_options_free(options);
}

static void set_variable(const char *assignment) {
    char name[32];
    const char *value = strchr(assignment, '=') + 1;

    snprintf(name, sizeof name, "%.*s", (int)(value - assignment - 1), assignment);
    CHECK(setenv(name, value, 1) == 0);
}

static void the_environment_names_a_proxy_for_each_scheme(void) {
    static const struct {
        const char *url;
        const char *variables[3];
        const char *proxy;
    } rows[] = {
        {"ws://h/", {NULL}, NULL},
        {"ws://h/", {"http_proxy=http://a:1"}, "http://a:1"},
        {"wss://h/", {"http_proxy=http://a:1"}, NULL},
        {"wss://h/", {"https_proxy=https://a:1"}, "https://a:1"},
        {"ws://h/", {"https_proxy=https://a:1"}, NULL},
        {"ws://h/", {"all_proxy=socks5h://a:1"}, "socks5h://a:1"},
        {"wss://h/", {"ALL_PROXY=socks4a://a:1"}, "socks4a://a:1"},
        {"ws://h/", {"http_proxy=a:1", "all_proxy=b:2"}, "http://a:1"},
        {"ws://h/", {"http_proxy=", "all_proxy=b:2"}, NULL},
        {"ws://h/", {"HTTP_PROXY=b:2"}, "http://b:2"},
        {"ws://h/", {"http_proxy=a:1", "HTTP_PROXY=b:2"}, "http://a:1"},
        {"ws://h/", {"http_proxy=", "HTTP_PROXY=b:2"}, NULL},
        {"ws://h/", {"HTTP_PROXY=b:2", "REQUEST_METHOD=GET"}, NULL},
        {"ws://h/", {"http_proxy=a:1", "REQUEST_METHOD=GET"}, "http://a:1"},
        {"wss://h/", {"HTTPS_PROXY=b:2", "REQUEST_METHOD=GET"}, "http://b:2"},
        {"ws://h/", {"http_proxy=http://u:secret@A.Example"}, "http://a.example:80"},
        {"ws://h/", {"http_proxy=a:1", "no_proxy=h"}, NULL},
        {"ws://h/", {"http_proxy=a:1", "NO_PROXY=h"}, NULL},
        {"ws://h/", {"http_proxy=a:1", "no_proxy=", "NO_PROXY=h"}, "http://a:1"},
        {"ws://h/", {"http_proxy=ftp://a:1", "no_proxy=h"}, NULL},
        {"ws+unix:///run/x.sock", {"all_proxy=a:1", "http_proxy=a:1"}, NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_options *options = proxy_options();
        char *proxy = NULL;

        proxy_row("row %zu, %s", i, rows[i].url);
        for (size_t k = 0; k < COUNT_OF(rows[i].variables) && rows[i].variables[k] != NULL; k++)
            set_variable(rows[i].variables[k]);
        CHECK_OK(wsline_proxy_for_url(rows[i].url, NULL, &proxy));
        CHECK_TEXT(rows[i].proxy, proxy);
        wsline_string_free(proxy);
        CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_SOCKS5, "c", 3));
        CHECK_OK(wsline_options_set_proxy_from_environment(options, false));
        CHECK_OK(wsline_proxy_for_url("wss://h/", options, &proxy));
        CHECK_TEXT("socks5://c:3", proxy);
        wsline_string_free(proxy);
        wsline_options_free(options);
    }
}

static void an_invalid_proxy_variable_fails_the_connect(void) {
    static const char *const values[] = {"ftp://u:secret@a", "http://u:secret@a:0",
                                         "http://u:secret@a/p", "http://u:se cret@a"};

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        wsline_options *options = proxy_options();
        wsline_conn *conn = NULL;
        char *proxy = (char *)1;

        check_row(values[i]);
        CHECK(setenv("http_proxy", values[i], 1) == 0);
        CHECK_STATUS(WSLINE_ERR_PROXY, wsline_connect("ws://127.0.0.1/", options, &conn));
        CHECK_HAS("http_proxy", wsline_last_error_message());
        CHECK(strstr(wsline_last_error_message(), "cret") == NULL);
        CHECK_STATUS(WSLINE_ERR_PROXY, wsline_proxy_for_url("ws://h/", options, &proxy));
        CHECK(proxy == NULL);
        wsline_options_free(options);
    }
}

/* Arguments ----------------------------------------------------------------------------------- */

#define CHECK_REFUSED(argument, call)                                                              \
    do {                                                                                           \
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, call);                                           \
        CHECK_HAS("`" argument "`", wsline_last_error_message());                                  \
        CHECK(strstr(wsline_last_error_message(), "cret") == NULL);                                \
    } while (0)

static void a_proxy_is_a_type_a_host_and_a_port(void) {
    static const int32_t kinds[] = {-1, WSLINE_PROXY_SOCKS5H + 1, INT32_MAX, INT32_MIN};
    static const char *const hosts[] = {"",   "a b",  "a:1",       "http://a", "u:secret@a",
                                        "a/", "[::1", "a\r\nX: y", "\xff"};
    static const char *const good[] = {"a", "proxy.example", "127.0.0.1", "::1", "[::1]"};
    wsline_options *options = proxy_options();

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        CHECK_REFUSED("type", wsline_options_set_proxy(options, kinds[i], "a", 1));
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        check_row(hosts[i]);
        CHECK_REFUSED("host", wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, hosts[i], 1));
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        check_row(good[i]);
        CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_SOCKS5, good[i], 65535));
    }
    check_row("");
    CHECK_REFUSED("host", wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, NULL, 1));
    CHECK_REFUSED("port", wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, "a", 0));
    CHECK_REFUSED("port", wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, "a", -80));
    CHECK_REFUSED("port", wsline_options_set_proxy(options, WSLINE_PROXY_HTTP, "a", 65536 + 80));
    CHECK_REFUSED("options", wsline_options_set_proxy(NULL, WSLINE_PROXY_HTTP, "a", 1));
    CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_NONE, NULL, 0));
    wsline_options_free(options);
}

static void a_proxy_url_is_a_known_scheme_and_an_authority(void) {
    static const char *const bad[] = {"",
                                      " ",
                                      "ftp://u:secret@a",
                                      "socks://u:secret@a",
                                      "ws://u:secret@a",
                                      "http://",
                                      "http://u:secret@",
                                      "http://u:secret@a:0",
                                      "http://u:secret@a:65536",
                                      "http://u:secret@a:x",
                                      "http://u:secret@a/p",
                                      "http://u:se/cret@a",
                                      "http://u:secret@a?q",
                                      "http://u:secret@a#f",
                                      "http://u:se cret@a",
                                      " http://u:secret@a",
                                      "http://u:secret@a\r\n",
                                      "http://u:secret%0A@a",
                                      "http://u:secret@[::1",
                                      "http://u:secret@1.2.3.256",
                                      "\xff"};
    static const char *const good[] = {
        "a",          "a:3128",      "u:secret@a",        "HTTP://a/",  "https://[::1]:1",
        "socks4://a", "socks4a://a", "socks5://u:p%3A@a", "socks5h://a"};
    wsline_options *options = proxy_options();

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        check_row(bad[i]);
        CHECK_REFUSED("url", wsline_options_set_proxy_url(options, bad[i]));
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        check_row(good[i]);
        CHECK_OK(wsline_options_set_proxy_url(options, good[i]));
    }
    check_row("");
    CHECK_OK(wsline_options_set_proxy_url(options, NULL));
    CHECK_REFUSED("options", wsline_options_set_proxy_url(NULL, "http://u:secret@a"));
    wsline_options_free(options);
}

static void the_other_proxy_options_name_the_rejected_argument(void) {
    wsline_options *options = proxy_options();
    char *proxy = (char *)1;

    CHECK_OK(wsline_options_set_proxy_auth(options, "user", NULL));
    CHECK_REFUSED("user", wsline_options_set_proxy_auth(options, NULL, "secret"));
    CHECK_REFUSED("user", wsline_options_set_proxy_auth(options, "u\n", "secret"));
    CHECK_REFUSED("user", wsline_options_set_proxy_auth(options, "\xff", "secret"));
    CHECK_REFUSED("password", wsline_options_set_proxy_auth(options, "u", "secret\xff"));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_options_set_proxy_auth(options, "u", "secret\r\n"));
    CHECK(strstr(wsline_last_error_message(), "secret") == NULL);
    CHECK_REFUSED("options", wsline_options_set_proxy_auth(NULL, "u", "secret"));
    CHECK_REFUSED("entry", wsline_options_add_no_proxy(options, NULL));
    CHECK_REFUSED("entry", wsline_options_add_no_proxy(options, "10.0.0.0/33"));
    CHECK_REFUSED("entry", wsline_options_add_no_proxy(options, "good.example, u:secret@a"));
    CHECK_REFUSED("options", wsline_options_add_no_proxy(NULL, "a"));
    CHECK_REFUSED("options", wsline_options_set_proxy_from_environment(NULL, false));
    CHECK_REFUSED("timeout_ms", wsline_options_set_proxy_timeout_ms(options, -3));
    CHECK_REFUSED("options", wsline_options_set_proxy_timeout_ms(NULL, 1));
    CHECK_REFUSED("url", wsline_proxy_for_url(NULL, options, &proxy));
    CHECK(proxy == NULL);
    CHECK_REFUSED("proxy_out", wsline_proxy_for_url("ws://a/", options, NULL));
    proxy = (char *)1;
    CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_proxy_for_url("http://a/", options, &proxy));
    CHECK(proxy == NULL);
    wsline_options_free(options);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(exceptions_in_the_options_apply_to_every_type_of_proxy),
        TEST(exceptions_in_the_environment_work_like_those_in_the_options),
        TEST(exceptions_in_the_options_replace_those_in_the_environment),
        TEST(the_environment_is_ignored_if_disabled),
        TEST(the_environment_names_a_proxy_for_each_scheme),
        TEST(an_invalid_proxy_variable_fails_the_connect),
        TEST(a_proxy_is_a_type_a_host_and_a_port),
        TEST(a_proxy_url_is_a_known_scheme_and_an_authority),
        TEST(the_other_proxy_options_name_the_rejected_argument),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
