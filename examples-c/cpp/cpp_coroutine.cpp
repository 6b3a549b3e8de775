/* SPDX-License-Identifier: Apache-2.0 */
/* Two clients at the same time, on one thread, as coroutines: each asks and waits for the reply.
 *
 *   cpp_coroutine ws://127.0.0.1:8080/
 */
#include <chrono>
#include <iostream>
#include <string>
#include <system_error>
#include <wsline/coroutine.hpp>

using namespace std::chrono_literals;

static wsline::task<> talk(wsline::loop_ref loop, std::string url, std::string name) {
    wsline::async_connection client(loop);
    co_await client.connect(url);
    for (int i = 1; i <= 3; i++) {
        co_await client.send_text(name + ' ' + std::to_string(i));
        wsline::message_view reply = co_await client.receive(5s);
        std::cout << reply.text() << std::endl;
        co_await wsline::sleep(loop, 10ms);
    }

    /* A timeout is often no failure. */
    std::error_code status;
    co_await client.receive(10ms, status);
    if (status == wsline::status::timeout) std::cout << name << ": nothing more" << std::endl;

    wsline::close_info info = co_await client.close(wsline::close_code::normal, "enough");
    std::cout << name << " closed: " << wsline::name(info.code()) << std::endl;
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " URL\n";
        return 2;
    }
    wsline::loop loop;
    wsline::run(loop, wsline::when_all(talk(loop, argv[1], "one"), talk(loop, argv[1], "two")));
    return 0;
} catch (const wsline::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
