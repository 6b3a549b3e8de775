/* SPDX-License-Identifier: Apache-2.0 */
/* The line editor, using the API that libedit and GNU Readline share. */
#define _XOPEN_SOURCE 700 /* wcwidth(3) */
#include "editor.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#ifdef WSDUMP_LIBEDIT
#include <editline/readline.h>
#else
#include <readline/history.h>
#include <readline/readline.h>
#endif

static const char *prompt;
static editor_line_fn on_line;
static bool is_editing = false, is_shown = false;

const char *editor_name(void) {
#ifdef WSDUMP_LIBEDIT
    return "libedit";
#else
    return "readline";
#endif
}

/* Between two lines, both libraries restore the terminal for a moment, and it would echo what is
 * typed in that moment. */
#ifdef WSDUMP_LIBEDIT
static struct termios saved_termios;

/* An editrc(5) command tells libedit to keep echo off. */
static void take_terminal(void) {
    tcgetattr(STDIN_FILENO, &saved_termios);
    rl_parse_and_bind("setty -x -echo");
    rl_prep_terminal(1);
}

static void give_terminal_back(void) {
    rl_deprep_terminal();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_termios);
}
#else
static void keep_terminal(void) {}

static void keep_terminal_with_meta(int meta) { (void)meta; }

/* GNU Readline lets a program replace the functions that do so. */
static void take_terminal(void) {
    rl_prep_term_function = keep_terminal_with_meta;
    rl_deprep_term_function = keep_terminal;
    rl_prep_terminal(1);
}

static void give_terminal_back(void) { rl_deprep_terminal(); }
#endif

static void take_line(char *line);

/* Also shows the prompt. */
static void install(void) {
    rl_callback_handler_install(prompt, take_line);
    is_shown = true;
}

static void take_line(char *line) {
    if (line == NULL) {
        on_line(NULL);
        return;
    }
    is_shown = false; /* the entered line stays on the screen; the cursor is below it */
    if (*line != '\0') add_history(line);
    on_line(line);
    free(line);
    if (is_editing) install(); /* libedit reads one line per installation */
}

void editor_begin(const char *text, editor_line_fn fn) {
    if (is_editing) return;
    prompt = text;
    on_line = fn;
    rl_readline_name = "wsdump";
    rl_catch_signals = 0;
    using_history();
    rl_initialize();
    take_terminal();
    install();
    rl_bind_key('\t', rl_insert); /* there are no file names to complete */
    is_editing = true;
}

void editor_read(void) {
    editor_show();
    rl_callback_read_char();
}

/* Returns the width of the next character in columns, and advances past it. */
static int next_width(const char **text, size_t *len, mbstate_t *state) {
    wchar_t character;
    size_t size = mbrtowc(&character, *text, *len, state);

    if (size == 0 || size > *len) { /* not a character in this locale */
        memset(state, 0, sizeof *state);
        size = 1;
        character = L'\0';
    }
    *text += size;
    *len -= size;
    int width = wcwidth(character);
    return width < 0 || character == L'\0' ? 2 : width; /* ^A */
}

/* The number of rows between the prompt and the cursor. */
static int row_of_cursor(void) {
    const char *text = rl_line_buffer;
    size_t len = (size_t)rl_point;
    int column = (int)strlen(prompt), rows, columns;
    mbstate_t state;

    memset(&state, 0, sizeof state);
    rl_get_screen_size(&rows, &columns);
    if (columns <= 0) return 0;
    while (len > 0) {
        int width = next_width(&text, &len, &state);
        /* A character two columns wide does not start in the last column. */
        if (column % columns + width > columns) column++;
        column += width;
    }
    return column / columns;
}

void editor_hide(void) {
    if (!is_shown) return;
    is_shown = false;
    int row = row_of_cursor();
    if (row > 0) printf("\033[%dA", row);
    printf("\r\033[J");
}

void editor_show(void) {
    if (!is_editing || is_shown) return;
    is_shown = true;
    printf("\r\033[J");
    rl_forced_update_display();
    fflush(stdout);
}

void editor_suspend(void) {
    if (!is_editing) return;
    editor_hide();
    fflush(stdout);
    give_terminal_back();
}

void editor_resume(void) {
    if (!is_editing) return;
    take_terminal();
    editor_show();
}

void editor_resize(void) {
    if (is_editing) rl_resize_terminal();
}

void editor_end(void) {
    if (!is_editing) return;
    is_editing = false;
    editor_hide();
    fflush(stdout);
    rl_callback_handler_remove();
    give_terminal_back();
}
