/* SPDX-License-Identifier: Apache-2.0 */
/* What every adapter must do. */
#ifndef WSLINE_TESTS_SCENARIOS_HPP
#define WSLINE_TESTS_SCENARIOS_HPP

#include "host.hpp"
#include "lifetimes.hpp"

#include <array>
#include <future>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>

using namespace std::chrono_literals;

/* ---- Messages ---- */

/* Many messages, over ws and wss: they arrive in their order, and the host sleeps in between. */
template <class Host> void echo() {
    for (const char *server : {"WEBSOCKETS", "WEBSOCKETS_TLS"}) {
        Host host;
        wsline::loop loop;
        wsline::app app(check::url(server), check::trusting());
        auto adapter = host.attach(loop);
        const int count = 500;
        int sent = 0, received = 0;
        std::optional<int> code;
        app.on_open([&](wsline::app_ref self) {
            while (sent < count) self.send_text(std::to_string(sent++));
        });
        app.on_message([&](wsline::app_ref self, wsline::message_view message) {
            EQUAL(std::to_string(received++), message.text());
            if (received == count) self.close();
        });
        app.on_close([&](const wsline::close_info &info) { code = int(info.code()); });
        app.on_error([&](const wsline::error_info &info) {
            EQUAL("no error", info.message());
            code = 0;
        });
        loop.add(app);
        unsigned turns = check::turns_until(host, [&] { return code.has_value(); });
        EQUAL(count, received);
        EQUAL(1000, *code);
        CHECK(turns < 2 * count);
    }
}

/* A hundred apps in three loops. */
template <class Host> void many_apps() {
    Host host;
    std::array<wsline::loop, 3> loops;
    std::vector<typename Host::adapter> adapters;
    std::vector<wsline::app> apps;
    int closed = 0;
    for (wsline::loop &loop : loops) adapters.push_back(host.attach(loop));
    for (std::size_t i = 0; i < 100; i++) {
        wsline::app &app = apps.emplace_back(check::url("WEBSOCKETS"));
        app.on_open([i](wsline::app_ref self) { self.send_text(std::to_string(i)); });
        app.on_message([i](wsline::app_ref self, wsline::message_view message) {
            EQUAL(std::to_string(i), message.text());
            self.close();
        });
        app.on_close([&closed](const wsline::close_info &) { closed++; });
        loops[i % loops.size()].add(app);
    }
    check::turns_until(host, [&closed] { return closed == 100; });
}

/* ---- Timers, and how often the host wakes up ---- */

template <class Host> void timers() {
    Host host;
    wsline::loop loop;
    auto adapter = host.attach(loop);
    bool is_called = false;
    auto begun = std::chrono::steady_clock::now();
    /* Longer than hosts can wait. */
    loop.post_after(24h * 60, [] { check::note(false, PLACE("two months have passed"), ""); });
    loop.post_after(200ms, [&is_called] { is_called = true; });
    unsigned turns = check::turns_until(host, [&is_called] { return is_called; });
    CHECK(std::chrono::steady_clock::now() - begun >= 200ms);
    CHECK(turns <= 3);
}

/* The loop has learned of the timer before it has an adapter. */
template <class Host> void timers_set_before() {
    Host host;
    wsline::loop loop;
    bool is_called = false;
    loop.post_after(50ms, [&is_called] { is_called = true; });
    loop.run_once(0ms);
    CHECK(loop.next_timeout() != wsline::timeout(0ms));
    auto adapter = host.attach(loop);
    check::turns_until(host, [&is_called] { return is_called; });
}

template <class Host> void an_idle_loop_sleeps() {
    Host host;
    wsline::loop loop;
    wsline::app app(check::url("WEBSOCKETS"));
    auto adapter = host.attach(loop);
    bool is_open = false;
    app.on_open([&is_open] { is_open = true; });
    loop.add(app);
    unsigned turns = check::turns_until(host, [&is_open] { return is_open; });
    CHECK(turns < 20);
    CHECK(check::turns_in(host, 300ms) < 4);
}

template <class Host> void pings() {
    Host host;
    wsline::loop loop;
    wsline::app app(check::url("WEBSOCKETS"), wsline::options().set_ping(50ms, 60s));
    auto adapter = host.attach(loop);
    int pongs = 0;
    app.on_pong([&pongs](wsline::message_view) { pongs++; });
    loop.add(app);
    unsigned turns = check::turns_until(host, [&pongs] { return pongs == 5; });
    CHECK(turns < 40);
}

/* Loops that always have something to do leave time for others. */
template <class Host> void busy_loops() {
    Host host;
    std::array<wsline::loop, 2> loops;
    std::vector<typename Host::adapter> adapters;
    std::array<int, 2> called{};
    std::function<void(wsline::loop_ref, int &)> again = [&again](wsline::loop_ref self,
                                                                  int &count) {
        count++;
        self.post([&again, &count](wsline::loop_ref next) { again(next, count); });
    };
    for (std::size_t i = 0; i < loops.size(); i++) {
        adapters.push_back(host.attach(loops[i]));
        again(loops[i], called[i]);
    }
    check::turns_in(host, 20ms);
    for (int count : called) CHECK(count > 3);
}

/* The host waits without a limit, or in a shorter wait of its own. */
template <class Host> void posts_of_other_threads() {
    Host host;
    wsline::loop loop;
    auto adapter = host.attach(loop);
    int called = 0, ticks = 0;
    std::function<void()> tick = [&] {
        if (ticks++ < 20) host.after(1ms, tick);
    };
    host.after(1ms, tick);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([&loop, &called] {
            for (int j = 0; j < 250; j++) {
                if (j % 50 == 0) std::this_thread::sleep_for(1ms);
                loop.post([&called] { called++; });
                if (j % 50 == 0) loop.post_after(1ms, [&called] { called++; });
            }
        });
    check::turns_until(host, [&] { return called == 1020 && ticks == 21; });
    for (std::thread &thread : threads) thread.join();
}

