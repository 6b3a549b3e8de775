/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline.hpp
 * @brief wsline for C++17 and later: wsline.h with objects, exceptions, durations and lambdas.
 *
 * A program that says hello to an echo server and prints its reply:
 *
 * ```cpp
 * #include <iostream>
 * #include <wsline.hpp>
 *
 * int main() try {
 *     wsline::connection conn = wsline::connect("wss://echo.example/");
 *     conn.send_text("Hello, Server");
 *     std::cout << conn.receive().text() << '\n';
 *     conn.close();
 * } catch (const wsline::error &error) {
 *     std::cerr << error.what() << '\n';
 *     return 1;
 * }
 * ```
 *
 * It is header-only, and adds no behavior of its own: each function calls one of wsline.h, whose
 * documentation says what it does, when it may be called, and how it can fail. Names are those of
 * wsline.h without the prefix and the unit of time: wsline_options_set_connect_timeout_ms() is
 * options::set_connect_timeout(), which takes a std::chrono duration; `recv` is spelled `receive`.
 *
 * **Objects.** `connection`, `app`, `loop`, `options`, `cookie_jar`, `prepared`, `transport` and
 * `url` free what they hold. They can be moved, but not copied, except options. Callbacks get an
 * `app_ref` or `loop_ref`, which has the same functions and frees nothing.
 *
 * **Errors.** Functions throw a wsline::error, set a std::error_code, or return a std::expected;
 * see wsline/error.hpp. Programs may be compiled without run-time type information, but not without
 * exceptions.
 *
 * **Lent data.** A message_view refers to data of the library, as a std::string_view does.
 *
 * **Callbacks.** They are lambdas or other callables, moved into the library. An exception that
 * leaves a callback of an app or a loop stops what drives it, and comes out of the function that
 * drives it: app::run(), loop::run(), loop::run_once(), or app::join() after app::start().
 *
 * **Threads.** As in wsline.h: any thread may call any function of an object, except that only one
 * may drive it, or receive from it, and none may destroy or move it while others use it.
 *
 * wsline/coroutine.hpp, wsline/asio.hpp and others that name a library are included separately.
 */
#ifndef WSLINE_HPP
#define WSLINE_HPP

#include <wsline/app.hpp>
#include <wsline/arguments.hpp>
#include <wsline/connection.hpp>
#include <wsline/cookie_jar.hpp>
#include <wsline/error.hpp>
#include <wsline/frame.hpp>
#include <wsline/info.hpp>
#include <wsline/library.hpp>
#include <wsline/loop.hpp>
#include <wsline/message.hpp>
#include <wsline/names.hpp>
#include <wsline/options.hpp>
#include <wsline/prepared.hpp>
#include <wsline/resolver.hpp>
#include <wsline/status.hpp>
#include <wsline/transport.hpp>
#include <wsline/url.hpp>

#endif
