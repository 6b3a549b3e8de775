/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/handlers.hpp
 * @brief Messages, and the handlers and settings that a connection takes over from its endpoint.
 * Part of wsline/compat/websocketpp_client.hpp.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_HANDLERS_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_HANDLERS_HPP

#include <wsline.hpp>
#include <wsline/compat/websocketpp/common.hpp>

#include <cerrno>
#include <sys/socket.h>
#include <type_traits>

namespace websocketpp {

/** A message. Unlike a wsline::message_view it owns its payload, so it can be kept. */
class message {
  public:
    using ptr = lib::shared_ptr<message>;

    message(frame::opcode::value code, std::string payload)
        : opcode_(code), payload_(std::move(payload)) {}

    const std::string &get_payload() const noexcept { return payload_; }
    std::string &get_raw_payload() noexcept { return payload_; }
    frame::opcode::value get_opcode() const noexcept { return opcode_; }
    void set_payload(const std::string &payload) { payload_ = payload; }
    void set_payload(const void *payload, std::size_t size) {
        payload_.assign(static_cast<const char *>(payload), size);
    }
    void append_payload(const std::string &payload) { payload_ += payload; }
    void set_opcode(frame::opcode::value code) noexcept { opcode_ = code; }
    /** Whether to compress the message, if compression was negotiated; for sending only. */
    bool get_compressed() const noexcept { return is_compressed_; }
    void set_compressed(bool enable) noexcept { is_compressed_ = enable; }

  private:
    frame::opcode::value opcode_;
    std::string payload_;
    bool is_compressed_ = true;
};

/** Stands for the socket of a connection, for setsockopt(2). */
class socket_handle {
  public:
    explicit socket_handle(int fd) noexcept : fd_(fd) {}

    /** The descriptor; -1 while there is no connection. */
    int native_handle() const noexcept { return fd_; }
    socket_handle &lowest_layer() noexcept { return *this; }
    socket_handle &next_layer() noexcept { return *this; }

    /** Sets an option of Asio, for example asio::ip::tcp::no_delay. */
    template <class Option> void set_option(const Option &option, lib::error_code &ec) {
        const int protocol = 0; /* Options ask it for nothing. */
        ec.clear();
        if (::setsockopt(fd_, option.level(protocol), option.name(protocol), option.data(protocol),
                         static_cast<socklen_t>(option.size(protocol))) != 0)
            ec.assign(errno, std::system_category());
    }
    template <class Option> void set_option(const Option &option) {
        lib::error_code ec;
        set_option(option, ec);
        if (ec) throw std::system_error(ec);
    }

