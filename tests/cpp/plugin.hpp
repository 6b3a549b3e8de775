/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin of test_plugin.cpp offers to the program. Both include wsline.hpp, and hide their
 * symbols. */
#ifndef WSLINE_TESTS_PLUGIN_HPP
#define WSLINE_TESTS_PLUGIN_HPP

#include <stdexcept>
#include <system_error>
#include <wsline.hpp>

struct plugin {
    /** Throws a wsline::error with status::invalid_url. */
    void (*fail)();
    std::error_code (*error_code)();
    const std::error_category &(*category)();
    /** The status of the wsline::error that `fn` throws. */
    wsline::status (*status_thrown_by)(void (*fn)());
    /** Adds a callback that throws a std::runtime_error. */
    void (*post_failure)(wsline::loop &loop);
    void (*set_failing_callback)(wsline::app &app);
    void (*run_once)(wsline::loop &loop);
    void (*run)(wsline::app &app);
    wsline::app (*make_app)(const char *url);
};

#endif
