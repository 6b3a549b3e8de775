/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/callback.hpp
 * @brief How lambdas become callbacks of wsline.h, and how exceptions leave them. Part of
 * wsline.hpp.
 *
 * A callable is moved to the heap and handed over as userdata. An exception must not cross the
 * library, which is not written in C++. So it is caught, what drives the app or the loop is made to
 * stop, and the function of this layer that drives it throws the exception again.
 */
#ifndef WSLINE_CALLBACK_HPP
#define WSLINE_CALLBACK_HPP

#include <wsline.h>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace wsline::detail {

/** What an app and its callbacks have in common. Belongs to the app and to each callback. */
class app_state {
  public:
    /** Keeps `thrown` for take(), unless there is one already. */
    void put(std::exception_ptr thrown) noexcept {
        std::lock_guard<std::mutex> lock(mutex_);
        if (!thrown_) thrown_ = std::move(thrown);
    }

    /** The exception of a callback, once. */
    std::exception_ptr take() noexcept {
        std::lock_guard<std::mutex> lock(mutex_);
        return std::exchange(thrown_, nullptr);
    }

    /** Set when the app is freed, perhaps by its own callback; it must not be used after that. */
    std::atomic<bool> freed{false};

  private:
    std::mutex mutex_;
    std::exception_ptr thrown_;
};

/** The states of all apps that belong to a wsline::app, for references made from a handle. */
class [[gnu::visibility("default")]] app_states {
  public:
    static app_states &of_process() {
        static app_states all;
        return all;
    }

    void add(wsline_app *app, const std::shared_ptr<app_state> &state) {
        std::lock_guard<std::mutex> lock(mutex_);
        states_[app] = state;
    }

    void remove(wsline_app *app, const std::shared_ptr<app_state> &state) noexcept {
        std::lock_guard<std::mutex> lock(mutex_);
        auto found = states_.find(app);
        if (found != states_.end() && found->second == state) states_.erase(found);
    }

    /** NULL if the app belongs to nobody, or to a program in C. */
    std::shared_ptr<app_state> find(wsline_app *app) noexcept {
        std::lock_guard<std::mutex> lock(mutex_);
        auto found = states_.find(app);
        return found == states_.end() ? nullptr : found->second;
    }

  private:
    std::mutex mutex_;
    std::unordered_map<wsline_app *, std::shared_ptr<app_state>> states_;
};

/** A call on this thread that drives an app or a loop. */
class [[gnu::visibility("default")]] driver {
  public:
    driver(wsline_app *app, std::shared_ptr<app_state> state) noexcept
        : app_(app), state_(std::move(state)) {
        innermost() = this;
    }
    explicit driver(wsline_loop *loop) noexcept : loop_(loop) { innermost() = this; }
    driver(const driver &) = delete;
    driver &operator=(const driver &) = delete;
    ~driver() { innermost() = outer_; }

    /** The last one that has begun on this thread, or NULL. */
    static driver *&innermost() noexcept {
        static thread_local driver *last = nullptr;
        return last;
    }

    /** Forgets a loop that a callback frees. */
    static void forget(wsline_loop *loop) noexcept {
        for (driver *each = innermost(); each != nullptr; each = each->outer_)
            if (each->loop_ == loop) each->loop_ = nullptr;
    }

    /** Makes the call return, and keeps the first exception for it to throw. */
    void stop(std::exception_ptr thrown) noexcept {
        if (!thrown_) thrown_ = std::move(thrown);
        if (loop_ != nullptr) wsline_loop_stop(loop_);
        if (app_ != nullptr && !(state_ && state_->freed)) wsline_app_abort(app_);
    }

    /** Throws the exception of a callback, if there was one. */
    void rethrow() {
        if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    }

  private:
    driver *outer_ = innermost();
    wsline_app *app_ = nullptr;
    wsline_loop *loop_ = nullptr;
    std::shared_ptr<app_state> state_;
    std::exception_ptr thrown_;
};

/**
 * Hands the exception that a callback has thrown to the call on this thread that drives or, if the
 * app has a thread of its own, to app::join(). If there is neither, the program ends.
 */
inline void carry(wsline_app *app, const std::shared_ptr<app_state> &state) noexcept {
    if (driver *driving = driver::innermost()) {
        driving->stop(std::current_exception());
    } else if (state != nullptr) {
        state->put(std::current_exception());
        if (!state->freed) wsline_app_abort(app);
    } else {
        std::terminate();
    }
}

/**
 * Calls `fn` with `self`, the app or loop, and the arguments or, if it does not take `self`, with
 * the arguments alone.
 */
template <class F, class Self, class... A>
decltype(auto) invoke(F &fn, Self &&self, A &&...arguments) {
    if constexpr (std::is_invocable_v<F &, Self, A...>) {
        return fn(std::forward<Self>(self), std::forward<A>(arguments)...);
    } else {
        static_assert(std::is_invocable_v<F &, A...>,
                      "the callback must take the arguments that the documentation of the function "
                      "to which it is passed names, with or without the app_ref or loop_ref");
        return fn(std::forward<A>(arguments)...);
    }
}

/** The userdata of a callback of an app: a callable, or an object with several callbacks. */
template <class F> struct app_callback {
    F fn;
    std::shared_ptr<app_state> state;

    /** Calls `body(fn)`, and takes care of its exception. */
    template <class Body>
    static void run(wsline_app *app, void *userdata, const Body &body) noexcept {
        auto *self = static_cast<app_callback *>(userdata);
        try {
            body(self->fn);
        } catch (...) {
            carry(app, self->state);
        }
    }
};

/** A function posted to a loop; `Ref` is loop_ref. */
template <class Ref, class F> struct loop_callback {
    F fn;

    static void run(wsline_loop *loop, void *userdata) noexcept {
        try {
            invoke(static_cast<loop_callback *>(userdata)->fn, Ref(loop));
        } catch (...) {
            carry(nullptr, nullptr);
        }
    }
};

/** Frees the userdata of a callback. */
template <class T> void delete_userdata(void *userdata) noexcept {
    delete static_cast<T *>(userdata);
}

} // namespace wsline::detail

#endif
