/* SPDX-License-Identifier: Apache-2.0 */
/* Apps and loops that are freed at any place and time. */
#include "app.h"

/* The userdata of every callback is released exactly once, and no callback is called afterwards. */
static void check_silence(struct record *record, unsigned callbacks) {
    const char *released = strchr(record->order, 'x');

    CHECK_INT(callbacks, record_count(record, 'x'));
    CHECK(released != NULL && strspn(released, "x") == strlen(released));
}

static void free_at(struct record *record, wsline_app *app, char letter) {
    const char *at = record->more;

    if (letter == *at) {
        record->then = NULL;
        wsline_app_free(app);
        return;
    }
    if (letter == 'o') {
        /* The server may have closed some of them already. */
        wsline_app_ping(app, "x", 1);
        wsline_app_send_text(app, "x", 1);
    }
    if (letter == 'm') CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
}

static wsline_app *make_to_be_freed(const char *peer, const char *path, const char *listen,
                                    const char *letter, struct record *record) {
    wsline_app *app = app_make(peer, path, NULL, record);

    app_listen(app, listen, record);
    record->then = free_at;
    record->more = (void *)(uintptr_t)letter;
    return app;
}

static void an_app_is_freed_in_each_of_its_callbacks(void) {
    /* Where each callback can be triggered. */
    static const struct {
        const char *letter, *peer, *path;
        const char *listen;   /* events to record in addition to the usual ones */
        wsline_status status; /* the final status; an earlier cause precedes the free */
    } rows[] = {
        {"o", "WEBSOCKETS", "", "d", WSLINE_ERR_ABORTED},
        {"m", "WEBSOCKETS", "", "d", WSLINE_ERR_ABORTED},
        {"d", "WEBSOCKETS", "", "d", WSLINE_ERR_ABORTED},
        {"f", "WEBSOCKETS", "", "df", WSLINE_ERR_ABORTED},
        {"i", "WEBSOCKETS", "/ping", "d", WSLINE_ERR_ABORTED},
        {"p", "WEBSOCKETS", "", "d", WSLINE_ERR_ABORTED},
        {"c", "WEBSOCKETS", "", "d", WSLINE_OK},
        {"c", "FAULTS", "/rst-after-101", "d", WSLINE_ERR_CONNECTION_LOST},
        {"e", "FAULTS", "/rst-after-101", "d", WSLINE_ERR_CONNECTION_LOST},
        {"e", "FAULTS", "/status?code=500", "d", WSLINE_ERR_HTTP_STATUS},
        {"o", "WEBSOCKETS_TLS", "", "d", WSLINE_ERR_ABORTED},
        {"m", "WEBSOCKETS_TLS", "", "d", WSLINE_ERR_ABORTED},
        {"m", "WEBSOCKETS", "/push?n=100&size=10", "d", WSLINE_ERR_ABORTED},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned callbacks = 8 + (unsigned)strlen(rows[i].listen);
        wsline_loop *loop = NULL;
        struct record record;
        wsline_app *app;

        check_row(rows[i].letter);
        app = make_to_be_freed(rows[i].peer, rows[i].path, rows[i].listen, rows[i].letter, &record);
        CHECK_STATUS(rows[i].status, wsline_app_run(app));
        CHECK_INT(1, record_count(&record, rows[i].letter[0]));
        check_silence(&record, callbacks);

        app = make_to_be_freed(rows[i].peer, rows[i].path, rows[i].listen, rows[i].letter, &record);
        CHECK_OK(wsline_app_start(app));
        CHECK(record_wait(&record, 'x', callbacks));

        REQUIRE_OK(wsline_loop_new(&loop));
        app = make_to_be_freed(rows[i].peer, rows[i].path, rows[i].listen, rows[i].letter, &record);
        CHECK_OK(wsline_loop_add(loop, app));
        CHECK_OK(wsline_loop_run(loop));
        check_silence(&record, callbacks);
        wsline_loop_free(loop);
    }
}

static void send_back(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'o' || letter == 'm')
        wsline_app_send_text(app, "round and round", WSLINE_NUL_TERMINATED);
}

static void an_app_is_freed_while_its_thread_is_busy(void) {
    size_t rounds = check_scaled(200, 20);

    for (size_t i = 0; i < rounds; i++) {
        struct record record;
        wsline_app *app = app_make("WEBSOCKETS", "", NULL, &record);

        record.then = send_back;
        CHECK_OK(wsline_app_start(app));
        if (i % 4 != 0) REQUIRE(record_wait(&record, 'm', (unsigned)i % 8));
        wsline_app_free(app);
        /* Nothing is running any more, so the record could be freed. */
        CHECK_INT(8, record_count(&record, 'x'));
    }
}

