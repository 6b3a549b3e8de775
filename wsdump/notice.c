/* SPDX-License-Identifier: Apache-2.0 */
/* The program's own messages on standard error. */
#include "notice.h"

#include "editor.h"
#include "escape.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST = 4096, QUOTED_LINES = 10, QUOTED_BYTES = 1024 };

static bool is_quiet = false;

void notice_be_quiet(void) { is_quiet = true; }

bool has_colours(int fd) {
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fd) && (no_colour == NULL || *no_colour == '\0') && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}

static void say(const char *prefix, const char *line, const char *colour) {
    bool coloured = colour != NULL && has_colours(STDERR_FILENO);

    if (is_quiet) return;
    editor_hide();
    fflush(stdout); /* keeps the order on a terminal that shows both streams */
    fprintf(stderr, "%s%s", coloured ? colour : "", prefix);
    escape_line(stderr, line);
    fprintf(stderr, "%s\n", coloured ? "\033[39m" : "");
}

void notice(const char *format, ...) {
    char line[LONGEST];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    say("wsdump: ", line, NULL);
}

void complain(const char *format, ...) {
    char line[LONGEST];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    say("wsdump: ", line, "\033[31m");
}

static size_t line_len(const char *text, size_t len) {
    const char *stop = len == 0 ? NULL : memchr(text, '\n', len);
    return stop == NULL ? len : (size_t)(stop - text);
}

void notice_quote(const char *text, size_t len) {
    size_t at = 0, most = len < QUOTED_BYTES ? len : QUOTED_BYTES;

    if (is_quiet) return;
    /* Do not stop within a UTF-8 character. */
    while (most < len && most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80) most--;
    for (int lines = 0; at < most && lines < QUOTED_LINES; lines++) {
        size_t size = line_len(text + at, most - at);
        bool has_return = size > 0 && text[at + size - 1] == '\r';

        fputs("  ", stderr);
        escape_text(stderr, text + at, size - has_return, NULL);
        fputc('\n', stderr);
        at += size + (at + size < most);
    }
    if (at < len) fprintf(stderr, "  (%zu more bytes)\n", len - at);
}

void notice_log(const char *line) { say("", line, NULL); }
