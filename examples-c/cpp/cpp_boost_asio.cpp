/* SPDX-License-Identifier: Apache-2.0 */
/* A client in an io_context of Boost.Asio that another thread runs, with futures.
 *
 *   cpp_boost_asio ws://127.0.0.1:8080/
 */
#include <boost/asio.hpp>
#include <exception>
#include <future>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <wsline/boost_asio.hpp>

namespace asio = boost::asio;

/* Begins an operation where the client must be used, and waits for its result. */
template <class Begin> static auto result_of(asio::io_context &io, Begin begin) {
    std::packaged_task<decltype(begin())()> task(std::move(begin));
    auto begun = task.get_future();
    asio::post(io, [&task] { task(); });
    return begun.get().get();
}

static void talk(asio::io_context &io, wsline::boost_asio_client &client, const std::string &url) {
    result_of(io, [&] { return client.async_connect(url, asio::use_future); });
    for (const std::string text : {"one", "two"}) {
        result_of(io, [&] { return client.async_send_text(text, asio::use_future); });
        /* It is valid until the next async_receive(). */
        auto reply = result_of(io, [&] { return client.async_receive(asio::use_future); });
        std::cout << reply.text() << std::endl;
    }
    auto info = result_of(io, [&] { return client.async_close(asio::use_future); });
    std::cout << "closed: " << wsline::name(info.code()) << std::endl;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " URL\n";
        return 2;
    }
    asio::io_context io;
    wsline::boost_asio_driver driver(io);
    wsline::boost_asio_client client(driver);
    auto work = asio::make_work_guard(io);
    std::thread runner([&io] { io.run(); });

    int status = 0;
    try {
        talk(io, client, argv[1]);
    } catch (const std::exception &) {
        std::cerr << client.last_error().message() << '\n';
        status = 1;
    }
    work.reset();
    runner.join();
    return status;
}
