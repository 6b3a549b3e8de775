/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/coroutine/run.hpp
 * @brief How tasks begin, and who waits for them. Part of wsline/coroutine.hpp.
 */
#ifndef WSLINE_COROUTINE_RUN_HPP
#define WSLINE_COROUTINE_RUN_HPP

#include <wsline/callback.hpp>
#include <wsline/coroutine/task.hpp>
#include <wsline/loop.hpp>

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <system_error>
#include <utility>

namespace wsline {

/**
 * Drives the loop on this thread until the task has ended, and returns its result or throws its
 * exception; see wsline_loop_run_once().
 *
 * Other apps and coroutines of the loop continue meanwhile. If one of their callbacks throws, this
 * function throws that exception, and destroys the task. loop.stop() does not end it: to end it
 * early, let the task end, for example by a std::stop_token.
 */
template <class T> T run(loop_ref loop, task<T> work) {
    detail::require_coroutine(work.handle());
    work.handle().resume();
    while (!work.handle().done()) loop.run_once(no_timeout);
    return work.handle().promise().take();
}

namespace detail {

/** A spawned coroutine. It owns itself through a timer, so that it ends with the loop. */
class spawned {
  public:
    class promise_type {
      public:
        struct final_awaiter {
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<promise_type> ended) const noexcept {
                destroy(ended.promise().loop, ended.promise().anchor);
            }
            void await_resume() const noexcept {}
        };

        spawned get_return_object() noexcept {
            return spawned(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        final_awaiter final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        /** It comes out of what drives the loop. */
        void unhandled_exception() const noexcept { carry(nullptr, nullptr); }

        loop_ref loop;
        std::uint64_t anchor = 0;
    };

    spawned(spawned &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    spawned &operator=(spawned &&) = delete;
    ~spawned() {
        if (handle_) handle_.destroy();
    }

    /** Makes a coroutine of a task. */
    static spawned make(task<void> work) { co_await std::move(work); }

    /** Begins, on the thread that drives the loop. */
    void begin(loop_ref loop) {
        constexpr auto years = std::chrono::hours(24 * 365 * 30);
        promise_type &promise = handle_.promise();
        auto handle = handle_;
        promise.loop = loop;
        promise.anchor = loop.post_after(years, [owned = std::move(*this)] {});
        handle.resume();
    }

  private:
    explicit spawned(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

    /* Not inline: clang before 17 could keep the local variable in the coroutine. */
    [[gnu::noinline]] static void destroy(loop_ref loop, std::uint64_t anchor) noexcept {
        std::error_code ec;
        loop.cancel_post(anchor, ec);
    }

    std::coroutine_handle<promise_type> handle_;
};

} // namespace detail

/**
 * Starts a task that nobody awaits. It begins on the thread that drives the loop, when the callback
 * in progress has returned; any thread may call this function. See wsline_loop_post().
 *
 * Its exception comes out of what drives the loop. It is destroyed when it ends, or with the loop.
 * It does not keep loop.run() from returning when all apps have ended. It must not destroy the
 * loop.
 */
inline void spawn(loop_ref loop, task<void> work) {
    detail::require_coroutine(work.handle());
    loop.post([begins = detail::spawned::make(std::move(work))](loop_ref on) mutable {
        begins.begin(on);
    });
}

} // namespace wsline

#endif
