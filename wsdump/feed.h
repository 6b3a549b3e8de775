/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_FEED_H
#define WSDUMP_FEED_H

#include "settings.h"

/* Sends the messages of the command line, then standard input, no faster than --delay allows. Lines
 * edited on a terminal do not pass through here. */
void feed_begin(const struct settings *settings);

/* Call it when a connection has opened, to send the messages of the command line again. */
void feed_rewind(void);

/* Sends what is due; false if something could not be sent, after an error message. */
bool feed_send(wsline_app *app);

/* When to call feed_send() next; NEVER if that depends on other events. */
int64_t feed_due_at(const wsline_app *app);

/* Whether to poll standard input and call feed_read() when it is readable. */
bool feed_wants_input(const wsline_app *app);
void feed_read(void);

/* Whether everything has been sent and standard input has ended. */
bool feed_is_over(void);

/* Whether anything has been sent. */
bool feed_has_sent(void);

#endif
