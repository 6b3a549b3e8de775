/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of Asio are compiled twice: for Asio, and with WSLINE_TEST_BOOST for Boost.Asio. */
#ifndef WSLINE_TESTS_ASIO_NAMES_HPP
#define WSLINE_TESTS_ASIO_NAMES_HPP

#include "../cpp/check.hpp"
#include "../cpp/peer.hpp"

#ifdef WSLINE_TEST_BOOST
#include <boost/asio.hpp>
#include <wsline/boost_asio.hpp>

namespace net = boost::asio;
using driver_type = wsline::boost_asio_driver;
using client_type = wsline::boost_asio_client;
using error_code = boost::system::error_code;
#define HAS_CANCELLATION (BOOST_ASIO_VERSION >= 101900)
#ifdef BOOST_ASIO_HAS_CO_AWAIT
#define HAS_AWAITABLE 1
#endif

#else
#include <asio.hpp>
#include <wsline/asio.hpp>

namespace net = asio;
using driver_type = wsline::asio_driver;
using client_type = wsline::asio_client;
using error_code = std::error_code;
#define HAS_CANCELLATION (ASIO_VERSION >= 101900)
#ifdef ASIO_HAS_CO_AWAIT
#define HAS_AWAITABLE 1
#endif
#endif

#if defined HAS_AWAITABLE && HAS_CANCELLATION
#ifdef WSLINE_TEST_BOOST
#include <boost/asio/experimental/awaitable_operators.hpp>
#else
#include <asio/experimental/awaitable_operators.hpp>
#endif
#endif

namespace check {

inline const net::error::basic_errors operation_aborted = net::error::operation_aborted;

/* A handler that must not be called with a failure. */
struct succeeds {
    template <class... R> void operator()(error_code ec, const R &...) const {
        note(!ec, PLACE("succeeds"), ": " + ec.message());
    }
};

/* A handler that notes how often it was called, and with what. */
struct noted {
    error_code *ec;
    int *calls;
    template <class... R> void operator()(error_code how, const R &...) const {
        *ec = how;
        ++*calls;
    }
};

} // namespace check

#endif
