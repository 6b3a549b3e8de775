/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Include first. Time that the test makes: clock_gettime() of this program stands in front of that
 * of libc, so that the library's deadlines pass when the test says so, to the millisecond, and the
 * wall clock jumps.
 */
#ifndef WSLINE_TESTS_CLOCK_FIXTURE_H
#define WSLINE_TESTS_CLOCK_FIXTURE_H

/* syscall() */
#define _DEFAULT_SOURCE
/* Where a pointer has 32 bits, the library calls clock_gettime() in this form. */
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS        64
#include "app.h"

#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_clock_gettime64
enum { CLOCK_GETTIME = SYS_clock_gettime64 };
#else
enum { CLOCK_GETTIME = SYS_clock_gettime };
#endif

/* The monotonic clock moves only when a test moves it. The wall clock runs, ahead of the real one
 * by what a test adds. */
static int64_t ahead_ms, wall_ahead_ms;
static struct timespec standing;

int clock_gettime(clockid_t clock, struct timespec *time) {
    int64_t ms = clock == CLOCK_MONOTONIC ? ahead_ms : clock == CLOCK_REALTIME ? wall_ahead_ms : 0;
    int result = (int)syscall(CLOCK_GETTIME, clock, time);

    if (clock == CLOCK_MONOTONIC && standing.tv_sec == 0) standing = *time;
    if (clock == CLOCK_MONOTONIC) *time = standing;
    time->tv_sec += (time_t)(ms / 1000);
    time->tv_nsec += (long)(ms % 1000) * 1000000;
    if (time->tv_nsec >= 1000000000) {
        time->tv_nsec -= 1000000000;
        time->tv_sec++;
    }
    return result;
}

/* Between a deadline and the look at it before. */
enum { MARGIN_MS = 1 };

struct fixture {
    struct record record;
    wsline_loop *loop;
    wsline_app *app;
};

static inline void fixture_begin(struct fixture *fixture, const char *peer, const char *path,
                                 wsline_options *options) {
    memset(fixture, 0, sizeof *fixture);
    REQUIRE_OK(wsline_loop_new(&fixture->loop));
    fixture->app = app_make(peer, path, options, &fixture->record);
    wsline_options_free(options);
    CHECK_OK(wsline_loop_add(fixture->loop, fixture->app));
}

static inline void fixture_end(struct fixture *fixture) {
    wsline_app_free(fixture->app);
    wsline_loop_free(fixture->loop);
}

/* Turns the loop until a callback has been called so often. */
static inline void turn_until(struct fixture *fixture, char letter, unsigned count) {
    while (record_count(&fixture->record, letter) < count)
        REQUIRE_OK(wsline_loop_run_once(fixture->loop, 10));
}

/* Does what there is to do now. */
static inline void turn(struct fixture *fixture) {
    for (int i = 0; i < 3; i++) CHECK_OK(wsline_loop_run_once(fixture->loop, 0));
}

static inline void pass(struct fixture *fixture, int64_t ms) {
    ahead_ms += ms;
    turn(fixture);
}

static inline uint64_t frames_sent(struct fixture *fixture) {
    wsline_stats stats;

    CHECK_OK(wsline_app_stats(fixture->app, &stats));
    return stats.frames_sent;
}

#endif
