/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data that TLS has already read counts although the socket has no more: a response that arrives
 * with the end of the handshake, or an end that arrives with the last bytes. TCP stays open, so a
 * call that waited for the socket would wait forever.
 */
#include "app.h"
#include "message.h"
#include "proxy.h"

static void url_of(char url[PEER_URL_MAX], const char *peer, const char *scheme) {
    struct proxy_place place = proxy_place(peer);

    snprintf(url, PEER_URL_MAX, "%s://%s:%u/", scheme, place.host, (unsigned)place.port);
}

/* Options for this peer, which is a server or an HTTPS proxy in front of one. */
static wsline_options *options_for(const char *peer) {
    wsline_options *options = proxy_options();

    if (strncmp(peer, "TCP_FAULTS_PROXY", strlen("TCP_FAULTS_PROXY")) == 0) {
        char url[PEER_URL_MAX];

        url_of(url, peer, "https");
        REQUIRE_OK(wsline_options_set_proxy_url(options, url));
    }
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, WAIT_MS));
    app_reconnect(options, 10, 10, 1, 0, 0);
    REQUIRE_OK(wsline_options_set_reconnect_always(options, true));
    return options;
}

static const struct refusal {
    const char *peer;
    const char *scheme;
    wsline_status status;
    int phase;
    int http_status;
    const char *part;
} refusals[] = {
    {"TCP_FAULTS_END_IN_HEAD", "wss", WSLINE_ERR_CONNECTION_LOST, WSLINE_PHASE_UPGRADE, 0,
     "closed"},
    {"TCP_FAULTS_BUSY_IN_FINISHED", "wss", WSLINE_ERR_HTTP_STATUS, WSLINE_PHASE_UPGRADE, 503,
     "503"},
    {"TCP_FAULTS_PROXY_ASKS_IN_FINISHED", "ws", WSLINE_ERR_PROXY_AUTH, WSLINE_PHASE_PROXY, 407,
     "407"},
    {"TCP_FAULTS_PROXY_END", "ws", WSLINE_ERR_CONNECTION_LOST, WSLINE_PHASE_UPGRADE, 0, "closed"},
    {"TCP_FAULTS_PROXY_END", "wss", WSLINE_ERR_TLS, WSLINE_PHASE_TLS, 0, "closed"},
    {"TCP_FAULTS_PROXY_END_IN_HEAD", "wss", WSLINE_ERR_CONNECTION_LOST, WSLINE_PHASE_UPGRADE, 0,
     "closed"},
    {"TCP_FAULTS_PROXY_BUSY_IN_FINISHED", "wss", WSLINE_ERR_HTTP_STATUS, WSLINE_PHASE_UPGRADE, 503,
     "503"},
};

static void check_error(const struct refusal *refusal, const wsline_error_info *info) {
    CHECK_STATUS(refusal->status, info->status);
    CHECK_INT(refusal->phase, info->phase);
    CHECK_INT(refusal->http_status, info->http_status);
    CHECK_HAS(refusal->part, info->message);
}

static void a_rejected_connect_ends_at_once(void) {
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        wsline_options *options = options_for(refusals[i].peer);
        wsline_conn *conn = NULL;
        wsline_error_info info;
        char url[PEER_URL_MAX];

        proxy_row("%s %s", refusals[i].peer, refusals[i].scheme);
        url_of(url, refusals[i].peer, refusals[i].scheme);
        CHECK_STATUS(refusals[i].status, wsline_connect(url, options, &conn));
        CHECK_OK(wsline_last_error(&info));
        check_error(&refusals[i], &info);
        CHECK(conn == NULL);
        wsline_options_free(options);
    }
}

static wsline_app *app_start(const char *peer, const char *scheme, struct record *record) {
    wsline_options *options = options_for(peer);
    wsline_app *app = NULL;
    char url[PEER_URL_MAX];

    url_of(url, peer, scheme);
    record_init(record);
    REQUIRE_OK(wsline_app_new(url, options, &app));
    wsline_options_free(options);
    app_listen(app, "ormec", record);
    CHECK_OK(wsline_app_start(app));
    return app;
}

