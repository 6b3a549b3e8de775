/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_CLOCK_H
#define WSDUMP_CLOCK_H

#include <stdint.h>

#define NEVER INT64_MAX

/* Microseconds on a monotonic clock. */
int64_t clock_us(void);

/* Seconds since 1970. */
double clock_unix_time(void);

/* The time this many milliseconds from now; NEVER if negative. */
int64_t clock_in_ms(int64_t ms);

/* A timeout for poll(2): milliseconds until then, rounded up; -1 for NEVER. */
int clock_poll_timeout(int64_t moment_us);

#endif
