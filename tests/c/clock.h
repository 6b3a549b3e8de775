/* SPDX-License-Identifier: Apache-2.0 */
/* Time and threads: how long a call took, and calls that come from another thread meanwhile. */
#ifndef WSLINE_TESTS_CLOCK_H
#define WSLINE_TESTS_CLOCK_H

#include "check.h"

#include <time.h>

/* How late a deadline may be noticed. */
static inline int64_t clock_tolerance_ms(void)
{
    return check_slow() ? 10000 : 100;
}

static inline int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What began at `start` took `want_ms`, not less, and hardly more. */
#define CHECK_TOOK(want_ms, start)                                                              \
    do {                                                                                        \
        int64_t took_ms = clock_ms() - (start);                                                 \
        CHECK_RANGE((want_ms) - 2, (want_ms) + clock_tolerance_ms(), took_ms);                  \
    } while (0)

/* Between two looks at something that another thread or process will change. */
static inline void clock_pause(void)
{
    static const struct timespec pause = {0, 1000000};

    nanosleep(&pause, NULL);
}

static inline pthread_t thread_start(void *(*run)(void *), void *argument)
{
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, run, argument) == 0);
    return thread;
}

static inline void thread_join(pthread_t thread)
{
    CHECK(pthread_join(thread, NULL) == 0);
}

/* A call made on another thread some time from now, while the test waits in a call of its own. */
struct later {
    wsline_status (*call)(wsline_conn *conn);
    wsline_conn *conn;
    long after_ms;
    wsline_status status;
    pthread_t thread;
};

static inline void *later_run(void *argument)
{
    struct later *later = argument;
    struct timespec delay = {later->after_ms / 1000, later->after_ms % 1000 * 1000000};

    nanosleep(&delay, NULL);
    later->status = later->call(later->conn);
    return NULL;
}

static inline void later_start(struct later *later)
{
    later->thread = thread_start(later_run, later);
}

static inline void later_end(struct later *later)
{
    thread_join(later->thread);
    CHECK_OK(later->status);
}

#endif
