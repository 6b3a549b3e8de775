/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/asio/driver.hpp
 * @brief A loop that Asio drives. Part of wsline/asio.hpp and wsline/boost_asio.hpp.
 *
 * `Net` is what differs between Asio and Boost.Asio: see wsline/asio.hpp.
 */
#ifndef WSLINE_ASIO_DRIVER_HPP
#define WSLINE_ASIO_DRIVER_HPP

#include <wsline/async/operations.hpp>
#include <wsline/loop.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

namespace wsline {

namespace detail {

/** The loop, and what Asio waits for. Handlers that are pending keep it. */
template <class Net>
class asio_turns final : public observer, public std::enable_shared_from_this<asio_turns<Net>> {
  public:
    explicit asio_turns(const typename Net::executor &executor)
        : descriptor_(executor, loop.fd()), timer_(executor), executor_(executor) {}
    asio_turns(const asio_turns &) = delete;
    asio_turns &operator=(const asio_turns &) = delete;
    ~asio_turns() {
        /* It belongs to the loop, which closes it. */
        try {
            descriptor_.release();
        } catch (...) { /* It does not throw for a descriptor that is open. */
        }
    }

    const typename Net::executor &executor() const noexcept { return executor_; }

    /** Something has to be driven. */
    void begins() override {
        if (users_++ == 0) look_soon();
    }

    /** The same is not to be driven any more. */
    void ends() noexcept override {
        if (--users_ != 0) return;
        timer_at_ = clock::time_point::max();
        try {
            timer_.cancel();
            descriptor_.cancel();
        } catch (...) { /* Then a handler that is pending is called once more, in vain. */
        }
    }

    wsline::loop loop;

  private:
    using clock = std::chrono::steady_clock;

    void look_soon() {
        if (std::exchange(is_posted_, true)) return;
        Net::post(executor_, [self = this->shared_from_this()] {
            self->is_posted_ = false;
            self->turn();
        });
    }

    void turn() {
        if (users_ == 0) return;
        try {
            loop.run_once(std::chrono::milliseconds(0));
        } catch (...) {
            wait_for_next();
            throw;
        }
        wait_for_next();
    }

    void wait_for_next() {
        if (users_ == 0) return;
        const timeout next = loop.next_timeout();
        /* The descriptor does not show what is left over. Other handlers run in between. */
        if (next.ms() == 0) return look_soon();
        if (!std::exchange(is_waiting_, true))
            descriptor_.async_wait(Net::descriptor::wait_read,
                                   [self = this->shared_from_this()](const auto &ec) {
                                       self->is_waiting_ = false;
                                       if (!ec || self->users_ != 0) self->turn();
                                   });
        if (next == no_timeout) return;
        const auto deadline = clock::now() + next.duration();
        /* Waking up too early costs less than setting the timer each time. */
        if (deadline >= timer_at_) return;
        timer_at_ = deadline;
        timer_.expires_at(deadline);
        timer_.async_wait([self = this->shared_from_this(), deadline](const auto &ec) {
            if (ec || self->timer_at_ != deadline) return;
            self->timer_at_ = clock::time_point::max();
            self->turn();
        });
    }

    typename Net::descriptor descriptor_;
    typename Net::timer timer_;
    typename Net::executor executor_;
    clock::time_point timer_at_ = clock::time_point::max();
    std::size_t users_ = 0;
    bool is_posted_ = false, is_waiting_ = false;
};

} // namespace detail

/**
 * Lets an io_context, or another execution context, drive a wsline::loop: `wsline::asio_driver`,
 * `wsline::boost_asio_driver`; see wsline_loop_fd().
 *
 * It drives while a client of it is connecting or connected, and keeps io_context::run() from
 * returning meanwhile; for apps that you add to the loop yourself, call start(). An exception that
 * leaves a callback of an app comes out of io_context::run(), which may then be called again.
 *
 * All callbacks and handlers run on its executor: the driver, its loop's apps and its clients must
 * be used only there. If several threads run the context, that has to be a strand.
 *
 * The io_context must outlive it and its clients, which may outlive the driver. Can be moved, but
 * not copied.
 */
template <class Net> class basic_asio_driver {
  public:
    using executor_type = typename Net::executor;

    /** A driver with a loop of its own on an executor. */
    explicit basic_asio_driver(const executor_type &executor)
        : turns_(std::make_shared<detail::asio_turns<Net>>(executor)) {}

    /** The same on the executor of an io_context or another context. */
    template <
        class Context,
        std::enable_if_t<std::is_convertible_v<decltype(std::declval<Context &>().get_executor()),
                                               executor_type> &&
                             !std::is_same_v<Context, basic_asio_driver>,
                         int> = 0>
    explicit basic_asio_driver(Context &context) : basic_asio_driver(context.get_executor()) {}

    basic_asio_driver(basic_asio_driver &&other) noexcept
        : turns_(std::move(other.turns_)), is_started_(std::exchange(other.is_started_, false)) {}
    basic_asio_driver &operator=(basic_asio_driver &&other) noexcept {
        std::swap(turns_, other.turns_);
        std::swap(is_started_, other.is_started_);
        return *this;
    }
    ~basic_asio_driver() { stop(); }

    /** The executor. */
    executor_type get_executor() const noexcept { return turns_->executor(); }

    /** The loop, for apps and timers of your own; do not drive it. */
    loop_ref loop() const noexcept { return turns_->loop; }

    /** Drives the loop until stop(), also without a client. */
    void start() {
        if (!std::exchange(is_started_, true)) turns_->begins();
    }

    /** Ends start(); clients are driven as before. */
    void stop() noexcept {
        if (std::exchange(is_started_, false)) turns_->ends();
    }

  private:
    template <class> friend class basic_asio_client;

    std::shared_ptr<detail::asio_turns<Net>> turns_;
    bool is_started_ = false;
};

} // namespace wsline

#endif
