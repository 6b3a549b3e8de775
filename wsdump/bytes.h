/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_BYTES_H
#define WSDUMP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How bytes are shown that are no text. */
enum bytes_form { BYTES_ESCAPED, BYTES_HEX, BYTES_BASE64 };

void bytes_write(FILE *out, const uint8_t *data, size_t len, enum bytes_form form);

/* "0aff", blanks and colons between bytes: into `data_out`, which has room for half as many bytes
 * as the text has characters. False if it is no such text. */
bool bytes_from_hex(const char *text, uint8_t *data_out, size_t *len_out);

#endif
