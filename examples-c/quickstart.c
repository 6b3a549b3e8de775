/* SPDX-License-Identifier: Apache-2.0 */
/* Sends a greeting to an echo server and prints the reply.
 *
 *   quickstart ws://127.0.0.1:8080/
 *
 * If WSLINE_TRACE is set in the environment, it logs the handshake and all frames.
 */
#include <stdio.h>
#include <stdlib.h>
#include <wsline.h>

int main(int argc, char **argv) {
    wsline_conn *conn = NULL;
    wsline_message message;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    wsline_set_trace(getenv("WSLINE_TRACE") != NULL);
    wsline_status status = wsline_connect(argv[1], NULL, &conn);
    if (status == WSLINE_OK)
        status = wsline_conn_send_text(conn, "Hello, Server", WSLINE_NUL_TERMINATED);
    if (status == WSLINE_OK) status = wsline_conn_recv(conn, 5000, &message);
    if (status == WSLINE_OK) printf("%s\n", (const char *)message.data);
    if (status != WSLINE_OK) fprintf(stderr, "%s\n", wsline_last_error_message());
    wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, 3000);
    wsline_conn_free(conn);
    return status == WSLINE_OK ? 0 : 1;
}
