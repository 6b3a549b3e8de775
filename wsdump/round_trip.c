/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the time between pings and their pongs. */
#include "round_trip.h"

#include "clock.h"

#include <stdbool.h>
#include <string.h>

enum {
    MOST_PINGS = 16,  /* at most this many outstanding pings are timed */
    APPENDED_LEN = 8, /* bytes, see wsline_options_set_ping_payload() */
    MARK_LEN = sizeof ROUND_TRIP_MARK - 1
};

/* The outstanding pings that the user requested, oldest first. */
static struct ping {
    unsigned char payload[125];
    size_t len;
    int64_t sent_us;
} pings[MOST_PINGS];
static size_t count = 0;

static void forget(size_t first) {
    count -= first;
    memmove(pings, pings + first, count * sizeof *pings);
}

void round_trip_reset(void) { count = 0; }

void round_trip_begin(const void *payload, size_t len) {
    if (count == MOST_PINGS) forget(1);
    struct ping *ping = &pings[count++];
    memcpy(ping->payload, payload, len);
    ping->len = len;
    ping->sent_us = clock_us();
}

static bool answers_interval(const wsline_message *pong) {
    return pong->len == MARK_LEN + APPENDED_LEN &&
           memcmp(pong->data, ROUND_TRIP_MARK, MARK_LEN) == 0;
}

int64_t round_trip_end(const wsline_app *app, wsline_message *pong) {
    for (size_t i = 0; i < count; i++) {
        if (pings[i].len == pong->len && memcmp(pings[i].payload, pong->data, pong->len) == 0) {
            int64_t us = clock_us() - pings[i].sent_us;
            /* A server may skip the pings before the latest one (RFC 6455 section 5.5.3). */
            forget(i + 1);
            return us;
        }
    }
    if (!answers_interval(pong)) return -1;
    pong->len = 0;
    return wsline_app_rtt_us(app);
}
