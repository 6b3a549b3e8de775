/* SPDX-License-Identifier: Apache-2.0 */
/* The callbacks of an app: which are called, in which order, with which arguments, and why the app
 * ended. */
#include "app.h"
#include "listen.h"

static void say_hello_then_close(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o') CHECK_OK(wsline_app_send_text(app, "hello", WSLINE_NUL_TERMINATED));
    if (letter == 'm') CHECK_OK(wsline_app_close(app, 4001, "enough"));
}

static void an_app_opens_receives_and_closes(void) {
    for (size_t i = 0; i < COUNT_OF(peer_echo_servers); i++) {
        struct record record;
        wsline_app *app = app_make(peer_echo_servers[i], "", NULL, &record);
        wsline_stats stats;

        check_row(peer_echo_servers[i]);
        record.then = say_hello_then_close;
        CHECK_OK(wsline_app_run(app));
        CHECK_TEXT("omc", record.order);
        CHECK_TEXT("hello", record.text);
        CHECK_INT(WSLINE_OPCODE_TEXT, record.message.opcode);
        CHECK_INT(WSLINE_MESSAGE_FIRST | WSLINE_MESSAGE_LAST,
                  record.message.flags & ~(uint32_t)WSLINE_MESSAGE_MORE);
        CHECK_INT(4001, record.close.code);
        CHECK(record.close.clean);
        CHECK_INT(WSLINE_SIDE_CLIENT, record.close.closed_by);
        CHECK_INT(0, record.close.unsent_messages);
        CHECK(!wsline_app_is_open(app));
        CHECK_OK(wsline_app_stats(app, &stats));
        CHECK_INT(1, stats.messages_sent);
        CHECK_INT(1, stats.messages_received);
        CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_send_text(app, "late", 4));
        wsline_app_free(app);
        CHECK_INT(8, record_count(&record, 'x'));
    }
}

static void an_app_that_has_ended_runs_again(void) {
    struct record record;
    wsline_app *app = app_make("WEBSOCKETS", "", NULL, &record);

    record.then = say_hello_then_close;
    CHECK_OK(wsline_app_run(app));
    CHECK_OK(wsline_app_start(app));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    CHECK_TEXT("omcomc", record.order);
    wsline_app_free(app);
}

static void a_close_by_the_server_is_not_an_error(void) {
    static const struct {
        const char *path, *reason;
        uint16_t code;
    } rows[] = {
        {"/close?code=1000&reason=bye", "bye", 1000},
        {"/close?code=1001&reason=", "", 1001},
        {"/close?code=4999&reason=why", "why", 4999},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record record;
        wsline_app *app = app_make("WEBSOCKETS", rows[i].path, NULL, &record);

        check_row(rows[i].path);
        CHECK_OK(wsline_app_run(app));
        CHECK_TEXT("oc", record.order);
        CHECK_INT(rows[i].code, record.close.code);
        CHECK_TEXT(rows[i].reason, record.reason);
        CHECK(record.close.clean);
        CHECK_INT(WSLINE_SIDE_SERVER, record.close.closed_by);
        wsline_app_free(app);
    }
}

