/* SPDX-License-Identifier: Apache-2.0 */
/* The coroutine client: back-pressure, timeouts, cancellation, and destruction in every state. */
#include "coroutines.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

using namespace std::chrono_literals;
using wsline::status;

namespace {

const char *const faults[] = {"FAULTS", "FAULTS_TLS"};

wsline::task<> nothing_is_read_while_nobody_receives(wsline::loop_ref loop) {
    for (const char *server : faults) {
        wsline::async_connection client(loop);
        const std::string url = check::url(server, "/flood?n=400&size=65000");
        co_await client.connect(url, check::trusting());
        co_await wsline::sleep(loop, 50ms);
        const std::uint64_t at_first = client.app().stats().bytes_received;
        CHECK(at_first < 4 << 20);
        co_await wsline::sleep(loop, 100ms);
        EQUAL(at_first, client.app().stats().bytes_received);
        for (int i = 0; i < 400; i++) {
            wsline::message_view message = co_await client.receive();
            EQUAL(65000u, message.size());
            /* Others continue, and this one is not ready for the next. */
            if (i % 10 == 0) co_await wsline::sleep(loop, 0ms);
        }
        std::error_code ec;
        co_await client.receive(5ms, ec);
        EQUAL(status::timeout, ec);
        co_await client.close();
    }
}

wsline::task<> one_message_is_received_ahead(wsline::loop_ref loop) {
    for (const char *server : faults) {
        wsline::async_connection client(loop);
        /* It sends a text for each pong, and the next ping. */
        const std::string url = check::url(server, "/ping-and-swallow");
        co_await client.connect(url, check::trusting());
        co_await wsline::sleep(loop, 100ms);
        const std::uint64_t received = client.app().stats().messages_received;
        wsline::message_view message = co_await client.receive(0ms);
        EQUAL("pong", message.text());
        CHECK(received >= 1);
        message = co_await client.receive();
        EQUAL("pong", message.text());
        co_await client.close();

        /* The end is noticed, and comes after that message. */
        const std::string ending = check::url(server, "/frame?hex=810161&then=rst");
        co_await client.connect(ending, check::trusting());
        co_await wsline::sleep(loop, 20ms);
        message = co_await client.receive();
        EQUAL("a", message.text());
        std::error_code ec;
        co_await client.receive(ec);
        EQUAL(status::connection_lost, ec);
    }
}

wsline::task<> the_order_holds_with_pauses(wsline::loop_ref loop) {
    wsline::async_connection client(loop);
    const std::string url = check::url("WEBSOCKETS", "/");
    co_await client.connect(url);
    for (int i = 0; i < 300; i++) {
        const std::string text = std::to_string(i);
        co_await client.send_text(text);
    }
    std::error_code ec;
    for (int i = 0; i < 300; i++) {
        /* Timeouts in between lose nothing. */
        wsline::message_view message = co_await client.receive(0ms, ec);
        for (; ec == status::timeout; message = co_await client.receive(1ms, ec)) {
        }
        EQUAL(std::to_string(i), message.text());
        if (i % 3 == 0) co_await wsline::sleep(loop, 0ms);
    }
    co_await client.close();
}

/* More than the system takes. */
const int queued_messages = 200;

wsline::task<> sends_all(wsline::async_connection &client, bool &done) {
    std::string data(50'000, 'x');
    for (int i = 0; i < queued_messages; i++) {
        data[0] = static_cast<char>('a' + i % 26);
        co_await client.send_binary(data);
        CHECK(client.app().send_queue_bytes() <= 100'000);
    }
    done = true;
}

wsline::task<> receives_all(wsline::loop_ref loop, wsline::async_connection &client, std::string go,
                            const bool &done) {
    co_await wsline::sleep(loop, 50ms);
    CHECK(!done);
    wsline::async_connection opener(loop);
    co_await opener.connect(go, check::trusting());
    for (int i = 0; i < queued_messages; i++) {
        wsline::message_view message = co_await client.receive();
        EQUAL(50'000u, message.size());
        EQUAL('a' + i % 26, +message.text()[0]);
    }
    CHECK(done);
}

wsline::task<> a_full_queue_makes_the_sender_wait(wsline::loop_ref loop) {
    for (const char *server : faults) {
        wsline::async_connection client(loop);
        wsline::options options = check::trusting();
        options.set_max_send_queue_bytes(100'000);
        const std::string url = check::url(server, "/stall-then-echo?id=coroutine");
        co_await client.connect(url, options);
        bool done = false;
        const std::string go = check::url(server, "/go?id=coroutine");
        co_await wsline::when_all(sends_all(client, done), receives_all(loop, client, go, done));
        co_await client.close();
    }
}

/* Connects to a server that reads nothing, and sends until it would have to wait. */
wsline::task<int> fill(wsline::async_connection &client) {
    wsline::options options;
    options.set_max_send_queue_bytes(100'000);
    const std::string url = check::url("FAULTS", "/stall");
    co_await client.connect(url, options);
    std::error_code ec;
    int sent = 0;
    for (;; ++sent) {
        co_await client.send_text(std::string(50'000, 'x'), 20ms, ec);
        if (ec) break;
    }
    EQUAL(status::timeout, ec);
    co_return sent;
}

wsline::task<> a_send_that_times_out_sends_nothing(wsline::loop_ref loop) {
    wsline::async_connection client(loop);
    const int sent = co_await fill(client);
    EQUAL(static_cast<std::uint64_t>(sent), client.app().stats().messages_sent);
    std::error_code ec;
    std::stop_source stop;
    loop.post_after(5ms, [&stop] { stop.request_stop(); });
    co_await client.send_text(std::string(50'000, 'x'), stop.get_token(), ec);
    EQUAL(status::aborted, ec);
    co_await client.send_text("x", ec); /* There is room for this one. */
    CHECK(!ec);
}

/* What can wait. */
enum class kind { connect, receive, send, close };
const kind kinds[] = {kind::connect, kind::receive, kind::send, kind::close};

wsline::task<> prepare(wsline::async_connection &client, kind what) {
    if (what == kind::receive) {
        const std::string url = check::url("WEBSOCKETS", "/");
        co_await client.connect(url);
    } else if (what == kind::send) {
        co_await fill(client);
    } else if (what == kind::close) {
        const std::string url = check::url("FAULTS", "/no-close-reply");
        co_await client.connect(url);
    }
}

wsline::task<> waits(wsline::async_connection &client, kind what, wsline::limit until,
                     std::error_code &ec) {
    if (what == kind::connect) {
        /* A server that sends no response. */
        const std::string url = check::url("FAULTS", "/hang");
        co_await client.connect(url, until, ec);
    } else if (what == kind::receive) {
        co_await client.receive(until, ec);
    } else if (what == kind::send) {
        co_await client.send_text(std::string(99'000, 'x'), until, ec);
    } else {
        co_await client.close(wsline::close_code::normal, "", until, ec);
    }
}

/* Whatever was given up, the client can still be used. */
wsline::task<> check_usable(wsline::async_connection &client, kind what) {
    std::error_code ec;
    if (what == kind::receive) {
        co_await client.send_text("usable");
        wsline::message_view message = co_await client.receive();
        EQUAL("usable", message.text());
        co_await client.close();
    } else if (what == kind::close) {
        co_await client.close(wsline::close_code::normal, "", 1ms, ec);
        EQUAL(status::timeout, ec);
        client.abort();
    } else {
        if (what == kind::send) EQUAL(true, client.app().is_open());
        client.abort();
        const std::string url = check::url("WEBSOCKETS", "/");
        co_await client.connect(url);
        co_await client.close();
    }
}

wsline::task<> each_operation_times_out(wsline::loop_ref loop) {
    for (kind what : kinds) {
        wsline::async_connection client(loop);
        std::error_code ec;
        co_await prepare(client, what);
        co_await waits(client, what, 30ms, ec);
        EQUAL(status::timeout, ec);
        EQUAL(std::errc::timed_out, ec);
        co_await check_usable(client, what);
    }
}

wsline::task<> each_operation_is_cancelled(wsline::loop_ref loop) {
    for (kind what : kinds) {
        wsline::async_connection client(loop);
        std::error_code ec;
        std::stop_source stop;
        co_await prepare(client, what);
        std::thread other([&stop] {
            std::this_thread::sleep_for(5ms);
            stop.request_stop();
        });
        co_await waits(client, what, {10s, stop.get_token()}, ec);
        EQUAL(status::aborted, ec);
        other.join();
        co_await waits(client, what, stop.get_token(), ec);
        EQUAL(status::aborted, ec);
        co_await check_usable(client, what);
    }
}

wsline::task<> cancelling_races_with_messages(wsline::loop_ref loop) {
    const int rounds = check::slow() ? 50 : 500;
    wsline::async_connection client(loop);
    const std::string url = check::url("WEBSOCKETS", "/");
    co_await client.connect(url);
    int received = 0;
    for (int i = 0; i < rounds; i++) {
        std::stop_source stop;
        const std::string text = std::to_string(i);
        co_await client.send_text(text);
        std::thread other([&stop] { stop.request_stop(); });
        std::error_code ec;
        wsline::message_view message = co_await client.receive(stop.get_token(), ec);
        if (!ec)
            EQUAL(std::to_string(received++), message.text());
        else
            EQUAL(status::aborted, ec);
        other.join();
    }
    while (received < rounds) {
        wsline::message_view message = co_await client.receive();
        EQUAL(std::to_string(received++), message.text());
    }
    co_await client.close();
}

wsline::task<> abandoning_each_operation_is_safe(wsline::loop_ref loop) {
    for (kind what : kinds) {
        wsline::async_connection client(loop);
        std::error_code ec;
        co_await prepare(client, what);
        {
            std::stop_source stop;
            wsline::task<> work = waits(client, what, {10s, stop.get_token()}, ec);
            work.handle().resume();
            co_await check::turns(loop, 2);
            CHECK(!work.handle().done());
        }
        co_await check::turns(loop, 2);
        co_await check_usable(client, what);
    }
}

wsline::task<> destroys(wsline::loop_ref loop, std::optional<wsline::async_connection> &client) {
    co_await check::turns(loop, 2);
    client.reset();
}

/* Receives until it is told to stop, or its client ends. */
wsline::task<> receive_until_stopped(wsline::async_connection &client, std::stop_token token) {
    std::error_code ec;
    while (!ec) co_await client.receive({5s, token}, ec);
    EQUAL(status::aborted, ec);
}

/* Destroys or aborts a client while another thread asks its receive to stop. */
wsline::task<> ending_races_with_cancelling(wsline::loop_ref loop) {
    const std::string url = check::url("WEBSOCKETS", "/");
    for (int i = 0; i < 1500; i++) {
        std::optional<wsline::async_connection> client(loop);
        co_await client->connect(url);
        std::stop_source stop;
        std::atomic<bool> go{false};
        std::thread other([&] {
            while (!go) {
            }
            stop.request_stop();
        });
        auto end = [](std::optional<wsline::async_connection> &ended, std::atomic<bool> &started,
                      bool destroys) -> wsline::task<> {
            started = true;
            if (destroys)
                ended.reset();
            else
                ended->abort();
            co_return;
        };
        co_await wsline::when_all(receive_until_stopped(*client, stop.get_token()),
                                  end(client, go, i % 2 == 0));
        other.join();
    }
}

wsline::task<> destroying_a_client_aborts_what_is_pending(wsline::loop_ref loop) {
    for (kind what : kinds) {
        std::optional<wsline::async_connection> client(loop);
        std::error_code ec;
        co_await prepare(*client, what);
        co_await wsline::when_all(waits(*client, what, 10s, ec), destroys(loop, client));
        EQUAL(status::aborted, ec);
    }
}

wsline::task<> aborts(wsline::loop_ref loop, wsline::async_connection &client) {
    co_await check::turns(loop, 2);
    client.abort();
}

wsline::task<> aborting_a_client_aborts_what_is_pending(wsline::loop_ref loop) {
    for (kind what : kinds) {
        wsline::async_connection client(loop);
        std::error_code ec;
        co_await prepare(client, what);
        co_await wsline::when_all(waits(client, what, 10s, ec), aborts(loop, client));
        EQUAL(status::aborted, ec);
        if (what != kind::connect) co_await client.receive(ec);
        EQUAL(status::aborted, ec);
    }
}

wsline::task<> a_shorter_timeout_follows_a_longer_one(wsline::loop_ref loop) {
    wsline::async_connection client(loop);
    const std::string url = check::url("WEBSOCKETS", "/");
    co_await client.connect(url);
    co_await client.send_text("x");
    co_await client.receive(40s);
    const auto begin = std::chrono::steady_clock::now();
    std::error_code ec;
    co_await client.receive(20ms, ec);
    EQUAL(status::timeout, ec);
    CHECK(std::chrono::steady_clock::now() - begin < 20s);
    co_await client.close();
}

wsline::task<> what_was_aborted_may_be_destroyed_first(wsline::loop_ref loop) {
    std::optional<wsline::async_connection> client(loop);
    std::error_code ec;
    co_await prepare(*client, kind::receive);
    {
        wsline::task<> work = waits(*client, kind::receive, {}, ec);
        work.handle().resume();
        client.reset();
        CHECK(!work.handle().done());
    }
    co_await check::turns(loop, 2);
}

wsline::task<> a_coroutine_destroys_its_client_in_a_callback(wsline::loop_ref loop) {
    for (const char *path : {"/flood?n=40&size=1000", "/close", "/rst-after-101"}) {
        std::optional<wsline::async_connection> client(loop);
        const std::string url = check::url("FAULTS", path);
        std::error_code ec;
        co_await client->connect(url);
        co_await client->receive(ec); /* It continues in on_message or on_close. */
        client.reset();
        co_await check::turns(loop, 2);

        client.emplace(loop);
        co_await client->connect(url);
        client.reset(); /* In on_open. */
        client.emplace(loop);
        co_await client->connect("ws://127.0.0.1:1/", ec);
        EQUAL(status::connect, ec);
        client.reset(); /* In on_error. */
        co_await check::turns(loop, 2);

        client.emplace(loop);
        co_await prepare(*client, kind::receive);
        co_await client->receive(1ms, ec);
        EQUAL(status::timeout, ec);
        client.reset(); /* In a timer. */
        co_await check::turns(loop, 2);
    }
}

wsline::task<> throws_at_the_third(wsline::loop_ref loop, std::string url, int &received) {
    wsline::async_connection client(loop);
    co_await client.connect(url);
    for (;;) {
        co_await client.receive();
        if (++received == 3) throw std::runtime_error("enough");
    }
}

wsline::task<> counts(wsline::loop_ref loop, std::string url, int &received) {
    wsline::async_connection client(loop);
    co_await client.connect(url);
    for (; received < 400; ++received) co_await client.receive();
    co_await client.close();
}

void an_exception_stops_the_driver_and_nobody_else() {
    wsline::loop loop;
    int one = 0, other = 0;
    const std::string url = check::url("FAULTS", "/flood?n=400&size=1000");
    wsline::spawn(loop, throws_at_the_third(loop, url, one));
    wsline::spawn(loop, counts(loop, url, other));
    auto what = check::thrown_by<std::runtime_error>([&] {
        for (int i = 0; i < 10'000; i++) loop.run_once(10ms);
    });
    CHECK(what && std::string("enough") == what->what());
    EQUAL(3, one);
    for (int i = 0; i < 10'000 && other < 400; i++) loop.run_once(10ms);
    EQUAL(400, other);
}

void clients_of_spawned_tasks_end_with_the_loop() {
    int received = 0;
    wsline::loop loop;
    const std::string url = check::url("WEBSOCKETS", "/");
    wsline::spawn(loop, counts(loop, url, received));
    std::optional<wsline::async_connection> shared(loop);
    wsline::run(loop, [](auto &client, std::string to) -> wsline::task<> {
        co_await client->connect(to);
    }(shared, url));
    std::error_code ec;
    /* One owns the client that the other waits for. */
    wsline::spawn(loop, waits(*shared, kind::receive, {}, ec));
    for (int i = 0; i < 5; i++) loop.run_once(1ms);
    wsline::spawn(loop, [](wsline::loop_ref on, wsline::async_connection) -> wsline::task<> {
        co_await wsline::sleep(on, 1h);
    }(loop, std::move(*shared)));
    for (int i = 0; i < 5; i++) loop.run_once(5ms);
    EQUAL(0, received);
}

} // namespace

int main(int argc, char **argv) {
    return check::run(
        argc, argv,
        {COROUTINE(nothing_is_read_while_nobody_receives), COROUTINE(one_message_is_received_ahead),
         COROUTINE(the_order_holds_with_pauses), COROUTINE(a_full_queue_makes_the_sender_wait),
         COROUTINE(a_send_that_times_out_sends_nothing), COROUTINE(each_operation_times_out),
         COROUTINE(each_operation_is_cancelled), COROUTINE(cancelling_races_with_messages),
         COROUTINE(abandoning_each_operation_is_safe), COROUTINE(ending_races_with_cancelling),
         COROUTINE(destroying_a_client_aborts_what_is_pending),
         COROUTINE(aborting_a_client_aborts_what_is_pending),
         COROUTINE(a_shorter_timeout_follows_a_longer_one),
         COROUTINE(what_was_aborted_may_be_destroyed_first),
         COROUTINE(a_coroutine_destroys_its_client_in_a_callback),
         TEST(an_exception_stops_the_driver_and_nobody_else),
         TEST(clients_of_spawned_tasks_end_with_the_loop)});
}
