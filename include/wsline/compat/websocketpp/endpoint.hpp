/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/endpoint.hpp
 * @brief What all clients of websocketpp are, on a wsline::loop. Part of
 * wsline/compat/websocketpp_client.hpp.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_ENDPOINT_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_ENDPOINT_HPP

#include <wsline/compat/websocketpp/config.hpp>
#include <wsline/compat/websocketpp/connection.hpp>

namespace websocketpp {

/** What clients of all configurations are. */
class endpoint_base : public detail::settings {
  public:
    using connection_type = connection_base;
    using connection_ptr = connection_base::ptr;
    using message_ptr = message::ptr;
    using timer_ptr = lib::shared_ptr<timer>;
    using open_handler = websocketpp::open_handler;
    using close_handler = websocketpp::close_handler;
    using fail_handler = websocketpp::fail_handler;
    using message_handler = websocketpp::message_handler;
    using ping_handler = websocketpp::ping_handler;
    using pong_handler = websocketpp::pong_handler;

    endpoint_base(const endpoint_base &) = delete;
    endpoint_base &operator=(const endpoint_base &) = delete;
    ~endpoint_base() { end(); }

    /* ---- Logs ---- */

    void set_access_channels(log::level channels) { core_->alog.set_channels(channels); }
    void clear_access_channels(log::level channels) { core_->alog.clear_channels(channels); }
    void set_error_channels(log::level channels) { core_->elog.set_channels(channels); }
    void clear_error_channels(log::level channels) { core_->elog.clear_channels(channels); }
    log::basic<log::alevel> &get_alog() noexcept { return core_->alog; }
    log::basic<log::elevel> &get_elog() noexcept { return core_->elog; }

    /* ---- Connecting ---- */

    /** The User-Agent of connections created from now on; empty for none. */
    void set_user_agent(const std::string &name) { agent = name; }
    const std::string &get_user_agent() const noexcept { return agent; }
    bool is_server() const noexcept { return false; }
    bool is_secure() const noexcept { return is_secure_endpoint; }

    connection_ptr get_connection(uri_ptr location, lib::error_code &ec) {
        if (!location->get_valid())
            ec = error::make_error_code(error::invalid_uri);
        else if (location->get_secure() && !is_secure_endpoint)
            ec = error::make_error_code(error::endpoint_not_secure);
        else
            ec.clear();
        if (ec) return nullptr;
        return lib::make_shared<connection_base>(*this, core_, std::move(location));
    }
    connection_ptr get_connection(const std::string &location, lib::error_code &ec) {
        return get_connection(lib::make_shared<uri>(location), ec);
    }
    connection_ptr connect(connection_ptr con) {
        con->start();
        return con;
    }

    /* ---- Running ---- */

    /**
     * Nothing: the loop exists already. wsline/compat/websocketpp_asio.hpp has the overload for an
     * io_service of the program.
     */
    void init_asio() {}
    void init_asio(lib::error_code &ec) { ec.clear(); }

    /** Runs handlers until there is nothing to wait for, or stop() is called. */
    std::size_t run() {
        return drive([this](std::size_t) { return wait_for_work(wsline::no_timeout); });
    }
    /** Runs at least one handler, unless there is nothing to wait for. */
    std::size_t run_one() {
        return drive([this](std::size_t before) {
            return core_->handled == before && wait_for_work(wsline::no_timeout);
        });
    }
    /** Runs the handlers that are ready. */
    std::size_t poll() {
        return drive([this](std::size_t) {
            const std::size_t before = core_->handled;
            return wait_for_work(std::chrono::milliseconds(0)) && core_->handled != before;
        });
    }
    std::size_t poll_one() { return poll(); }
    void stop() {
        core_->is_stopped = true;
        core_->loop.stop();
    }
    /** Lets run() be called again. */
    void reset() { core_->is_stopped = false; }
    bool stopped() const noexcept { return core_->is_stopped; }
    void start_perpetual() { core_->set_perpetual(true); }
    void stop_perpetual() {
        core_->set_perpetual(false);
        if (!core_->has_host()) core_->loop.stop();
    }
    timer_ptr set_timer(long duration_ms, timer_handler handler) {
        return detail::set_timer(core_, duration_ms, std::move(handler));
    }

    /** For `post`, `dispatch`, `stop` and the like; not an io_service of Asio. */
    endpoint_base &get_io_service() noexcept { return *this; }
    template <class F> void post(F fn) {
        core_->post([owner = core_.get(), fn = std::move(fn)]() mutable { owner->call(fn); });
    }
    template <class F> void dispatch(F fn) { post(std::move(fn)); }

    /* ---- Connections by handle; any thread ---- */

    connection_ptr get_con_from_hdl(const connection_hdl &hdl, lib::error_code &ec) {
        auto con = lib::static_pointer_cast<connection_base>(hdl.lock());
        ec = con ? lib::error_code() : error::make_error_code(error::bad_connection);
        return con;
    }
    connection_ptr get_con_from_hdl(const connection_hdl &hdl) {
        lib::error_code ec;
        auto con = get_con_from_hdl(hdl, ec);
        detail::throw_if(ec);
        return con;
    }

