/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_COMMANDS_H
#define WSDUMP_COMMANDS_H

#include "settings.h"

/* Does what a line "/name value" says; false after a complaint. */
bool command_run(wsline_app *app, const struct settings *settings, const char *line);

#endif
