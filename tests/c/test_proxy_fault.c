/* SPDX-License-Identifier: Apache-2.0 */
/* Proxies that do not exist, send nothing, or violate their protocol; and the requests sent to
 * them. */
#include "clock.h"
#include "listen.h"
#include "proxy.h"

#include <poll.h>

/* Missing proxies ------------------------------------------------------------------------------ */

/* Connecting to a working server fails at the proxy `host`, whatever its type. */
static void check_no_way_to(const char *host, wsline_status status, int32_t phase) {
    for (int32_t type = WSLINE_PROXY_HTTP; type <= WSLINE_PROXY_SOCKS5H; type++) {
        wsline_options *options = proxy_options();
        uint16_t port = listen_nowhere();
        wsline_conn *conn = NULL;
        char shown[128];

        snprintf(shown, sizeof shown, "%s://%s:%u", proxy_scheme(type), host, (unsigned)port);
        check_row(shown);
        CHECK_OK(wsline_options_set_proxy(options, type, host, port));
        CHECK_STATUS(status, peer_try("WEBSOCKETS", "/", options, &conn));
        CHECK(conn == NULL);
        CHECK_INT(phase, proxy_failure().phase);
        CHECK_HAS(shown, wsline_last_error_message());
        wsline_options_free(options);
    }
}

static void a_proxy_that_does_not_exist_is_named(void) {
    check_no_way_to("127.0.0.1", WSLINE_ERR_CONNECT, WSLINE_PHASE_CONNECT);
}

static void a_proxy_without_an_address_is_named(void) {
    check_no_way_to("no-such-proxy.invalid", WSLINE_ERR_RESOLVE, WSLINE_PHASE_RESOLVE);
}

/* Misbehaving proxies -------------------------------------------------------------------------- */

static const struct fault {
    const char *listener;
    const char *user; /* the credentials in its URL, NULL for none */
    wsline_status status;
    int32_t http_status;
    const char *says; /* a part of the error's text */
} faults[] = {
    {"HTTP_CLOSE", NULL, WSLINE_ERR_PROXY, 0, "closed the connection"},
    {"HTTP_RST", NULL, WSLINE_ERR_PROXY, 0, "the proxy"},
    {"HTTP_STATUS_403", NULL, WSLINE_ERR_PROXY, 403, "403"},
    {"HTTP_STATUS_407", NULL, WSLINE_ERR_PROXY_AUTH, 407, "requires a user name and password"},
    {"HTTP_STATUS_407", "user", WSLINE_ERR_PROXY_AUTH, 407, "rejected the user name and password"},
    {"HTTP_407_DIGEST", NULL, WSLINE_ERR_PROXY_AUTH, 407, "Digest"},
    {"HTTP_HUGE_HEAD", NULL, WSLINE_ERR_PROXY, 0, "65536 bytes"},
    {"HTTP_GARBAGE", NULL, WSLINE_ERR_PROXY, 0, "did not respond with HTTP"},
    {"HTTP_EARLY", NULL, WSLINE_ERR_PROXY, 0, "unexpected bytes"},
    {"HTTP_204", NULL, WSLINE_OK, 101, NULL},
    {"HTTP_1_0", NULL, WSLINE_OK, 101, NULL},
    {"HTTP_MALFORMED", NULL, WSLINE_OK, 101, NULL},
    {"HTTP_200_LENGTH", NULL, WSLINE_OK, 101, NULL},
    {"HTTP_DRIP", NULL, WSLINE_OK, 101, NULL},
    {"SOCKS5_CLOSE", NULL, WSLINE_ERR_PROXY, 0, "closed the connection"},
    {"SOCKS5_NO_METHOD", "user", WSLINE_ERR_PROXY_AUTH, 0, "neither"},
    {"SOCKS5_NO_METHOD", NULL, WSLINE_ERR_PROXY_AUTH, 0, "authentication"},
    {"SOCKS5_BAD_VERSION", NULL, WSLINE_ERR_PROXY, 0, "version 4"},
    {"SOCKS5_AUTH_FAIL", "user", WSLINE_ERR_PROXY_AUTH, 0, "rejected the user name and password"},
    {"SOCKS5_REP_2", NULL, WSLINE_ERR_PROXY, 0, "connection not allowed by ruleset (reply 2)"},
    {"SOCKS5_REP_5", NULL, WSLINE_ERR_PROXY, 0, "connection refused (reply 5)"},
    {"SOCKS5_TRUNCATED", NULL, WSLINE_ERR_PROXY, 0, "closed the connection"},
    {"SOCKS5_DOMAIN", NULL, WSLINE_OK, 101, NULL},
    {"SOCKS5_IPV6", NULL, WSLINE_OK, 101, NULL},
    {"SOCKS5_DRIP", NULL, WSLINE_OK, 101, NULL},
    {"SOCKS4_REP_91", NULL, WSLINE_ERR_PROXY, 0, "(reply 91)"},
    {"SOCKS4_BAD_VERSION", NULL, WSLINE_ERR_PROXY, 0, "replied with version"},
    {"SOCKS4_TRUNCATED", NULL, WSLINE_ERR_PROXY, 0, "closed the connection"},
};

