/* SPDX-License-Identifier: Apache-2.0 */
/* A C++ exception that leaves a callback terminates the program, with a line that names the
 * callback. */
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wsline.h>

namespace {

/* A message, a ping, a pong, and a close frame. */
const char *const everything = "/frame?hex=8101618900"
                               "8a008800";

wsline_app *app;

void leave() { throw std::runtime_error("x"); }

void throw_notice(wsline_app *, void *) { leave(); }
void throw_message(wsline_app *, const wsline_message *, void *) { leave(); }
void throw_error(wsline_app *, const wsline_error_info *, void *) { leave(); }
void throw_close(wsline_app *, const wsline_close_info *, void *) { leave(); }
void throw_post(wsline_loop *, void *) { leave(); }
void throw_log(int32_t, const char *, void *) { leave(); }
int32_t throw_key(uint8_t *, void *) {
    leave();
    return 0;
}
void throw_free(void *) { leave(); }

void do_nothing(wsline_app *, void *) {}

std::string url(const char *path) {
    const char *faults = std::getenv("WSLINE_TEST_FAULTS_URL");

    return std::string(faults == nullptr ? "" : faults) + path;
}

void make_app(const char *path) {
    if (wsline_app_new(url(path).c_str(), nullptr, &app) != WSLINE_OK) std::exit(9);
}

/* Runs an app with only this callback. */
template <typename Fn>
void in(wsline_status (*set)(wsline_app *, Fn, void *, wsline_free_fn), Fn fn,
        const char *path = everything) {
    make_app(path);
    if (set(app, fn, nullptr, nullptr) == WSLINE_OK) wsline_app_run(app);
}

void in_message_on_another_thread() {
    make_app(everything);
    wsline_app_on_message(app, throw_message, nullptr, nullptr);
    wsline_app_start(app);
    wsline_app_join(app, WSLINE_FOREVER);
}

void in_userdata_free() {
    make_app(everything);
    wsline_app_on_open(app, do_nothing, nullptr, throw_free);
    wsline_app_free(app);
}

void in_post() {
    wsline_loop *loop = nullptr;

    if (wsline_loop_new(&loop) != WSLINE_OK) return;
    wsline_loop_post(loop, throw_post, nullptr, nullptr);
    wsline_loop_run_once(loop, 0);
}

void in_log() {
    make_app(everything);
    wsline_set_log(WSLINE_LOG_TRACE, throw_log, nullptr, nullptr);
    wsline_app_run(app);
}

void in_mask_key() {
    wsline_options *options = nullptr;
    wsline_conn *conn = nullptr;

    if (wsline_options_new(&options) != WSLINE_OK) return;
    wsline_options_set_mask_key_fn(options, throw_key, nullptr, nullptr);
    if (wsline_connect(url("/echo").c_str(), options, &conn) == WSLINE_OK)
        wsline_conn_send_text(conn, "x", 1);
}

struct row {
    const char *callback;
    void (*run)();
};

const row rows[] = {
    {"callback given to wsline_app_on_open()", [] { in(wsline_app_on_open, throw_notice); }},
    {"callback given to wsline_app_on_message()", [] { in(wsline_app_on_message, throw_message); }},
    {"callback given to wsline_app_on_message()", in_message_on_another_thread},
    {"callback given to wsline_app_on_data()", [] { in(wsline_app_on_data, throw_message); }},
    {"callback given to wsline_app_on_part()", [] { in(wsline_app_on_part, throw_message); }},
    {"callback given to wsline_app_on_ping()", [] { in(wsline_app_on_ping, throw_message); }},
    {"callback given to wsline_app_on_pong()", [] { in(wsline_app_on_pong, throw_message); }},
    {"callback given to wsline_app_on_close()", [] { in(wsline_app_on_close, throw_close); }},
    {"callback given to wsline_app_on_error()",
     [] { in(wsline_app_on_error, throw_error, "/no-such-path"); }},
    {"userdata_free given to wsline_app_on_open()", in_userdata_free},
    {"callback given to wsline_loop_post()", in_post},
    {"callback given to wsline_set_log()", in_log},
    {"callback given to wsline_options_set_mask_key_fn()", in_mask_key},
};

/* Runs it in a separate process; returns its standard error and its wait status. */
std::string run_apart(void (*run)(), int &end) {
    const rlimit no_core = {0, 0};
    std::string text;
    char buffer[512];
    ssize_t count;
    int ends[2];
    pid_t child;

    if (pipe(ends) != 0 || (child = fork()) < 0) std::exit(9);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        setrlimit(RLIMIT_CORE, &no_core);
        alarm(30);
        run();
        _exit(0);
    }
    close(ends[1]);
    while ((count = read(ends[0], buffer, sizeof buffer)) > 0)
        text.append(buffer, static_cast<size_t>(count));
    close(ends[0]);
    waitpid(child, &end, 0);
    return text;
}

} // namespace

int main() {
    int failures = 0;

    for (const row &row : rows) {
        int end = 0;
        const std::string text = run_apart(row.run, end);
        const bool names_it = text.find("wsline: the " + std::string(row.callback)) == 0;
        const bool passed = names_it && WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT;

        std::printf("%s %s\n", passed ? "ok  " : "FAIL", row.callback);
        if (!passed) {
            std::printf("  wait status %#x, standard error: %s\n", static_cast<unsigned>(end),
                        text.c_str());
            failures++;
        }
    }
    std::printf("%d failed\n", failures);
    return failures == 0 ? 0 : 1;
}
