/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_BYTES_H
#define WSDUMP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How binary data is shown. */
enum bytes_form { BYTES_ESCAPED, BYTES_HEX, BYTES_BASE64 };

void bytes_write(FILE *out, const uint8_t *data, size_t len, enum bytes_form form);

/* Decodes hexadecimal text such as "0aff", with optional spaces and colons between bytes.
 * `data_out` must hold half as many bytes as the text has characters. False if the text is not
 * hexadecimal. */
bool bytes_from_hex(const char *text, uint8_t *data_out, size_t *len_out);

#endif