    void send(const connection_hdl &hdl, const std::string &payload, frame::opcode::value code,
              lib::error_code &ec) {
        with(hdl, ec, [&](auto &con) { ec = con.send(payload, code); });
    }
    void send(const connection_hdl &hdl, const std::string &payload, frame::opcode::value code) {
        throwing([&](auto &ec) { send(hdl, payload, code, ec); });
    }
    void send(const connection_hdl &hdl, const void *payload, std::size_t size,
              frame::opcode::value code, lib::error_code &ec) {
        with(hdl, ec, [&](auto &con) { ec = con.send(payload, size, code); });
    }
    void send(const connection_hdl &hdl, const void *payload, std::size_t size,
              frame::opcode::value code) {
        throwing([&](auto &ec) { send(hdl, payload, size, code, ec); });
    }
    void send(const connection_hdl &hdl, const message_ptr &message, lib::error_code &ec) {
        with(hdl, ec, [&](auto &con) { ec = con.send(message); });
    }
    void send(const connection_hdl &hdl, const message_ptr &message) {
        throwing([&](auto &ec) { send(hdl, message, ec); });
    }

    void close(const connection_hdl &hdl, close::status::value code, const std::string &reason,
               lib::error_code &ec) {
        with(hdl, ec, [&](auto &con) { con.close(code, reason, ec); });
    }
    void close(const connection_hdl &hdl, close::status::value code, const std::string &reason) {
        throwing([&](auto &ec) { close(hdl, code, reason, ec); });
    }
    void ping(const connection_hdl &hdl, const std::string &payload, lib::error_code &ec) {
        with(hdl, ec, [&](auto &con) { con.ping(payload, ec); });
    }
    void ping(const connection_hdl &hdl, const std::string &payload) {
        throwing([&](auto &ec) { ping(hdl, payload, ec); });
    }
    void pong(const connection_hdl &hdl, const std::string &payload, lib::error_code &ec) {
        with(hdl, ec, [&](auto &con) { con.pong(payload, ec); });
    }
    void pong(const connection_hdl &hdl, const std::string &payload) {
        throwing([&](auto &ec) { pong(hdl, payload, ec); });
    }
    void pause_reading(const connection_hdl &hdl, lib::error_code &ec) {
        with(hdl, ec, [&](auto &con) { ec = con.pause_reading(); });
    }
    void pause_reading(const connection_hdl &hdl) {
        throwing([&](auto &ec) { pause_reading(hdl, ec); });
    }
    void resume_reading(const connection_hdl &hdl, lib::error_code &ec) {
        with(hdl, ec, [&](auto &con) { ec = con.resume_reading(); });
    }
    void resume_reading(const connection_hdl &hdl) {
        throwing([&](auto &ec) { resume_reading(hdl, ec); });
    }
    void interrupt(const connection_hdl &hdl, lib::error_code &ec) {
        with(hdl, ec, [&](auto &con) { ec = con.interrupt(); });
    }
    void interrupt(const connection_hdl &hdl) {
        throwing([&](auto &ec) { interrupt(hdl, ec); });
    }

  protected:
    endpoint_base() = default;

    /** Drops all connections. */
    void end() {
        for (const connection_ptr &con : core_->end()) con->drop();
        core_->free_loop();
    }

    lib::shared_ptr<detail::core> core_ = lib::make_shared<detail::core>();

  private:
    /** Calls `step` while it returns true; a second thread waits until the first has returned. */
    template <class F> std::size_t drive(F step) {
        lib::lock_guard<lib::mutex> lock(driving_);
        const std::size_t before = core_->handled;
        do core_->rethrow();
        while (!core_->is_stopped && step(before));
        core_->rethrow();
        if (!core_->has_work()) core_->is_stopped = true;
        return core_->handled - before;
    }

    /** False if there is nothing to wait for. */
    bool wait_for_work(wsline::timeout time) {
        if (!core_->has_work()) return false;
        core_->loop.run_once(time);
        return true;
    }

    template <class F> void with(const connection_hdl &hdl, lib::error_code &ec, F fn) {
        if (auto con = get_con_from_hdl(hdl, ec)) fn(*con);
    }
    template <class F> static void throwing(F fn) {
        lib::error_code ec;
        fn(ec);
        detail::throw_if(ec);
    }

    lib::mutex driving_;
};

namespace detail {

/** An endpoint with the values of a configuration. */
template <class Config, class Endpoint> class configured : public Endpoint {
  public:
    configured() {
        this->is_secure_endpoint = Config::transport_config::socket_type::is_secure;
        this->has_deflate = Config::permessage_deflate_type::is_enabled;
        this->close_handshake_timeout_ms = Config::timeout_close_handshake;
        this->pong_timeout_ms = Config::timeout_pong;
        this->max_message_bytes = Config::max_message_size;
        this->core_->alog.clear_channels(~Config::alog_level);
        this->core_->elog.clear_channels(~Config::elog_level);
    }
};

} // namespace detail

} // namespace websocketpp

#endif
