/* SPDX-License-Identifier: Apache-2.0 */
/* All options, and what each does with its value. */
#include "options.h"

#include "headers.h"
#include "values.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_CHUNK = 1 << 16, LARGEST_CHUNK = 1 << 30 }; /* bytes */

static const char *no_memory = "no memory";

static const char *fault_of(wsline_status status) {
    return status == WSLINE_OK ? NULL : value_library_fault();
}

/* ---- This program ---- */

/* "2", or more v's behind a v. */
static bool is_level(const char *word) {
    return *word != '\0' &&
           (word[strspn(word, "0123456789")] == '\0' || word[strspn(word, "v")] == '\0');
}

static const char *take_verbose(struct settings *settings, const char *value) {
    uint64_t level = (uint64_t)settings->verbosity + 1;

    if (value != NULL && *value == 'v')
        level += strlen(value);
    else if (value != NULL && !value_number(value, 9, &level))
        return "not a level, which are 0, 1 and 2";
    settings->verbosity = (int)level;
    return NULL;
}

/* ---- What is sent ---- */

static const char *add(struct settings *settings, int32_t opcode, const char *text) {
    return settings_add_item(settings, opcode, (uint8_t *)strdup(text), strlen(text)) ? NULL
                                                                                      : no_memory;
}

static const char *take_text(struct settings *settings, const char *value) {
    if (!wsline_utf8_is_valid(value, WSLINE_NUL_TERMINATED)) return "not UTF-8";
    return add(settings, WSLINE_OPCODE_TEXT, value);
}

static const char *take_hex(struct settings *settings, const char *value) {
    size_t len;
    uint8_t *data = malloc(strlen(value) / 2 + 1);

    if (data == NULL) return no_memory;
    if (!bytes_from_hex(value, data, &len)) {
        free(data);
        return "not pairs of hexadecimal digits";
    }
    return settings_add_item(settings, WSLINE_OPCODE_BINARY, data, len) ? NULL : no_memory;
}

static const char *take_file(struct settings *settings, const char *value) {
    size_t len = 0;
    uint8_t *data = value_file(value, &len);

    if (data == NULL) return value_fault("%s: %s", value, strerror(errno));
    return settings_add_item(settings, OPCODE_OF_FILE, data, len) ? NULL : no_memory;
}

static const char *take_ping(struct settings *settings, const char *value) {
    settings->pings = true;
    if (value != NULL && strlen(value) > 125) return "a ping has at most 125 bytes";
    return add(settings, WSLINE_OPCODE_PING, value == NULL ? "" : value);
}

static const char *take_chunks(struct settings *settings, const char *value) {
    settings->chunk_bytes = DEFAULT_CHUNK;
    if (value == NULL) return NULL;
    if (value_size(value, &settings->chunk_bytes) && settings->chunk_bytes > 0 &&
        settings->chunk_bytes <= LARGEST_CHUNK)
        return NULL;
    return "not a number of bytes from 1 to 1G";
}

/* ---- What is shown ---- */

static const char *take_bytes(struct settings *settings, const char *value) {
    static const char *const names[] = {
        [BYTES_ESCAPED] = "escaped", [BYTES_HEX] = "hex", [BYTES_BASE64] = "base64"};

    for (int form = BYTES_ESCAPED; form <= BYTES_BASE64; form++)
        if (strcmp(value, names[form]) == 0) {
            settings->bytes = (enum bytes_form)form;
            return NULL;
        }
    return "not one of escaped, hex, base64";
}

/* ---- When it ends ---- */

static const char *take_count(struct settings *settings, const char *value) {
    if (value_number(value, UINT64_MAX, &settings->count) && settings->count > 0) return NULL;
    return "not a number of messages";
}

static const char *take_eof_wait(struct settings *settings, const char *value) {
    settings->has_eof_wait = true;
    settings->eof_wait_ms = WSLINE_FOREVER;
    if (strcmp(value, "forever") == 0 || value_seconds(value, &settings->eof_wait_ms)) return NULL;
    return "neither a number of seconds nor forever";
}

static const char *take_reconnect(struct settings *settings, const char *value) {
    wsline_options *options = settings->options;
    uint64_t attempts;
    wsline_status status = wsline_options_set_reconnect(options, true);

    if (status == WSLINE_OK) status = wsline_options_set_reconnect_delay_ms(options, 500, 30000);
    if (value != NULL && !value_number(value, UINT64_MAX, &attempts))
        return "not a number of attempts";
    if (status == WSLINE_OK && value != NULL)
        status = attempts == 0 ? wsline_options_set_reconnect(options, false)
                               : wsline_options_set_reconnect_max_attempts(options, attempts);
    return fault_of(status);
}

