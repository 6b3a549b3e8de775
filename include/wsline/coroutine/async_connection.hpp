/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/coroutine/async_connection.hpp
 * @brief A client whose operations coroutines await. Part of wsline/coroutine.hpp.
 */
#ifndef WSLINE_COROUTINE_ASYNC_CONNECTION_HPP
#define WSLINE_COROUTINE_ASYNC_CONNECTION_HPP

#include <wsline/async/operations.hpp>
#include <wsline/coroutine/awaiter.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace wsline {

/**
 * A client for one connection at a time, driven by a loop. Its operations are awaited, as in the
 * program in wsline/coroutine.hpp.
 *
 * **Operations.** Each begins when it is awaited; await it in the expression that makes it. It
 * takes how long it may wait (see wsline::limit), and last, as all functions of this layer, how it
 * reports errors: `co_await client.receive(5s, ec)`. One of each kind may be pending, in different
 * coroutines; a second one reports status::busy. One that has timed out or was cancelled loses
 * nothing, and the client remains usable; a connect must be made again.
 *
 * **Messages.** A message is lent until the coroutine that received it suspends: copy it before the
 * next `co_await`, unless that only sends it. While no coroutine awaits a message, one is received
 * ahead and copied; then the app is paused, so that TCP holds the server back, and memory stays
 * bounded. From that message on, pings of the server are not answered, and the end of the
 * connection is not noticed, until the next receive(); see wsline_app_pause().
 *
 * **End.** When the connection has ended, operations report status::closed after a closing
 * handshake, otherwise the failure. Then the client may connect again. It does not by itself:
 * options for reconnecting have no effect.
 *
 * **Threads.** All functions must be called on the thread that drives the loop, or before it is
 * driven. Only a std::stop_token may be asked to stop by any thread.
 *
 * **Lifetime.** Destroy it before its loop; the connection is then dropped, and operations that
 * other coroutines await report status::aborted. Any coroutine may do that. Can be moved, also
 * while an operation is pending, but not copied; one that was moved from throws, whatever the error
 * argument is, and has no app().
 */
class async_connection {
  public:
    /** Not connected. */
    explicit async_connection(loop_ref loop)
        : operations_(std::make_unique<detail::operations>(loop)) {}

    /** Connects with these options; see wsline_app_new() and wsline_loop_add(). */
    template <class E = throws>
    auto connect(const c_string &url, const detail::reference<wsline_options> &options,
                 limit until = {}, E &&on_error = {}) {
        return connect_app<E>(detail::made_app(url, options), std::move(until), on_error);
    }
    template <class E, detail::if_policy<E> = 0>
    auto connect(const c_string &url, const detail::reference<wsline_options> &options,
                 E &&on_error) {
        return connect_app<E>(detail::made_app(url, options), limit(), on_error);
    }

    /** Connects with the default options. */
    template <class E = throws>
    auto connect(const c_string &url, limit until = {}, E &&on_error = {}) {
        return connect_app<E>(detail::made_app(url), std::move(until), on_error);
    }
    template <class E, detail::if_policy<E> = 0> auto connect(const c_string &url, E &&on_error) {
        return connect_app<E>(detail::made_app(url), limit(), on_error);
    }

    /** Waits for the next message, a message_view; see wsline_app_on_message(). */
    template <class E = throws> auto receive(limit until = {}, E &&on_error = {}) {
        return wait<message_view, E>(
            &detail::operations::receiving, std::move(until), on_error,
            [](auto &of, auto &who, timeout time) { return of.receive(who, time); });
    }
    template <class E, detail::if_policy<E> = 0> auto receive(E &&on_error) {
        return receive(limit(), on_error);
    }

    /**
     * Sends a text message, which must be UTF-8; see wsline_app_send_text().
     *
     * It waits only while the send queue is full, and nothing was sent if it then fails.
     */
    template <class E = throws>
    auto send_text(std::string_view text, limit until = {}, E &&on_error = {}) {
        return send(opcode::text, bytes(text), std::move(until), on_error);
    }
    template <class E, detail::if_policy<E> = 0>
    auto send_text(std::string_view text, E &&on_error) {
        return send(opcode::text, bytes(text), limit(), on_error);
    }

