/* SPDX-License-Identifier: Apache-2.0 */
/* Used without a line-editing library: the terminal itself edits the line, and Ctrl+R redraws it
 * after other output. */
#include "editor.h"

#include "input.h"

#include <stdbool.h>
#include <stdio.h>

static const char *prompt;
static editor_line_fn on_line;
static bool is_editing = false, is_shown = false;

const char *editor_name(void) { return "none"; }

void editor_begin(const char *text, editor_line_fn fn) {
    if (is_editing) return;
    prompt = text;
    on_line = fn;
    is_editing = true;
    editor_show();
}

void editor_read(void) {
    const char *line;
    size_t len;

    input_read();
    while (input_next(&line, &len)) {
        is_shown = false;
        on_line(line);
    }
    if (input_is_over()) on_line(NULL);
}

void editor_hide(void) {
    if (is_shown) printf("\r\033[K");
    is_shown = false;
}

void editor_show(void) {
    if (!is_editing || is_shown) return;
    is_shown = true;
    printf("%s", prompt);
    fflush(stdout);
}

void editor_suspend(void) { editor_hide(); }

void editor_resume(void) { editor_show(); }

void editor_resize(void) {}

void editor_end(void) {
    editor_hide();
    is_editing = false;
}
