/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies in use: which responses fill a jar, and which requests send them. */
#include "check.h"
#include "peer.h"

#include <pthread.h>

static wsline_cookie_jar *new_jar(void) {
    wsline_cookie_jar *jar = NULL;

    REQUIRE_OK(wsline_cookie_jar_new(&jar));
    return jar;
}

static wsline_options *options_with(wsline_cookie_jar *jar) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_cookie_jar(options, jar));
    return options;
}

/* The server receives `want` as the Cookie header at `path`; NULL if there is none. */
static void check_sent(const char *peer, const char *path, const wsline_options *options,
                       const char *want) {
    wsline_conn *conn = peer_connect(peer, path, options);
    wsline_message head;
    char line[1024];

    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &head));
    if (want == NULL) {
        CHECK(strstr((const char *)head.data, "\r\nCookie:") == NULL);
    } else {
        snprintf(line, sizeof line, "\r\nCookie: %s\r\n", want);
        CHECK_HAS(line, (const char *)head.data);
    }
    peer_hang_up(conn);
}

static void every_response_of_a_server_fills_the_jar(void) {
    static const struct {
        const char *path;
        wsline_status status;
    } rows[] = {
        {"/set-cookie?cookie=a%3D1%3B+Path%3D/&cookie=b%3D2%3B+Path%3D/", WSLINE_OK},
        {"/status?code=403&cookie=a%3D1%3B+Path%3D/&cookie=b%3D2%3B+Path%3D/",
         WSLINE_ERR_HTTP_STATUS},
        {"/redirect?to=/head&cookie=a%3D1%3B+Path%3D/&cookie=b%3D2%3B+Path%3D/", WSLINE_OK},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_cookie_jar *jar = new_jar();
        wsline_options *options = options_with(jar);
        wsline_conn *conn = NULL;

        check_row(rows[i].path);
        CHECK_STATUS(rows[i].status, peer_try("FAULTS", rows[i].path, options, &conn));
        wsline_conn_free(conn);
        check_sent("FAULTS", "/head", options, "a=1; b=2");
        wsline_options_free(options);
        wsline_cookie_jar_free(jar);
    }
}

static void a_redirect_is_followed_with_the_cookie_it_set(void) {
    wsline_cookie_jar *jar = new_jar();
    wsline_options *options = options_with(jar);

    check_sent("FAULTS", "/redirect?to=/head&cookie=session%3Dx%3B+Path%3D/", options, "session=x");
    wsline_options_free(options);
    wsline_cookie_jar_free(jar);
}

static void without_a_jar_no_cookie_is_kept(void) {
    wsline_options *options = peer_options();

    peer_hang_up(peer_connect("FAULTS", "/set-cookie?cookie=a%3D1%3B+Path%3D/", options));
    check_sent("FAULTS", "/head", options, NULL);
    wsline_options_free(options);
}

static void the_cookies_of_the_jar_precede_the_string(void) {
    wsline_cookie_jar *jar = new_jar();
    wsline_options *options = options_with(jar);
    char url[PEER_URL_MAX];

    peer_url(url, "FAULTS", "/");
    REQUIRE_OK(wsline_options_set_cookie_header(options, "own=2"));
    check_sent("FAULTS", "/head", options, "own=2");
    REQUIRE_OK(wsline_cookie_jar_add(jar, url, "kept=1"));
    check_sent("FAULTS", "/head", options, "kept=1; own=2");
    wsline_cookie_jar_free(jar); /* the options keep a reference */
    check_sent("FAULTS", "/head", options, "kept=1; own=2");
    REQUIRE_OK(wsline_options_set_cookie_jar(options, NULL));
    check_sent("FAULTS", "/head", options, "own=2");
    wsline_options_free(options);
}

