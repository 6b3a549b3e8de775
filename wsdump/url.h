/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_URL_H
#define WSDUMP_URL_H

/* The WebSocket URL that a word of the command line means. `*assumption_out` is a message about
 * what was assumed, or NULL. A word that is not a URL is returned unchanged, and the library
 * reports what is wrong with it. The caller frees the result; NULL when out of memory. */
char *url_from_word(const char *word, const char **assumption_out);

#endif
