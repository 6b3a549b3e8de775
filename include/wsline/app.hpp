/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/app.hpp
 * @brief Clients with callbacks that ping and reconnect. Part of wsline.hpp.
 */
#ifndef WSLINE_APP_HPP
#define WSLINE_APP_HPP

#include <wsline/app/callbacks.hpp>
#include <wsline/app/state.hpp>
#include <wsline/arguments.hpp>
#include <wsline/callback.hpp>
#include <wsline/error.hpp>
#include <wsline/info.hpp>
#include <wsline/options.hpp>
#include <wsline/prepared.hpp>
#include <wsline/status.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>

namespace wsline {

/**
 * An app that belongs to somebody else: a wsline_app. Callbacks get it.
 *
 * Any thread may send, close and query; one drives the app. A callback may call every function.
 */
class app_ref : public detail::app_callbacks<app_ref> {
  public:
    using app_callbacks::app_callbacks;

    /* ---- Driving ---- */

    /**
     * Connects, and drives the app on this thread until it has ended; see wsline_app_run().
     *
     * If a callback throws, the app is aborted, and this function throws the exception. It does so
     * regardless of the error argument.
     */
    template <class E = throws> result<void, E> run(E &&on_error = {}) const {
        detail::driver driving(handle_, state());
        wsline_status code = wsline_app_run(handle_);
        driving.rethrow();
        return detail::finish(on_error, code, [] {});
    }

    /** Drives the app on a thread of its own; see wsline_app_start() and join(). */
    template <class E = throws> result<void, E> start(E &&on_error = {}) const {
        if (auto kept = state()) kept->take(); /* that of an earlier run, which nobody joined */
        return detail::call(on_error, wsline_app_start, handle_);
    }

    /**
     * Waits until the app has ended; see wsline_app_join().
     *
     * If a callback threw on the app's own thread, the app was aborted, and this function throws
     * the exception. It does so regardless of the error argument.
     */
    template <class E = throws>
    result<void, E> join(timeout wait = no_timeout, E &&on_error = {}) const {
        /* Fetched before, because a callback may destroy the app meanwhile. */
        std::shared_ptr<detail::app_state> kept = state();
        wsline_status code = wsline_app_join(handle_, wait.ms());
        if (std::exception_ptr thrown = kept ? kept->take() : nullptr)
            std::rethrow_exception(thrown);
        return detail::finish(on_error, code, [] {}, detail::info_after_failure);
    }
    template <class E, detail::if_policy<E> = 0> result<void, E> join(E &&on_error) const {
        return join(no_timeout, on_error);
    }

    /** Stops receiving until resume(); see wsline_app_pause(). */
    template <class E = throws> result<void, E> pause(E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_pause, handle_);
    }

