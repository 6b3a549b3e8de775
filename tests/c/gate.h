/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that wait until the test lets them continue: see tests/peers/gates.py. */
#ifndef WSLINE_TESTS_GATE_H
#define WSLINE_TESTS_GATE_H

#include "clock.h"
#include "peer.h"

enum { GATE_ID_MAX = 32 };

/* The gate of one conversation, which waits there if its URL has id=ID. */
struct gate {
    const char *peer;
    char id[GATE_ID_MAX];
    pthread_t thread;
};

/* Creates a gate with a unique id. */
static inline struct gate gate_new(const char *peer) {
    static unsigned count;
    struct gate gate = {.peer = peer};

    snprintf(gate.id, sizeof gate.id, "%d-%u", (int)getpid(), count++);
    return gate;
}

/* The path "BASEid=ID" of that conversation. */
static inline const char *gate_path(const struct gate *gate, const char *base, char path[256]) {
    snprintf(path, 256, "%sid=%s", base, gate->id);
    return path;
}

/* Lets the conversation continue. */
static inline void gate_open(const struct gate *gate) {
    char path[256];

    wsline_conn_free(peer_connect(gate->peer, gate_path(gate, "/go?", path), NULL));
}

static inline void *gate_run(void *gate) {
    enum { PAUSE_MS = 150 };

    clock_sleep_ms(PAUSE_MS);
    gate_open(gate);
    clock_sleep_ms(PAUSE_MS);
    gate_open(gate);
    return NULL;
}

/* Opens the gate twice from another thread, while the test waits in a call. */
static inline void gate_open_twice_later(struct gate *gate) {
    gate->thread = thread_start(gate_run, gate);
}

static inline void gate_join(struct gate *gate) { thread_join(gate->thread); }

#endif
