/* SPDX-License-Identifier: Apache-2.0 */
/* A loop inside a GLib main loop. A timer of the program sends a message every 100 ms until three
 * echoes have arrived.
 *
 *   cpp_glib ws://127.0.0.1:8080/
 */
#include <exception>
#include <iostream>
#include <memory>
#include <system_error>
#include <wsline.hpp>
#include <wsline/glib.hpp>

/* GLib calls it, so it must not throw. */
static gboolean on_tick(gpointer userdata) {
    wsline::app &app = *static_cast<wsline::app *>(userdata);
    std::error_code failure;

    if (app.is_open()) app.send_text("tick", failure);
    if (failure) std::cerr << "send: " << failure.message() << '\n';
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " URL\n";
        return 2;
    }
    std::unique_ptr<GMainLoop, void (*)(GMainLoop *)> main_loop(g_main_loop_new(nullptr, FALSE),
                                                                g_main_loop_unref);
    auto quit = [&main_loop] { g_main_loop_quit(main_loop.get()); };
    wsline::loop loop;
    wsline::app app(argv[1]);
    int left = 3;

    app.on_message([&left](wsline::app_ref self, wsline::message_view message) {
        std::cout << "message: " << message.text() << std::endl;
        if (--left == 0) self.close();
    });
    /* Without reconnecting, an app ends after an error or when its connection closes. */
    app.on_error([&](const wsline::error_info &info) {
        std::cerr << info.message() << '\n';
        quit();
    });
    app.on_close([&](const wsline::close_info &info) {
        std::cout << "closed: " << wsline::name(info.code()) << std::endl;
        quit();
    });
    loop.add(app);

    /* What a callback throws must not leave it, because GLib is written in C. */
    std::exception_ptr thrown;
    wsline::glib_source source(loop, nullptr, [&](std::exception_ptr exception) {
        thrown = exception;
        quit();
    });
    guint tick = g_timeout_add(100, on_tick, &app);
    g_main_loop_run(main_loop.get());
    g_source_remove(tick);
    if (thrown) std::rethrow_exception(thrown);
    return left <= 0 ? 0 : 1;
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
