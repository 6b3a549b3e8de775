/* SPDX-License-Identifier: Apache-2.0 */
/* Records events, so that a test can inspect them. */
#ifndef WSLINE_TESTS_EVENT_LOG_H
#define WSLINE_TESTS_EVENT_LOG_H

#include "check.h"

#include <pthread.h>
#include <sys/types.h>

enum { ORDER_MAX = 256, TEXT_MAX = 512, KINDS = 10 };

/* One letter for each kind: connecting, address, failed address, open, failed connect, ping, pong,
 * end, wait. */
static const char letters[KINDS + 1] = "?CafOXipEw";

struct log {
    pthread_mutex_t lock;
    char order[ORDER_MAX];
    /* The last event of each kind, and copies of what it pointed to. */
    struct seen {
        wsline_event event;
        char url[TEXT_MAX], address[TEXT_MAX], text[TEXT_MAX];
        wsline_error_info error;
        wsline_timings timings;
        wsline_stats stats;
        wsline_close_info close;
    } seen[KINDS];
    unsigned released;
    /* Called in each event, after it was recorded. */
    void (*then)(struct log *log, const wsline_event *event);
    wsline_app *app;
    pid_t forked;
};

static inline void copy_text(char copy[TEXT_MAX], const char *text) {
    snprintf(copy, TEXT_MAX, "%s", text == NULL ? "" : text);
}

static inline void note(const wsline_event *event, void *userdata) {
    struct log *log = userdata;
    struct seen *seen;
    size_t len;

    pthread_mutex_lock(&log->lock);
    CHECK_INT(sizeof *event, event->size);
    CHECK_RANGE(1, KINDS - 1, event->kind);
    CHECK((event->conn == NULL) != (event->app == NULL));
    seen = &log->seen[event->kind];
    seen->event = *event;
    copy_text(seen->url, event->url);
    copy_text(seen->address, event->address);
    copy_text(seen->text, event->error == NULL ? NULL : event->error->message);
    if (event->error != NULL) seen->error = *event->error;
    if (event->timings != NULL) seen->timings = *event->timings;
    if (event->close_info != NULL) seen->close = *event->close_info;
    seen->stats = *event->stats;
    len = strlen(log->order);
    if (len + 1 < sizeof log->order) log->order[len] = letters[event->kind];
    pthread_mutex_unlock(&log->lock);
    if (log->then != NULL) log->then(log, event);
}

static inline void release(void *userdata) { ((struct log *)userdata)->released++; }

static inline const struct seen *seen(const struct log *log, enum wsline_event_kind kind) {
    return &log->seen[kind];
}

static inline wsline_options *observed(wsline_options *options, struct log *log) {
    memset(log, 0, sizeof *log);
    pthread_mutex_init(&log->lock, NULL);
    CHECK_OK(wsline_options_set_event_callback(options, note, log, release));
    return options;
}

#endif