  private:
    int fd_;
};

using open_handler = lib::function<void(connection_hdl)>;
using close_handler = lib::function<void(connection_hdl)>;
using fail_handler = lib::function<void(connection_hdl)>;
using interrupt_handler = lib::function<void(connection_hdl)>;
using http_handler = lib::function<void(connection_hdl)>;
using validate_handler = lib::function<bool(connection_hdl)>;
using message_handler = lib::function<void(connection_hdl, message::ptr)>;
using ping_handler = lib::function<bool(connection_hdl, std::string)>;
using pong_handler = lib::function<void(connection_hdl, std::string)>;
using pong_timeout_handler = lib::function<void(connection_hdl, std::string)>;
using tcp_init_handler = lib::function<void(connection_hdl)>;
using socket_init_handler = lib::function<void(connection_hdl, socket_handle &)>;

namespace detail {

/** An SSL_CTX, and what owns it. */
struct tls_context {
    lib::shared_ptr<void> owner;
    void *ssl_ctx = nullptr;
};

/**
 * Calls a socket init handler whose argument is a socket of Asio; see
 * wsline/compat/websocketpp_asio.hpp, which defines it.
 */
template <class F> struct asio_socket_init;

/** The settings of an endpoint, which its connections take over when they are created. */
class settings {
  public:
    void set_open_handler(open_handler handler) { on_open = std::move(handler); }
    void set_close_handler(close_handler handler) { on_close = std::move(handler); }
    void set_fail_handler(fail_handler handler) { on_fail = std::move(handler); }
    void set_message_handler(message_handler handler) { on_message = std::move(handler); }
    /** If it returns false, the ping is not answered. Set it before connect(). */
    void set_ping_handler(ping_handler handler) { on_ping = std::move(handler); }
    void set_pong_handler(pong_handler handler) { on_pong = std::move(handler); }
    void set_pong_timeout_handler(pong_timeout_handler handler) {
        on_pong_timeout = std::move(handler);
    }
    void set_interrupt_handler(interrupt_handler handler) { on_interrupt = std::move(handler); }
    /** Only servers call these two handlers. */
    void set_http_handler(const http_handler &) {}
    void set_validate_handler(const validate_handler &) {}
    /**
     * Called when connecting begins; its second argument has no descriptor yet. It may be a
     * `socket_handle &` or, with wsline/compat/websocketpp_asio.hpp, the socket or stream of Asio.
     */
    template <class F> void set_socket_init_handler(F handler) {
        if constexpr (std::is_invocable_v<F &, connection_hdl, socket_handle &>)
            on_socket_init = [handler = std::move(handler)](const connection_hdl &hdl) mutable {
                socket_handle none(-1);
                handler(hdl, none);
                return std::string();
            };
        else
            on_socket_init = asio_socket_init<F>{std::move(handler)};
    }
    void set_tcp_pre_init_handler(tcp_init_handler handler) {
        on_tcp_pre_init = std::move(handler);
    }
    void set_tcp_init_handler(tcp_init_handler handler) { on_tcp_pre_init = std::move(handler); }
    /** Called before the open handler, when get_raw_socket() has a descriptor. */
    void set_tcp_post_init_handler(tcp_init_handler handler) {
        on_tcp_post_init = std::move(handler);
    }

    /**
     * Sets what returns the TLS context: a shared pointer to an object with native_handle(), such
     * as boost::asio::ssl::context. Without it, certificates are verified against the system's
     * authorities.
     */
    template <class F> void set_tls_init_handler(F handler) {
        on_tls_init = [handler = std::move(handler)](connection_hdl hdl) mutable {
            auto context = handler(std::move(hdl));
            void *ssl_ctx = context ? context->native_handle() : nullptr;
            return tls_context{context, ssl_ctx};
        };
    }

    /** Limits the whole connect; 0 for no limit. By default it takes at most 30 seconds. */
    void set_open_handshake_timeout(long ms) { open_handshake_timeout_ms = ms; }
    /** Limits the closing handshake. */
    void set_close_handshake_timeout(long ms) { close_handshake_timeout_ms = ms; }
    /** After this time without a pong, the pong timeout handler is called; 0 for no limit. */
    void set_pong_timeout(long ms) { pong_timeout_ms = ms; }
    void set_max_message_size(std::size_t bytes) { max_message_bytes = bytes; }
    std::size_t get_max_message_size() const noexcept { return max_message_bytes; }

  protected:
    open_handler on_open;
    close_handler on_close;
    fail_handler on_fail;
    message_handler on_message;
    ping_handler on_ping;
    pong_handler on_pong;
    pong_timeout_handler on_pong_timeout;
    interrupt_handler on_interrupt;
    /** Returns the server name for TLS, or nothing. */
    lib::function<std::string(connection_hdl)> on_socket_init;
    tcp_init_handler on_tcp_pre_init;
    tcp_init_handler on_tcp_post_init;
    lib::function<tls_context(connection_hdl)> on_tls_init;
    long open_handshake_timeout_ms = -1;
    long close_handshake_timeout_ms = 5000;
    long pong_timeout_ms = 5000;
    std::size_t max_message_bytes = 32'000'000;
    std::string agent = user_agent;
    bool is_secure_endpoint = false;
    bool has_deflate = false;
};

} // namespace detail

} // namespace websocketpp

#endif
