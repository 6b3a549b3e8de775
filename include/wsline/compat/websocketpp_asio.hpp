/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp_asio.hpp
 * @brief wsline/compat/websocketpp_client.hpp with Asio as `websocketpp::lib::asio`: for programs
 * with an io_service, or with handlers that name types of Asio.
 *
 * It includes Boost.Asio, or Asio if ASIO_STANDALONE is defined. An io_context drives the endpoint,
 * but the connections do not use Asio: of an `asio::ssl::context`, only the SSL_CTX is taken over.
 * All files of a program that share an endpoint must include the same of the two headers.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_ASIO_HPP
#ifdef WSLINE_COMPAT_WEBSOCKETPP_CLIENT_HPP
#error "include wsline/compat/websocketpp_asio.hpp instead of websocketpp_client.hpp, or before it"
#endif
#define WSLINE_COMPAT_WEBSOCKETPP_ASIO_HPP

#include <wsline/compat/websocketpp_client.hpp>

#ifdef ASIO_STANDALONE
#include <asio.hpp>
#include <asio/ssl.hpp>
#include <wsline/asio.hpp>
namespace websocketpp::lib {
namespace asio = ::asio;
}
namespace websocketpp::detail {
using asio_driver = wsline::asio_driver;
}
#else
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <wsline/boost_asio.hpp>
namespace websocketpp::lib {
namespace asio = ::boost::asio;
}
namespace websocketpp::detail {
using asio_driver = wsline::boost_asio_driver;
}
#endif

#include <wsline/compat/websocketpp/asio_endpoint.hpp>

namespace websocketpp {

/** A client. */
template <class Config> using client = detail::configured<Config, asio_endpoint>;

} // namespace websocketpp

#endif
