/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WSDUMP_OPTIONS_H
#define WSDUMP_OPTIONS_H

#include "settings.h"

/* An option of the command line. */
struct option {
    char letter;       /* '\0': none */
    const char *name;  /* NULL: `help` is a heading */
    const char *value; /* as --help shows it: "FILE", or "[=N]" if optional; NULL: none */
    const char *help;
    /* One of these receives the value, which is NULL if it is missing. */
    size_t flag;    /* offset in struct settings of a bool that becomes true */
    size_t seconds; /* offset of an int64_t that becomes milliseconds */
    wsline_status (*set)(wsline_options *options, const char *value);
    const char *(*take)(struct settings *settings, const char *value); /* returns an error */
    /* Whether the next word may be the value of an option whose value is optional; NULL: never. */
    bool (*accepts)(const char *word);
};

/* In the order of --help; ends with an option without help. */
extern const struct option all_options[];

#endif