/* Options with one of the misbehaving proxies. */
static wsline_options *options_with(const char *listener, const char *user) {
    wsline_options *options = proxy_options();
    char peer[64];

    snprintf(peer, sizeof peer, "PROXY_FAULTS_%s", listener);
    CHECK_OK(wsline_options_set_proxy_url(options, peer_variable(peer, "_URL")));
    CHECK_OK(wsline_options_set_proxy_auth(options, user, user == NULL ? NULL : "secret"));
    return options;
}

static void check_fault(const struct fault *fault) {
    wsline_options *options = options_with(fault->listener, fault->user);
    int64_t limit = WAIT_MS;
    struct stopwatch start;
    wsline_conn *conn = NULL;
    char url[PEER_URL_MAX];

    CHECK_OK(wsline_options_set_connect_timeout_ms(options, limit));
    REQUIRE_OK(wsline_conn_new(options, &conn));
    wsline_options_free(options);
    peer_url(url, "WEBSOCKETS", "/");
    start = stopwatch_start();
    CHECK_STATUS(fault->status, wsline_conn_connect(conn, url));
    CHECK_RANGE(0, limit + stopwatch_slack_ms(start), stopwatch_ms(start));
    CHECK_INT(fault->http_status, wsline_conn_http_status(conn));
    if (fault->status == WSLINE_OK) {
        proxy_echo(conn);
        CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
    } else {
        CHECK_INT(WSLINE_PHASE_PROXY, proxy_failure().phase);
        CHECK_INT(fault->http_status, proxy_failure().http_status);
        CHECK_HAS(fault->says, wsline_last_error_message());
        CHECK_HAS("the proxy ", wsline_last_error_message());
    }
    wsline_conn_free(conn);
}

static void an_invalid_reply_is_a_proxy_error(void) {
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        check_row(faults[i].listener);
        check_fault(&faults[i]);
    }
}

/* Silent proxies ------------------------------------------------------------------------------- */

/* Proxies that never complete a handshake. */
static const char *const endless[] = {"HTTP_HANG", "SOCKS5_HANG", "SOCKS4_HANG"};

static void check_times_out(int64_t limit_ms, int32_t phase, const char *url,
                            const wsline_options *options) {
    wsline_conn *conn = NULL;
    struct stopwatch start = stopwatch_start();

    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_connect(url, options, &conn));
    CHECK_TOOK(limit_ms, start);
    CHECK(conn == NULL);
    CHECK_INT(phase, proxy_failure().phase);
}