static void a_failure_is_reported_once_and_before_the_end(void) {
    static const struct {
        const char *path;
        const char *order;
        wsline_status status;
        uint16_t code;
    } rows[] = {
        {"/eof-after-101", "oec", WSLINE_ERR_CONNECTION_LOST, WSLINE_CLOSE_ABNORMAL},
        {"/rst-after-101", "oec", WSLINE_ERR_CONNECTION_LOST, WSLINE_CLOSE_ABNORMAL},
        {"/fin-mid", "oec", WSLINE_ERR_CONNECTION_LOST, WSLINE_CLOSE_ABNORMAL},
        {"/rst-mid", "oec", WSLINE_ERR_CONNECTION_LOST, WSLINE_CLOSE_ABNORMAL},
        {"/frame?hex=8f00", "oec", WSLINE_ERR_PROTOCOL, WSLINE_CLOSE_ABNORMAL},
        {"/frame?hex=8101ff", "oec", WSLINE_ERR_INVALID_PAYLOAD, WSLINE_CLOSE_ABNORMAL},
        {"/status?code=401", "e", WSLINE_ERR_HTTP_STATUS, 0},
        {"/close-rst", "oc", WSLINE_OK, 1000},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record record;
        wsline_app *app = app_make("FAULTS", rows[i].path, NULL, &record);

        check_row(rows[i].path);
        CHECK_STATUS(rows[i].status, wsline_app_run(app));
        CHECK_TEXT(rows[i].order, record.order);
        CHECK_STATUS(rows[i].status, record.error.status);
        CHECK_INT(rows[i].code, record.close.code);
        if (rows[i].status != WSLINE_OK) {
            CHECK(!record.close.clean);
            CHECK_INT(-1, record.error.retry_in_ms);
            CHECK(record.error_text[0] != '\0');
        }
        wsline_app_free(app);
    }
}

static void a_failed_connect_reports_its_phase(void) {
    struct record record;
    wsline_app *app = NULL;
    wsline_error_info info;

    record_init(&record);
    REQUIRE_OK(wsline_app_new("ws://127.0.0.1:1/", NULL, &app));
    app_listen(app, "oec", &record);
    CHECK_STATUS(WSLINE_ERR_CONNECT, wsline_app_run(app));
    CHECK_TEXT("e", record.order);
    CHECK_INT(WSLINE_PHASE_CONNECT, record.error.phase);
    CHECK_HAS("127.0.0.1:1", record.error_text);
    CHECK_OK(wsline_app_last_error(app, &info));
    CHECK_STATUS(WSLINE_ERR_CONNECT, info.status);
    wsline_app_free(app);
}

static void a_rejection_can_be_read_afterwards(void) {
    struct record record;
    wsline_app *app = app_make("WEBSOCKETS", "/status?code=403&body=no", NULL, &record);
    const void *body = NULL;
    size_t len = 0;

    CHECK_INT(0, wsline_app_http_status(app));
    CHECK_TEXT(NULL, wsline_app_response_header(app, "server"));
    CHECK_OK(wsline_app_response_body(app, &body, &len));
    CHECK(body == NULL && len == 0);
    CHECK_STATUS(WSLINE_ERR_HTTP_STATUS, wsline_app_run(app));
    CHECK_INT(403, wsline_app_http_status(app));
    CHECK_OK(wsline_app_response_body(app, &body, &len));
    CHECK_BYTES("no", 3, body, len + 1);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_response_body(NULL, &body, &len));
    CHECK(body == NULL && len == 0);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_response_body(app, NULL, &len));
    CHECK(wsline_app_response_header(app, "Server") != NULL);
    CHECK_TEXT(NULL, wsline_app_response_header(app, "No-Such-Header"));
    CHECK_TEXT(NULL, wsline_app_response_header(app, NULL));
    CHECK_TEXT(NULL, wsline_app_peer_address(app));
    wsline_app_free(app);
}

static void look_around(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter != 'o') return;
    CHECK(wsline_app_is_open(app));
    CHECK_INT(101, wsline_app_http_status(app));
    CHECK_TEXT("chat.v2", wsline_app_subprotocol(app));
    CHECK_HAS("127.0.0.1:", wsline_app_peer_address(app));
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    CHECK_INT(-1, wsline_app_rtt_us(app));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void connection_details_are_available_in_callbacks(void) {
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;

    REQUIRE_OK(wsline_options_add_subprotocol(options, "chat.v2"));
    app = app_make("WEBSOCKETS", "/subprotocol", options, &record);
    wsline_options_free(options);
    record.then = look_around;
    CHECK_OK(wsline_app_run(app));
    CHECK_HAS("127.0.0.1:", wsline_app_peer_address(app));
    wsline_app_free(app);
}

