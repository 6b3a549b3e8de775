/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that uses the C++ layer as the program does. WSLINE_TEST_PLUGIN names it; with
 * WSLINE_TEST_EXPORTS the program exports its symbols. */
#include "check.hpp"
#include "plugin.hpp"

#include <dlfcn.h>
#include <string>

namespace {

const plugin &loaded() {
    using getter = const plugin *(*)();
    void *library = ::dlopen(WSLINE_TEST_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    REQUIRE(library != nullptr);
    static const plugin &it = *reinterpret_cast<getter>(::dlsym(library, "wsline_test_plugin"))();
    return it;
}

void fail() { static_cast<void>(wsline::connect("nonsense")); }

void errors_are_caught_on_the_other_side() {
    auto thrown = check::thrown_by<wsline::error>(loaded().fail);
    REQUIRE(thrown);
    EQUAL(wsline::status::invalid_url, thrown->status());
    EQUAL(wsline::status::invalid_url, loaded().status_thrown_by(fail));
    CHECK(check::thrown_by<std::system_error>(loaded().fail));
}

void error_codes_are_compared() {
    std::error_code ec = loaded().error_code();
    CHECK(ec == wsline::status::timeout && wsline::status::timeout == ec);
    CHECK(ec != wsline::status::busy && wsline::status::busy != ec);
    CHECK(ec == std::errc::timed_out);
    CHECK(std::error_code(WSLINE_ERR_TIMEOUT, std::generic_category()) != wsline::status::timeout);
}

#ifdef WSLINE_TEST_EXPORTS

void there_is_one_category() { EQUAL(&wsline::category(), &loaded().category()); }

template <class F> void check_text(const char *text, F fn) {
    auto thrown = check::thrown_by<std::runtime_error>(fn);
    REQUIRE(thrown);
    EQUAL(std::string(text), thrown->what());
}

void exceptions_of_posts_come_out_on_the_other_side() {
    wsline::loop loop;
    loop.post([] { throw std::runtime_error("thrown by the program"); });
    check_text("thrown by the program", [&loop] { loaded().run_once(loop); });
    loaded().post_failure(loop);
    check_text("thrown by the plugin", [&loop] { loop.run_once(std::chrono::milliseconds(0)); });
}

/* Nothing listens on port 1. */
void exceptions_of_apps_come_out_on_the_other_side() {
    wsline::app app("ws://127.0.0.1:1/");
    app.on_error(
        [](const wsline::error_info &) { throw std::runtime_error("thrown by the program"); });
    check_text("thrown by the program", [&app] { loaded().run(app); });
    loaded().set_failing_callback(app);
    check_text("thrown by the plugin", [&app] { app.run(); });
    app.start();
    check_text("thrown by the plugin", [&app] { app.join(); });
}

void an_app_of_the_plugin_is_used() {
    wsline::app app = loaded().make_app("ws://127.0.0.1:1/");
    app.on_error(
        [](const wsline::error_info &) { throw std::runtime_error("thrown by the program"); });
    check_text("thrown by the program", [&app] { loaded().run(app); });
    app.start();
    check_text("thrown by the program", [&app] { app.join(); });
}

#endif

} // namespace

int main(int argc, char **argv) {
    return check::run(
        argc, argv,
        {TEST(errors_are_caught_on_the_other_side), TEST(error_codes_are_compared),
#ifdef WSLINE_TEST_EXPORTS
         TEST(there_is_one_category), TEST(exceptions_of_posts_come_out_on_the_other_side),
         TEST(exceptions_of_apps_come_out_on_the_other_side), TEST(an_app_of_the_plugin_is_used)
#endif
        });
}