static const char *take_max_size(struct settings *settings, const char *value) {
    uint64_t bytes;

    if (!value_size(value, &bytes)) return "not a number of bytes";
    return fault_of(wsline_options_set_max_message_bytes(settings->options, bytes));
}

/* ---- The request ---- */

static const char *take_header(struct settings *settings, const char *value) {
    return headers_add(settings, value, strlen(value));
}

static const char *take_headers(struct settings *settings, const char *value) {
    const char *fault = NULL;

    while (fault == NULL && *value != '\0') {
        size_t len = strcspn(value, ",");
        fault = headers_add(settings, value, len);
        value += len + (value[len] == ',');
    }
    return fault;
}

/* Tokens of HTTP with commas between (RFC 9110 section 5.6.2); never a URL, which has a colon. */
static bool is_subprotocols(const char *word) {
    if (*word == '-' || *word == '\0') return false;
    while (isalnum((unsigned char)*word) || (*word != '\0' && strchr("!#$%&'*+-.^_`|~,", *word)))
        word++;
    return *word == '\0';
}

static const char *take_subprotocols(struct settings *settings, const char *value) {
    return value == NULL ? NULL : headers_add_subprotocols(settings, value);
}

static const char *take_user(struct settings *settings, const char *value) {
    char *user = value_secret(value);

    if (user == NULL) return value_fault("%s: %s", value + 1, strerror(errno));
    char *colon = strchr(user, ':');
    if (colon != NULL) *colon = '\0';
    const char *fault = fault_of(
        wsline_options_set_basic_auth(settings->options, user, colon == NULL ? "" : colon + 1));
    free(user);
    return fault;
}

static const char *set_secret(struct settings *settings, const char *value,
                              wsline_status (*set)(wsline_options *, const char *)) {
    char *secret = value_secret(value);

    if (secret == NULL) return value_fault("%s: %s", value + 1, strerror(errno));
    const char *fault = fault_of(set(settings->options, secret));
    free(secret);
    return fault;
}

static const char *take_bearer(struct settings *settings, const char *value) {
    return set_secret(settings, value, wsline_options_set_bearer_token);
}

static const char *take_max_redirects(struct settings *settings, const char *value) {
    uint64_t limit;

    if (!value_number(value, UINT32_MAX, &limit)) return "not a number of redirects";
    return fault_of(wsline_options_set_max_redirects(settings->options, (uint32_t)limit));
}

/* ---- The way ---- */

static const char *take_proxy(struct settings *settings, const char *value) {
    settings->has_proxy = true;
    return fault_of(wsline_options_set_proxy_url(settings->options, value));
}

static const char *take_key_password(struct settings *settings, const char *value) {
    return set_secret(settings, value, wsline_options_set_tls_key_password);
}

/* ---- The table ---- */

#define HEADING(text)   {.help = text}
#define FLAG(member)    .flag = offsetof(struct settings, member)
#define SECONDS(member) .seconds = offsetof(struct settings, member), .value = "SECONDS"

