/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures the heap in use and its peak. A program that includes this must define _DEFAULT_SOURCE
 * first.
 */
#ifndef WSLINE_TESTS_HEAP_H
#define WSLINE_TESTS_HEAP_H

#include "clock.h"

#include <malloc.h>

static inline size_t heap_bytes(void) {
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* A thread that samples the heap repeatedly. */
struct heap_watch {
    pthread_t thread;
    pthread_mutex_t done; /* held while it is not sampling */
    size_t before, most;
};

static inline void *heap_watch_run(void *argument) {
    struct heap_watch *watch = argument;

    while (pthread_mutex_trylock(&watch->done) != 0) {
        size_t now = heap_bytes();

        if (now > watch->most) watch->most = now;
        clock_pause();
    }
    pthread_mutex_unlock(&watch->done);
    return NULL;
}

static inline void heap_watch_start(struct heap_watch *watch) {
    pthread_mutex_init(&watch->done, NULL);
    pthread_mutex_lock(&watch->done);
    watch->before = watch->most = heap_bytes();
    watch->thread = thread_start(heap_watch_run, watch);
}

/* The maximum growth in bytes. */
static inline size_t heap_watch_end(struct heap_watch *watch) {
    pthread_mutex_unlock(&watch->done);
    thread_join(watch->thread);
    pthread_mutex_destroy(&watch->done);
    return watch->most - watch->before;
}

#endif
