/* SPDX-License-Identifier: Apache-2.0 */
/* Uses only the header and the library of wsline: versions, an object, an error. */
#include <stdio.h>
#include <string.h>
#include <wsline.h>

#ifdef WITH_NEIGHBOUR
int neighbour_unwinds(void);
#endif

static int failures = 0;

static void check(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "failed: %s\n", what);
        failures++;
    }
}

static void check_version(void) {
    uint32_t number =
        (WSLINE_VERSION_MAJOR << 16) | (WSLINE_VERSION_MINOR << 8) | WSLINE_VERSION_PATCH;

    printf("wsline %s\n", wsline_version());
    check(strcmp(wsline_version(), WSLINE_VERSION_STRING) == 0, "version text");
    check(number == WSLINE_VERSION_NUMBER, "version number of the header");
    check(number == wsline_version_number(), "version number of the library");
}

static void check_options(void) {
    wsline_options *options = NULL;

    check(wsline_options_new(&options) == WSLINE_OK && options != NULL, "new options");
    wsline_options_free(options);
}

static void check_failed_connect(void) {
    wsline_conn *conn = NULL;
    /* Port 1 belongs to a service that nobody runs. */
    wsline_status status = wsline_connect("ws://127.0.0.1:1/", NULL, &conn);

    printf("%s: %s\n", wsline_strerror(status), wsline_last_error_message());
    check(status == WSLINE_ERR_CONNECT && conn == NULL, "refused connection");
    check(wsline_last_error_message()[0] != '\0', "error text");
}

int main(void) {
    check_version();
    check_options();
    check_failed_connect();
#ifdef WITH_NEIGHBOUR
    check(neighbour_unwinds(), "the neighbour's own panics");
#endif
    return failures == 0 ? 0 : 1;
}