static void an_app_is_freed_in_every_phase(void) {
    static const struct {
        const char *peer, *path;
    } rows[] = {
        {"FAULTS", "/stall"},               /* open and idle */
        {"FAULTS", "/no-answer"},           /* connecting */
        {"WEBSOCKETS", "/status?code=503"}, /* waiting for the next attempt */
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record record;
        wsline_options *options = peer_options();
        wsline_app *app;
        struct stopwatch start;

        check_row(rows[i].path);
        app_reconnect(options, 60000, 60000, 1, 0, 0);
        app = app_make(rows[i].peer, rows[i].path, options, &record);
        wsline_options_free(options);
        CHECK_OK(wsline_app_start(app));
        if (i == 0) REQUIRE(record_wait(&record, 'o', 1));
        if (i == 2) REQUIRE(record_wait(&record, 'e', 1));
        start = stopwatch_start();
        wsline_app_free(app);
        CHECK_TOOK(0, start);
        CHECK_INT(8, record_count(&record, 'x'));
    }
}

static void an_app_that_never_ran_is_freed(void) {
    struct record record;

    wsline_app_free(app_make("WEBSOCKETS", "", NULL, &record));
    CHECK_INT(8, record_count(&record, 'x'));
}

static void free_the_loop(struct record *record, wsline_app *app, char letter) {
    (void)app;
    if (letter == 'o') wsline_loop_free(record->more);
}

static void a_loop_is_freed_in_a_callback(void) {
    struct record record;
    wsline_loop *loop = NULL;
    wsline_app *app = app_make("WEBSOCKETS", "", NULL, &record);

    REQUIRE_OK(wsline_loop_new(&loop));
    record.then = free_the_loop;
    record.more = loop;
    CHECK_OK(wsline_loop_add(loop, app));
    CHECK_OK(wsline_loop_run(loop));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, 0));
    CHECK_TEXT("o", record.order);
    wsline_app_free(app);
}

static void a_loop_is_freed_before_its_apps_and_after(void) {
    struct record record;
    wsline_loop *loop = NULL;
    wsline_app *app = app_make("WEBSOCKETS", "", NULL, &record);

    /* Never driven. */
    REQUIRE_OK(wsline_loop_new(&loop));
    CHECK_OK(wsline_loop_add(loop, app));
    CHECK_STATUS(WSLINE_ERR_BUSY, wsline_app_run(app));
    wsline_loop_free(loop);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, 0));

    /* While a connection is open. */
    REQUIRE_OK(wsline_loop_new(&loop));
    CHECK_OK(wsline_loop_add(loop, app));
    while (record_count(&record, 'o') == 0) CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    wsline_loop_free(loop);
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, 0));

    /* The app is freed first; its loop notices. */
    REQUIRE_OK(wsline_loop_new(&loop));
    CHECK_OK(wsline_loop_add(loop, app));
    while (record_count(&record, 'o') == 1) CHECK_OK(wsline_loop_run_once(loop, WAIT_MS));
    wsline_app_free(app);
    CHECK_INT(8, record_count(&record, 'x'));
    CHECK_OK(wsline_loop_run(loop));
    wsline_loop_free(loop);
    wsline_loop_free(NULL);
    CHECK_TEXT("oo", strtok(record.order, "x"));
}

static void never_called(wsline_loop *loop, void *userdata) {
    (void)loop;
    (void)userdata;
    CHECK(false);
}

static void posts_are_released_with_the_loop(void) {
    struct record record;
    wsline_loop *loop = NULL;

    record_init(&record);
    REQUIRE_OK(wsline_loop_new(&loop));
    CHECK_OK(wsline_loop_post(loop, never_called, &record, record_release));
    wsline_loop_free(loop);
    CHECK_INT(1, record_count(&record, 'x'));
    CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT,
                 wsline_loop_post(NULL, never_called, &record, record_release));
    CHECK_INT(2, record_count(&record, 'x'));
}

static const struct test tests[] = {
    TEST(an_app_is_freed_in_each_of_its_callbacks),
    TEST(an_app_is_freed_while_its_thread_is_busy),
    TEST(an_app_is_freed_in_every_phase),
    TEST(an_app_that_never_ran_is_freed),
    TEST(a_loop_is_freed_in_a_callback),
    TEST(a_loop_is_freed_before_its_apps_and_after),
    TEST(posts_are_released_with_the_loop),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
