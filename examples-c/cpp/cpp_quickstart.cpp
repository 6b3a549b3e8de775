/* SPDX-License-Identifier: Apache-2.0 */
/* Sends a text and a binary message, and prints the replies.
 *
 *   cpp_quickstart wss://echo.example/
 */
#include <array>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <wsline.hpp>

using namespace std::chrono_literals;

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " URL\n";
        return 2;
    }
    auto options = wsline::options().set_connect_timeout(10s).set_timeout(5s);
    wsline::connection conn = wsline::connect(argv[1], options);
    conn.send_text("Hello, Server");
    std::cout << conn.receive().text() << '\n';

    const std::array<std::byte, 3> numbers{std::byte{1}, std::byte{2}, std::byte{3}};
    conn.send_binary(numbers);
    wsline::message_view reply = conn.receive();
    std::cout << (reply.is_binary() ? "binary" : "text") << " of " << reply.size() << " bytes\n";

    /* A timeout is often no failure. */
    std::error_code status;
    conn.receive(10ms, status);
    if (status == wsline::status::timeout) std::cout << "nothing more\n";

    conn.close(wsline::close_code::normal, "enough");
    std::cout << "closed: " << wsline::name(conn.close_info().code()) << '\n';
    return 0;
} catch (const wsline::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
