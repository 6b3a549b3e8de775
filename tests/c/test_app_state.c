/* SPDX-License-Identifier: Apache-2.0 */
/* What an app shows of its connection and of the last response, also inside its callbacks. */
#include "app.h"
#include "drivers.h"

#include <sys/socket.h>

/* In a callback; keeps what it saw. */
struct seen {
    char reason[64], names[512];
    unsigned headers;
    wsline_status tls;
    char version[16];
    int fd, type;
};

static void look(wsline_app *app, struct seen *seen) {
    const char *name, *value, *reason = wsline_app_http_reason(app);
    wsline_tls_info info;
    socklen_t len = sizeof seen->type;

    memset(seen, 0, sizeof *seen);
    snprintf(seen->reason, sizeof seen->reason, "%s", reason == NULL ? "(none)" : reason);
    while (wsline_app_response_header_at(app, seen->headers, &name, &value)) {
        size_t used = strlen(seen->names);

        snprintf(seen->names + used, sizeof seen->names - used, "%s=%s\n", name, value);
        seen->headers++;
    }
    CHECK(name == NULL && value == NULL);
    seen->tls = wsline_app_tls_info(app, &info);
    if (seen->tls == WSLINE_OK) {
        snprintf(seen->version, sizeof seen->version, "%s", info.version);
        CHECK_HAS("BEGIN CERTIFICATE", info.peer_certificate_pem);
    }
    seen->fd = wsline_app_fd(app);
    if (seen->fd != -1) CHECK(getsockopt(seen->fd, SOL_SOCKET, SO_TYPE, &seen->type, &len) == 0);
}

static struct seen at_open, at_error, at_close;

static void look_everywhere(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o') look(app, &at_open);
    if (letter == 'e') look(app, &at_error);
    if (letter == 'c') look(app, &at_close);
    if (letter == 'o') CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void on_error_shows_the_whole_refusal(void) {
    struct record record;
    wsline_app *app = app_make("WEBSOCKETS", "/status?code=403&body=no", NULL, &record);

    record.then = look_everywhere;
    CHECK_TEXT(NULL, wsline_app_http_reason(app));
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_app_run(app));
    CHECK_TEXT("Forbidden", at_error.reason);
    CHECK(at_error.headers > 2);
    CHECK_HAS("Content-Length=2\n", at_error.names);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, at_error.tls);
    CHECK_INT(-1, at_error.fd);
    CHECK_TEXT("Forbidden", wsline_app_http_reason(app));
    wsline_app_free(app);
}

static void a_connection_shows_its_reason_phrase(void) {
    wsline_conn *conn = NULL;
    char url[PEER_URL_MAX];
    wsline_options *options = peer_options();

    peer_url(url, "WEBSOCKETS", "/status?code=403&body=no");
    REQUIRE_OK(wsline_conn_new(options, &conn));
    CHECK_TEXT(NULL, wsline_conn_http_reason(conn));
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_conn_connect(conn, url));
    CHECK_TEXT("Forbidden", wsline_conn_http_reason(conn));
    wsline_conn_free(conn);
    CHECK_TEXT(NULL, wsline_conn_http_reason(NULL));
    conn = peer_connect("WEBSOCKETS", "/", NULL);
    CHECK_TEXT("Switching Protocols", wsline_conn_http_reason(conn));
    peer_hang_up(conn);
    wsline_options_free(options);
}

