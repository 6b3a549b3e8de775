/* SPDX-License-Identifier: Apache-2.0 */
/* Apps, loops and callbacks that are destroyed or replaced while they run. */
#include "peer.hpp"

#include <atomic>
#include <fstream>
#include <memory>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>

using namespace std::chrono_literals;
using wsline::app_ref;
using wsline::message_view;
using wsline::status;

struct boom {};

static std::string echo() { return check::url("WEBSOCKETS"); }

/* How an app is driven until it has ended. */
using drive_function = void (*)(std::unique_ptr<wsline::app> &);

static void by_run(std::unique_ptr<wsline::app> &app) { app->run(); }

static void by_loop(std::unique_ptr<wsline::app> &app) {
    wsline::loop loop;
    loop.add(*app);
    loop.run();
}

static std::atomic<bool> joining{false};

static void by_thread(std::unique_ptr<wsline::app> &app) {
    wsline::app &itself = *app;
    wsline::app_ref copy = itself;
    joining = false;
    itself.start();
    joining = true;
    /* ThreadSanitizer does not know that join() has read the object before it waits. */
    if (check::slow())
        copy.join();
    else
        itself.join();
}

static bool main_thread_sleeps() {
    std::ifstream file("/proc/self/task/" + std::to_string(::getpid()) + "/stat");
    std::string text;
    std::getline(file, text);
    return text.find(") S ") != std::string::npos;
}

/* Destroys an app in its callback. The main thread may be waiting for its end, but must not begin
 * a call later; it waits if it sleeps for a while, and not only for a lock. */
static void destroy(std::unique_ptr<wsline::app> &app) {
    int asleep = 0;
    auto waits = [&asleep] {
        asleep = joining && main_thread_sleeps() ? asleep + 1 : 0;
        return asleep >= 10;
    };
    if (::gettid() != ::getpid()) CHECK(check::eventually(waits));
    app.reset();
}

static const drive_function drives[] = {by_run, by_loop, by_thread};

static void a_callback_destroys_its_app() {
    for (drive_function drive : drives) {
        auto app = std::make_unique<wsline::app>(echo());
        auto held = std::make_shared<int>(0);
        app->on_open([&app, held] {
            destroy(app);
            ++*held; /* The callback itself stays until it returns. */
        });
        app->on_close([held](const wsline::close_info &) { *held += 10; });
        try {
            drive(app);
            CHECK(drive == by_loop);
        } catch (const wsline::error &error) {
            EQUAL(status::aborted, error.status());
        }
        CHECK(!app && check::eventually([&] { return held.use_count() == 1; }));
        EQUAL(1, *held);
    }
}

static void a_callback_destroys_its_app_and_throws() {
    for (drive_function drive : drives) {
        auto app = std::make_unique<wsline::app>(echo());
        app->on_open([&app] {
            destroy(app);
            throw boom();
        });
        CHECK(check::thrown_by<boom>([&] { drive(app); }));
        CHECK(!app);
    }
}

static void a_post_destroys_its_app_and_throws() {
    for (drive_function drive : drives) {
        auto app = std::make_unique<wsline::app>(echo());
        app->on_open([&app] {
            app->post([&app] {
                destroy(app);
                throw boom();
            });
        });
        CHECK(check::thrown_by<boom>([&] { drive(app); }));
        CHECK(!app);
    }
}

static void a_callback_assigns_to_its_app() {
    wsline::app app(echo());
    app.on_open([&] { app = wsline::app("ws://127.0.0.1:1/"); });
    auto error = check::thrown_by<wsline::error>([&] { app.run(); });
    REQUIRE(error);
    EQUAL(status::aborted, error->status());
    FAILS(status::connect, app.run(on_error...));
}

static void a_callback_replaces_itself() {
    wsline::app app(echo());
    auto held = std::make_shared<int>(0);
    app.on_open([](app_ref a) { a.send_text("x"); });
    app.on_message([held](app_ref a, message_view message) {
        a.on_message([held](app_ref self, message_view) {
            *held += 10;
            self.close();
        });
        ++*held;
        a.send_text(message.text());
    });
    app.run();
    EQUAL(11, *held);
    EQUAL(2, held.use_count());
    /* And then throws. */
    app.on_message([held](app_ref a, message_view) {
        a.on_message(nullptr);
        ++*held;
        throw boom();
    });
    CHECK(check::thrown_by<boom>([&] { app.run(); }));
    CHECK(*held == 12 && held.use_count() == 1);
    app.on_open([held](app_ref a) {
        a.set_callbacks(nullptr);
        ++*held;
        throw boom();
    });
    CHECK(check::thrown_by<boom>([&] { app.run(); }));
    CHECK(*held == 13 && held.use_count() == 1);
}

static void another_thread_destroys_an_app_that_throws() {
    for (int i = 0; i < (check::slow() ? 10 : 50); i++) {
        auto app = std::make_unique<wsline::app>(echo());
        std::atomic<bool> inside{false};
        app->on_open([&, i] {
            inside = true;
            if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i * 20));
            throw boom();
        });
        app->start();
        CHECK(check::eventually([&] { return inside.load(); }));
        app.reset();
    }
}

