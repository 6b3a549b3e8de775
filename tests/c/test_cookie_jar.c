/* SPDX-License-Identifier: Apache-2.0 */
/* Cookie jars as C objects: ownership, and what is rejected. */
#include "check.h"

static wsline_cookie_jar *new_jar(void) {
    wsline_cookie_jar *jar = NULL;

    REQUIRE_OK(wsline_cookie_jar_new(&jar));
    REQUIRE(jar != NULL);
    return jar;
}

/* The Cookie header for `url` is `want`; NULL if there is none. */
static void check_sent(const wsline_cookie_jar *jar, const char *url, const char *want) {
    char *cookies = (char *)1;

    CHECK_OK(wsline_cookie_jar_get(jar, url, &cookies));
    CHECK_TEXT(want, cookies);
    wsline_string_free(cookies);
}

/* The status is "invalid argument" and the message contains `text`. */
#define CHECK_REFUSED(text, call)                                                                  \
    do {                                                                                           \
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, call);                                           \
        CHECK_HAS(text, wsline_last_error_message());                                              \
    } while (0)

static void a_cookie_is_sent_back_to_its_server(void) {
    wsline_cookie_jar *jar = new_jar();

    check_sent(jar, "ws://a.example/", NULL);
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://a.example/chat", "k=v; Domain=a.example; Path=/"));
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://a.example/chat", "\"l\"=\"w w\"; HttpOnly"));
    check_sent(jar, "ws://a.example/chat", "k=v; \"l\"=\"w w\"");
    check_sent(jar, "wss://b.a.example/", "k=v");
    check_sent(jar, "ws://b.example/", NULL);
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://a.example/", "k=; Domain=a.example; Max-Age=0"));
    check_sent(jar, "wss://b.a.example/", NULL);
    wsline_cookie_jar_free(jar);
}

/* These tests use the system clock. */
static void a_cookie_expires_as_specified(void) {
    wsline_cookie_jar *jar = new_jar();

    CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "a=1; Max-Age=3600"));
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "b=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT"));
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "c=1; Expires=Fri, 31 Dec 1999 23:59:59 GMT"));
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "d=1"));
    check_sent(jar, "ws://h/", "a=1; b=1; d=1");
    wsline_cookie_jar_free(jar);
}

static void set_replaces_the_cookies_of_a_url(void) {
    wsline_cookie_jar *jar = new_jar();

    CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "a=1"));
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "b=1"));
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://other/", "a=1"));
    CHECK_OK(wsline_cookie_jar_set(jar, "ws://h/", "c=2"));
    check_sent(jar, "ws://h/", "c=2");
    check_sent(jar, "ws://other/", "a=1");
    CHECK_REFUSED("`set_cookie` has no name", wsline_cookie_jar_set(jar, "ws://h/", "=2"));
    check_sent(jar, "ws://h/", "c=2");
    wsline_cookie_jar_free(jar);
}

static void clear_removes_everything(void) {
    wsline_cookie_jar *jar = new_jar();

    CHECK_OK(wsline_cookie_jar_clear(jar));
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "a=1"));
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://other/", "a=1"));
    CHECK_OK(wsline_cookie_jar_clear(jar));
    check_sent(jar, "ws://h/", NULL);
    check_sent(jar, "ws://other/", NULL);
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "a=2"));
    check_sent(jar, "ws://h/", "a=2");
    wsline_cookie_jar_free(jar);
}

static void a_rejection_gives_the_reason_and_changes_nothing(void) {
    static const struct {
        const char *set_cookie, *reason;
    } table[] = {
        {"", "has no \"=\""},
        {"secret", "has no \"=\""},
        {"=secret", "has no name"},
        {"k=secret\r\nX-Evil: 1", "control character"},
        {"k=secret\x7f", "control character"},
        {"k=secret; Domain=b.example", "does not belong to"},
        {"k=secret; Domain=example", "public suffix"},
        {"k=secret; Secure", "wss://"},
        {"__Host-k=secret", "__Host-"},
        {"k=secret\xff", "is not UTF-8"},
    };
    wsline_cookie_jar *jar = new_jar();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        check_row(table[i].set_cookie);
        CHECK_REFUSED("`set_cookie`",
                      wsline_cookie_jar_add(jar, "ws://a.example/", table[i].set_cookie));
        CHECK_HAS(table[i].reason, wsline_last_error_message());
        CHECK(strstr(wsline_last_error_message(), "secret") == NULL);
        CHECK_REFUSED("`set_cookie`",
                      wsline_cookie_jar_set(jar, "ws://a.example/", table[i].set_cookie));
        check_sent(jar, "wss://a.example/", NULL);
    }
    wsline_cookie_jar_free(jar);
}

