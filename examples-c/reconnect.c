/* SPDX-License-Identifier: Apache-2.0 */
/* Stays connected across server restarts and network failures, until SIGINT or SIGTERM, or until it
 * has received COUNT messages.
 *
 *   reconnect ws://127.0.0.1:8080/ [COUNT]
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <wsline.h>

static void subscribe(wsline_app *app) {
    if (wsline_app_send_text(app, "subscribe", WSLINE_NUL_TERMINATED) != WSLINE_OK)
        fprintf(stderr, "send: %s\n", wsline_last_error_message());
}

static void on_open(wsline_app *app, void *userdata) {
    (void)userdata;
    printf("open\n");
    subscribe(app);
}

/* The server does not know the subscriptions of the previous connection. */
static void on_reconnect(wsline_app *app, void *userdata) {
    (void)userdata;
    printf("reconnected\n");
    subscribe(app);
}

static void on_message(wsline_app *app, const wsline_message *message, void *userdata) {
    unsigned long *left = userdata;

    printf("message: %s\n", (const char *)message->data);
    if (*left > 0 && --*left == 0) wsline_app_close(app, WSLINE_CLOSE_NORMAL, "enough");
}

static void on_error(wsline_app *app, const wsline_error_info *info, void *userdata) {
    (void)app;
    (void)userdata;
    if (info->retry_in_ms >= 0)
        printf("error: %s; next attempt in %" PRId64 " ms\n", info->message, info->retry_in_ms);
    else
        printf("error: %s; giving up\n", info->message);
}

static void on_close(wsline_app *app, const wsline_close_info *info, void *userdata) {
    (void)app;
    (void)userdata;
    printf("closed: %d \"%s\"\n", info->code, info->reason);
}

/* A signal handler must not call wsline_app_close(), but a thread that waits for signals may. */
static void *close_on_signal(void *userdata) {
    sigset_t signals;
    int received;

    pthread_sigmask(SIG_BLOCK, NULL, &signals);
    sigwait(&signals, &received);
    wsline_app_close(userdata, WSLINE_CLOSE_GOING_AWAY, "the program ends");
    return NULL;
}

static wsline_status new_app(const char *url, wsline_app **app_out) {
    wsline_options *options = NULL;
    wsline_status status = wsline_options_new(&options);

    /* Retry after 500 ms, 1 s, 2 s ... 30 s, each shortened by up to half, without limit. */
    if (status == WSLINE_OK) status = wsline_options_set_reconnect(options, true);
    if (status == WSLINE_OK) status = wsline_options_set_reconnect_delay_ms(options, 500, 30000);
    /* A missing pong reveals a connection that was lost without notice. */
    if (status == WSLINE_OK) status = wsline_options_set_ping(options, 20000, 10000);
    if (status == WSLINE_OK) status = wsline_app_new(url, options, app_out);
    wsline_options_free(options);
    return status;
}

int main(int argc, char **argv) {
    wsline_app *app = NULL;
    wsline_status status;
    pthread_t waiter;
    sigset_t signals;
    unsigned long left = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s URL [COUNT]\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* print each line at once, even to a pipe or a file */
    if (new_app(argv[1], &app) != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        return 1;
    }
    wsline_app_on_open(app, on_open, NULL, NULL);
    wsline_app_on_reconnect(app, on_reconnect, NULL, NULL);
    wsline_app_on_message(app, on_message, &left, NULL);
    wsline_app_on_error(app, on_error, NULL, NULL);
    wsline_app_on_close(app, on_close, NULL, NULL);

    /* Threads inherit this mask, so that only sigwait() receives the signals. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (pthread_create(&waiter, NULL, close_on_signal, app) != 0) {
        fprintf(stderr, "cannot create a thread for signals\n");
        return 1;
    }
    status = wsline_app_run(app);
    /* Wake the thread if it still waits; closing an app that has ended does nothing. */
    pthread_kill(waiter, SIGTERM);
    pthread_join(waiter, NULL);
    wsline_app_free(app);
    return status == WSLINE_OK ? 0 : 1;
}
