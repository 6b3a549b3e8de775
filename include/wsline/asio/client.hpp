/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/asio/client.hpp
 * @brief A client with completion tokens. Part of wsline/asio.hpp and wsline/boost_asio.hpp.
 */
#ifndef WSLINE_ASIO_CLIENT_HPP
#define WSLINE_ASIO_CLIENT_HPP

#include <wsline/asio/driver.hpp>
#include <wsline/asio/handler.hpp>
#include <wsline/async/operations.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace wsline {

/**
 * A client for one connection at a time whose operations take completion tokens:
 * `wsline::asio_client`, `wsline::boost_asio_client`.
 *
 * **Operations.** One of each kind may be pending; a second one reports status::busy. Each takes a
 * timeout before the token, if you pass one, and then reports status::timeout. Where Asio has
 * per-operation cancellation (1.19, Boost 1.77), a cancelled operation reports
 * asio::error::operation_aborted, as do those that are pending when the client is destroyed. One
 * that has timed out or was cancelled loses nothing, and the client remains usable; a connect must
 * be made again.
 *
 * **Messages.** A message is copied, because a handler may run on another executor, or a future be
 * read by another thread. It is valid until its handler has returned, also if the client is
 * destroyed meanwhile. For coroutines and futures it is valid until the next async_receive()
 * begins, or the client is destroyed. While no async_receive() is pending, one message is received
 * ahead; then the app is paused, so that TCP holds the server back, and memory stays bounded. From
 * that message on, pings of the server are not answered, and the end of the connection is not
 * noticed, until the next async_receive(); see wsline_app_pause().
 *
 * **End.** When the connection has ended, operations report status::closed after a closing
 * handshake, otherwise the failure. Then the client may connect again. It does not by itself:
 * options for reconnecting have no effect. A connection that has neither been closed nor been
 * noticed to have ended keeps io_context::run() from returning.
 *
 * **Threads.** A handler runs on its associated executor, by default that of the driver. All
 * functions must be called on the driver's executor. The exceptions of handlers come out of what
 * runs their executors, one at a time.
 *
 * **Lifetime.** Destroying the client drops the connection; a handler of it may do that. When the
 * io_context is destroyed, handlers and coroutines that wait are destroyed, without being called,
 * as with other objects of Asio. Can be moved, but not copied; the operations of one that was moved
 * from throw, and it has no app().
 */
