/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_EOF_WAIT_H
#define WSDUMP_EOF_WAIT_H

#include "settings.h"

/* How long the connection stays open after the end of the input: for the time of --eof-wait, or, if
 * replies are expected, until no more arrive. */
void eof_wait_begin(const struct settings *settings, bool expects_replies);

/* Call it when a message has arrived, and while something is being sent. */
void eof_wait_prolong(void);

/* When to close; NEVER before the end of the input, and after eof_wait_end(). */
int64_t eof_wait_ends_at(void);
void eof_wait_end(void);

#endif
