/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/coroutine/awaiter.hpp
 * @brief Coroutines that wait for an operation. Part of wsline/coroutine.hpp.
 */
#ifndef WSLINE_COROUTINE_AWAITER_HPP
#define WSLINE_COROUTINE_AWAITER_HPP

#include <wsline/async/operations.hpp>
#include <wsline/loop.hpp>

#include <coroutine>
#include <memory>
#include <optional>
#include <stop_token>
#include <system_error>
#include <type_traits>
#include <utility>

namespace wsline {

/**
 * How long an operation may wait: until a timeout, until a std::stop_token is asked to stop, or
 * both: `client.receive(5s)`, `client.receive(token)`, `client.receive({5s, token})`.
 *
 * Then it reports status::timeout or status::aborted. Any thread may ask to stop.
 */
class limit {
  public:
    /** No limit. */
    limit() noexcept = default;

    /** A timeout: a duration, or `no_timeout`. */
    limit(wsline::timeout time) noexcept : time_(time) {}
    template <class Rep, class Period>
    limit(std::chrono::duration<Rep, Period> time) noexcept : time_(time) {}
    template <class Clock, class Duration>
    limit(std::chrono::time_point<Clock, Duration> deadline) noexcept : time_(deadline) {}

    /** Until somebody asks to stop. */
    limit(std::stop_token stop) noexcept : stop_(std::move(stop)) {}

    /** Both. */
    limit(wsline::timeout time, std::stop_token stop) noexcept
        : time_(time), stop_(std::move(stop)) {}

    /** The timeout. */
    wsline::timeout time() const noexcept { return time_; }

    /** Who may ask to stop. */
    const std::stop_token &stop() const noexcept { return stop_; }

  private:
    wsline::timeout time_ = no_timeout;
    std::stop_token stop_;
};

namespace detail {

/** The type of a result in a signature. */
template <class R> using plain_result = std::conditional_t<std::is_same_v<R, nothing>, void, R>;

/** How an awaiter keeps the last argument. */
template <class E>
using kept =
    std::conditional_t<std::is_same_v<plain<E>, std::error_code>, std::error_code &, plain<E>>;

inline error_info cancelled() { return error_info(status::aborted, "the operation was cancelled"); }

/** A coroutine that waits. */
template <class R, class E> class awaiter_base : public waiter<R> {
  public:
    awaiter_base(loop_ref loop, kept<E> on_error) noexcept : loop_(loop), on_error_(on_error) {}

    result<plain_result<R>, E> await_resume() {
        using T = plain_result<R>;
        if (this->failure) {
            const auto code = static_cast<wsline_status>(this->failure->status());
            return fail<T>(on_error_, code, [this] { return std::move(*this->failure); }, true);
        }
        if constexpr (std::is_same_v<plain<E>, std::error_code>) on_error_.clear();
        if constexpr (std::is_void_v<T>)
            return result<T, E>();
        else
            return result<T, E>(std::move(this->result));
    }

    void resume(when how) override {
        if (how == when::now) return handle_.resume();
        ticket_ = std::make_shared<awaiter_base *>(this);
        std::error_code ec;
        loop_.post(
            [ticket = ticket_] {
                if (*ticket != nullptr) (*ticket)->handle_.resume();
            },
            ec);
    }

  protected:
    ~awaiter_base() {
        if (ticket_) *ticket_ = nullptr;
    }

    loop_ref loop_;
    std::coroutine_handle<> handle_;

  private:
    kept<E> on_error_;
    /** For a function posted to the loop: this object, unless it has been destroyed meanwhile. */
    std::shared_ptr<awaiter_base *> ticket_;
};

/** An operation of a client; `Begin` begins it, and returns whether it has ended at once. */
template <class R, class E, class Begin>
class [[nodiscard]] awaiter final : public awaiter_base<R, E> {
  public:
    awaiter(operations &of, slot<R> operations::*at, limit until, kept<E> on_error, Begin begin)
        : awaiter_base<R, E>(of.loop(), on_error), operations_(of), at_(at),
          limit_(std::move(until)), begin_(std::move(begin)) {}

    bool await_ready() {
        if (limit_.stop().stop_requested()) {
            this->failure = cancelled();
            return true;
        }
        return begin_(operations_, *this, limit_.time());
    }

    void await_suspend(std::coroutine_handle<> handle) {
        this->handle_ = handle;
        if (limit_.stop().stop_possible())
            stop_.emplace(limit_.stop(), request{&operations_, operations_.app().get(), at_,
                                                 (operations_.*at_).serial});
    }

    void disarm() noexcept override { stop_.reset(); }

  private:
    /** Called by any thread. The app exists as long as the operation does. */
    struct request {
        operations *of;
        wsline_app *app;
        slot<R> operations::*at;
        std::uint64_t serial;

        void operator()() const noexcept {
            std::error_code ec;
            app_ref(app).post(
                [me = *this] { me.of->cancel(me.at, me.serial, cancelled(), when::now); }, ec);
        }
    };

    operations &operations_;
    slot<R> operations::*at_;
    limit limit_;
    Begin begin_;
    std::optional<std::stop_callback<request>> stop_;
};

} // namespace detail

} // namespace wsline

#endif
