/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_SETTINGS_H
#define WSDUMP_SETTINGS_H

#include "bytes.h"

#include <wsline.h>

/* A message or a ping. */
struct item {
    int32_t opcode;
    uint8_t *data;
    size_t len;
};

/* The settings from the command line. */
struct settings {
    wsline_options *options;
    char *url;
    const char *assumption; /* message about what was assumed about the URL, or NULL */
    struct item *items;     /* sent when a connection has opened */
    size_t item_count;
    uint64_t count;                                           /* of messages; 0: any */
    int64_t eof_wait_ms, timeout_ms, max_time_ms, connect_ms; /* WSLINE_FOREVER: none */
    uint64_t chunk_bytes;                                     /* of input; 0: lines */
    int64_t delay_ms;                                         /* between two messages */
    int64_t close_ms;                          /* WSLINE_DEFAULT_TIMEOUT: that of the library */
    int64_t ping_interval_ms, ping_timeout_ms; /* 0: none */
    int verbosity;
    enum bytes_form bytes;
    bool help, version;
    bool quiet, raw, no_newline, json, timings;
    bool binary, slash, pings;
    bool has_eof_wait, has_user_agent, has_proxy, no_proxy, offers_subprotocols;
    bool no_origin, keep_cookies, deflate, unverified, ipv4, ipv6;
};

/* False after an error message. Always fills `*settings`, which settings_free() frees. */
bool settings_read(struct settings *settings, int argc, char **argv);
void settings_free(struct settings *settings);

/* Adds an item to send when a connection opens; takes ownership of the data. False when out of
 * memory. */
bool settings_add_item(struct settings *settings, int32_t opcode, uint8_t *data, size_t len);

/* Placeholder for the opcode of a file until all options are read, as --binary may come later. */
#define OPCODE_OF_FILE ((int32_t)-1)

#endif
