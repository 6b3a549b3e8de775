/* SPDX-License-Identifier: Apache-2.0 */
/* What would compile and do something else than it says. */
#include "peer.hpp"

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

using namespace std::literals;
using wsline::app_ref;
using wsline::message_view;
using wsline::status;

static std::string echo() { return check::url("WEBSOCKETS"); }

/* NULL means the defaults in C; an object without a handle does not. */
static void empty_objects_are_no_defaults() {
    wsline::options options, moved(std::move(options));
    wsline::app app(echo());
    wsline::connection conn(moved);
    FAILS(status::invalid_argument, wsline::connect(echo(), options, on_error...));
    FAILS(status::invalid_argument, app.set_options(options, on_error...));
    FAILS(status::invalid_argument, app.set_options(wsline::options_ref(), on_error...));
    FAILS(status::invalid_argument, wsline::proxy_for_url(echo(), options, on_error...));
    FAILS(status::invalid_argument, conn.send_prepared(wsline::prepared(), on_error...));
    FAILS(status::invalid_argument, moved.set_transport(wsline::transport(), on_error...));
    wsline::cookie_jar jar, other(std::move(jar));
    FAILS(status::invalid_argument, moved.set_cookie_jar(jar, on_error...));
    WORKS(moved.set_cookie_jar(nullptr, on_error...));
    WORKS(moved.set_transport(nullptr, on_error...));
    std::error_code ec;
    EQUAL(-1, wsline::connection().poll_fd(ec)); /* 0 would be a descriptor */
    auto thrown = check::thrown_by<wsline::error>([&] { wsline::connection c(echo(), options); });
    CHECK(thrown && thrown->what() == "an object passed as an argument is empty"s);
}

/* Those functions leave the last error as it is, which belongs to another call. */
static void an_error_shows_no_message_of_another_call() {
    std::error_code ec;
    wsline::options options;
    options.add_header("A", "x\r", ec);
    CHECK(ec == status::invalid_argument);
    auto is_own = [](auto call) {
        auto thrown = check::thrown_by<wsline::error>(call);
        return thrown && std::string_view(thrown->what()).find("add_header") == std::string::npos;
    };
    CHECK(is_own([] { wsline::connection().stats(); }));
    CHECK(is_own([] { wsline::connection().close(); }));
    CHECK(is_own([] { wsline::app().on_open([] {}); }));
    CHECK(is_own([] { wsline::app().set_callbacks(nullptr); }));
    CHECK(is_own([] { wsline::app().abort(); }));
    CHECK(is_own([] { wsline::loop(nullptr).stop(); }));
    wsline::connection conn(options);
    conn.send_text("x", ec);
    CHECK(ec == status::wrong_state);
    auto thrown = check::thrown_by<wsline::error>([&] { conn.stats(); });
    CHECK(thrown && std::string_view(thrown->what()).find("send_text") == std::string::npos);
}

template <class E, class = void> static constexpr bool reports_to = false;
template <class E>
static constexpr bool reports_to<
    E, std::void_t<decltype(std::declval<wsline::connection &>().cork(std::declval<E>()))>> = true;

static void a_temporary_error_code_is_rejected() {
    static_assert(reports_to<std::error_code &>);
    static_assert(!reports_to<std::error_code>);
    static_assert(!reports_to<const std::error_code &>);
    static_assert(!reports_to<std::chrono::seconds>);
}

static void literals_are_no_bytes() {
    static_assert(!std::is_convertible_v<const char(&)[3], wsline::bytes>);
    static_assert(std::is_convertible_v<char(&)[3], wsline::bytes>);
    static_assert(std::is_convertible_v<const unsigned char(&)[3], wsline::bytes>);
    static_assert(!std::is_convertible_v<const int(&)[3], wsline::bytes>);
}

static void references_behave_like_pointers() {
    wsline::app app(echo());
    int messages = 0;
    app.on_open([](const app_ref &self) { self.post([self] { self.send_text("1"); }); });
    app.on_message([&](auto &&self, message_view &&) {
        ++messages;
        self.post([self = app_ref(self)] { self.close(); });
    });
    app.run();
    EQUAL(1, messages);
    wsline::options options;
    wsline::options_ref reference = options;
    reference.set_max_redirects(1);
    CHECK(reference == options && app_ref(app.get()) == app);
    CHECK(wsline::app() != app);
}

static void deadlines_and_paths_are_arguments() {
    using clock = std::chrono::steady_clock;
    CHECK(wsline::timeout(clock::now() - 1h).ms() == 0);
    std::int64_t left = wsline::timeout(clock::now() + 1h).ms();
    CHECK(left > 3'500'000 && left <= 3'600'000);
    CHECK(wsline::timeout(std::chrono::system_clock::now() + 1h).ms() > 3'500'000);
    wsline::options options;
    WORKS(options.set_tls_ca_file(std::filesystem::path("ca.pem"), on_error...));
    std::filesystem::path with_nul("a\0b"s);
    FAILS(status::invalid_argument, options.set_tls_ca_file(with_nul, on_error...));
}

struct without_app {
    std::string seen;
    void on_open(app_ref self) { self.send_text("text"); }
    void on_message(message_view message) { seen += message.text(); }
    void on_close(const wsline::close_info &) { seen += " closed"; }
};

static void handlers_may_be_behind_smart_pointers() {
    wsline::app app(echo());
    auto shared = std::make_shared<without_app>();
    WORKS(app.set_callbacks(shared, on_error...));
    app.on_data([](app_ref self, message_view) { self.post([self] { self.close(); }); });
    app.run();
    EQUAL("text closed", shared->seen);
    app.set_callbacks(std::make_unique<without_app>());
    app.on_open([](app_ref self) { self.close(); });
    app.run();
}

/* An exception that nobody has joined does not come out of another run. */
static void a_start_forgets_old_exceptions() {
    wsline::app app(echo());
    app.on_open([] { throw std::runtime_error("old"); });
    app.start();
    CHECK(check::eventually([&] { return !app.is_running(); }));
    app.on_open([](app_ref self) { self.close(); });
    app.start();
    app.join();
}

int main(int argc, char **argv) {
    return check::run(
        argc, argv,
        {TEST(empty_objects_are_no_defaults), TEST(an_error_shows_no_message_of_another_call),
         TEST(a_temporary_error_code_is_rejected), TEST(literals_are_no_bytes),
         TEST(references_behave_like_pointers), TEST(deadlines_and_paths_are_arguments),
         TEST(handlers_may_be_behind_smart_pointers), TEST(a_start_forgets_old_exceptions)});
}
