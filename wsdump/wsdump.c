/* SPDX-License-Identifier: Apache-2.0 */
/* A WebSocket client for terminals and pipes; see wsdump.1. It has one thread, which polls standard
 * input, a wsline_loop and a pipe of signals.
 *
 *   wsdump ws://127.0.0.1:8080/
 */
#include "clock.h"
#include "closing.h"
#include "commands.h"
#include "editor.h"
#include "eof_wait.h"
#include "exit_status.h"
#include "feed.h"
#include "help.h"
#include "input.h"
#include "notice.h"
#include "output.h"
#include "round_trip.h"
#include "send.h"
#include "settings.h"
#include "signals.h"
#include "values.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Signals within this time count as one: timeout(1) sends its signal to the program and again to
 * its process group. */
enum { ONE_SIGNAL_MS = 1000 };

static struct settings settings;
static wsline_loop *loop;
static wsline_app *app;
static uint64_t received; /* messages */
/* When --timeout and --max-time expire. */
static int64_t timeout_at = NEVER, max_time_at = NEVER;
/* Until then, a signal counts as a repetition of the one that closed the connection. */
static int64_t same_signal_until = 0;
static bool input_has_ended;
static bool has_lost_input; /* on this connection or an earlier one */
static bool has_ended;      /* the app has stopped */
/* How the connection ended, and the status that this program chose, which takes precedence. */
static int outcome = STATUS_CONNECT;
static int verdict = STATUS_DONE;

/* ---- Ending ---- */

static void close_connection(int32_t code) {
    timeout_at = NEVER;
    closing_begin(app, code, NULL);
}

static void end_by_timeout(const char *message) {
    wsline_error_info info;

    memset(&info, 0, sizeof info);
    info.status = WSLINE_ERR_TIMEOUT;
    info.phase = wsline_app_is_open(app) ? WSLINE_PHASE_OPEN : WSLINE_PHASE_CONNECT;
    info.message = message;
    info.retry_in_ms = -1;
    output_error(app, &info);
    if (verdict == STATUS_DONE) verdict = STATUS_TIMEOUT;
    close_connection(WSLINE_CLOSE_NORMAL);
}

static void check_timeouts(void) {
    int64_t now = clock_us();

    if (wsline_app_send_queue_bytes(app) > 0) eof_wait_prolong();
    if (now >= max_time_at) {
        max_time_at = NEVER;
        end_by_timeout("time limit reached (--max-time)");
    } else if (now >= timeout_at) {
        end_by_timeout("no message arrived in time (--timeout)");
    } else if (now >= eof_wait_ends_at()) {
        eof_wait_end();
        close_connection(WSLINE_CLOSE_NORMAL);
    }
}

/* The first signal closes an open connection; a later one, or one while no connection is open, ends
 * the program. */
static void handle_signals(void) {
    int number;

    while ((number = signals_next()) != 0) {
        if (number == SIGTSTP) {
            editor_suspend();
            signals_stop_program();
            editor_resume();
        } else if (number == SIGWINCH) {
            editor_resize();
        } else if (wsline_app_is_open(app)) {
            same_signal_until = clock_in_ms(ONE_SIGNAL_MS);
            close_connection(number == SIGINT ? WSLINE_CLOSE_NORMAL : WSLINE_CLOSE_GOING_AWAY);
        } else if (clock_us() >= same_signal_until) {
            verdict = STATUS_SIGNAL + number;
            wsline_app_abort(app);
        }
    }
}

/* ---- Input ---- */

static void take_end_of_input(bool expects_replies) {
    input_has_ended = true;
    eof_wait_begin(&settings, expects_replies);
}

static void take_edited_line(const char *line) {
    if (line != NULL) {
        command_or_message(app, &settings, line, strlen(line));
    } else {
        editor_end();
        take_end_of_input(false); /* Ctrl+D: the user has seen the replies */
    }
}

static bool wants_input(void) {
    if (input_has_ended || !wsline_app_is_open(app)) return false;
    return output_is_interactive() ? send_has_room(app) : feed_wants_input(app);
}

static void take_input(void) {
    if (output_is_interactive())
        editor_read();
    else
        feed_read();
}

static void feed(void) {
    if (!feed_send(app) || input_has_failed()) verdict = STATUS_INPUT;
    if (!input_has_ended && feed_is_over()) take_end_of_input(feed_has_sent());
}

/* ---- The app's callbacks ---- */

static void on_open(wsline_app *opened, void *userdata) {
    (void)userdata;
    outcome = STATUS_DONE;
    round_trip_reset();
    timeout_at = clock_in_ms(settings.timeout_ms);
    output_open(opened);
    if (settings.offers_subprotocols && wsline_app_subprotocol(opened) == NULL)
        notice("the server selected none of the offered subprotocols");
    feed_rewind();
    feed();
    if (output_is_interactive() && !input_has_ended) editor_begin("> ", take_edited_line);
}

static void on_message(wsline_app *from, const wsline_message *message, void *userdata) {
    (void)from;
    (void)userdata;
    if (settings.count > 0 && received == settings.count) return; /* already closing */
    received++;
    timeout_at = clock_in_ms(settings.timeout_ms);
    eof_wait_prolong();
    output_message(message, -1);
    if (received == settings.count) close_connection(WSLINE_CLOSE_NORMAL);
}

