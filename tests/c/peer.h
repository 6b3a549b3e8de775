/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The servers under test. tests/peers/run.py starts them and leaves their addresses in the
 * environment: peer "WS_TLS" is at $WSLINE_TEST_WS_TLS_URL.
 */
#ifndef WSLINE_TESTS_PEER_H
#define WSLINE_TESTS_PEER_H

#include "check.h"

enum { PEER_URL_MAX = 4096 };

/* The echo servers over TCP and TLS, for tests that must pass with each of them. */
static const char *const peer_echo_servers[] = {"WEBSOCKETS", "WS", "WEBSOCKETS_TLS", "WS_TLS"};

static inline const char *peer_variable(const char *peer, const char *suffix) {
    char name[128];
    const char *value;

    snprintf(name, sizeof name, "WSLINE_TEST_%s%s", peer, suffix);
    value = getenv(name);
    if (value == NULL)
        fprintf(stderr, "%s is not set: run this program through tests/peers/run.py\n", name);
    REQUIRE(value != NULL);
    return value;
}

static inline void peer_url(char url[PEER_URL_MAX], const char *peer, const char *path) {
    int len = snprintf(url, PEER_URL_MAX, "%s%s", peer_variable(peer, "_URL"), path);

    REQUIRE(0 < len && len < PEER_URL_MAX);
}

/* The path of a file of the test PKI. */
static inline const char *peer_pki(char path[PEER_URL_MAX], const char *file) {
    int len = snprintf(path, PEER_URL_MAX, "%s/%s", peer_variable("PKI", ""), file);

    REQUIRE(0 < len && len < PEER_URL_MAX);
    return path;
}

/* New options that trust the test CA and allow servers enough time. */
static inline wsline_options *peer_options(void) {
    wsline_options *options = NULL;
    const char *ca = getenv("WSLINE_TEST_CA");

    REQUIRE_OK(wsline_options_new(&options));
    /* Most tests do not depend on the response time of a server. */
    REQUIRE_OK(wsline_options_set_connect_timeout_ms(options, WAIT_MS));
    REQUIRE_OK(wsline_options_set_close_timeout_ms(options, WAIT_MS));
    if (ca != NULL) REQUIRE_OK(wsline_options_set_tls_ca_file(options, ca));
    return options;
}

/* Connects and returns the status; `*conn_out` stays NULL unless it succeeds. */
static inline wsline_status peer_try(const char *peer, const char *path,
                                     const wsline_options *options, wsline_conn **conn_out) {
    char url[PEER_URL_MAX];

    peer_url(url, peer, path);
    return wsline_connect(url, options, conn_out);
}

/* An open connection; ends the test on failure. */
static inline wsline_conn *peer_connect(const char *peer, const char *path,
                                        const wsline_options *options) {
    wsline_conn *conn = NULL;
    wsline_options *own = options == NULL ? peer_options() : NULL;
    wsline_status status = peer_try(peer, path, options == NULL ? own : options, &conn);

    CHECK_STATUS(WSLINE_OK, status);
    wsline_options_free(own);
    REQUIRE(status == WSLINE_OK && conn != NULL);
    return conn;
}

/* Closes a connection that should still be open. */
static inline void peer_hang_up(wsline_conn *conn) {
    CHECK_OK(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WAIT_MS));
    wsline_conn_free(conn);
}

/*
 * What the misbehaving server recorded about the connection whose URL had id=ID in its query, as a
 * line of JSON. Waits for the end of that connection.
 */
static inline void peer_journal(const char *id, char *line, size_t size) {
    char path[128];
    wsline_message message;
    wsline_conn *conn;

    snprintf(path, sizeof path, "/journal?id=%s", id);
    conn = peer_connect("FAULTS", path, NULL);
    REQUIRE_OK(wsline_conn_recv(conn, WAIT_MS, &message));
    snprintf(line, size, "%s", (const char *)message.data);
    peer_hang_up(conn);
}

#endif
