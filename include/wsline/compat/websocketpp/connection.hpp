/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/connection.hpp
 * @brief A connection of websocketpp, on a wsline::app. Part of
 * wsline/compat/websocketpp_client.hpp.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_CONNECTION_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_CONNECTION_HPP

#include <wsline/compat/websocketpp/core.hpp>
#include <wsline/compat/websocketpp/handlers.hpp>
#include <wsline/compat/websocketpp/uri.hpp>

namespace websocketpp {

/** What connections of all configurations are. */
class connection_base : public detail::settings,
                        public std::enable_shared_from_this<connection_base> {
  public:
    using ptr = lib::shared_ptr<connection_base>;
    using message_ptr = message::ptr;
    using timer_ptr = lib::shared_ptr<timer>;

    connection_base(const detail::settings &inherited, lib::shared_ptr<detail::core> core,
                    uri_ptr location)
        : detail::settings(inherited), core_(std::move(core)), uri_(std::move(location)) {}

    /* ---- Before connect() ---- */

    /** Adds a header to the request, or a value to a header. */
    void append_header(const std::string &name, const std::string &value) {
        std::string &current = headers_[name];
        current = current.empty() ? value : current + ", " + value;
    }
    void replace_header(const std::string &name, const std::string &value) {
        headers_[name] = value;
    }
    void remove_header(const std::string &name) { headers_.erase(name); }

    /** Offers a subprotocol. */
    void add_subprotocol(const std::string &name, lib::error_code &ec) {
        wsline::options().add_subprotocol(name, ec);
        if (ec)
            ec = error::make_error_code(error::invalid_subprotocol);
        else
            subprotocols_.push_back(name);
    }
    void add_subprotocol(const std::string &name) {
        lib::error_code ec;
        add_subprotocol(name, ec);
        detail::throw_if(ec);
    }
    const std::vector<std::string> &get_requested_subprotocols() const noexcept {
        return subprotocols_;
    }

    /** Connects through a proxy, `http://HOST:PORT`. */
    void set_proxy(const std::string &url, lib::error_code &ec) {
        wsline::options().set_proxy_url(url, ec);
        if (!ec) proxy_ = url;
    }
    void set_proxy(const std::string &url) {
        lib::error_code ec;
        set_proxy(url, ec);
        detail::throw_if(ec);
    }
    void set_proxy_basic_auth(const std::string &user, const std::string &password,
                              lib::error_code &ec) {
        ec = needs_proxy();
        if (ec) return;
        proxy_user_ = user;
        proxy_password_ = password;
    }
    void set_proxy_basic_auth(const std::string &user, const std::string &password) {
        lib::error_code ec;
        set_proxy_basic_auth(user, password, ec);
        detail::throw_if(ec);
    }
    void set_proxy_timeout(long ms, lib::error_code &ec) {
        ec = needs_proxy();
        if (!ec) proxy_timeout_ms_ = ms;
    }
    void set_proxy_timeout(long ms) {
        lib::error_code ec;
        set_proxy_timeout(ms, ec);
        detail::throw_if(ec);
    }

    /* ---- Sending; any thread ---- */

    lib::error_code send(const void *payload, std::size_t size,
                         frame::opcode::value code = frame::opcode::binary) {
        return send_as(wsline::opcode(code), wsline::bytes(payload, size));
    }
    lib::error_code send(const std::string &payload,
                         frame::opcode::value code = frame::opcode::text) {
        return send(payload.data(), payload.size(), code);
    }
    lib::error_code send(const message_ptr &message) {
        const auto code = wsline::opcode(message->get_opcode());
        return send_as(message->get_compressed() ? code : wsline::uncompressed(code),
                       message->get_payload());
    }
    message_ptr get_message(frame::opcode::value code, std::size_t size) const {
        auto created = lib::make_shared<message>(code, std::string());
        created->get_raw_payload().reserve(size);
        return created;
    }

    void ping(const std::string &payload, lib::error_code &ec) {
        ec = send_as(wsline::opcode::ping, payload);
        if (ec || !on_pong_timeout || pong_timeout_ms <= 0) return;
        auto expired = [self = weak_from_this(), payload](const lib::error_code &cancelled) {
            auto connection = self.lock();
            if (connection && !cancelled) connection->on_pong_timeout(connection, payload);
        };
        replace_pong_timer(detail::set_timer(core_, pong_timeout_ms, std::move(expired)));
    }
    void ping(const std::string &payload) {
        lib::error_code ec;
        ping(payload, ec);
        detail::throw_if(ec);
    }
    void pong(const std::string &payload, lib::error_code &ec) {
        ec = send_as(wsline::opcode::pong, payload);
    }
    void pong(const std::string &payload) {
        lib::error_code ec;
        pong(payload, ec);
        detail::throw_if(ec);
    }

    /** Begins the closing handshake, or drops the connection with omit_handshake. */
    void close(close::status::value code, const std::string &reason, lib::error_code &ec) {
        auto expected = session::state::open;
        if (!state_.compare_exchange_strong(expected, session::state::closing)) {
            ec = error::make_error_code(error::invalid_state);
            return;
        }
        local_code_ = code;
        local_reason_ = reason.substr(0, 123);
        if (code == close::status::omit_handshake || code == close::status::force_tcp_drop) {
            local_code_ = close::status::abnormal_close;
            app_.abort(ec);
            return;
        }
        const bool is_blank = code == close::status::no_status;
        app_.close(wsline::close_code(is_blank ? close::status::blank : code),
                   is_blank ? std::string() : local_reason_, ec);
        if (!ec) return;
        ec = detail::to_error_code(ec, error::invalid_close_code);
        expected = session::state::closing;
        state_.compare_exchange_strong(expected, session::state::open);
    }
    void close(close::status::value code, const std::string &reason) {
        lib::error_code ec;
        close(code, reason, ec);
        detail::throw_if(ec);
    }
    void terminate(const lib::error_code &) {
        lib::error_code ignored;
        app_.abort(ignored);
    }

    lib::error_code pause_reading() {
        return checked([&](auto &ec) { app_.pause(ec); });
    }
    lib::error_code resume_reading() {
        return checked([&](auto &ec) { app_.resume(ec); });
    }

    /** Makes run() call the interrupt handler. */
    lib::error_code interrupt() {
        core_->post([self = shared_from_this()] { self->core_->call(self->on_interrupt, self); });
        return {};
    }
    timer_ptr set_timer(long duration_ms, timer_handler handler) {
        return detail::set_timer(core_, duration_ms, std::move(handler));
    }

    /* ---- State ---- */

    connection_hdl get_handle() { return weak_from_this(); }
    session::state::value get_state() const noexcept { return state_; }
    lib::error_code get_ec() const { return ec_; }
    lib::error_code get_transport_ec() const { return ec_; }
    /** The error message of wsline, one line: more than get_ec() says. */
    const std::string &get_error_message() const noexcept { return error_message_; }
    close::status::value get_local_close_code() const noexcept { return local_code_; }
    const std::string &get_local_close_reason() const noexcept { return local_reason_; }
    close::status::value get_remote_close_code() const noexcept { return remote_code_; }
    const std::string &get_remote_close_reason() const noexcept { return remote_reason_; }
    std::size_t get_buffered_amount() const noexcept { return app_.send_queue_bytes(); }
    std::size_t buffered_amount() const noexcept { return get_buffered_amount(); }

    bool is_server() const noexcept { return false; }
    bool get_secure() const noexcept { return uri_->get_secure(); }
    std::string get_host() const { return uri_->get_host(); }
    std::uint16_t get_port() const noexcept { return uri_->get_port(); }
    std::string get_resource() const { return uri_->get_resource(); }
    uri_ptr get_uri() const noexcept { return uri_; }
    std::string get_remote_endpoint() const { return app_.peer_address(); }
    std::string get_subprotocol() const { return app_.subprotocol(); }
    std::string get_request_header(const std::string &name) const {
        auto found = headers_.find(name);
        return found == headers_.end() ? std::string() : found->second;
    }
    std::string get_response_header(const std::string &name) const {
        return app_.response_header(name).value_or(std::string());
    }
    http::status_code::value get_response_code() const noexcept {
        return static_cast<http::status_code::value>(app_.http_status());
    }
    std::string get_response_msg() const { return app_.http_reason(); }
    socket_handle get_raw_socket() const noexcept { return socket_handle(app_.fd()); }
    socket_handle get_socket() const noexcept { return get_raw_socket(); }

    /** Ends the connection, without a handler; called when the endpoint ends. */
    void drop() {
        lib::error_code ignored;
        core_->loop.remove(app_, ignored);
    }

    /** Connects as soon as the endpoint runs; called by endpoint_base::connect(). */
    void start() {
        auto self = shared_from_this();
        core_->add(self);
        try {
            if (on_tcp_pre_init) on_tcp_pre_init(self);
            app_ = wsline::app(uri_->text(), make_options());
            set_callbacks();
            core_->loop.add(app_);
        } catch (const wsline::error &failure) {
            core_->post([self, info = failure.info()] {
                self->keep(info);
                self->finish(self->on_fail);
            });
        }
    }

  private:
    wsline::options make_options() {
        wsline::options options;
        /* As websocketpp, which sends no Origin, follows no redirect and ignores http_proxy. */
        options.suppress_origin(true).set_max_redirects(0).set_proxy_from_environment(false);
        options.set_max_message_bytes(max_message_bytes).set_max_send_queue_bytes(0);
        options.set_deflate(has_deflate).set_auto_pong(!on_ping);
        options.set_close_timeout(time_of(close_handshake_timeout_ms));
        if (open_handshake_timeout_ms >= 0)
            options.set_connect_timeout(time_of(open_handshake_timeout_ms));
        if (headers_.find("User-Agent") == headers_.end() && !agent.empty())
            options.set_header_line("User-Agent: " + agent);
        for (const auto &[name, value] : headers_) options.set_header_line(name + ": " + value);
        for (const std::string &name : subprotocols_) options.add_subprotocol(name);
        if (!proxy_.empty()) options.set_proxy_url(proxy_);
        if (!proxy_user_.empty()) options.set_proxy_auth(proxy_user_, proxy_password_);
        if (proxy_timeout_ms_ > 0) options.set_proxy_timeout(time_of(proxy_timeout_ms_));
        if (uri_->get_secure() && on_tls_init) {
            tls_ = on_tls_init(weak_from_this());
            options.set_tls_ssl_ctx(tls_.ssl_ctx);
        }
        const std::string name = on_socket_init ? on_socket_init(weak_from_this()) : std::string();
        if (!name.empty()) options.set_tls_server_name(name);
        return options;
    }

    lib::error_code needs_proxy() const {
        return proxy_.empty() ? error::make_error_code(error::invalid_state) : lib::error_code();
    }

    static wsline::timeout time_of(long ms) noexcept {
        return ms > 0 ? wsline::timeout(std::chrono::milliseconds(ms)) : wsline::no_timeout;
    }

    /* The callbacks run while the endpoint keeps this object. */
    void set_callbacks() {
        app_.on_open([this] { opened(); });
        app_.on_message([this](wsline::message_view received) {
            core_->call(
                on_message, weak_from_this(),
                lib::make_shared<message>(static_cast<frame::opcode::value>(received.opcode()),
                                          std::string(received.text())));
        });
        app_.on_ping([this](wsline::message_view received) {
            auto answer = [&] {
                lib::error_code ignored;
                if (on_ping && on_ping(weak_from_this(), std::string(received.text())))
                    app_.pong(received.text(), ignored);
            };
            core_->call(answer);
        });
        app_.on_pong([this](wsline::message_view received) {
            replace_pong_timer(nullptr);
            core_->call(on_pong, weak_from_this(), std::string(received.text()));
        });
        app_.on_error([this](const wsline::error_info &info) {
            keep(info);
            if (state_ == session::state::connecting) finish(on_fail);
        });
        app_.on_close([this](const wsline::close_info &info) { closed(info); });
    }

    void opened() {
        state_ = session::state::open;
        if (core_->alog.dynamic_test(log::alevel::connect))
            core_->alog.write(log::alevel::connect, "WebSocket Connection " + app_.peer_address() +
                                                        " v13 \"" + agent + "\" " +
                                                        uri_->get_resource() + " 101");
        core_->call(on_tcp_post_init, weak_from_this());
        core_->call(on_open, weak_from_this());
    }

    void closed(const wsline::close_info &info) {
        remote_code_ = static_cast<close::status::value>(info.code());
        remote_reason_ = info.reason();
        if (state_ == session::state::open && info.clean()) {
            local_code_ = remote_code_;
            local_reason_ = remote_reason_;
        }
        finish(on_close);
    }

    void keep(const wsline::error_info &info) {
        ec_ = detail::to_error_code(info);
        error_message_ = info.message();
    }

    /** Calls the last handler. */
    void finish(const lib::function<void(connection_hdl)> &handler) {
        auto self = shared_from_this();
        const bool was_open = state_.exchange(session::state::closed) != session::state::connecting;
        replace_pong_timer(nullptr);
        core_->remove(self);
        /* The app must outlive its last callback. */
        core_->post([self] {});
        if (was_open)
            core_->alog.write(log::alevel::disconnect,
                              "Disconnect close local:[" + std::to_string(local_code_) + "," +
                                  local_reason_ + "] remote:[" + std::to_string(remote_code_) +
                                  "," + remote_reason_ + "]");
        else
            core_->alog.write(log::alevel::fail, "WebSocket Connection " + uri_->get_authority() +
                                                     " failed: " + error_message_);
        core_->call(handler, self);
    }

    lib::error_code send_as(wsline::opcode code, wsline::bytes payload) {
        if (state_ != session::state::open) return error::make_error_code(error::invalid_state);
        lib::error_code ec;
        app_.send(code, payload, ec);
        return detail::to_error_code(ec, error::payload_violation);
    }

    template <class F> lib::error_code checked(F fn) {
        lib::error_code ec;
        if (state_ != session::state::open) return error::make_error_code(error::invalid_state);
        fn(ec);
        return ec;
    }

    void replace_pong_timer(timer_ptr created) {
        std::unique_lock<std::mutex> lock(mutex_);
        pong_timer_.swap(created);
        lock.unlock();
        if (created) created->cancel();
    }

    struct ignore_case {
        bool operator()(const std::string &a, const std::string &b) const {
            return std::lexicographical_compare(
                a.begin(), a.end(), b.begin(), b.end(),
                [](unsigned char x, unsigned char y) { return std::tolower(x) < std::tolower(y); });
        }
    };

    lib::shared_ptr<detail::core> core_;
    uri_ptr uri_;
    std::map<std::string, std::string, ignore_case> headers_;
    std::vector<std::string> subprotocols_;
    std::string proxy_, proxy_user_, proxy_password_;
    long proxy_timeout_ms_ = 0;
    std::atomic<session::state::value> state_{session::state::connecting};
    lib::error_code ec_;
    std::string error_message_;
    close::status::value local_code_ = close::status::abnormal_close;
    close::status::value remote_code_ = close::status::abnormal_close;
    std::string local_reason_, remote_reason_;
    std::mutex mutex_;
    timer_ptr pong_timer_;
    /* Kept, because its verification callback ends with it. */
    detail::tls_context tls_;
    wsline::app app_;
};

/** The type is the same for all configurations. */
template <class Config> using connection = connection_base;

} // namespace websocketpp

#endif
