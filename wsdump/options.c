/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, and the functions that take their values. */
#include "options.h"

#include "headers.h"
#include "values.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_CHUNK = 1 << 16, LARGEST_CHUNK = 1 << 30 }; /* bytes */

static const char *out_of_memory = "out of memory";

static const char *error_of(wsline_status status) {
    return status == WSLINE_OK ? NULL : value_library_error();
}

/* ---- General ---- */

/* "2", or the v's that follow a -v. */
static bool is_level(const char *word) {
    return *word != '\0' &&
           (word[strspn(word, "0123456789")] == '\0' || word[strspn(word, "v")] == '\0');
}

static const char *take_verbose(struct settings *settings, const char *value) {
    uint64_t level = (uint64_t)settings->verbosity + 1;

    if (value != NULL && *value == 'v')
        level += strlen(value);
    else if (value != NULL && !value_number(value, 9, &level))
        return "not a level (0, 1 or 2)";
    settings->verbosity = (int)level;
    return NULL;
}

/* ---- Sending ---- */

static const char *add(struct settings *settings, int32_t opcode, const char *text) {
    return settings_add_item(settings, opcode, (uint8_t *)strdup(text), strlen(text))
               ? NULL
               : out_of_memory;
}

static const char *take_text(struct settings *settings, const char *value) {
    if (!wsline_utf8_is_valid(value, WSLINE_NUL_TERMINATED)) return "not UTF-8";
    return add(settings, WSLINE_OPCODE_TEXT, value);
}

static const char *take_hex(struct settings *settings, const char *value) {
    size_t len;
    uint8_t *data = malloc(strlen(value) / 2 + 1);

    if (data == NULL) return out_of_memory;
    if (!bytes_from_hex(value, data, &len)) {
        free(data);
        return "not pairs of hexadecimal digits";
    }
    return settings_add_item(settings, WSLINE_OPCODE_BINARY, data, len) ? NULL : out_of_memory;
}

static const char *take_file(struct settings *settings, const char *value) {
    size_t len = 0;
    uint8_t *data = value_file(value, &len);

    if (data == NULL) return value_error("%s: %s", value, strerror(errno));
    return settings_add_item(settings, OPCODE_OF_FILE, data, len) ? NULL : out_of_memory;
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

/* ---- Output ---- */

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

/* ---- Timeouts and limits ---- */

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
    return error_of(status);
}

static const char *take_max_size(struct settings *settings, const char *value) {
    uint64_t bytes;

    if (!value_size(value, &bytes)) return "not a number of bytes";
    return error_of(wsline_options_set_max_message_bytes(settings->options, bytes));
}

/* ---- The request ---- */

static const char *take_header(struct settings *settings, const char *value) {
    return headers_add(settings, value, strlen(value));
}

static const char *take_headers(struct settings *settings, const char *value) {
    const char *error = NULL;

    while (error == NULL && *value != '\0') {
        size_t len = strcspn(value, ",");
        error = headers_add(settings, value, len);
        value += len + (value[len] == ',');
    }
    return error;
}

/* HTTP tokens separated by commas (RFC 9110 section 5.6.2); a URL is not one, as it has a colon. */
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

    if (user == NULL) return value_error("%s: %s", value + 1, strerror(errno));
    char *colon = strchr(user, ':');
    if (colon != NULL) *colon = '\0';
    const char *error = error_of(
        wsline_options_set_basic_auth(settings->options, user, colon == NULL ? "" : colon + 1));
    free(user);
    return error;
}

static const char *set_secret(struct settings *settings, const char *value,
                              wsline_status (*set)(wsline_options *, const char *)) {
    char *secret = value_secret(value);

    if (secret == NULL) return value_error("%s: %s", value + 1, strerror(errno));
    const char *error = error_of(set(settings->options, secret));
    free(secret);
    return error;
}

static const char *take_bearer(struct settings *settings, const char *value) {
    return set_secret(settings, value, wsline_options_set_bearer_token);
}

static const char *take_max_redirects(struct settings *settings, const char *value) {
    uint64_t limit;

    if (!value_number(value, UINT32_MAX, &limit)) return "not a number of redirects";
    return error_of(wsline_options_set_max_redirects(settings->options, (uint32_t)limit));
}

/* ---- Proxy and TLS ---- */

