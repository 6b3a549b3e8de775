/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_INPUT_H
#define WSDUMP_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Each piece is what one read returns, at most this many bytes; 0, the default, means lines. */
void input_set_chunk_size(size_t bytes);

/* Reads once from standard input; call it when no piece is left. */
void input_read(void);

/* The next piece, valid until the next input_read(); false if there is none. A line does not
 * include its newline, and the last line does not need one. It is followed by a NUL and may contain
 * others. */
bool input_next(const char **piece_out, size_t *len_out);

/* Whether all input has been taken. */
bool input_is_over(void);

/* Whether input ended because of an error, which has been reported. */
bool input_has_failed(void);

void input_free(void);

#endif
