/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_INPUT_H
#define WSDUMP_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Takes a line without its end, with a NUL behind it; it may hold NULs of its own. */
typedef void (*input_line_fn)(const char *line, size_t len);

/* Reads once from standard input, and hands the lines over that are whole. False at its end, after
 * a last line without an end was handed over, too. */
bool input_read(input_line_fn fn);

/* Whether its end was no end, but a failure, of which was told. */
bool input_has_failed(void);

#endif
