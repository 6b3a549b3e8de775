/* SPDX-License-Identifier: Apache-2.0 */
/* Apps that keep unsent messages for the next connection, and numbered messages to send. */
#ifndef WSLINE_TESTS_KEEP_H
#define WSLINE_TESTS_KEEP_H

#include "app.h"

/* The last is what a waiting message counts towards the limit. */
enum { MESSAGE_BYTES = 1000, FRAME_BYTES = MESSAGE_BYTES + 8, COST = MESSAGE_BYTES + 128 };

static inline wsline_options *keeping(int64_t max_age_ms) {
    wsline_options *options = app_reconnecting();

    REQUIRE_OK(wsline_options_set_keep_unsent_ms(options, max_age_ms));
    return options;
}

/* A message that begins with its number. */
static inline wsline_status send_number(wsline_app *app, unsigned number) {
    char text[MESSAGE_BYTES + 1];

    memset(text, '.', MESSAGE_BYTES);
    text[MESSAGE_BYTES] = '\0';
    text[sprintf(text, "%u", number)] = ' ';
    return wsline_app_send_text(app, text, MESSAGE_BYTES);
}

/* An app with an open connection; frees the options. */
static inline wsline_app *app_open(const char *peer, const char *path, wsline_options *options,
                                   struct record *record) {
    wsline_app *app = app_make(peer, path, options, record);

    wsline_options_free(options);
    CHECK_OK(wsline_app_start(app));
    REQUIRE(record_wait(record, 'o', 1));
    return app;
}

#endif