/* ---- Exceptions ---- */

template <class Host> void exceptions() {
    Host host;
    wsline::loop loop;
    wsline::app app(check::url("WEBSOCKETS"));
    std::vector<std::string> thrown, received;
    auto adapter = host.attach(loop, check::into(thrown));
    app.on_open([](wsline::app_ref self) {
        self.send_text("one");
        self.send_text("two");
        throw std::runtime_error("on_open");
    });
    app.on_message([&](wsline::message_view message) {
        received.emplace_back(message.text());
        if (received.size() == 1) throw std::runtime_error("on_message");
    });
    loop.add(app);
    loop.post([] { throw std::runtime_error("post"); });
    check::turns_until(host, [&] { return received.size() == 2; });
    EQUAL(2U, std::accumulate(received.begin(), received.end(), 0U, [](unsigned n, auto &text) {
              return n + (text == "one" || text == "two");
          }));
    REQUIRE(thrown.size() == 3);
    EQUAL("post", thrown[0]);
    EQUAL("on_open", thrown[1]);
    EQUAL("on_message", thrown[2]);
}

/* Another thread drives the loop. */
template <class Host> void a_loop_that_cannot_be_driven() {
    Host host;
    wsline::loop loop;
    std::vector<std::string> thrown;
    std::promise<void> begun, over;
    loop.post_after(1ms, [] {});
    loop.run_once(0ms);
    loop.post([&] {
        begun.set_value();
        over.get_future().wait();
    });
    auto driving = std::async(std::launch::async, [&loop] { loop.run_once(0ms); });
    begun.get_future().wait();
    {
        auto adapter = host.attach(loop, check::into(thrown));
        check::turns_until(host, [&thrown] { return !thrown.empty(); });
    }
    over.set_value();
    driving.wait();
    EQUAL(0U, thrown[0].find("WSLINE_ERR_BUSY"));
}

/* In a child process, which ends. */
template <class Host> void exceptions_without_a_handler() {
    const int terminated = 42;
    pid_t child = ::fork();
    if (child == 0) {
        std::set_terminate([] { ::_exit(terminated); });
        Host host;
        wsline::loop loop;
        auto adapter = host.attach(loop);
        loop.post([] { throw std::runtime_error("nobody gets it"); });
        check::turns_in(host, 60s);
        ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    EQUAL(terminated, WEXITSTATUS(status));
}

/* ---- Callbacks that stop the loop, or run the host ---- */

template <class Host> void stops() {
    Host host;
    wsline::loop loop;
    auto adapter = host.attach(loop);
    int called = 0;
    loop.stop();
    for (int i = 0; i < 3; i++)
        loop.post([&called](wsline::loop_ref self) {
            called++;
            self.stop();
        });
    unsigned turns = check::turns_until(host, [&called] { return called == 3; });
    CHECK(turns < 8);
    CHECK(check::turns_in(host, 50ms) < 4);
}

/* While a callback runs the host, its own loop waits, without waking the host, and others work. */
template <class Host> void callbacks_that_run_the_host() {
    if (!Host::nests) return;
    Host host;
    wsline::loop loop, other;
    std::vector<std::string> thrown;
    auto adapter = host.attach(loop, check::into(thrown));
    auto adapter_of_other = host.attach(other);
    bool is_inside = false, called = false, called_later = false, called_in_other = false;
    loop.post([&](wsline::loop_ref self) {
        is_inside = true;
        self.post([&] {
            CHECK(!is_inside);
            called = true;
        });
        self.post_after(1ms, [&] {
            CHECK(!is_inside);
            called_later = true;
        });
        other.post_after(50ms, [&] { called_in_other = true; });
        CHECK(check::turns_until(host, [&] { return called_in_other; }) < 8);
        CHECK(check::turns_in(host, 50ms) < 4);
        is_inside = false;
    });
    CHECK(check::turns_until(host, [&] { return called && called_later; }) < 8);
    EQUAL(0U, thrown.size());
    /* The descriptor is watched again. */
    check::turns_in(host, 10ms);
    called = false;
    loop.post([&called] { called = true; });
    check::turns_until(host, [&called] { return called; });
}

template <class Host> std::vector<check::test> scenarios() {
    return {{"echo", echo<Host>},
            {"many_apps", many_apps<Host>},
            {"timers", timers<Host>},
            {"timers_set_before", timers_set_before<Host>},
            {"an_idle_loop_sleeps", an_idle_loop_sleeps<Host>},
            {"pings", pings<Host>},
            {"busy_loops", busy_loops<Host>},
            {"posts_of_other_threads", posts_of_other_threads<Host>},
            {"exceptions", exceptions<Host>},
            {"a_loop_that_cannot_be_driven", a_loop_that_cannot_be_driven<Host>},
            {"exceptions_without_a_handler", exceptions_without_a_handler<Host>},
            {"stops", stops<Host>},
            {"callbacks_that_run_the_host", callbacks_that_run_the_host<Host>},
            {"both_orders", both_orders<Host>},
            {"destroyed_in_callbacks", destroyed_in_callbacks<Host>},
            {"destroyed_in_callbacks_of_an_app", destroyed_in_callbacks_of_an_app<Host>},
            {"destroyed_by_the_handler", destroyed_by_the_handler<Host>},
            {"destroyed_inside_a_callback_that_runs_the_host",
             destroyed_inside_a_callback_that_runs_the_host<Host>},
            {"moved", moved<Host>},
            {"a_loop_without_an_adapter", a_loop_without_an_adapter<Host>},
            {"no_loop", no_loop<Host>}};
}

#endif
