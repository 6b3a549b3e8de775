/* SPDX-License-Identifier: Apache-2.0 */
/* Time and threads: how long a call took, and calls that come from another thread meanwhile. */
#ifndef WSLINE_TESTS_CLOCK_H
#define WSLINE_TESTS_CLOCK_H

#include "check.h"

#include <time.h>

static inline int64_t clock_us(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t clock_ms(void) { return clock_us() / 1000; }

/*
 * How long, in all, some process of this machine has been kept waiting for a processor (Linux
 * 4.20 and later, proc(5) /proc/pressure/cpu); negative where the system does not say.
 */
static inline int64_t clock_pressure_us(void) {
    FILE *file = fopen("/proc/pressure/cpu", "r");
    int64_t us = -1;

    if (file == NULL) return -1;
    if (fscanf(file, "some avg10=%*f avg60=%*f avg300=%*f total=%" SCNd64, &us) != 1) us = -1;
    fclose(file);
    return us;
}

/* Measures a span, and how busy the machine was meanwhile. */
struct stopwatch {
    int64_t start_us;
    int64_t pressure_us;
};

static inline struct stopwatch stopwatch_start(void) {
    return (struct stopwatch){clock_us(), clock_pressure_us()};
}

static inline int64_t stopwatch_ms(struct stopwatch watch) {
    return (clock_us() - watch.start_us) / 1000;
}

/*
 * By how much the end of the span may be late. A quiet machine is held to a fraction of a second.
 * On a busy one each of some dozen hand-overs between threads and processes may have to wait for
 * a processor, so what the machine itself says about such waits in this very span decides.
 */
static inline int64_t stopwatch_slack_ms(struct stopwatch watch) {
    enum { QUIET_MS = 250, HANDOVERS = 20 };
    int64_t now_us = clock_pressure_us();

    if (check_slow() || now_us < 0 || watch.pressure_us < 0) return 2 * WAIT_MS;
    return QUIET_MS + HANDOVERS * (now_us - watch.pressure_us) / 1000;
}

/* What began with `watch` took `want_ms`, not less, and hardly more. */
#define CHECK_TOOK(want_ms, watch)                                                                 \
    do {                                                                                           \
        int64_t took_ms = stopwatch_ms(watch);                                                     \
        CHECK_RANGE((want_ms) - 2, (want_ms) + stopwatch_slack_ms(watch), took_ms);                \
    } while (0)

static inline void clock_sleep_ms(int64_t ms) {
    struct timespec span = {(time_t)(ms / 1000), (long)(ms % 1000 * 1000000)};

    nanosleep(&span, NULL);
}

/* Between two looks at something that another thread or process will change. */
static inline void clock_pause(void) { clock_sleep_ms(1); }

static inline pthread_t thread_start(void *(*run)(void *), void *argument) {
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, run, argument) == 0);
    return thread;
}

static inline void thread_join(pthread_t thread) { CHECK(pthread_join(thread, NULL) == 0); }

/* A call made on another thread some time from now, while the test waits in a call of its own. */
struct later {
    wsline_status (*call)(wsline_conn *conn);
    wsline_conn *conn;
    int64_t after_ms;
    wsline_status status;
    pthread_t thread;
};

static inline void *later_run(void *argument) {
    struct later *later = argument;

    clock_sleep_ms(later->after_ms);
    later->status = later->call(later->conn);
    return NULL;
}

static inline void later_start(struct later *later) {
    later->thread = thread_start(later_run, later);
}

static inline void later_end(struct later *later) {
    thread_join(later->thread);
    CHECK_OK(later->status);
}

#endif