/* 127.0.0.1 and localhost are different hosts, although they are the same machine. */
static void cookies_of_one_server_are_not_sent_to_another(void) {
    wsline_cookie_jar *jar = new_jar();
    wsline_options *options = options_with(jar);
    char url[PEER_URL_MAX];
    char path[PEER_URL_MAX + 64];
    const char *port;

    peer_url(url, "FAULTS", "");
    port = strrchr(url, ':');
    REQUIRE(port != NULL);
    snprintf(path, sizeof path, "/redirect?to=ws://localhost%s/head&cookie=a%%3D1%%3B+Path%%3D/",
             port);
    check_sent("FAULTS", path, options, NULL);
    check_sent("FAULTS", "/head", options, "a=1");
    wsline_options_free(options);
    wsline_cookie_jar_free(jar);
}

static void a_server_cannot_set_cookies_for_others(void) {
    static const char *const rows[] = {
        "a%3D1%3B+Domain%3Dbank.example%3B+Path%3D/",
        "a%3D1%3B+Domain%3Dcom%3B+Path%3D/",
        "a%3D1%3B+Domain%3D0.0.1%3B+Path%3D/",
        "a%3D1%3B+Secure%3B+Path%3D/",
        "__Host-a%3D1%3B+Path%3D/",
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        wsline_cookie_jar *jar = new_jar();
        wsline_options *options = options_with(jar);
        char path[256];
        char *cookies = NULL;

        check_row(rows[i]);
        snprintf(path, sizeof path, "/set-cookie?cookie=%s", rows[i]);
        peer_hang_up(peer_connect("FAULTS", path, options));
        check_sent("FAULTS", "/head", options, NULL);
        CHECK_OK(wsline_cookie_jar_get(jar, "wss://bank.example/", &cookies));
        CHECK_TEXT(NULL, cookies);
        wsline_string_free(cookies);
        wsline_options_free(options);
        wsline_cookie_jar_free(jar);
    }
}

static void a_secure_cookie_is_sent_only_over_tls(void) {
    wsline_cookie_jar *jar = new_jar();
    wsline_options *options = options_with(jar);
    char url[PEER_URL_MAX];
    char plain[PEER_URL_MAX];
    wsline_conn *conn = NULL;
    wsline_message head;

    peer_hang_up(
        peer_connect("FAULTS_TLS", "/set-cookie?cookie=a%3D1%3B+Secure%3B+Path%3D/", options));
    check_sent("FAULTS_TLS", "/head", options, "a=1");
    /* The same host without TLS. */
    peer_url(url, "FAULTS", "/head");
    REQUIRE(strncmp(url, "ws://127.0.0.1", 14) == 0);
    snprintf(plain, sizeof plain, "ws://localhost%s", url + 14);
    REQUIRE_OK(wsline_connect(plain, options, &conn));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &head));
    CHECK(strstr((const char *)head.data, "\r\nCookie:") == NULL);
    peer_hang_up(conn);
    wsline_options_free(options);
    wsline_cookie_jar_free(jar);
}

static void *fill_and_use(void *userdata) {
    for (int i = 0; i < 10; i++)
        peer_hang_up(peer_connect("FAULTS", "/set-cookie?cookie=a%3D1%3B+Path%3D/", userdata));
    return NULL;
}

static void threads_share_a_jar(void) {
    wsline_cookie_jar *jar = new_jar();
    wsline_options *options = options_with(jar);
    pthread_t threads[4];

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        REQUIRE(pthread_create(&threads[i], NULL, fill_and_use, options) == 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_sent("FAULTS", "/head", options, "a=1");
    wsline_options_free(options);
    wsline_cookie_jar_free(jar);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(every_response_of_a_server_fills_the_jar),
        TEST(a_redirect_is_followed_with_the_cookie_it_set),
        TEST(without_a_jar_no_cookie_is_kept),
        TEST(the_cookies_of_the_jar_precede_the_string),
        TEST(cookies_of_one_server_are_not_sent_to_another),
        TEST(a_server_cannot_set_cookies_for_others),
        TEST(a_secure_cookie_is_sent_only_over_tls),
        TEST(threads_share_a_jar),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
