/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scenarios need of a host, the event loop that drives a wsline::loop:
 *
 *   Host::adapter              the adapter's type
 *   Host::nests                whether a callback may run the host inside itself
 *   attach(loop, handler)      an adapter
 *   turn()                     waits for an event, handles it, and returns
 *   after(delay, fn)           a timer of the host
 */
#ifndef WSLINE_TESTS_HOST_HPP
#define WSLINE_TESTS_HOST_HPP

#include "../cpp/peer.hpp"

#include <wsline/embedded_loop.hpp>

#include <exception>
#include <string>
#include <vector>

namespace check {

/* Runs the host, and returns the number of turns: more than a few mean that it does not sleep. */
template <class Host, class Done> unsigned turns_until(Host &host, const Done &done) {
    unsigned turns = 0;
    for (; !done(); turns++) host.turn();
    return turns;
}

/* Runs the host for some time, and returns the number of turns. */
template <class Host> unsigned turns_in(Host &host, std::chrono::milliseconds time) {
    bool is_over = false;
    host.after(time, [&is_over] { is_over = true; });
    return turns_until(host, [&is_over] { return is_over; });
}

/* A handler that keeps what the exceptions say. */
inline wsline::exception_handler into(std::vector<std::string> &texts) {
    return [&texts](std::exception_ptr thrown) {
        try {
            std::rethrow_exception(thrown);
        } catch (...) {
            texts.push_back(thrown_text());
        }
    };
}

} // namespace check

#endif
