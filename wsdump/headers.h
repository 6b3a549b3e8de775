/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_HEADERS_H
#define WSDUMP_HEADERS_H

#include "settings.h"

/* Puts a line "Name: value" into the request. Returns what is wrong with it, or NULL. */
const char *headers_add(struct settings *settings, const char *line, size_t len);

/* Offers "name,other". Returns what is wrong, or NULL. */
const char *headers_add_subprotocols(struct settings *settings, const char *names);

#endif
