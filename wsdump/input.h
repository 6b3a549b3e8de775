/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_INPUT_H
#define WSDUMP_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Pieces have at most so many bytes, and are what one read gives; 0, the default: they are lines.
 */
void input_set_chunk_size(size_t bytes);

/* Reads once from standard input, when there is no piece left to take. */
void input_read(void);

/* The next piece, valid until the next input_read(); false if there is none. A line comes without
 * its end, which the last one does not need. Behind it is a NUL, and it may hold NULs of its own.
 */
bool input_next(const char **piece_out, size_t *len_out);

/* Whether all of it has been taken. */
bool input_is_over(void);

/* Whether its end was no end, but a failure, of which was told. */
bool input_has_failed(void);

void input_free(void);

#endif
