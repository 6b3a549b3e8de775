/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp_client.hpp
 * @brief The client of websocketpp 0.8.2, on wsline: for programs that were written for
 * websocketpp.
 *
 * Include it instead of all headers of websocketpp:
 *
 * ```cpp
 * #include <wsline/compat/websocketpp_client.hpp>
 * ```
 *
 * It needs neither Boost nor Asio. Programs that use `websocketpp::lib::asio`, for example in a TLS
 * init handler, or an io_service include wsline/compat/websocketpp_asio.hpp instead.
 * docs/coming-from/websocketpp.md says what differs and what is missing.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_CLIENT_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_CLIENT_HPP

#include <wsline/compat/websocketpp/base64.hpp>
#include <wsline/compat/websocketpp/common.hpp>
#include <wsline/compat/websocketpp/config.hpp>
#include <wsline/compat/websocketpp/connection.hpp>
#include <wsline/compat/websocketpp/core.hpp>
#include <wsline/compat/websocketpp/endpoint.hpp>
#include <wsline/compat/websocketpp/error.hpp>
#include <wsline/compat/websocketpp/handlers.hpp>
#include <wsline/compat/websocketpp/log.hpp>
#include <wsline/compat/websocketpp/uri.hpp>

#ifndef WSLINE_COMPAT_WEBSOCKETPP_ASIO_HPP
namespace websocketpp {

/** A client. */
template <class Config> using client = detail::configured<Config, endpoint_base>;

} // namespace websocketpp
#endif

#endif
