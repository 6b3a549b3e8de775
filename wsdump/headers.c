/* SPDX-License-Identifier: Apache-2.0 */
/* Header lines. Headers that the library writes itself have their own setters. */
#include "headers.h"

#include "values.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static wsline_status add(struct settings *settings, const char *name, const char *value) {
    static const struct {
        const char *name;
        wsline_status (*set)(wsline_options *options, const char *value);
    } setters[] = {
        {"Host", wsline_options_set_host_header},
        {"Origin", wsline_options_set_origin_header},
        {"Cookie", wsline_options_set_cookie_header},
        {"Connection", wsline_options_set_connection_header},
    };

    for (size_t i = 0; i < sizeof setters / sizeof *setters; i++)
        if (strcasecmp(name, setters[i].name) == 0) return setters[i].set(settings->options, value);
    if (strcasecmp(name, "User-Agent") == 0) {
        settings->has_user_agent = true;
        if (*value == '\0') return WSLINE_OK; /* an empty value omits the header */
    }
    return wsline_options_add_header(settings->options, name, value);
}

/* A copy without leading and trailing blanks. The caller frees it; NULL when out of memory. */
static char *trimmed(const char *text, size_t len) {
    while (len > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) len--;
    return strndup(text, len);
}

const char *headers_add(struct settings *settings, const char *line, size_t len) {
    const char *colon = memchr(line, ':', len), *error = NULL;

    if (colon == NULL) return "not a header line of the form 'Name: value'";
    char *name = trimmed(line, (size_t)(colon - line));
    char *value = trimmed(colon + 1, len - (size_t)(colon + 1 - line));
    if (name == NULL || value == NULL)
        error = "out of memory";
    else if (strcasecmp(name, "Sec-WebSocket-Protocol") == 0)
        error = headers_add_subprotocols(settings, value);
    else if (add(settings, name, value) != WSLINE_OK)
        error = value_library_error();
    free(name);
    free(value);
    return error;
}

const char *headers_add_subprotocols(struct settings *settings, const char *names) {
    const char *error = NULL;

    while (error == NULL && *names != '\0') {
        size_t len = strcspn(names, ",");
        char *name = trimmed(names, len);

        if (name == NULL)
            error = "out of memory";
        else if (wsline_options_add_subprotocol(settings->options, name) != WSLINE_OK)
            error = value_library_error();
        settings->offers_subprotocols = true;
        free(name);
        names += len + (names[len] == ',');
    }
    return error;
}