    /** Continues to receive; see wsline_app_resume(). */
    template <class E = throws> result<void, E> resume(E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_resume, handle_);
    }

    /* ---- Connecting ---- */

    /** Calls on_connecting again, after connect_decision::later; see wsline_app_proceed(). */
    template <class E = throws> result<void, E> proceed(E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_proceed, handle_);
    }

    /** Sets the URL of the next attempts; see wsline_app_set_url(). */
    template <class E = throws>
    result<void, E> set_url(const c_string &url, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_set_url, handle_, url);
    }

    /** Sets the options of the next attempts; see wsline_app_set_options(). */
    template <class E = throws>
    result<void, E> set_options(const detail::reference<wsline_options> &options,
                                E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_set_options, handle_, options);
    }

    /** Closes the connection, and connects again; see wsline_app_reconnect(). */
    template <class E = throws>
    result<void, E> reconnect(close_code code = close_code::normal,
                              const c_string &reason = nullptr, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_reconnect, handle_,
                            static_cast<std::int32_t>(code), reason);
    }
    template <class E, detail::if_policy<E> = 0>
    result<void, E> reconnect(close_code code, E &&on_error) const {
        return reconnect(code, nullptr, on_error);
    }
    template <class E, detail::if_policy<E> = 0> result<void, E> reconnect(E &&on_error) const {
        return reconnect(close_code::normal, nullptr, on_error);
    }

    /* ---- Sending ---- */

    /** Sends a text message, which must be UTF-8; see wsline_app_send_text(). */
    template <class E = throws>
    result<void, E> send_text(std::string_view text, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_send_text, handle_, text.data(), text.size());
    }

    /** Sends a binary message; see wsline_app_send_binary(). */
    template <class E = throws> result<void, E> send_binary(bytes data, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_send_binary, handle_, data.data(), data.size());
    }

    /** Sends a message or a control frame; see wsline_app_send() and uncompressed(). */
    template <class E = throws>
    result<void, E> send(opcode code, bytes data, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_send, handle_, static_cast<std::int32_t>(code),
                            data.data(), data.size());
    }

    /** Sends a fragment of a message, the last one with `fin`; see wsline_app_send_fragment(). */
    template <class E = throws>
    result<void, E> send_fragment(opcode code, bytes data, bool fin, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_send_fragment, handle_,
                            static_cast<std::int32_t>(code), data.data(), data.size(), fin);
    }

    /** Sends a prepared message; see wsline_app_send_prepared(). */
    template <class E = throws>
    result<void, E> send_prepared(const prepared &message, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_send_prepared, handle_, message);
    }

    /** Collects small messages until uncork(); see wsline_app_cork(). */
    template <class E = throws> result<void, E> cork(E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_cork, handle_);
    }

    /** Sends what was collected; see wsline_app_uncork(). */
    template <class E = throws> result<void, E> uncork(E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_uncork, handle_);
    }

    /** Waits until the system has accepted what is queued; see wsline_app_flush(). */
    template <class E = throws>
    result<void, E> flush(timeout wait = no_timeout, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_flush, handle_, wait.ms());
    }
    template <class E, detail::if_policy<E> = 0> result<void, E> flush(E &&on_error) const {
        return flush(no_timeout, on_error);
    }

    /** Sends a ping of at most 125 bytes; see wsline_app_ping(). */
    template <class E = throws> result<void, E> ping(bytes data = {}, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_ping, handle_, data.data(), data.size());
    }
    template <class E, detail::if_policy<E> = 0> result<void, E> ping(E &&on_error) const {
        return ping({}, on_error);
    }

    /** Sends a pong of at most 125 bytes; see wsline_app_pong(). */
    template <class E = throws> result<void, E> pong(bytes data = {}, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_pong, handle_, data.data(), data.size());
    }
    template <class E, detail::if_policy<E> = 0> result<void, E> pong(E &&on_error) const {
        return pong({}, on_error);
    }

    /* ---- Ending ---- */

    /** Begins to close the app; see wsline_app_close(). */
    template <class E = throws>
    result<void, E> close(close_code code = close_code::normal, const c_string &reason = nullptr,
                          E &&on_error = {}) const {
        return detail::ask(on_error, wsline_app_close, handle_, static_cast<std::int32_t>(code),
                           reason);
    }
    template <class E, detail::if_policy<E> = 0>
    result<void, E> close(close_code code, E &&on_error) const {
        return close(code, nullptr, on_error);
    }
    template <class E, detail::if_policy<E> = 0> result<void, E> close(E &&on_error) const {
        return close(close_code::normal, nullptr, on_error);
    }

    /** Ends the app at once; see wsline_app_abort(). */
    template <class E = throws> result<void, E> abort(E &&on_error = {}) const {
        return detail::ask(on_error, wsline_app_abort, handle_);
    }

    /** Ends the app, from a signal handler; see wsline_app_abort_from_signal(). */
    void abort_from_signal() const noexcept { wsline_app_abort_from_signal(handle_); }

    /* ---- Posts and timers ---- */

    /**
     * Schedules `fn()` or `fn(app_ref)` on the thread that drives the app; see wsline_app_post().
     */
    template <class F, class E = throws> result<void, E> post(F fn, E &&on_error = {}) const {
        using holder = detail::app_callback<F>;
        return detail::call(on_error, wsline_app_post, handle_, detail::run_notice::run<app_ref, F>,
                            new holder{std::move(fn), state()}, detail::delete_userdata<holder>);
    }

    /**
     * Schedules `fn()` or `fn(app_ref)` after a delay, and returns the number to cancel it by; see
     * wsline_app_post_after().
     */
    template <class F, class E = throws>
    result<std::uint64_t, E> post_after(timeout delay, F fn, E &&on_error = {}) const {
        using holder = detail::app_callback<F>;
        std::uint64_t post_id = 0;
        return detail::call_for(
            on_error, [&post_id] { return post_id; }, wsline_app_post_after, handle_, delay.ms(),
            detail::run_notice::run<app_ref, F>, new holder{std::move(fn), state()},
            detail::delete_userdata<holder>, &post_id);
    }

    /** Cancels a function scheduled with post_after(); see wsline_app_cancel_post(). */
    template <class E = throws>
    result<void, E> cancel_post(std::uint64_t post_id, E &&on_error = {}) const {
        return detail::call(on_error, wsline_app_cancel_post, handle_, post_id);
    }
};

namespace detail {

[[gnu::visibility("default")]] inline void free_app(wsline_app *handle) noexcept {
    if (handle == nullptr) return;
    auto &states = app_states::of_process();
    std::shared_ptr<app_state> state = states.find(handle);
    if (state) state->freed = true;
    wsline_app_free(handle);
    /* Later, because a callback may still be running; and only its own, because another app may
     * have this address by now. */
    states.remove(handle, state);
}

} // namespace detail

/**
 * A client with callbacks, freed with this object: without a closing handshake, unless close() was
 * called and the app has ended. Can be moved, but not copied.
 */
class app : public detail::owner<app_ref, detail::free_app> {
  public:
    /** An empty object. */
    app() noexcept = default;

    /** An app for `url` with the default options; see wsline_app_new(). */
    explicit app(const c_string &url) { create(url, nullptr); }

    /** An app for `url`; see wsline_app_new(). */
    app(const c_string &url, const detail::reference<wsline_options> &options) {
        create(url, options);
    }

    /** Takes over `handle`. */
    explicit app(wsline_app *handle) : owner(handle) {
        if (handle != nullptr) detail::app_states::of_process().add(handle, make_state());
    }

    app(app &&) noexcept = default;
    app &operator=(app &&) noexcept = default;
    ~app() = default;

    /** Gives the handle away: the caller frees it. */
    wsline_app *release() noexcept {
        auto &states = detail::app_states::of_process();
        states.remove(handle_, states.find(handle_));
        return owner::release();
    }

    /** Frees the app, and takes over `handle` instead. */
    void reset(wsline_app *handle = nullptr) { *this = app(handle); }

  private:
    static std::shared_ptr<detail::app_state> make_state() {
        return std::make_shared<detail::app_state>();
    }

    template <class Options> void create(const c_string &url, const Options &options) {
        throws on_error;
        detail::call(on_error, wsline_app_new, url, options, &handle_);
        detail::app_states::of_process().add(handle_, make_state());
    }
};

inline app_ref event_view::app() const noexcept { return app_ref(raw_->app); }

} // namespace wsline

#endif
