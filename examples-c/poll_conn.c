/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking connection inside the program's own poll(2) loop, along with standard input: typed
 * lines are sent and messages are printed. The end of the input closes the connection. poll_loop.c
 * does the same with an app.
 *
 *   poll_conn ws://127.0.0.1:8080/
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <wsline.h>

/* Receives until nothing is left, as an edge-triggered watcher must. */
static wsline_status print_messages(wsline_conn *conn) {
    wsline_message message;
    wsline_status status;

    while ((status = wsline_conn_recv(conn, 0, &message)) == WSLINE_OK) {
        fwrite(message.data, 1, message.len, stdout);
        putchar('\n');
        fflush(stdout);
    }
    return status;
}

/* Sends one line. fgets(3) may read ahead, so standard input is not buffered. */
static wsline_status send_line(wsline_conn *conn) {
    char line[4096];

    if (fgets(line, sizeof line, stdin) == NULL)
        return wsline_conn_close(conn, WSLINE_CLOSE_NORMAL, NULL, WSLINE_DEFAULT_TIMEOUT);
    return wsline_conn_send_text(conn, line, strcspn(line, "\n"));
}

int main(int argc, char **argv) {
    wsline_conn *conn = NULL;
    wsline_status status;
    int32_t fd = -1;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    setvbuf(stdin, NULL, _IONBF, 0);
    status = wsline_connect(argv[1], NULL, &conn);
    if (status == WSLINE_OK) status = wsline_conn_poll_fd(conn, &fd);
    while (status == WSLINE_OK) {
        struct pollfd fds[] = {{fileno(stdin), POLLIN, 0}, {fd, POLLIN, 0}};

        if (poll(fds, 2, -1) < 0 && errno != EINTR) break;
        if (fds[0].revents != 0) status = send_line(conn);
        if (fds[1].revents != 0 && status == WSLINE_OK) {
            status = print_messages(conn);
            if (status == WSLINE_ERR_TIMEOUT) status = WSLINE_OK;
        }
    }
    if (status != WSLINE_OK && status != WSLINE_ERR_CLOSED)
        fprintf(stderr, "%s\n", wsline_last_error_message());
    wsline_conn_free(conn);
    return status == WSLINE_ERR_CLOSED ? 0 : 1;
}
