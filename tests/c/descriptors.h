/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the open descriptors of this process. */
#ifndef WSLINE_TESTS_DESCRIPTORS_H
#define WSLINE_TESTS_DESCRIPTORS_H

#include "check.h"

#include <dirent.h>

/* Includes the descriptor of the directory being read, in each count. */
static inline int open_descriptors(void) {
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    REQUIRE(directory != NULL);
    while (readdir(directory) != NULL) count++;
    closedir(directory);
    return count;
}

#endif
