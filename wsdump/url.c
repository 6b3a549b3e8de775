/* SPDX-License-Identifier: Apache-2.0 */
/* Turns what people type into a WebSocket URL. A bare host means ws://, as in wscat; http:// and
 * https:// mean ws:// and wss://, as in browsers (https://websockets.spec.whatwg.org, "To get a URL
 * record"). */
#include "url.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wsline.h>

static const struct {
    const char *written, *meant, *assumption;
} schemes[] = {
    {"http://", "ws://", "http:// in the URL: assuming ws://"},
    {"https://", "wss://", "https:// in the URL: assuming wss://"},
    {"", "ws://", "no scheme in the URL: assuming ws://, without TLS"},
};

/* "1.5" and "8080" parse as the addresses 1.0.0.5 and 0.0.31.144, which nobody means. */
static bool names_its_host(const char *word, const char *host) {
    bool is_ipv4 = host[strspn(host, "0123456789.")] == '\0';
    return !is_ipv4 || strstr(word, host) != NULL;
}

static bool has_scheme(const char *word) {
    return strncmp(word + strcspn(word, ":/?@"), "://", 3) == 0;
}

static bool is_meant(const char *word, const char *url) {
    wsline_url *parts = NULL;
    bool is_one =
        wsline_url_parse(url, &parts) == WSLINE_OK && names_its_host(word, wsline_url_host(parts));
    wsline_url_free(parts);
    return is_one;
}

static char *joined(const char *scheme, const char *rest) {
    size_t scheme_len = strlen(scheme), rest_len = strlen(rest);
    char *url = malloc(scheme_len + rest_len + 1);

    if (url == NULL) return NULL;
    memcpy(url, scheme, scheme_len);
    memcpy(url + scheme_len, rest, rest_len + 1);
    return url;
}

char *url_from_word(const char *word, const char **assumption_out) {
    size_t kind = 0;

    while (strncasecmp(word, schemes[kind].written, strlen(schemes[kind].written)) != 0) kind++;
    if (*schemes[kind].written != '\0' || !has_scheme(word)) {
        char *url = joined(schemes[kind].meant, word + strlen(schemes[kind].written));
        if (url == NULL) return NULL;
        if (is_meant(word, url)) {
            *assumption_out = schemes[kind].assumption;
            return url;
        }
        free(url);
    }
    *assumption_out = NULL;
    return strdup(word);
}
