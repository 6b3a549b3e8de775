/* SPDX-License-Identifier: Apache-2.0 */
/* common.h - what every C/C++ benchmark client shares: arguments, clock, JSON line.
 * CLI contract:  client URL SCENARIO SIZE COUNT [WINDOW]
 *   SCENARIO = echo | source | sink | connect | idle, with the suffixes -text (text messages) and
 * -z (permessage-deflate) One JSON line goes to stdout; a failed check goes to stderr and exits 1;
 * "unsupported" exits 3. */
#pragma once
#include "payload.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    const char *client, *scenario, *url;
    char kind[16]; /* scenario without suffixes */
    size_t size;
    uint64_t count;
    unsigned window;
    int text, deflate, tls;
    char host[128], path[512];
    int port;
    struct timespec t0;
    struct rusage r0;
    long rss0, rss1, rss2; /* idle scenario, KiB */
} bench_t;

#define DIE(...)                                                                                   \
    do {                                                                                           \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fputc('\n', stderr);                                                                       \
        exit(1);                                                                                   \
    } while (0)
#define UNSUPPORTED(...)                                                                           \
    do {                                                                                           \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fputc('\n', stderr);                                                                       \
        exit(3);                                                                                   \
    } while (0)

static inline void bench_args(bench_t *b, const char *client, int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: %s URL SCENARIO SIZE COUNT [WINDOW]\n", argv[0]);
        exit(2);
    }
    memset(b, 0, sizeof *b);
    b->client = client;
    b->url = argv[1];
    b->scenario = argv[2];
    b->size = strtoull(argv[3], 0, 10);
    b->count = strtoull(argv[4], 0, 10);
    b->window = argc > 5 ? (unsigned)atoi(argv[5]) : 1;
    if (!b->window) b->window = 1;
    snprintf(b->kind, sizeof b->kind, "%.*s", (int)strcspn(b->scenario, "-"), b->scenario);
    b->text = strstr(b->scenario, "-text") != 0;
    b->deflate = strstr(b->scenario, "-z") != 0;
    const char *u = b->url;
    if (!strncmp(u, "wss://", 6))
        b->tls = 1, u += 6;
    else if (!strncmp(u, "ws://", 5))
        u += 5;
    else
        DIE("bad url %s", u);
    size_t hl = strcspn(u, ":/");
    snprintf(b->host, sizeof b->host, "%.*s", (int)hl, u);
    u += hl;
    b->port = b->tls ? 443 : 80;
    if (*u == ':') b->port = (int)strtol(u + 1, (char **)&u, 10);
    snprintf(b->path, sizeof b->path, "%s", *u ? u : "/");
}
static inline void bench_start(bench_t *b) {
    getrusage(RUSAGE_SELF, &b->r0);
    clock_gettime(CLOCK_MONOTONIC, &b->t0);
}
static inline double tvd(struct timeval a, struct timeval b) {
    return (double)(a.tv_sec - b.tv_sec) + (double)(a.tv_usec - b.tv_usec) * 1e-6;
}
static inline void bench_stop(bench_t *b) {
    struct timespec t;
    struct rusage r;
    clock_gettime(CLOCK_MONOTONIC, &t);
    getrusage(RUSAGE_SELF, &r);
    double w = (double)(t.tv_sec - b->t0.tv_sec) + (double)(t.tv_nsec - b->t0.tv_nsec) * 1e-9;
    printf("{\"client\":\"%s\",\"scenario\":\"%s\",\"size\":%zu,\"count\":%llu,\"window\":%u,"
           "\"wall_s\":%.6f,"
           "\"user_s\":%.6f,\"sys_s\":%.6f,"
           "\"maxrss_kb\":%ld,\"msgs_per_s\":%.1f,\"mb_per_s\":%.3f,\"nvcsw\":%ld",
           b->client, b->scenario, b->size, (unsigned long long)b->count, b->window, w,
           tvd(r.ru_utime, b->r0.ru_utime), tvd(r.ru_stime, b->r0.ru_stime), r.ru_maxrss,
           (double)b->count / w, (double)b->count * (double)b->size / w / 1e6,
           r.ru_nvcsw - b->r0.ru_nvcsw);
    if (!strcmp(b->kind, "idle"))
        printf(",\"rss_before_kb\":%ld,\"rss_conn_kb\":%ld,\"rss_echo_kb\":%ld", b->rss0, b->rss1,
               b->rss2);
    printf("}\n");
    fflush(stdout);
}
static inline long rss_kb(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    long a = 0, r = 0;
    if (f) {
        if (fscanf(f, "%ld %ld", &a, &r) != 2) r = 0;
        fclose(f);
    }
    return r * (sysconf(_SC_PAGESIZE) / 1024);
}
static inline uint8_t *bench_payload(const bench_t *b) {
    uint8_t *p = (uint8_t *)malloc(b->size + 16);
    if (b->deflate)
        fill_json(p, b->size, 0);
    else
        fill_payload(p, b->size, b->text);
    return p;
}
/* deflate runs rotate through 64 different messages, so the 32 KiB window does not turn them into
 * back-references */
static inline uint8_t **bench_payloads(const bench_t *b) {
    static uint8_t **v;
    if (v) return v; /* only once, or they would count as memory of idle connections */
    v = (uint8_t **)malloc(64 * sizeof *v);
    uint8_t *one = b->deflate ? 0 : bench_payload(b);
    for (unsigned i = 0; i < 64; i++) {
        if (b->deflate) {
            v[i] = (uint8_t *)malloc(b->size + 16);
            fill_json(v[i], b->size, i);
        } else
            v[i] = one;
    }
    return v;
}