static void a_rejected_app_retries(void) {
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct record record;
        wsline_app *app;

        proxy_row("%s %s", refusals[i].peer, refusals[i].scheme);
        app = app_start(refusals[i].peer, refusals[i].scheme, &record);
        CHECK(record_wait(&record, 'e', 2));
        wsline_app_free(app);
        check_error(&refusals[i], &record.error);
        CHECK_INT(0, record_count(&record, 'o'));
    }
}

static const struct ending {
    const char *peer;
    bool says_last;
} endings[] = {
    {"TCP_FAULTS_END_AFTER_HEAD", false},
    {"TCP_FAULTS_END_AFTER_MESSAGE", true},
    {"TCP_FAULTS_PROXY_END_AFTER_HEAD", false},
    {"TCP_FAULTS_PROXY_END_AFTER_MESSAGE", true},
};

static void an_open_connection_ends_after_the_last_message(void) {
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        wsline_options *options = options_for(endings[i].peer);
        wsline_conn *conn = NULL;
        wsline_message message;
        char url[PEER_URL_MAX];

        check_row(endings[i].peer);
        url_of(url, endings[i].peer, "wss");
        REQUIRE_OK(wsline_connect(url, options, &conn));
        if (endings[i].says_last) expect_message(conn, WSLINE_OPCODE_TEXT, "last", 4);
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(conn, WAIT_MS, &message));
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, wsline_conn_recv(conn, 0, &message));
        wsline_conn_free(conn);
        wsline_options_free(options);
    }
}

static void an_app_closes_after_the_last_message_and_reconnects(void) {
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        struct record record;
        wsline_app *app;

        check_row(endings[i].peer);
        app = app_start(endings[i].peer, "wss", &record);
        CHECK(record_wait(&record, 'r', 2));
        wsline_app_free(app);
        CHECK(strncmp(endings[i].says_last ? "omecrmecr" : "oecrecr", record.order,
                      endings[i].says_last ? 9 : 7) == 0);
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, record.error.status);
        if (endings[i].says_last) CHECK_TEXT("last", record.text);
    }
}

/* The peer sends nothing after its close frame: the drain finds the end of the stream. */
static const char *const closings[] = {"TCP_FAULTS_END_WITH_CLOSE",
                                       "TCP_FAULTS_PROXY_END_WITH_CLOSE"};

static void a_close_answered_together_with_the_end_is_clean(void) {
    for (size_t i = 0; i < COUNT_OF(closings); i++) {
        wsline_options *options = options_for(closings[i]);
        wsline_conn *conn = NULL;
        wsline_close_info info;
        char url[PEER_URL_MAX];

        check_row(closings[i]);
        url_of(url, closings[i], "wss");
        REQUIRE_OK(wsline_connect(url, options, &conn));
        CHECK_OK(wsline_conn_close(conn, 1000, NULL, WAIT_MS));
        CHECK_OK(wsline_conn_close_info(conn, &info));
        CHECK(info.clean);
        wsline_conn_free(conn);
        wsline_options_free(options);
    }
}

static void an_app_closed_together_with_the_end_ends_cleanly(void) {
    for (size_t i = 0; i < COUNT_OF(closings); i++) {
        struct record record;
        wsline_app *app;

        check_row(closings[i]);
        app = app_start(closings[i], "wss", &record);
        CHECK(record_wait(&record, 'o', 1));
        CHECK_OK(wsline_app_close(app, 1000, NULL));
        CHECK_OK(wsline_app_join(app, WAIT_MS));
        wsline_app_free(app);
        CHECK(strncmp("oc", record.order, 2) == 0);
        CHECK(record.close.clean);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_rejected_connect_ends_at_once),
        TEST(a_rejected_app_retries),
        TEST(an_open_connection_ends_after_the_last_message),
        TEST(an_app_closes_after_the_last_message_and_reconnects),
        TEST(a_close_answered_together_with_the_end_is_clean),
        TEST(an_app_closed_together_with_the_end_ends_cleanly),
    };

    return check_main(argc, argv, tests, COUNT_OF(tests));
}
