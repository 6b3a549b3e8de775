/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that are coroutines, each with a loop of its own. */
#ifndef WSLINE_TESTS_COROUTINES_HPP
#define WSLINE_TESTS_COROUTINES_HPP

#include "../cpp/check.hpp"
#include "../cpp/peer.hpp"

#include <string>
#include <wsline/coroutine.hpp>

namespace check {

template <wsline::task<> (*Body)(wsline::loop_ref)> void drive() {
    wsline::loop loop;
    wsline::run(loop, Body(loop));
}

/* Turns of the loop, one after the other, in which other coroutines of the loop continue. */
inline wsline::task<> turns(wsline::loop_ref loop, int count) {
    for (int i = 0; i < count; i++) co_await wsline::sleep(loop, 0ms);
}

} // namespace check

#define COROUTINE(function)                                                                        \
    check::test { #function, check::drive<function> }

#endif
