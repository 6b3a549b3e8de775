/* SPDX-License-Identifier: Apache-2.0 */
/* The client with completion tokens: callbacks, futures, awaitables, and how errors are reported.
 */
#include "asio_names.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using wsline::status;

namespace {

/* Echoes numbers with callbacks. */
struct conversation {
    conversation(driver_type &driver, int count) : client(driver), left(count) {}

    void begin(const std::string &url) {
        client.async_connect(url, check::trusting(), [this](error_code ec) {
            CHECK(!ec);
            next();
        });
    }
    void next() {
        if (left == 0) {
            client.async_close([this](error_code ec, const wsline::close_info &info) {
                CHECK(!ec);
                CHECK(info.clean());
                is_done = true;
            });
            return;
        }
        text = std::to_string(left--);
        client.async_send_text(text, check::succeeds());
        client.async_receive([this](error_code ec, wsline::message_view message) {
            CHECK(!ec);
            EQUAL(text, message.text());
            next();
        });
    }

    client_type client;
    int left;
    std::string text;
    bool is_done = false;
};

void callbacks_echo() {
    for (const char *server : {"WEBSOCKETS", "WEBSOCKETS_TLS", "WS", "WS_TLS"}) {
        net::io_context io;
        driver_type driver(io);
        conversation one(driver, 100), other(driver, 10);
        one.begin(check::url(server, "/"));
        other.begin(check::url(server, "/"));
        io.run(); /* It returns when both connections have ended. */
        CHECK(one.is_done);
        CHECK(other.is_done);
    }
}

void several_threads_share_a_strand() {
    net::io_context io;
    driver_type driver(net::make_strand(io));
    const int count = check::slow() ? 10 : 100;
    std::vector<std::unique_ptr<conversation>> all;
    for (int i = 0; i < 5; i++) {
        all.push_back(std::make_unique<conversation>(driver, count));
        all.back()->begin(check::url("WEBSOCKETS", "/"));
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++) threads.emplace_back([&io] { io.run(); });
    for (std::thread &each : threads) each.join();
    for (const auto &each : all) CHECK(each->is_done);
}

void futures_are_read_by_another_thread() {
    net::io_context io;
    driver_type driver(io);
    client_type client(driver);
    auto work = net::make_work_guard(io);
    std::thread runner([&io] { io.run(); });
    /* Begins on the driver's executor. */
    auto begin = [&io](auto fn) {
        using future = decltype(fn());
        std::promise<future> begun;
        net::post(io, [&] { begun.set_value(fn()); });
        return begun.get_future().get();
    };
    const std::string url = check::url("WEBSOCKETS", "/");
    begin([&] { return client.async_connect(url, net::use_future); }).get();
    for (int i = 0; i < 20; i++) {
        const std::string text = std::to_string(i);
        begin([&] { return client.async_send_text(text, net::use_future); }).get();
        auto message = begin([&] { return client.async_receive(net::use_future); }).get();
        EQUAL(text, message.text());
        EQUAL('\0', static_cast<char>(message.data()[message.size()]));
    }
    CHECK(begin([&] { return client.async_close(net::use_future); }).get().clean());
    auto late = begin([&] { return client.async_receive(net::use_future); });
    CHECK(check::thrown_by<std::runtime_error>([&] { late.get(); }));
    work.reset();
    runner.join();
}

#ifdef HAS_AWAITABLE
net::awaitable<void> talk(client_type &client, std::string url) {
    co_await client.async_connect(url, check::trusting(), net::use_awaitable);
    for (int i = 0; i < 20; i++) {
        const std::string text = std::to_string(i);
        co_await client.async_send_text(text, net::use_awaitable);
        wsline::message_view message = co_await client.async_receive(net::use_awaitable);
        EQUAL(text, message.text());
        const unsigned char data[] = {1, 2};
        co_await client.async_send_binary(wsline::bytes(data, 2), net::use_awaitable);
        message = co_await client.async_receive(net::use_awaitable);
        CHECK(message.is_binary());
        EQUAL(2u, message.size());
    }
    const auto info =
        co_await client.async_close(wsline::close_code{4000}, "enough", net::use_awaitable);
    EQUAL(4000, static_cast<int>(info.code()));
    bool has_thrown = false;
    try {
        co_await client.async_receive(net::use_awaitable);
    } catch (const std::exception &) {
        has_thrown = true;
    }
    CHECK(has_thrown);
}

void awaitables_echo() {
    for (const char *server : {"WEBSOCKETS", "WEBSOCKETS_TLS"}) {
        net::io_context io;
        driver_type driver(io);
        client_type client(driver);
        std::exception_ptr thrown;
        bool has_ended = false;
        net::co_spawn(io, talk(client, check::url(server, "/")), [&](std::exception_ptr how) {
            thrown = how;
            has_ended = true;
        });
        io.run();
        CHECK(has_ended);
        CHECK(!thrown);
    }
}
#endif

void errors_are_error_codes() {
    net::io_context io;
    driver_type driver(io);
    client_type client(driver);
    error_code ec;
    int calls = 0;
    auto expect = [&](status want) {
        EQUAL(0, calls); /* Handlers are not called inside the call that begins. */
        io.restart();
        io.run();
        EQUAL(1, calls);
        CHECK(ec == want);
        CHECK(!(ec != want));
        EQUAL(std::string("wsline"), ec.category().name());
        EQUAL(std::string(wsline::strerror(want)), ec.message());
        EQUAL(want, client.last_error().status());
        calls = 0;
    };
    const check::noted noted{&ec, &calls};
    client.async_connect("ws://127.0.0.1:1/", noted);
    expect(status::connect);
    CHECK(client.last_error().message().find("refused") != std::string::npos);
    client.async_connect("nonsense", noted);
    expect(status::invalid_url);
    const std::string refusing = check::url("FAULTS", "/status?code=401");
    client.async_connect(refusing, wsline::options(), noted);
    expect(status::http_status);
    EQUAL(401, client.last_error().http_status());
    client.async_receive(noted);
    expect(status::wrong_state);
    client.async_send_text("x", noted);
    expect(status::wrong_state);
    client.async_close(noted);
    expect(status::wrong_state);

    const std::string closing = check::url("FAULTS", "/close?code=1001");
    client.async_connect(closing, check::succeeds());
    io.restart();
    io.run(); /* The end is noticed, too. */
    client.async_receive(noted);
    expect(status::closed);
    client.async_receive(noted);
    expect(status::closed);
    EQUAL(wsline::close_code::going_away, client.last_error().close_code());
    CHECK(ec.default_error_condition().category() == ec.category());

    /* A close, too, reports how the connection has ended. */
    client.async_close(check::succeeds());
    client.async_connect(check::url("FAULTS", "/eof-after-101"), check::succeeds());
    io.restart();
    io.run();
    client.async_close(noted);
    expect(status::connection_lost);

    client.async_connect(check::url("FAULTS", "/echo"), check::succeeds());
    client.async_close(noted);
    io.restart();
    while (!client.app().is_open()) io.run_one();
    CHECK(ec == status::wrong_state);
    EQUAL(1, std::exchange(calls, 0));
    client.async_receive(check::noted{&ec, &calls});
    error_code second;
    int second_calls = 0;
    client.async_receive(check::noted{&second, &second_calls});
    client.async_connect("ws://127.0.0.1:1/", check::noted{&second, &second_calls});
    client.async_send(wsline::opcode{77}, wsline::bytes(), check::noted{&second, &second_calls});
    while (second_calls < 3) io.run_one();
    CHECK(second == status::busy || second == status::invalid_argument);
    EQUAL(0, calls);
    client.abort();
    EQUAL(0, calls);
    io.run();
    EQUAL(1, calls);
    CHECK(ec == check::operation_aborted);
}

#ifdef WSLINE_TEST_BOOST
/* A plugin or program that hides its symbols has a category of its own. */
void codes_of_a_plugin_compare_equal() {
    static const struct other_category final : boost::system::error_category {
        const char *name() const noexcept override { return "wsline"; }
        std::string message(int) const override { return ""; }
    } other;
    CHECK(error_code(WSLINE_ERR_CLOSED, other) == status::closed);
    CHECK(error_code(WSLINE_ERR_CLOSED, other) != status::timeout);
    CHECK(error_code(WSLINE_ERR_CLOSED, boost::system::generic_category()) != status::closed);
}
#endif

/* Counts its calls. */
struct once_more {
    int &calls;
    explicit once_more(int &count) : calls(count) {}
    template <class... R> void operator()(error_code ec, const R &...) const {
        CHECK(!ec);
        ++calls;
    }
};

void exceptions_come_out_of_run() {
    net::io_context io;
    driver_type driver(io);
    conversation other(driver, 50);
    other.begin(check::url("WEBSOCKETS", "/"));
    client_type client(driver);
    client.async_connect(check::url("FAULTS", "/flood?n=3&size=10"),
                         [](error_code) { throw std::runtime_error("from a handler"); });
    auto thrown = check::thrown_by<std::runtime_error>([&] { io.run(); });
    CHECK(thrown && std::string("from a handler") == thrown->what());

    /* Nothing is lost, and everything continues. */
    int received = 0;
    for (int i = 0; i < 3; i++) {
        client.async_receive([&](error_code ec, wsline::message_view) {
            CHECK(!ec);
            ++received;
            throw std::logic_error("from another handler");
        });
        CHECK(check::thrown_by<std::logic_error>([&] { io.run(); }));
    }
    EQUAL(3, received);
    client.async_close(check::succeeds());
    io.run();
    CHECK(other.is_done);
}

/* Handlers that are called in the same turn do not disturb each other. */
void an_exception_ends_no_other_operation() {
    for (bool has_strand : {false, true}) {
        net::io_context io;
        net::any_io_executor on = io.get_executor();
        if (has_strand) on = net::make_strand(io);
        driver_type driver(on);
        client_type client(driver);
        int closes = 0, caught = 0;
        client.async_connect(check::url("FAULTS", "/close?code=1001"), [&](error_code failed) {
            CHECK(!failed);
            client.async_receive([](error_code, wsline::message_view) {
                throw std::runtime_error("from the handler of a receive");
            });
            client.async_close([&](error_code ec, const wsline::close_info &) {
                CHECK(!ec);
                ++closes;
                throw std::runtime_error("from the handler of a close");
            });
        });
        std::vector<std::unique_ptr<client_type>> clients;
        for (int i = 0; i < 10; i++) {
            clients.push_back(std::make_unique<client_type>(driver));
            clients.back()->async_connect(check::url("FAULTS", "/close?code=1000"), [](error_code) {
                throw std::runtime_error("from the handler of a connect");
            });
        }
        while (check::thrown_by<std::runtime_error>([&] { io.run(); })) ++caught;
        EQUAL(1, closes);
        EQUAL(12, caught);
    }
}

#if HAS_CANCELLATION
/* Can be called only once; older versions of Asio reject it. */
struct once {
    int *calls;
    void operator()(error_code ec) && {
        CHECK(!ec);
        ++*calls;
    }
};
#endif

/* As with other objects of Asio: lvalues are copied, and handlers are called as rvalues. */
void handlers_can_be_used_again() {
    net::io_context io;
    driver_type driver(io);
    client_type client(driver);
    int calls = 0;
    auto wait_for = [&](int count) {
        while (calls < count && io.run_one() > 0) {
        }
        EQUAL(count, calls);
    };
    std::function<void(error_code)> done = once_more(calls);
    const std::function<void(error_code, wsline::message_view)> received = once_more(calls);
    client.async_connect(check::url("WEBSOCKETS", "/"), done);
    wait_for(1);
    client.async_send_text("one", done);
    client.async_send_text("two", done);
#if HAS_CANCELLATION
    client.async_send_text("three", once{&calls});
#else
    client.async_send_text("three", done);
#endif
    wait_for(4);
    for (int i = 5; i < 8; i++) {
        client.async_receive(received);
        wait_for(i);
    }
    CHECK(done != nullptr);
    client.async_close(30s, check::succeeds());
    io.run();
}

void a_message_lives_as_long_as_its_handler() {
    const std::string text(70'000, 'x');
    for (bool has_pool : {false, true}) {
        net::io_context io;
        net::thread_pool pool(1);
        driver_type driver(io);
        auto client = std::make_unique<client_type>(driver);
        client->async_connect(check::url("WEBSOCKETS", "/"), check::succeeds());
        while (!client->app().is_open()) io.run_one();
        client->async_send_text(text, check::succeeds());
        while (client->app().stats().messages_received == 0) io.run_one();
        std::promise<void> begun, destroyed;
        auto reads = [&](error_code ec, wsline::message_view message) {
            begun.set_value();
            if (has_pool) destroyed.get_future().wait();
            CHECK(!ec);
            EQUAL(text, message.text());
        };
        if (has_pool) {
            client->async_receive(net::bind_executor(pool.get_executor(), reads));
            begun.get_future().wait();
        } else {
            client->async_receive(reads);
        }
        client.reset();
        destroyed.set_value();
        io.run();
        pool.join();
    }
}

void a_client_that_was_moved_from_is_empty() {
    net::io_context io;
    driver_type driver(io);
    client_type client(driver);
    client_type other(std::move(client));
    client.abort();
    CHECK(!client.app());
    CHECK(!client.get_executor());
    EQUAL(status::ok, client.last_error().status());
    auto thrown = check::thrown_by<wsline::error>([&] { client.async_receive(check::succeeds()); });
    CHECK(thrown && thrown->status() == status::invalid_argument);
}

void an_app_of_the_loop_is_driven_after_start() {
    net::io_context io;
    driver_type driver(io);
    wsline::app app(check::url("WEBSOCKETS", "/"));
    int messages = 0;
    app.on_open([](wsline::app_ref self) { self.send_text("x"); });
    app.on_message([&](wsline::app_ref self, wsline::message_view) {
        if (++messages == 1) throw std::runtime_error("from a callback");
        self.close();
    });
    app.on_close([&](wsline::app_ref, const wsline::close_info &) { driver.stop(); });
    driver.loop().add(app);
    io.run(); /* Nothing is driven yet. */
    CHECK(!app.is_open());
    driver.start();
    driver.start();
    io.restart();
    CHECK(check::thrown_by<std::runtime_error>([&] { io.run(); }));
    app.send_text("y");
    io.run();
    EQUAL(2, messages);
    CHECK(!app.is_running());
    driver_type moved(std::move(driver));
    moved.stop();
}

} // namespace

int main(int argc, char **argv) {
    return check::run(argc, argv,
                      {TEST(callbacks_echo), TEST(several_threads_share_a_strand),
                       TEST(futures_are_read_by_another_thread),
#ifdef HAS_AWAITABLE
                       TEST(awaitables_echo),
#endif
                       TEST(errors_are_error_codes),
#ifdef WSLINE_TEST_BOOST
                       TEST(codes_of_a_plugin_compare_equal),
#endif
                       TEST(exceptions_come_out_of_run), TEST(an_exception_ends_no_other_operation),
                       TEST(handlers_can_be_used_again),
                       TEST(a_message_lives_as_long_as_its_handler),
                       TEST(a_client_that_was_moved_from_is_empty),
                       TEST(an_app_of_the_loop_is_driven_after_start)});
}
