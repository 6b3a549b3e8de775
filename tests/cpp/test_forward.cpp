/* SPDX-License-Identifier: Apache-2.0 */
/* Every member of the C++ layer calls its function of wsline.h with the right arguments. */
#include "recorder.hpp"

static void every_function_is_called() {
    /* tls_info has strings that only a connection has; see test_connection.cpp. */
    recorder::called.insert({"wsline_conn_tls_info", "wsline_app_tls_info"});
    for (const std::string &name : recorder::all)
        check::note(recorder::called.count(name) == 1, PLACE("never called: "), name);
    CHECK(recorder::all.size() > 240);
}

int main() {
    char program[] = "test_forward", *arguments[] = {program, nullptr};
    return check::run(1, arguments,
                      {TEST(forward_options), TEST(forward_connection), TEST(forward_app),
                       TEST(forward_other), TEST(every_function_is_called)});
}
