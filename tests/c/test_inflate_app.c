/* SPDX-License-Identifier: Apache-2.0 */
/* Apps that receive binary messages which the server compresses itself. */
#include "app.h"
#include "inflate.h"

static wsline_app *app_for(const char *peer, const struct format *format, const char *query,
                           wsline_options *options, struct record *record) {
    char path[256];
    wsline_app *app;

    packed_path(path, format->name, query);
    app = app_make(peer, path, options, record);
    wsline_options_free(options);
    return app;
}

/* Checks a message inside its callback; `more` is its length. */
static void check_inside(struct record *record, wsline_app *app, char letter) {
    (void)app;
    if (letter == 'm' || letter == 'd')
        check_lines(&record->message, WHOLE | WSLINE_MESSAGE_INFLATED, *(size_t *)record->more);
}

static bool has_bytes(struct record *record, uint64_t bytes) {
    bool result;

    pthread_mutex_lock(&record->lock);
    result = record->bytes >= bytes;
    pthread_mutex_unlock(&record->lock);
    return result;
}

static void take_messages(wsline_app *app, const wsline_message *messages, size_t count,
                          void *userdata) {
    for (size_t i = 0; i < count; i++) record_message(app, &messages[i], userdata);
}

static void an_app_receives_them_with_each_callback(void) {
    for (size_t i = 0; i < 2 * COUNT_OF(servers) * COUNT_OF(formats); i++) {
        const struct format *format = &formats[i / 4];
        size_t size = 900000;
        struct record record;
        wsline_app *app = app_for(servers[i % 2], format, "size=900000&n=3&frame=5000",
                                  inflating(format->mode), &record);

        check_row(format->name);
        record.then = check_inside;
        record.more = &size;
        if (i / 2 % 2 == 1) CHECK_OK(wsline_app_on_messages(app, take_messages, &record, NULL));
        app_listen(app, "d", &record);
        CHECK_OK(wsline_app_start(app));
        REQUIRE(record_wait(&record, 'm', 3));
        CHECK_INT(3, record_count(&record, 'd'));
        end_app(app);
        CHECK_INT(2 * 3 * 900000, record.bytes);
    }
}

static void an_app_receives_parts(void) {
    for (size_t i = 0; i < COUNT_OF(servers) * COUNT_OF(formats); i++) {
        const struct format *format = &formats[i / 2];
        struct record record;
        wsline_app *app = app_for(servers[i % 2], format, "kind=zeros&size=900000&n=3",
                                  inflating(format->mode), &record);

        check_row(format->name);
        app_listen(app, "f", &record);
        CHECK_OK(wsline_app_start(app));
        for (unsigned count = 1; !has_bytes(&record, 3 * 900000); count++)
            REQUIRE(record_wait(&record, 'f', count));
        end_app(app);
        CHECK_INT(3 * 900000, record.bytes);
        CHECK_RANGE(3 * 13, 1000, record_count(&record, 'f'));
        CHECK(record.message.flags & WSLINE_MESSAGE_INFLATED);
        CHECK(record.message.flags & WSLINE_MESSAGE_LAST);
    }
}

/* Each connection begins a new stream. */
static void an_app_begins_a_new_stream_when_it_reconnects(void) {
    for (size_t i = 0; i < 2 * COUNT_OF(servers); i++) {
        size_t size = 1000;
        struct record record;
        wsline_options *options = inflating(WSLINE_INFLATE_STREAM);
        wsline_app *app;

        check_row(i / 2 ? "unfinished" : "whole");
        app_reconnect(options, 10, 10, 1, 0, 0);
        /* In the second case, each connection also ends within a message that was not flushed. */
        app = app_for(servers[i % 2], &formats[COUNT_OF(formats) - 1],
                      i / 2 ? "size=1000&n=3&cut=2&then=fin" : "size=1000&n=2&then=fin", options,
                      &record);
        record.then = check_inside;
        record.more = &size;
        CHECK_OK(wsline_app_start(app));
        REQUIRE(record_wait(&record, 'm', 10));
        CHECK_RANGE(4, 1000, record_count(&record, 'r'));
        CHECK_OK(wsline_app_abort(app));
        CHECK(wsline_app_join(app, WAIT_MS) != WSLINE_ERR_TIMEOUT);
        wsline_app_free(app);
        CHECK_INT(1000 * record_count(&record, 'm'), record.bytes);
        CHECK_STATUS(WSLINE_ERR_CONNECTION_LOST, record.error.status);
    }
}

static void an_app_reports_a_broken_message(void) {
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        struct record record;
        wsline_app *app =
            app_for(servers[i], &formats[0], "n=2&cut=1", inflating(formats[0].mode), &record);

        CHECK_STATUS(WSLINE_ERR_INVALID_PAYLOAD, wsline_app_run(app));
        CHECK_TEXT("omec", record.order);
        CHECK_HAS("gzip message that cannot be inflated: it is truncated", record.error_text);
        CHECK_INT(1007, record.error.close_code);
        wsline_app_free(app);
    }
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(an_app_receives_them_with_each_callback),
        TEST(an_app_receives_parts),
        TEST(an_app_begins_a_new_stream_when_it_reconnects),
        TEST(an_app_reports_a_broken_message),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