static void another_thread_destroys_an_app_of_a_loop() {
    wsline::loop loop;
    for (int i = 0; i < (check::slow() ? 5 : 20); i++) {
        auto app = std::make_unique<wsline::app>(echo());
        std::atomic<bool> inside{false}, destroying{false};
        app->on_open([&] {
            inside = true;
            check::eventually([&] { return destroying.load(); });
            throw boom();
        });
        loop.add(*app);
        std::thread other([&] {
            check::eventually([&] { return inside.load(); });
            destroying = true;
            app.reset();
        });
        CHECK(check::thrown_by<boom>([&] { loop.run(); }));
        other.join();
        loop.run();
    }
}

static void a_callback_destroys_its_loop() {
    auto loop = std::make_unique<wsline::loop>();
    wsline::app app(echo());
    app.on_open([&] { loop.reset(); });
    loop->add(app);
    wsline::loop_ref driven = *loop;
    driven.run();
    FAILS(status::aborted, app.join(60s, on_error...));

    for (bool once : {false, true}) {
        loop = std::make_unique<wsline::loop>();
        app.on_open([&] {
            loop.reset();
            throw boom();
        });
        loop->add(app);
        driven = *loop;
        CHECK(check::thrown_by<boom>([&] {
            if (!once) driven.run();
            while (loop) driven.run_once(60s);
        }));
        FAILS(status::aborted, app.join(60s, on_error...));

        loop = std::make_unique<wsline::loop>();
        loop->add(app);
        loop->post([&] {
            loop.reset();
            throw boom();
        });
        driven = *loop;
        CHECK(check::thrown_by<boom>([&] {
            if (!once) driven.run();
            while (loop) driven.run_once(60s);
        }));
    }
}

static void a_nested_driver_destroys_the_outer_loop() {
    auto loop = std::make_unique<wsline::loop>();
    wsline::app outer(echo()), inner(echo());
    inner.on_open([&] {
        loop.reset();
        throw boom();
    });
    outer.on_open([&] { inner.run(); });
    loop->add(outer);
    wsline::loop_ref driven = *loop;
    CHECK(check::thrown_by<boom>([&] { driven.run(); }));
}

static void posts_are_destroyed_with_what_they_were_posted_to() {
    auto held = std::make_shared<int>(0);
    {
        wsline::loop loop;
        loop.post([held] { ++*held; });
        loop.post_after(1h, [held] { ++*held; });
        EQUAL(3, held.use_count());
    }
    CHECK(held.use_count() == 1 && *held == 0);
    wsline::app app(echo());
    app.on_open([&, held](app_ref a) {
        a.post_after(1h, [held] { ++*held; });
        a.close();
    });
    app.run();
    CHECK(held.use_count() == 2 && *held == 0);
}

static void apps_are_moved_while_they_have_callbacks() {
    wsline::app first(echo());
    int opened = 0;
    first.on_open([&](app_ref a) {
        opened++;
        a.close();
    });
    wsline::app second(std::move(first));
    WORKS(second.run(on_error...));
    first = std::move(second);
    first.on_open([] { throw boom(); });
    first.start();
    CHECK(check::thrown_by<boom>([&] { first.join(); }));
    CHECK(opened > 1);
    /* The app that was here is freed. */
    auto held = std::make_shared<int>();
    wsline::app third(echo());
    third.on_open([held] {});
    third = std::move(first);
    CHECK(held.use_count() == 1 && third && !first);
    wsline_app *handle = third.release();
    wsline::app fourth(handle);
    EQUAL(handle, fourth.get());
    fourth.on_open([] { throw boom(); });
    fourth.start();
    CHECK(check::thrown_by<boom>([&] { fourth.join(); }));
}

static void a_loop_is_destroyed_before_its_app() {
    int closed = 0;
    wsline::options options;
    options.set_event_callback([&](wsline::event_view event) {
        if (event.kind() != wsline::event_kind::closed) return;
        closed++;
        throw boom();
    });
    wsline::app app(echo(), options);
    {
        wsline::loop loop;
        loop.add(app);
        while (!app.is_open()) loop.run_once(60s);
    }
    EQUAL(1, closed);
    CHECK(check::thrown_by<boom>([&] { app.join(0s); }));
}

int main(int argc, char **argv) {
    return check::run(
        argc, argv,
        {TEST(a_callback_destroys_its_app), TEST(a_callback_destroys_its_app_and_throws),
         TEST(a_post_destroys_its_app_and_throws), TEST(a_callback_assigns_to_its_app),
         TEST(a_callback_replaces_itself), TEST(another_thread_destroys_an_app_that_throws),
         TEST(another_thread_destroys_an_app_of_a_loop), TEST(a_callback_destroys_its_loop),
         TEST(a_nested_driver_destroys_the_outer_loop),
         TEST(posts_are_destroyed_with_what_they_were_posted_to),
         TEST(apps_are_moved_while_they_have_callbacks), TEST(a_loop_is_destroyed_before_its_app)});
}
