/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/options/connect.hpp
 * @brief How to reach the server: request, timeouts, proxy, socket, names. Part of wsline.hpp.
 */
#ifndef WSLINE_OPTIONS_CONNECT_HPP
#define WSLINE_OPTIONS_CONNECT_HPP

#include <wsline/arguments.hpp>
#include <wsline/cookie_jar.hpp>
#include <wsline/options/base.hpp>
#include <wsline/resolver.hpp>
#include <wsline/status.hpp>
#include <wsline/transport.hpp>

#include <chrono>
#include <cstdint>
#include <utility>

namespace wsline::detail {

/** How to reach the server: request, timeouts, proxy, socket, names. Members of options and
 * options_ref. */
template <class Self> class connect_options : public options_base<Self> {
  public:
    using options_base<Self>::options_base;

    /** `Self &`, to call the next setter; see options_base. */
    template <class E> using chained = typename options_base<Self>::template chained<E>;

    /* ---- Request options ---- */

    /** Adds a header to the request; see wsline_options_add_header(). */
    template <class E = throws>
    chained<E> add_header(const c_string &name, const c_string &value, E &&on_error = {}) {
        return this->set(on_error, wsline_options_add_header, name, value);
    }

    /**
     * Sets a header from one line, and removes all headers of that name added before; see
     * wsline_options_set_header_line().
     */
    template <class E = throws>
    chained<E> set_header_line(const c_string &line, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_header_line, line);
    }

    /**
     * Removes all headers added or set with add_header() and
     * set_header_line(); see wsline_options_clear_headers().
     */
    template <class E = throws> chained<E> clear_headers(E &&on_error = {}) {
        return this->set(on_error, wsline_options_clear_headers);
    }

