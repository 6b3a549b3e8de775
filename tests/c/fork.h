/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes of a test. */
#ifndef WSLINE_TESTS_FORK_H
#define WSLINE_TESTS_FORK_H

#include "check.h"

#include <sys/types.h>
#include <sys/wait.h>

enum { FORK_TEXT_MAX = 8192 };

/* The work of a child, and how it ends: by exit(), which runs handlers, or by _exit(). */
struct child {
    void (*run)(void *argument);
    void *argument;
    bool runs_exit_handlers;
    bool parent_has_threads;
};

static inline void child_main(const struct child *child) {
    int code;

    check_state.failures = 0;
    alarm(CHECK_WATCHDOG_SECONDS * (check_slow() ? 4 : 1));
    if (setjmp(check_state.leave) == 0) child->run(child->argument);
    code = check_state.failures == 0 ? 0 : 1;
    /* To valgrind, memory of threads that fork() did not copy is a leak; other programs do not
     * report it. */
    if (check_slow() && child->parent_has_threads)
        execlp(code == 0 ? "true" : "false", "wsline", (char *)NULL);
    if (child->runs_exit_handlers) exit(code);
    _exit(code);
}

/* Waits for the child, which must exit with 0 and write nothing to standard error, where panics are
 * reported. */
static inline void child_expect_end(pid_t pid, int its_stderr) {
    char text[FORK_TEXT_MAX];
    size_t len = 0;
    ssize_t count;
    int status = -1;

    while ((count = read(its_stderr, text + len, sizeof text - 1 - len)) > 0) len += (size_t)count;
    text[len] = '\0';
    close(its_stderr);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(0, WEXITSTATUS(status));
    CHECK_TEXT("", text);
}

static inline void child_run(const struct child *child) {
    int ends[2];
    pid_t pid;

    REQUIRE(pipe(ends) == 0);
    fflush(NULL);
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        child_main(child);
    }
    close(ends[1]);
    child_expect_end(pid, ends[0]);
}

/* Runs it in a child that ends with _exit(). */
static inline void in_child(void (*run)(void *argument), void *argument) {
    child_run(&(struct child){.run = run, .argument = argument});
}

/* The same for a parent with other threads. */
static inline void in_child_of_threads(void (*run)(void *argument), void *argument) {
    child_run(&(struct child){run, argument, false, true});
}

#endif
