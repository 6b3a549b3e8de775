/* SPDX-License-Identifier: Apache-2.0 */
/* A loop inside a libuv loop. A timer of the program sends a message every 100 ms until three
 * echoes have arrived.
 *
 *   cpp_libuv ws://127.0.0.1:8080/
 */
#include <exception>
#include <iostream>
#include <optional>
#include <system_error>
#include <wsline.hpp>
#include <wsline/libuv.hpp>

/* libuv calls it, so it must not throw. */
static void on_tick(uv_timer_t *timer) {
    wsline::app &app = *static_cast<wsline::app *>(timer->data);
    std::error_code failure;

    if (app.is_open()) app.send_text("tick", failure);
    if (failure) std::cerr << "send: " << failure.message() << '\n';
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " URL\n";
        return 2;
    }
    wsline::loop loop;
    wsline::app app(argv[1]);
    std::optional<wsline::uv_handle> handle;
    std::exception_ptr thrown;
    uv_timer_t tick;
    int left = 3;

    /* uv_run() returns when all handles are closed. */
    auto end = [&handle, &tick] {
        if (!handle) return;
        handle.reset();
        uv_close(reinterpret_cast<uv_handle_t *>(&tick), nullptr);
    };
    app.on_message([&left](wsline::app_ref self, wsline::message_view message) {
        std::cout << "message: " << message.text() << std::endl;
        if (--left == 0) self.close();
    });
    /* Without reconnecting, an app ends after an error or when its connection closes. */
    app.on_error([&](const wsline::error_info &info) {
        std::cerr << info.message() << '\n';
        end();
    });
    app.on_close([&](const wsline::close_info &info) {
        std::cout << "closed: " << wsline::name(info.code()) << std::endl;
        end();
    });
    loop.add(app);

    /* What a callback throws must not leave it, because libuv is written in C. */
    handle.emplace(loop, uv_default_loop(), [&](std::exception_ptr exception) {
        thrown = exception;
        end();
    });
    uv_timer_init(uv_default_loop(), &tick);
    tick.data = &app;
    uv_timer_start(&tick, on_tick, 100, 100);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_loop_close(uv_default_loop());
    if (thrown) std::rethrow_exception(thrown);
    return left <= 0 ? 0 : 1;
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
