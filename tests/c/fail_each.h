/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose large requests for memory fail one after another. */
#ifndef WSLINE_TESTS_FAIL_EACH_H
#define WSLINE_TESTS_FAIL_EACH_H

#include "failing_malloc.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* The part of an action in which allocations may fail. */
#define FAILING(call) (failing_malloc_on(), failing_malloc_kept(call))

static inline wsline_status failing_malloc_kept(wsline_status status) {
    failing_malloc_off();
    return status;
}

/* Calls `act` with each of its large requests failing in turn. It returns the status of the call
 * that needed memory, and has freed everything it created. OpenSSL does not always report that
 * memory ran out: `also` is another acceptable status. */
static inline void fail_each_or(wsline_status also, const char *row, wsline_status (*act)(void *),
                                void *argument) {
    bool works = failing_malloc_works();
    bool reached = works;
    long blocks;

    check_row(row);
    failing_malloc_arm(0);
    /* Run twice, because buffers that a thread caches exist in the second run. */
    CHECK_OK(act(argument));
    CHECK_OK(act(argument));
    blocks = failing_malloc_blocks();
    for (unsigned long nth = 1; reached; nth++) {
        wsline_status status;

        failing_malloc_arm(nth);
        status = act(argument);
        reached = failing_malloc_reached();
        CHECK_STATUS(!reached || status == WSLINE_OK ? WSLINE_OK
                     : status == also                ? also
                                                     : WSLINE_ERR_NO_MEMORY,
                     status);
        failing_malloc_arm(0);
        CHECK_OK(act(argument));
        REQUIRE(nth < 1000);
    }
    CHECK(failing_malloc_blocks() <= blocks);
    check_row("");
}

static inline void fail_each(const char *row, wsline_status (*act)(void *), void *argument) {
    fail_each_or(WSLINE_ERR_NO_MEMORY, row, act, argument);
}

/* A text to be freed. */
static inline char *letters(size_t len) {
    char *text = malloc(len + 1);

    REQUIRE(text != NULL);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

#endif
