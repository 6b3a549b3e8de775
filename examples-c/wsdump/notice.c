/* SPDX-License-Identifier: Apache-2.0 */
/* What the program has to say itself. */
#include "notice.h"

#include "editor.h"
#include "escape.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST = 4096 };

static bool is_quiet = false;

void notice_be_quiet(void)
{
    is_quiet = true;
}

bool has_colours(int fd)
{
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fd) && (no_colour == NULL || *no_colour == '\0') && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}

static void say(const char *prefix, const char *line, const char *colour)
{
    bool coloured = colour != NULL && has_colours(STDERR_FILENO);

    if (is_quiet) return;
    editor_hide();
    fflush(stdout); /* what came before on the same terminal */
    fprintf(stderr, "%s%s", coloured ? colour : "", prefix);
    escape_line(stderr, line);
    fprintf(stderr, "%s\n", coloured ? "\033[39m" : "");
}

void notice(const char *format, ...)
{
    char line[LONGEST];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    say("wsdump: ", line, NULL);
}

void complain(const char *format, ...)
{
    char line[LONGEST];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    say("wsdump: ", line, "\033[31m");
}

void notice_log(const char *line)
{
    say("", line, NULL);
}
