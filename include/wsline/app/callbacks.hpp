/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/app/callbacks.hpp
 * @brief The callbacks of apps. Part of wsline.hpp.
 */
#ifndef WSLINE_APP_CALLBACKS_HPP
#define WSLINE_APP_CALLBACKS_HPP

#include <wsline/app/handler.hpp>
#include <wsline/app/run.hpp>
#include <wsline/app/state.hpp>
#include <wsline/callback.hpp>
#include <wsline/error.hpp>

#include <type_traits>
#include <utility>

namespace wsline::detail {

/**
 * The members of app_ref that set callbacks. `Ref` is app_ref.
 *
 * A callback is a callable, moved into the library and destroyed when it is replaced or the app is
 * freed; `nullptr` removes it. It takes the arguments named here, with or without the app_ref in
 * front. It runs on the thread that drives the app.
 */
template <class Ref> class app_callbacks : public app_queries {
  public:
    using app_queries::app_queries;

    /** Sets `fn(app_ref)`, called when a connection is open; see wsline_app_on_open(). */
    template <class F, class E = throws> result<void, E> on_open(F fn, E &&on_error = {}) const {
        return set<run_notice>(on_error, wsline_app_on_open, fn);
    }

    /** Sets `fn(app_ref)`, called instead after the first time; see wsline_app_on_reconnect(). */
    template <class F, class E = throws>
    result<void, E> on_reconnect(F fn, E &&on_error = {}) const {
        return set<run_notice>(on_error, wsline_app_on_reconnect, fn);
    }

    /** Sets `fn(app_ref, message_view)`, called with each message; see wsline_app_on_message(). */
    template <class F, class E = throws> result<void, E> on_message(F fn, E &&on_error = {}) const {
        return set<run_message>(on_error, wsline_app_on_message, fn);
    }

    /**
     * Sets `fn(app_ref, messages_view)`, called with all messages that have arrived; see
     * wsline_app_on_messages().
     */
    template <class F, class E = throws>
    result<void, E> on_messages(F fn, E &&on_error = {}) const {
        return set<run_messages>(on_error, wsline_app_on_messages, fn);
    }

    /** Sets `fn(app_ref, message_view)`, an observer of all data; see wsline_app_on_data(). */
    template <class F, class E = throws> result<void, E> on_data(F fn, E &&on_error = {}) const {
        return set<run_message>(on_error, wsline_app_on_data, fn);
    }

    /** Sets `fn(app_ref, message_view)`, called with parts of messages; see wsline_app_on_part().
     */
    template <class F, class E = throws> result<void, E> on_part(F fn, E &&on_error = {}) const {
        return set<run_message>(on_error, wsline_app_on_part, fn);
    }

    /** Sets `fn(app_ref, message_view)`, called with each ping; see wsline_app_on_ping(). */
    template <class F, class E = throws> result<void, E> on_ping(F fn, E &&on_error = {}) const {
        return set<run_message>(on_error, wsline_app_on_ping, fn);
    }

    /** Sets `fn(app_ref, message_view)`, called with each pong; see wsline_app_on_pong(). */
    template <class F, class E = throws> result<void, E> on_pong(F fn, E &&on_error = {}) const {
        return set<run_message>(on_error, wsline_app_on_pong, fn);
    }

    /** Sets `fn(app_ref)`, called when the send queue has room again; see wsline_app_on_drain(). */
    template <class F, class E = throws> result<void, E> on_drain(F fn, E &&on_error = {}) const {
        return set<run_notice>(on_error, wsline_app_on_drain, fn);
    }

    /**
     * Sets `fn(app_ref, const error_info &)`, called when an attempt to connect has failed, or a
     * connection has ended without a closing handshake; see wsline_app_on_error().
     */
    template <class F, class E = throws> result<void, E> on_error(F fn, E &&on_failure = {}) const {
        return set<run_error>(on_failure, wsline_app_on_error, fn);
    }

    /**
     * Sets `fn(app_ref, const close_info &)`, called when a connection has ended; see
     * wsline_app_on_close().
     */
    template <class F, class E = throws> result<void, E> on_close(F fn, E &&on_error = {}) const {
        return set<run_close>(on_error, wsline_app_on_close, fn);
    }

    /**
     * Sets `connect_decision fn(app_ref, attempt_view, options_ref)`, called before each attempt to
     * connect; see wsline_app_on_connecting().
     */
    template <class F, class E = throws>
    result<void, E> on_connecting(F fn, E &&on_error = {}) const {
        return set<run_connecting>(on_error, wsline_app_on_connecting, fn);
    }

    /**
     * Sets all callbacks at once: the members of `handler` that are named like the functions above,
     * for example `void on_message(app_ref, message_view)`; see wsline_app_set_callbacks().
     *
     * They are public, and take the arguments named above, with or without the app_ref. Callbacks
     * that `handler` does not have are removed. `handler` is moved; to keep it, pass a pointer to
     * it. `nullptr` removes all.
     */
    template <class H, class E = throws>
    result<void, E> set_callbacks(H handler, E &&on_failure = {}) const {
        if constexpr (std::is_null_pointer_v<H>) {
            return ask(on_failure, wsline_app_set_callbacks, handle_, nullptr, nullptr, nullptr);
        } else {
            wsline_app_callbacks callbacks = handler_callbacks<Ref, H>();
            return ask(on_failure, wsline_app_set_callbacks, handle_, &callbacks,
                       new app_callback<H>{std::move(handler), state()},
                       delete_userdata<app_callback<H>>);
        }
    }

  private:
    template <class Kind, class E, class C, class F>
    outcome<void, E> set(E &on_error,
                         wsline_status (*function)(wsline_app *, C, void *, wsline_free_fn),
                         F &fn) const {
        if constexpr (std::is_null_pointer_v<F>) {
            return ask(on_error, function, handle_, nullptr, nullptr, nullptr);
        } else {
            C run = Kind::template run<Ref, F>;
            return ask(on_error, function, handle_, run,
                       new app_callback<F>{std::move(fn), state()},
                       delete_userdata<app_callback<F>>);
        }
    }
};

} // namespace wsline::detail

#endif
