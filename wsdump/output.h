/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_OUTPUT_H
#define WSDUMP_OUTPUT_H

#include "settings.h"

/* Shows what happens, as text or as JSON. Lines for standard output are gathered until
 * output_flush(). */
void output_begin(const struct settings *settings);

void output_open(const wsline_app *app);
/* `round_trip_us` is -1 where it is not known. */
void output_message(const wsline_message *message, int64_t round_trip_us);
/* With what the server said when it refused; `app` may be NULL. */
void output_error(const wsline_app *app, const wsline_error_info *info);
void output_close(const wsline_close_info *info);

/* After each turn of the loop: all is on its way, and the line that is being edited is back on the
 * screen. False if standard output takes no more. */
bool output_flush(void);

/* Whether lines are edited on a terminal, with a prompt. */
bool output_is_interactive(void);

#endif
