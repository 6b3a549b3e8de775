/* SPDX-License-Identifier: Apache-2.0 */
/* --help, generated from the table of options, and --version. */
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
           "Connects to a WebSocket server, prints the messages it receives, and sends\n"
           "each line of input as a message. URL is ws://..., wss://... or\n"
           "ws+unix:///path/of/socket:/path; the default scheme is ws://. Times are in\n"
           "seconds and may have a fraction.\n"
           "\n");
    for (const struct option *each = all_options; each->help != NULL; each++) {
        if (each->name == NULL)
            printf("\n%s\n", each->help);
        else
            print_option(each);
    }
    printf("\nSee wsdump(1) for details and the exit statuses.\n");
}

void help_print_version(void) {
    printf("wsdump %s, libwsline %s%s, line editing: %s\n", WSLINE_VERSION_STRING, wsline_version(),
           wsline_has_feature("tls") ? " with TLS" : "", editor_name());
}
