/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The harness of the C tests: checks that report their location and values, a table of named tests,
 * a watchdog. A program includes it once, before other headers, and ends with
 * `return check_main(argc, argv, tests, count)`.
 *
 *   CHECK...    record a failure and continue; usable on any thread; expressions that are true on
 * success REQUIRE...  record a failure and leave the test (on another thread: leave that thread)
 *
 *   ./test_frame                     runs every test
 *   ./test_frame NAME...             runs the tests with these names
 *   ./test_frame --list              prints the names
 */
#ifndef WSLINE_TESTS_CHECK_H
#define WSLINE_TESTS_CHECK_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wsline.h>

#if defined(__GNUC__)
#define CHECK_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CHECK_PRINTF(text, first)
#endif

/* One test of a program's table. */
struct test {
    const char *name;
    void (*run)(void);
};

#define TEST(function)  {#function, function}
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Ends earlier if all is well, and before the watchdog fires if not. */
enum { WAIT_MS = 120000 };

enum { CHECK_WATCHDOG_SECONDS = 300 };

static struct {
    pthread_mutex_t lock;
    pthread_t main_thread;
    jmp_buf leave;
    const char *running;
    const char *row;
    unsigned failures;
} check_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .running = "", .row = ""};

/* Names the row of a table, for the checks that follow in this test. */
static inline void check_row(const char *row) {
    pthread_mutex_lock(&check_state.lock);
    check_state.row = row;
    pthread_mutex_unlock(&check_state.lock);
}

/* Under valgrind, programs do less and allow more time. */
static inline bool check_slow(void) {
    const char *slow = getenv("WSLINE_TEST_SLOW");
    return slow != NULL && strcmp(slow, "") != 0 && strcmp(slow, "0") != 0;
}

/* `full` normally, `reduced` under valgrind. */
static inline size_t check_scaled(size_t full, size_t reduced) {
    return check_slow() ? reduced : full;
}

CHECK_PRINTF(4, 5)
static inline bool check_note(bool held, const char *file, int line, const char *format, ...) {
    va_list arguments;

    if (held) return true;
    /* Evaluated first, so that printing cannot come between a failure and its message. */
    const char *last_error = wsline_last_error_message();
    pthread_mutex_lock(&check_state.lock);
    check_state.failures++;
    fprintf(stderr, "%s:%d: %s%s%s: ", file, line, check_state.running,
            check_state.row[0] == '\0' ? "" : " / ", check_state.row);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, " [last error: \"%s\"]\n", last_error);
    pthread_mutex_unlock(&check_state.lock);
    return false;
}

static inline void check_leave_unless(bool held) {
    if (held) return;
    if (pthread_equal(pthread_self(), check_state.main_thread)) longjmp(check_state.leave, 1);
    pthread_exit(NULL);
}

static inline bool check_status(wsline_status want, wsline_status got, const char *file, int line,
                                const char *what) {
    return check_note(want == got, file, line, "%s: want %d (%s), got %d (%s)", what, (int)want,
                      wsline_strerror(want), (int)got, wsline_strerror(got));
}

static inline bool check_int(intmax_t want, intmax_t got, const char *file, int line,
                             const char *what) {
    return check_note(want == got, file, line, "%s: want %" PRIdMAX ", got %" PRIdMAX, what, want,
                      got);
}

static inline bool check_range(intmax_t low, intmax_t high, intmax_t got, const char *file,
                               int line, const char *what) {
    return check_note(low <= got && got <= high, file, line,
                      "%s: want %" PRIdMAX "..%" PRIdMAX ", got %" PRIdMAX, what, low, high, got);
}

/* NULL equals only NULL. */
static inline bool check_text(const char *want, const char *got, const char *file, int line,
                              const char *what) {
    bool same = want == NULL || got == NULL ? want == got : strcmp(want, got) == 0;
    return check_note(same, file, line, "%s: want \"%s\", got \"%s\"", what,
                      want == NULL ? "(null)" : want, got == NULL ? "(null)" : got);
}

static inline bool check_has(const char *part, const char *got, const char *file, int line,
                             const char *what) {
    return check_note(got != NULL && strstr(got, part) != NULL, file, line,
                      "%s: want a text with \"%s\", got \"%s\"", what, part,
                      got == NULL ? "(null)" : got);
}

static inline bool check_bytes(const void *want, size_t want_len, const void *got, size_t got_len,
                               const char *file, int line, const char *what) {
    size_t common = want_len < got_len ? want_len : got_len;
    size_t at = 0;

    if (want_len == got_len && (want_len == 0 || memcmp(want, got, want_len) == 0)) return true;
    while (at < common && ((const uint8_t *)want)[at] == ((const uint8_t *)got)[at]) at++;
    return check_note(false, file, line, "%s: want %zu bytes, got %zu, different from byte %zu on",
                      what, want_len, got_len, at);
}

#define CHECK(condition)         check_note((condition), __FILE__, __LINE__, "%s", #condition)
#define CHECK_STATUS(want, call) check_status((want), (call), __FILE__, __LINE__, #call)
#define CHECK_OK(call)           CHECK_STATUS(WSLINE_OK, call)
#define CHECK_INT(want, got)     check_int((intmax_t)(want), (intmax_t)(got), __FILE__, __LINE__, #got)
#define CHECK_RANGE(low, high, got)                                                                \
    check_range((intmax_t)(low), (intmax_t)(high), (intmax_t)(got), __FILE__, __LINE__, #got)
#define CHECK_TEXT(want, got) check_text((want), (got), __FILE__, __LINE__, #got)
#define CHECK_HAS(part, got)  check_has((part), (got), __FILE__, __LINE__, #got)
#define CHECK_BYTES(want, want_len, got, got_len)                                                  \
    check_bytes((want), (want_len), (got), (got_len), __FILE__, __LINE__, #got)

#define REQUIRE(condition)         check_leave_unless(CHECK(condition))
#define REQUIRE_STATUS(want, call) check_leave_unless(CHECK_STATUS(want, call))
#define REQUIRE_OK(call)           check_leave_unless(CHECK_OK(call))

static inline void check_watchdog_bites(int signal_number) {
    static const char message[] = ": the watchdog ended this test\n";
    const char *name = check_state.running;
    ssize_t written;

    (void)signal_number;
    written = write(STDERR_FILENO, name, strlen(name));
    written = write(STDERR_FILENO, message, sizeof message - 1);
    (void)written;
    _exit(3);
}

/* True if the test passed. */
static inline bool check_run(const struct test *test) {
    check_state.running = test->name;
    check_state.row = "";
    check_state.failures = 0;
    alarm(CHECK_WATCHDOG_SECONDS * (check_slow() ? 4 : 1));
    if (setjmp(check_state.leave) == 0) test->run();
    alarm(0);
    printf("%s %s\n", check_state.failures == 0 ? "ok  " : "FAIL", test->name);
    fflush(stdout);
    return check_state.failures == 0;
}

static inline bool check_selected(const char *name, int argc, char **argv) {
    if (argc < 2) return true;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return true;
    return false;
}

static inline int check_main(int argc, char **argv, const struct test *tests, size_t count) {
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    unsigned passed = 0, failed = 0;

    check_state.main_thread = pthread_self();
    signal(SIGALRM, check_watchdog_bites);
    for (size_t i = 0; i < count; i++) {
        if (list)
            puts(tests[i].name);
        else if (!check_selected(tests[i].name, argc, argv))
            continue;
        else if (check_run(&tests[i]))
            passed++;
        else
            failed++;
    }
    if (list) return 0;
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}

#endif
