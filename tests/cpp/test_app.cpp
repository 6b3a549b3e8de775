/* SPDX-License-Identifier: Apache-2.0 */
/* Apps and their callbacks. */
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
using wsline::close_code;
using wsline::connect_decision;
using wsline::message_view;
using wsline::opcode;
using wsline::status;

static std::string echo() { return check::url("WEBSOCKETS"); }

static void callbacks_get_the_app() {
    wsline::app app(echo());
    std::string seen;
    app.on_connecting([&](app_ref a, wsline::attempt_view attempt, wsline::options_ref options) {
        CHECK(a.get() == app.get() && attempt.number() == 1 && attempt.url() == echo());
        CHECK(!attempt.error());
        options.set_ping_payload(std::string("p"));
        seen += "connecting ";
        return connect_decision::now;
    });
    app.on_open([&](app_ref a) {
        CHECK(a.is_open() && a.is_running() && a.fd() >= 0 && a.http_status() == 101);
        CHECK(a.http_reason() == "Switching Protocols" &&
              a.response_header("Upgrade") == "websocket");
        CHECK(a.response_headers().size() > 2 && a.peer_address().find("127.0.0.1:") == 0);
        CHECK(a.subprotocol().empty() && a.extensions().empty() && a.send_queue_bytes() == 0);
        seen += "open ";
        a.ping(std::string("ping"));
    });
    app.on_pong([&](app_ref a, message_view pong) {
        CHECK(pong.is_pong() && pong.text() == "ping" && !a.rtt());
        seen += "pong ";
        a.send_text("hello");
    });
    app.on_data([&](app_ref, message_view message) {
        seen += "data:" + std::string(message.text()) + ' ';
    });
    app.on_message([&](app_ref a, message_view message) {
        seen += "message:" + std::string(message.text()) + ' ';
        a.close(close_code::going_away, "done");
    });
    app.on_error([&](app_ref, const wsline::error_info &) { seen += "error "; });
    app.on_close([&](app_ref, const wsline::close_info &info) {
        CHECK(info.clean() && info.code() == close_code::going_away && info.reason() == "done");
        seen += "close ";
    });
    app.run();
    EQUAL("connecting open pong data:hello message:hello close ", seen);
    CHECK(!app.is_running() && app.stats().messages_received == 1 && app.timings().finished());
    WORKS(app.stats(on_error...));
    WORKS(app.timings(on_error...));
    WORKS(app.last_error(on_error...));
    FAILS(status::wrong_state, app.tls_info(on_error...));
}

static void callbacks_may_omit_the_app() {
    wsline::app app(echo());
    std::string seen;
    app.on_connecting([&](wsline::attempt_view, wsline::options_ref) {
        seen += "connecting ";
        return connect_decision::now;
    });
    app.on_open([&] {
        seen += "open ";
        app.ping();
        app.pong();
    });
    app.on_pong([&](message_view) {
        seen += "pong ";
        app.send_binary(std::vector<unsigned char>(3));
    });
    app.on_messages([&](wsline::messages_view messages) {
        seen += "messages:" + std::to_string(messages.size()) + ' ';
        app.close();
    });
    app.on_close([&](const wsline::close_info &) { seen += "close "; });
    app.run();
    EQUAL("connecting open pong messages:1 close ", seen);
}

static void parts_pings_and_drains() {
    wsline::app pinged(check::url("WEBSOCKETS", "/ping"));
    pinged.on_ping([&](message_view ping) {
        EQUAL("are you there?", ping.text());
        pinged.close();
    });
    pinged.run();
    wsline::app app(echo(), wsline::options().set_max_send_queue_bytes(1 << 20));
    unsigned drains = 0, bytes = 0, sent = 0;
    std::vector<char> piece(100000);
    app.on_part([&](message_view part) {
        bytes += static_cast<unsigned>(part.size());
        if (drains == 1 && bytes == sent) app.close();
    });
    app.on_drain([&] { drains++; });
    app.on_open([&](app_ref a) {
        std::error_code ec;
        while (!ec && sent < 100000000) {
            a.send_binary(piece, ec);
            if (!ec) sent += static_cast<unsigned>(piece.size());
        }
        CHECK(ec == status::would_block && a.send_queue_bytes() > 0);
    });
    app.run();
    EQUAL(1u, drains);
    EQUAL(sent, bytes);
}

