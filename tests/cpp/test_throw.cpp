/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions that leave a callback stop what drives it, and come out of it. */
#include "peer.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using wsline::app_ref;
using wsline::message_view;
using wsline::status;

/* What the callbacks throw; derived from nothing. */
struct boom {
    int number;
};

static std::string echo() { return check::url("WEBSOCKETS"); }

/* A callback that throws, and how to make it run. */
struct row {
    const char *name;
    std::function<void(app_ref)> prepare;
    std::function<void(wsline::options &)> options = {};
};

struct thrower {
    void on_open(app_ref) { throw boom{1}; }
};

static const row rows[] = {
    {"on_connecting",
     [](app_ref a) {
         a.on_connecting([](auto...) -> wsline::connect_decision { throw boom{1}; });
     }},
    {"on_open", [](app_ref a) { a.on_open([] { throw boom{1}; }); }},
    {"a member", [](app_ref a) { a.set_callbacks(thrower()); }},
    {"on_message",
     [](app_ref a) {
         a.on_open([](app_ref self) { self.send_text("x"); });
         a.on_message([](message_view) { throw boom{1}; });
     }},
    {"on_messages",
     [](app_ref a) {
         a.on_open([](app_ref self) { self.send_text("x"); });
         a.on_messages([](wsline::messages_view) { throw boom{1}; });
     }},
    {"on_data",
     [](app_ref a) {
         a.on_open([](app_ref self) { self.send_text("x"); });
         a.on_data([](message_view) { throw boom{1}; });
         a.on_message([](message_view) {});
     }},
    {"on_part",
     [](app_ref a) {
         a.on_open([](app_ref self) { self.send_text("x"); });
         a.on_part([](app_ref, message_view) { throw boom{1}; });
     }},
    {"on_ping",
     [](app_ref a) {
         a.set_url(check::url("WEBSOCKETS", "/ping"));
         a.on_ping([](message_view) { throw boom{1}; });
     }},
    {"on_pong",
     [](app_ref a) {
         a.on_open([](app_ref self) { self.ping(); });
         a.on_pong([](message_view) { throw boom{1}; });
     }},
    {"on_drain",
     [](app_ref a) {
         a.on_open([](app_ref self) {
             std::error_code ec;
             while (!ec) self.send_binary(std::vector<char>(100000), ec);
         });
         a.on_drain([] { throw boom{1}; });
     },
     [](wsline::options &o) { o.set_max_send_queue_bytes(1 << 20); }},
    {"on_error",
     [](app_ref a) {
         a.set_url("ws://127.0.0.1:1/");
         a.on_error([](const wsline::error_info &) { throw boom{1}; });
     }},
    {"on_close after a handshake",
     [](app_ref a) {
         a.on_open([](app_ref self) { self.close(); });
         a.on_close([](const wsline::close_info &) { throw boom{1}; });
     }},
    {"on_close of the server",
     [](app_ref a) {
         a.set_url(check::url("WEBSOCKETS", "/close?code=4000"));
         a.on_close([](const wsline::close_info &) { throw boom{1}; });
     }},
    {"on_reconnect",
     [](app_ref a) {
         a.on_open([](app_ref self) { self.reconnect(); });
         a.on_reconnect([] { throw boom{1}; });
     },
     [](wsline::options &o) { o.set_reconnect(true).set_reconnect_delay(1ms, 1ms); }},
    {"post", [](app_ref a) { a.on_open([](app_ref self) { self.post([] { throw boom{1}; }); }); }},
    {"post_after",
     [](app_ref a) {
         a.on_open([](app_ref self) { self.post_after(5ms, [](app_ref) { throw boom{1}; }); });
     }},
    {"the first of two",
     [](app_ref a) {
         a.on_open([] { throw boom{1}; });
         a.on_close([](const wsline::close_info &) { throw boom{2}; });
     }},
    {"an event", [](app_ref) {},
     [](wsline::options &o) {
         o.set_event_callback([](wsline::event_view event) {
             if (event.kind() == wsline::event_kind::open) throw boom{1};
         });
     }},
    {"the first event", [](app_ref) {},
     [](wsline::options &o) {
         o.set_event_callback([](wsline::event_view event) {
             CHECK(event.app());
             throw boom{1};
         });
     }},
    {"a post of an event", [](app_ref) {},
     [](wsline::options &o) {
         o.set_event_callback([](wsline::event_view event) {
             if (event.kind() == wsline::event_kind::open) event.app().post([] { throw boom{1}; });
         });
     }},
};

static wsline::app prepared(const row &row) {
    wsline::options options;
    if (row.options) row.options(options);
    wsline::app app(echo(), options);
    row.prepare(app);
    return app;
}

/* An app whose callback has thrown can be driven again. */
static void works_again(wsline::app &app) {
    app.set_callbacks(nullptr);
    app.set_options(wsline::options());
    app.set_url(echo());
    app.on_open([](app_ref a) { a.send_text("again"); });
    app.on_message([](app_ref a, message_view) { a.close(); });
    WORKS(app.run(on_error...));
}

