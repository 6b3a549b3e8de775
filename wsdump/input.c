/* SPDX-License-Identifier: Apache-2.0 */
/* Reads standard input in pieces: lines or chunks. */
#include "input.h"

#include "notice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t read_size = 65536;
static bool has_lines = true;
/* Bytes read but not yet taken are between `begin` and `end`; there is no newline before
 * `searched`. */
static char *buffer = NULL;
static size_t begin = 0, searched = 0, end = 0, capacity = 0;
static bool has_ended = false, has_failed = false;

void input_set_chunk_size(size_t bytes) {
    has_lines = bytes == 0;
    if (bytes > 0) read_size = bytes;
}

static bool make_room(void) {
    if (begin > 0) memmove(buffer, buffer + begin, end - begin);
    end -= begin;
    searched -= begin;
    begin = 0;
    if (capacity - end > read_size) return true; /* one more byte for a NUL */
    size_t wanted = capacity == 0 ? 2 * read_size : capacity * 2;
    char *larger = realloc(buffer, wanted);
    if (larger == NULL) return false;
    buffer = larger;
    capacity = wanted;
    return true;
}

static void fail(const char *error) {
    complain("standard input: %s", error);
    has_ended = has_failed = true;
}

void input_read(void) {
    if (!make_room()) {
        fail("out of memory");
        end = searched = 0; /* do not send part of a line */
        return;
    }
    ssize_t got = read(STDIN_FILENO, buffer + end, read_size);
    if (got > 0)
        end += (size_t)got;
    else if (got == 0)
        has_ended = true;
    else if (errno != EINTR && errno != EAGAIN)
        fail(strerror(errno));
}

bool input_next(const char **piece_out, size_t *len_out) {
    char *stop = NULL;

    if (begin == end) return false;
    if (has_lines) stop = memchr(buffer + searched, '\n', end - searched);
    searched = end;
    if (has_lines && stop == NULL && !has_ended) return false;
    if (stop == NULL) stop = buffer + end;
    *stop = '\0';
    *piece_out = buffer + begin;
    *len_out = (size_t)(stop - *piece_out);
    begin += *len_out;
    if (begin < end) begin++;
    searched = begin;
    return true;
}

bool input_is_over(void) { return has_ended && begin == end; }

bool input_has_failed(void) { return has_failed; }

void input_free(void) {
    free(buffer);
    buffer = NULL;
}
