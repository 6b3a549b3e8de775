/* SPDX-License-Identifier: Apache-2.0 */
/* A client in an io_context of Asio, next to a timer: with callbacks, and with a coroutine of Asio.
 *
 *   cpp_asio ws://127.0.0.1:8080/
 */
#include <asio.hpp>
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <wsline/asio.hpp>

using namespace std::chrono_literals;

/* Sends a line every few milliseconds, and ends after the third echo. */
class ticker {
  public:
    ticker(asio::io_context &io, wsline::asio_driver &driver) : timer_(io), client_(driver) {}

    void begin(const std::string &url) {
        client_.async_connect(url, [this](std::error_code ec) {
            if (ec) return fail();
            tick();
            receive();
        });
    }

  private:
    void tick() {
        client_.async_send_text("tick " + std::to_string(++sent_), [this](std::error_code ec) {
            if (ec) return fail();
            timer_.expires_after(20ms);
            timer_.async_wait([this](std::error_code cancelled) {
                if (!cancelled) tick();
            });
        });
    }

    void receive() {
        client_.async_receive([this](std::error_code ec, wsline::message_view message) {
            if (ec) return fail();
            std::cout << message.text() << std::endl;
            if (++received_ < 3) return receive();
            timer_.cancel();
            client_.async_close([](std::error_code, const wsline::close_info &info) {
                std::cout << "closed: " << wsline::name(info.code()) << std::endl;
            });
        });
    }

    /* It comes out of io_context::run(). */
    void fail() { throw wsline::error(client_.last_error()); }

    asio::steady_timer timer_;
    wsline::asio_client client_;
    int sent_ = 0, received_ = 0;
};

static asio::awaitable<void> greet(wsline::asio_driver &driver, std::string url) {
    wsline::asio_client client(driver);
    co_await client.async_connect(url, asio::use_awaitable);
    co_await client.async_send_text("Hello, Server", asio::use_awaitable);
    wsline::message_view reply = co_await client.async_receive(asio::use_awaitable);
    std::cout << reply.text() << std::endl;
    co_await client.async_close(asio::use_awaitable);
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " URL\n";
        return 2;
    }
    asio::io_context io;
    wsline::asio_driver driver(io);
    ticker ticks(io, driver);
    ticks.begin(argv[1]);
    io.run();

    asio::co_spawn(io, greet(driver, argv[1]), [](std::exception_ptr thrown) {
        if (thrown) std::rethrow_exception(thrown);
    });
    io.restart();
    io.run();
    return 0;
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
