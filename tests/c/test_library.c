/* SPDX-License-Identifier: Apache-2.0 */
/* Library-wide functions: version, errors, log, trace. */
#include "clock.h"
#include "peer.h"

static const wsline_status all_statuses[] = {
    WSLINE_OK,
    WSLINE_ERR_INVALID_ARGUMENT,
    WSLINE_ERR_WRONG_STATE,
    WSLINE_ERR_BUSY,
    WSLINE_ERR_NOT_SUPPORTED,
    WSLINE_ERR_TIMEOUT,
    WSLINE_ERR_PONG_TIMEOUT,
    WSLINE_ERR_WOULD_BLOCK,
    WSLINE_ERR_INTERRUPTED,
    WSLINE_ERR_INVALID_URL,
    WSLINE_ERR_RESOLVE,
    WSLINE_ERR_CONNECT,
    WSLINE_ERR_IO,
    WSLINE_ERR_PROXY,
    WSLINE_ERR_PROXY_AUTH,
    WSLINE_ERR_TLS,
    WSLINE_ERR_TLS_VERIFY,
    WSLINE_ERR_TLS_CONFIG,
    WSLINE_ERR_HTTP_STATUS,
    WSLINE_ERR_BAD_UPGRADE,
    WSLINE_ERR_TOO_MANY_REDIRECTS,
    WSLINE_ERR_PROTOCOL,
    WSLINE_ERR_INVALID_PAYLOAD,
    WSLINE_ERR_MESSAGE_TOO_BIG,
    WSLINE_ERR_CLOSED,
    WSLINE_ERR_CONNECTION_LOST,
    WSLINE_ERR_ABORTED,
    WSLINE_ERR_NO_MEMORY,
    WSLINE_ERR_INTERNAL,
};

static void every_status_has_its_own_text(void) {
    for (size_t i = 0; i < COUNT_OF(all_statuses); i++) {
        const char *text = wsline_strerror(all_statuses[i]);

        REQUIRE(text != NULL);
        CHECK(text[0] != '\0' && strchr(text, '\n') == NULL);
        for (size_t k = 0; k < i; k++) CHECK(strcmp(text, wsline_strerror(all_statuses[k])) != 0);
    }
}

static void every_status_has_its_name(void) {
    static const struct {
        wsline_status status;
        const char *name;
    } rows[] = {
        {WSLINE_OK, "WSLINE_OK"},
        {WSLINE_ERR_TIMEOUT, "WSLINE_ERR_TIMEOUT"},
        {WSLINE_ERR_TOO_MANY_REDIRECTS, "WSLINE_ERR_TOO_MANY_REDIRECTS"},
        {WSLINE_ERR_INTERNAL, "WSLINE_ERR_INTERNAL"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_TEXT(rows[i].name, wsline_status_name(rows[i].status));
    for (size_t i = 0; i < COUNT_OF(all_statuses); i++)
        CHECK(strncmp("WSLINE_", wsline_status_name(all_statuses[i]), 7) == 0);
    CHECK_TEXT("unknown status", wsline_status_name(-999));
    CHECK_TEXT("unknown status", wsline_status_name(INT32_MIN));
}

static void unknown_status_numbers_have_a_text(void) {
    static const int32_t unknown[] = {1, -1, -99, -899, 12345, INT32_MAX, INT32_MIN};

    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        const char *text = wsline_strerror(unknown[i]);

        REQUIRE(text != NULL);
        CHECK(text[0] != '\0');
        CHECK_TEXT(wsline_strerror(unknown[0]), text);
    }
}

static void the_version_matches_the_header(void) {
    char text[64];

    snprintf(text, sizeof text, "%d.%d.%d", WSLINE_VERSION_MAJOR, WSLINE_VERSION_MINOR,
             WSLINE_VERSION_PATCH);
    CHECK_TEXT(text, wsline_version());
    CHECK_TEXT(WSLINE_VERSION_STRING, wsline_version());
    CHECK_INT(WSLINE_VERSION_NUMBER, wsline_version_number());
}

static void features_are_queried_by_name(void) {
    CHECK(wsline_has_feature("tls"));
    CHECK(wsline_has_feature("tls-openssl") != wsline_has_feature("tls-aws-lc"));
    CHECK(!wsline_has_feature("TLS "));
    CHECK(!wsline_has_feature("teleport"));
    CHECK(!wsline_has_feature(""));
    CHECK(!wsline_has_feature(NULL));
}

/* A call that fails without any preparation. */
static wsline_status fail(void) { return wsline_options_new(NULL); }

static void a_failure_records_its_text_and_details(void) {
    wsline_error_info info;

    REQUIRE_STATUS(WSLINE_ERR_INVALID_ARGUMENT, fail());
    CHECK_HAS("`options_out`", wsline_last_error_message());
    CHECK(strchr(wsline_last_error_message(), '\n') == NULL);
    memset(&info, 0xee, sizeof info);
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_ERR_INVALID_ARGUMENT, info.status);
    CHECK_HAS("`options_out`", info.message);
    CHECK_INT(WSLINE_PHASE_NONE, info.phase);
    CHECK_INT(0, info.os_errno);
    CHECK_INT(0, info.http_status);
    CHECK_INT(0, info.tls_verify_result);
    CHECK_INT(0, info.close_code);
    for (size_t i = 0; i < COUNT_OF(info.reserved); i++) CHECK_INT(0, info.reserved[i]);
}

