/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin.hpp"

namespace {

void fail() { static_cast<void>(wsline::connect("nonsense")); }

wsline::status status_thrown_by(void (*fn)()) {
    try {
        fn();
    } catch (const wsline::error &error) {
        return error.status();
    }
    return wsline::status::ok;
}

[[noreturn]] void throw_text() { throw std::runtime_error("thrown by the plugin"); }

constexpr plugin functions{
    fail,
    [] { return std::error_code(wsline::status::timeout); },
    wsline::category,
    status_thrown_by,
    [](wsline::loop &loop) { loop.post(throw_text); },
    [](wsline::app &app) { app.on_error([](const wsline::error_info &) { throw_text(); }); },
    [](wsline::loop &loop) { loop.run_once(std::chrono::milliseconds(0)); },
    [](wsline::app &app) { app.run(); },
    [](const char *url) { return wsline::app(url); },
};

} // namespace

extern "C" [[gnu::visibility("default")]] const plugin *wsline_test_plugin();
const plugin *wsline_test_plugin() { return &functions; }
