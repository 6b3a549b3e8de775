/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/libuv.hpp
 * @brief A loop inside a libuv loop. Not part of wsline.hpp.
 *
 * ```cpp
 * wsline::loop loop;
 * loop.add(app);
 * {
 *     wsline::uv_handle handle(loop, uv_default_loop());
 *     uv_run(uv_default_loop(), UV_RUN_DEFAULT);
 * }
 * uv_run(uv_default_loop(), UV_RUN_DEFAULT);
 * uv_loop_close(uv_default_loop());
 * ```
 *
 * The handle keeps uv_run() running until it is destroyed, or uv_stop() is called. uv_run() must be
 * called again after that, because libuv closes handles only there; otherwise the memory of the
 * handle leaks, and uv_loop_close() fails with UV_EBUSY.
 *
 * wsline/embedded_loop.hpp documents what adapters have in common: exceptions, threads, lifetimes.
 */
#ifndef WSLINE_LIBUV_HPP
#define WSLINE_LIBUV_HPP

#include <wsline/embedded_loop.hpp>

#include <uv.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

namespace wsline {

namespace detail {

class embedded_in_libuv final : public embedded_loop {
  public:
    embedded_in_libuv(loop_ref loop, uv_loop_t *host, exception_handler on_exception)
        : embedded_loop(loop, std::move(on_exception)) {
        int failure = uv_poll_init(host, &poll_, fd());
        if (failure != 0)
            throw std::system_error(-failure, std::generic_category(), "uv_poll_init");
        /* The rest cannot fail. */
        uv_timer_init(host, &timer_);
        uv_idle_init(host, &idle_);
        poll_.data = timer_.data = idle_.data = this;
        resume();
        is_watched();
    }

  private:
    static embedded_in_libuv *of(void *data) noexcept {
        return static_cast<embedded_in_libuv *>(data);
    }

    static void on_readable(uv_poll_t *handle, int, int) noexcept { of(handle->data)->drive(); }

    static void on_timeout(uv_timer_t *handle) noexcept { of(handle->data)->drive(); }

    static void on_idle(uv_idle_t *handle) noexcept { of(handle->data)->drive(); }

    static void on_closed(uv_handle_t *handle) noexcept {
        embedded_in_libuv *self = of(handle->data);
        std::shared_ptr<embedded_loop> last_owner;
        if (--self->open_handles_ == 0) last_owner.swap(self->until_closed_);
    }

    void set_timer(timeout next) noexcept override {
        pause_timer();
        if (next == no_timeout) return;
        if (next.ms() == 0) {
            /* A timer of 0 that is started by itself would expire again before any other event. */
            uv_idle_start(&idle_, on_idle);
            return;
        }
        /* libuv counts from uv_now(), when it began to call callbacks. After uv_update_time(), it
         * would also call timers that callbacks have started meanwhile. */
        std::uint64_t now = (uv_hrtime() + 999999) / 1000000;
        std::uint64_t since = now - std::min(uv_now(timer_.loop), now);
        uv_timer_start(&timer_, on_timeout, since + static_cast<std::uint64_t>(next.ms()), 0);
    }

    void pause() noexcept override {
        uv_poll_stop(&poll_);
        pause_timer();
    }

    void pause_timer() noexcept {
        uv_timer_stop(&timer_);
        uv_idle_stop(&idle_);
    }

    void resume() noexcept override { uv_poll_start(&poll_, UV_READABLE, on_readable); }

    /* libuv needs the handles until it has called on_closed(). */
    void unwatch() noexcept override {
        until_closed_ = shared_from_this();
        uv_close(reinterpret_cast<uv_handle_t *>(&poll_), on_closed);
        uv_close(reinterpret_cast<uv_handle_t *>(&timer_), on_closed);
        uv_close(reinterpret_cast<uv_handle_t *>(&idle_), on_closed);
    }

    uv_poll_t poll_{};
    uv_timer_t timer_{};
    uv_idle_t idle_{};
    int open_handles_ = 3;
    std::shared_ptr<embedded_loop> until_closed_;
};

} // namespace detail

/** Lets a uv_loop_t drive a loop, as long as this object exists. Can be moved. */
class uv_handle : public detail::adapter<detail::embedded_in_libuv> {
  public:
    /**
     * Starts a uv_poll_t, and a uv_timer_t and a uv_idle_t when needed.
     *
     * @param loop          the loop; see wsline_loop_fd().
     * @param host          the loop of libuv.
     * @param on_exception  gets what callbacks throw; without it, the program ends then.
     * @throws std::system_error  the error of uv_poll_init().
     */
    uv_handle(loop_ref loop, uv_loop_t *host, exception_handler on_exception = {})
        : adapter(
              std::make_shared<detail::embedded_in_libuv>(loop, host, std::move(on_exception))) {}
};

} // namespace wsline

#endif
