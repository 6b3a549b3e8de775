/* SPDX-License-Identifier: Apache-2.0 */
/* An app on its own thread, and four threads that send through it faster than the server reads.
 * Sends never block: a thread that gets WSLINE_ERR_WOULD_BLOCK waits for on_drain.
 *
 *   threads ws://127.0.0.1:8080/
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <wsline.h>

enum { THREADS = 4, MESSAGES = 500, MESSAGE_BYTES = 16384, QUEUE_BYTES = 4 * MESSAGE_BYTES };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool has_connect_ended;
static int sent, waits;
static int echoes; /* used only by the app's thread */

static void wake_all(void) {
    pthread_mutex_lock(&lock);
    has_connect_ended = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_open_or_drain(wsline_app *app, void *userdata) {
    (void)app;
    (void)userdata;
    wake_all();
}

static void on_message(wsline_app *app, const wsline_message *message, void *userdata) {
    (void)message;
    (void)userdata;
    if (++echoes == THREADS * MESSAGES) wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
}

/* on_drain will not be called: wake the waiting threads, whose sends then fail. */
static void on_error(wsline_app *app, const wsline_error_info *info, void *userdata) {
    (void)app;
    (void)userdata;
    fprintf(stderr, "%s\n", info->message);
    wake_all();
}

static void on_close(wsline_app *app, const wsline_close_info *info, void *userdata) {
    (void)app;
    (void)info;
    (void)userdata;
    wake_all();
}

/* on_drain takes the lock, so it cannot run between a failed send and the wait. */
static wsline_status send_when_possible(wsline_app *app, const void *data, size_t len) {
    wsline_status status;

    pthread_mutex_lock(&lock);
    while ((status = wsline_app_send_binary(app, data, len)) == WSLINE_ERR_WOULD_BLOCK) {
        waits++;
        pthread_cond_wait(&changed, &lock);
    }
    if (status == WSLINE_OK) sent++;
    pthread_mutex_unlock(&lock);
    return status;
}

static void *send_all(void *app) {
    static const char message[MESSAGE_BYTES];
    wsline_status status = WSLINE_OK;

    for (int i = 0; status == WSLINE_OK && i < MESSAGES; i++)
        status = send_when_possible(app, message, sizeof message);
    if (status != WSLINE_OK) fprintf(stderr, "send: %s\n", wsline_last_error_message());
    return NULL;
}

static wsline_status new_app(const char *url, wsline_app **app_out) {
    wsline_options *options = NULL;
    wsline_status status = wsline_options_new(&options);

    if (status == WSLINE_OK) status = wsline_options_set_max_send_queue_bytes(options, QUEUE_BYTES);
    if (status == WSLINE_OK) status = wsline_app_new(url, options, app_out);
    wsline_options_free(options);
    return status;
}

int main(int argc, char **argv) {
    wsline_app *app = NULL;
    pthread_t threads[THREADS];
    int started = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    if (new_app(argv[1], &app) != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        return 1;
    }
    wsline_app_on_open(app, on_open_or_drain, NULL, NULL);
    wsline_app_on_drain(app, on_open_or_drain, NULL, NULL);
    wsline_app_on_message(app, on_message, NULL, NULL);
    wsline_app_on_error(app, on_error, NULL, NULL);
    wsline_app_on_close(app, on_close, NULL, NULL);
    if (wsline_app_start(app) != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        return 1;
    }
    pthread_mutex_lock(&lock);
    while (!has_connect_ended) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    while (started < THREADS && wsline_app_is_open(app) &&
           pthread_create(&threads[started], NULL, send_all, app) == 0)
        started++;
    if (started < THREADS) wsline_app_abort(app);
    wsline_status status = wsline_app_join(app, WSLINE_FOREVER);
    for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
    printf("%d threads sent %d messages and received %d echoes\n", started, sent, echoes);
    printf("they waited %d times for the send queue\n", waits);
    wsline_app_free(app);
    return status == WSLINE_OK ? 0 : 1;
}
