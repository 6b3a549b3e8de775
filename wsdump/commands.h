/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_COMMANDS_H
#define WSDUMP_COMMANDS_H

#include "settings.h"

/* Sends a line of input or, with --slash, runs the command "/name value"; false after an error
 * message. */
bool command_or_message(wsline_app *app, const struct settings *settings, const char *line,
                        size_t len);

#endif
