/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as bytes in a pipe, which poll(2) watches beside everything else. */
#include "signals.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int ends[2] = {-1, -1};

/* How long the program may take to look at a signal, in seconds; timeout(1) sends two at once. */
enum { HEEDED_WITHIN_S = 1 };

/* A signal that ends the program has come, at this second, and nobody has looked yet. */
static volatile sig_atomic_t is_unheeded = 0, unheeded_since;

/* clock_gettime(2) may be called in a signal handler. */
static sig_atomic_t now_s(void) { return (sig_atomic_t)(clock_us() / 1000000); }

static bool ends_the_program(int number) {
    return number == SIGINT || number == SIGTERM || number == SIGHUP;
}

static void on_signal(int number) {
    int saved_errno = errno;
    unsigned char byte = (unsigned char)number;

    if (ends_the_program(number)) {
        if (!is_unheeded) {
            unheeded_since = now_s();
            is_unheeded = 1;
        } else if (now_s() - unheeded_since > HEEDED_WITHIN_S) {
            /* The program hangs, in a write to a pipe that nobody reads: this one ends it. */
            signal(number, SIG_DFL);
            raise(number); /* when this function has returned */
        }
    }
    /* A full pipe holds signals enough. */
    ssize_t written = write(ends[1], &byte, 1);
    (void)written;
    errno = saved_errno;
}

static bool take(int number) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    return sigaction(number, &action, NULL) == 0;
}

/* Who was told to ignore a signal, by nohup(1) for example, goes on to. */
static bool take_unless_ignored(int number) {
    struct sigaction before;
    if (sigaction(number, NULL, &before) != 0) return false;
    return before.sa_handler == SIG_IGN || take(number);
}

bool signals_begin(void) {
    if (pipe(ends) != 0) return false;
    for (int i = 0; i < 2; i++)
        if (fcntl(ends[i], F_SETFL, O_NONBLOCK) != 0 || fcntl(ends[i], F_SETFD, FD_CLOEXEC) != 0)
            return false;
    /* A reader that has gone is told by the write. */
    signal(SIGPIPE, SIG_IGN);
    return take_unless_ignored(SIGINT) && take_unless_ignored(SIGTERM) &&
           take_unless_ignored(SIGHUP) && take_unless_ignored(SIGTSTP) && take(SIGWINCH);
}

int signals_fd(void) { return ends[0]; }

int signals_next(void) {
    unsigned char byte;

    is_unheeded = 0;
    return read(ends[0], &byte, 1) == 1 ? byte : 0;
}

void signals_stop_program(void) { raise(SIGSTOP); }