static void asking_for_the_error_does_not_change_it(void) {
    wsline_error_info first, second;

    REQUIRE_STATUS(WSLINE_ERR_INVALID_ARGUMENT, fail());
    CHECK_OK(wsline_last_error(&first));
    CHECK_OK(wsline_last_error(&second));
    CHECK_INT(WSLINE_ERR_INVALID_ARGUMENT, second.status);
    (void)wsline_strerror(WSLINE_OK);
    (void)wsline_version();
    CHECK_HAS("`options_out`", wsline_last_error_message());
}

static void a_success_keeps_the_last_failure(void) {
    wsline_error_info info;
    wsline_options *options = NULL;

    REQUIRE_STATUS(WSLINE_ERR_INVALID_ARGUMENT, fail());
    REQUIRE_OK(wsline_options_new(&options));
    CHECK_HAS("`options_out`", wsline_last_error_message());
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_ERR_INVALID_ARGUMENT, info.status);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_options_set_timeout_ms(options, -7));
    CHECK_HAS("`timeout_ms`", wsline_last_error_message());
    wsline_options_free(options);
}

static void asking_for_the_error_with_null_does_not_change_it(void) {
    REQUIRE_STATUS(WSLINE_ERR_INVALID_ARGUMENT, fail());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_last_error(NULL));
    CHECK_HAS("`options_out`", wsline_last_error_message());
}

static void *fail_elsewhere(void *unused) {
    wsline_error_info info;

    (void)unused;
    CHECK_TEXT("", wsline_last_error_message());
    CHECK_OK(wsline_last_error(&info));
    CHECK_INT(WSLINE_OK, info.status);
    CHECK_TEXT("", info.message);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_set_default_timeout_ms(-7));
    CHECK_HAS("`timeout_ms`", wsline_last_error_message());
    return NULL;
}

static void each_thread_has_its_own_error(void) {
    REQUIRE_STATUS(WSLINE_ERR_INVALID_ARGUMENT, fail());
    thread_join(thread_start(fail_elsewhere, NULL));
    CHECK_HAS("`options_out`", wsline_last_error_message());
}

static void the_default_timeout_applies_to_connections_without_one(void) {
    wsline_conn *conn = peer_connect("WEBSOCKETS", "/", NULL);
    wsline_message message;
    struct stopwatch start;

    CHECK_INT(WSLINE_FOREVER, wsline_default_timeout_ms());
    CHECK_INT(WSLINE_DEFAULT_TIMEOUT, wsline_conn_timeout_ms(conn));
    CHECK_OK(wsline_set_default_timeout_ms(100));
    CHECK_INT(100, wsline_default_timeout_ms());
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, WSLINE_DEFAULT_TIMEOUT, &message));
    CHECK_TOOK(100, start);

    CHECK_OK(wsline_conn_set_timeout_ms(conn, 200));
    start = stopwatch_start();
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_conn_recv(conn, WSLINE_DEFAULT_TIMEOUT, &message));
    CHECK_TOOK(200, start);
    CHECK_OK(wsline_set_default_timeout_ms(WSLINE_FOREVER));
    CHECK_INT(WSLINE_FOREVER, wsline_default_timeout_ms());
    peer_hang_up(conn);
}

static void the_default_timeout_rejects_invalid_times(void) {
    static const int64_t bad[] = {WSLINE_DEFAULT_TIMEOUT, -3, INT64_MIN};
    static const int64_t good[] = {0, 1, INT64_MAX, WSLINE_FOREVER};

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_set_default_timeout_ms(bad[i]));
        CHECK_INT(WSLINE_FOREVER, wsline_default_timeout_ms());
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        CHECK_OK(wsline_set_default_timeout_ms(good[i]));
        CHECK_INT(good[i], wsline_default_timeout_ms());
    }
}

struct log_sink {
    pthread_mutex_t lock;
    int lines;
    int highest_level;
    int bad_lines;
    int freed;
};

#define LOG_SINK {.lock = PTHREAD_MUTEX_INITIALIZER}

static void log_line(int32_t level, const char *message, void *userdata) {
    struct log_sink *sink = userdata;

    pthread_mutex_lock(&sink->lock);
    sink->lines++;
    if (level > sink->highest_level) sink->highest_level = level;
    if (message == NULL || message[0] == '\0' || level < WSLINE_LOG_ERROR) sink->bad_lines++;
    pthread_mutex_unlock(&sink->lock);
}

static void log_free(void *userdata) { ((struct log_sink *)userdata)->freed++; }

