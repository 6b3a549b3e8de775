/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input, line by line. */
#include "input.h"

#include "notice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 65536 };

/* What was read and not taken is between `begin` and `end`; up to `searched` it has no line end. */
static char *buffer = NULL;
static size_t begin = 0, searched = 0, end = 0, capacity = 0;
static bool has_ended = false, has_failed = false;

static bool make_room(void) {
    if (begin > 0) memmove(buffer, buffer + begin, end - begin);
    end -= begin;
    searched -= begin;
    begin = 0;
    if (capacity - end > READ_SIZE) return true; /* one more for a NUL */
    size_t wanted = capacity == 0 ? 2 * READ_SIZE : capacity * 2;
    char *larger = realloc(buffer, wanted);
    if (larger == NULL) return false;
    buffer = larger;
    capacity = wanted;
    return true;
}

static void fail(const char *fault) {
    complain("standard input: %s", fault);
    has_ended = has_failed = true;
}

void input_read(void) {
    if (!make_room()) {
        fail("no memory for a line");
        end = searched = 0; /* a part of a line is no line */
        return;
    }
    ssize_t got = read(STDIN_FILENO, buffer + end, READ_SIZE);
    if (got > 0)
        end += (size_t)got;
    else if (got == 0)
        has_ended = true;
    else if (errno != EINTR && errno != EAGAIN)
        fail(strerror(errno));
}

bool input_next(const char **line_out, size_t *len_out) {
    if (begin == end) return false;
    char *stop = memchr(buffer + searched, '\n', end - searched);
    searched = end;
    if (stop == NULL && !has_ended) return false;
    if (stop == NULL) stop = buffer + end;
    *stop = '\0';
    *line_out = buffer + begin;
    *len_out = (size_t)(stop - *line_out);
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
