/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_ESCAPE_H
#define WSDUMP_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* Writes text from a server so that it cannot move the cursor, set colours, change the writing
 * direction or forge a line: control characters are escaped as \x1b, \u009b, \r and so on, and each
 * newline is followed by `indent`. */
void escape_text(FILE *out, const void *text, size_t len, const char *indent);

/* Writes NUL-terminated text escaped in the same way, on one line. */
void escape_line(FILE *out, const char *text);

/* Writes a JSON string, quotes included (RFC 8259 section 7). */
void escape_json(FILE *out, const void *text, size_t len);

#endif
