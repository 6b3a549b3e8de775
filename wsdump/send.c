/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and pings. */
#include "send.h"

#include "notice.h"
#include "round_trip.h"
#include "values.h"

bool send_payload(wsline_app *app, int32_t opcode, const void *data, size_t len) {
    if (wsline_app_send(app, opcode, data, len) != WSLINE_OK) {
        complain("not sent: %s", value_library_fault());
        return false;
    }
    if (opcode == WSLINE_OPCODE_PING) round_trip_begin(data, len);
    return true;
}

bool send_items(wsline_app *app, const struct settings *settings) {
    bool all = true;
    for (size_t i = 0; i < settings->item_count; i++) {
        const struct item *item = &settings->items[i];
        if (!send_payload(app, item->opcode, item->data, item->len)) all = false;
    }
    return all;
}

bool send_message(wsline_app *app, const struct settings *settings, const void *data, size_t len) {
    return send_payload(app, settings->binary ? WSLINE_OPCODE_BINARY : WSLINE_OPCODE_TEXT, data,
                        len);
}
