/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_URL_H
#define WSDUMP_URL_H

/* The WebSocket URL that a word of the command line stands for, and in `*assumption_out` a line for
 * the user about what was assumed; NULL where nothing was. A word that stands for none is returned
 * as it is: the library says what is wrong with it. Yours; NULL without memory. */
char *url_from_word(const char *word, const char **assumption_out);

#endif
