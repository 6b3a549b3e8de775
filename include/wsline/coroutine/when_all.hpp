/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/coroutine/when_all.hpp
 * @brief Several tasks at the same time. Part of wsline/coroutine.hpp.
 */
#ifndef WSLINE_COROUTINE_WHEN_ALL_HPP
#define WSLINE_COROUTINE_WHEN_ALL_HPP

#include <wsline/coroutine/task.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace wsline {

namespace detail {

/** How the result of a task is kept until all have ended. */
template <class T> struct kept_result {
    using type = T;
};
template <class T> struct kept_result<T &> {
    using type = std::reference_wrapper<T>;
};
template <> struct kept_result<void> {
    using type = std::monostate;
};
template <class T> using kept_result_t = typename kept_result<T>::type;

/** The result in a tuple: a reference remains one. */
template <class T>
using tuple_result_t = std::conditional_t<std::is_reference_v<T>, T, kept_result_t<T>>;

/** What when_all() returns: nothing if no task has a result. */
template <class... T>
using all_results = std::conditional_t<std::conjunction_v<std::is_void<T>...>, void,
                                       std::tuple<tuple_result_t<T>...>>;

/** Waits for several tasks. */
class joining {
  public:
    joining(std::size_t count, std::stop_source stop) : stop_(std::move(stop)), left_(count) {
        parts_.reserve(count);
    }
    joining(const joining &) = delete;
    joining &operator=(const joining &) = delete;

    /** Adds a task, whose result goes to `into`. */
    template <class T> void add(task<T> work, std::optional<kept_result_t<T>> &into) {
        parts_.push_back(part(std::move(work), into, *this));
    }

    bool await_ready() const noexcept { return parts_.empty(); }
    bool await_suspend(std::coroutine_handle<> parent) {
        /* One more, so that the last task to begin does not continue this one yet. */
        ++left_;
        for (const task<void> &each : parts_) each.handle().resume();
        parent_ = parent;
        return --left_ != 0;
    }
    void await_resume() const {
        if (thrown_) std::rethrow_exception(thrown_);
    }

  private:
    /** Continues whoever waits for all, if this is the last to end. */
    template <class T>
    static task<void> part(task<T> work, std::optional<kept_result_t<T>> &into, joining &all) {
        try {
            if constexpr (std::is_void_v<T>) {
                co_await std::move(work);
                into.emplace();
            } else {
                into.emplace(co_await std::move(work));
            }
        } catch (...) {
            if (!all.thrown_) all.thrown_ = std::current_exception();
            all.stop_.request_stop();
        }
        co_await last_step{all};
    }

    struct last_step {
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept {
            return --all.left_ == 0 ? all.parent_ : std::noop_coroutine();
        }
        void await_resume() const noexcept {}

        joining &all;
    };

    std::stop_source stop_;
    std::vector<task<void>> parts_;
    std::size_t left_;
    std::coroutine_handle<> parent_;
    std::exception_ptr thrown_;
};

} // namespace detail

/**
 * Runs tasks at the same time, on one thread, until all have ended, and returns a `std::tuple` of
 * their results, in the order of the arguments: `auto [a, b] = co_await when_all(one(), two())`.
 *
 * The result of a `task<>` among them is a `std::monostate`; if all are `task<>`, there is no
 * tuple, and when_all() is a `task<>`, too.
 *
 * A failure does not end the other tasks. When all have ended, the exception that was the first in
 * time is thrown; other exceptions and the results are lost. With a `std::stop_source` as the first
 * argument, it is asked to stop at the first failure, so that tasks with its token end early:
 * `when_all(stop, reads(client, stop.get_token()), writes(client, stop.get_token()))`.
 */
template <class First, class... More>
task<detail::all_results<First, More...>> when_all(std::stop_source stop, task<First> first,
                                                   task<More>... more) {
    std::tuple<std::optional<detail::kept_result_t<First>>,
               std::optional<detail::kept_result_t<More>>...>
        kept;
    detail::joining all(1 + sizeof...(more), std::move(stop));
    std::apply(
        [&](auto &first_kept, auto &...more_kept) {
            all.add(std::move(first), first_kept);
            (all.add(std::move(more), more_kept), ...);
        },
        kept);
    co_await all;
    if constexpr (!std::is_void_v<detail::all_results<First, More...>>)
        co_return std::apply(
            [](auto &...each) { return detail::all_results<First, More...>(*std::move(each)...); },
            kept);
}
template <class First, class... More>
task<detail::all_results<First, More...>> when_all(task<First> first, task<More>... more) {
    return when_all(std::stop_source(std::nostopstate), std::move(first), std::move(more)...);
}

/**
 * The same for any number of tasks of one type. Returns a vector of their results: of
 * `std::reference_wrapper` for references, and nothing for `task<>`.
 */
template <class T>
task<std::conditional_t<std::is_void_v<T>, void, std::vector<detail::kept_result_t<T>>>>
when_all(std::stop_source stop, std::vector<task<T>> tasks) {
    std::vector<std::optional<detail::kept_result_t<T>>> kept(tasks.size());
    detail::joining all(tasks.size(), std::move(stop));
    for (std::size_t i = 0; i < tasks.size(); i++) all.add(std::move(tasks[i]), kept[i]);
    co_await all;
    if constexpr (!std::is_void_v<T>) {
        std::vector<detail::kept_result_t<T>> results;
        results.reserve(kept.size());
        for (auto &each : kept) results.push_back(*std::move(each));
        co_return results;
    }
}
template <class T> auto when_all(std::vector<task<T>> tasks) {
    return when_all(std::stop_source(std::nostopstate), std::move(tasks));
}

} // namespace wsline

#endif