template <class Net> class basic_asio_client {
  public:
    using executor_type = typename Net::executor;

    /** Not connected. */
    explicit basic_asio_client(const basic_asio_driver<Net> &driver)
        : shared_(std::make_shared<detail::asio_shared<Net>>(driver.turns_)) {}

    basic_asio_client(basic_asio_client &&) noexcept = default;
    basic_asio_client &operator=(basic_asio_client &&other) noexcept {
        basic_asio_client moved(std::move(other));
        std::swap(shared_, moved.shared_);
        return *this;
    }
    /* A pending operation may hold the shared part, for example in a coroutine. */
    ~basic_asio_client() {
        if (shared_) shared_->work.abort(error_info(status::aborted, "the client was destroyed"));
    }

    /** The executor of the driver. */
    executor_type get_executor() const noexcept {
        return shared_ ? shared_->turns->executor() : executor_type();
    }

    /** Connects: `void(error_code)`; see wsline_app_new() and wsline_loop_add(). */
    template <class Token>
    auto async_connect(const c_string &url, const detail::reference<wsline_options> &options,
                       timeout time, Token &&token) {
        return connect_app(std::make_shared<detail::made_app>(url, options), time,
                           std::forward<Token>(token));
    }
    template <class Token>
    auto async_connect(const c_string &url, const detail::reference<wsline_options> &options,
                       Token &&token) {
        return async_connect(url, options, no_timeout, std::forward<Token>(token));
    }
    template <class Token> auto async_connect(const c_string &url, timeout time, Token &&token) {
        return connect_app(std::make_shared<detail::made_app>(url), time,
                           std::forward<Token>(token));
    }
    template <class Token> auto async_connect(const c_string &url, Token &&token) {
        return async_connect(url, no_timeout, std::forward<Token>(token));
    }

    /** Waits for the next message: `void(error_code, message_view)`; see wsline_app_on_message().
     */
    template <class Token> auto async_receive(timeout time, Token &&token) {
        return start<message_view>(&detail::operations::receiving, std::forward<Token>(token),
                                   [time](auto &of, auto &who) { return of.receive(who, time); });
    }
    template <class Token> auto async_receive(Token &&token) {
        return async_receive(no_timeout, std::forward<Token>(token));
    }

    /**
     * Sends a text message, which must be UTF-8: `void(error_code)`; see wsline_app_send_text().
     *
     * It ends when the message is sent or queued; it waits only while the send queue is full, and
     * nothing was sent if it then fails. The text must be valid until the operation has begun; it
     * is copied if it waits.
     */
    template <class Token>
    auto async_send_text(std::string_view text, timeout time, Token &&token) {
        return async_send(opcode::text, bytes(text), time, std::forward<Token>(token));
    }
    template <class Token> auto async_send_text(std::string_view text, Token &&token) {
        return async_send_text(text, no_timeout, std::forward<Token>(token));
    }

    /** Sends a binary message, as async_send_text() sends text; see wsline_app_send_binary(). */
    template <class Token> auto async_send_binary(bytes data, timeout time, Token &&token) {
        return async_send(opcode::binary, data, time, std::forward<Token>(token));
    }
    template <class Token> auto async_send_binary(bytes data, Token &&token) {
        return async_send_binary(data, no_timeout, std::forward<Token>(token));
    }

    /** Sends a message or a control frame, as async_send_text() sends text; see wsline_app_send().
     */
    template <class Token> auto async_send(opcode code, bytes data, timeout time, Token &&token) {
        return start<detail::nothing>(
            &detail::operations::sending, std::forward<Token>(token),
            [code, data, time](auto &of, auto &who) { return of.send(code, data, who, time); });
    }
    template <class Token> auto async_send(opcode code, bytes data, Token &&token) {
        return async_send(code, data, no_timeout, std::forward<Token>(token));
    }

    /**
     * Closes the connection, and waits for its end: `void(error_code, close_info)`; see
     * wsline_app_close().
     *
     * Messages that still arrive are dropped, unless an async_receive() is pending. If it has timed
     * out or was cancelled, the connection ends all the same. If there was a closing handshake
     * already, whichever side began it, it succeeds; if the connection has ended otherwise, it
     * reports that failure, as wsline_conn_close() does. Before the end of a connect it reports
     * status::wrong_state: cancel the connect, or call abort().
     */
    template <class Token>
    auto async_close(close_code code, std::string_view reason, timeout time, Token &&token) {
        return start<wsline::close_info>(
            &detail::operations::closing, std::forward<Token>(token),
            [code, reason = std::string(reason), time](auto &of, auto &who) {
                return of.close(code, reason, who, time);
            });
    }
    template <class Token>
    auto async_close(close_code code, std::string_view reason, Token &&token) {
        return async_close(code, reason, no_timeout, std::forward<Token>(token));
    }
    template <class Token> auto async_close(timeout time, Token &&token) {
        return async_close(close_code::normal, {}, time, std::forward<Token>(token));
    }
    template <class Token> auto async_close(Token &&token) {
        return async_close(no_timeout, std::forward<Token>(token));
    }

    /** Drops the connection; see wsline_app_abort(). What is pending is aborted. */
    void abort() {
        if (shared_) shared_->work.abort(error_info(status::aborted, "the connection was aborted"));
    }

    /** The details of the last operation that failed. */
    const error_info &last_error() const noexcept {
        static const error_info none;
        return shared_ ? shared_->last_failure : none;
    }

    /**
     * The app of the connection, for what does not wait: pings, statistics, what TLS negotiated. It
     * is replaced by the next connect. Do not close or pause it, and leave on_open, on_message,
     * on_drain, on_error and on_close to this object.
     */
    app_ref app() const noexcept { return shared_ ? shared_->work.app() : app_ref(); }

  private:
    template <class Token>
    auto connect_app(std::shared_ptr<detail::made_app> made, timeout time, Token &&token) {
        return start<detail::nothing>(&detail::operations::connecting, std::forward<Token>(token),
                                      [made, time](auto &of, auto &who) {
                                          if (!made->failure)
                                              return of.connect(std::move(made->app), who, time);
                                          who.failure = made->failure;
                                          return true;
                                      });
    }

    template <class R, class Token, class Begin>
    auto start(detail::slot<R> detail::operations::*at, Token &&token, Begin begin) {
        if (!shared_) throw error(error_info(status::invalid_argument, "the object is empty"));
        using signature =
            std::conditional_t<std::is_same_v<R, detail::nothing>, void(typename Net::error_code),
                               void(typename Net::error_code, R)>;
        auto initiation = [client = shared_, at, begin](auto &&handler) mutable {
            using H = std::decay_t<decltype(handler)>;
            detail::asio_handler<Net, R, H>::start(
                client, at, std::forward<decltype(handler)>(handler), std::move(begin));
        };
        return Net::template initiate<signature>(std::move(initiation), std::forward<Token>(token));
    }

    std::shared_ptr<detail::asio_shared<Net>> shared_;
};

} // namespace wsline

#endif
