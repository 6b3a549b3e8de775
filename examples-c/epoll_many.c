/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections on one thread, along with other work: a wsline_loop in the program's own
 * epoll(7) set, together with a timer that reports every second. When all are connected, each sends
 * a message, and the next one when its echo arrives. More than 1000 connections need a higher
 * `ulimit -n`.
 *
 *   epoll_many ws://127.0.0.1:8080/ [CONNECTIONS]
 */
#define _POSIX_C_SOURCE 200809L
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <wsline.h>

enum { MESSAGES = 10 }; /* for each connection */

/* One thread drives all connections, so no lock is needed. */
static wsline_app **apps;
static unsigned long wanted = 100, opened, failed, closed, sent, echoes;
static double begun_us, ended_us;

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void send_next(wsline_app *app) {
    if (sent == opened * MESSAGES)
        wsline_app_close(app, WSLINE_CLOSE_NORMAL, NULL);
    else if (wsline_app_send_text(app, "Hello, Server", WSLINE_NUL_TERMINATED) == WSLINE_OK)
        sent++;
}

static void begin_when_all_connected(void) {
    if (opened + failed < wanted) return;
    begun_us = now_us();
    for (unsigned long i = 0; i < wanted; i++) send_next(apps[i]);
}

static void on_open(wsline_app *app, void *userdata) {
    (void)app;
    (void)userdata;
    opened++;
    begin_when_all_connected();
}

static void on_message(wsline_app *app, const wsline_message *message, void *userdata) {
    (void)message;
    (void)userdata;
    echoes++;
    ended_us = now_us();
    send_next(app);
}

static void on_error(wsline_app *app, const wsline_error_info *info, void *userdata) {
    (void)app;
    (void)userdata;
    fprintf(stderr, "%s\n", info->message);
    if (info->phase >= WSLINE_PHASE_OPEN) return; /* on_close follows */
    failed++;
    begin_when_all_connected();
}

static void on_close(wsline_app *app, const wsline_close_info *info, void *userdata) {
    (void)app;
    (void)info;
    (void)userdata;
    closed++;
}

static wsline_status add_app(wsline_loop *loop, const char *url, wsline_app **app_out) {
    wsline_status status = wsline_app_new(url, NULL, app_out);
    if (status != WSLINE_OK) return status;
    wsline_app_on_open(*app_out, on_open, NULL, NULL);
    wsline_app_on_message(*app_out, on_message, NULL, NULL);
    wsline_app_on_error(*app_out, on_error, NULL, NULL);
    wsline_app_on_close(*app_out, on_close, NULL, NULL);
    return wsline_loop_add(loop, *app_out);
}

static bool watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Waits for the timer, a connection, or the timeout of the loop, whichever is first. */
static wsline_status turn(int epoll, int timer, wsline_loop *loop) {
    int64_t timeout_ms = wsline_loop_next_timeout_ms(loop); /* -1 means no timeout in both APIs */
    struct epoll_event events[2];
    int count = epoll_wait(epoll, events, 2, timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);

    for (int i = 0; i < count; i++) {
        uint64_t ticks;
        if (events[i].data.fd == timer && read(timer, &ticks, sizeof ticks) > 0)
            fprintf(stderr, "%lu open, %lu echoes\n", opened - closed, echoes);
    }
    return wsline_loop_run_once(loop, 0);
}

int main(int argc, char **argv) {
    const struct itimerspec every_second = {{1, 0}, {1, 0}};
    wsline_loop *loop = NULL;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

    if (argc == 3) wanted = strtoul(argv[2], NULL, 10);
    if (argc < 2 || argc > 3 || wanted == 0) {
        fprintf(stderr, "usage: %s URL [CONNECTIONS]\n", argv[0]);
        return 2;
    }
    apps = calloc(wanted, sizeof *apps);
    if (apps == NULL) {
        perror("epoll_many");
        return 1;
    }
    wsline_status status = wsline_loop_new(&loop);
    for (unsigned long i = 0; status == WSLINE_OK && i < wanted; i++)
        status = add_app(loop, argv[1], &apps[i]);
    if (status != WSLINE_OK) {
        fprintf(stderr, "%s\n", wsline_last_error_message());
        return 1;
    }
    if (!watch(epoll, wsline_loop_fd(loop)) || !watch(epoll, timer) ||
        timerfd_settime(timer, 0, &every_second, NULL) != 0) {
        perror("epoll_many");
        return 1;
    }
    while (status == WSLINE_OK && closed + failed < wanted) status = turn(epoll, timer, loop);
    if (status != WSLINE_OK) fprintf(stderr, "%s\n", wsline_last_error_message());
    printf("%lu connections, %lu messages sent, %lu echoes\n", opened, sent, echoes);
    if (echoes > 0) printf("%.1f us per message\n", (ended_us - begun_us) / (double)echoes);
    for (unsigned long i = 0; i < wanted; i++) wsline_app_free(apps[i]);
    wsline_loop_free(loop);
    free(apps);
    return echoes == wanted * MESSAGES ? 0 : 1;
}
