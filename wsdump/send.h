/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_SEND_H
#define WSDUMP_SEND_H

#include "settings.h"

/* Each of these is false after a complaint that something could not be sent. */

/* A message or a ping. */
bool send_payload(wsline_app *app, int32_t opcode, const void *data, size_t len);

/* What the command line asks for at the beginning of a connection. */
bool send_items(wsline_app *app, const struct settings *settings);

/* A message of the type that was chosen on the command line. */
bool send_message(wsline_app *app, const struct settings *settings, const void *data, size_t len);

#endif
