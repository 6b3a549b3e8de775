/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/connection.hpp
 * @brief Connections with blocking calls. Part of wsline.hpp.
 */
#ifndef WSLINE_CONNECTION_HPP
#define WSLINE_CONNECTION_HPP

#include <wsline/arguments.hpp>
#include <wsline/error.hpp>
#include <wsline/frame.hpp>
#include <wsline/handle.hpp>
#include <wsline/info.hpp>
#include <wsline/message.hpp>
#include <wsline/options.hpp>
#include <wsline/prepared.hpp>
#include <wsline/status.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

namespace wsline {

/**
 * A connection that belongs to somebody else: a wsline_conn.
 *
 * Any number of threads may send at once, one at a time may receive, and any may close or abort.
 */
class connection_ref : public detail::reference<wsline_conn> {
  public:
    using reference::reference;

    /** Connects a connection made from options; see wsline_conn_connect(). */
    template <class E = throws>
    result<void, E> connect(const c_string &url, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_connect, handle_, url);
    }

    /** Sends a text message, which must be UTF-8; see wsline_conn_send_text(). */
    template <class E = throws>
    result<void, E> send_text(std::string_view text, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_send_text, handle_, text.data(), text.size());
    }

    /** Sends a binary message; see wsline_conn_send_binary(). */
    template <class E = throws> result<void, E> send_binary(bytes data, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_send_binary, handle_, data.data(), data.size());
    }

    /** Sends a message or a control frame; see wsline_conn_send() and uncompressed(). */
    template <class E = throws>
    result<void, E> send(opcode code, bytes data, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_send, handle_, static_cast<std::int32_t>(code),
                            data.data(), data.size());
    }

    /** Sends a fragment of a message, the last one with `fin`; see wsline_conn_send_fragment(). */
    template <class E = throws>
    result<void, E> send_fragment(opcode code, bytes data, bool fin, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_send_fragment, handle_,
                            static_cast<std::int32_t>(code), data.data(), data.size(), fin);
    }

    /** Sends a frame as it is; see wsline_conn_send_frame(). */
    template <class E = throws>
    result<void, E> send_frame(const frame &frame, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_send_frame, handle_, &frame.raw());
    }

    /** Sends a prepared message; see wsline_conn_send_prepared(). */
    template <class E = throws>
    result<void, E> send_prepared(const prepared &message, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_send_prepared, handle_, message);
    }

    /** Collects small messages until uncork(); see wsline_conn_cork(). */
    template <class E = throws> result<void, E> cork(E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_cork, handle_);
    }

    /** Sends what was collected; see wsline_conn_uncork(). */
    template <class E = throws> result<void, E> uncork(E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_uncork, handle_);
    }

    /** Sends a ping of at most 125 bytes; see wsline_conn_ping(). */
    template <class E = throws> result<void, E> ping(bytes data = {}, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_ping, handle_, data.data(), data.size());
    }
    template <class E, detail::if_policy<E> = 0> result<void, E> ping(E &&on_error) const {
        return ping({}, on_error);
    }

    /** Sends a pong of at most 125 bytes; see wsline_conn_pong(). */
    template <class E = throws> result<void, E> pong(bytes data = {}, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_pong, handle_, data.data(), data.size());
    }
    template <class E, detail::if_policy<E> = 0> result<void, E> pong(E &&on_error) const {
        return pong({}, on_error);
    }

    /** Sends a close frame, without waiting for the server's; see wsline_conn_send_close(). */
    template <class E = throws>
    result<void, E> send_close(close_code code = close_code::normal,
                               const c_string &reason = nullptr, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_send_close, handle_,
                            static_cast<std::int32_t>(code), reason);
    }
    template <class E, detail::if_policy<E> = 0>
    result<void, E> send_close(close_code code, E &&on_error) const {
        return send_close(code, nullptr, on_error);
    }
    template <class E, detail::if_policy<E> = 0> result<void, E> send_close(E &&on_error) const {
        return send_close(close_code::normal, nullptr, on_error);
    }

    /** Waits for the next message; see wsline_conn_recv(). */
    template <class E = throws>
    result<message_view, E> receive(wsline::timeout wait = default_timeout,
                                    E &&on_error = {}) const {
        return receive_with(wsline_conn_recv, wait, on_error);
    }
    template <class E, detail::if_policy<E> = 0>
    result<message_view, E> receive(E &&on_error) const {
        return receive_with(wsline_conn_recv, default_timeout, on_error);
    }

    /** Waits for the next message or control frame; see wsline_conn_recv_event(). */
    template <class E = throws>
    result<message_view, E> receive_event(wsline::timeout wait = default_timeout,
                                          E &&on_error = {}) const {
        return receive_with(wsline_conn_recv_event, wait, on_error);
    }
    template <class E, detail::if_policy<E> = 0>
    result<message_view, E> receive_event(E &&on_error) const {
        return receive_with(wsline_conn_recv_event, default_timeout, on_error);
    }

    /** Waits for the next part of a message of any size; see wsline_conn_recv_part(). */
    template <class E = throws>
    result<message_view, E> receive_part(wsline::timeout wait = default_timeout,
                                         E &&on_error = {}) const {
        return receive_with(wsline_conn_recv_part, wait, on_error);
    }
    template <class E, detail::if_policy<E> = 0>
    result<message_view, E> receive_part(E &&on_error) const {
        return receive_with(wsline_conn_recv_part, default_timeout, on_error);
    }

    /** Waits for a message, and returns all that have arrived; see wsline_conn_recv_many(). */
    template <class E = throws>
    result<messages_view, E> receive_many(message_batch &batch,
                                          wsline::timeout wait = default_timeout,
                                          E &&on_error = {}) const {
        std::size_t count = 0;
        return detail::call_for(
            on_error, [&] { return messages_view(batch.data(), count); }, wsline_conn_recv_many,
            handle_, wait.ms(), batch.data(), batch.capacity(), &count);
    }
    template <class E, detail::if_policy<E> = 0>
    result<messages_view, E> receive_many(message_batch &batch, E &&on_error) const {
        return receive_many(batch, default_timeout, on_error);
    }

    /** Waits for the next frame of any kind; see wsline_conn_recv_frame(). */
    template <class E = throws>
    result<frame, E> receive_frame(wsline::timeout wait = default_timeout,
                                   E &&on_error = {}) const {
        frame received;
        return detail::call_for(
            on_error, [&received] { return received; }, wsline_conn_recv_frame, handle_, wait.ms(),
            &received.raw());
    }
    template <class E, detail::if_policy<E> = 0>
    result<frame, E> receive_frame(E &&on_error) const {
        return receive_frame(default_timeout, on_error);
    }

    /**
     * A descriptor that is readable when a receive with timeout 0 has something to do; see
     * wsline_conn_poll_fd(). -1 after an error code.
     */
    template <class E = throws> result<std::int32_t, E> poll_fd(E &&on_error = {}) const {
        std::int32_t fd = -1;
        const wsline_status code = wsline_conn_poll_fd(handle_, &fd);
        if constexpr (std::is_same_v<detail::plain<E>, std::error_code>) {
            /* 0 would be a descriptor. */
            detail::finish(on_error, code, [] {});
            return code == WSLINE_OK ? fd : -1;
        } else {
            return detail::finish(on_error, code, [fd] { return fd; });
        }
    }

    /** Whether a receive would not wait; see wsline_conn_pending(). */
    bool pending() const noexcept { return wsline_conn_pending(handle_); }

    /** Closes the connection, and waits for the server's close frame; see wsline_conn_close(). */
    template <class E = throws>
    result<void, E> close(close_code code = close_code::normal, const c_string &reason = nullptr,
                          wsline::timeout wait = default_timeout, E &&on_error = {}) const {
        return detail::ask(on_error, wsline_conn_close, handle_, static_cast<std::int32_t>(code),
                           reason, wait.ms());
    }
    template <class E, detail::if_policy<E> = 0>
    result<void, E> close(close_code code, const c_string &reason, E &&on_error) const {
        return close(code, reason, default_timeout, on_error);
    }
    template <class E, detail::if_policy<E> = 0>
    result<void, E> close(close_code code, E &&on_error) const {
        return close(code, nullptr, default_timeout, on_error);
    }
    template <class E = throws>
    result<void, E> close(wsline::timeout wait, E &&on_error = {}) const {
        return close(close_code::normal, nullptr, wait, on_error);
    }
    template <class E, detail::if_policy<E> = 0> result<void, E> close(E &&on_error) const {
        return close(default_timeout, on_error);
    }

    /** Drops the connection without a closing handshake; see wsline_conn_shutdown(). */
    template <class E = throws> result<void, E> shutdown(E &&on_error = {}) const {
        return detail::ask(on_error, wsline_conn_shutdown, handle_);
    }

    /** Ends every call that is waiting, from any thread; see wsline_conn_abort(). */
    template <class E = throws> result<void, E> abort(E &&on_error = {}) const {
        return detail::ask(on_error, wsline_conn_abort, handle_);
    }

    /** Whether messages can be sent; see wsline_conn_is_open(). */
    bool is_open() const noexcept { return wsline_conn_is_open(handle_); }

    /** Sets the timeout of sends and receives; see wsline_conn_set_timeout_ms(). */
    template <class E = throws>
    result<void, E> set_timeout(wsline::timeout wait, E &&on_error = {}) const {
        return detail::call(on_error, wsline_conn_set_timeout_ms, handle_, wait.ms());
    }

    /** The timeout of sends and receives; see wsline_conn_timeout_ms(). */
    wsline::timeout timeout() const noexcept {
        return wsline::timeout::from_ms(wsline_conn_timeout_ms(handle_));
    }

    /** How the connection ended; see wsline_conn_close_info(). */
    template <class E = throws> result<wsline::close_info, E> close_info(E &&on_error = {}) const {
        wsline_close_info info{};
        return detail::ask_for(
            on_error, [&info] { return wsline::close_info(info); }, wsline_conn_close_info, handle_,
            &info);
    }

    /** The last failed call on this connection; see wsline_conn_last_error(). */
    template <class E = throws> result<error_info, E> last_error(E &&on_error = {}) const {
        wsline_error_info info{};
        return detail::ask_for(
            on_error, [&info] { return error_info(info); }, wsline_conn_last_error, handle_, &info);
    }

    /** The HTTP status of the response, or 0; see wsline_conn_http_status(). */
    std::int32_t http_status() const noexcept { return wsline_conn_http_status(handle_); }

    /** The words after the HTTP status; see wsline_conn_http_reason(). */
    std::string_view http_reason() const noexcept {
        return detail::to_view(wsline_conn_http_reason(handle_));
    }

    /** A header of the response, if it is there; see wsline_conn_response_header(). */
    std::optional<std::string_view> response_header(const c_string &name) const noexcept {
        if (!name.is_valid()) return std::nullopt;
        return detail::to_optional_view(wsline_conn_response_header(handle_, name.get()));
    }

    /** All headers of the response, in their order; see wsline_conn_response_header_at(). */
    std::vector<header> response_headers() const {
        std::vector<header> headers;
        const char *name = nullptr, *value = nullptr;
        while (wsline_conn_response_header_at(handle_, headers.size(), &name, &value))
            headers.push_back({name, value});
        return headers;
    }

    /** The body of a response that refused the upgrade; see wsline_conn_response_body(). */
    template <class E = throws> result<std::string_view, E> response_body(E &&on_error = {}) const {
        const void *data = nullptr;
        std::size_t size = 0;
        return detail::ask_for(
            on_error, [&] { return std::string_view(static_cast<const char *>(data), size); },
            wsline_conn_response_body, handle_, &data, &size);
    }

    /** The subprotocol that the server chose; empty for none; see wsline_conn_subprotocol(). */
    std::string_view subprotocol() const noexcept {
        return detail::to_view(wsline_conn_subprotocol(handle_));
    }

    /** The negotiated extensions; empty for none; see wsline_conn_extensions(). */
    std::string_view extensions() const noexcept {
        return detail::to_view(wsline_conn_extensions(handle_));
    }

    /** The descriptor of the socket, or -1; see wsline_conn_fd(). */
    std::int32_t fd() const noexcept { return wsline_conn_fd(handle_); }

    /** The address of the server or the proxy; see wsline_conn_peer_address(). */
    std::string_view peer_address() const noexcept {
        return detail::to_view(wsline_conn_peer_address(handle_));
    }

    /** What TLS negotiated; see wsline_conn_tls_info(). */
    template <class E = throws> result<wsline::tls_info, E> tls_info(E &&on_error = {}) const {
        wsline_tls_info info{};
        return detail::ask_for(
            on_error, [&info] { return wsline::tls_info(info); }, wsline_conn_tls_info, handle_,
            &info);
    }

    /** The counters; see wsline_conn_stats(). */
    template <class E = throws> result<wsline::stats, E> stats(E &&on_error = {}) const {
        wsline_stats counted{};
        return detail::ask_for(
            on_error, [&counted] { return counted; }, wsline_conn_stats, handle_, &counted);
    }

    /** How long the parts of the connect took; see wsline_conn_timings(). */
    template <class E = throws> result<wsline::timings, E> timings(E &&on_error = {}) const {
        wsline_timings measured{};
        return detail::ask_for(
            on_error, [&measured] { return wsline::timings(measured); }, wsline_conn_timings,
            handle_, &measured);
    }

  private:
    using receive_function = wsline_status (*)(wsline_conn *, std::int64_t, wsline_message *);

    template <class E>
    detail::outcome<message_view, E> receive_with(receive_function function, wsline::timeout wait,
                                                  E &on_error) const {
        message_view received;
        return detail::call_for(
            on_error, [&received] { return received; }, function, handle_, wait.ms(),
            &received.raw());
    }
};

