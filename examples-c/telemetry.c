/* SPDX-License-Identifier: Apache-2.0 */
/* Sends each line of standard input as a message. While the server cannot be reached, lines of the
 * last five minutes are kept; they follow as soon as it is back, at most 20 in a second.
 *
 *   sensor | telemetry wss://collector.example/
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <wsline.h>

enum { KEEP_MS = 300000, MESSAGES = 20, PER_MS = 1000, FLUSH_MS = 10000 };

/* Sent before the lines that have been kept. */
static void on_open(wsline_app *app, void *userdata) {
    (void)userdata;
    fprintf(stderr, "open\n");
    wsline_app_send_text(app, "hello from sensor 7", WSLINE_NUL_TERMINATED);
}

static void on_message(wsline_app *app, const wsline_message *message, void *userdata) {
    (void)app;
    (void)userdata;
    printf("%s\n", (const char *)message->data);
}

static void on_error(wsline_app *app, const wsline_error_info *info, void *userdata) {
    (void)userdata;
    fprintf(stderr, "%s; %" PRIu64 " bytes are waiting\n", info->message,
            wsline_app_send_queue_bytes(app));
}

static wsline_status make_app(const char *url, wsline_app **app_out) {
    static const wsline_app_callbacks callbacks = {
        .on_open = on_open,
        .on_message = on_message,
        .on_error = on_error,
    };
    wsline_options *options = NULL;
    wsline_status status = wsline_options_new(&options);

    if (status == WSLINE_OK) status = wsline_options_set_reconnect(options, true);
    if (status == WSLINE_OK) status = wsline_options_set_reconnect_delay_ms(options, 100, 10000);
    if (status == WSLINE_OK) status = wsline_options_set_reconnect_always(options, true);
    if (status == WSLINE_OK) status = wsline_options_set_ping(options, 20000, 10000);
    if (status == WSLINE_OK) status = wsline_options_set_keep_unsent_ms(options, KEEP_MS);
    if (status == WSLINE_OK) status = wsline_options_set_send_rate(options, MESSAGES, PER_MS);
    if (status == WSLINE_OK) status = wsline_app_new(url, options, app_out);
    if (status == WSLINE_OK) status = wsline_app_set_callbacks(*app_out, &callbacks, NULL, NULL);
    wsline_options_free(options);
    return status;
}

static wsline_status send_lines(wsline_app *app) {
    char line[4096];
    wsline_status status = WSLINE_OK;

    while (status == WSLINE_OK && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        status = wsline_app_send_text(app, line, WSLINE_NUL_TERMINATED);
        if (status == WSLINE_ERR_WOULD_BLOCK) {
            fprintf(stderr, "lost: %s\n", line);
            status = WSLINE_OK;
        }
    }
    return status;
}

int main(int argc, char **argv) {
    wsline_app *app = NULL;
    wsline_status status;

    if (argc != 2) {
        fprintf(stderr, "usage: telemetry URL\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    status = make_app(argv[1], &app);
    if (status == WSLINE_OK) status = wsline_app_start(app);
    if (status == WSLINE_OK) status = send_lines(app);
    if (status == WSLINE_OK) status = wsline_app_flush(app, FLUSH_MS);
    if (status != WSLINE_OK) fprintf(stderr, "%s\n", wsline_last_error_message());
    wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
    wsline_app_join(app, FLUSH_MS);
    wsline_app_free(app);
    return status == WSLINE_OK ? 0 : 1;
}
