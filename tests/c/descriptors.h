/* SPDX-License-Identifier: Apache-2.0 */
/* What this process has open. */
#ifndef WSLINE_TESTS_DESCRIPTORS_H
#define WSLINE_TESTS_DESCRIPTORS_H

#include "check.h"

#include <dirent.h>

/* The directory that is being read counts, each time. */
static inline int open_descriptors(void) {
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    REQUIRE(directory != NULL);
    while (readdir(directory) != NULL) count++;
    closedir(directory);
    return count;
}

#endif