const struct option all_options[] = {
    {'h', "help", .help = "show this and exit", FLAG(help)},
    {'V', "version", .help = "show the version and exit", FLAG(version)},
    {'v', "verbose", "[=LEVEL]", "name each item; -vv: log frames and heads, too",
     .take = take_verbose, .accepts = is_level},
    {'q', "quiet", .help = "say nothing on standard error", FLAG(quiet)},

    HEADING("What is sent (in this order, before the lines of standard input):"),
    {'t', "text", "TEXT", "a text message", .take = take_text},
    {'\0', "hex", "BYTES", "a binary message, such as '00 ff'", .take = take_hex},
    {'\0', "file", "FILE", "a file as one message; - for standard input", .take = take_file},
    {'\0', "ping", "[=TEXT]", "a ping, whose pong is shown", .take = take_ping},
    {'b', "binary", .help = "lines and files as binary messages", FLAG(binary)},
    {'\0', "chunks", "[=SIZE]", "standard input as binary messages, as it arrives",
     .take = take_chunks},
    {'\0', "delay", .help = "wait so long between two messages", SECONDS(delay_ms)},
    {'\0', "slash", .help = "lines may be commands: /ping /pong /hex /file /close", FLAG(slash)},

    HEADING("What is shown:"),
    {'r', "raw", .help = "messages byte for byte; no prompt, no colours", FLAG(raw)},
    {'N', "no-newline", .help = "with --raw: nothing behind a message", FLAG(no_newline)},
    {'j', "json", .help = "each event as a line of JSON", FLAG(json)},
    {'\0', "bytes", "FORM", "binary messages as escaped, hex or base64", .take = take_bytes},
    {'\0', "timings", .help = "how many seconds have passed", FLAG(timings)},

    HEADING("When it ends:"),
    {'c', "count", "N", "after so many messages", .take = take_count},
    {'\0', "eof-wait", "SECONDS", "so long after the end of the input; or forever",
     .take = take_eof_wait},
    {'\0', "timeout", .help = "when nothing has come for so long", SECONDS(timeout_ms)},
    {'m', "max-time", .help = "when all has taken so long", SECONDS(max_time_ms)},
    {'\0', "connect-timeout", .help = "when connecting takes so long", SECONDS(connect_ms)},
    {'\0', "close-timeout", .help = "when closing stands still for so long", SECONDS(close_ms)},
    {'\0', "ping-interval", .help = "ping so often", SECONDS(ping_interval_ms)},
    {'\0', "ping-timeout", .help = "when a pong is missing for so long", SECONDS(ping_timeout_ms)},
    {'\0', "reconnect", "[=N]", "connect again, at most N times in a row", .take = take_reconnect},
    {'\0', "max-size", "BYTES", "largest message, such as 16M; 0 for any", .take = take_max_size},

    HEADING("Request:"),
    {'H', "header", "LINE", "a header line 'Name: value'", .take = take_header},
    {'\0', "headers", "LINES", "header lines with commas between", .take = take_headers},
    {'o', "origin", "ORIGIN", "the Origin header", .set = wsline_options_set_origin_header},
    {'\0', "no-origin", .help = "no Origin header", FLAG(no_origin)},
    {'\0', "host", "HOST", "the Host header", .set = wsline_options_set_host_header},
    {'s', "subprotocols", "[=NAME...]", "offer these, with blanks or commas between",
     .take = take_subprotocols, .accepts = is_subprotocols},
    {'u', "user", "NAME:PASSWORD", "log in; @FILE reads it from a file", .take = take_user},
    {'\0', "bearer", "TOKEN", "log in; @FILE reads it from a file", .take = take_bearer},
    {'\0', "cookie", "COOKIES", "send 'name=value; other=value'",
     .set = wsline_options_set_cookie_header},
    {'\0', "keep-cookies", .help = "send back what redirects and answers set", FLAG(keep_cookies)},
    {'\0', "max-redirects", "N", "follow at most so many; 3 unless set",
     .take = take_max_redirects},
    {'\0', "deflate", .help = "offer permessage-deflate", FLAG(deflate)},

    HEADING("Way:"),
    {'p', "proxy", "URL", "http, https, socks4, socks4a, socks5, socks5h", .take = take_proxy},
    {'\0', "no-proxy", .help = "no proxy, whatever the environment says", FLAG(no_proxy)},
    {'4', "ipv4", .help = "IPv4 addresses alone", FLAG(ipv4)},
    {'6', "ipv6", .help = "IPv6 addresses alone", FLAG(ipv6)},

    HEADING("TLS:"),
    {'n', "nocert", .help = "do not verify the server; insecure", FLAG(unverified)},
    {'k', "insecure", .help = "the same", FLAG(unverified)},
    {'\0', "cacert", "FILE", "trust the authorities in FILE alone",
     .set = wsline_options_set_tls_ca_file},
    {'\0', "server-name", "NAME", "of the server's certificate, in place of the URL's",
     .set = wsline_options_set_tls_server_name},
    {'\0', "cert", "FILE", "client certificate", .set = wsline_options_set_tls_certificate_file},
    {'\0', "key", "FILE", "its key, where not in the same file",
     .set = wsline_options_set_tls_key_file},
    {'\0', "key-password", "PASSWORD", "of the key; @FILE reads it from a file",
     .take = take_key_password},
    {'\0', "keylog", "FILE", "write the secrets there, for Wireshark",
     .set = wsline_options_set_tls_keylog_file},
    {.help = NULL},
};
