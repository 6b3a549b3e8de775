/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Include first. Time that the test makes: clock_gettime() of this program stands in front of that
 * of libc, so that the library's deadlines pass when the test says so, to the millisecond, and the
 * wall clock jumps.
 */
#ifndef WSLINE_TESTS_STAGE_H
#define WSLINE_TESTS_STAGE_H

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

struct stage {
    struct record record;
    wsline_loop *loop;
    wsline_app *app;
};

static inline void stage_begin(struct stage *stage, const char *peer, const char *path,
                               wsline_options *options) {
    memset(stage, 0, sizeof *stage);
    REQUIRE_OK(wsline_loop_new(&stage->loop));
    stage->app = app_make(peer, path, options, &stage->record);
    wsline_options_free(options);
    CHECK_OK(wsline_loop_add(stage->loop, stage->app));
}

static inline void stage_end(struct stage *stage) {
    wsline_app_free(stage->app);
    wsline_loop_free(stage->loop);
}

/* Turns the loop until a callback has been called so often. */
static inline void turn_until(struct stage *stage, char letter, unsigned count) {
    while (record_count(&stage->record, letter) < count)
        REQUIRE_OK(wsline_loop_run_once(stage->loop, 10));
}

/* Does what there is to do now. */
static inline void turn(struct stage *stage) {
    for (int i = 0; i < 3; i++) CHECK_OK(wsline_loop_run_once(stage->loop, 0));
}

static inline void pass(struct stage *stage, int64_t ms) {
    ahead_ms += ms;
    turn(stage);
}

static inline uint64_t frames_sent(struct stage *stage) {
    wsline_stats stats;

    CHECK_OK(wsline_app_stats(stage->app, &stats));
    return stats.frames_sent;
}

#endif
