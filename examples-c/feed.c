/* SPDX-License-Identifier: Apache-2.0 */
/* A feed that must not lose a message: connects with a token that expires, subscribes from the next
 * number on after each connect, and starts over when a number is missing or the feed is silent. The
 * token is what COMMAND prints. Ends after message number LAST.
 *
 *   feed wss://feed.example/ COMMAND LAST
 *
 * Its server expects "subscribe N", and sends the messages "N text", "N+1 text", ...
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsline.h>

enum { SILENT_MS = 10000, CLOSE_GAP = 4000, CLOSE_SILENT = 4001 };

struct feed {
    wsline_app *app;
    const char *command;
    uint64_t next, last; /* numbers of messages */
    bool is_over;        /* what still arrives is of no use */
    uint64_t alarm;      /* the timer that goes off when the feed is silent */
    pthread_t fetcher;
    bool has_fetcher;
    pthread_mutex_t lock;
    /* Under the lock: */
    char token[256]; /* "" while there is none */
    bool has_failed; /* COMMAND has printed none */
};

/* The token: fetching it takes time, for which the app's thread must not wait. */

static void *fetch(void *userdata) {
    struct feed *feed = userdata;
    char token[sizeof feed->token] = "";
    FILE *output = popen(feed->command, "r");

    if (output != NULL) {
        if (fgets(token, sizeof token, output) == NULL) token[0] = '\0';
        pclose(output);
    }
    token[strcspn(token, "\r\n")] = '\0';
    pthread_mutex_lock(&feed->lock);
    memcpy(feed->token, token, sizeof token);
    feed->has_failed = token[0] == '\0';
    pthread_mutex_unlock(&feed->lock);
    wsline_app_proceed(feed->app); /* on_connecting is called again */
    return NULL;
}

static int32_t begin_to_fetch(struct feed *feed) {
    if (feed->has_fetcher) pthread_join(feed->fetcher, NULL); /* it has ended */
    printf("fetching a token\n");
    feed->has_fetcher = pthread_create(&feed->fetcher, NULL, fetch, feed) == 0;
    return feed->has_fetcher ? WSLINE_CONNECT_LATER : WSLINE_CONNECT_GIVE_UP;
}

static int32_t on_connecting(wsline_app *app, const wsline_attempt *attempt,
                             wsline_options *options, void *userdata) {
    struct feed *feed = userdata;
    char token[sizeof feed->token];
    bool has_failed;

    (void)app;
    (void)attempt;
    pthread_mutex_lock(&feed->lock);
    memcpy(token, feed->token, sizeof token);
    has_failed = feed->has_failed;
    pthread_mutex_unlock(&feed->lock);
    if (has_failed) {
        fprintf(stderr, "no token: %s\n", feed->command);
        return WSLINE_CONNECT_GIVE_UP;
    }
    if (token[0] == '\0') return begin_to_fetch(feed);
    if (wsline_options_set_bearer_token(options, token) == WSLINE_OK) return WSLINE_CONNECT_NOW;
    fprintf(stderr, "%s\n", wsline_last_error_message());
    return WSLINE_CONNECT_GIVE_UP;
}

/* The feed */

static void on_silence(wsline_app *app, void *userdata) {
    (void)userdata;
    printf("silent\n");
    wsline_app_reconnect(app, CLOSE_SILENT, "silent");
}

static void expect_the_next(struct feed *feed) {
    wsline_app_cancel_post(feed->app, feed->alarm);
    wsline_app_post_after(feed->app, SILENT_MS, on_silence, NULL, NULL, &feed->alarm);
}

/* Also after reconnecting: the server does not know the subscriptions of another connection. */
static void on_open(wsline_app *app, void *userdata) {
    struct feed *feed = userdata;
    char text[64];

    feed->is_over = false;
    snprintf(text, sizeof text, "subscribe %" PRIu64, feed->next);
    printf("%s\n", text);
    wsline_app_send_text(app, text, WSLINE_NUL_TERMINATED);
    expect_the_next(feed);
}

static void on_message(wsline_app *app, const wsline_message *message, void *userdata) {
    struct feed *feed = userdata;
    uint64_t number = strtoull((const char *)message->data, NULL, 10);

    if (feed->is_over || number < feed->next) return;
    if (number > feed->next) {
        feed->is_over = true;
        printf("gap: expected %" PRIu64 ", got %" PRIu64 "\n", feed->next, number);
        wsline_app_reconnect(app, CLOSE_GAP, "gap");
        return;
    }
    printf("message %s\n", (const char *)message->data);
    feed->next++;
    feed->is_over = number == feed->last;
    if (feed->is_over)
        wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
    else
        expect_the_next(feed);
}

static void on_error(wsline_app *app, const wsline_error_info *info, void *userdata) {
    struct feed *feed = userdata;

    (void)app;
    printf("error: %s\n", info->message);
    if (info->http_status == 401) {
        pthread_mutex_lock(&feed->lock);
        feed->token[0] = '\0';
        pthread_mutex_unlock(&feed->lock);
    }
}

static wsline_status make_app(struct feed *feed, const char *url) {
    static const wsline_app_callbacks callbacks = {
        .on_connecting = on_connecting,
        .on_open = on_open,
        .on_message = on_message,
        .on_error = on_error,
    };
    wsline_options *options = NULL;
    wsline_status status = wsline_options_new(&options);

    if (status == WSLINE_OK) status = wsline_options_set_reconnect(options, true);
    if (status == WSLINE_OK) status = wsline_options_set_reconnect_delay_ms(options, 100, 30000);
    if (status == WSLINE_OK) status = wsline_options_set_ping(options, 20000, 10000);
    if (status == WSLINE_OK) status = wsline_app_new(url, options, &feed->app);
    if (status == WSLINE_OK) status = wsline_app_set_callbacks(feed->app, &callbacks, feed, NULL);
    wsline_options_free(options);
    return status;
}

int main(int argc, char **argv) {
    struct feed feed = {.next = 1, .lock = PTHREAD_MUTEX_INITIALIZER};
    wsline_status status;

    if (argc != 4) {
        fprintf(stderr, "usage: feed URL COMMAND LAST\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    feed.command = argv[2];
    feed.last = strtoull(argv[3], NULL, 10);
    status = make_app(&feed, argv[1]);
    if (status == WSLINE_OK) status = wsline_app_run(feed.app);
    if (status != WSLINE_OK) fprintf(stderr, "%s\n", wsline_last_error_message());
    if (feed.has_fetcher) pthread_join(feed.fetcher, NULL);
    wsline_app_free(feed.app);
    return status == WSLINE_OK ? 0 : 1;
}
