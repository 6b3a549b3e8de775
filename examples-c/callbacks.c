/* SPDX-License-Identifier: Apache-2.0 */
/* A client with callbacks: sends a greeting to an echo server, prints the reply and closes.
 *
 *   callbacks ws://127.0.0.1:8080/
 */
#include <stdio.h>
#include <wsline.h>

static void on_open(wsline_app *app, void *userdata) {
    (void)userdata;
    printf("open: %s\n", wsline_app_peer_address(app));
    if (wsline_app_send_text(app, "Hello, Server", WSLINE_NUL_TERMINATED) != WSLINE_OK)
        fprintf(stderr, "send: %s\n", wsline_last_error_message());
}

static void on_message(wsline_app *app, const wsline_message *message, void *userdata) {
    (void)userdata;
    if (message->opcode == WSLINE_OPCODE_TEXT)
        printf("message: %s\n", (const char *)message->data);
    else
        printf("message: %zu bytes\n", message->len);
    wsline_app_close(app, WSLINE_CLOSE_NORMAL, "done");
}

/* Called when a connect fails, or a connection ends without a closing handshake. */
static void on_error(wsline_app *app, const wsline_error_info *info, void *userdata) {
    (void)app;
    (void)userdata;
    fprintf(stderr, "error: %s\n", info->message);
}

/* Called once for every connection that was open, as its last callback. */
static void on_close(wsline_app *app, const wsline_close_info *info, void *userdata) {
    (void)app;
    (void)userdata;
    printf("closed: %d \"%s\" by the %s\n", info->code, info->reason,
           info->closed_by == WSLINE_SIDE_CLIENT ? "client" : "server");
}

int main(int argc, char **argv) {
    wsline_app *app = NULL;
    wsline_status status;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    if (wsline_app_new(argv[1], NULL, &app) != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        return 1;
    }
    wsline_app_on_open(app, on_open, NULL, NULL);
    wsline_app_on_message(app, on_message, NULL, NULL);
    wsline_app_on_error(app, on_error, NULL, NULL);
    wsline_app_on_close(app, on_close, NULL, NULL);
    status = wsline_app_run(app); /* on_error has already reported failures */
    wsline_app_free(app);
    return status == WSLINE_OK ? 0 : 1;
}
