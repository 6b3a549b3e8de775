/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/asio.hpp
 * @brief Clients in an io_context of Asio (standalone); for Boost.Asio see wsline/boost_asio.hpp.
 *
 * ```cpp
 * #include <asio.hpp>
 * #include <iostream>
 * #include <wsline/asio.hpp>
 *
 * int main() {
 *     asio::io_context io;
 *     wsline::asio_driver driver(io);
 *     wsline::asio_client client(driver);
 *
 *     client.async_connect("wss://echo.example/", [&](std::error_code failed) {
 *         if (failed) return;
 *         client.async_send_text("Hello, Server", [](std::error_code) {});
 *         client.async_receive([&](std::error_code ec, wsline::message_view message) {
 *             if (!ec) std::cout << message.text() << '\n';
 *             client.async_close([](std::error_code, const wsline::close_info &) {});
 *         });
 *     });
 *     io.run();
 * }
 * ```
 *
 * A token such as asio::use_future or asio::use_awaitable works, too. There is no other thread.
 */
#ifndef WSLINE_ASIO_HPP
#define WSLINE_ASIO_HPP

#include <wsline.hpp>
#include <wsline/asio/client.hpp>
#include <wsline/asio/driver.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/execution_context.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/version.hpp>
#if ASIO_VERSION >= 101900
#include <asio/associated_cancellation_slot.hpp>
#endif

#include <utility>

namespace wsline {

namespace detail {

/** Asio. */
struct asio_net {
    using executor = ::asio::any_io_executor;
    using context = ::asio::execution_context;
    using descriptor = ::asio::posix::stream_descriptor;
    using timer = ::asio::steady_timer;
    using error_code = ::asio::error_code;
    template <class E> using work_guard = ::asio::executor_work_guard<E>;
    template <class H> using executor_of = ::asio::associated_executor_t<H, executor>;
    template <class H> using allocator_of = ::asio::associated_allocator_t<H>;

    static error_code code_of(status code) noexcept {
        if (code == status::aborted) return ::asio::error::operation_aborted;
        return make_error_code(code);
    }
    template <class Service> static Service &service_of(const executor &on) {
        return ::asio::use_service<Service>(on.context());
    }
    template <class H> static auto executor_for(const H &handler, const executor &otherwise) {
        return ::asio::get_associated_executor(handler, otherwise);
    }
    template <class H> static auto allocator_for(const H &handler) noexcept {
        return ::asio::get_associated_allocator(handler);
    }
    template <class E, class F> static void post(const E &on, F &&fn) {
        ::asio::post(on, std::forward<F>(fn));
    }
    template <class E, class F> static void dispatch(const E &on, F &&fn) {
        ::asio::dispatch(on, std::forward<F>(fn));
    }
    template <class Signature, class I, class Token>
    static auto initiate(I &&initiation, Token &&token) {
        return ::asio::async_initiate<Token, Signature>(std::forward<I>(initiation), token);
    }

#if ASIO_VERSION >= 101900
    using cancellation = ::asio::cancellation_slot;
    template <class H> static auto cancellation_of(const H &handler) noexcept {
        return ::asio::get_associated_cancellation_slot(handler);
    }
#else
    using cancellation = no_cancellation;
    template <class H> static no_cancellation cancellation_of(const H &) noexcept { return {}; }
#endif
};

} // namespace detail

/** Lets an io_context of Asio drive a loop; see basic_asio_driver. */
using asio_driver = basic_asio_driver<detail::asio_net>;

/** A client with completion tokens of Asio; see basic_asio_client. */
using asio_client = basic_asio_client<detail::asio_net>;

} // namespace wsline

#endif