static void with(const row &row, void (*drive)(wsline::app &)) {
    check::current().running = row.name;
    wsline::app app = prepared(row);
    auto thrown = check::thrown_by<boom>([&] { drive(app); });
    if (CHECK(thrown)) EQUAL(1, thrown->number);
}

static void run_throws() {
    for (const row &row : rows) {
        check::current().running = row.name;
        wsline::app app = prepared(row);
        auto thrown = check::thrown_by<boom>([&] { app.run(); });
        if (CHECK(thrown)) EQUAL(1, thrown->number);
        CHECK(!app.is_running());
        works_again(app);
    }
}

static void join_throws() {
    for (const row &row : rows) {
        check::current().running = row.name;
        wsline::app app = prepared(row);
        app.start();
        auto thrown = check::thrown_by<boom>([&] { app.join(); });
        if (CHECK(thrown)) EQUAL(1, thrown->number);
        CHECK(!app.is_running());
        /* Once. */
        std::error_code ec;
        app.join(ec);
        works_again(app);
    }
}

static void loop_run_throws() {
    for (const row &row : rows)
        with(row, [](wsline::app &app) {
            wsline::loop loop;
            loop.add(app);
            try {
                loop.run();
            } catch (...) {
                /* The loop can be driven again, until its apps have ended. */
                app.set_callbacks(nullptr);
                app.abort();
                std::error_code ec;
                loop.run(ec);
                CHECK(!ec && !app.is_running());
                throw;
            }
        });
}

static void run_once_throws() {
    for (const row &row : rows)
        with(row, [](wsline::app &app) {
            wsline::loop loop;
            loop.add(app);
            try {
                while (app.is_running()) loop.run_once(60s);
            } catch (...) {
                /* The loop is not stopped any more: it waits for the next app. */
                app.set_callbacks(nullptr);
                app.abort();
                loop.run();
                wsline::app next(echo());
                next.on_open([&] { next.close(); });
                loop.add(next);
                loop.run();
                WORKS(next.join(0s, on_error...));
                throw;
            }
        });
}

static void other_forms_throw_too() {
    wsline::app app(echo());
    app.on_open([] { throw boom{3}; });
    std::error_code ec = status::internal;
    CHECK(check::thrown_by<boom>([&] { app.run(ec); }));
    app.start();
    CHECK(check::thrown_by<boom>([&] { app.join(ec); }));
    wsline::loop loop;
    loop.add(app);
    CHECK(check::thrown_by<boom>([&] { loop.run(ec); }));
#ifdef __cpp_lib_expected
    app.abort();
    loop.run();
    CHECK(check::thrown_by<boom>([&] { (void)app.run(wsline::as_expected); }));
#endif
}

static void a_timeout_keeps_the_exception() {
    wsline::app app(echo());
    std::atomic<bool> thrown{false}, go_on{false};
    app.on_open([&] {
        thrown = true;
        check::eventually([&] { return go_on.load(); });
        throw boom{4};
    });
    app.start();
    CHECK(check::eventually([&] { return thrown.load(); }));
    FAILS(status::timeout, app.join(0s, on_error...));
    go_on = true;
    CHECK(check::thrown_by<boom>([&] { app.join(60s); }));
}

static void posts_to_a_loop() {
    wsline::loop loop;
    wsline::app app(echo());
    app.on_message([](app_ref a, message_view) { a.close(); });
    loop.add(app);
    loop.post([] { throw boom{5}; });
    CHECK(check::thrown_by<boom>([&] { loop.run(); }));
    loop.post_after(1ms, [](wsline::loop_ref) { throw boom{6}; });
    CHECK(check::thrown_by<boom>([&] {
        for (;;) loop.run_once(60s);
    }));
    /* The app is still in the loop. */
    while (!app.is_open()) loop.run_once(60s);
    app.send_text("the last one");
    loop.run();
    WORKS(app.join(0s, on_error...));
}

static void drivers_inside_drivers() {
    wsline::app inner(echo()), outer(echo());
    inner.on_open([] { throw boom{7}; });
    int caught = 0;
    outer.on_open([&] {
        /* The exception ends the inner app only. */
        auto thrown = check::thrown_by<boom>([&] { inner.run(); });
        caught = thrown ? thrown->number : 0;
        outer.close();
    });
    wsline::loop loop;
    loop.add(outer);
    loop.run();
    EQUAL(7, caught);
    WORKS(outer.join(0s, on_error...));

    /* Not caught inside, it ends both. */
    outer.on_open([&] { inner.run(); });
    CHECK(check::thrown_by<boom>([&] { outer.run(); }));
    outer.start();
    CHECK(check::thrown_by<boom>([&] { outer.join(); }));
    /* That of an app with a thread of its own comes out of join() in a callback. */
    outer.on_open([&] {
        inner.start();
        inner.join();
    });
    CHECK(check::thrown_by<boom>([&] { outer.run(); }));
}

int main(int argc, char **argv) {
    return check::run(argc, argv,
                      {TEST(run_throws), TEST(join_throws), TEST(loop_run_throws),
                       TEST(run_once_throws), TEST(other_forms_throw_too),
                       TEST(a_timeout_keeps_the_exception), TEST(posts_to_a_loop),
                       TEST(drivers_inside_drivers)});
}
