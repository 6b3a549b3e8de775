/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_EDITOR_H
#define WSDUMP_EDITOR_H

/* Edits a line at the bottom of the terminal while other lines come in above it. What it is built
 * on is chosen when wsdump is built: editor_readline.c or editor_none.c. */

/* Takes a line that was entered; NULL at the end of the input, and must call editor_end() then. */
typedef void (*editor_line_fn)(const char *line);

/* "libedit", "readline" or "nothing". */
const char *editor_name(void);

/* Shows a prompt on the terminal, and edits until editor_end(), if it does not do so already. */
void editor_begin(const char *prompt, editor_line_fn fn);

/* Takes what is typed: call it when standard input is readable. */
void editor_read(void);

/* Takes the line off the screen, cursor in the first column, so that others can be printed. Does
 * nothing if it is off already, or nothing is being edited; likewise editor_show(). */
void editor_hide(void);
void editor_show(void);

/* Gives the terminal back as it was; editor_resume() takes it again. */
void editor_suspend(void);
void editor_resume(void);

/* The terminal has another size. */
void editor_resize(void);

void editor_end(void);

#endif
