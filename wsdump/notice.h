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

/* One line for the user on standard error, behind "wsdump: "; what a server may have put into it is
 * escaped. Complaints are red on a terminal. */
void notice(const char *format, ...) NOTICE_FORMAT;
void complain(const char *format, ...) NOTICE_FORMAT;

/* The first lines of a text that came from the server, indented and escaped. */
void notice_quote(const char *text, size_t len);

/* One line of the log, as it is. */
void notice_log(const char *line);

/* From now on nothing is said. */
void notice_be_quiet(void);

/* Whether a stream may have colours: on a terminal, unless NO_COLOR is set. */
bool has_colours(int fd);

#endif