static void a_silent_proxy_is_waited_for_until_the_deadline(void) {
    char url[PEER_URL_MAX];

    peer_url(url, "WEBSOCKETS", "/");
    for (size_t i = 0; i < COUNT_OF(endless); i++) {
        wsline_options *options = options_with(endless[i], NULL);

        proxy_row("%s, connect timeout", endless[i]);
        CHECK_OK(wsline_options_set_connect_timeout_ms(options, 300));
        check_times_out(300, WSLINE_PHASE_PROXY, url, options);
        CHECK_HAS("the proxy ", wsline_last_error_message());
        proxy_row("%s, proxy timeout", endless[i]);
        CHECK_OK(wsline_options_set_connect_timeout_ms(options, WAIT_MS));
        CHECK_OK(wsline_options_set_proxy_timeout_ms(options, 300));
        check_times_out(300, WSLINE_PHASE_PROXY, url, options);
        proxy_row("%s, the earlier of both", endless[i]);
        CHECK_OK(wsline_options_set_connect_timeout_ms(options, 200));
        check_times_out(200, WSLINE_PHASE_PROXY, url, options);
        wsline_options_free(options);
    }
}

/* A proxy whose response arrives byte by byte and never completes in time. */
struct dripper {
    struct listener listener;
    const char *answer; /* then "x" forever */
    size_t len;
};

static void *run_dripper(void *argument) {
    struct dripper *dripper = argument;
    int fd = accept(dripper->listener.fd, NULL, NULL);
    size_t at = 0;
    char byte;

    REQUIRE(fd >= 0);
    do {
        byte = at < dripper->len ? dripper->answer[at++] : 'x';
        clock_sleep_ms(5);
    } while (send(fd, &byte, 1, MSG_NOSIGNAL) == 1);
    close(fd);
    return NULL;
}

static void arriving_bytes_do_not_extend_the_deadline(void) {
    static const struct {
        int32_t type;
        const char *answer;
        size_t len;
    } rows[] = {
        {WSLINE_PROXY_HTTP, "HTTP/1.1 200 OK\r\nX: ", 20},
        {WSLINE_PROXY_SOCKS5H, "\x05\0\x05\0\0\x03\xff", 7}, /* the name has 255 bytes */
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dripper dripper = {listen_silent(), rows[i].answer, rows[i].len};
        wsline_options *options = proxy_options();
        pthread_t thread = thread_start(run_dripper, &dripper);

        check_row(proxy_scheme(rows[i].type));
        CHECK_OK(
            wsline_options_set_proxy(options, rows[i].type, "127.0.0.1", dripper.listener.port));
        CHECK_OK(wsline_options_set_connect_timeout_ms(options, 300));
        check_times_out(300, WSLINE_PHASE_PROXY, "ws://h.invalid/", options);
        thread_join(thread);
        wsline_options_free(options);
        listen_close(&dripper.listener);
    }
}

static void a_silent_https_proxy_is_waited_for_until_the_deadline(void) {
    struct listener silent = listen_silent();
    wsline_options *options = proxy_options();

    CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_HTTPS, "127.0.0.1", silent.port));
    CHECK_OK(wsline_options_set_proxy_timeout_ms(options, 300));
    check_times_out(300, WSLINE_PHASE_TLS, "ws://h.invalid/", options);
    CHECK_HAS("the proxy ", wsline_last_error_message());
    wsline_options_free(options);
    listen_close(&silent);
}

static void a_proxy_that_does_not_answer_syn_is_waited_for_until_the_deadline(void) {
    struct listener full = listen_full();
    wsline_options *options = proxy_options();

    CHECK_OK(wsline_options_set_proxy(options, WSLINE_PROXY_SOCKS5H, "127.0.0.1", full.port));
    CHECK_OK(wsline_options_set_proxy_timeout_ms(options, 300));
    check_times_out(300, WSLINE_PHASE_CONNECT, "ws://h.invalid/", options);
    wsline_options_free(options);
    listen_close(&full);
}

static void the_proxy_timeout_does_not_limit_the_server(void) {
    struct listener silent = listen_silent();
    wsline_options *options = options_with("HTTP_204", NULL);
    char url[64];

    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)silent.port);
    CHECK_OK(wsline_options_set_proxy_timeout_ms(options, 2000));
    CHECK_OK(wsline_options_set_connect_timeout_ms(options, 3000));
    check_times_out(3000, WSLINE_PHASE_UPGRADE, url, options);
    wsline_options_free(options);
    listen_close(&silent);
}

