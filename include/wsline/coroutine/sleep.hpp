/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/coroutine/sleep.hpp
 * @brief Coroutines that wait for a time. Part of wsline/coroutine.hpp.
 */
#ifndef WSLINE_COROUTINE_SLEEP_HPP
#define WSLINE_COROUTINE_SLEEP_HPP

#include <wsline/coroutine/awaiter.hpp>

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <system_error>
#include <utility>

namespace wsline {

namespace detail {

/** A coroutine that sleeps. */
template <class E> class [[nodiscard]] sleeper final : public awaiter_base<nothing, E> {
  public:
    sleeper(loop_ref loop, timeout time, std::stop_token stop, kept<E> on_error)
        : awaiter_base<nothing, E>(loop, on_error), time_(time), token_(std::move(stop)) {}
    ~sleeper() {
        disarm();
        if (!self_ || *self_ == nullptr) return;
        *self_ = nullptr;
        std::error_code ec;
        this->loop_.cancel_post(timer_, ec);
    }

    bool await_ready() {
        if (token_.stop_requested()) this->failure = cancelled();
        return this->failure.has_value();
    }

    bool await_suspend(std::coroutine_handle<> handle) {
        this->handle_ = handle;
        self_ = std::make_shared<sleeper *>(this);
        std::error_code ec;
        /* Otherwise only somebody who asks to stop ends it. */
        if (time_.ms() >= 0)
            timer_ = this->loop_.post_after(time_, [self = self_] { wake(*self, false); }, ec);
        if (ec) {
            self_.reset();
            this->failure = info_of(static_cast<wsline_status>(ec.value()));
            return false;
        }
        if (token_.stop_possible()) stop_.emplace(token_, request{this->loop_, self_});
        return true;
    }

    void disarm() noexcept override { stop_.reset(); }

  private:
    /** Called by any thread. */
    struct request {
        mutable loop_ref loop;
        std::shared_ptr<sleeper *> self;

        void operator()() const noexcept {
            std::error_code ec;
            loop.post([self = self] { wake(*self, true); }, ec);
        }
    };

    static void wake(sleeper *&self, bool is_cancelled) {
        sleeper *sleeping = std::exchange(self, nullptr);
        if (sleeping == nullptr) return;
        sleeping->disarm();
        if (is_cancelled) {
            std::error_code ec;
            sleeping->loop_.cancel_post(sleeping->timer_, ec);
            sleeping->failure = cancelled();
        }
        sleeping->resume(when::now);
    }

    timeout time_;
    std::stop_token token_;
    std::uint64_t timer_ = 0;
    /** For functions posted to the loop: this object, unless it has been destroyed or woken. */
    std::shared_ptr<sleeper *> self_;
    std::optional<std::stop_callback<request>> stop_;
};

} // namespace detail

/**
 * Waits for a time, as `co_await wsline::sleep(loop, 100ms)`, or until somebody asks to stop, which
 * is reported as status::aborted; see wsline_loop_post_after(). With a token alone, only that ends
 * it.
 */
template <class E = throws>
detail::sleeper<E> sleep(loop_ref loop, limit until, E &&on_error = {}) {
    return detail::sleeper<E>(loop, until.time(), until.stop(), on_error);
}

} // namespace wsline

#endif
