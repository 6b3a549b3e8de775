/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_CLOCK_H
#define WSDUMP_CLOCK_H

#include <stdint.h>

#define NEVER INT64_MAX

/* Microseconds on a clock that only goes forward. */
int64_t clock_us(void);

/* Seconds since 1970. */
double clock_unix_time(void);

/* The moment so many milliseconds from now; NEVER for a negative number. */
int64_t clock_in_ms(int64_t ms);

/* For poll(2): milliseconds until the moment, rounded up; -1 for NEVER. */
int clock_poll_timeout(int64_t moment_us);

#endif
