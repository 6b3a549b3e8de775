/* SPDX-License-Identifier: Apache-2.0 */
/* What may be called inside every callback of an app, for the same app. */
#include "app.h"

static void do_nothing(wsline_app *app, void *userdata) {
    (void)app;
    (void)userdata;
}

static wsline_status pause_and_resume(wsline_app *app) {
    CHECK_OK(wsline_app_pause(app));
    return wsline_app_resume(app);
}

static wsline_status reconnect(wsline_app *app) {
    return wsline_app_reconnect(app, WSLINE_CLOSE_GOING_AWAY, NULL);
}

static wsline_status set_url(wsline_app *app) {
    char url[PEER_URL_MAX];

    peer_url(url, "WEBSOCKETS", "/");
    return wsline_app_set_url(app, url);
}

static wsline_status set_options(wsline_app *app) { return wsline_app_set_options(app, NULL); }

static wsline_status post(wsline_app *app) { return wsline_app_post(app, do_nothing, NULL, NULL); }

static wsline_status post_and_cancel(wsline_app *app) {
    uint64_t id;

    CHECK_OK(wsline_app_post_after(app, 60000, do_nothing, NULL, NULL, &id));
    return wsline_app_cancel_post(app, id);
}

/* It would wait for the thread that calls it. */
static wsline_status flush(wsline_app *app) {
    CHECK_STATUS(WSLINE_ERR_WRONG_STATE, wsline_app_flush(app, WSLINE_FOREVER));
    return WSLINE_OK;
}

/* Without a connection it waits for the next one. */
static wsline_status send_text(wsline_app *app) {
    return wsline_app_send_text(app, "inside", WSLINE_NUL_TERMINATED);
}

/* Releases the userdata of the callback that is running. */
static wsline_status remove_callbacks(wsline_app *app) {
    static const wsline_app_callbacks none;

    return wsline_app_set_callbacks(app, &none, NULL, NULL);
}

static const struct action {
    const char *name;
    wsline_status (*act)(wsline_app *app);
} actions[] = {
    {"pause", wsline_app_pause},
    {"pause, resume", pause_and_resume},
    {"reconnect", reconnect},
    {"set_url", set_url},
    {"set_options", set_options},
    {"post", post},
    {"post_after, cancel_post", post_and_cancel},
    {"flush", flush},
    {"send_text", send_text},
    {"proceed", wsline_app_proceed},
    {"set_callbacks", remove_callbacks},
};

/* The action and the callback in which it is taken. */
struct inside {
    const struct action *action;
    char letter;
    bool is_done;
};

static void act(struct record *record, wsline_app *app, char letter) {
    struct inside *inside = record->more;

    if (letter == 'o') CHECK_OK(wsline_app_send_text(app, "hello", WSLINE_NUL_TERMINATED));
    if (letter == 'o' && inside->letter == 'w')
        while (wsline_app_send_text(app, "more", 4) != WSLINE_ERR_WOULD_BLOCK) continue;
    if (letter == inside->letter && !inside->is_done) {
        inside->is_done = true;
        CHECK_OK(inside->action->act(app));
        record_note(record, NULL, '!');
    } else if (letter == 'm' && strchr("cr", inside->letter) != NULL) {
        CHECK_OK(wsline_app_reconnect(app, WSLINE_CLOSE_NORMAL, NULL));
    }
}

static void record_messages(wsline_app *app, const wsline_message *messages, size_t count,
                            void *userdata) {
    CHECK(count > 0 && messages[0].data != NULL);
    record_note(userdata, app, 'M');
}

static void take(const struct action *action, const char *peer, const char *path, char letter) {
    struct record record;
    struct inside inside = {.action = action, .letter = letter};
    wsline_options *options = app_reconnecting();
    wsline_app *app;

    check_row(action->name);
    REQUIRE_OK(wsline_options_set_ping(options, 10, 5000));
    REQUIRE_OK(wsline_options_set_keep_unsent_ms(options, WSLINE_FOREVER));
    if (letter == 'w') {
        /* The queue is full soon, and drains soon. */
        REQUIRE_OK(wsline_options_set_send_rate(options, 20, 20));
        REQUIRE_OK(wsline_options_set_max_send_queue_bytes(options, 400));
    }
    app = app_make(peer, path, options, &record);
    wsline_options_free(options);
    /* on_data and on_part are recorded only for their own tests. */
    if (letter == 'd') app_listen(app, "d", &record);
    if (letter == 'f') app_listen(app, "f", &record);
    if (letter == 'M') CHECK_OK(wsline_app_on_messages(app, record_messages, &record, NULL));
    record.then = act;
    record.more = &inside;
    CHECK_OK(wsline_app_start(app));
    CHECK(record_wait(&record, '!', 1));
    /* The app keeps running, and can be aborted. */
    CHECK(wsline_app_is_running(app));
    CHECK_OK(wsline_app_abort(app));
    CHECK_STATUS(WSLINE_ERR_ABORTED, wsline_app_join(app, WAIT_MS));
    wsline_app_free(app);
}

static void take_all(const char *peer, const char *path, char letter) {
    for (size_t i = 0; i < COUNT_OF(actions); i++) take(&actions[i], peer, path, letter);
}

static void on_open(void) { take_all("WEBSOCKETS", "/", 'o'); }
static void on_open_with_tls(void) { take_all("WEBSOCKETS_TLS", "/", 'o'); }
static void on_message(void) { take_all("WEBSOCKETS", "/", 'm'); }
static void on_message_with_tls(void) { take_all("WEBSOCKETS_TLS", "/", 'm'); }
static void on_data(void) { take_all("WEBSOCKETS", "/", 'd'); }
static void on_part(void) { take_all("WEBSOCKETS", "/", 'f'); }
static void on_messages(void) { take_all("WEBSOCKETS", "/", 'M'); }
static void on_drain(void) { take_all("WEBSOCKETS", "/", 'w'); }
static void on_ping(void) { take_all("WEBSOCKETS", "/ping", 'i'); }
static void on_pong(void) { take_all("WEBSOCKETS", "/", 'p'); }
static void on_close(void) { take_all("WEBSOCKETS", "/", 'c'); }
static void on_reconnect(void) { take_all("WEBSOCKETS", "/", 'r'); }
static void on_error(void) { take_all("FAULTS", "/status?code=503", 'e'); }
static void on_error_of_a_connection(void) { take_all("FAULTS", "/eof-after-101", 'e'); }

static const struct test tests[] = {
    TEST(on_open),     TEST(on_open_with_tls), TEST(on_message), TEST(on_message_with_tls),
    TEST(on_data),     TEST(on_part),          TEST(on_ping),    TEST(on_pong),
    TEST(on_close),    TEST(on_reconnect),     TEST(on_error),   TEST(on_error_of_a_connection),
    TEST(on_messages), TEST(on_drain),
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, COUNT_OF(tests)); }