static void abort_ends_the_wait_for_a_proxy(void) {
    char url[PEER_URL_MAX];

    peer_url(url, "WEBSOCKETS", "/");
    for (size_t i = 0; i < COUNT_OF(endless); i++) {
        struct later abort_it = {.call = wsline_conn_abort, .after_ms = 150};
        wsline_options *options = options_with(endless[i], NULL);
        wsline_conn *conn = NULL;
        struct stopwatch start;

        check_row(endless[i]);
        REQUIRE_OK(wsline_conn_new(options, &conn));
        abort_it.conn = conn;
        start = stopwatch_start();
        later_start(&abort_it);
        CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_conn_connect(conn, url));
        CHECK_TOOK(150, start);
        CHECK_INT(WSLINE_PHASE_PROXY, proxy_failure().phase);
        later_end(&abort_it);
        wsline_conn_free(conn);
        wsline_options_free(options);
    }
}

/* Requests ------------------------------------------------------------------------------------- */

struct bytes {
    const char *data;
    size_t len;
};

#define BYTES(text) {text, sizeof(text) - 1}

/* The bytes that a client sends, and the responses to them. */
struct turn {
    struct bytes said;
    struct bytes answer;
};

enum { TURNS_MAX = 3 };

#define HTTP_NO   BYTES("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
#define SOCKS5_NO BYTES("\x05\x02\0\x01\0\0\0\0\0\0")
#define SOCKS4_NO BYTES("\0\x5b\0\0\0\0\0\0")
/* Version 5, one method: none. */
#define SOCKS5_GREETING {BYTES("\x05\x01\0"), BYTES("\x05\0")}