/* Callables of all kinds. */
static int plain_calls = 0;
static void plain_function(app_ref a) {
    plain_calls++;
    a.send_text("x");
}

struct functor {
    std::unique_ptr<std::string> &seen;
    void operator()(message_view message) { *seen += message.text(); }
};

static void callables_of_all_kinds() {
    wsline::app app(echo());
    auto seen = std::make_unique<std::string>();
    auto moved = std::make_unique<int>(7);
    std::function<void(app_ref)> closes = [](app_ref a) { a.close(); };
    int calls = 0;
    app.on_open(plain_function);
    app.on_data(functor{seen});
    app.on_message([moved = std::move(moved), &calls](auto a, auto message) mutable {
        calls += ++*moved;
        CHECK(message.text() == "x");
        a.post([](auto...) {});
        a.post_after(0s, [only = std::make_unique<int>(1)](auto self) { self.ping(); });
    });
    app.on_pong([&](auto...) { app.post(std::move(closes)); });
    app.on_error([](auto &&) {});
    app.run();
    CHECK(plain_calls == 1 && calls == 8 && *seen == "x");
}

static void nullptr_removes_a_callback() {
    wsline::app app(echo());
    auto held = std::make_shared<int>(0);
    auto hold = [held](auto &&...) { ++*held; };
    app.on_open(hold);
    app.on_message(hold);
    app.on_close(hold);
    EQUAL(5, held.use_count());
    WORKS(app.on_open(nullptr, on_error...));
    app.on_message(nullptr);
    EQUAL(3, held.use_count());
    app.on_close([&](const wsline::close_info &) { *held += 10; });
    EQUAL(2, held.use_count());
    app.on_open([&] { app.close(); });
    app.run();
    EQUAL(10, *held);
}

struct counting {
    std::string seen;
    void on_open(app_ref a) { a.send_text("counted"); }
    void on_message(app_ref a, message_view message) {
        seen += message.text();
        a.close();
    }
    void on_close(app_ref, const wsline::close_info &info) { seen += info.clean() ? "!" : "?"; }
};

struct owning {
    std::shared_ptr<std::string> seen;
    template <class App> void on_open(const App &a) {
        *seen += "open";
        App(a).close();
    }
};

static void objects_have_callbacks() {
    wsline::app app(echo());
    counting counted;
    WORKS(app.set_callbacks(&counted, on_error...));
    app.run();
    EQUAL("counted!", counted.seen);
    auto seen = std::make_shared<std::string>();
    app.set_callbacks(owning{seen});
    app.run();
    CHECK(*seen == "open" && counted.seen == "counted!");
    EQUAL(2, seen.use_count());
    WORKS(app.set_callbacks(nullptr, on_error...));
    EQUAL(1, seen.use_count());
}

static void posts_run_on_the_driving_thread() {
    wsline::app app(echo());
    std::string order;
    std::thread::id driver;
    FAILS(status::wrong_state, app.post([] {}, on_error...));
    app.on_open([&] {
        driver = std::this_thread::get_id();
        std::thread([&] {
            app.post([&] {
                CHECK(std::this_thread::get_id() == driver);
                order += "posted ";
            });
        }).join();
        std::uint64_t cancelled = app.post_after(30s, [&] { order += "never "; });
        app.post_after(30ms, [&](app_ref a) {
            order += "after ";
            a.close();
        });
        app.cancel_post(cancelled);
        FAILS(status::wrong_state, app.cancel_post(cancelled, on_error...));
    });
    app.run();
    EQUAL("posted after ", order);
}

