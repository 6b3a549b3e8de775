/* SPDX-License-Identifier: Apache-2.0 */
/* An app that pings and reconnects. It subscribes whenever it is connected, and ends after COUNT
 * messages.
 *
 *   cpp_app ws://127.0.0.1:8080/ COUNT
 */
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <wsline.hpp>

using namespace std::chrono_literals;

int main(int argc, char **argv) try {
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " URL COUNT\n";
        return 2;
    }
    int left = std::atoi(argv[2]);
    auto options =
        wsline::options().set_ping(20s, 10s).set_reconnect(true).set_reconnect_delay(100ms, 5s);
    wsline::app app(argv[1], options);

    app.on_open([](wsline::app_ref self) { self.send_text("subscribe"); });
    app.on_reconnect([](wsline::app_ref self) { self.send_text("subscribe again"); });
    app.on_message([&left](wsline::app_ref self, wsline::message_view message) {
        std::cout << "message: " << message.text() << std::endl;
        /* It comes out of run(). */
        if (!message.is_text()) throw std::runtime_error("not a text message");
        if (--left <= 0)
            self.close(wsline::close_code::normal, "enough");
        else
            self.reconnect();
    });
    app.on_error([](const wsline::error_info &info) { std::cerr << info.message() << '\n'; });
    app.on_close([](const wsline::close_info &info) {
        std::cout << "closed: " << wsline::name(info.code()) << std::endl;
    });
    app.run();
    return 0;
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