    /** Sets the Cookie header; see wsline_options_set_cookie_header(). */
    template <class E = throws>
    chained<E> set_cookie_header(const c_string &cookie, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_cookie_header, cookie);
    }

    /**
     * Sends a user name and password with the request (Basic authentication, RFC 7617); see
     * wsline_options_set_basic_auth().
     */
    template <class E = throws>
    chained<E> set_basic_auth(const c_string &user, const c_string &password, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_basic_auth, user, password);
    }

    /** Sends a bearer token with the request (RFC 6750); see wsline_options_set_bearer_token(). */
    template <class E = throws>
    chained<E> set_bearer_token(const c_string &token, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_bearer_token, token);
    }

    /**
     * Sets how many redirects (301, 302, 303, 307, 308) a connect follows; see
     * wsline_options_set_max_redirects().
     */
    template <class E = throws>
    chained<E> set_max_redirects(std::uint32_t limit, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_max_redirects, limit);
    }

    /**
     * Sets the cookie jar from which cookies are sent, and in which cookies from servers are
     * stored; see wsline_options_set_cookie_jar().
     */
    template <class E = throws>
    chained<E> set_cookie_jar(const cookie_jar &jar, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_cookie_jar, jar);
    }
    template <class E = throws> chained<E> set_cookie_jar(std::nullptr_t, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_cookie_jar, nullptr);
    }

    /**
     * Sets the Origin header; it is sent even if suppress_origin() was called before. See
     * wsline_options_set_origin_header().
     */
    template <class E = throws>
    chained<E> set_origin_header(const c_string &origin, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_origin_header, origin);
    }

    /**
     * Omits the Origin header, or restores the default one; see wsline_options_suppress_origin().
     */
    template <class E = throws> chained<E> suppress_origin(bool suppress, E &&on_error = {}) {
        return this->set(on_error, wsline_options_suppress_origin, suppress);
    }

    /**
     * Sets the Host header; it is sent even if suppress_host() was called before. See
     * wsline_options_set_host_header().
     */
    template <class E = throws>
    chained<E> set_host_header(const c_string &host, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_host_header, host);
    }

    /** Omits the Host header, or restores it; see wsline_options_suppress_host(). */
    template <class E = throws> chained<E> suppress_host(bool suppress, E &&on_error = {}) {
        return this->set(on_error, wsline_options_suppress_host, suppress);
    }

    /** Sets the value of the Connection header; see wsline_options_set_connection_header(). */
    template <class E = throws>
    chained<E> set_connection_header(const c_string &value, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_connection_header, value);
    }

    /**
     * Offers a subprotocol; the server chooses one of those offered, or none. See
     * wsline_options_add_subprotocol().
     */
    template <class E = throws>
    chained<E> add_subprotocol(const c_string &name, E &&on_error = {}) {
        return this->set(on_error, wsline_options_add_subprotocol, name);
    }

    /**
     * Removes all subprotocols added with add_subprotocol(); see
     * wsline_options_clear_subprotocols().
     */
    template <class E = throws> chained<E> clear_subprotocols(E &&on_error = {}) {
        return this->set(on_error, wsline_options_clear_subprotocols);
    }

    /* ---- Timeouts ---- */

    /**
     * Sets the timeout of a connection: for each receive with default_timeout, and for each
     * send and the connect, unless these have a timeout of their own; see
     * wsline_options_set_timeout_ms().
     */
    template <class E = throws> chained<E> set_timeout(timeout time, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_timeout_ms, time.ms());
    }

    /**
     * Sets the timeout of the whole connect: lookup, TCP, TLS and upgrade together, whether or not
     * they make progress; see wsline_options_set_connect_timeout_ms().
     */
    template <class E = throws> chained<E> set_connect_timeout(timeout time, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_connect_timeout_ms, time.ms());
    }

    /**
     * Sets the timeout of each send; it covers the whole message, so a send to a server that reads
     * too slowly times out, too. See wsline_options_set_send_timeout_ms().
     */
    template <class E = throws> chained<E> set_send_timeout(timeout time, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_send_timeout_ms, time.ms());
    }

    /**
     * Sets the close timeout: how long a close may go without making progress, for apps and for
     * connection::close() with default_timeout; see wsline_options_set_close_timeout_ms().
     */
    template <class E = throws> chained<E> set_close_timeout(timeout time, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_close_timeout_ms, time.ms());
    }

    /**
     * Makes a waiting call return after a signal handler has run; off by default. See
     * wsline_options_set_interruptible().
     */
    template <class E = throws> chained<E> set_interruptible(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_interruptible, enable);
    }

    /**
     * Makes a waiting receive poll the socket for a while before it sleeps; off by default. See
     * wsline_options_set_spin_us().
     */
    template <class E = throws>
    chained<E> set_spin(std::chrono::microseconds spin, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_spin_us, spin.count());
    }

    /* ---- Proxy options ---- */

    /** Connects through a proxy; see wsline_options_set_proxy(). */
    template <class E = throws>
    chained<E> set_proxy(proxy_type type, const c_string &host, std::int32_t port,
                         E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_proxy, static_cast<std::int32_t>(type), host,
                         port);
    }

    /** Connects through a proxy given as a URL; see wsline_options_set_proxy_url(). */
    template <class E = throws> chained<E> set_proxy_url(const c_string &url, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_proxy_url, url);
    }

    /**
     * Sets the credentials for the proxy: Basic authentication for HTTP proxies, user name and
     * password for SOCKS5; see wsline_options_set_proxy_auth().
     */
    template <class E = throws>
    chained<E> set_proxy_auth(const c_string &user, const c_string &password, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_proxy_auth, user, password);
    }

    /**
     * Adds servers to connect to directly, without any proxy; see wsline_options_add_no_proxy().
     */
    template <class E = throws> chained<E> add_no_proxy(const c_string &entry, E &&on_error = {}) {
        return this->set(on_error, wsline_options_add_no_proxy, entry);
    }

    /**
     * Removes all entries added with add_no_proxy(), so that no_proxy from the
     * environment applies again; see wsline_options_clear_no_proxy().
     */
    template <class E = throws> chained<E> clear_no_proxy(E &&on_error = {}) {
        return this->set(on_error, wsline_options_clear_no_proxy);
    }

    /**
     * Enables or disables proxies named by the environment, for connections without a proxy of
     * their own; see wsline_options_set_proxy_from_environment().
     */
    template <class E = throws>
    chained<E> set_proxy_from_environment(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_proxy_from_environment, enable);
    }

    /**
     * Sets how much of the connect timeout the proxy may use: for its lookup, TCP and its response,
     * whether or not they make progress; see wsline_options_set_proxy_timeout_ms().
     */
    template <class E = throws> chained<E> set_proxy_timeout(timeout time, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_proxy_timeout_ms, time.ms());
    }

    /* ---- Socket options ---- */

    /**
     * Adds an option to set on the socket before it connects; see
     * wsline_options_add_socket_option().
     */
    template <class E = throws>
    chained<E> add_socket_option(std::int32_t level, std::int32_t name, bytes value,
                                 E &&on_error = {}) {
        return this->set(on_error, wsline_options_add_socket_option, level, name, value.data(),
                         value.size());
    }

    /** The same for an option whose value is an `int`, as most are. */
    template <class E = throws>
    chained<E> add_socket_option(std::int32_t level, std::int32_t name, int value,
                                 E &&on_error = {}) {
        return this->set(on_error, wsline_options_add_socket_option, level, name, &value,
                         sizeof value);
    }

    /**
     * Removes all options added with add_socket_option(); see
     * wsline_options_clear_socket_options().
     */
    template <class E = throws> chained<E> clear_socket_options(E &&on_error = {}) {
        return this->set(on_error, wsline_options_clear_socket_options);
    }

    /**
     * Connects to a Unix-domain socket instead of the host in the URL; see
     * wsline_options_set_unix_path().
     */
    template <class E = throws> chained<E> set_unix_path(const c_string &path, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_unix_path, path);
    }

    /**
     * Sets the local address, for machines that have several; see
     * wsline_options_set_bind_address().
     */
    template <class E = throws>
    chained<E> set_bind_address(const c_string &address, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_bind_address, address);
    }

    /**
     * Sends and receives only through one network interface, for machines that have several; see
     * wsline_options_set_bind_interface().
     */
    template <class E = throws>
    chained<E> set_bind_interface(const c_string &interface, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_bind_interface, interface);
    }

    /**
     * Connects to addresses of one family only; this also applies to a server's address that the
     * library looks up for a SOCKS proxy. See wsline_options_set_address_family().
     */
    template <class E = throws>
    chained<E> set_address_family(address_family family, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_address_family,
                         static_cast<std::int32_t>(family));
    }

    /**
     * Reports when each message arrived, in message_view::received(); see
     * wsline_options_set_receive_timestamps().
     */
    template <class E = throws> chained<E> set_receive_timestamps(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_receive_timestamps, enable);
    }

    /** Uses a connected socket of yours instead of opening one; see wsline_options_set_fd(). */
    template <class E = throws> chained<E> set_fd(std::int32_t fd, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_fd, fd);
    }

    /**
     * Uses the socket of set_fd() without an opening handshake: it is a WebSocket
     * connection already; see wsline_options_set_upgraded().
     */
    template <class E = throws> chained<E> set_upgraded(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_upgraded, enable);
    }

    /* ---- Names and addresses ---- */

    /**
     * Sets the addresses of a host, which is then not looked up; see wsline_options_add_resolve().
     */
    template <class E = throws> chained<E> add_resolve(const c_string &entry, E &&on_error = {}) {
        return this->set(on_error, wsline_options_add_resolve, entry);
    }

    /**
     * Removes all entries added with add_resolve(); see
     * wsline_options_clear_resolve().
     */
    template <class E = throws> chained<E> clear_resolve(E &&on_error = {}) {
        return this->set(on_error, wsline_options_clear_resolve);
    }

    /**
     * Connects to another host and port than those in the URL, also through a proxy, for example to
     * one machine behind a load balancer; see wsline_options_set_connect_to().
     */
    template <class E = throws>
    chained<E> set_connect_to(const c_string &place, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_connect_to, place);
    }

    /**
     * Sets `fn(lookup, std::string_view host, std::int32_t port)`, which looks up names instead of
     * the system; see wsline_options_set_resolver(). `nullptr` restores the system.
     *
     * If it throws, the lookup fails.
     */
    template <class F, class E = throws> chained<E> set_resolver(F fn, E &&on_error = {}) {
        return this->template set_fn<run_resolver<F>>(on_error, wsline_options_set_resolver, fn);
    }

    /* ---- Transports ---- */

    /**
     * Uses a transport of yours instead of opening a socket; see wsline_options_set_transport().
     */
    template <class E = throws>
    chained<E> set_transport(const transport &transport, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_transport, transport);
    }
    template <class E = throws> chained<E> set_transport(std::nullptr_t, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_transport, nullptr);
    }
};

} // namespace wsline::detail

#endif
