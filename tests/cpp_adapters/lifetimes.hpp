/* SPDX-License-Identifier: Apache-2.0 */
/* Adapters and loops that are destroyed in any order, at any time. AddressSanitizer watches. */
#ifndef WSLINE_TESTS_LIFETIMES_HPP
#define WSLINE_TESTS_LIFETIMES_HPP

#include "host.hpp"

#include <optional>
#include <stdexcept>
#include <utility>

/* A loop with its adapter. */
template <class Host> struct pair {
    explicit pair(Host &host) {
        loop.emplace();
        adapter.emplace(host.attach(*loop, check::into(thrown)));
    }

    /* An "a" destroys the adapter, an "l" the loop. */
    void destroy(const std::string &order) {
        for (char what : order) {
            if (what == 'a') adapter.reset();
            if (what == 'l') loop.reset();
        }
    }

    std::vector<std::string> thrown;
    std::optional<wsline::loop> loop;
    std::optional<typename Host::adapter> adapter;
};

template <class Host> void both_orders() {
    for (const char *order : {"a", "l", "al", "la"})
        for (bool has_turned : {false, true}) {
            Host host;
            pair<Host> it(host);
            if (has_turned) check::turns_in(host, std::chrono::milliseconds(1));
            it.destroy(order);
            CHECK(check::turns_in(host, std::chrono::milliseconds(10)) < 4);
        }
}

template <class Host> void destroyed_in_callbacks() {
    for (const char *order : {"a", "l", "al", "la"})
        for (bool throws : {false, true}) {
            Host host;
            pair<Host> it(host);
            bool is_called = false, is_wrong = false;
            it.loop->post([&, order = std::string(order)](wsline::loop_ref self) {
                self.post([&is_wrong] { is_wrong = true; });
                is_called = true;
                it.destroy(order);
                if (throws) throw std::runtime_error("thrown by a callback");
            });
            check::turns_until(host, [&is_called] { return is_called; });
            CHECK(check::turns_in(host, std::chrono::milliseconds(20)) < 4);
            /* The post may be called in the same turn as the first one. */
            if (std::string(order) != "a") CHECK(!is_wrong);
            EQUAL(throws ? 1U : 0U, it.thrown.size());
        }
}

/* With the app itself. */
template <class Host> void destroyed_in_callbacks_of_an_app() {
    for (const char *order : {"a", "l", "al", "la"})
        for (bool throws : {false, true}) {
            Host host;
            pair<Host> it(host);
            bool is_called = false;
            std::optional<wsline::app> app(check::url("WEBSOCKETS"));
            app->on_open([](wsline::app_ref self) { self.send_text("go"); });
            app->on_message([&, order = std::string(order)](wsline::message_view) {
                bool must_throw = throws;
                is_called = true;
                it.destroy(order);
                app.reset();
                if (must_throw) throw std::runtime_error("thrown by a callback");
            });
            it.loop->add(*app);
            check::turns_until(host, [&is_called] { return is_called; });
            CHECK(check::turns_in(host, std::chrono::milliseconds(10)) < 4);
            EQUAL(throws ? 1U : 0U, it.thrown.size());
        }
}

template <class Host> void destroyed_by_the_handler() {
    for (const char *order : {"a", "l", "al", "la"}) {
        Host host;
        pair<Host> it(host);
        int called = 0;
        it.adapter.reset();
        it.adapter = host.attach(*it.loop, [&, order = std::string(order)](std::exception_ptr) {
            called++;
            it.destroy(order);
        });
        it.loop->post([] { throw 1; });
        check::turns_until(host, [&called] { return called != 0; });
        CHECK(check::turns_in(host, std::chrono::milliseconds(10)) < 4);
        EQUAL(1, called);
    }
}

template <class Host> void destroyed_inside_a_callback_that_runs_the_host() {
    if (!Host::nests) return;
    for (const char *order : {"a", "l", "al", "la"}) {
        Host host;
        pair<Host> it(host);
        bool is_called = false;
        it.loop->post([&, order = std::string(order)](wsline::loop_ref self) {
            self.post([] {});
            host.after(std::chrono::milliseconds(10), [&] { it.destroy(order); });
            check::turns_in(host, std::chrono::milliseconds(20));
            is_called = true;
        });
        check::turns_until(host, [&is_called] { return is_called; });
        CHECK(check::turns_in(host, std::chrono::milliseconds(10)) < 4);
    }
}

template <class Host> void moved() {
    Host host;
    wsline::loop first, second;
    auto from = host.attach(first);
    auto to = host.attach(second);
    int calls_of_first = 0, calls_of_second = 0;
    to = std::move(from);
    first.post([&calls_of_first] { calls_of_first++; });
    second.post([&calls_of_second] { calls_of_second++; });
    auto last(std::move(to));
    wsline::loop moved_loop(std::move(first));
    check::turns_in(host, std::chrono::milliseconds(20));
    EQUAL(1, calls_of_first);
    EQUAL(0, calls_of_second);
}

/* It is not driven any more, and may be driven otherwise. The adapter has left nothing in it. */
template <class Host> void a_loop_without_an_adapter() {
    Host host;
    pair<Host> it(host);
    int called = 0;
    check::turns_in(host, std::chrono::milliseconds(1));
    it.adapter.reset();
    std::error_code failure;
    it.loop->cancel_post(1, failure);
    EQUAL(std::error_code(wsline::status::wrong_state), failure);
    it.loop->post([&called] { called++; });
    it.loop->post_after(std::chrono::milliseconds(1), [&called] { called++; });
    CHECK(check::turns_in(host, std::chrono::milliseconds(20)) < 4);
    EQUAL(0, called);
    for (int i = 0; i < 3; i++) it.loop->run_once(std::chrono::milliseconds(0));
    EQUAL(2, called);
    auto again = host.attach(*it.loop);
    it.loop->post([&called] { called++; });
    check::turns_until(host, [&called] { return called == 3; });
}

template <class Host> void no_loop() {
    Host host;
    auto thrown = check::thrown_by<wsline::error>([&host] { host.attach(wsline::loop_ref()); });
    REQUIRE(thrown);
    EQUAL(wsline::status::invalid_argument, thrown->status());
}

#endif
