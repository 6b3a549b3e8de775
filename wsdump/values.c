/* SPDX-License-Identifier: Apache-2.0 */
/* Parses option values: numbers, times, sizes, files. */
#include "values.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *value_error(const char *format, ...) {
    static char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

const char *value_library_error(void) {
    const char *text = wsline_last_error_message();
    const char *colon = strstr(text, ": ");
    return colon != NULL && strncmp(text, "wsline_", 7) == 0 ? colon + 2 : text;
}

bool value_number(const char *text, uint64_t most, uint64_t *number_out) {
    char *end;

    if (!isdigit((unsigned char)*text)) return false; /* strtoull() takes signs and blanks */
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*end != '\0' || errno != 0 || number > most) return false;
    *number_out = number;
    return true;
}

bool value_seconds(const char *text, int64_t *ms_out) {
    char *end;

    if (text[strspn(text, "0123456789.")] != '\0') return false;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || seconds > 1e9) return false;
    *ms_out = (int64_t)(seconds * 1000 + 0.5);
    return true;
}

bool value_size(const char *text, uint64_t *bytes_out) {
    static const char units[] = "kmg";
    char digits[32];
    size_t len = strlen(text);
    unsigned shift = 0;

    if (len == 0 || len >= sizeof digits) return false;
    memcpy(digits, text, len + 1);
    const char *unit = strchr(units, tolower((unsigned char)digits[len - 1]));
    if (unit != NULL) {
        shift = 10 * (unsigned)(unit - units + 1);
        digits[len - 1] = '\0';
    }
    if (!value_number(digits, UINT64_MAX >> shift, bytes_out)) return false;
    *bytes_out <<= shift;
    return true;
}

char *value_secret(const char *text) {
    size_t len;

    if (*text != '@') return strdup(text);
    char *content = (char *)value_file(text + 1, &len);
    if (content != NULL) content[strcspn(content, "\r\n")] = '\0';
    return content;
}

uint8_t *value_file(const char *path, size_t *len_out) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    size_t len = 0, capacity = 0;
    uint8_t *content = NULL;

    if (file == NULL) return NULL;
    do {
        /* Leave one byte for the NUL at the end. */
        if (capacity - len < 2) {
            capacity = capacity == 0 ? 65536 : capacity * 2;
            uint8_t *larger = realloc(content, capacity);
            if (larger == NULL) break;
            content = larger;
        }
        len += fread(content + len, 1, capacity - len - 1, file);
    } while (!feof(file) && !ferror(file));

    bool complete = feof(file) && !ferror(file);
    int saved_errno = errno;
    if (file != stdin) fclose(file);
    errno = saved_errno;
    if (!complete) {
        free(content);
        return NULL;
    }
    content[len] = '\0';
    *len_out = len;
    return content;
}
