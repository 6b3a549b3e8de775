/* SPDX-License-Identifier: Apache-2.0 */
/* Collects all log lines in one buffer. */
#ifndef WSLINE_TESTS_LINES_H
#define WSLINE_TESTS_LINES_H

#include "check.h"

#include <pthread.h>

static struct {
    pthread_mutex_t lock;
    char text[65536];
} lines = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void lines_keep(int32_t level, const char *line, void *userdata) {
    size_t used;

    (void)level;
    (void)userdata;
    pthread_mutex_lock(&lines.lock);
    used = strlen(lines.text);
    snprintf(lines.text + used, sizeof lines.text - used, "%s\n", line);
    pthread_mutex_unlock(&lines.lock);
}

static inline void lines_begin(void) {
    lines.text[0] = '\0';
    REQUIRE_OK(wsline_set_log(WSLINE_LOG_TRACE, lines_keep, NULL, NULL));
}

/* The lines logged since the start. */
static inline const char *lines_end(void) {
    REQUIRE_OK(wsline_set_log(WSLINE_LOG_OFF, NULL, NULL, NULL));
    return lines.text;
}

#endif
