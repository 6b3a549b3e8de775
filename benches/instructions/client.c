/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client WORK URL SIZE BATCH BATCHES [CA-FILE]: does BATCHES times the work for BATCH messages of
 * SIZE bytes. See run.py.
 *
 * callgrind counts only inside the functions measured_*(). The work of the client outside of them
 * makes the counts repeatable: a batch is received when all of it has arrived, and the next batch
 * is sent when the server has read the last one.
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <wsline.h>

#define MEASURED __attribute__((noinline))

enum { SOCKET_BUFFER = 1 << 20, CLOSE_TIMEOUT_MS = 30000 };

static struct {
    const char *name, *url;
    size_t size;
    unsigned batch, batches;
    uint8_t *payload;
    unsigned received; /* if driven by an app */
} work;

static void fail(const char *what) {
    fprintf(stderr, "client: %s: %s: %s\n", work.name, what, wsline_last_error_message());
    exit(1);
}

static void check(wsline_status status, const char *what) {
    if (status != WSLINE_OK) fail(what);
}

static void check_message(const wsline_message *message) {
    if (message->opcode != WSLINE_OPCODE_BINARY || message->len != work.size)
        fail("an unexpected message");
}

/* ---- measured ---- */

void measured_connect(const wsline_options *options);
void measured_send(wsline_conn *conn);
void measured_receive(wsline_conn *conn);
void measured_app(wsline_app *app);

MEASURED void measured_connect(const wsline_options *options) {
    wsline_conn *conn;

    check(wsline_connect(work.url, options, &conn), "connect");
    check(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, CLOSE_TIMEOUT_MS), "close");
    wsline_conn_free(conn);
}

MEASURED void measured_send(wsline_conn *conn) {
    if (work.batch == 1) {
        check(wsline_conn_send_binary(conn, work.payload, work.size), "send");
        return;
    }
    check(wsline_conn_cork(conn), "cork");
    for (unsigned i = 0; i < work.batch; i++)
        check(wsline_conn_send_binary(conn, work.payload, work.size), "send");
    check(wsline_conn_uncork(conn), "uncork");
}

MEASURED void measured_receive(wsline_conn *conn) {
    wsline_message message;

    for (unsigned i = 0; i < work.batch; i++) {
        check(wsline_conn_recv(conn, WSLINE_FOREVER, &message), "receive");
        check_message(&message);
    }
}

MEASURED void measured_app(wsline_app *app) { check(wsline_app_run(app), "run the app"); }

/* ---- not measured ---- */

static void send_request(wsline_conn *conn) {
    check(wsline_conn_send_text(conn, "next", WSLINE_NUL_TERMINATED), "send a request");
}

static void receive_acknowledgement(wsline_conn *conn) {
    wsline_message message;

    check(wsline_conn_recv(conn, WSLINE_FOREVER, &message), "receive an acknowledgement");
}

/* Leaves the batch in the socket. */
static void wait_for_batch(const wsline_conn *conn) {
    static uint8_t arrived[SOCKET_BUFFER];
    size_t header = work.size < 126 ? 2 : work.size < 65536 ? 4 : 10;
    size_t expected = work.batch * (header + work.size);
    ssize_t len;

    if (expected > sizeof arrived) fail("the batch is too large");
    do {
        len = recv(wsline_conn_fd(conn), arrived, expected, MSG_PEEK | MSG_WAITALL);
        if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR)) fail("wait for a batch");
    } while (len < (ssize_t)expected);
}

static void do_batch(wsline_conn *conn) {
    if (strcmp(work.name, "receive") == 0) {
        send_request(conn);
        wait_for_batch(conn);
        measured_receive(conn);
    } else if (strcmp(work.name, "send") == 0) {
        measured_send(conn);
        receive_acknowledgement(conn);
    } else {
        measured_send(conn);
        if (work.batch > 1) wait_for_batch(conn);
        measured_receive(conn);
    }
}

static void send_back(wsline_app *app, const wsline_message *message, void *userdata) {
    (void)userdata;
    check_message(message);
    work.received++;
    if (work.received < work.batches)
        check(wsline_app_send_binary(app, message->data, message->len), "send back");
    else
        check(wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL), "close the app");
}

static void send_first(wsline_app *app, void *userdata) {
    (void)userdata;
    check(wsline_app_send_binary(app, work.payload, work.size), "send the first");
}

static void run_app(const wsline_options *options) {
    wsline_app *app;

    check(wsline_app_new(work.url, options, &app), "make an app");
    check(wsline_app_on_open(app, send_first, NULL, NULL), "on_open");
    check(wsline_app_on_message(app, send_back, NULL, NULL), "on_message");
    measured_app(app);
    wsline_app_free(app);
}

static void run_batches(wsline_options *options) {
    wsline_conn *conn;
    int size = SOCKET_BUFFER;

    if (work.batch > 1) {
        /* Large enough for a batch. */
        check(wsline_options_add_socket_option(options, SOL_SOCKET, SO_RCVBUF, &size, sizeof size),
              "SO_RCVBUF");
        check(wsline_options_add_socket_option(options, SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
              "SO_SNDBUF");
    }
    check(wsline_connect(work.url, options, &conn), "connect");
    for (unsigned i = 0; i < work.batches; i++) do_batch(conn);
    check(wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, CLOSE_TIMEOUT_MS), "close");
    wsline_conn_free(conn);
}

int main(int argc, char **argv) {
    wsline_options *options;

    if (argc < 6) return 2;
    work.name = argv[1];
    work.url = argv[2];
    work.size = (size_t)strtoul(argv[3], NULL, 10);
    work.batch = (unsigned)strtoul(argv[4], NULL, 10);
    work.batches = (unsigned)strtoul(argv[5], NULL, 10);
    work.payload = malloc(work.size + 1);
    if (work.payload == NULL) return 1;
    memset(work.payload, 'a', work.size);
    check(wsline_options_new(&options), "options");
    if (argc > 6) check(wsline_options_set_tls_ca_file(options, argv[6]), "CA file");
    if (strcmp(work.name, "connect") == 0)
        for (unsigned i = 0; i < work.batches; i++) measured_connect(options);
    else if (strcmp(work.name, "app") == 0)
        run_app(options);
    else
        run_batches(options);
    wsline_options_free(options);
    free(work.payload);
    return 0;
}
