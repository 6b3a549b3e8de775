/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race c|rust [locked]
 *
 * A data race in that language, which ThreadSanitizer must report. With "locked" there is no race,
 * and it must report nothing.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void race_in_rust(bool locked); /* race.rs */

static unsigned count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *race_in_c(void *locked) {
    if (locked != NULL) pthread_mutex_lock(&lock);
    count++;
    if (locked != NULL) pthread_mutex_unlock(&lock);
    return NULL;
}

int main(int argc, char **argv) {
    bool locked = argc == 3 && strcmp(argv[2], "locked") == 0;
    pthread_t threads[2];

    if (argc < 2) return EXIT_FAILURE;
    if (strcmp(argv[1], "rust") == 0) {
        race_in_rust(locked);
        return EXIT_SUCCESS;
    }
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, race_in_c, locked ? &lock : NULL) != 0)
            return EXIT_FAILURE;
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    return EXIT_SUCCESS;
}
