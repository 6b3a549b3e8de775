/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that an app keeps while it has no connection, and what becomes of them. */
#include "keep.h"

static void set_path(wsline_app *app, const char *peer, const char *path) {
    char url[PEER_URL_MAX];

    peer_url(url, peer, path);
    CHECK_OK(wsline_app_set_url(app, url));
}

/* An app that waits long for its next attempt after a first connection. */
static wsline_app *app_between(wsline_options *options, struct record *record) {
    wsline_app *app;

    app_reconnect(options, 60000, 60000, 1, 0, 0);
    app = app_open("WEBSOCKETS", "/", options, record);
    set_path(app, "FAULTS", "/status?code=503");
    CHECK_OK(wsline_app_reconnect(app, WSLINE_CLOSE_NORMAL, NULL));
    REQUIRE(record_wait(record, 'c', 1));
    CHECK_OK(wsline_app_reconnect(app, WSLINE_CLOSE_NORMAL, NULL));
    REQUIRE(record_wait(record, 'e', 1));
    set_path(app, "WEBSOCKETS", "/");
    return app;
}

static void end_app_after(wsline_app *app, pthread_t thread) {
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    thread_join(thread);
    wsline_app_free(app);
}

static void a_full_queue_rejects_and_drains_on_the_next_connection(void) {
    struct record record;
    wsline_options *options = keeping(WSLINE_FOREVER);
    wsline_app *app;
    unsigned sent = 0;

    REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, 10 * COST));
    app = app_between(options, &record);
    while (send_number(app, sent) == WSLINE_OK) sent++;
    CHECK_HAS("send queue already holds 11280 bytes; the limit is 11280",
              wsline_last_error_message());
    CHECK_INT(10, sent);
    CHECK_INT(10 * COST, wsline_app_send_queue_bytes(app));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_flush(app, 0));
    CHECK_INT(0, record_count(&record, 'w'));
    CHECK_OK(wsline_app_reconnect(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_flush(app, WAIT_MS));
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    REQUIRE(record_wait(&record, 'm', 10));
    REQUIRE(record_wait(&record, 'w', 1));
    CHECK_INT(1, record_count(&record, 'w'));
    end_app(app);
}

static void a_message_of_any_size_is_kept(void) {
    enum { MIB = 1024 * 1024 };
    struct record record;
    wsline_app *app = app_between(keeping(WSLINE_FOREVER), &record);
    char *data = calloc(1, 4 * MIB);

    REQUIRE(data != NULL);
    CHECK_OK(wsline_app_send_text(app, "", 0));
    CHECK_OK(wsline_app_send_binary(app, data, 4 * MIB));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, wsline_app_send_text(app, "\xff", 1));
    CHECK_OK(wsline_app_reconnect(app, WSLINE_CLOSE_NORMAL, NULL));
    REQUIRE(record_wait(&record, 'm', 2));
    CHECK_INT(4 * MIB, record.bytes);
    CHECK_INT(4 * MIB, record.message.len);
    end_app(app);
    free(data);
}

static void an_app_that_ends_drops_what_it_has_kept(void) {
    struct record record;
    wsline_app *app = app_between(keeping(WSLINE_FOREVER), &record);

    CHECK_OK(send_number(app, 0));
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, send_number(app, 1));
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_flush(app, 0));
    /* Another run begins with nothing. */
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(&record, 'o', 2));
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    end_app(app);
    CHECK_INT(0, record_count(&record, 'm'));
}

static void *flush_for_ever(void *app) {
    CHECK(wsline_app_flush(app, WSLINE_FOREVER) != WSLINE_OK);
    return NULL;
}

static void the_end_of_an_app_ends_a_flush(void) {
    struct record record;
    wsline_app *app = app_between(keeping(WSLINE_FOREVER), &record);
    pthread_t thread;

    /* Also an empty message is one. */
    CHECK_OK(wsline_app_send_text(app, "", 0));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_flush(app, 0));
    thread = thread_start(flush_for_ever, app);
    clock_sleep_ms(30);
    end_app_after(app, thread);
}

/* The next run begins with an empty queue, and loses nothing of its own. */
static void runs_do_not_share_a_queue(void) {
    struct record record;
    wsline_app *app = app_open("WEBSOCKETS", "/", keeping(WSLINE_FOREVER), &record);

    for (unsigned run = 1; run <= 20; run++) {
        CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
        CHECK_OK(wsline_app_join(app, WAIT_MS));
        CHECK_OK(wsline_app_start(app));
        CHECK_OK(send_number(app, run));
        REQUIRE(record_wait(&record, 'm', run));
        CHECK_INT(run, strtoul(record.text, NULL, 10));
    }
    end_app(app);
}

