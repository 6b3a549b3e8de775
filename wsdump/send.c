/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and pings. */
#include "send.h"

#include "notice.h"
#include "round_trip.h"
#include "values.h"

enum { MOST_UNSENT = 1 << 20 }; /* bytes */

bool send_has_room(const wsline_app *app) { return wsline_app_send_queue_bytes(app) < MOST_UNSENT; }

bool send_payload(wsline_app *app, int32_t opcode, const void *data, size_t len) {
    if (wsline_app_send(app, opcode, data, len) != WSLINE_OK) {
        complain("not sent: %s", value_library_error());
        return false;
    }
    if (opcode == WSLINE_OPCODE_PING) round_trip_begin(data, len);
    return true;
}

bool send_message(wsline_app *app, const struct settings *settings, const void *data, size_t len) {
    return send_payload(app, settings->binary ? WSLINE_OPCODE_BINARY : WSLINE_OPCODE_TEXT, data,
                        len);
}
