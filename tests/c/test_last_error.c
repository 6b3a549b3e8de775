/* SPDX-License-Identifier: Apache-2.0 */
/* Cleaning up after a failure does not overwrite its error. */
#include "listen.h"

enum { REASON_MAX = 128 };

/* A URL where nobody listens, and the error of connecting to it. */
static void refusing_url(char url[REASON_MAX], char reason[REASON_MAX]) {
    unsigned port = listen_nowhere();

    snprintf(url, REASON_MAX, "ws://127.0.0.1:%u/", port);
    snprintf(reason, REASON_MAX, "connect to 127.0.0.1:%u: connection refused", port);
}

/* All calls that end or describe a connection; they do the same for one that never opened. */
static void clean_up(wsline_conn *conn, wsline_status status) {
    wsline_stats stats;
    wsline_close_info close_info;
    wsline_tls_info tls_info;

    CHECK_STATUS(status, wsline_conn_stats(conn, &stats));
    CHECK_STATUS(status, wsline_conn_close_info(conn, &close_info));
    CHECK_STATUS(status, wsline_conn_tls_info(conn, &tls_info));
    CHECK_STATUS(status, wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 0));
    CHECK_STATUS(status, wsline_conn_shutdown(conn));
}

static void a_connection_that_was_not_created_keeps_the_error(void) {
    char url[REASON_MAX], reason[REASON_MAX];
    wsline_conn *conn = NULL;
    wsline_error_info info;
    const void *body;
    size_t len;

    refusing_url(url, reason);
    REQUIRE_STATUS(WSLINE_ERR_CONNECT, wsline_connect(url, NULL, &conn));
    clean_up(conn, WSLINE_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_response_body(conn, &body, &len));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_last_error(conn, &info));
    CHECK_INT(WSLINE_OK, info.status);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_abort(conn));
    wsline_conn_free(conn);
    CHECK_TEXT(reason, wsline_last_error_message());
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_ERR_CONNECT, info.status);
    CHECK_INT(WSLINE_PHASE_CONNECT, info.phase);
}

static void a_connection_that_never_opened_keeps_the_error(void) {
    char url[REASON_MAX], reason[REASON_MAX];
    wsline_conn *conn = NULL;
    wsline_error_info info;

    refusing_url(url, reason);
    REQUIRE_OK(wsline_conn_new(NULL, &conn));
    REQUIRE_STATUS(WSLINE_ERR_CONNECT, wsline_conn_connect(conn, url));
    clean_up(conn, WSLINE_ERR_WRONG_STATE);
    CHECK_OK(wsline_conn_last_error(conn, &info));
    CHECK_TEXT(reason, info.message);
    CHECK_OK(wsline_conn_abort(conn));
    clean_up(conn, WSLINE_ERR_ABORTED);
    CHECK_OK(wsline_conn_last_error(conn, &info));
    CHECK_TEXT(reason, info.message);
    CHECK_TEXT(reason, wsline_last_error_message());
    wsline_conn_free(conn);
    CHECK_TEXT(reason, wsline_last_error_message());
}

static void take_nothing(wsline_app *app, void *userdata) { (void)app, (void)userdata; }

static void an_app_or_loop_that_was_not_created_keeps_the_error(void) {
    wsline_app *app = NULL;
    wsline_loop *loop = NULL;
    wsline_stats stats;
    wsline_error_info info;

    REQUIRE_STATUS(WSLINE_ERR_INVALID_URL, wsline_app_new("http://localhost/", NULL, &app));
    CHECK_OK(wsline_last_error(&info));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_on_open(app, take_nothing, NULL, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_on_message(app, NULL, NULL, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_stats(app, &stats));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_close(app, 1000, NULL));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_abort(app));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_join(app, 0));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_last_error(app, &info));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_loop_remove(loop, app));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_loop_stop(loop));
    wsline_app_free(app);
    wsline_loop_free(loop);
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_ERR_INVALID_URL, info.status);
}

/* An error in the call itself is still reported. */
static void an_invalid_argument_is_the_last_error(void) {
    wsline_conn *conn = NULL;

    REQUIRE_OK(wsline_conn_new(NULL, &conn));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_close(conn, 1005, NULL, 0));
    CHECK_HAS("`code`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_stats(conn, NULL));
    CHECK_HAS("`stats_out`", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_conn_send_text(conn, "x", 1));
    CHECK_HAS("has not been connected", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_conn_send_text(NULL, "x", 1));
    CHECK_HAS("`conn`", wsline_last_error_message());
    wsline_conn_free(conn);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_connection_that_was_not_created_keeps_the_error),
        TEST(a_connection_that_never_opened_keeps_the_error),
        TEST(an_app_or_loop_that_was_not_created_keeps_the_error),
        TEST(an_invalid_argument_is_the_last_error),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
