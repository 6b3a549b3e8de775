/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_EDITOR_H
#define WSDUMP_EDITOR_H

/* Edits a line at the bottom of the terminal while other output appears above it. The build selects
 * the implementation: editor_readline.c or editor_none.c. */

/* Receives each entered line; NULL at the end of input, when it must call editor_end(). */
typedef void (*editor_line_fn)(const char *line);

/* "libedit", "readline" or "none". */
const char *editor_name(void);

/* Shows a prompt and edits until editor_end(); does nothing if already editing. */
void editor_begin(const char *prompt, editor_line_fn fn);

/* Processes typed characters; call it when standard input is readable. */
void editor_read(void);

/* Removes the line from the screen, with the cursor in the first column, so that output can be
 * printed; editor_show() draws it again. Both do nothing if there is nothing to do. */
void editor_hide(void);
void editor_show(void);

/* Restores the terminal settings until editor_resume(). */
void editor_suspend(void);
void editor_resume(void);

/* Call it when the size of the terminal has changed. */
void editor_resize(void);

void editor_end(void);

#endif