/* What was kept waits for the rest, because nothing may come between fragments. */
static void a_fragmented_message_of_on_open(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'r')
        CHECK_OK(wsline_app_send_fragment(app, WSLINE_OPCODE_TEXT, "frag", 4, false));
}

static void fragments_of_on_open_precede_what_was_kept(void) {
    struct record record;
    wsline_app *app = app_between(keeping(WSLINE_FOREVER), &record);

    record.then = a_fragmented_message_of_on_open;
    CHECK_OK(wsline_app_send_text(app, "kept", 4));
    CHECK_OK(wsline_app_reconnect(app, WSLINE_CLOSE_NORMAL, NULL));
    REQUIRE(record_wait(&record, 'r', 1));
    clock_sleep_ms(30);
    CHECK_INT(0, record_count(&record, 'm'));
    CHECK_OK(wsline_app_send_fragment(app, WSLINE_OPCODE_TEXT, "ments", 5, true));
    REQUIRE(record_wait(&record, 'm', 2));
    CHECK_TEXT("kept", record.text);
    CHECK_INT(13, record.bytes);
    end_app(app);
}

/* What waits for the rest of a message leaves room for it. */
static void a_full_queue_does_not_block_a_fragmented_message(void) {
    struct record record;
    wsline_options *options = keeping(WSLINE_FOREVER);
    wsline_app *app;

    REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, 5 * COST));
    app = app_between(options, &record);
    record.then = a_fragmented_message_of_on_open;
    while (send_number(app, 0) == WSLINE_OK) continue;
    CHECK_OK(wsline_app_reconnect(app, WSLINE_CLOSE_NORMAL, NULL));
    REQUIRE(record_wait(&record, 'r', 1));
    clock_sleep_ms(50);
    CHECK_OK(wsline_app_send_fragment(app, WSLINE_OPCODE_TEXT, "ments", 5, true));
    REQUIRE(record_wait(&record, 'm', 6));
    end_app(app);
}

static void options_without_keeping_drop_what_was_kept(void) {
    struct record record;
    wsline_app *app = app_between(keeping(WSLINE_FOREVER), &record);
    wsline_options *options = app_reconnecting();

    CHECK_OK(send_number(app, 0));
    CHECK_OK(wsline_app_set_options(app, options));
    wsline_options_free(options);
    CHECK_OK(wsline_app_reconnect(app, WSLINE_CLOSE_NORMAL, NULL));
    REQUIRE(record_wait(&record, 'r', 1));
    CHECK_INT(0, wsline_app_send_queue_bytes(app));
    CHECK_OK(wsline_app_send_text(app, "direct", WSLINE_NUL_TERMINATED));
    REQUIRE(record_wait(&record, 'm', 1));
    CHECK_TEXT("direct", record.text);
    end_app(app);
}

static void messages_wait_for_the_first_connection_too(void) {
    struct record record;
    wsline_options *options = keeping(WSLINE_FOREVER);
    wsline_app *app = app_make("FAULTS", "/status?code=503", options, &record);

    wsline_options_free(options);
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, send_number(app, 0));
    CHECK_OK(wsline_app_start(app));
    CHECK_OK(send_number(app, 0));
    REQUIRE(record_wait(&record, 'e', 1));
    CHECK_OK(send_number(app, 1));
    CHECK_INT(2 * COST, wsline_app_send_queue_bytes(app));
    CHECK_STATUS(WSLINE_ERR_TIMEOUT, wsline_app_flush(app, 0));
    set_path(app, "WEBSOCKETS", "/");
    CHECK_OK(wsline_app_flush(app, WAIT_MS));
    REQUIRE(record_wait(&record, 'm', 2));
    end_app(app);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_full_queue_rejects_and_drains_on_the_next_connection),
        TEST(a_message_of_any_size_is_kept),
        TEST(an_app_that_ends_drops_what_it_has_kept),
        TEST(the_end_of_an_app_ends_a_flush),
        TEST(runs_do_not_share_a_queue),
        TEST(fragments_of_on_open_precede_what_was_kept),
        TEST(a_full_queue_does_not_block_a_fragmented_message),
        TEST(options_without_keeping_drop_what_was_kept),
        TEST(messages_wait_for_the_first_connection_too),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
