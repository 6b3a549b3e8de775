/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_SEND_H
#define WSDUMP_SEND_H

#include "settings.h"

/* Whether the send queue is short enough to read more input. */
bool send_has_room(const wsline_app *app);

/* Sends a message or a ping; false if it could not be sent, after an error message. */
bool send_payload(wsline_app *app, int32_t opcode, const void *data, size_t len);

/* Sends a message as text, or as binary with --binary; false as above. */
bool send_message(wsline_app *app, const struct settings *settings, const void *data, size_t len);

#endif