static void close_on_data(struct record *record, wsline_app *app, char letter) {
    if ((letter == 'm' || letter == 'f') && (record->message.flags & WSLINE_MESSAGE_LAST) != 0)
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

/* "Hel" and "lo" in two frames, with a ping in between. */
static const char in_fragments[] = "/frame?hex=010348656c89008002"
                                   "6c6f";

static void fragments_are_joined_unless_requested(void) {
    struct record record;
    wsline_app *app = app_make("FAULTS", in_fragments, NULL, &record);

    app_listen(app, "d", &record);
    record.then = close_on_data;
    wsline_app_run(app);
    CHECK_HAS("oidm", record.order);
    CHECK_TEXT("Hello", record.text);
    wsline_app_free(app);

    app = app_make("FAULTS", in_fragments, NULL, &record);
    app_listen(app, "df", &record);
    record.then = close_on_data;
    wsline_app_run(app);
    CHECK_HAS("odfidf", record.order);
    CHECK_TEXT("lo", record.text);
    CHECK_INT(WSLINE_OPCODE_TEXT, record.message.opcode);
    CHECK_INT(WSLINE_MESSAGE_LAST, record.message.flags);
    CHECK_INT(0, record_count(&record, 'm'));
    wsline_app_free(app);
}

static void replace_the_running_one(struct record *record, wsline_app *app, char letter) {
    struct record *other = record->more;

    if (letter != 'm') return;
    CHECK_OK(wsline_app_on_message(app, record_message, other, record_release));
    CHECK_INT(0, record_count(record, 'x'));
    CHECK_OK(wsline_app_send_text(app, "second", 6));
}

static void close_now(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'm') CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void a_callback_may_replace_itself(void) {
    struct record first, second;
    wsline_app *app = app_make("WEBSOCKETS", "/push?n=1&size=1", NULL, &first);

    record_init(&second);
    second.then = close_now;
    first.then = replace_the_running_one;
    first.more = &second;
    CHECK_OK(wsline_app_run(app));
    CHECK_INT(1, record_count(&first, 'm'));
    CHECK_INT(1, record_count(&first, 'x'));
    CHECK_INT(1, record_count(&second, 'm'));
    CHECK_TEXT("second", second.text);
    CHECK_OK(wsline_app_on_message(app, NULL, NULL, NULL));
    CHECK_INT(1, record_count(&second, 'x'));
    wsline_app_free(app);
}

static void every_call_is_answered_in_a_callback(struct record *record, wsline_app *app,
                                                 char letter) {
    (void)record;
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_app_run(app));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_app_start(app));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_join(app, 0));
    if (letter == 'o') {
        CHECK_OK(wsline_app_ping(app, "x", 1));
        CHECK_OK(wsline_app_pong(app, NULL, 0));
        CHECK_OK(wsline_app_send(app, WSLINE_OPCODE_BINARY, "ab", 2));
    }
    if (letter == 'm') CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static void a_callback_may_call_any_function(void) {
    struct record record;
    wsline_app *app = app_make("WEBSOCKETS", "", NULL, &record);

    record.then = every_call_is_answered_in_a_callback;
    CHECK_OK(wsline_app_run(app));
    CHECK_TEXT("opmc", record.order);
    wsline_app_free(app);
}

static void an_end_requested_before_the_run_takes_effect(void) {
    struct record record;
    wsline_app *app = app_make("WEBSOCKETS", "", NULL, &record);

    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_join(app, 0));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_run(app));
    CHECK_TEXT("", record.order);
    /* It has ended: there is nothing to close, and the next run is not affected. */
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_abort(app));
    record.then = say_hello_then_close;
    CHECK_OK(wsline_app_run(app));
    CHECK_TEXT("omc", record.order);
    wsline_app_free(app);

    app = app_make("WEBSOCKETS", "", NULL, &record);
    CHECK_OK(wsline_app_abort(app));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_run(app));
    CHECK_TEXT("", record.order);
    wsline_app_free(app);
}