static void null_and_invalid_urls_are_rejected(void) {
    static const char *const bad_urls[] = {"", "a.example", "http://a.example/", "ws://"};
    wsline_cookie_jar *jar = new_jar();
    char *cookies = NULL;

    CHECK_REFUSED("`jar_out`", wsline_cookie_jar_new(NULL));
    CHECK_REFUSED("`jar`", wsline_cookie_jar_add(NULL, "ws://h/", "k=v"));
    CHECK_REFUSED("`url`", wsline_cookie_jar_add(jar, NULL, "k=v"));
    CHECK_REFUSED("`set_cookie`", wsline_cookie_jar_add(jar, "ws://h/", NULL));
    CHECK_REFUSED("`jar`", wsline_cookie_jar_set(NULL, "ws://h/", "k=v"));
    CHECK_REFUSED("`url`", wsline_cookie_jar_set(jar, NULL, "k=v"));
    CHECK_REFUSED("`set_cookie`", wsline_cookie_jar_set(jar, "ws://h/", NULL));
    CHECK_REFUSED("`jar`", wsline_cookie_jar_clear(NULL));
    CHECK_REFUSED("`cookies_out`", wsline_cookie_jar_get(jar, "ws://h/", NULL));
    cookies = (char *)1;
    CHECK_REFUSED("`jar`", wsline_cookie_jar_get(NULL, "ws://h/", &cookies));
    CHECK(cookies == NULL);
    cookies = (char *)1;
    CHECK_REFUSED("`url`", wsline_cookie_jar_get(jar, NULL, &cookies));
    CHECK(cookies == NULL);
    for (size_t i = 0; i < COUNT_OF(bad_urls); i++) {
        check_row(bad_urls[i]);
        CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_cookie_jar_add(jar, bad_urls[i], "k=v"));
        CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_cookie_jar_set(jar, bad_urls[i], "k=v"));
        cookies = (char *)1;
        CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_cookie_jar_get(jar, bad_urls[i], &cookies));
        CHECK(cookies == NULL);
    }
    check_sent(jar, "ws://h/", NULL);
    wsline_cookie_jar_free(jar);
    wsline_cookie_jar_free(NULL);
    wsline_string_free(NULL);
}

static void a_string_outlives_its_jar(void) {
    wsline_cookie_jar *jar = new_jar();
    char *cookies = NULL;

    CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "k=v"));
    REQUIRE_OK(wsline_cookie_jar_get(jar, "ws://h/", &cookies));
    CHECK_OK(wsline_cookie_jar_clear(jar));
    wsline_cookie_jar_free(jar);
    REQUIRE(cookies != NULL);
    CHECK_TEXT("k=v", cookies);
    /* The string belongs to the program, which may modify it. */
    cookies[0] = 'K';
    CHECK_TEXT("K=v", cookies);
    wsline_string_free(cookies);
}

static void options_take_a_jar_and_release_it(void) {
    wsline_cookie_jar *jar = new_jar();
    wsline_options *options = NULL;

    REQUIRE_OK(wsline_options_new(&options));
    CHECK_REFUSED("`options`", wsline_options_set_cookie_jar(NULL, jar));
    CHECK_REFUSED("`options`", wsline_options_set_cookie_jar(NULL, NULL));
    CHECK_OK(wsline_options_set_cookie_jar(options, NULL));
    CHECK_OK(wsline_options_set_cookie_jar(options, jar));
    CHECK_OK(wsline_options_set_cookie_jar(options, jar));
    CHECK_OK(wsline_options_set_cookie_jar(options, NULL));
    wsline_options_free(options);
    CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "k=v"));
    check_sent(jar, "ws://h/", "k=v");
    wsline_cookie_jar_free(jar);
}

/* Frees jar, options, clone and connection in the order that `order` names. */
static void free_in_order(const char *order) {
    wsline_cookie_jar *jar = new_jar();
    wsline_options *options = NULL, *copy = NULL;
    wsline_conn *conn = NULL;

    check_row(order);
    REQUIRE_OK(wsline_options_new(&options));
    REQUIRE_OK(wsline_options_set_cookie_jar(options, jar));
    REQUIRE_OK(wsline_options_clone(options, &copy));
    REQUIRE_OK(wsline_conn_new(options, &conn));
    for (; *order != '\0'; order++) {
        switch (*order) {
        case 'j':
            wsline_cookie_jar_free(jar);
            break;
        case 'o':
            wsline_options_free(options);
            break;
        case 'c':
            wsline_options_free(copy);
            break;
        default:
            wsline_conn_free(conn);
        }
    }
}

static void everything_is_freed_in_any_order(void) {
    static const char *const orders[] = {"jock", "jkco", "ojck", "kojc", "ckoj", "cojk"};

    for (size_t i = 0; i < COUNT_OF(orders); i++) free_in_order(orders[i]);
}

enum { THREADS = 4, ROUNDS = 200 };

static void *add_and_get(void *argument) {
    wsline_cookie_jar *jar = argument;

    for (int i = 0; i < ROUNDS; i++) {
        char *cookies = NULL;

        CHECK_OK(wsline_cookie_jar_add(jar, "ws://h/", "k=v"));
        CHECK_OK(wsline_cookie_jar_set(jar, "ws://h/", "k=v"));
        CHECK_OK(wsline_cookie_jar_get(jar, "ws://h/", &cookies));
        CHECK_TEXT("k=v", cookies);
        wsline_string_free(cookies);
    }
    return NULL;
}

static void threads_share_a_jar(void) {
    wsline_cookie_jar *jar = new_jar();
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, add_and_get, jar) == 0);
    for (size_t i = 0; i < THREADS; i++) CHECK_INT(0, pthread_join(threads[i], NULL));
    check_sent(jar, "ws://h/", "k=v");
    wsline_cookie_jar_free(jar);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_cookie_is_sent_back_to_its_server),
        TEST(a_cookie_expires_as_specified),
        TEST(set_replaces_the_cookies_of_a_url),
        TEST(clear_removes_everything),
        TEST(a_rejection_gives_the_reason_and_changes_nothing),
        TEST(null_and_invalid_urls_are_rejected),
        TEST(a_string_outlives_its_jar),
        TEST(options_take_a_jar_and_release_it),
        TEST(everything_is_freed_in_any_order),
        TEST(threads_share_a_jar),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
