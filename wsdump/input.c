/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input, line by line. */
#include "input.h"

#include "notice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 65536 };

/* What was read of the line that is not whole, and room for more. */
static char *buffer = NULL;
static size_t len = 0, capacity = 0;
static bool has_failed = false;

static bool make_room(void) {
    if (capacity - len > READ_SIZE) return true; /* one more for a NUL */
    size_t wanted = capacity == 0 ? 2 * READ_SIZE : capacity * 2;
    char *larger = realloc(buffer, wanted);
    if (larger == NULL) return false;
    buffer = larger;
    capacity = wanted;
    return true;
}

static void end(input_line_fn fn) {
    if (len > 0) {
        buffer[len] = '\0';
        fn(buffer, len);
    }
    free(buffer);
    buffer = NULL;
    len = capacity = 0;
}

/* Hands over the lines that end in what was read last, and keeps the rest. */
static void hand_over(size_t got, input_line_fn fn) {
    char *line = buffer, *unseen = buffer + len, *stop;

    len += got;
    while ((stop = memchr(unseen, '\n', (size_t)(buffer + len - unseen))) != NULL) {
        *stop = '\0';
        fn(line, (size_t)(stop - line));
        line = unseen = stop + 1;
    }
    len = (size_t)(buffer + len - line);
    memmove(buffer, line, len);
}

bool input_read(input_line_fn fn) {
    if (!make_room()) {
        complain("no memory for a line of input");
        has_failed = true;
        len = 0; /* a part of a line is no line */
        end(fn);
        return false;
    }
    ssize_t got = read(STDIN_FILENO, buffer + len, READ_SIZE);
    if (got > 0) {
        hand_over((size_t)got, fn);
        return true;
    }
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (got < 0) {
        complain("standard input: %s", strerror(errno));
        has_failed = true;
    }
    end(fn);
    return false;
}

bool input_has_failed(void) { return has_failed; }
