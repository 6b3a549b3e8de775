/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_OUTPUT_H
#define WSDUMP_OUTPUT_H

#include "settings.h"

/* Shows events, as text or as JSON. Standard output is buffered until output_flush(). */
void output_begin(const struct settings *settings);

void output_open(const wsline_app *app);
/* `round_trip_us` is -1 if unknown. */
void output_message(const wsline_message *message, int64_t round_trip_us);
/* Also shows the body of a response that rejected the upgrade; `app` may be NULL. */
void output_error(const wsline_app *app, const wsline_error_info *info);
void output_close(const wsline_close_info *info);

/* Flushes standard output and shows the edited line again; call it after each turn of the loop.
 * False if standard output cannot be written. */
bool output_flush(void);

/* Whether lines are edited on a terminal, with a prompt. */
bool output_is_interactive(void);

#endif
