/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/coroutine/task.hpp
 * @brief Coroutines that other coroutines await. Part of wsline/coroutine.hpp.
 */
#ifndef WSLINE_COROUTINE_TASK_HPP
#define WSLINE_COROUTINE_TASK_HPP

#include <wsline/error.hpp>

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

namespace wsline {

template <class T> class task;

namespace detail {

/** Throws if a task is empty. */
inline void require_coroutine(std::coroutine_handle<> handle) {
    if (handle) return;
    throw error(error_info(status::invalid_argument,
                           "the task is empty: it was moved from, or has been awaited"));
}

/** What the promises of all tasks have in common. */
class task_promise_base {
  public:
    /** At the end, whoever awaits the task continues. */
    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> ended) const noexcept {
            return ended.promise().continuation;
        }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return {}; }

    std::coroutine_handle<> continuation = std::noop_coroutine();
};

template <class T> class task_promise : public task_promise_base {
  public:
    task<T> get_return_object() noexcept;
    void unhandled_exception() noexcept { result_.template emplace<2>(std::current_exception()); }
    /* As a return statement: also for `co_return {}`, and not by an explicit constructor. */
    template <class V = T>
        requires std::is_convertible_v<V, T>
    void return_value(V &&value) {
        result_.template emplace<1>(std::forward<V>(value));
    }

    T take() {
        if (result_.index() == 2) std::rethrow_exception(std::get<2>(std::move(result_)));
        return std::get<1>(std::move(result_));
    }

  private:
    std::variant<std::monostate, T, std::exception_ptr> result_;
};

template <class T> class task_promise<T &> : public task_promise_base {
  public:
    task<T &> get_return_object() noexcept;
    void unhandled_exception() noexcept { thrown_ = std::current_exception(); }
    void return_value(T &value) noexcept { result_ = &value; }

    T &take() {
        if (thrown_) std::rethrow_exception(std::move(thrown_));
        return *result_;
    }

  private:
    T *result_ = nullptr;
    std::exception_ptr thrown_;
};

template <> class task_promise<void> : public task_promise_base {
  public:
    task<void> get_return_object() noexcept;
    void unhandled_exception() noexcept { thrown_ = std::current_exception(); }
    void return_void() const noexcept {}

    void take() {
        if (thrown_) std::rethrow_exception(std::move(thrown_));
    }

  private:
    std::exception_ptr thrown_;
};

} // namespace detail

/**
 * A coroutine that begins when it is awaited, as `co_await work()`; see also run(), spawn() and
 * when_all(). Its result or its exception goes to the coroutine that awaits it. Can be moved, but
 * not copied.
 *
 * A task is awaited once, and is empty from then on: `co_await std::move(work)`. Without the move
 * it does not compile. Awaiting an empty task throws an error with status::invalid_argument, as
 * does passing one to run() or spawn().
 *
 * Destroying a task destroys what its coroutine holds; if it is suspended, the operation that it
 * waits for is abandoned as if it were cancelled. Do that only on the thread that drives the loop,
 * and before the loop is destroyed.
 */
template <class T = void> class [[nodiscard]] task {
  public:
    using promise_type = detail::task_promise<T>;

    /** An empty task. */
    task() noexcept = default;

    /** Takes over the coroutine. */
    explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

    task(task &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    task &operator=(task &&other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~task() {
        if (handle_) handle_.destroy();
    }

    /** Begins, and waits for the end. */
    auto operator co_await() && {
        struct awaiter {
            bool await_ready() const noexcept { return false; }
            /* Not a transfer to the task: for one that ends at once, gcc would need stack that
             * grows with each, unless it optimizes. */
            bool await_suspend(std::coroutine_handle<> parent) const {
                awaited.handle_.resume();
                if (awaited.handle_.done()) return false;
                awaited.handle_.promise().continuation = parent;
                return true;
            }
            T await_resume() const { return awaited.handle_.promise().take(); }

            task awaited;
        };
        detail::require_coroutine(handle_);
        return awaiter{std::move(*this)};
    }
    /** A task is awaited once: `co_await std::move(work)`. */
    void operator co_await() & = delete;

    /** The coroutine; null if the task is empty. */
    std::coroutine_handle<promise_type> handle() const noexcept { return handle_; }

  private:
    std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T> task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}
template <class T> task<T &> task_promise<T &>::get_return_object() noexcept {
    return task<T &>(std::coroutine_handle<task_promise>::from_promise(*this));
}
inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

} // namespace detail

} // namespace wsline

#endif
