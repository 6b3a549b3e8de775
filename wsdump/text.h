/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_TEXT_H
#define WSDUMP_TEXT_H

#include "settings.h"

/* See output.h. */
void text_begin(const struct settings *settings, bool is_terminal, bool is_interactive);
void text_open(const wsline_app *app);
void text_message(const wsline_message *message, int64_t round_trip_us);
void text_close(const wsline_close_info *info);

#endif
