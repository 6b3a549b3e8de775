/* SPDX-License-Identifier: Apache-2.0 */
/* The time between the end of the input and the closing handshake. */
#include "eof_wait.h"

#include "clock.h"

/* Servers whose replies take longer need --eof-wait. The longest wait is for servers that never
 * stop sending. */
enum { QUIET_MS = 1000, LONGEST_MS = 10000 };

static bool is_prolonged;
static int64_t quiet_at = NEVER, latest_at = NEVER;

void eof_wait_begin(const struct settings *settings, bool expects_replies) {
    bool is_chosen = settings->has_eof_wait || settings->count > 0;
    is_prolonged = !is_chosen && expects_replies;
    latest_at = clock_in_ms(is_prolonged ? LONGEST_MS : settings->eof_wait_ms);
    eof_wait_prolong();
}

void eof_wait_prolong(void) {
    if (is_prolonged) quiet_at = clock_in_ms(QUIET_MS);
}

int64_t eof_wait_ends_at(void) { return quiet_at < latest_at ? quiet_at : latest_at; }

void eof_wait_end(void) {
    is_prolonged = false;
    quiet_at = latest_at = NEVER;
}
