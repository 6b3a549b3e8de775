/* SPDX-License-Identifier: Apache-2.0 */
/* Writes signals to a pipe as bytes, so that poll(2) can wait for them too. */
#include "signals.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int ends[2] = {-1, -1};

/* How long the program may take to handle a signal, in seconds; timeout(1) sends two at once. */
enum { HANDLED_WITHIN_S = 1 };

/* A terminating signal arrived at this second and has not been handled yet. */
static volatile sig_atomic_t is_unhandled = 0, unhandled_since;

/* clock_gettime(2) is async-signal-safe. */
static sig_atomic_t now_s(void) { return (sig_atomic_t)(clock_us() / 1000000); }

static bool ends_the_program(int number) {
    return number == SIGINT || number == SIGTERM || number == SIGHUP;
}

static void on_signal(int number) {
    int saved_errno = errno;
    unsigned char byte = (unsigned char)number;

    if (ends_the_program(number)) {
        if (!is_unhandled) {
            unhandled_since = now_s();
            is_unhandled = 1;
        } else if (now_s() - unhandled_since > HANDLED_WITHIN_S) {
            /* The program hangs, for example in a write to a full pipe: let this signal end it. */
            signal(number, SIG_DFL);
            raise(number); /* delivered when this function returns */
        }
    }
    /* If the pipe is full, it already holds enough signals. */
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

/* If the program was started with a signal ignored, for example by nohup(1), keep ignoring it. */
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
    /* write(2) reports a closed pipe with EPIPE instead. */
    signal(SIGPIPE, SIG_IGN);
    return take_unless_ignored(SIGINT) && take_unless_ignored(SIGTERM) &&
           take_unless_ignored(SIGHUP) && take_unless_ignored(SIGTSTP) && take(SIGWINCH);
}

int signals_fd(void) { return ends[0]; }

int signals_next(void) {
    unsigned char byte;

    is_unhandled = 0;
    return read(ends[0], &byte, 1) == 1 ? byte : 0;
}

void signals_stop_program(void) { raise(SIGSTOP); }