static void on_ping(wsline_app *from, const wsline_message *message, void *userdata) {
    (void)from;
    (void)userdata;
    output_message(message, -1);
}

static void on_pong(wsline_app *from, const wsline_message *message, void *userdata) {
    wsline_message shown = *message;

    (void)userdata;
    int64_t round_trip_us = round_trip_end(from, &shown);
    output_message(&shown, round_trip_us);
}

static void on_error(wsline_app *from, const wsline_error_info *info, void *userdata) {
    (void)userdata;
    outcome = exit_status_of_error(info);
    output_error(from, info);
}

static void on_close(wsline_app *from, const wsline_close_info *info, void *userdata) {
    (void)from;
    (void)userdata;
    timeout_at = NEVER;
    if (outcome == STATUS_DONE) outcome = exit_status_of_close(info);
    output_close(info);
    if (info->unsent_messages > 0) {
        complain("messages not sent: %llu", (unsigned long long)info->unsent_messages);
        has_lost_input = true;
    }
}

static void log_line(int32_t level, const char *line, void *userdata) {
    (void)level;
    (void)userdata;
    notice_log(line);
}

/* ---- The loop ---- */

static int64_t earliest(int64_t one, int64_t other) { return one < other ? one : other; }

static int poll_timeout(void) {
    int64_t loop_at = clock_in_ms(wsline_loop_next_timeout_ms(loop));
    int64_t own_at =
        earliest(earliest(timeout_at, max_time_at), earliest(eof_wait_ends_at(), feed_due_at(app)));
    return clock_poll_timeout(earliest(loop_at, own_at));
}

static void flush_output(void) {
    if (output_flush() || verdict == STATUS_FAILURE) return;
    /* A reader that stops early, such as head(1), is not an error worth reporting. */
    if (errno != EPIPE) complain("standard output: %s", strerror(errno));
    verdict = STATUS_FAILURE;
    close_connection(WSLINE_CLOSE_NORMAL);
}

static void turn(void) {
    struct pollfd fds[] = {{wants_input() ? STDIN_FILENO : -1, POLLIN, 0},
                           {wsline_loop_fd(loop), POLLIN, 0},
                           {signals_fd(), POLLIN, 0}};

    if (poll(fds, 3, poll_timeout()) < 0) fds[0].revents = 0; /* a signal */
    handle_signals();
    if (fds[0].revents != 0) take_input();
    feed();
    check_timeouts();
    if (wsline_loop_run_once(loop, 0) != WSLINE_OK) {
        complain("%s", value_library_error());
        verdict = STATUS_FAILURE;
        has_ended = true;
    }
    flush_output();
    if (!wsline_app_is_running(app)) has_ended = true;
}

static bool begin(void) {
    bool is_ready = signals_begin();

    if (!is_ready) complain("signals: %s", strerror(errno));
    if (settings.verbosity > 1) wsline_set_log(WSLINE_LOG_TRACE, log_line, NULL, NULL);
    if (is_ready && wsline_loop_new(&loop) == WSLINE_OK &&
        wsline_app_new(settings.url, settings.options, &app) == WSLINE_OK &&
        wsline_loop_add(loop, app) == WSLINE_OK) {
        wsline_app_on_open(app, on_open, NULL, NULL);
        wsline_app_on_message(app, on_message, NULL, NULL);
        wsline_app_on_ping(app, on_ping, NULL, NULL);
        wsline_app_on_pong(app, on_pong, NULL, NULL);
        wsline_app_on_error(app, on_error, NULL, NULL);
        wsline_app_on_close(app, on_close, NULL, NULL);
        max_time_at = clock_in_ms(settings.max_time_ms);
        return true;
    }
    if (is_ready) {
        wsline_error_info info;
        wsline_last_error(&info);
        output_error(app, &info);
        verdict = exit_status_of_error(&info);
    }
    return false;
}

static int run(void) {
    output_begin(&settings);
    feed_begin(&settings);
    if (settings.quiet) notice_be_quiet();
    if (settings.assumption != NULL) notice("%s", settings.assumption);
    if (!begin()) return verdict == STATUS_DONE ? STATUS_FAILURE : verdict;
    while (!has_ended) turn();
    editor_end();
    if (outcome == STATUS_DONE && has_lost_input) outcome = STATUS_INPUT;
    return verdict == STATUS_DONE ? outcome : verdict;
}

/* Files opened later must not take the place of a closed standard input or output. */
static void fill_standard_streams(void) {
    int fd;
    do fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
    int status = STATUS_DONE;

    fill_standard_streams();
    setlocale(LC_CTYPE, "");
    if (!settings_read(&settings, argc, argv))
        status = STATUS_USAGE;
    else if (settings.help)
        help_print();
    else if (settings.version)
        help_print_version();
    else
        status = run();
    wsline_set_log(WSLINE_LOG_OFF, NULL, NULL, NULL);
    wsline_app_free(app);
    wsline_loop_free(loop);
    settings_free(&settings);
    input_free();
    if (fflush(stdout) != 0 && status == STATUS_DONE) status = STATUS_FAILURE;
    return status;
}
