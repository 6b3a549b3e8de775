/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulates running out of memory: the program's malloc() and related functions replace those of
 * libc, and the N-th request for a large block fails once. Include it in one file of a program. If
 * something else replaces malloc() (valgrind, a sanitizer, a libc other than glibc), nothing fails:
 * check failing_malloc_works() first.
 */
#ifndef WSLINE_TESTS_FAILING_MALLOC_H
#define WSLINE_TESTS_FAILING_MALLOC_H

#include "check.h"

#include <errno.h>
#include <malloc.h>

/* Smaller requests never fail. */
enum { LARGE_BLOCK = 4096 };

static struct {
    unsigned long nth;      /* the request that fails; 0 for none */
    unsigned long asked;    /* requests for large blocks since `nth` was set */
    unsigned long requests; /* requests of any size while counting is on */
    int is_on;
    long blocks; /* large blocks in use */
} failing_malloc;

#if defined(__GLIBC__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static bool failing_malloc_fails(size_t size) {
    if (!__atomic_load_n(&failing_malloc.is_on, __ATOMIC_ACQUIRE)) return false;
    __atomic_add_fetch(&failing_malloc.requests, 1, __ATOMIC_RELAXED);
    if (size < LARGE_BLOCK) return false;
    if (__atomic_add_fetch(&failing_malloc.asked, 1, __ATOMIC_ACQ_REL) != failing_malloc.nth)
        return false;
    errno = ENOMEM;
    return true;
}

static void failing_malloc_count(void *block, long by) {
    if (block != NULL && malloc_usable_size(block) >= LARGE_BLOCK)
        __atomic_add_fetch(&failing_malloc.blocks, by, __ATOMIC_RELAXED);
}

static void *failing_malloc_made(void *block) {
    failing_malloc_count(block, 1);
    return block;
}

void *malloc(size_t size) {
    return failing_malloc_fails(size) ? NULL : failing_malloc_made(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
    bool fits = size == 0 || count <= SIZE_MAX / size;

    if (fits && failing_malloc_fails(count * size)) return NULL;
    return failing_malloc_made(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size) {
    void *moved;

    if (failing_malloc_fails(size)) return NULL;
    failing_malloc_count(block, -1);
    moved = __libc_realloc(block, size);
    failing_malloc_count(moved == NULL && size > 0 ? block : moved, 1);
    return moved;
}

void *memalign(size_t alignment, size_t size) {
    return failing_malloc_fails(size) ? NULL
                                      : failing_malloc_made(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *made = memalign(alignment, size);

    if (made == NULL) return ENOMEM;
    *block = made;
    return 0;
}

void free(void *block) {
    int error = errno;

    failing_malloc_count(block, -1);
    __libc_free(block);
    errno = error;
}
#endif

/* Makes the N-th request from now on fail if it happens between on and off; 0 makes none fail. */
static inline void failing_malloc_arm(unsigned long nth) {
    failing_malloc.nth = nth;
    failing_malloc.requests = 0;
    __atomic_store_n(&failing_malloc.asked, 0, __ATOMIC_RELEASE);
}

static inline void failing_malloc_on(void) {
    __atomic_store_n(&failing_malloc.is_on, 1, __ATOMIC_RELEASE);
}

static inline void failing_malloc_off(void) {
    __atomic_store_n(&failing_malloc.is_on, 0, __ATOMIC_RELEASE);
}

/* The number of requests of any size between on and off. */
static inline unsigned long failing_malloc_requests(void) {
    return __atomic_load_n(&failing_malloc.requests, __ATOMIC_RELAXED);
}

/* Whether the request that should fail was made. */
static inline bool failing_malloc_reached(void) {
    return failing_malloc.nth != 0 &&
           __atomic_load_n(&failing_malloc.asked, __ATOMIC_ACQUIRE) >= failing_malloc.nth;
}

/* Large blocks in use. */
static inline long failing_malloc_blocks(void) {
    return __atomic_load_n(&failing_malloc.blocks, __ATOMIC_RELAXED);
}

/* Prints a message if not. */
static inline bool failing_malloc_works(void) {
    volatile size_t size = LARGE_BLOCK;
    void *block;

    failing_malloc_arm(1);
    failing_malloc_on();
    block = malloc(size);
    failing_malloc_off();
    free(block);
    if (block != NULL) printf("     skipped: no request fails here\n");
    return block == NULL;
}

#endif
