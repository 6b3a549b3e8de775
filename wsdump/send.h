/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_SEND_H
#define WSDUMP_SEND_H

#include "settings.h"

/* Whether so little waits to be sent that input may be read. */
bool send_has_room(const wsline_app *app);

/* Sends a message or a ping; false after a complaint that it could not be sent. */
bool send_payload(wsline_app *app, int32_t opcode, const void *data, size_t len);

/* The same for a message of the type that was chosen on the command line. */
bool send_message(wsline_app *app, const struct settings *settings, const void *data, size_t len);

#endif
