/* SPDX-License-Identifier: Apache-2.0 */
/* The servers under test, which tests/peers/run.py starts. */
#ifndef WSLINE_TESTS_PEER_HPP
#define WSLINE_TESTS_PEER_HPP

#include "check.hpp"

#include <cstdlib>
#include <string>

namespace check {

inline std::string variable(const std::string &name) {
    const char *value = std::getenv(("WSLINE_TEST_" + name).c_str());
    if (value == nullptr) {
        std::cerr << name << " is not set: run this program through tests/peers/run.py\n";
        std::exit(2);
    }
    return value;
}

/* A server's URL, for example url("WEBSOCKETS", "/echo"). */
inline std::string url(const std::string &server, const std::string &path = "") {
    return variable(server + "_URL") + path;
}

/* Options for the servers with TLS. */
inline wsline::options trusting() {
    wsline::options options;
    options.set_tls_ca_file(variable("CA"));
    return options;
}

} // namespace check

#endif
