/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a connect, and what holds for all timings. */
#ifndef WSLINE_TESTS_TIMINGS_H
#define WSLINE_TESTS_TIMINGS_H

#include "check.h"

/* The parts, in their order. */
enum part { REDIRECTS, LOOKUP, CONNECT, PROXY, TLS, UPGRADE, PARTS };

static inline uint64_t part_of(const wsline_timings *timings, enum part part) {
    const uint64_t parts[PARTS] = {timings->redirects_ns, timings->lookup_ns, timings->connect_ns,
                                   timings->proxy_ns,     timings->tls_ns,    timings->upgrade_ns};

    return parts[part];
}

static inline void check_sum(const wsline_timings *timings) {
    uint64_t sum = 0;

    for (enum part part = REDIRECTS; part < PARTS; part++) sum += part_of(timings, part);
    CHECK(sum == timings->total_ns);
    CHECK(timings->first_byte_ns <= timings->total_ns);
    for (size_t i = 0; i < COUNT_OF(timings->reserved); i++) CHECK(timings->reserved[i] == 0);
}

static inline void check_end(const wsline_timings *timings, int phase) {
    CHECK(timings->finished);
    CHECK_INT(phase, timings->phase);
}

#endif
