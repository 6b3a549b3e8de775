/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/coroutine.hpp
 * @brief Coroutines over the apps and loops of wsline.hpp. Needs C++20.
 *
 * Two clients at the same time, on one thread:
 *
 * ```cpp
 * #include <iostream>
 * #include <string>
 * #include <wsline/coroutine.hpp>
 * using namespace std::chrono_literals;
 *
 * wsline::task<> talk(wsline::loop_ref loop, std::string url) {
 *     wsline::async_connection client(loop);
 *     co_await client.connect(url);
 *     co_await client.send_text("Hello, Server");
 *     std::cout << (co_await client.receive(5s)).text() << '\n';
 *     co_await client.close();
 * }
 *
 * int main() {
 *     wsline::loop loop;
 *     wsline::run(loop, wsline::when_all(talk(loop, "wss://one.example/"),
 *                                        talk(loop, "wss://two.example/")));
 * }
 * ```
 *
 * Coroutines run on the thread that drives the loop, inside its callbacks: there is no other
 * thread, and no queue of messages. `async_connection` is the client, `task` the type of a
 * coroutine; `run`, `spawn` and `when_all` begin tasks, `sleep` waits.
 */
#ifndef WSLINE_COROUTINE_HPP
#define WSLINE_COROUTINE_HPP

#include <wsline.hpp>
#include <wsline/coroutine/async_connection.hpp>
#include <wsline/coroutine/awaiter.hpp>
#include <wsline/coroutine/run.hpp>
#include <wsline/coroutine/sleep.hpp>
#include <wsline/coroutine/task.hpp>
#include <wsline/coroutine/when_all.hpp>

#endif
