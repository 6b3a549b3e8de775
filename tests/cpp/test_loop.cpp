/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that drive apps. */
#include "peer.hpp"

#include <atomic>
#include <memory>
#include <poll.h>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using wsline::app_ref;
using wsline::loop_ref;
using wsline::message_view;
using wsline::status;

static std::string echo() { return check::url("WEBSOCKETS"); }

static void a_loop_runs_many_apps() {
    wsline::loop loop;
    std::vector<wsline::app> apps;
    int received = 0;
    for (int i = 0; i < 20; i++) {
        apps.emplace_back(echo());
        apps.back().on_open([i](app_ref a) { a.send_text(std::to_string(i)); });
        apps.back().on_message([i, &received](app_ref a, message_view message) {
            received += message.text() == std::to_string(i);
            a.close();
        });
        loop.add(apps.back());
    }
    FAILS(status::busy, loop.add(apps.front(), on_error...));
    FAILS(status::busy, apps.front().run(on_error...));
    WORKS(loop.run(on_error...));
    EQUAL(20, received);
    for (wsline::app &each : apps) WORKS(each.join(0s, on_error...));
}

static void apps_are_removed() {
    wsline::loop loop;
    wsline::app app(echo());
    FAILS(status::wrong_state, loop.remove(app, on_error...));
    loop.add(app);
    app.on_open([&](app_ref a) { loop.remove(a); });
    loop.run();
    FAILS(status::aborted, app.join(60s, on_error...));
    /* It can be added again. */
    app.on_open([&] { app.close(); });
    loop.add(app);
    loop.run();
    WORKS(app.join(0s, on_error...));
}

static void posts_are_run_in_order() {
    wsline::loop loop;
    std::string order;
    auto only = std::make_unique<int>(3);
    WORKS(loop.post([&] { order += '1'; }, on_error...));
    loop.post([&, only = std::move(only)](loop_ref l) {
        CHECK(l.get() == loop.get());
        order += std::to_string(*only);
    });
    WORKS(loop.run_once(0s, on_error...));
    EQUAL(std::string(order.size() - 1, '1') + '3', order);
    order.clear();
    auto cancelled = loop.post_after(1h, [&] { order += "never"; });
    loop.run_once(0s);
    CHECK(loop.next_timeout().ms() > 0 && loop.next_timeout().ms() <= 3600000);
    loop.cancel_post(cancelled);
    FAILS(status::wrong_state, loop.cancel_post(cancelled, on_error...));
    loop.post_after(20ms, [&](loop_ref l) {
        order += "late";
        l.stop();
    });
    for (int i = 0; i < 1000 && order.empty(); i++) loop.run_once(60s);
    EQUAL("late", order);
    CHECK(loop.next_timeout() == wsline::no_timeout || loop.next_timeout() == 0ms);
}

static void a_stop_ends_a_run() {
    wsline::loop loop;
    wsline::app app(echo());
    loop.add(app);
    app.on_open([&](app_ref) { loop.stop(); });
    loop.run();
    CHECK(app.is_open());
    std::thread other([&] {
        std::this_thread::sleep_for(20ms);
        WORKS(loop.stop(on_error...));
    });
    loop.run();
    other.join();
    CHECK(app.is_open());
}

/* As inside the event loop of another library. */
static void another_loop_watches_the_descriptor() {
    wsline::loop loop;
    wsline::app app(echo());
    std::string text;
    app.on_open(
        [](app_ref a) { a.post_after(15ms, [](app_ref self) { self.send_text("polled"); }); });
    app.on_message([&](app_ref a, message_view message) {
        text = message.text();
        a.close();
    });
    loop.add(app);
    CHECK(loop.fd() >= 0);
    while (app.is_running()) {
        pollfd waiting{loop.fd(), POLLIN, 0};
        wsline::timeout wait = loop.next_timeout();
        REQUIRE(::poll(&waiting, 1, static_cast<int>(wait.ms())) >= 0);
        loop.run_once(0s);
    }
    EQUAL("polled", text);
}

static void a_loop_is_moved() {
    wsline::loop first;
    wsline::app app(echo());
    app.on_open([&] { app.close(); });
    first.add(app);
    wsline::loop second(std::move(first));
    second.run();
    WORKS(app.join(0s, on_error...));
    auto held = std::make_shared<int>();
    first = wsline::loop();
    first.post([held] {});
    first = std::move(second);
    CHECK(held.use_count() == 1 && first && !second);
    FAILS(status::invalid_argument, second.run(on_error...));
    first.reset();
    FAILS(status::invalid_argument, first.run_once(0s, on_error...));
    first.reset(wsline::loop().release());
    WORKS(first.run(on_error...));
}

int main(int argc, char **argv) {
    return check::run(argc, argv,
                      {TEST(a_loop_runs_many_apps), TEST(apps_are_removed),
                       TEST(posts_are_run_in_order), TEST(a_stop_ends_a_run),
                       TEST(another_loop_watches_the_descriptor), TEST(a_loop_is_moved)});
}
