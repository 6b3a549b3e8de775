/* SPDX-License-Identifier: Apache-2.0 */
/* Header lines. Those that the library writes itself have setters of their own. */
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
        if (*value == '\0') return WSLINE_OK; /* there shall be none */
    }
    return wsline_options_add_header(settings->options, name, value);
}

/* Without the blanks around it. Yours; NULL without memory. */
static char *trimmed(const char *text, size_t len) {
    while (len > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) len--;
    return strndup(text, len);
}

const char *headers_add(struct settings *settings, const char *line, size_t len) {
    const char *colon = memchr(line, ':', len), *fault = NULL;

    if (colon == NULL) return "not a header line, which is 'Name: value'";
    char *name = trimmed(line, (size_t)(colon - line));
    char *value = trimmed(colon + 1, len - (size_t)(colon + 1 - line));
    if (name == NULL || value == NULL)
        fault = "no memory";
    else if (strcasecmp(name, "Sec-WebSocket-Protocol") == 0)
        fault = headers_add_subprotocols(settings, value);
    else if (add(settings, name, value) != WSLINE_OK)
        fault = value_library_fault();
    free(name);
    free(value);
    return fault;
}

const char *headers_add_subprotocols(struct settings *settings, const char *names) {
    const char *fault = NULL;

    while (fault == NULL && *names != '\0') {
        size_t len = strcspn(names, ",");
        char *name = trimmed(names, len);

        if (name == NULL)
            fault = "no memory";
        else if (wsline_options_add_subprotocol(settings->options, name) != WSLINE_OK)
            fault = value_library_fault();
        settings->offers_subprotocols = true;
        free(name);
        names += len + (names[len] == ',');
    }
    return fault;
}
