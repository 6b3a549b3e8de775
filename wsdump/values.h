/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_VALUES_H
#define WSDUMP_VALUES_H

#include "settings.h"

/* A formatted error message, valid until the next call. */
const char *value_error(const char *format, ...);

/* The last error message of the library, without the name of the function. */
const char *value_library_error(void);

/* A whole number of at most `most`. */
bool value_number(const char *text, uint64_t most, uint64_t *number_out);

/* Seconds such as "1.5", in milliseconds. */
bool value_seconds(const char *text, int64_t *ms_out);

/* "65536", "64k", "16M", "1G". */
bool value_size(const char *text, uint64_t *bytes_out);

/* The text itself or, after an @, the first line of a file; NULL if it cannot be read. The caller
 * frees it. */
char *value_secret(const char *text);

/* A whole file, or standard input for "-"; NULL with errno set. The caller frees it. */
uint8_t *value_file(const char *path, size_t *len_out);

#endif
