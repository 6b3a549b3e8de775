/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream URL: sends and receives a message of any size in little memory. Sends standard input as
 * one binary message, one fragment per read, then writes the reply to standard output part by part
 * as it arrives.
 */
#include <stdbool.h>
#include <stdio.h>
#include <wsline.h>

static wsline_status send_input(wsline_conn *conn) {
    char part[65536];
    wsline_status status = WSLINE_OK;
    bool is_last = false;

    while (status == WSLINE_OK && !is_last) {
        size_t len = fread(part, 1, sizeof part, stdin);
        is_last = len < sizeof part;
        status = wsline_conn_send_fragment(conn, WSLINE_OPCODE_BINARY, part, len, is_last);
    }
    return status;
}

static wsline_status write_reply(wsline_conn *conn) {
    wsline_message part = {0};
    wsline_status status = WSLINE_OK;

    while (status == WSLINE_OK && (part.flags & WSLINE_MESSAGE_LAST) == 0) {
        status = wsline_conn_recv_part(conn, WSLINE_DEFAULT_TIMEOUT, &part);
        if (status == WSLINE_OK) fwrite(part.data, 1, part.len, stdout);
    }
    return status;
}

int main(int argc, char **argv) {
    wsline_conn *conn = NULL;
    wsline_status status;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URL < FILE > REPLY\n", argv[0]);
        return 2;
    }
    status = wsline_connect(argv[1], NULL, &conn);
    if (status == WSLINE_OK) status = send_input(conn);
    if (status == WSLINE_OK) status = write_reply(conn);
    if (status != WSLINE_OK) fprintf(stderr, "%s\n", wsline_last_error_message());
    wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WSLINE_DEFAULT_TIMEOUT);
    wsline_conn_free(conn);
    return status == WSLINE_OK ? 0 : 1;
}
