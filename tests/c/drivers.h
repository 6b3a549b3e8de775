/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to drive an app. */
#ifndef WSLINE_TESTS_DRIVERS_H
#define WSLINE_TESTS_DRIVERS_H

#include "check.h"
#include "peer.h"

#include <poll.h>

static inline void drive_by_run(wsline_app *app) { CHECK_OK(wsline_app_run(app)); }

static inline void drive_by_start(wsline_app *app) {
    CHECK_OK(wsline_app_start(app));
    CHECK_OK(wsline_app_join(app, WAIT_MS));
}

static inline void drive_by_loop(wsline_app *app) {
    wsline_loop *loop = NULL;

    REQUIRE_OK(wsline_loop_new(&loop));
    CHECK_OK(wsline_loop_add(loop, app));
    CHECK_OK(wsline_loop_run(loop));
    CHECK_OK(wsline_app_join(app, 0));
    wsline_loop_free(loop);
}

/* As a program does that has an event loop of its own. */
static inline void drive_by_poll(wsline_app *app) {
    wsline_loop *loop = NULL;

    REQUIRE_OK(wsline_loop_new(&loop));
    CHECK_OK(wsline_loop_add(loop, app));
    while (wsline_app_is_running(app)) {
        struct pollfd fd = {.fd = wsline_loop_fd(loop), .events = POLLIN};

        CHECK(poll(&fd, 1, (int)wsline_loop_next_timeout_ms(loop)) >= 0);
        CHECK_OK(wsline_loop_run_once(loop, 0));
    }
    CHECK_OK(wsline_app_join(app, 0));
    wsline_loop_free(loop);
}

/* Each returns when the app has ended, which must not be a failure. */
static const struct {
    const char *name;
    void (*drive)(wsline_app *app);
} drivers[] = {
    {"run", drive_by_run},
    {"start", drive_by_start},
    {"loop", drive_by_loop},
    {"poll", drive_by_poll},
};

#endif
