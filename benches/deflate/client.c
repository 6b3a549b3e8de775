/* SPDX-License-Identifier: Apache-2.0 */
/* client compress|inflate URL MESSAGES SIZE COUNT LEVEL: see run.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsline.h>

enum { MESSAGES = 16 };

static int give_up(void) {
    fprintf(stderr, "%s\n", wsline_last_error_message());
    return 1;
}

int main(int argc, char **argv) {
    wsline_options *options;
    wsline_conn *conn;
    wsline_message message;
    size_t size = argc == 7 ? (size_t)strtoul(argv[4], NULL, 10) : 0;
    long count = size > 0 ? strtol(argv[5], NULL, 10) : 0;
    char *messages = malloc(MESSAGES * size);
    FILE *file = size > 0 ? fopen(argv[3], "rb") : NULL;

    if (file == NULL || fread(messages, size, MESSAGES, file) != MESSAGES) return 2;
    if (wsline_options_new(&options) != WSLINE_OK ||
        wsline_options_set_deflate(options, true) != WSLINE_OK ||
        wsline_options_set_deflate_level(options, atoi(argv[6])) != WSLINE_OK ||
        wsline_connect(argv[2], options, &conn) != WSLINE_OK)
        return give_up();
    if (strcmp(argv[1], "compress") == 0) {
        for (long i = 0; i < count; i++)
            if (wsline_conn_send_text(conn, messages + (size_t)(i % MESSAGES) * size, size) !=
                WSLINE_OK)
                return give_up();
        count = 1;
    }
    for (long i = 0; i < count; i++)
        if (wsline_conn_recv(conn, WSLINE_FOREVER, &message) != WSLINE_OK) return give_up();
    wsline_conn_shutdown(conn);
    return 0;
}
