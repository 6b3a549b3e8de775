/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/async/waiter.hpp
 * @brief Who waits for an operation, and where it is registered. Part of wsline/coroutine.hpp and
 * wsline/asio.hpp.
 */
#ifndef WSLINE_ASYNC_WAITER_HPP
#define WSLINE_ASYNC_WAITER_HPP

#include <wsline/error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace wsline::detail {

class operations;

/** The result of an operation that has none. */
struct nothing {};

/** Whether the waiter may continue inside the current call. */
enum class when { now, later };

template <class R> class slot;

/** Somebody that waits for the result of an operation: a coroutine, or a completion handler. */
template <class R> class waiter {
  public:
    waiter(const waiter &) = delete;
    waiter &operator=(const waiter &) = delete;

    /** Why the operation has failed, if it has. */
    std::optional<error_info> failure;
    /** Its result otherwise. */
    R result{};
    /** Where it waits; set by that slot. */
    slot<R> *place = nullptr;

    /** The operation has ended: other threads must not ask to cancel it any more. */
    virtual void disarm() noexcept = 0;

    /** Continues; it may destroy this object, and the client. */
    virtual void resume(when how) = 0;

    /** What would continue it is being destroyed. A coroutine is left to its owner. */
    virtual void abandon() noexcept {}

  protected:
    waiter() = default;
    ~waiter() {
        if (place != nullptr) place->leave();
    }
};

/** The place for one waiter. It may be moved while somebody waits. */
template <class R> class slot {
  public:
    using clock = std::chrono::steady_clock;
    using hook = void (operations::*)() noexcept;

    /** `left` is called if the waiter is destroyed. */
    slot(operations &owner, hook left) noexcept : owner_(&owner), left_(left) {}

    /** Takes the waiter, but not the owner: other threads cannot cancel it any more. */
    slot(slot &&other) noexcept : who_(std::exchange(other.who_, nullptr)) {
        if (who_ == nullptr) return;
        who_->place = this;
        who_->disarm();
    }
    slot &operator=(slot &&) = delete;

    /** Nobody is left waiting. */
    ~slot() {
        if (who_ != nullptr)
            fail(error_info(status::aborted, "the client was destroyed"), when::later);
    }

    /** Other threads must not ask to cancel it any more: they would use the app. */
    void disarm() noexcept {
        if (who_ != nullptr) who_->disarm();
    }

    /** Whether somebody waits. */
    explicit operator bool() const noexcept { return who_ != nullptr; }

    void put(waiter<R> &who, clock::time_point until) noexcept {
        who_ = &who;
        who.place = this;
        deadline = until;
        ++serial;
    }

    /** The waiter is being destroyed. */
    void leave() noexcept {
        who_ = nullptr;
        if (owner_ != nullptr) (owner_->*left_)();
    }

    /** Ends the wait, if there is one. Then this object may no longer exist. */
    void finish(R result, when how = when::now) {
        if (waiter<R> *who = remove()) {
            who->result = std::move(result);
            who->resume(how);
        }
    }

    /** The same with a failure. */
    void fail(error_info failure, when how = when::now) {
        if (waiter<R> *who = remove()) {
            who->failure = std::move(failure);
            who->resume(how);
        }
    }

    /** Ends the wait without a result. Requests to cancel it need not be possible any more. */
    void abandon() noexcept {
        waiter<R> *who = std::exchange(who_, nullptr);
        if (who == nullptr) return;
        who->place = nullptr;
        who->abandon();
    }

    /** When the wait times out. */
    clock::time_point deadline = clock::time_point::max();
    /** Counts the waits, so that a late request to cancel one does not hit the next. */
    std::uint64_t serial = 0;

  private:
    waiter<R> *remove() noexcept {
        waiter<R> *who = std::exchange(who_, nullptr);
        if (who != nullptr) {
            who->place = nullptr;
            who->disarm();
        }
        return who;
    }

    waiter<R> *who_ = nullptr;
    operations *owner_ = nullptr;
    hook left_ = nullptr;
};

} // namespace wsline::detail

#endif