/** A connection, freed with this object: without a closing handshake, unless close() was called. */
class connection : public detail::owner<connection_ref, wsline_conn_free> {
  public:
    /** None; assign one from connect(). */
    connection() noexcept = default;

    /** Takes over `handle`. */
    explicit connection(wsline_conn *handle) noexcept : owner(handle) {}

    /** A connection with these options, not connected yet; see wsline_conn_new(). */
    explicit connection(const detail::reference<wsline_options> &options) {
        throws on_error;
        detail::call(on_error, wsline_conn_new, options, &handle_);
    }

    /** Connects to `url` with the default options; see wsline_connect(). */
    explicit connection(const c_string &url) {
        throws on_error;
        detail::call(on_error, wsline_connect, url, nullptr, &handle_);
    }

    /** Connects to `url`; see wsline_connect(). */
    connection(const c_string &url, const detail::reference<wsline_options> &options) {
        throws on_error;
        detail::call(on_error, wsline_connect, url, options, &handle_);
    }
};

/** Connects to `url` with these options; see wsline_connect(). */
template <class E = throws>
[[nodiscard]] result<connection, E>
connect(const c_string &url, const detail::reference<wsline_options> &options, E &&on_error = {}) {
    wsline_conn *conn = nullptr;
    return detail::call_for(
        on_error, [&conn] { return connection(conn); }, wsline_connect, url, options, &conn);
}

/** Connects to `url` with the default options; see wsline_connect(). */
template <class E = throws, detail::if_policy<E> = 0>
[[nodiscard]] result<connection, E> connect(const c_string &url, E &&on_error = {}) {
    wsline_conn *conn = nullptr;
    return detail::call_for(
        on_error, [&conn] { return connection(conn); }, wsline_connect, url, nullptr, &conn);
}

inline connection_ref event_view::connection() const noexcept { return connection_ref(raw_->conn); }

} // namespace wsline

#endif
