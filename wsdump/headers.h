/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_HEADERS_H
#define WSDUMP_HEADERS_H

#include "settings.h"

/* Adds a line "Name: value" to the request. Returns an error message or NULL. */
const char *headers_add(struct settings *settings, const char *line, size_t len);

/* Offers the subprotocols "name,other". Returns an error message or NULL. */
const char *headers_add_subprotocols(struct settings *settings, const char *names);

#endif
