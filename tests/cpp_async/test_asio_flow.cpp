/* SPDX-License-Identifier: Apache-2.0 */
/* The client with completion tokens: back-pressure, cancellation, executors, and lifetimes. */
#include "asio_names.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using wsline::status;

namespace {

/* Drives the context until `condition()` holds. */
template <class Condition> void run_until(net::io_context &io, const Condition &condition) {
    io.restart();
    while (!condition() && io.run_one() > 0) {
    }
    CHECK(condition());
}

void connect(net::io_context &io, client_type &client, const std::string &url) {
    wsline::options options = check::trusting();
    options.set_max_send_queue_bytes(100'000);
    client.async_connect(url, options, check::succeeds());
    run_until(io, [&] { return client.app().is_open(); });
}

void nothing_is_read_while_nobody_receives() {
    for (const char *server : {"FAULTS", "FAULTS_TLS"}) {
        net::io_context io;
        driver_type driver(io);
        client_type client(driver);
        connect(io, client, check::url(server, "/flood?n=400&size=65000"));
        io.run_for(50ms);
        const std::uint64_t at_first = client.app().stats().bytes_received;
        CHECK(at_first < 4 << 20);
        io.run_for(100ms);
        EQUAL(at_first, client.app().stats().bytes_received);
        int received = 0;
        std::function<void()> next = [&] {
            client.async_receive([&](error_code ec, wsline::message_view message) {
                CHECK(!ec);
                EQUAL(65000u, message.size());
                if (++received == 400) client.async_close(check::succeeds());
                /* Now and then it is not ready for the next one. */
                else if (received % 10 == 0)
                    net::post(io, next);
                else
                    next();
            });
        };
        next();
        io.restart();
        io.run();
        EQUAL(400, received);
    }
}

void a_full_queue_makes_the_sender_wait() {
    net::io_context io;
    driver_type driver(io);
    client_type client(driver), opener(driver);
    connect(io, client, check::url("FAULTS", "/stall-then-echo?id=asio"));
    int sent = 0, received = 0;
    const int count = 200; /* More than the system takes. */
    std::function<void()> send = [&] {
        if (sent == count) return;
        std::string data(50'000, static_cast<char>('a' + sent % 26));
        /* It is copied if it waits. */
        client.async_send_binary(data, [&](error_code ec) {
            CHECK(!ec);
            CHECK(client.app().send_queue_bytes() <= 100'000);
            ++sent;
            send();
        });
    };
    std::function<void()> receive = [&] {
        client.async_receive([&](error_code ec, wsline::message_view message) {
            CHECK(!ec);
            EQUAL('a' + received % 26, +message.text()[0]);
            if (++received < count) return receive();
            client.async_close(check::succeeds());
            opener.abort();
        });
    };
    send();
    io.restart();
    io.run_for(50ms);
    CHECK(sent < count);
    opener.async_connect(check::url("FAULTS", "/go?id=asio"), check::succeeds());
    receive();
    io.restart();
    io.run();
    EQUAL(count, sent);
    EQUAL(count, received);
}

/* What can wait. */
enum class kind { connect, receive, send, close };
const kind kinds[] = {kind::connect, kind::receive, kind::send, kind::close};

/* Begins an operation that waits, with these last arguments. Sends do not wait at first: `calls`
 * and `ec` are what handlers have noted. Returns how many operations have begun. */
template <class... Last>
int begin(net::io_context &io, client_type &client, kind what, const int &calls,
          const error_code &ec, Last... last) {
    if (what == kind::receive) connect(io, client, check::url("WEBSOCKETS", "/"));
    if (what == kind::send) connect(io, client, check::url("FAULTS", "/stall"));
    if (what == kind::close) connect(io, client, check::url("FAULTS", "/no-close-reply"));
    int begun = 0;
    do {
        EQUAL(begun, calls);
        ++begun;
        if (what == kind::connect)
            client.async_connect(check::url("FAULTS", "/hang"), last...);
        else if (what == kind::receive)
            client.async_receive(last...);
        else if (what == kind::send)
            client.async_send_binary(std::string(50'000, 'x'), last...);
        else
            client.async_close(wsline::close_code::normal, "", last...);
        io.restart();
        io.run_for(20ms);
    } while (calls == begun && !ec && begun < 100'000);
    return begun;
}

/* Whatever was given up, the client can still be used. */
void check_usable(net::io_context &io, client_type &client, kind what) {
    if (what == kind::receive) {
        client.async_send_text("usable", check::succeeds());
        client.async_receive([&](error_code how, wsline::message_view message) {
            CHECK(!how);
            EQUAL("usable", message.text());
            client.async_close(check::succeeds());
        });
        io.run();
        return;
    }
    EQUAL(what == kind::send, client.app().is_open());
    client.abort();
    client.async_connect(check::url("FAULTS", "/echo"), wsline::options(), 30s, check::succeeds());
    run_until(io, [&] { return client.app().is_open(); });
}

void destroying_a_client_aborts_what_is_pending() {
    net::io_context io;
    driver_type driver(io);
    std::optional<client_type> client(driver);
    error_code received, closed, connected;
    int calls = 0;
    connect(io, *client, check::url("FAULTS", "/no-close-reply"));
    client->async_receive(check::noted{&received, &calls});
    client->async_close(check::noted{&closed, &calls});
    client.reset();
    EQUAL(0, calls);
    io.run();
    EQUAL(2, calls);
    CHECK(received == check::operation_aborted);
    CHECK(closed == check::operation_aborted);

    client.emplace(driver);
    client->async_connect(check::url("FAULTS", "/hang"), check::noted{&connected, &calls});
    client_type moved(std::move(*client));
    net::steady_timer timer(io, 20ms);
    timer.async_wait([&](error_code) {
        client_type destroyed(std::move(moved));
        client.reset();
    });
    io.restart();
    io.run();
    EQUAL(3, calls);
    CHECK(connected == check::operation_aborted);
}

void a_handler_destroys_its_client() {
    for (const char *path : {"/flood?n=40&size=1000", "/close", "/rst-after-101"}) {
        net::io_context io;
        std::optional<driver_type> driver(io);
        std::optional<client_type> client(*driver);
        int calls = 0;
        const std::string url = check::url("FAULTS", path);
        client->async_connect(url, [&](error_code) {
            client->async_receive([&](error_code, wsline::message_view) {
                client.reset(); /* In on_message or on_close. */
                client.emplace(*driver);
                client->async_connect(url, [&](error_code) {
                    client.reset(); /* In on_open. */
                    client.emplace(*driver);
                    client->async_connect("ws://127.0.0.1:1/", [&](error_code ec) {
                        CHECK(ec == status::connect);
                        driver.reset();
                        client.reset(); /* In on_error. */
                        ++calls;
                    });
                });
            });
        });
        io.run();
        EQUAL(1, calls);
    }
}

void a_context_is_destroyed_with_pending_operations() {
    auto held = std::make_shared<int>(0);
    {
        net::io_context io;
        driver_type driver(io);
        client_type client(driver);
        connect(io, client, check::url("WEBSOCKETS", "/"));
        client.async_receive([held](error_code, wsline::message_view) {});
        io.run_for(5ms);
        EQUAL(2, held.use_count());
    }
    EQUAL(1, held.use_count());
}

/* Handlers own the client that would call them. */
void a_context_is_destroyed_with_handlers_that_own_clients() {
    auto held = std::make_shared<int>(0);
    for (kind what : kinds) {
        net::io_context io;
        /* The driver is destroyed before and after the handlers. */
        std::optional<driver_type> driver(io);
        auto client = std::make_shared<client_type>(*driver), other = client;
        error_code ec;
        int calls = 0;
        auto handler = [held, client, other, &ec, &calls](error_code how, const auto &...) {
            ec = how;
            ++calls;
        };
        const int begun = begin(io, *client, what, calls, ec, handler);
        if (what != kind::receive && what != kind::connect)
            client->async_receive(
                [held, client](error_code, wsline::message_view) { CHECK(false); });
        EQUAL(begun - 1, calls);
        if (what == kind::receive) driver.reset();
    }
    EQUAL(1, held.use_count());
}

void handlers_run_on_their_executor() {
    net::io_context io;
    net::thread_pool pool(1);
    driver_type driver(io);
    client_type client(driver);
    connect(io, client, check::url("WEBSOCKETS", "/"));
    client.async_send_text("elsewhere", check::succeeds());
    std::thread::id where;
    client.async_receive(
        net::bind_executor(pool.get_executor(), [&](error_code ec, wsline::message_view message) {
            std::this_thread::sleep_for(5ms);
            CHECK(!ec);
            EQUAL("elsewhere", message.text());
            where = std::this_thread::get_id();
            net::post(io, [&] { client.async_close(check::succeeds()); });
        }));
    io.restart();
    io.run();
    pool.join();
    CHECK(where != std::thread::id());
    CHECK(where != std::this_thread::get_id());
}

void each_operation_times_out() {
    for (kind what : kinds) {
        net::io_context io;
        driver_type driver(io);
        client_type client(driver);
        error_code ec;
        int calls = 0;
        const int begun = begin(io, client, what, calls, ec, 50ms, check::noted{&ec, &calls});
        run_until(io, [&] { return calls == begun; });
        CHECK(ec == status::timeout);
        CHECK(ec == std::errc::timed_out);
        EQUAL(status::timeout, client.last_error().status());
        if (what == kind::receive) {
            client.async_receive(std::chrono::steady_clock::now(), check::noted{&ec, &calls});
            run_until(io, [&] { return calls == begun + 1; });
            CHECK(ec == status::timeout);
            client.async_send_text("x", 30s, check::succeeds());
            client.async_receive(30s, check::succeeds());
            run_until(io, [&] { return client.app().stats().messages_received > 0; });
        }
        check_usable(io, client, what);
    }
}

#if HAS_CANCELLATION
void each_operation_is_cancelled() {
    for (kind what : kinds) {
        net::io_context io;
        driver_type driver(io);
        client_type client(driver);
        net::cancellation_signal signal;
        error_code ec;
        int calls = 0;
        auto handler = net::bind_cancellation_slot(signal.slot(), check::noted{&ec, &calls});
        const int begun = begin(io, client, what, calls, ec, handler);
        EQUAL(begun - 1, calls);
        signal.emit(net::cancellation_type::total);
        EQUAL(begun - 1, calls);
        run_until(io, [&] { return calls == begun; });
        CHECK(ec == check::operation_aborted);
        check_usable(io, client, what);
    }
}
#endif

#ifdef HAS_AWAITABLE
/* A client in a coroutine that waits for it, and another one that waits for something else. */
net::awaitable<void> wait_for_ever(driver_type &driver, kind what, std::shared_ptr<int> held,
                                   bool &waits) {
    client_type client(driver), idle(driver);
    const char *path = what == kind::connect ? "/hang" : "/no-close-reply";
    waits = what == kind::connect;
    co_await client.async_connect(check::url("FAULTS", path), net::use_awaitable);
    co_await idle.async_connect(check::url("FAULTS", path), net::use_awaitable);
    waits = true;
    if (what == kind::receive) co_await client.async_receive(net::use_awaitable);
    co_await client.async_close(net::use_awaitable);
    CHECK(held == nullptr);
}

void a_context_is_destroyed_with_coroutines_that_wait() {
    auto held = std::make_shared<int>(0);
    for (kind what : {kind::connect, kind::receive, kind::close}) {
        for (bool has_strand : {false, true}) {
            net::io_context io;
            net::any_io_executor on = io.get_executor();
            if (has_strand) on = net::make_strand(io);
            driver_type driver(on);
            bool waits = false;
            for (int i = 0; i < 3; i++)
                net::co_spawn(on, wait_for_ever(driver, what, held, waits), net::detached);
            run_until(io, [&] { return waits; });
            io.run_for(10ms);
            CHECK(held.use_count() > 1);
        }
        EQUAL(1, held.use_count());
    }
}

/* A coroutine keeps what an operation needs; the client must end it all the same. */
void destroying_a_client_ends_awaitables() {
    net::io_context io;
    driver_type driver(io);
    auto client = std::make_unique<client_type>(driver);
    bool is_receiving = false, has_ended = false;
    auto talk = [&]() -> net::awaitable<void> {
        co_await client->async_connect(check::url("WEBSOCKETS", "/"), net::use_awaitable);
        is_receiving = true;
        co_await client->async_receive(net::use_awaitable);
    };
    net::co_spawn(io, talk, [&](std::exception_ptr thrown) { has_ended = thrown != nullptr; });
    run_until(io, [&] { return is_receiving; });
    net::post(io, [&] { client.reset(); });
    io.restart();
    io.run();
    CHECK(has_ended);
}
#endif

#if defined HAS_AWAITABLE && HAS_CANCELLATION
net::awaitable<void> receive_or_time_out(net::io_context &io, client_type &client, int &rounds) {
    using namespace net::experimental::awaitable_operators;
    co_await client.async_connect(check::url("WEBSOCKETS", "/"), net::use_awaitable);
    for (; rounds < 20; ++rounds) {
        net::steady_timer timer(io, rounds % 2 == 0 ? 2ms : 10s);
        if (rounds % 2 == 1) co_await client.async_send_text("in time", net::use_awaitable);
        auto first = co_await (client.async_receive(net::use_awaitable) ||
                               timer.async_wait(net::use_awaitable));
        EQUAL(rounds % 2 == 0 ? 1u : 0u, first.index());
        if (first.index() == 0) EQUAL("in time", std::get<0>(first).text());
    }
    co_await client.async_close(net::use_awaitable);
}

void a_timer_cancels_a_receive() {
    net::io_context io;
    driver_type driver(io);
    client_type client(driver);
    int rounds = 0;
    std::exception_ptr thrown;
    net::co_spawn(io, receive_or_time_out(io, client, rounds),
                  [&](std::exception_ptr how) { thrown = how; });
    io.run();
    EQUAL(20, rounds);
    CHECK(!thrown);
}
#endif

} // namespace

int main(int argc, char **argv) {
    return check::run(
        argc, argv,
        {TEST(nothing_is_read_while_nobody_receives), TEST(a_full_queue_makes_the_sender_wait),
         TEST(destroying_a_client_aborts_what_is_pending), TEST(a_handler_destroys_its_client),
         TEST(a_context_is_destroyed_with_pending_operations),
         TEST(a_context_is_destroyed_with_handlers_that_own_clients),
#ifdef HAS_AWAITABLE
         TEST(a_context_is_destroyed_with_coroutines_that_wait),
         TEST(destroying_a_client_ends_awaitables),
#endif
         TEST(each_operation_times_out),
#if HAS_CANCELLATION
         TEST(each_operation_is_cancelled),
#endif
#if defined HAS_AWAITABLE && HAS_CANCELLATION
         TEST(a_timer_cancels_a_receive),
#endif
         TEST(handlers_run_on_their_executor)});
}
