/* SPDX-License-Identifier: Apache-2.0 */
/* An app that records its callbacks, so that a test can wait for them and inspect them. */
#ifndef WSLINE_TESTS_APP_H
#define WSLINE_TESTS_APP_H

#include "clock.h"
#include "peer.h"

/* One letter for each callback, in the order of wsline.h. */
enum { APP_CALLBACKS = 10, APP_ORDER_MAX = 512 };
static const char app_letters[] = "ormdfipecw";

struct record {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char order[APP_ORDER_MAX]; /* "omc": on_open, on_message, on_close */
    unsigned counts[256];      /* indexed by letter; 'x' counts released userdata */
    /* The arguments of the latest callbacks. */
    wsline_error_info error;
    char error_text[256];
    wsline_close_info close;
    char reason[128];
    char text[256]; /* the start of the last payload */
    wsline_message message;
    uint64_t bytes; /* of all messages */
    int64_t at_ms;
    /* Called in each callback after it was recorded, but not when userdata is released. */
    void (*then)(struct record *record, wsline_app *app, char letter);
    void *more; /* the argument of `then` */
};

static inline void record_init(struct record *record) {
    pthread_condattr_t monotonic;

    memset(record, 0, sizeof *record);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&record->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&record->lock, NULL);
}

static inline void record_note(struct record *record, wsline_app *app, char letter) {
    void (*then)(struct record *, wsline_app *, char);
    size_t len;

    pthread_mutex_lock(&record->lock);
    /* Returns the count under the lock. After the last release, the test may reuse the record. */
    then = app == NULL ? NULL : record->then;
    len = strlen(record->order);
    if (len + 1 < sizeof record->order) record->order[len] = letter;
    record->counts[(unsigned char)letter]++;
    record->at_ms = clock_ms();
    pthread_cond_broadcast(&record->changed);
    pthread_mutex_unlock(&record->lock);
    if (then != NULL) then(record, app, letter);
}

static inline unsigned record_count(struct record *record, char letter) {
    unsigned count;

    pthread_mutex_lock(&record->lock);
    count = record->counts[(unsigned char)letter];
    pthread_mutex_unlock(&record->lock);
    return count;
}

/* Waits until a callback has been called this often; false if that takes too long. */
static inline bool record_wait(struct record *record, char letter, unsigned count) {
    struct timespec end;
    int result = 0;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock(&record->lock);
    while (record->counts[(unsigned char)letter] < count && result == 0)
        result = pthread_cond_timedwait(&record->changed, &record->lock, &end);
    pthread_mutex_unlock(&record->lock);
    return result == 0;
}

static inline void record_open(wsline_app *app, void *userdata) { record_note(userdata, app, 'o'); }

static inline void record_reconnect(wsline_app *app, void *userdata) {
    record_note(userdata, app, 'r');
}

static inline void record_drain(wsline_app *app, void *userdata) {
    record_note(userdata, app, 'w');
}

static inline void record_any(struct record *record, wsline_app *app, const wsline_message *message,
                              char letter) {
    pthread_mutex_lock(&record->lock);
    record->message = *message;
    record->bytes += message->len;
    snprintf(record->text, sizeof record->text, "%s", (const char *)message->data);
    CHECK_INT(0, message->data[message->len]);
    pthread_mutex_unlock(&record->lock);
    record_note(record, app, letter);
}

static inline void record_message(wsline_app *app, const wsline_message *message, void *userdata) {
    record_any(userdata, app, message, 'm');
}

static inline void record_data(wsline_app *app, const wsline_message *message, void *userdata) {
    record_any(userdata, app, message, 'd');
}

static inline void record_part(wsline_app *app, const wsline_message *message, void *userdata) {
    record_any(userdata, app, message, 'f');
}

static inline void record_ping(wsline_app *app, const wsline_message *message, void *userdata) {
    record_any(userdata, app, message, 'i');
}

