/* SPDX-License-Identifier: Apache-2.0 */
/* Proxies: their addresses, and the ways to pass them to the library. */
#ifndef WSLINE_TESTS_PROXY_H
#define WSLINE_TESTS_PROXY_H

#include "message.h"
#include "peer.h"

/* One type of proxy served by one of the peers. */
struct proxy {
    const char *peer;
    int32_t type;
    const char *user; /* NULL if it requires no authentication */
    const char *password;
    const char *userinfo; /* both, as encoded in a URL */
};

struct proxy_place {
    char host[64];
    uint16_t port;
};

static inline const char *proxy_scheme(int32_t type) {
    static const char *const schemes[] = {
        [WSLINE_PROXY_HTTP] = "http",     [WSLINE_PROXY_HTTPS] = "https",
        [WSLINE_PROXY_SOCKS4] = "socks4", [WSLINE_PROXY_SOCKS4A] = "socks4a",
        [WSLINE_PROXY_SOCKS5] = "socks5", [WSLINE_PROXY_SOCKS5H] = "socks5h",
    };

    return schemes[type];
}

static inline bool proxy_is_http(int32_t type) {
    return type == WSLINE_PROXY_HTTP || type == WSLINE_PROXY_HTTPS;
}

/* The host and port of a peer. */
static inline struct proxy_place proxy_place(const char *peer) {
    struct proxy_place place;
    const char *host = strstr(peer_variable(peer, "_URL"), "://") + 3;
    const char *colon = strrchr(host, ':');

    snprintf(place.host, sizeof place.host, "%.*s", (int)(colon - host), host);
    place.port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return place;
}

/* As the library names it: without credentials. */
static inline const char *proxy_shown(const struct proxy *proxy) {
    static char shown[128];
    struct proxy_place place = proxy_place(proxy->peer);

    snprintf(shown, sizeof shown, "%s://%s:%u", proxy_scheme(proxy->type), place.host,
             (unsigned)place.port);
    return shown;
}

/* With credentials, if it requires them. */
static inline const char *proxy_url(const struct proxy *proxy) {
    static char url[192];
    struct proxy_place place = proxy_place(proxy->peer);

    snprintf(url, sizeof url, "%s://%s%s%s:%u", proxy_scheme(proxy->type),
             proxy->user == NULL ? "" : proxy->userinfo, proxy->user == NULL ? "" : "@", place.host,
             (unsigned)place.port);
    return url;
}

/* New options that trust the test CA, in an environment without proxy variables. */
static inline wsline_options *proxy_options(void) {
    static const char *const variables[] = {"http_proxy",  "HTTP_PROXY", "https_proxy",
                                            "HTTPS_PROXY", "all_proxy",  "ALL_PROXY",
                                            "no_proxy",    "NO_PROXY",   "REQUEST_METHOD"};

    for (size_t i = 0; i < COUNT_OF(variables); i++) REQUIRE(unsetenv(variables[i]) == 0);
    return peer_options();
}

static inline void proxy_set_by_parts(wsline_options *options, const struct proxy *proxy) {
    struct proxy_place place = proxy_place(proxy->peer);

    CHECK_OK(wsline_options_set_proxy(options, proxy->type, place.host, place.port));
    if (proxy->user != NULL)
        CHECK_OK(wsline_options_set_proxy_auth(options, proxy->user, proxy->password));
}

static inline void proxy_set_by_url(wsline_options *options, const struct proxy *proxy) {
    CHECK_OK(wsline_options_set_proxy_url(options, proxy_url(proxy)));
}

static inline void proxy_set_by_scheme_variables(wsline_options *options,
                                                 const struct proxy *proxy) {
    (void)options;
    CHECK(setenv("http_proxy", proxy_url(proxy), 1) == 0);
    CHECK(setenv("https_proxy", proxy_url(proxy), 1) == 0);
}

static inline void proxy_set_by_all_proxy(wsline_options *options, const struct proxy *proxy) {
    (void)options;
    CHECK(setenv("all_proxy", proxy_url(proxy), 1) == 0);
}

/* Names the row of a generated table. */
CHECK_PRINTF(1, 2)
static inline void proxy_row(const char *format, ...) {
    static char row[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(row, sizeof row, format, arguments);
    va_end(arguments);
    check_row(row);
}

/* Checks that a message is echoed. */
static inline void proxy_echo(wsline_conn *conn) {
    CHECK_OK(wsline_conn_send_text(conn, "through", WSLINE_NUL_TERMINATED));
    expect_message(conn, WSLINE_OPCODE_TEXT, "through", strlen("through"));
}

/* The details of the last failure on this thread. */
static inline wsline_error_info proxy_failure(void) {
    wsline_error_info info;

    CHECK_OK(wsline_last_error(&info));
    return info;
}

static inline uint16_t proxy_port(const char *peer) { return proxy_place(peer).port; }

#endif
