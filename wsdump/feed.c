/* SPDX-License-Identifier: Apache-2.0 */
/* Sends the messages of the command line and non-interactive input, in order and on time. */
#include "feed.h"

#include "clock.h"
#include "commands.h"
#include "input.h"
#include "send.h"

static const struct settings *settings;
static size_t next_item;
/* The next piece of input. */
static bool has_piece;
static const char *piece;
static size_t piece_len;
static bool has_sent;
static int64_t due_at; /* when the next message may be sent */

void feed_begin(const struct settings *new_settings) {
    settings = new_settings;
    input_set_chunk_size((size_t)new_settings->chunk_bytes);
}

void feed_rewind(void) { next_item = 0; }

static bool has_items(void) { return next_item < settings->item_count; }

static bool has_next(const wsline_app *app) {
    return has_items() || (has_piece && send_has_room(app));
}

static bool send_next(wsline_app *app) {
    if (has_items()) {
        const struct item *item = &settings->items[next_item++];
        return send_payload(app, item->opcode, item->data, item->len);
    }
    bool is_sent = settings->chunk_bytes > 0
                       ? send_payload(app, WSLINE_OPCODE_BINARY, piece, piece_len)
                       : command_or_message(app, settings, piece, piece_len);
    has_piece = input_next(&piece, &piece_len);
    return is_sent;
}

bool feed_send(wsline_app *app) {
    bool all = true;

    if (!wsline_app_is_open(app)) return true;
    while (has_next(app) && clock_us() >= due_at) {
        if (send_next(app))
            has_sent = true;
        else
            all = false;
        due_at = clock_in_ms(settings->delay_ms);
    }
    return all;
}

int64_t feed_due_at(const wsline_app *app) {
    return wsline_app_is_open(app) && has_next(app) ? due_at : NEVER;
}

bool feed_wants_input(const wsline_app *app) {
    return !has_piece && !input_is_over() && send_has_room(app);
}

void feed_read(void) {
    input_read();
    has_piece = input_next(&piece, &piece_len);
}

bool feed_is_over(void) { return !has_items() && !has_piece && input_is_over(); }

bool feed_has_sent(void) { return has_sent; }
