/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_INPUT_H
#define WSDUMP_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Reads once from standard input, when there is no line left to take. */
void input_read(void);

/* The next line, without its end, with a NUL behind it; it may hold NULs of its own. Valid until
 * the next input_read(). False if there is no whole line; the last one needs no end. */
bool input_next(const char **line_out, size_t *len_out);

/* Whether all of it has been taken. */
bool input_is_over(void);

/* Whether its end was no end, but a failure, of which was told. */
bool input_has_failed(void);

void input_free(void);

#endif
