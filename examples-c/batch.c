/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch URL: sends many small messages with few system calls and few bytes. They are buffered
 * between wsline_conn_cork() and wsline_conn_uncork(), and compressed if the server accepts
 * compression.
 */
#include <stdio.h>
#include <wsline.h>

enum { MESSAGES = 1000 };

static wsline_status send_batch(wsline_conn *conn) {
    char order[128];
    wsline_status status = wsline_conn_cork(conn);

    for (int i = 0; i < MESSAGES && status == WSLINE_OK; i++) {
        int len = snprintf(order, sizeof order,
                           "{\"id\":%d,\"side\":\"%s\",\"symbol\":\"ABC\",\"price\":%d.50}", i,
                           i % 2 == 0 ? "buy" : "sell", 100 + i % 7);
        status = wsline_conn_send_text(conn, order, (size_t)len);
    }
    return status == WSLINE_OK ? wsline_conn_uncork(conn) : status;
}

static wsline_status receive_batch(wsline_conn *conn) {
    wsline_message message;
    wsline_status status = WSLINE_OK;

    for (int i = 0; i < MESSAGES && status == WSLINE_OK; i++)
        status = wsline_conn_recv(conn, WSLINE_DEFAULT_TIMEOUT, &message);
    return status;
}

int main(int argc, char **argv) {
    wsline_options *options = NULL;
    wsline_conn *conn = NULL;
    wsline_stats before, after;
    const char *extensions;
    wsline_status status;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    status = wsline_options_new(&options);
    if (status == WSLINE_OK) status = wsline_options_set_deflate(options, true);
    if (status == WSLINE_OK) /* Each message is short, but similar to the others. */
        status = wsline_options_set_deflate_threshold_bytes(options, 0);
    if (status == WSLINE_OK) status = wsline_connect(argv[1], options, &conn);
    if (status == WSLINE_OK) status = wsline_conn_stats(conn, &before);
    if (status == WSLINE_OK) status = send_batch(conn);
    if (status == WSLINE_OK) status = receive_batch(conn);
    if (status == WSLINE_OK) status = wsline_conn_stats(conn, &after);
    if (status == WSLINE_OK) {
        extensions = wsline_conn_extensions(conn);
        printf("extensions  %s\n", extensions == NULL ? "none" : extensions);
        printf("sent        %d messages in %llu bytes\n", MESSAGES,
               (unsigned long long)(after.bytes_sent - before.bytes_sent));
    } else {
        fprintf(stderr, "%s\n", wsline_last_error_message());
    }
    wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WSLINE_DEFAULT_TIMEOUT);
    wsline_conn_free(conn);
    wsline_options_free(options);
    return status == WSLINE_OK ? 0 : 1;
}
