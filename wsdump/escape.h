/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_ESCAPE_H
#define WSDUMP_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* Writes text that may come from a server so that it moves no cursor, sets no colour, turns no
 * writing around and begins no line: control characters become \x1b, \u009b, \r and the like, and
 * after a line end comes `indent`. */
void escape_text(FILE *out, const void *text, size_t len, const char *indent);

/* The same for a text that ends in a NUL, in one line. */
void escape_line(FILE *out, const char *text);

/* Writes a JSON string, quotes included (RFC 8259 section 7). */
void escape_json(FILE *out, const void *text, size_t len);

#endif
