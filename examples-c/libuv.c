/* SPDX-License-Identifier: Apache-2.0 */
/* A wsline_loop inside a libuv loop: a uv_poll_t watches its descriptor, and a uv_timer_t its
 * timeout. A timer of the program sends a message every 100 ms until three echoes have arrived.
 *
 *   libuv ws://127.0.0.1:8080/
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <uv.h>
#include <wsline.h>

static wsline_loop *loop;
static uv_poll_t readable;
static uv_timer_t timeout;

static void on_timeout(uv_timer_t *handle);

/* Runs the loop once and sets the timer for the next run. */
static void drive(void) {
    if (wsline_loop_run_once(loop, 0) != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        uv_stop(uv_default_loop());
    }
    int64_t next_ms = wsline_loop_next_timeout_ms(loop);
    if (next_ms == WSLINE_FOREVER)
        uv_timer_stop(&timeout);
    else
        /* Not 0: libuv runs a timer that is due again before it looks at descriptors. */
        uv_timer_start(&timeout, on_timeout, next_ms > 0 ? (uint64_t)next_ms : 1, 0);
}

static void on_timeout(uv_timer_t *handle) {
    (void)handle;
    drive();
}

static void on_readable(uv_poll_t *handle, int status, int events) {
    (void)handle;
    (void)status;
    (void)events;
    drive();
}

static void on_tick(uv_timer_t *handle) {
    wsline_app *app = handle->data;

    if (!wsline_app_is_open(app)) return;
    if (wsline_app_send_text(app, "tick", WSLINE_NUL_TERMINATED) != WSLINE_OK)
        fprintf(stderr, "send: %s\n", wsline_last_error_message());
}

static void on_message(wsline_app *app, const wsline_message *message, void *left) {
    printf("message: %s\n", (const char *)message->data);
    if (--*(int *)left == 0) wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
}

/* Without reconnecting, an app ends after an error or when its connection closes. */
static void on_error(wsline_app *app, const wsline_error_info *info, void *userdata) {
    (void)app;
    (void)userdata;
    fprintf(stderr, "%s\n", info->message);
    uv_stop(uv_default_loop());
}

static void on_close(wsline_app *app, const wsline_close_info *info, void *userdata) {
    (void)app;
    (void)userdata;
    printf("closed: %d\n", info->code);
    uv_stop(uv_default_loop());
}

int main(int argc, char **argv) {
    wsline_app *app = NULL;
    uv_timer_t tick;
    int left = 3;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    if (wsline_loop_new(&loop) != WSLINE_OK || wsline_app_new(argv[1], NULL, &app) != WSLINE_OK ||
        wsline_loop_add(loop, app) != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        return 1;
    }
    wsline_app_on_message(app, on_message, &left, NULL);
    wsline_app_on_error(app, on_error, NULL, NULL);
    wsline_app_on_close(app, on_close, NULL, NULL);

    uv_poll_init(uv_default_loop(), &readable, wsline_loop_fd(loop));
    uv_poll_start(&readable, UV_READABLE, on_readable);
    uv_timer_init(uv_default_loop(), &timeout);
    uv_timer_init(uv_default_loop(), &tick);
    tick.data = app;
    uv_timer_start(&tick, on_tick, 100, 100);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);

    /* Stop watching the descriptor before wsline_loop_free() closes it. */
    uv_close((uv_handle_t *)&readable, NULL);
    uv_close((uv_handle_t *)&timeout, NULL);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_loop_close(uv_default_loop());
    wsline_app_free(app);
    wsline_loop_free(loop);
    return left <= 0 ? 0 : 1;
}
