/* SPDX-License-Identifier: Apache-2.0 */
/* A wsline_loop inside the program's own poll(2) loop, along with standard input: typed lines are
 * sent and messages are printed. The end of the input closes the connection; many servers do not
 * reply to messages that arrive just before the close.
 *
 *   poll_loop ws://127.0.0.1:8080/
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wsline.h>

enum { RUNNING = -1 };          /* no exit status yet */
enum { MOST_UNSENT = 1 << 20 }; /* bytes; above this, input is not read */

static void on_message(wsline_app *app, const wsline_message *message, void *userdata) {
    (void)app;
    (void)userdata;
    fwrite(message->data, 1, message->len, stdout);
    putchar('\n');
    fflush(stdout);
}

/* Without reconnecting, an app ends after an error... */
static void on_error(wsline_app *app, const wsline_error_info *info, void *exit_status) {
    (void)app;
    fprintf(stderr, "%s\n", info->message);
    *(int *)exit_status = 1;
}

/* ...or when its connection closes, possibly after an error. */
static void on_close(wsline_app *app, const wsline_close_info *info, void *exit_status) {
    (void)app;
    (void)info;
    if (*(int *)exit_status == RUNNING) *(int *)exit_status = 0;
}

static void send_line(wsline_app *app, const char *line, size_t len) {
    if (wsline_app_send_text(app, line, len) != WSLINE_OK)
        fprintf(stderr, "not sent: %s\n", wsline_last_error_message());
}

/* Sends the complete lines and keeps the start of the next one. */
static void send_input(wsline_app *app) {
    static char input[65536];
    static size_t len = 0;
    ssize_t got = read(STDIN_FILENO, input + len, sizeof input - len);
    char *line = input, *end;

    if (got > 0) len += (size_t)got;
    while ((end = memchr(line, '\n', len)) != NULL) {
        send_line(app, line, (size_t)(end - line));
        len -= (size_t)(end + 1 - line);
        line = end + 1;
    }
    memmove(input, line, len);
    if (len == sizeof input || (got <= 0 && len > 0)) {
        send_line(app, input, len);
        len = 0;
    }
    if (got <= 0) wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
}

/* poll(2) takes an int; -1 means no timeout, as does WSLINE_FOREVER. */
static int poll_timeout(const wsline_loop *loop) {
    int64_t timeout_ms = wsline_loop_next_timeout_ms(loop);
    return timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
}

int main(int argc, char **argv) {
    wsline_loop *loop = NULL;
    wsline_app *app = NULL;
    int exit_status = RUNNING;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    if (wsline_loop_new(&loop) != WSLINE_OK || wsline_app_new(argv[1], NULL, &app) != WSLINE_OK ||
        wsline_loop_add(loop, app) != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        exit_status = 1;
    }
    wsline_app_on_message(app, on_message, NULL, NULL);
    wsline_app_on_error(app, on_error, &exit_status, NULL);
    wsline_app_on_close(app, on_close, &exit_status, NULL);
    while (exit_status == RUNNING) {
        /* Read input only while it can be sent; poll(2) ignores a negative descriptor. */
        bool ready = wsline_app_is_open(app) && wsline_app_send_queue_bytes(app) < MOST_UNSENT;
        struct pollfd fds[] = {{ready ? STDIN_FILENO : -1, POLLIN, 0},
                               {wsline_loop_fd(loop), POLLIN, 0}};

        if (poll(fds, 2, poll_timeout(loop)) < 0 && errno != EINTR) exit_status = 1;
        if (fds[0].revents != 0) send_input(app);
        if (wsline_loop_run_once(loop, 0) != WSLINE_OK) exit_status = 1;
    }
    wsline_app_free(app);
    wsline_loop_free(loop);
    return exit_status;
}
