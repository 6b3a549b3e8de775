/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_NOTICE_H
#define WSDUMP_NOTICE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __GNUC__
#define NOTICE_FORMAT __attribute__((format(printf, 1, 2)))
#else
#define NOTICE_FORMAT
#endif

/* Prints a line on standard error, prefixed with "wsdump: "; text from a server is escaped.
 * Complaints are errors, and red on a terminal. */
void notice(const char *format, ...) NOTICE_FORMAT;
void complain(const char *format, ...) NOTICE_FORMAT;

/* Prints the first lines of a text from the server, indented and escaped. */
void notice_quote(const char *text, size_t len);

/* Prints a line of the log, without a prefix. */
void notice_log(const char *line);

/* Suppresses all output of this file from now on. */
void notice_be_quiet(void);

/* Whether to use colours: on a terminal, unless NO_COLOR is set. */
bool has_colours(int fd);

#endif