static const char *take_proxy(struct settings *settings, const char *value) {
    settings->has_proxy = true;
    return error_of(wsline_options_set_proxy_url(settings->options, value));
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
    {'v', "verbose", "[=LEVEL]", "name each event; -vv: log frames and headers",
     .take = take_verbose, .accepts = is_level},
    {'q', "quiet", .help = "print nothing on standard error", FLAG(quiet)},

    HEADING("Sending (in the order given, before standard input):"),
    {'t', "text", "TEXT", "send a text message", .take = take_text},
    {'\0', "hex", "BYTES", "send a binary message, such as '00 ff'", .take = take_hex},
    {'\0', "file", "FILE", "send a file as one message; - is stdin", .take = take_file},
    {'\0', "ping", "[=TEXT]", "send a ping and show its pong", .take = take_ping},
    {'b', "binary", .help = "send lines and files as binary messages", FLAG(binary)},
    {'\0', "chunks", "[=SIZE]", "send input as it arrives, in binary messages",
     .take = take_chunks},
    {'\0', "delay", .help = "wait this long between messages", SECONDS(delay_ms)},
    {'\0', "slash", .help = "accept /ping, /pong, /hex, /file and /close", FLAG(slash)},

    HEADING("Output:"),
    {'r', "raw", .help = "write messages byte for byte; no prompt", FLAG(raw)},
    {'N', "no-newline", .help = "with --raw: write no newline after a message", FLAG(no_newline)},
    {'j', "json", .help = "print each event as a line of JSON", FLAG(json)},
    {'\0', "bytes", "FORM", "form of binary messages: escaped, hex, base64", .take = take_bytes},
    {'\0', "timings", .help = "prefix each line with the elapsed seconds", FLAG(timings)},

    HEADING("Timeouts and limits:"),
    {'c', "count", "N", "end after this many messages", .take = take_count},
    {'\0', "eof-wait", "SECONDS", "wait this long after the end of input", .take = take_eof_wait},
    {'\0', "timeout", .help = "end if no message arrives for this long", SECONDS(timeout_ms)},
    {'m', "max-time", .help = "limit the time of the whole run", SECONDS(max_time_ms)},
    {'\0', "connect-timeout", .help = "limit the time for connecting", SECONDS(connect_ms)},
    {'\0', "close-timeout", .help = "end if closing stalls for this long", SECONDS(close_ms)},
    {'\0', "ping-interval", .help = "send a ping at this interval", SECONDS(ping_interval_ms)},
    {'\0', "ping-timeout", .help = "drop the connection if a pong is late",
     SECONDS(ping_timeout_ms)},
    {'\0', "reconnect", "[=N]", "reconnect, at most N times in a row", .take = take_reconnect},
    {'\0', "max-size", "BYTES", "largest message, such as 16M; 0 for no limit",
     .take = take_max_size},

    HEADING("Request:"),
    {'H', "header", "LINE", "add a header line 'Name: value'", .take = take_header},
    {'\0', "headers", "LINES", "add header lines, separated by commas", .take = take_headers},
    {'o', "origin", "ORIGIN", "set the Origin header", .set = wsline_options_set_origin_header},
    {'\0', "no-origin", .help = "omit the Origin header", FLAG(no_origin)},
    {'\0', "host", "HOST", "set the Host header", .set = wsline_options_set_host_header},
    {'s', "subprotocols", "[=NAME...]", "offer these, separated by spaces or commas",
     .take = take_subprotocols, .accepts = is_subprotocols},
    {'u', "user", "NAME:PASSWORD", "authenticate; @FILE reads them from a file", .take = take_user},
    {'\0', "bearer", "TOKEN", "authenticate; @FILE reads it from a file", .take = take_bearer},
    {'\0', "cookie", "COOKIES", "send 'name=value; other=value'",
     .set = wsline_options_set_cookie_header},
    {'\0', "keep-cookies", .help = "store cookies that servers set, and send them",
     FLAG(keep_cookies)},
    {'\0', "max-redirects", "N", "follow at most N redirects; default 3",
     .take = take_max_redirects},
    {'\0', "deflate", .help = "offer permessage-deflate", FLAG(deflate)},

    HEADING("Proxy and addresses:"),
    {'p', "proxy", "URL", "http, https, socks4, socks4a, socks5, socks5h", .take = take_proxy},
    {'\0', "no-proxy", .help = "use no proxy, and ignore the environment", FLAG(no_proxy)},
    {'4', "ipv4", .help = "use only IPv4 addresses", FLAG(ipv4)},
    {'6', "ipv6", .help = "use only IPv6 addresses", FLAG(ipv6)},

    HEADING("TLS:"),
    {'n', "nocert", .help = "do not verify the server's certificate", FLAG(unverified)},
    {'k', "insecure", .help = "same as --nocert", FLAG(unverified)},
    {'\0', "cacert", "FILE", "trust only the authorities in FILE",
     .set = wsline_options_set_tls_ca_file},
    {'\0', "server-name", "NAME", "verify this name, not the host in the URL",
     .set = wsline_options_set_tls_server_name},
    {'\0', "cert", "FILE", "use this client certificate",
     .set = wsline_options_set_tls_certificate_file},
    {'\0', "key", "FILE", "its key, if not in the same file",
     .set = wsline_options_set_tls_key_file},
    {'\0', "key-password", "PASSWORD", "the key's password; @FILE reads it from a file",
     .take = take_key_password},
    {'\0', "keylog", "FILE", "write the TLS secrets to FILE for Wireshark",
     .set = wsline_options_set_tls_keylog_file},
    {.help = NULL},
};
