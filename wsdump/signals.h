/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_SIGNALS_H
#define WSDUMP_SIGNALS_H

#include <stdbool.h>

/* Installs handlers for the signals that end, stop or resize the program; false with errno set on
 * failure. */
bool signals_begin(void);

/* Readable when a signal has arrived. */
int signals_fd(void);

/* The number of the next signal; 0 if there is none. */
int signals_next(void);

/* Stops the program, as SIGTSTP does without a handler; returns when it continues. */
void signals_stop_program(void);

#endif