    /** Sends a binary message, as send_text() sends text; see wsline_app_send_binary(). */
    template <class E = throws> auto send_binary(bytes data, limit until = {}, E &&on_error = {}) {
        return send(opcode::binary, data, std::move(until), on_error);
    }
    template <class E, detail::if_policy<E> = 0> auto send_binary(bytes data, E &&on_error) {
        return send(opcode::binary, data, limit(), on_error);
    }

    /** Sends a message or a control frame, as send_text() sends text; see wsline_app_send(). */
    template <class E = throws>
    auto send(opcode code, bytes data, limit until = {}, E &&on_error = {}) {
        return wait<detail::nothing, E>(&detail::operations::sending, std::move(until), on_error,
                                        [code, data](auto &of, auto &who, timeout time) {
                                            return of.send(code, data, who, time);
                                        });
    }
    template <class E, detail::if_policy<E> = 0> auto send(opcode code, bytes data, E &&on_error) {
        return send(code, data, limit(), on_error);
    }

    /**
     * Closes the connection, and waits for its end, a close_info; see wsline_app_close().
     *
     * Messages that still arrive are dropped, unless another coroutine receives them. If it has
     * timed out or was cancelled, the connection ends all the same. If there was a closing
     * handshake already, whichever side began it, it returns at once; if the connection has ended
     * otherwise, it reports that failure, as wsline_conn_close() does. Before the end of a connect
     * it reports status::wrong_state: cancel the connect, or call abort().
     */
    template <class E = throws>
    auto close(close_code code = close_code::normal, std::string_view reason = {}, limit until = {},
               E &&on_error = {}) {
        return wait<wsline::close_info, E>(
            &detail::operations::closing, std::move(until), on_error,
            [code, reason = std::string(reason)](auto &of, auto &who, timeout time) {
                return of.close(code, reason, who, time);
            });
    }
    template <class E, detail::if_policy<E> = 0>
    auto close(close_code code, std::string_view reason, E &&on_error) {
        return close(code, reason, limit(), on_error);
    }
    template <class E, detail::if_policy<E> = 0> auto close(close_code code, E &&on_error) {
        return close(code, {}, limit(), on_error);
    }
    template <class E = throws> auto close(limit until, E &&on_error = {}) {
        return close(close_code::normal, {}, std::move(until), on_error);
    }
    template <class E, detail::if_policy<E> = 0> auto close(E &&on_error) {
        return close(limit(), on_error);
    }

    /**
     * Drops the connection; see wsline_app_abort(). What is pending reports status::aborted, after
     * this function has returned.
     */
    void abort() {
        if (!operations_) return;
        operations_->abort(error_info(status::aborted, "the connection was aborted"));
    }

    /**
     * The app of the connection, for what does not wait: pings, statistics, what TLS negotiated. It
     * is replaced by the next connect. Do not close or pause it, and leave on_open, on_message,
     * on_drain, on_error and on_close to this object.
     */
    app_ref app() const noexcept { return operations_ ? operations_->app() : app_ref(); }

  private:
    template <class E> auto connect_app(detail::made_app app, limit until, E &on_error) {
        return wait<detail::nothing, E>(
            &detail::operations::connecting, std::move(until), on_error,
            [made = std::move(app)](auto &of, auto &who, timeout time) mutable {
                if (!made.failure) return of.connect(std::move(made.app), who, time);
                who.failure = std::move(made.failure);
                return true;
            });
    }

    template <class R, class E, class Begin>
    auto wait(detail::slot<R> detail::operations::*at, limit until, E &on_error, Begin begin) {
        if (!operations_) throw error(error_info(status::invalid_argument, "the object is empty"));
        return detail::awaiter<R, E, Begin>(*operations_, at, std::move(until), on_error,
                                            std::move(begin));
    }

    std::unique_ptr<detail::operations> operations_;
};

} // namespace wsline

#endif
