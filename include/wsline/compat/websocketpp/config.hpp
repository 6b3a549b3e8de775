/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/config.hpp
 * @brief Configurations, from which programs derive their own. Part of
 * wsline/compat/websocketpp_client.hpp.
 *
 * An endpoint looks at `transport_config::socket_type` (TLS or not), `permessage_deflate_type`,
 * `timeout_close_handshake`, `timeout_pong`, `max_message_size`, `alog_level` and `elog_level`. The
 * other types exist so that a derived configuration compiles.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_CONFIG_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_CONFIG_HPP

#include <wsline/compat/websocketpp/handlers.hpp>
#include <wsline/compat/websocketpp/log.hpp>

namespace websocketpp {

namespace extensions::permessage_deflate {

/** Offers no compression. */
template <class Config = void> struct disabled {
    static constexpr bool is_enabled = false;
};

/** Offers compression, with the defaults of wsline. */
template <class Config = void> struct enabled {
    static constexpr bool is_enabled = true;
};

} // namespace extensions::permessage_deflate

namespace transport::asio {

/** Stands for the transport; all connections use wsline's. */
template <class Config> struct endpoint {};

namespace basic_socket {
/** Without TLS. */
struct endpoint {
    static constexpr bool is_secure = false;
};
} // namespace basic_socket

namespace tls_socket {
/** With TLS. */
struct endpoint {
    static constexpr bool is_secure = true;
};
} // namespace tls_socket

} // namespace transport::asio

namespace concurrency {
/** Endpoints can always be used by several threads. */
struct basic {
    using mutex_type = lib::mutex;
    using scoped_lock_type = lib::unique_lock<lib::mutex>;
};
} // namespace concurrency

namespace detail {
struct unused {};
} // namespace detail

namespace config {

/** A client without TLS. */
struct asio_client {
    using type = asio_client;
    using concurrency_type = concurrency::basic;
    using request_type = detail::unused;
    using response_type = detail::unused;
    using message_type = message;
    using con_msg_manager_type = detail::unused;
    using endpoint_msg_manager_type = detail::unused;
    using alog_type = log::basic<log::alevel>;
    using elog_type = log::basic<log::elevel>;
    using rng_type = detail::unused;
    using permessage_deflate_type = extensions::permessage_deflate::disabled<>;

    struct transport_config {
        using concurrency_type = type::concurrency_type;
        using request_type = type::request_type;
        using response_type = type::response_type;
        using alog_type = type::alog_type;
        using elog_type = type::elog_type;
        using socket_type = transport::asio::basic_socket::endpoint;
    };
    using transport_type = transport::asio::endpoint<transport_config>;

    static constexpr long timeout_close_handshake = 5000;
    static constexpr long timeout_pong = 5000;
    static constexpr std::size_t max_message_size = 32'000'000;
    static constexpr log::level alog_level = log::alevel::all ^ log::alevel::devel;
    static constexpr log::level elog_level = log::elevel::all ^ log::elevel::devel;
};

/** A client with TLS, for wss and ws. */
struct asio_tls_client : asio_client {
    using type = asio_tls_client;
    struct transport_config : asio_client::transport_config {
        using socket_type = transport::asio::tls_socket::endpoint;
    };
    using transport_type = transport::asio::endpoint<transport_config>;
};

/** The same; compression is up to `permessage_deflate_type`. */
using core_client = asio_client;

/** The same as well: there is only one log. */
using debug_asio = asio_client;
using debug_asio_tls = asio_tls_client;

} // namespace config

} // namespace websocketpp

#endif
