/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_VALUES_H
#define WSDUMP_VALUES_H

#include "settings.h"

/* A text of the caller's own with what is wrong; valid until the next one. */
const char *value_fault(const char *format, ...);

/* What the last call of the library had to say, without the name of the function. */
const char *value_library_fault(void);

/* Whole numbers, no more than `most`. */
bool value_number(const char *text, uint64_t most, uint64_t *number_out);

/* "1.5": into milliseconds. */
bool value_seconds(const char *text, int64_t *ms_out);

/* "65536", "64k", "16M", "1G". */
bool value_size(const char *text, uint64_t *bytes_out);

/* The text itself or, after an @, the first line of a file; NULL if that cannot be read. Yours. */
char *value_secret(const char *text);

/* All of a file, or of standard input for "-"; NULL with errno set. Yours. */
uint8_t *value_file(const char *path, size_t *len_out);

#endif
