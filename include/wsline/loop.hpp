/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/loop.hpp
 * @brief One thread that drives many apps, or another event loop that does. Part of wsline.hpp.
 */
#ifndef WSLINE_LOOP_HPP
#define WSLINE_LOOP_HPP

#include <wsline/app.hpp>
#include <wsline/arguments.hpp>
#include <wsline/callback.hpp>
#include <wsline/error.hpp>
#include <wsline/handle.hpp>

#include <cstdint>
#include <utility>

namespace wsline {

/** A loop that belongs to somebody else: a wsline_loop. Any thread may call any function. */
class loop_ref : public detail::reference<wsline_loop> {
  public:
    using reference::reference;

    /** Adds an app, which the loop connects and drives; see wsline_loop_add(). */
    template <class E = throws> result<void, E> add(app_ref app, E &&on_error = {}) const {
        return detail::call(on_error, wsline_loop_add, handle_, app);
    }

    /** Removes an app, and ends it; see wsline_loop_remove(). */
    template <class E = throws> result<void, E> remove(app_ref app, E &&on_error = {}) const {
        return detail::ask(on_error, wsline_loop_remove, handle_, app);
    }

    /**
     * Drives all apps until all have ended, or stop() is called; see wsline_loop_run().
     *
     * If a callback throws, the loop stops, and this function throws the exception; the apps stay
     * in the loop. It does so regardless of the error argument.
     */
    template <class E = throws> result<void, E> run(E &&on_error = {}) const {
        detail::driver driving(handle_);
        wsline_status code = wsline_loop_run(handle_);
        driving.rethrow();
        return detail::finish(on_error, code, [] {});
    }

    /**
     * Waits until there is something to do, does it, and returns; see wsline_loop_run_once().
     *
     * If a callback throws, this function throws the exception. It does so regardless of
     * the error argument.
     */
    template <class E = throws> result<void, E> run_once(timeout wait, E &&on_error = {}) const {
        detail::driver driving(handle_);
        wsline_status code = wsline_loop_run_once(handle_, wait.ms());
        driving.rethrow();
        return detail::finish(on_error, code, [] {});
    }

    /** Makes run() return, from any thread or a signal handler; see wsline_loop_stop(). */
    template <class E = throws> result<void, E> stop(E &&on_error = {}) const {
        return detail::ask(on_error, wsline_loop_stop, handle_);
    }

    /** A descriptor that is readable when run_once() has something to do; see wsline_loop_fd(). */
    std::int32_t fd() const noexcept { return wsline_loop_fd(handle_); }

    /**
     * The longest time to wait for fd(); `no_timeout` for no limit; see
     * wsline_loop_next_timeout_ms().
     */
    timeout next_timeout() const noexcept {
        return timeout::from_ms(wsline_loop_next_timeout_ms(handle_));
    }

    /**
     * Schedules `fn()` or `fn(loop_ref)` on the thread that drives the loop; see
     * wsline_loop_post().
     */
    template <class F, class E = throws> result<void, E> post(F fn, E &&on_error = {}) const {
        using callback = detail::loop_callback<loop_ref, F>;
        return detail::call(on_error, wsline_loop_post, handle_, callback::run,
                            new callback{std::move(fn)}, detail::delete_userdata<callback>);
    }

    /**
     * Schedules `fn()` or `fn(loop_ref)` after a delay, and returns the number to cancel it by; see
     * wsline_loop_post_after().
     */
    template <class F, class E = throws>
    result<std::uint64_t, E> post_after(timeout delay, F fn, E &&on_error = {}) const {
        using callback = detail::loop_callback<loop_ref, F>;
        std::uint64_t post_id = 0;
        return detail::call_for(
            on_error, [&post_id] { return post_id; }, wsline_loop_post_after, handle_, delay.ms(),
            callback::run, new callback{std::move(fn)}, detail::delete_userdata<callback>,
            &post_id);
    }

    /** Cancels a function scheduled with post_after(); see wsline_loop_cancel_post(). */
    template <class E = throws>
    result<void, E> cancel_post(std::uint64_t post_id, E &&on_error = {}) const {
        return detail::call(on_error, wsline_loop_cancel_post, handle_, post_id);
    }
};

namespace detail {

[[gnu::visibility("default")]] inline void free_loop(wsline_loop *handle) noexcept {
    if (handle != nullptr) driver::forget(handle);
    wsline_loop_free(handle);
}

} // namespace detail

/** A loop, freed with this object. The apps in it end, and have to be freed by their owners. */
class loop : public detail::owner<loop_ref, detail::free_loop> {
  public:
    /** An empty loop; see wsline_loop_new(). */
    loop() {
        throws on_error;
        detail::call(on_error, wsline_loop_new, &handle_);
    }

    /** Takes over `handle`. */
    explicit loop(wsline_loop *handle) noexcept : owner(handle) {}
};

} // namespace wsline

#endif
