/* SPDX-License-Identifier: Apache-2.0 */
/* A loop inside another event loop: what a message costs, and that nothing is forgotten. The test
 * is the server as well, so it decides what arrives between which calls. */
/* syscall() */
#define _DEFAULT_SOURCE
#include "app.h"
#include "calls.h"
#include "listen.h"
#include "upgrade.h"

#include <netinet/tcp.h>

static const char text_frame[] = "\x81\x01"
                                 "a";

/* An open app in a loop, and the server's end of its connection. */
struct pair {
    struct record record;
    struct listener listener;
    wsline_loop *loop;
    wsline_app *app;
    int server;
    int epoll; /* watches the loop, edge-triggered */
};

static bool is_readable(int fd, int wait_ms) {
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    return poll(&entry, 1, wait_ms) == 1;
}

/* As an edge-triggered event loop does: waits for an edge, or for the time that the loop names. */
static void turn(struct pair *pair) {
    int64_t timeout_ms = wsline_loop_next_timeout_ms(pair->loop);
    struct epoll_event event;
    int ready = epoll_wait(pair->epoll, &event, 1, timeout_ms < 0 ? WAIT_MS : (int)timeout_ms);

    REQUIRE(ready == 1 || timeout_ms >= 0);
    CHECK_OK(wsline_loop_run_once(pair->loop, 0));
}

static void echo(struct record *record, wsline_app *app, char letter) {
    (void)record;
    if (letter == 'm') CHECK_OK(wsline_app_send_text(app, "a", 1));
}

static void pair_open(struct pair *pair) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    char url[64];

    record_init(&pair->record);
    pair->listener = listen_silent();
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", (unsigned)pair->listener.port);
    REQUIRE_OK(wsline_loop_new(&pair->loop));
    REQUIRE_OK(wsline_app_new(url, NULL, &pair->app));
    app_listen(pair->app, "omec", &pair->record);
    pair->epoll = epoll_create1(EPOLL_CLOEXEC);
    REQUIRE(epoll_ctl(pair->epoll, EPOLL_CTL_ADD, wsline_loop_fd(pair->loop), &event) == 0);
    CHECK_OK(wsline_loop_add(pair->loop, pair->app));
    while (!is_readable(pair->listener.fd, 0)) turn(pair);
    pair->server = accept(pair->listener.fd, NULL, NULL);
    while (!is_readable(pair->server, 0)) turn(pair);
    upgrade(pair->server);
    while (record_count(&pair->record, 'o') == 0) turn(pair);
}

static void pair_send(struct pair *pair) {
    REQUIRE(send(pair->server, text_frame, 3, MSG_NOSIGNAL) == 3);
}

static void pair_end(struct pair *pair) {
    wsline_app_free(pair->app);
    wsline_loop_free(pair->loop);
    close(pair->server);
    close(pair->epoll);
    listen_close(&pair->listener);
}

static void expect_calls(const char *const *want, size_t count) {
    unsigned made = calls_end();
    bool is_right = CHECK_INT((intmax_t)count, made);

    for (size_t i = 0; i < count && i < made; i++) is_right &= CHECK_TEXT(want[i], calls.names[i]);
    if (!is_right) calls_print();
}

static void an_echo_takes_one_call_more_than_without_the_other_loop(void) {
    static const char *const want[] = {"epoll_wait", "epoll_wait", "recv", "send"};
    struct pair pair;

    pair_open(&pair);
    pair.record.then = echo;
    for (unsigned i = 0; i < 5; i++) {
        pair_send(&pair);
        REQUIRE(is_readable(wsline_loop_fd(pair.loop), WAIT_MS));
        calls_begin();
        turn(&pair);
        /* The first turn may be about the end of connecting. */
        if (i > 0) expect_calls(want, COUNT_OF(want));
        while (record_count(&pair.record, 'm') <= i) turn(&pair);
    }
    pair_end(&pair);
}

/* It was 0 if a message arrived between the two calls: then the other loop did not wait for its
 * own descriptors. */
static void the_timeout_does_not_depend_on_what_arrives_after_a_turn(void) {
    struct pair pair;

    pair_open(&pair);
    pair_send(&pair);
    for (unsigned i = 1; i <= 5; i++) {
        while (record_count(&pair.record, 'm') < i) turn(&pair);
        pair_send(&pair);
        REQUIRE(is_readable(wsline_loop_fd(pair.loop), WAIT_MS));
        CHECK_INT(WSLINE_FOREVER, wsline_loop_next_timeout_ms(pair.loop));
    }
    pair_end(&pair);
}

/* One read takes the message, and leaves the end of the stream. */
static void an_end_that_arrives_with_a_message_is_noticed(void) {
    struct pair pair;
    int on = 1;

    pair_open(&pair);
    REQUIRE(setsockopt(pair.server, IPPROTO_TCP, TCP_CORK, &on, sizeof on) == 0);
    pair_send(&pair);
    REQUIRE(shutdown(pair.server, SHUT_WR) == 0);
    while (record_count(&pair.record, 'c') == 0) turn(&pair);
    CHECK_TEXT("omec", pair.record.order);
    pair_end(&pair);
}

static void pause_once(struct record *record, wsline_app *app, char letter) {
    if (letter == 'm' && record_count(record, 'm') == 1) CHECK_OK(wsline_app_pause(app));
}

/* While it is paused, a read leaves bytes in the socket without an edge. */
static void what_arrives_during_a_pause_is_received_after_it(void) {
    struct pair pair;

    pair_open(&pair);
    pair.record.then = pause_once;
    for (int i = 0; i < 3; i++) pair_send(&pair);
    while (record_count(&pair.record, 'm') == 0) turn(&pair);
    pair_send(&pair);
    CHECK_OK(wsline_app_resume(pair.app));
    while (record_count(&pair.record, 'm') < 4) turn(&pair);
    pair_end(&pair);
}

/* The edge of the message is used up by the turn that only notices the stop. */
static void a_stop_hides_no_message(void) {
    struct pair pair;

    pair_open(&pair);
    pair_send(&pair);
    while (record_count(&pair.record, 'm') < 1) turn(&pair);
    pair_send(&pair);
    REQUIRE(is_readable(wsline_loop_fd(pair.loop), WAIT_MS));
    CHECK_OK(wsline_loop_stop(pair.loop));
    while (record_count(&pair.record, 'm') < 2) turn(&pair);
    pair_end(&pair);
}

int main(int argc, char **argv) {
    const struct test tests[] = {
        TEST(an_echo_takes_one_call_more_than_without_the_other_loop),
        TEST(the_timeout_does_not_depend_on_what_arrives_after_a_turn),
        TEST(an_end_that_arrives_with_a_message_is_noticed),
        TEST(what_arrives_during_a_pause_is_received_after_it),
        TEST(a_stop_hides_no_message),
    };
    return check_main(argc, argv, tests, COUNT_OF(tests));
}
