/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp_asio.hpp
 * @brief wsline/compat/websocketpp_client.hpp, and Asio as `websocketpp::lib::asio`: for programs
 * with a TLS init handler that returns an `asio::ssl::context`.
 *
 * It includes Boost.Asio, or Asio if ASIO_STANDALONE is defined. The connections do not use Asio;
 * only the SSL_CTX of the context is taken over.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_ASIO_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_ASIO_HPP

#include <wsline/compat/websocketpp_client.hpp>

#ifdef ASIO_STANDALONE
#include <asio.hpp>
#include <asio/ssl.hpp>
namespace websocketpp::lib {
namespace asio = ::asio;
}
#else
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
namespace websocketpp::lib {
namespace asio = ::boost::asio;
}
#endif

#endif