static void an_app_has_its_own_thread() {
    wsline::app app(echo());
    std::atomic<int> received{0};
    app.on_message([&](message_view) { received++; });
    FAILS(status::wrong_state, app.join(0s, on_error...));
    app.start();
    FAILS(status::busy, app.start(on_error...));
    FAILS(status::busy, app.run(on_error...));
    FAILS(status::timeout, app.join(0s, on_error...));
    REQUIRE(check::eventually([&] { return app.is_open(); }));
    WORKS(app.pause(on_error...));
    app.send_text("while paused");
    WORKS(app.flush(on_error...));
    WORKS(app.flush(60s, on_error...));
    std::this_thread::sleep_for(50ms);
    EQUAL(0, received.load());
    WORKS(app.resume(on_error...));
    CHECK(check::eventually([&] { return received == 1; }));
    WORKS(app.cork(on_error...));
    app.send(opcode::text, std::string("corked"));
    app.send_fragment(opcode::text, std::string("frag"), false);
    app.send_fragment(opcode::text, std::string("ment"), true);
    app.send_prepared(wsline::prepared(opcode::text, std::string("prepared")));
    WORKS(app.uncork(on_error...));
    CHECK(check::eventually([&] { return received == 4; }));
    WORKS(app.close(close_code::normal, "bye", on_error...));
    WORKS(app.join(on_error...));
    WORKS(app.join(60s, on_error...));
    app.start();
    app.abort();
    FAILS(status::aborted, app.join(60s, on_error...));
    app.start();
    app.abort_from_signal();
    FAILS(status::aborted, app.join(60s, on_error...));
}

static void connecting_may_wait_and_give_up() {
    wsline::app app(echo());
    int asked = 0;
    app.on_connecting([&](app_ref a, wsline::attempt_view attempt, wsline::options_ref) {
        CHECK(attempt.number() == 1);
        if (++asked == 1) {
            a.post_after(20ms, [](app_ref self) { self.proceed(); });
            return connect_decision::later;
        }
        return connect_decision::now;
    });
    app.on_open([&] { app.close(); });
    app.run();
    EQUAL(2, asked);
    app.on_connecting([](auto...) { return connect_decision::give_up; });
    FAILS(status::aborted, app.run(on_error...));
    WORKS(app.proceed(on_error...));
}

static void apps_reconnect() {
    wsline::options options;
    options.set_reconnect(true).set_reconnect_delay(1ms, 2ms);
    wsline::app app("ws://127.0.0.1:1/", options);
    std::string seen;
    app.on_error([&](app_ref a, const wsline::error_info &error) {
        CHECK(error.status() == status::connect && error.retry_in() &&
              error.phase() == wsline::phase::connect);
        seen += "error ";
        a.set_url(echo());
        wsline::options again = options;
        a.set_options(again.add_header("X-Again", "yes"));
    });
    app.on_connecting([&](app_ref, wsline::attempt_view attempt, wsline::options_ref) {
        seen += std::to_string(attempt.number());
        seen += attempt.error() ? "! " : " ";
        return connect_decision::now;
    });
    app.on_open([&] {
        seen += "open ";
        app.reconnect(close_code::service_restart, "again");
    });
    app.on_reconnect([&] {
        seen += "reconnect ";
        app.close();
    });
    app.run();
    EQUAL("1 error 2! open 1 reconnect ", seen);
    FAILS(status::wrong_state, app.reconnect(on_error...));
    FAILS(status::invalid_url, app.set_url("nonsense", on_error...));
}

static void refusals_and_tls() {
    wsline::app refused(check::url("WEBSOCKETS", "/status?code=503&body=later"));
    std::error_code ec;
    refused.run(ec);
    CHECK(ec == status::http_status && refused.http_status() == 503);
    GIVES("later", refused.response_body(on_error...));
    EQUAL(status::http_status, refused.last_error().status());
    wsline::app app(check::url("WEBSOCKETS_TLS"), check::trusting());
    app.on_open([&](app_ref a) {
        EQUAL("TLSv1.3", a.tls_info().version);
        WORKS(a.tls_info(on_error...));
        a.close();
    });
    WORKS(app.run(on_error...));
}

int main(int argc, char **argv) {
    return check::run(argc, argv,
                      {TEST(callbacks_get_the_app), TEST(callbacks_may_omit_the_app),
                       TEST(parts_pings_and_drains), TEST(callables_of_all_kinds),
                       TEST(nullptr_removes_a_callback), TEST(objects_have_callbacks),
                       TEST(posts_run_on_the_driving_thread), TEST(an_app_has_its_own_thread),
                       TEST(connecting_may_wait_and_give_up), TEST(apps_reconnect),
                       TEST(refusals_and_tls)});
}