static void the_log_receives_lines_up_to_its_level(void) {
    static struct log_sink trace = LOG_SINK, info = LOG_SINK;

    REQUIRE_OK(wsline_set_log(WSLINE_LOG_TRACE, log_line, &trace, log_free));
    peer_hang_up(peer_connect("WEBSOCKETS", "/", NULL));
    CHECK(trace.lines > 0);
    CHECK_INT(0, trace.bad_lines);
    CHECK_RANGE(WSLINE_LOG_ERROR, WSLINE_LOG_TRACE, trace.highest_level);

    REQUIRE_OK(wsline_set_log(WSLINE_LOG_INFO, log_line, &info, log_free));
    peer_hang_up(peer_connect("WEBSOCKETS", "/", NULL));
    CHECK_RANGE(0, WSLINE_LOG_INFO, info.highest_level);
    CHECK_OK(wsline_set_log(WSLINE_LOG_OFF, NULL, NULL, NULL));
}

static void the_log_is_silent_once_it_is_off(void) {
    static struct log_sink sink = LOG_SINK;

    REQUIRE_OK(wsline_set_log(WSLINE_LOG_OFF, log_line, &sink, log_free));
    peer_hang_up(peer_connect("WEBSOCKETS", "/", NULL));
    CHECK_INT(0, sink.lines);
    REQUIRE_OK(wsline_set_log(WSLINE_LOG_TRACE, NULL, NULL, NULL));
    peer_hang_up(peer_connect("WEBSOCKETS", "/", NULL));
    CHECK_INT(0, sink.lines);
}

static void the_log_frees_each_userdata_once(void) {
    static struct log_sink first = LOG_SINK, second = LOG_SINK;

    REQUIRE_OK(wsline_set_log(WSLINE_LOG_ERROR, log_line, &first, log_free));
    CHECK_INT(0, first.freed);
    REQUIRE_OK(wsline_set_log(WSLINE_LOG_ERROR, log_line, &second, log_free));
    CHECK_INT(1, first.freed);
    CHECK_INT(0, second.freed);
    REQUIRE_OK(wsline_set_log(WSLINE_LOG_OFF, NULL, NULL, NULL));
    CHECK_INT(1, second.freed);
    REQUIRE_OK(wsline_set_log(WSLINE_LOG_OFF, NULL, NULL, NULL));
    CHECK_INT(1, first.freed);
    CHECK_INT(1, second.freed);
}

static void the_log_rejects_unknown_levels_and_still_frees(void) {
    static const int32_t bad[] = {-1, 6, INT32_MAX, INT32_MIN};

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct log_sink sink = LOG_SINK;

        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                     wsline_set_log(bad[i], log_line, &sink, log_free));
        CHECK_HAS("`level`", wsline_last_error_message());
        CHECK_INT(1, sink.freed);
    }
}

/* What `run` wrote to standard error, truncated to the buffer. */
static void capture_stderr(void (*run)(void), char *text, size_t size) {
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    size_t len;

    REQUIRE(file != NULL && before >= 0);
    fflush(stderr);
    REQUIRE(dup2(fileno(file), STDERR_FILENO) >= 0);
    run();
    fflush(stderr);
    REQUIRE(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    rewind(file);
    len = fread(text, 1, size - 1, file);
    text[len] = '\0';
    fclose(file);
}

static void talk_with_secrets(void) {
    wsline_options *options = peer_options();
    wsline_conn *conn = NULL;

    CHECK_OK(wsline_options_add_header(options, "Authorization", "Bearer hush-hush"));
    CHECK_OK(wsline_options_set_cookie_header(options, "session=hush-hush"));
    if (CHECK_OK(peer_try("WEBSOCKETS", "/", options, &conn))) {
        CHECK_OK(wsline_conn_send_text(conn, "traced text", WSLINE_NUL_TERMINATED));
        peer_hang_up(conn);
    }
    wsline_options_free(options);
}

static void the_trace_shows_handshake_and_frames_but_no_secrets(void) {
    char text[16384];

    CHECK_OK(wsline_set_trace(true));
    capture_stderr(talk_with_secrets, text, sizeof text);
    CHECK_OK(wsline_set_trace(false));
    CHECK_HAS("GET / HTTP/1.1", text);
    CHECK_HAS("101", text);
    CHECK_HAS("Authorization", text);
    CHECK_HAS("traced text", text);
    CHECK(strstr(text, "hush-hush") == NULL);

    capture_stderr(talk_with_secrets, text, sizeof text);
    CHECK_TEXT("", text);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(every_status_has_its_own_text),
        TEST(every_status_has_its_name),
        TEST(unknown_status_numbers_have_a_text),
        TEST(the_version_matches_the_header),
        TEST(features_are_queried_by_name),
        TEST(a_failure_records_its_text_and_details),
        TEST(asking_for_the_error_does_not_change_it),
        TEST(a_success_keeps_the_last_failure),
        TEST(asking_for_the_error_with_null_does_not_change_it),
        TEST(each_thread_has_its_own_error),
        TEST(the_default_timeout_applies_to_connections_without_one),
        TEST(the_default_timeout_rejects_invalid_times),
        TEST(the_log_receives_lines_up_to_its_level),
        TEST(the_log_is_silent_once_it_is_off),
        TEST(the_log_frees_each_userdata_once),
        TEST(the_log_rejects_unknown_levels_and_still_frees),
        TEST(the_trace_shows_handshake_and_frames_but_no_secrets),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
