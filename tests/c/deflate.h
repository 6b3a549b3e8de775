/* SPDX-License-Identifier: Apache-2.0 */
/* Echo servers with permessage-deflate, and their reports about the frames they received. */
#ifndef WSLINE_TESTS_DEFLATE_H
#define WSLINE_TESTS_DEFLATE_H

#include "message.h"
#include "payload.h"
#include "peer.h"

/* Over TCP and over TLS; the first three use TCP. */
static const char *const deflate_servers[] = {
    "DEFLATE_WEBSOCKETS",     "DEFLATE_WS",     "DEFLATE_AIOHTTP",
    "DEFLATE_WEBSOCKETS_TLS", "DEFLATE_WS_TLS", "DEFLATE_AIOHTTP_TLS",
};
enum { DEFLATE_TCP_SERVERS = 3 };

/* Options that offer permessage-deflate and compress short messages too. */
static inline wsline_options *deflate_options(void) {
    wsline_options *options = peer_options();

    REQUIRE_OK(wsline_options_set_deflate(options, true));
    REQUIRE_OK(wsline_options_set_deflate_threshold_bytes(options, 0));
    return options;
}

/* Takes ownership of the options. */
static inline wsline_conn *deflate_connect(const char *peer, const char *path,
                                           wsline_options *options) {
    wsline_conn *conn = peer_connect(peer, path, options);

    wsline_options_free(options);
    return conn;
}

/* What a server has received on one connection, excluding the requests for this report. Initialise
 * it with zeros. */
struct report {
    char line[2048];
    int64_t asked;
    int64_t messages, compressed, frames, wire_bytes, pings_and_pongs;
};

/* The number with this name in a line of JSON; -1 if there is none. */
static inline int64_t report_number(const char *line, const char *name) {
    char key[64];
    const char *found;

    snprintf(key, sizeof key, "\"%s\":", name);
    found = strstr(line, key);
    return found == NULL ? -1 : strtoll(found + strlen(key), NULL, 10);
}

static inline void report_get(wsline_conn *conn, struct report *report) {
    static const char question[] = "report";
    size_t len = sizeof question - 1;
    wsline_message message;

    REQUIRE_OK(
        wsline_conn_send(conn, WSLINE_OPCODE_TEXT | WSLINE_SEND_UNCOMPRESSED, question, len));
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    snprintf(report->line, sizeof report->line, "%s", (const char *)message.data);
    report->asked++;
    report->messages = report_number(report->line, "messages") - report->asked;
    report->compressed = report_number(report->line, "compressed");
    report->frames = report_number(report->line, "frames") - report->asked;
    report->wire_bytes = report_number(report->line, "wire_bytes") - report->asked * (int64_t)len;
    report->pings_and_pongs = report_number(report->line, "pings_and_pongs");
}

/* The string with this name in the report, without quotes; "" if it is null. */
static inline const char *report_text(const struct report *report, const char *name, char *text,
                                      size_t size) {
    char key[64];
    const char *found;
    size_t len = 0;

    snprintf(key, sizeof key, "\"%s\":", name);
    found = strstr(report->line, key);
    if (found != NULL) {
        found += strlen(key);
        found += strspn(found, " ");
        if (*found == '"') len = strcspn(++found, "\"");
    }
    REQUIRE(len < size);
    memcpy(text, found, len);
    text[len] = '\0';
    return text;
}

static inline uint64_t received_bytes(const wsline_conn *conn) {
    wsline_stats stats;

    REQUIRE_OK(wsline_conn_stats(conn, &stats));
    return stats.bytes_received;
}

/* Sends a message and expects its echo. */
static inline void echo_message(wsline_conn *conn, int32_t opcode, const void *data, size_t len) {
    REQUIRE_OK(wsline_conn_send(conn, opcode, data, len));
    expect_message(conn, opcode, data, len);
}

#endif
