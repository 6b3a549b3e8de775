/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a connection open and writes metrics about it for Prometheus, in the text format, to a file
 * for the textfile collector of node_exporter. They come from the events of the app; any number of
 * apps could share them.
 *
 *   prometheus wss://feed.example/ /var/lib/node_exporter/feed.prom
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <wsline.h>

enum { PING_MS = 1000, BUCKETS = 6 };

/* How long connects took, in seconds; the last bucket has no limit. */
static const double limits[BUCKETS - 1] = {0.01, 0.05, 0.1, 0.5, 2};

struct metrics {
    const char *path;
    uint64_t failed, closed, waits, buckets[BUCKETS];
    wsline_stats ended; /* the counters of connections that have ended */
    wsline_stats open;  /* and of the current one */
    double connect_seconds, rtt_seconds;
    int is_open;
};

static void gauge(FILE *file, const char *name, double value) {
    fprintf(file, "# TYPE wsline_%s gauge\nwsline_%s %.9g\n", name, name, value);
}

static void counter(FILE *file, const char *name, uint64_t value) {
    fprintf(file, "# TYPE wsline_%s counter\nwsline_%s %" PRIu64 "\n", name, name, value);
}

static void write_metrics(const struct metrics *metrics, FILE *file) {
    const wsline_stats *open = &metrics->open, *ended = &metrics->ended;
    uint64_t count = 0;

    gauge(file, "open", metrics->is_open);
    gauge(file, "rtt_seconds", metrics->rtt_seconds);
    counter(file, "connects_failed_total", metrics->failed);
    counter(file, "closed_total", metrics->closed);
    counter(file, "waits_total", metrics->waits);
    counter(file, "messages_received_total", ended->messages_received + open->messages_received);
    counter(file, "received_bytes_total", ended->bytes_received + open->bytes_received);
    counter(file, "sent_bytes_total", ended->bytes_sent + open->bytes_sent);
    fprintf(file, "# TYPE wsline_connect_seconds histogram\n");
    for (size_t i = 0; i < BUCKETS; i++) {
        count += metrics->buckets[i];
        if (i < BUCKETS - 1)
            fprintf(file, "wsline_connect_seconds_bucket{le=\"%g\"} %" PRIu64 "\n", limits[i],
                    count);
    }
    fprintf(file, "wsline_connect_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", count);
    fprintf(file, "wsline_connect_seconds_sum %.9f\n", metrics->connect_seconds);
    fprintf(file, "wsline_connect_seconds_count %" PRIu64 "\n", count);
}

/* A reader sees the whole old file or the whole new one. */
static void publish(const struct metrics *metrics) {
    char temporary[4096];
    FILE *file;

    snprintf(temporary, sizeof temporary, "%s.new", metrics->path);
    file = fopen(temporary, "w");
    if (file != NULL) {
        write_metrics(metrics, file);
        if (fclose(file) == 0 && rename(temporary, metrics->path) == 0) return;
    }
    perror(metrics->path);
}

static void note_connect(struct metrics *metrics, const wsline_timings *timings) {
    double seconds = (double)timings->total_ns / 1e9;
    size_t bucket = 0;

    while (bucket < BUCKETS - 1 && seconds > limits[bucket]) bucket++;
    metrics->buckets[bucket]++;
    metrics->connect_seconds += seconds;
}

/* With several apps on several threads, it would need a lock. */
static void on_event(const wsline_event *event, void *userdata) {
    static const wsline_stats none;
    struct metrics *metrics = userdata;

    switch (event->kind) {
    case WSLINE_EVENT_OPEN:
        metrics->is_open = 1;
        note_connect(metrics, event->timings);
        break;
    case WSLINE_EVENT_CONNECT_FAILED:
        metrics->failed++;
        fprintf(stderr, "%s\n", event->error->message);
        break;
    case WSLINE_EVENT_PONG:
        if (event->rtt_ns >= 0) metrics->rtt_seconds = (double)event->rtt_ns / 1e9;
        break;
    case WSLINE_EVENT_CLOSED:
        metrics->closed++;
        metrics->is_open = 0;
        metrics->ended.messages_received += event->stats->messages_received;
        metrics->ended.bytes_received += event->stats->bytes_received;
        metrics->ended.bytes_sent += event->stats->bytes_sent;
        break;
    case WSLINE_EVENT_WAITING:
        metrics->waits++;
        break;
    default:
        return;
    }
    metrics->open = metrics->is_open ? *event->stats : none;
    publish(metrics);
}

static wsline_app *running;

static void stop(int number) {
    (void)number;
    wsline_app_abort_from_signal(running);
}

int main(int argc, char **argv) {
    struct metrics metrics = {0};
    struct sigaction action = {.sa_handler = stop};
    wsline_options *options = NULL;
    wsline_status status;

    if (argc != 3) {
        fprintf(stderr, "usage: prometheus URL FILE\n");
        return 2;
    }
    metrics.path = argv[2];
    status = wsline_options_new(&options);
    if (status == WSLINE_OK) status = wsline_options_set_reconnect(options, true);
    if (status == WSLINE_OK) status = wsline_options_set_reconnect_delay_ms(options, 100, 10000);
    if (status == WSLINE_OK) status = wsline_options_set_ping(options, PING_MS, 10 * PING_MS);
    if (status == WSLINE_OK)
        status = wsline_options_set_event_callback(options, on_event, &metrics, NULL);
    if (status == WSLINE_OK) status = wsline_app_new(argv[1], options, &running);
    wsline_options_free(options);
    if (status == WSLINE_OK) {
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        status = wsline_app_run(running);
    }
    if (status != WSLINE_OK && status != WSLINE_ERR_ABORTED)
        fprintf(stderr, "%s\n", wsline_last_error_message());
    action.sa_handler = SIG_DFL;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    wsline_app_free(running);
    return status == WSLINE_ERR_ABORTED ? 0 : 1;
}
