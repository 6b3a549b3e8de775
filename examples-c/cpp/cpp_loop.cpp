/* SPDX-License-Identifier: Apache-2.0 */
/* Many apps on one thread, with a timer. Each app sends its number and closes when the echo has
 * arrived.
 *
 *   cpp_loop ws://127.0.0.1:8080/ COUNT
 */
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>
#include <wsline.hpp>

using namespace std::chrono_literals;

int main(int argc, char **argv) try {
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " URL COUNT\n";
        return 2;
    }
    const auto count = static_cast<std::size_t>(std::atoi(argv[2]));
    std::size_t echoes = 0;
    wsline::loop loop;
    wsline::options options;
    std::vector<wsline::app> apps;
    apps.reserve(count);

    for (std::size_t number = 0; number < count; ++number) {
        wsline::app &app = apps.emplace_back(argv[1], options);
        app.on_open([number](wsline::app_ref self) { self.send_text(std::to_string(number)); });
        app.on_message([&echoes, number](wsline::app_ref self, wsline::message_view message) {
            if (message.text() == std::to_string(number)) ++echoes;
            self.close();
        });
        app.on_error([](const wsline::error_info &info) { std::cerr << info.message() << '\n'; });
        loop.add(app);
    }
    loop.post_after(60s, [](wsline::loop_ref self) {
        std::cerr << "not finished after a minute\n";
        self.stop();
    });
    loop.run();
    std::cout << echoes << " of " << count << " echoes\n";
    return echoes == count ? 0 : 1;
} catch (const wsline::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
