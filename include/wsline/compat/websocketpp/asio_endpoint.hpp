/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/asio_endpoint.hpp
 * @brief An endpoint in an io_service of Asio. Part of wsline/compat/websocketpp_asio.hpp.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_ASIO_ENDPOINT_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_ASIO_ENDPOINT_HPP

#include <wsline/compat/websocketpp/endpoint.hpp>

namespace websocketpp {

namespace detail {

/** Lets an io_context drive the loop while the endpoint has work; several threads may run it. */
class asio_host final : public host, public lib::enable_shared_from_this<asio_host> {
  public:
    asio_host(lib::asio::io_context &io, lib::weak_ptr<core> core)
        : strand_(lib::asio::make_strand(io)), driver_(strand_), core_(std::move(core)) {}

    wsline::loop_ref loop() const noexcept { return driver_.loop(); }

    void work_has_changed() override {
        if (is_posted_.exchange(true)) return;
        lib::asio::post(strand_, [self = shared_from_this()] {
            self->is_posted_ = false;
            auto core = self->core_.lock();
            if (core && core->has_work())
                self->driver_.start();
            else
                self->driver_.stop();
        });
    }

    /** The exception comes out of the io_context. */
    void handler_has_thrown() override {
        lib::asio::post(strand_, [weak = core_] {
            if (auto core = weak.lock()) core->rethrow();
        });
    }

  private:
    lib::asio::strand<lib::asio::io_context::executor_type> strand_;
    asio_driver driver_;
    lib::weak_ptr<core> core_;
    std::atomic<bool> is_posted_{false};
};

/**
 * Calls a socket init handler with a stream or socket of Asio that is not connected. Of what the
 * handler does with it, only the server name for TLS counts.
 */
template <class F> struct asio_socket_init {
    F handler;

    std::string operator()(const connection_hdl &hdl) {
        namespace asio = lib::asio;
        asio::io_context unused;
        asio::ssl::context context(asio::ssl::context::tls_client);
        asio::ssl::stream<asio::ip::tcp::socket> stream(unused, context);
        if constexpr (std::is_invocable_v<F &, connection_hdl, asio::ip::tcp::socket &>)
            handler(hdl, stream.next_layer());
        else
            handler(hdl, stream);
        const char *name = SSL_get_servername(stream.native_handle(), TLSEXT_NAMETYPE_host_name);
        return name == nullptr ? std::string() : name;
    }
};

} // namespace detail

/**
 * What clients of all configurations are: an endpoint in an io_service, its own or one of the
 * program, which must outlive it.
 */
class asio_endpoint : public endpoint_base {
  public:
    ~asio_endpoint() { end(); }

    /** Creates an io_service. */
    void init_asio() {
        lib::error_code ec;
        init_asio(ec);
        detail::throw_if(ec);
    }
    void init_asio(lib::error_code &ec) {
        auto created = lib::make_shared<lib::asio::io_context>();
        init_asio(created.get(), ec);
        if (!ec) own_io_ = std::move(created);
    }

    /** Uses the io_service of the program; whoever runs it runs the endpoint. */
    void init_asio(lib::asio::io_context *io) {
        lib::error_code ec;
        init_asio(io, ec);
        detail::throw_if(ec);
    }
    void init_asio(lib::asio::io_context *io, lib::error_code &ec) {
        ec = core_->has_host() ? error::make_error_code(error::invalid_state) : lib::error_code();
        if (ec) return;
        io_ = io;
        auto host = lib::make_shared<detail::asio_host>(*io, core_);
        core_->set_host(host->loop(), host);
    }

    lib::asio::io_context &get_io_service() noexcept { return *io_; }

    std::size_t run() { return io_->run(); }
    std::size_t run_one() { return io_->run_one(); }
    std::size_t poll() { return io_->poll(); }
    std::size_t poll_one() { return io_->poll_one(); }
    void stop() { io_->stop(); }
    void reset() { io_->restart(); }
    bool stopped() const { return io_->stopped(); }

  private:
    lib::shared_ptr<lib::asio::io_context> own_io_;
    lib::asio::io_context *io_ = nullptr;
};

} // namespace websocketpp

#endif
