/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the command line: -x, -xyz, -xVALUE, -x VALUE, --name, --name=VALUE and --name VALUE,
 * before and after the URL, up to "--". Long names may be abbreviated if the abbreviation is
 * unique. */
#include "arguments.h"

#include "nearest.h"
#include "notice.h"
#include "options.h"
#include "url.h"
#include "values.h"

#include <string.h>

/* A shorter word after one dash is a group of letters, not a long name that lacks a dash. */
enum { SHORTEST_WORD = 3 };

struct words {
    char **next, **end;
};

static bool may_be_missing(const struct option *option) { return option->value[0] == '['; }

static const char *apply_value(struct settings *settings, const struct option *option,
                               const char *value) {
    char *place = (char *)settings;

    if (option->flag > 0) {
        *(bool *)(void *)(place + option->flag) = true;
        return NULL;
    }
    if (option->seconds > 0)
        return value_seconds(value, (int64_t *)(void *)(place + option->seconds))
                   ? NULL
                   : "not a number of seconds";
    if (option->set != NULL)
        return option->set(settings->options, value) == WSLINE_OK ? NULL : value_library_error();
    return option->take(settings, value);
}

static bool apply(struct settings *settings, const struct option *option, const char *value) {
    const char *error = apply_value(settings, option, value);

    if (error != NULL) complain("--%s: %s", option->name, error);
    return error == NULL;
}

/* Applies the option with the value attached to it or, if `value` is NULL, with the next words. */
static bool apply_with(struct settings *settings, const struct option *option, const char *value,
                       struct words *words) {
    bool follows = false;

    if (option->value == NULL && value != NULL) {
        complain("--%s takes no value", option->name);
        return false;
    }
    if (option->value == NULL || value != NULL) return apply(settings, option, value);
    if (!may_be_missing(option)) {
        if (words->next != words->end) return apply(settings, option, *words->next++);
        complain("--%s needs a value: %s", option->name, option->value);
        return false;
    }
    while (option->accepts != NULL && words->next != words->end && option->accepts(*words->next)) {
        follows = true;
        if (!apply(settings, option, *words->next++)) return false;
    }
    return follows || apply(settings, option, NULL);
}

static void complain_of_name(const char *name, size_t len) {
    const struct option *nearest = nearest_name(name, len);

    if (nearest != NULL)
        complain("unknown option --%.*s: did you mean --%s?", (int)len, name, nearest->name);
    else
        complain("unknown option --%.*s; see wsdump --help", (int)len, name);
}

/* The option of that name, or the only one whose name begins with it. */
static const struct option *find_name(const char *name, size_t len) {
    const struct option *found = NULL;
    size_t count = 0;

    for (const struct option *each = all_options; each->help != NULL; each++) {
        if (each->name == NULL || strncmp(each->name, name, len) != 0) continue;
        if (each->name[len] == '\0') return each;
        found = each;
        count++;
    }
    if (count == 1) return found;
    if (count == 0)
        complain_of_name(name, len);
    else
        complain("ambiguous option --%.*s", (int)len, name);
    return NULL;
}

/* `word` is everything after the dash. */
static void complain_of_letter(char letter, const char *word) {
    size_t len = strcspn(word, "=");
    const struct option *name = len < SHORTEST_WORD ? NULL : nearest_name(word, len);
    const struct option *other = nearest_letter(letter);

    if (name != NULL)
        complain("unknown option -%.*s: did you mean --%s?", (int)len, word, name->name);
    else if (other != NULL)
        complain("unknown option -%c: did you mean -%c?", letter, other->letter);
    else
        complain("unknown option -%c; see wsdump --help", letter);
}

static const struct option *find_letter(char letter, const char *word) {
    for (const struct option *each = all_options; each->help != NULL; each++)
        if (each->letter == letter) return each;
    complain_of_letter(letter, word);
    return NULL;
}

static bool read_long(struct settings *settings, const char *word, struct words *words) {
    size_t len = strcspn(word, "=");
    const struct option *option = find_name(word, len);
    return option != NULL &&
           apply_with(settings, option, word[len] == '=' ? word + len + 1 : NULL, words);
}

static bool read_short(struct settings *settings, const char *word, struct words *words) {
    const char *letters = word;

    while (*letters != '\0') {
        const struct option *option = find_letter(*letters++, word);
        if (option == NULL) return false;

        bool takes_rest =
            *letters != '\0' && option->value != NULL &&
            (!may_be_missing(option) || (option->accepts != NULL && option->accepts(letters)));
        if (takes_rest) return apply(settings, option, letters);

        /* Letters that follow belong to other options, so the next word is not this one's value. */
        struct words none = {words->end, words->end};
        if (!apply_with(settings, option, NULL, *letters == '\0' ? words : &none)) return false;
    }
    return true;
}

static bool read_url(struct settings *settings, const char *word) {
    if (settings->url != NULL) {
        complain("more than one URL");
        return false;
    }
    settings->url = url_from_word(word, &settings->assumption);
    if (settings->url == NULL) complain("out of memory");
    return settings->url != NULL;
}

static bool read_word(struct settings *settings, struct words *words, bool *options_end) {
    const char *word = *words->next++;

    if (*options_end || word[0] != '-' || word[1] == '\0') return read_url(settings, word);
    if (word[1] != '-') return read_short(settings, word + 1, words);
    if (word[2] != '\0') return read_long(settings, word + 2, words);
    *options_end = true;
    return true;
}

bool arguments_read(struct settings *settings, int argc, char **argv) {
    struct words words = {argv + 1, argv + argc};
    bool options_end = false;

    while (words.next < words.end)
        if (!read_word(settings, &words, &options_end)) return false;
    return true;
}