static void a_server_that_does_not_answer_the_close_is_disconnected(void) {
    struct record record;
    wsline_options *options = peer_options();
    wsline_app *app;
    struct stopwatch start;

    REQUIRE_OK(wsline_options_set_timeout_ms(options, WSLINE_FOREVER));
    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, 300));
    app = app_make("FAULTS", "/no-close-reply", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    start = stopwatch_start();
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_STATUS(WSLINE_ERR_CLOSED, wsline_app_send_text(app, "x", 1));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_join(app, WAIT_MS));
    CHECK_TOOK(300, start);
    CHECK_TEXT("oec", record.order);
    CHECK_INT(WSLINE_PHASE_CLOSE, record.error.phase);
    CHECK(!record.close.clean);
    wsline_app_free(app);
}

static void an_abort_ends_the_app_without_an_error(void) {
    struct record record;
    wsline_app *app = app_make("WEBSOCKETS", "", NULL, &record);
    struct stopwatch start;

    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 1));
    start = stopwatch_start();
    CHECK_OK(wsline_app_abort(app));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, WAIT_MS));
    CHECK_TOOK(0, start);
    CHECK_TEXT("oc", record.order);
    CHECK_INT(WSLINE_CLOSE_ABNORMAL, record.close.code);
    CHECK_INT(WSLINE_SIDE_CLIENT, record.close.closed_by);
    wsline_app_free(app);
}

/* The descriptor works for one connection only: the app ends with it instead of retrying forever.
 * */
static void a_supplied_descriptor_is_not_reconnected(void) {
    struct record record;
    wsline_options *options = app_reconnecting();
    uint16_t port =
        (uint16_t)strtoul(strrchr(peer_variable("WEBSOCKETS", "_URL"), ':') + 1, NULL, 10);
    int fd = listen_connect(port);
    wsline_app *app;

    CHECK_OK(wsline_options_set_fd(options, fd));
    app = app_make("WEBSOCKETS", "/close?code=1001&reason=", options, &record);
    wsline_options_free(options);
    CHECK_OK(wsline_app_run(app));
    CHECK_TEXT("oc", record.order);
    wsline_app_free(app);
    close(fd);
}

static void invalid_arguments_are_named(void) {
    struct record record;
    wsline_app *app = NULL;
    char long_ping[126] = {0};

    CHECK_STATUS(WSLINE_ERR_INVALID_URL, wsline_app_new("http://x/", NULL, &app));
    CHECK(app == NULL);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_new(NULL, NULL, &app));
    app = app_make("WEBSOCKETS", "", NULL, &record);
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_close(app, 1006, NULL));
    CHECK_HAS("code", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_send(app, 8, "", 0));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_send_text(app, "\xff", 1));
    CHECK_HAS("text", wsline_last_error_message());
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_join(app, -3));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_send_text(app, "early", 5));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_ping(app, long_ping, sizeof long_ping));
    wsline_app_free(app);
    wsline_app_free(NULL);
}

static const struct test tests[] = {
    TEST(an_app_opens_receives_and_closes),
    TEST(an_app_that_has_ended_runs_again),
    TEST(a_close_by_the_server_is_not_an_error),
    TEST(a_failure_is_reported_once_and_before_the_end),
    TEST(a_failed_connect_reports_its_phase),
    TEST(a_rejection_can_be_read_afterwards),
    TEST(connection_details_are_available_in_callbacks),
    TEST(fragments_are_joined_unless_requested),
    TEST(a_callback_may_replace_itself),
    TEST(a_callback_may_call_any_function),
    TEST(an_end_requested_before_the_run_takes_effect),
    TEST(a_server_that_does_not_answer_the_close_is_disconnected),
    TEST(an_abort_ends_the_app_without_an_error),
    TEST(a_supplied_descriptor_is_not_reconnected),
    TEST(invalid_arguments_are_named),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
