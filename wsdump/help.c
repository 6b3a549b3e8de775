/* SPDX-License-Identifier: Apache-2.0 */
/* --help, made of the table of options, and --version. */
#include "help.h"

#include "editor.h"
#include "options.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 30 };

static void print_option(const struct option *option) {
    const char *value = option->value == NULL ? "" : option->value;
    const char *blank = *value == '\0' || *value == '[' ? "" : " ";
    char names[64];

    snprintf(names, sizeof names, "%c%c%s --%s%s%s", option->letter == '\0' ? ' ' : '-',
             option->letter == '\0' ? ' ' : option->letter, option->letter == '\0' ? " " : ",",
             option->name, blank, value);
    printf("  %-*s  %s\n", WIDTH, names, option->help);
}

void help_print(void) {
    printf("usage: wsdump [OPTIONS] URL\n"
           "\n"
           "Talks to a WebSocket server: shows what it sends, and sends it what is typed, line by\n"
           "line. URL is ws://..., wss://... or ws+unix:///path/of/socket:/path; without a\n"
           "scheme it is ws://. Times are in seconds, fractions too.\n"
           "\n");
    for (const struct option *each = all_options; each->help != NULL; each++) {
        if (each->name == NULL)
            printf("\n%s\n", each->help);
        else
            print_option(each);
    }
    printf("\nwsdump(1) tells more, and what the exit status means.\n");
}

void help_print_version(void) {
    printf("wsdump %s, libwsline %s%s, line editing by %s\n", WSLINE_VERSION_STRING,
           wsline_version(), wsline_has_feature("tls") ? " with TLS" : "", editor_name());
}
