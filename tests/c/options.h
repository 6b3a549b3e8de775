/* SPDX-License-Identifier: Apache-2.0 */
/* Options without a server, and arguments that they reject. */
#ifndef WSLINE_TESTS_OPTIONS_H
#define WSLINE_TESTS_OPTIONS_H

#include "check.h"

static inline wsline_options *new_options(void) {
    wsline_options *options = NULL;

    REQUIRE_OK(wsline_options_new(&options));
    REQUIRE(options != NULL);
    return options;
}

/* The status is "invalid argument" and the message names `argument`. */
#define CHECK_REFUSED(argument, call)                                                              \
    do {                                                                                           \
        CHECK_STATUS(WSLINE_ERR_INVALID_ARGUMENT, call);                                           \
        CHECK_HAS("`" argument "`", wsline_last_error_message());                                  \
    } while (0)

#endif