static const struct dialogue {
    const char *scheme_and_user;
    const char *target;
    struct turn turns[TURNS_MAX];
} dialogues[] = {
    {"http://",
     "ws://[::1]:8080/path",
     {{BYTES("CONNECT [::1]:8080 HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), HTTP_NO}}},
    {"http://",
     "ws://Example.com/",
     {{BYTES("CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n"), HTTP_NO}}},
    {"http://",
     "wss://127.0.0.1/",
     {{BYTES("CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n"), HTTP_NO}}},
    /* RFC 7617 section 2. */
    {"http://Aladdin:open%20sesame@",
     "ws://b\xc3\xbc"
     "cher.example:8080/",
     {{BYTES("CONNECT xn--bcher-kva.example:8080 HTTP/1.1\r\n"
             "Host: xn--bcher-kva.example:8080\r\n"
             "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"),
       HTTP_NO}}},
    /* RFC 1928 sections 3 and 4. */
    {"socks5://",
     "ws://[::1]:8080/",
     {SOCKS5_GREETING,
      {BYTES("\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1f\x90"), SOCKS5_NO}}},
    {"socks5h://",
     "ws://[::1]:8080/",
     {SOCKS5_GREETING,
      {BYTES("\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1f\x90"), SOCKS5_NO}}},
    {"socks5h://",
     "ws://127.0.0.1:8080/",
     {SOCKS5_GREETING, {BYTES("\x05\x01\0\x01\x7f\0\0\x01\x1f\x90"), SOCKS5_NO}}},
    {"socks5h://",
     "wss://example.com/",
     {SOCKS5_GREETING,
      {BYTES("\x05\x01\0\x03\x0b"
             "example.com\x01\xbb"),
       SOCKS5_NO}}},
    /* RFC 1929 section 2. */
    {"socks5://user:p%3Aw@",
     "ws://127.0.0.1:8080/",
     {{BYTES("\x05\x02\0\x02"), BYTES("\x05\x02")},
      {BYTES("\x01\x04user\x03p:w"), BYTES("\x01\0")},
      {BYTES("\x05\x01\0\x01\x7f\0\0\x01\x1f\x90"), SOCKS5_NO}}},
    {"socks4://user@",
     "ws://127.0.0.1:8080/",
     {{BYTES("\x04\x01\x1f\x90\x7f\0\0\x01user\0"), SOCKS4_NO}}},
    {"socks4a://",
     "ws://example.com:8080/",
     {{BYTES("\x04\x01\x1f\x90\0\0\0\x01\0example.com\0"), SOCKS4_NO}}},
    /* SOCKS4 has no IPv6. */
    {"socks4://", "ws://[::1]:8080/", {{BYTES(""), BYTES("")}}},
    {"socks4a://", "ws://[::1]:8080/", {{BYTES(""), BYTES("")}}},
};

/* A proxy implemented by the test, which records all that it receives. */
struct recorder {
    const struct dialogue *dialogue;
    struct listener listener;
    char said[512];
    size_t len;
};

/* Reads until it has `until` bytes in total; false at the end of the stream. */
static bool record(struct recorder *recorder, int fd, size_t until) {
    while (recorder->len < until) {
        ssize_t count = recv(fd, recorder->said + recorder->len, until - recorder->len, 0);

        if (count <= 0) return false;
        recorder->len += (size_t)count;
    }
    return true;
}

static void *run_recorder(void *argument) {
    struct recorder *recorder = argument;
    struct pollfd waiting = {.fd = recorder->listener.fd, .events = POLLIN};
    size_t due = 0;
    int fd;

    REQUIRE(poll(&waiting, 1, WAIT_MS) == 1);
    fd = accept(recorder->listener.fd, NULL, NULL);
    REQUIRE(fd >= 0);
    for (size_t i = 0; i < TURNS_MAX; i++) {
        const struct turn *turn = &recorder->dialogue->turns[i];

        due += turn->said.len;
        if (record(recorder, fd, due) && turn->answer.len > 0)
            CHECK_INT(turn->answer.len, send(fd, turn->answer.data, turn->answer.len, 0));
    }
    record(recorder, fd, sizeof recorder->said);
    close(fd);
    return NULL;
}

static void check_dialogue(const struct dialogue *dialogue) {
    struct recorder recorder = {.dialogue = dialogue, .listener = listen_silent()};
    wsline_options *options = proxy_options();
    pthread_t thread = thread_start(run_recorder, &recorder);
    wsline_conn *conn = NULL;
    char url[128], expected[512];
    size_t len = 0;

    snprintf(url, sizeof url, "%s127.0.0.1:%u", dialogue->scheme_and_user,
             (unsigned)recorder.listener.port);
    CHECK_OK(wsline_options_set_proxy_url(options, url));
    CHECK_OK(wsline_options_set_connect_timeout_ms(options, WAIT_MS / 3));
    CHECK_STATUS(WSLINE_ERR_PROXY, wsline_connect(dialogue->target, options, &conn));
    thread_join(thread);
    for (size_t i = 0; i < TURNS_MAX; i++) {
        memcpy(expected + len, dialogue->turns[i].said.data, dialogue->turns[i].said.len);
        len += dialogue->turns[i].said.len;
    }
    CHECK_BYTES(expected, len, recorder.said, recorder.len);
    wsline_options_free(options);
    listen_close(&recorder.listener);
}

static void the_target_is_sent_as_each_proxy_protocol_requires(void) {
    for (size_t i = 0; i < COUNT_OF(dialogues); i++) {
        proxy_row("%s to %s", dialogues[i].scheme_and_user, dialogues[i].target);
        check_dialogue(&dialogues[i]);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_proxy_that_does_not_exist_is_named),
        TEST(a_proxy_without_an_address_is_named),
        TEST(an_invalid_reply_is_a_proxy_error),
        TEST(a_silent_proxy_is_waited_for_until_the_deadline),
        TEST(arriving_bytes_do_not_extend_the_deadline),
        TEST(a_silent_https_proxy_is_waited_for_until_the_deadline),
        TEST(a_proxy_that_does_not_answer_syn_is_waited_for_until_the_deadline),
        TEST(the_proxy_timeout_does_not_limit_the_server),
        TEST(abort_ends_the_wait_for_a_proxy),
        TEST(the_target_is_sent_as_each_proxy_protocol_requires),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
