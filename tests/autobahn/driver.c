/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client that run.py tests: an echo in every case of the fuzzing server.
 *
 * usage: driver URL
 *
 * The exit status shows whether the run was completed, not whether cases passed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <wsline.h>

#define AGENT "wsline"

/* The server ends a hanging case long before this. */
#define STEP_TIMEOUT_MS  120000
#define CLOSE_TIMEOUT_MS 2000

#define MAX_MESSAGE_BYTES (64u << 20)
#define NO_LIMIT          0

static wsline_options *make_options(void) {
    wsline_options *options = NULL;

    if (wsline_options_new(&options) != WSLINE_OK ||
        wsline_options_set_timeout_ms(options, STEP_TIMEOUT_MS) != WSLINE_OK ||
        wsline_options_set_max_message_bytes(options, MAX_MESSAGE_BYTES) != WSLINE_OK ||
        wsline_options_set_max_fragments(options, NO_LIMIT) != WSLINE_OK ||
        wsline_options_set_deflate(options, true) != WSLINE_OK ||
        wsline_options_set_deflate_threshold_bytes(options, 0) != WSLINE_OK) {
        wsline_options_free(options);
        return NULL;
    }
    return options;
}

/* Failures are reported and return NULL: a failed case must not end the run. */
static wsline_conn *open_connection(const wsline_options *options, const char *server,
                                    const char *resource) {
    wsline_conn *conn = NULL;
    char url[256];
    int length = snprintf(url, sizeof url, "%s%s", server, resource);

    if (length < 0 || (size_t)length >= sizeof url) {
        fprintf(stderr, "driver: URL too long: %s\n", server);
    } else if (wsline_connect(url, options, &conn) != WSLINE_OK) {
        fprintf(stderr, "driver: %s: %s\n", url, wsline_last_error_message());
    }
    return conn;
}

static void end_connection(wsline_conn *conn) {
    wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, CLOSE_TIMEOUT_MS);
    wsline_conn_free(conn);
}

/* Returns -1 on failure. */
static long get_case_count(const wsline_options *options, const char *server) {
    wsline_conn *conn = open_connection(options, server, "/getCaseCount");
    wsline_message message;
    long count = -1;

    if (conn != NULL && wsline_conn_recv(conn, WSLINE_DEFAULT_TIMEOUT, &message) == WSLINE_OK) {
        count = strtol((const char *)message.data, NULL, 10);
    }
    end_connection(conn);
    return count;
}

/* Returns whether there was a connection on which to run the case. */
static bool run_case(const wsline_options *options, const char *server, long number) {
    char resource[64];
    wsline_conn *conn;
    wsline_message message;

    snprintf(resource, sizeof resource, "/runCase?case=%ld&agent=" AGENT, number);
    conn = open_connection(options, server, resource);
    if (conn == NULL) {
        return false;
    }
    while (wsline_conn_recv(conn, WSLINE_DEFAULT_TIMEOUT, &message) == WSLINE_OK &&
           wsline_conn_send(conn, message.opcode, message.data, message.len) == WSLINE_OK) {
    }
    end_connection(conn);
    return true;
}

/* The status arrives when the server has recorded the end of the case in its report. */
static void wait_for_case(const wsline_options *options, const char *server, long number) {
    char resource[64];
    wsline_conn *conn;
    wsline_message message;

    snprintf(resource, sizeof resource, "/getCaseStatus?case=%ld&agent=" AGENT, number);
    conn = open_connection(options, server, resource);
    if (conn != NULL && wsline_conn_recv(conn, WSLINE_DEFAULT_TIMEOUT, &message) != WSLINE_OK) {
        fprintf(stderr, "driver: case %ld: no status: %s\n", number, wsline_last_error_message());
    }
    end_connection(conn);
}

/* The server writes the report and then closes. */
static bool update_reports(const wsline_options *options, const char *server) {
    wsline_conn *conn = open_connection(options, server, "/updateReports?agent=" AGENT);
    wsline_message message;
    bool updated;

    if (conn == NULL) {
        return false;
    }
    updated = wsline_conn_recv(conn, WSLINE_DEFAULT_TIMEOUT, &message) == WSLINE_ERR_CLOSED;
    end_connection(conn);
    return updated;
}

int main(int argc, char **argv) {
    const char *server = argv[argc - 1];
    wsline_options *options;
    long count;
    bool completed;

    if (argc != 2) {
        fprintf(stderr, "usage: driver URL\n");
        return 2;
    }
    options = make_options();
    if (options == NULL) {
        fprintf(stderr, "driver: %s\n", wsline_last_error_message());
        return 1;
    }
    count = get_case_count(options, server);
    for (long number = 1; number <= count; number++) {
        if (run_case(options, server, number)) {
            wait_for_case(options, server, number);
        }
    }
    completed = count >= 0 && update_reports(options, server);
    wsline_options_free(options);
    return completed ? 0 : 1;
}
