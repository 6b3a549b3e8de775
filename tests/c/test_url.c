/* SPDX-License-Identifier: Apache-2.0 */
/* URLs, parsed as a connect would. */
#include "check.h"

static void url_parse_splits_good_urls(void) {
    static const struct {
        const char *url;
        bool secure;
        const char *host;
        uint16_t port;
        const char *resource;
    } rows[] = {
        {"ws://example.com", false, "example.com", 80, "/"},
        {"wss://example.com", true, "example.com", 443, "/"},
        {"WS://EXAMPLE.com/", false, "example.com", 80, "/"},
        {"ws://example.com:8080/chat", false, "example.com", 8080, "/chat"},
        {"wss://example.com:443/", true, "example.com", 443, "/"},
        {"wss://example.com:80/", true, "example.com", 80, "/"},
        {"ws://example.com:65535", false, "example.com", 65535, "/"},
        {"ws://example.com?x=1", false, "example.com", 80, "/?x=1"},
        {"ws://example.com/a/b?x=1&y=%20", false, "example.com", 80, "/a/b?x=1&y=%20"},
        {"ws://example.com//a", false, "example.com", 80, "//a"},
        {"ws://example.com/p;v=1?q", false, "example.com", 80, "/p;v=1?q"},
        {"ws://127.0.0.1:9001/", false, "127.0.0.1", 9001, "/"},
        {"ws://[::1]/", false, "::1", 80, "/"},
        {"wss://[2001:db8::2]:8443/x", true, "2001:db8::2", 8443, "/x"},
        {"ws://example.com/a b/\xc3\xbc", false, "example.com", 80, "/a%20b/%C3%BC"},
        {"ws://ex\xc3\xa4mple.com/", false, "xn--exmple-cua.com", 80, "/"},
        {"WSS://EX\xc3\x84MPLE.COM/\xe2\x82\xac?\xc3\xbc=[]", true, "xn--exmple-cua.com", 443,
         "/%E2%82%AC?%C3%BC=%5B%5D"},
        {"ws://example.com/a/./b/../%2e%2E/c", false, "example.com", 80, "/a/./b/../%2e%2E/c"},
        {"ws://user:pa%20ss@example.com:81/", false, "example.com", 81, "/"},
        {"ws://[fe80::1%25eth0]:81/x", false, "fe80::1%eth0", 81, "/x"},
        {"ws://[fe80::1%25en%2D0.1]/", false, "fe80::1%en-0.1", 80, "/"},
        {"ws://[fe80::1%eth0]:8080/", false, "fe80::1%eth0", 8080, "/"},
        {"ws+unix:///run/a%20b.sock:/chat?x=1", false, "localhost", 80, "/chat?x=1"},
        {"WS+UNIX:///s", false, "localhost", 80, "/"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_url *url = NULL;

        check_row(rows[i].url);
        if (!CHECK_OK(wsline_url_parse(rows[i].url, &url))) continue;
        CHECK_INT(rows[i].secure, wsline_url_is_secure(url));
        CHECK_TEXT(rows[i].host, wsline_url_host(url));
        CHECK_INT(rows[i].port, wsline_url_port(url));
        CHECK_TEXT(rows[i].resource, wsline_url_resource(url));
        wsline_url_free(url);
    }
}

static void url_parse_rejects_bad_urls(void) {
    static const char *const rows[] = {
        "",
        "example.com",
        "//example.com/",
        "example.com:80",
        "http://example.com/",
        "https://example.com/",
        "wsx://example.com/",
        "ws:example.com",
        "ws:/example.com",
        "ws://",
        "ws:///path",
        "ws:////example.com/",
        "ws://:80/",
        "ws://example.com:0/",
        "ws://example.com:65536/",
        "ws://example.com:-1/",
        "ws://example.com:port/",
        "ws://[::1/",
        "ws://[gggg::1]/",
        "ws://exa mple.com/",
        "ws://example.com\r\nX-Evil: 1/",
        "ws://example.com/\r\nX-Evil: 1",
        "ws://example.com/a\tb",
        "ws://example.com/\x01",
        " ws://example.com/",
        "ws://example.com/ ",
        "ws://example.com\\path",
        "ws://example.com/#fragment",
        "ws://[fe80::1%]/",
        "ws://[fe80::1%25]/",
        "ws://user%0A@example.com/",
        "ws+unix://example.com/s",
        "ws+unix:///s:chat",
        "ws+unix:///s%00:/",
        "wss+unix:///s:/",
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_url *url = (wsline_url *)1;

        check_row(rows[i]);
        CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_url_parse(rows[i], &url));
        CHECK(url == NULL);
    }
}

static void the_error_for_a_rejected_url_does_not_contain_its_password(void) {
    static const char *const rows[] = {
        "ws://us%3Aer:hush-hush@example.com/",
        "http://user:hush-hush@example.com/",
        "ws://user:hush-hush@example.com:port/",
        "ws://user:hush-hush@/",
    };
    wsline_url *url = NULL;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(rows[i]);
        CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_url_parse(rows[i], &url));
        CHECK(strstr(wsline_last_error_message(), "hush-hush") == NULL);
    }
}

static void user_password_and_socket_path_are_decoded(void) {
    static const struct {
        const char *url, *user, *password, *unix_path;
    } rows[] = {
        {"ws://example.com/", NULL, NULL, NULL},
        {"ws://@example.com/", NULL, NULL, NULL},
        {"ws://user@example.com/", "user", "", NULL},
        {"ws://user:@example.com/", "user", "", NULL},
        {"wss://u%40x:p%3Aw%2F%C3%BC@example.com/", "u@x", "p:w/\xc3\xbc", NULL},
        {"ws://:secret@example.com/", "", "secret", NULL},
        {"ws+unix:///run/a%20b%3A1:/", NULL, NULL, "/run/a b:1"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_url *url = NULL;

        check_row(rows[i].url);
        if (!CHECK_OK(wsline_url_parse(rows[i].url, &url))) continue;
        CHECK_TEXT(rows[i].user, wsline_url_user(url));
        CHECK_TEXT(rows[i].password, wsline_url_password(url));
        CHECK_TEXT(rows[i].unix_path, wsline_url_unix_path(url));
        wsline_url_free(url);
    }
}

static void url_calls_accept_null(void) {
    wsline_url *url = NULL;

    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_url_parse(NULL, &url));
    CHECK_HAS("url", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_url_parse("ws://example.com", NULL));
    CHECK_HAS("url_out", wsline_last_error_message());
    wsline_url_free(NULL);
    CHECK(!wsline_url_is_secure(NULL));
    CHECK_TEXT(NULL, wsline_url_host(NULL));
    CHECK_INT(0, wsline_url_port(NULL));
    CHECK_TEXT(NULL, wsline_url_resource(NULL));
    CHECK_TEXT(NULL, wsline_url_user(NULL));
    CHECK_TEXT(NULL, wsline_url_password(NULL));
    CHECK_TEXT(NULL, wsline_url_unix_path(NULL));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(url_parse_splits_good_urls),
        TEST(url_parse_rejects_bad_urls),
        TEST(the_error_for_a_rejected_url_does_not_contain_its_password),
        TEST(user_password_and_socket_path_are_decoded),
        TEST(url_calls_accept_null),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