static void an_open_app_shows_its_tls_and_its_descriptor(void) {
    for (size_t i = 0; i < COUNT_OF(drivers); i++) {
        struct record record;
        wsline_tls_info info;
        wsline_app *app = app_make("WEBSOCKETS_TLS", "/", NULL, &record);

        check_row(drivers[i].name);
        record.then = look_everywhere;
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_tls_info(app, &info));
        drivers[i].drive(app);
        CHECK_TEXT("Switching Protocols", at_open.reason);
        CHECK_HAS("Upgrade=websocket\n", at_open.names);
        CHECK_OK(at_open.tls);
        CHECK_HAS("TLSv1.", at_open.version);
        CHECK(at_open.fd >= 0);
        CHECK_INT(SOCK_STREAM, at_open.type);
        /* In the last callback the connection has ended, and is still described. */
        CHECK_OK(at_close.tls);
        CHECK_TEXT(at_open.version, at_close.version);
        CHECK_INT(-1, at_close.fd);
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_tls_info(app, &info));
        CHECK(info.version == NULL);
        wsline_app_free(app);
    }
}

static void an_app_without_tls_says_so(void) {
    struct record record;
    wsline_app *app = app_make("WEBSOCKETS", "/", NULL, &record);

    record.then = look_everywhere;
    CHECK_OK(wsline_app_run(app));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, at_open.tls);
    CHECK(at_open.fd >= 0);
    wsline_app_free(app);
}

/* All callbacks at once ------------------------------------------------------------------------ */

static int32_t table_connecting(wsline_app *app, const wsline_attempt *attempt,
                                wsline_options *options, void *userdata) {
    (void)options;
    CHECK_INT(1, attempt->number);
    record_note(userdata, app, 'k');
    return WSLINE_CONNECT_NOW;
}

static void close_after_the_echo(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o') CHECK_OK(wsline_app_send_text(app, "x", 1));
    if (letter == 'm') CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void set_and_replace_a_table(size_t driver) {
    struct record record;
    wsline_app *app = app_make("WEBSOCKETS", "/", NULL, &record);
    unsigned before = record_count(&record, 'x');
    wsline_app_callbacks callbacks = {
        .on_connecting = table_connecting,
        .on_open = record_open,
        .on_message = record_message,
        .on_close = record_close,
    };

    record.then = close_after_the_echo;
    CHECK_OK(wsline_app_set_callbacks(app, &callbacks, &record, record_release));
    /* Those of app_make() are gone. */
    CHECK_INT(before + 8, record_count(&record, 'x'));
    check_row(drivers[driver].name);
    drivers[driver].drive(app);
    CHECK_INT(1, record_count(&record, 'k'));
    CHECK_INT(1, record_count(&record, 'o'));
    CHECK_INT(1, record_count(&record, 'm'));
    CHECK_INT(1, record_count(&record, 'c'));
    CHECK_INT(before + 8, record_count(&record, 'x'));
    CHECK_OK(wsline_app_set_callbacks(app, NULL, NULL, NULL));
    CHECK_INT(before + 9, record_count(&record, 'x'));
    callbacks.reserved[0] = &callbacks;
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_app_set_callbacks(app, &callbacks, &record, record_release));
    CHECK_INT(before + 10, record_count(&record, 'x'));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_app_set_callbacks(NULL, NULL, &record, record_release));
    CHECK_INT(before + 11, record_count(&record, 'x'));
    wsline_app_free(app);
    CHECK_INT(before + 11, record_count(&record, 'x'));
}

static void a_table_sets_all_callbacks_with_one_userdata(void) {
    for (size_t i = 0; i < COUNT_OF(drivers); i++) set_and_replace_a_table(i);
}

static void NULL_is_answered(void) {
    const char *name, *value;
    wsline_tls_info info;

    CHECK_TEXT(NULL, wsline_app_http_reason(NULL));
    CHECK(!wsline_app_response_header_at(NULL, 0, &name, &value));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_tls_info(NULL, &info));
    CHECK_INT(-1, wsline_app_fd(NULL));
}

static const struct test tests[] = {
    TEST(on_error_shows_the_whole_refusal),
    TEST(a_connection_shows_its_reason_phrase),
    TEST(an_open_app_shows_its_tls_and_its_descriptor),
    TEST(an_app_without_tls_says_so),
    TEST(a_table_sets_all_callbacks_with_one_userdata),
    TEST(NULL_is_answered),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
