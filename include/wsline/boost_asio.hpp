/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/boost_asio.hpp
 * @brief Clients in an io_context of Boost.Asio: as wsline/asio.hpp, but with boost::asio and
 * boost::system::error_code.
 *
 * ```cpp
 * boost::asio::io_context io;
 * wsline::boost_asio_driver driver(io);
 * wsline::boost_asio_client client(driver);
 * ```
 */
#ifndef WSLINE_BOOST_ASIO_HPP
#define WSLINE_BOOST_ASIO_HPP

#include <wsline.hpp>
#include <wsline/asio/client.hpp>
#include <wsline/asio/driver.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/version.hpp>
#include <boost/system/error_code.hpp>
#if BOOST_ASIO_VERSION >= 101900
#include <boost/asio/associated_cancellation_slot.hpp>
#endif

#include <string>
#include <utility>

namespace wsline {

#ifdef __GNUC__
#pragma GCC diagnostic push
/* Boost's category has no virtual destructor; nobody destroys one through a pointer. */
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#endif

/** The category of error codes of this library for Boost, named "wsline". */
inline const boost::system::error_category &boost_category() noexcept {
    class category_type final : public boost::system::error_category {
        const char *name() const noexcept override { return "wsline"; }
        std::string message(int number) const override { return wsline_strerror(number); }
        boost::system::error_condition default_error_condition(int number) const noexcept override {
            const auto condition = category().default_error_condition(number);
            if (condition.category() == category()) return {number, *this};
            return {condition.value(), boost::system::generic_category()};
        }
    };
    static const category_type instance;
    return instance;
}

#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif

/** Compares an error code with a status, as for std::error_code: `ec == wsline::status::closed`. */
inline bool operator==(const boost::system::error_code &ec, status code) noexcept {
    return detail::is_status(ec, code, boost_category());
}
inline bool operator!=(const boost::system::error_code &ec, status code) noexcept {
    return !(ec == code);
}

namespace detail {

/** Boost.Asio. */
struct boost_asio_net {
    using executor = ::boost::asio::any_io_executor;
    using context = ::boost::asio::execution_context;
    using descriptor = ::boost::asio::posix::stream_descriptor;
    using timer = ::boost::asio::steady_timer;
    using error_code = boost::system::error_code;
    template <class E> using work_guard = ::boost::asio::executor_work_guard<E>;
    template <class H> using executor_of = ::boost::asio::associated_executor_t<H, executor>;
    template <class H> using allocator_of = ::boost::asio::associated_allocator_t<H>;

    static error_code code_of(status code) noexcept {
        if (code == status::aborted) return ::boost::asio::error::operation_aborted;
        return {static_cast<int>(code), boost_category()};
    }
    template <class Service> static Service &service_of(const executor &on) {
        return ::boost::asio::use_service<Service>(on.context());
    }
    template <class H> static auto executor_for(const H &handler, const executor &otherwise) {
        return ::boost::asio::get_associated_executor(handler, otherwise);
    }
    template <class H> static auto allocator_for(const H &handler) noexcept {
        return ::boost::asio::get_associated_allocator(handler);
    }
    template <class E, class F> static void post(const E &on, F &&fn) {
        ::boost::asio::post(on, std::forward<F>(fn));
    }
    template <class E, class F> static void dispatch(const E &on, F &&fn) {
        ::boost::asio::dispatch(on, std::forward<F>(fn));
    }
    template <class Signature, class I, class Token>
    static auto initiate(I &&initiation, Token &&token) {
        return ::boost::asio::async_initiate<Token, Signature>(std::forward<I>(initiation), token);
    }

#if BOOST_ASIO_VERSION >= 101900
    using cancellation = ::boost::asio::cancellation_slot;
    template <class H> static auto cancellation_of(const H &handler) noexcept {
        return ::boost::asio::get_associated_cancellation_slot(handler);
    }
#else
    using cancellation = no_cancellation;
    template <class H> static no_cancellation cancellation_of(const H &) noexcept { return {}; }
#endif
};

} // namespace detail

/** Lets an io_context of Boost.Asio drive a loop; see basic_asio_driver. */
using boost_asio_driver = basic_asio_driver<detail::boost_asio_net>;

/** A client with completion tokens of Boost.Asio; see basic_asio_client. */
using boost_asio_client = basic_asio_client<detail::boost_asio_net>;

} // namespace wsline

#endif
