/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/core.hpp
 * @brief What the connections and timers of an endpoint share: its loop, its logs, and what keeps
 * run() from returning. Part of wsline/compat/websocketpp_client.hpp.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_CORE_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_CORE_HPP

#include <wsline.hpp>
#include <wsline/compat/websocketpp/error.hpp>
#include <wsline/compat/websocketpp/log.hpp>

#include <atomic>
#include <deque>
#include <type_traits>

namespace websocketpp {

class connection_base;

/** Called with an error code when a timer has expired or was cancelled. */
using timer_handler = lib::function<void(const lib::error_code &)>;

namespace detail {

/** Drives the loop of an endpoint, if run() does not do so itself. */
class host {
  public:
    virtual ~host() = default;
    /** What core::has_work() returns may have changed. */
    virtual void work_has_changed() = 0;
    /** A handler has thrown: core::rethrow() has to be called. */
    virtual void handler_has_thrown() = 0;
};

/** The shared part of an endpoint, which may end before its connections do. */
class core {
  public:
    core() { loop = own_loop_; }

    wsline::loop_ref loop;
    log::basic<log::alevel> alog{&std::cout};
    log::basic<log::elevel> elog{&std::cerr};
    std::atomic<bool> is_stopped{false};
    /** Handlers that have run. */
    std::atomic<std::size_t> handled{0};

    /** Lets another event loop drive this loop of its own; before anything else is called. */
    void set_host(wsline::loop_ref hosted_loop, lib::shared_ptr<host> driver) {
        loop = hosted_loop;
        host_ = std::move(driver);
    }
    bool has_host() const noexcept { return host_ != nullptr; }

    /** Keeps a connection alive, and run() running, until remove(). */
    void add(const lib::shared_ptr<connection_base> &connection) {
        {
            lib::lock_guard<lib::mutex> lock(mutex_);
            connections_.insert(connection);
        }
        work_has_changed();
    }
    void remove(const lib::shared_ptr<connection_base> &connection) {
        {
            lib::lock_guard<lib::mutex> lock(mutex_);
            connections_.erase(connection);
        }
        work_has_changed();
    }

    /** Keeps run() running while there is nothing to do. */
    void set_perpetual(bool enable) {
        is_perpetual_ = enable;
        work_has_changed();
    }

    /** Keeps run() running for a timer or a post, until end_wait(). */
    void begin_wait() {
        ++waiting_;
        work_has_changed();
    }
    void end_wait() {
        --waiting_;
        work_has_changed();
    }

    /** Whether run() has something to wait for. */
    bool has_work() {
        lib::lock_guard<lib::mutex> lock(mutex_);
        return !has_ended_ && (is_perpetual_ || waiting_ > 0 || !connections_.empty());
    }

    /** Calls `fn` on the thread that runs the endpoint; handlers are called in it by call(). */
    template <class F> void post(F fn) {
        begin_wait();
        loop.post([this, fn = std::move(fn)]() mutable {
            end_wait();
            fn();
        });
    }

    /**
     * Calls a handler, if there is one. Its exception comes out of run(). Several handlers may run
     * until then, so exceptions wait for a call of run() each.
     */
    template <class F, class... A> void call(F &handler, A &&...arguments) {
        ++handled;
        if constexpr (std::is_constructible_v<bool, F>) {
            if (!handler) return;
        }
        try {
            handler(std::forward<A>(arguments)...);
        } catch (...) {
            thrown_.push_back(std::current_exception());
            if (host_)
                host_->handler_has_thrown();
            else
                loop.stop();
        }
    }

    /** Throws the oldest exception of a handler, if there is one. */
    void rethrow() {
        if (thrown_.empty()) return;
        std::exception_ptr oldest = std::move(thrown_.front());
        thrown_.pop_front();
        std::rethrow_exception(oldest);
    }

    /** Ends posts and timers, and returns the connections, which have to be dropped. */
    std::set<lib::shared_ptr<connection_base>> end() {
        std::set<lib::shared_ptr<connection_base>> connections;
        {
            lib::lock_guard<lib::mutex> lock(mutex_);
            connections.swap(connections_);
            has_ended_ = true;
        }
        work_has_changed();
        return connections;
    }

    /** Frees the loop; no handler runs any more. */
    void free_loop() {
        loop = wsline::loop_ref();
        host_ = nullptr;
        own_loop_.reset();
    }

  private:
    void work_has_changed() {
        if (host_) host_->work_has_changed();
    }

    wsline::loop own_loop_;
    lib::shared_ptr<host> host_;
    lib::mutex mutex_;
    std::set<lib::shared_ptr<connection_base>> connections_;
    bool has_ended_ = false;
    std::atomic<bool> is_perpetual_{false};
    /** Timers and posts that have not run yet. */
    std::atomic<std::size_t> waiting_{0};
    /** Only for the thread that runs the endpoint. */
    std::deque<std::exception_ptr> thrown_;
};

} // namespace detail

/** A timer of set_timer(). */
class timer : public std::enable_shared_from_this<timer> {
  public:
    timer(const lib::shared_ptr<detail::core> &core, timer_handler handler)
        : core_(core), handler_(std::move(handler)) {}

    /** Begins to wait. */
    void start(const lib::shared_ptr<detail::core> &core, long duration_ms) {
        lib::lock_guard<lib::mutex> lock(mutex_);
        core->begin_wait();
        post_id_ = core->loop.post_after(std::chrono::milliseconds(duration_ms),
                                         [self = shared_from_this(), owner = core.get()] {
                                             owner->end_wait();
                                             self->call(*owner, {});
                                         });
    }

    /** Makes run() call the handler with operation_aborted, unless the timer has expired. */
    void cancel() {
        lib::lock_guard<lib::mutex> lock(mutex_);
        lib::error_code failed;
        auto core = core_.lock();
        if (!core) return;
        core->loop.cancel_post(post_id_, failed);
        if (failed) return;
        core->post([self = shared_from_this(), owner = core.get()] {
            self->call(*owner,
                       transport::error::make_error_code(transport::error::operation_aborted));
        });
        core->end_wait();
    }

  private:
    void call(detail::core &owner, lib::error_code code) {
        mutex_.lock();
        timer_handler handler = std::exchange(handler_, nullptr);
        mutex_.unlock();
        owner.call(handler, code);
    }

    lib::weak_ptr<detail::core> core_;
    lib::mutex mutex_;
    timer_handler handler_;
    std::uint64_t post_id_ = 0;
};

namespace detail {

/** Calls `handler` after a while, or when the timer is cancelled. */
inline lib::shared_ptr<timer> set_timer(const lib::shared_ptr<core> &core, long duration_ms,
                                        timer_handler handler) {
    auto created = lib::make_shared<timer>(core, std::move(handler));
    created->start(core, duration_ms);
    return created;
}

} // namespace detail

} // namespace websocketpp

#endif
