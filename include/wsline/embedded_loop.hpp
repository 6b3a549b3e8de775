/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/embedded_loop.hpp
 * @brief What glib.hpp, libuv.hpp and qt.hpp have in common: a loop inside another event loop, the
 * host.
 *
 * Each of them watches loop::fd(), calls loop::run_once() without waiting, and sets a timer of the
 * host to loop::next_timeout(). The host is in control between two calls, so a busy loop does not
 * keep other sources of the host waiting.
 *
 * **Exceptions.** An exception that leaves a callback must not reach the host. The
 * exception_handler gets it, and the adapter continues to drive the loop. The handler also gets the
 * wsline::error of a loop that cannot be driven. Without a handler, the program ends with
 * std::terminate().
 *
 * **Threads.** Create, destroy and move an adapter on the thread of its host. Nothing else may
 * drive the loop meanwhile. Other threads may use it as usual, for example to post.
 *
 * **Lifetimes.** Destroy the adapter and the loop in any order, on the thread of the host, in
 * callbacks of the loop too. An adapter whose loop was destroyed does nothing. If a callback
 * destroys the adapter, callbacks that are due already may follow it. loop::stop() has no effect on
 * the host.
 *
 * **Several loops.** A host drives any number of loops, each with its own adapter. A callback may
 * run the host, where the host allows that: until the callback has returned, its loop waits.
 */
#ifndef WSLINE_EMBEDDED_LOOP_HPP
#define WSLINE_EMBEDDED_LOOP_HPP

#include <wsline/loop.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <system_error>
#include <utility>

namespace wsline {

/** Gets what callbacks throw while another event loop drives them. It must not throw itself. */
using exception_handler = std::function<void(std::exception_ptr)>;

namespace detail {

/**
 * A loop inside a host. Shared by its adapter and, while it drives, by itself: callbacks may
 * destroy the adapter.
 */
class embedded_loop : public std::enable_shared_from_this<embedded_loop> {
  public:
    embedded_loop(const embedded_loop &) = delete;
    embedded_loop &operator=(const embedded_loop &) = delete;

    /** Stops watching. */
    void close() noexcept {
        if (std::exchange(watching_, false)) unwatch();
        if (!driving_) forget_loop();
    }

  protected:
    /** Watches nothing yet. */
    embedded_loop(loop_ref loop, exception_handler on_exception)
        : loop_(loop), on_exception_(std::move(on_exception)) {
        throws on_error;
        /* When the loop is freed, the library frees the userdata of its timers: this tells the
         * adapter. The timer does not expire in the lifetime of the program. */
        constexpr std::chrono::hours centuries(24 * 365 * 300);
        detail::call(on_error, wsline_loop_post_after, loop.get(), timeout(centuries).ms(), expired,
                     this, ended, &end_notice_);
    }
    virtual ~embedded_loop() { forget_loop(); }

    /** Has the host call drive() once when `next` has passed, or earlier; replaces the last one. */
    virtual void set_timer(timeout next) noexcept = 0;

    /** Stops watching the descriptor, and the timer. */
    virtual void pause() noexcept = 0;

    /** Watches the descriptor again; set_timer() follows. */
    virtual void resume() noexcept = 0;

    /** Stops watching for good. The loop may have closed the descriptor already. */
    virtual void unwatch() noexcept = 0;

    /** Called once the host watches the descriptor; unwatch() will be called from now on. */
    void is_watched() noexcept {
        watching_ = true;
        set_timer(loop_.next_timeout());
    }

    std::int32_t fd() const noexcept { return loop_.fd(); }

    /** Whether this is a call from inside drive(). */
    bool is_driving() const noexcept { return driving_; }

    /** Does what the loop has to do. The host calls it when the descriptor or the timer is due. */
    void drive() noexcept {
        if (!watching_) return;
        if (driving_) {
            /* A callback runs the host, which would spin: the descriptor stays readable. */
            paused_ = true;
            return pause();
        }
        std::shared_ptr<embedded_loop> self = shared_from_this();
        driving_ = true;
        try {
            loop_.run_once(std::chrono::milliseconds(0));
        } catch (...) {
            if (!on_exception_) std::terminate();
            on_exception_(std::current_exception());
        }
        driving_ = false;
        if (!watching_) return forget_loop();
        if (std::exchange(paused_, false)) resume();
        set_timer(loop_.next_timeout());
    }

  private:
    static void expired(wsline_loop *, void *) noexcept {}

    /** Called when the loop has ended, and by forget_loop(). */
    static void ended(void *userdata) noexcept {
        auto *self = static_cast<embedded_loop *>(userdata);
        self->loop_ = loop_ref();
        self->close();
    }

    /** Not called in callbacks of the loop: ended() has not been called yet if one destroyed it. */
    void forget_loop() noexcept {
        std::error_code ignored;
        if (loop_) loop_.cancel_post(end_notice_, ignored);
    }

    loop_ref loop_;
    exception_handler on_exception_;
    std::uint64_t end_notice_ = 0;
    bool watching_ = false;
    bool driving_ = false;
    bool paused_ = false;
};

/** Owns an embedded_loop. Can be moved, but not copied. */
template <class Embedded> class adapter {
  public:
    adapter(adapter &&) noexcept = default;
    adapter &operator=(adapter &&other) noexcept {
        adapter moved(std::move(other));
        std::swap(embedded_, moved.embedded_);
        return *this;
    }
    ~adapter() {
        if (embedded_) embedded_->close();
    }

  protected:
    explicit adapter(std::shared_ptr<Embedded> embedded) noexcept
        : embedded_(std::move(embedded)) {}

  private:
    std::shared_ptr<Embedded> embedded_;
};

} // namespace detail

} // namespace wsline

#endif
