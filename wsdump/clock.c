/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time, and the time left until them. */
#include "clock.h"

#include <limits.h>
#include <time.h>

int64_t clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

double clock_unix_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int64_t clock_in_ms(int64_t ms) {
    int64_t now = clock_us();
    return ms < 0 || ms > (NEVER - now) / 1000 ? NEVER : now + ms * 1000;
}

int clock_poll_timeout(int64_t moment_us) {
    if (moment_us == NEVER) return -1;
    int64_t left_us = moment_us - clock_us();
    if (left_us <= 0) return 0;
    return left_us / 1000 >= INT_MAX ? INT_MAX : (int)((left_us + 999) / 1000);
}
