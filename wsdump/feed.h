/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_FEED_H
#define WSDUMP_FEED_H

#include "settings.h"

/* Sends what the command line names, then standard input, no faster than --delay says. Where lines
 * are edited on a terminal they do not pass through here. */
void feed_begin(const struct settings *settings);

/* A connection has opened: what the command line names is sent again. */
void feed_rewind(void);

/* Sends what is due; false after a complaint that something could not be sent. */
bool feed_send(wsline_app *app);

/* When feed_send() has something to do again; NEVER if that depends on other events. */
int64_t feed_due_at(const wsline_app *app);

/* Whether standard input shall be watched, and feed_read() be called when it is readable. */
bool feed_wants_input(const wsline_app *app);
void feed_read(void);

/* Whether all has been sent, and standard input is at its end. */
bool feed_is_over(void);

#endif