static inline void record_pong(wsline_app *app, const wsline_message *message, void *userdata) {
    record_any(userdata, app, message, 'p');
}

static inline void record_error(wsline_app *app, const wsline_error_info *info, void *userdata) {
    struct record *record = userdata;

    pthread_mutex_lock(&record->lock);
    record->error = *info;
    snprintf(record->error_text, sizeof record->error_text, "%s", info->message);
    record->error.message = record->error_text;
    pthread_mutex_unlock(&record->lock);
    record_note(record, app, 'e');
}

static inline void record_close(wsline_app *app, const wsline_close_info *info, void *userdata) {
    struct record *record = userdata;

    pthread_mutex_lock(&record->lock);
    record->close = *info;
    snprintf(record->reason, sizeof record->reason, "%s", info->reason);
    record->close.reason = record->reason;
    pthread_mutex_unlock(&record->lock);
    record_note(record, app, 'c');
}

static inline void record_release(void *userdata) { record_note(userdata, NULL, 'x'); }

/* Registers the callbacks with these letters. */
static inline void app_listen(wsline_app *app, const char *letters, struct record *record) {
    for (; *letters != '\0'; letters++) {
        wsline_status status = WSLINE_ERR_INVALID_ARGUMENT;

        switch (*letters) {
        case 'o':
            status = wsline_app_on_open(app, record_open, record, record_release);
            break;
        case 'r':
            status = wsline_app_on_reconnect(app, record_reconnect, record, record_release);
            break;
        case 'm':
            status = wsline_app_on_message(app, record_message, record, record_release);
            break;
        case 'd':
            status = wsline_app_on_data(app, record_data, record, record_release);
            break;
        case 'f':
            status = wsline_app_on_part(app, record_part, record, record_release);
            break;
        case 'i':
            status = wsline_app_on_ping(app, record_ping, record, record_release);
            break;
        case 'p':
            status = wsline_app_on_pong(app, record_pong, record, record_release);
            break;
        case 'e':
            status = wsline_app_on_error(app, record_error, record, record_release);
            break;
        case 'c':
            status = wsline_app_on_close(app, record_close, record, record_release);
            break;
        case 'w':
            status = wsline_app_on_drain(app, record_drain, record, record_release);
            break;
        default:
            break;
        }
        CHECK_OK(status);
    }
}

/* An app for a path of a peer; `options` may be NULL. Records all callbacks except those for data
 * and fragments. */
static inline wsline_app *app_make(const char *peer, const char *path,
                                   const wsline_options *options, struct record *record) {
    char url[PEER_URL_MAX];
    wsline_app *app = NULL;
    wsline_options *own = options == NULL ? peer_options() : NULL;

    peer_url(url, peer, path);
    record_init(record);
    CHECK_OK(wsline_app_new(url, options == NULL ? own : options, &app));
    wsline_options_free(own);
    REQUIRE(app != NULL);
    app_listen(app, "ormipecw", record);
    return app;
}

/* Closes the connection, waits until the app has ended without an error, and frees it. */
static inline void end_app(wsline_app *app) {
    CHECK_OK(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
    wsline_app_free(app);
}

/* Sets every parameter of reconnecting. */
static inline void app_reconnect(wsline_options *options, int64_t initial_ms, int64_t max_ms,
                                 double multiplier, double jitter, uint64_t attempts) {
    REQUIRE_OK(wsline_options_set_reconnect(options, true));
    REQUIRE_OK(wsline_options_set_reconnect_delay_ms(options, initial_ms, max_ms));
    REQUIRE_OK(wsline_options_set_reconnect_backoff(options, multiplier, jitter));
    REQUIRE_OK(wsline_options_set_reconnect_max_attempts(options, attempts));
}

/* Options with which an app reconnects immediately, without limit. */
static inline wsline_options *app_reconnecting(void) {
    wsline_options *options = peer_options();

    app_reconnect(options, 10, 1000, 1.5, 0.5, 0);
    return options;
}

#endif
