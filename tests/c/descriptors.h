/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the open descriptors and the threads of this process. */
#ifndef WSLINE_TESTS_DESCRIPTORS_H
#define WSLINE_TESTS_DESCRIPTORS_H

#include "check.h"

#include <dirent.h>

static inline int entries_of(const char *path) {
    DIR *directory = opendir(path);
    int count = 0;

    REQUIRE(directory != NULL);
    while (readdir(directory) != NULL) count++;
    closedir(directory);
    return count;
}

/* Includes the descriptor of the directory being read, in each count. */
static inline int open_descriptors(void) { return entries_of("/proc/self/fd"); }

/* Without "." and "..". */
static inline int running_threads(void) { return entries_of("/proc/self/task") - 2; }

#endif
