/* SPDX-License-Identifier: Apache-2.0 */
/* Suggests an option for one that does not exist. */
#include "nearest.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST_NAME = 31, LETTERS_PER_MISTAKE = 4 };

static size_t least(size_t one, size_t other) { return one < other ? one : other; }

/* How many characters must be inserted, removed, replaced or swapped with their neighbour to turn
 * one word into the other: the Damerau-Levenshtein distance, restricted to changing each character
 * once. Both words have at most LONGEST_NAME characters. */
static size_t distance(const char *one, size_t one_len, const char *other, size_t other_len) {
    size_t rows[LONGEST_NAME + 1][LONGEST_NAME + 1];

    for (size_t j = 0; j <= other_len; j++) rows[0][j] = j;
    for (size_t i = 1; i <= one_len; i++) {
        rows[i][0] = i;
        for (size_t j = 1; j <= other_len; j++) {
            size_t differs = one[i - 1] != other[j - 1];
            size_t best = least(rows[i - 1][j], rows[i][j - 1]) + 1;
            best = least(best, rows[i - 1][j - 1] + differs);
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                best = least(best, rows[i - 2][j - 2] + 1);
            rows[i][j] = best;
        }
    }
    return rows[one_len][other_len];
}

const struct option *nearest_name(const char *name, size_t len) {
    /* With more mistakes than this, a different word was probably meant. */
    size_t most = (len + LETTERS_PER_MISTAKE - 1) / LETTERS_PER_MISTAKE;
    const struct option *nearest = NULL;

    if (len > LONGEST_NAME) return NULL;
    for (const struct option *each = all_options; each->help != NULL; each++) {
        size_t each_len = each->name == NULL ? 0 : strlen(each->name);
        if (each_len == 0 || each_len > LONGEST_NAME) continue;
        size_t mistakes = distance(name, len, each->name, each_len);
        if (mistakes > most) continue;
        if (mistakes == 0) return each;
        nearest = each;
        most = mistakes - 1;
    }
    return nearest;
}

const struct option *nearest_letter(char letter) {
    int other_case = isupper((unsigned char)letter) ? tolower((unsigned char)letter)
                                                    : toupper((unsigned char)letter);

    for (const struct option *each = all_options; each->help != NULL; each++)
        if (each->letter != '\0' && each->letter != letter && each->letter == other_case)
            return each;
    return NULL;
}
