/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/asio/handler.hpp
 * @brief Completion handlers that wait for an operation. Part of wsline/asio.hpp and
 * wsline/boost_asio.hpp.
 */
#ifndef WSLINE_ASIO_HANDLER_HPP
#define WSLINE_ASIO_HANDLER_HPP

#include <wsline/asio/clients.hpp>
#include <wsline/asio/driver.hpp>
#include <wsline/async/operations.hpp>
#include <wsline/message.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace wsline::detail {

/** The copy of a message. */
struct asio_message {
    std::string payload;
    /** Until the handler that got it has returned, perhaps on another thread. */
    std::atomic<bool> is_lent{false};
};

/** Keeps a message while its handler runs, which may destroy the client or receive again. */
class asio_loan {
  public:
    asio_loan() noexcept = default;
    explicit asio_loan(std::shared_ptr<asio_message> message) noexcept
        : message_(std::move(message)) {
        message_->is_lent.store(true, std::memory_order_relaxed);
    }
    asio_loan(asio_loan &&) noexcept = default;
    asio_loan &operator=(asio_loan &&other) noexcept {
        std::swap(message_, other.message_);
        return *this;
    }
    ~asio_loan() {
        if (message_) message_->is_lent.store(false, std::memory_order_release);
    }

  private:
    std::shared_ptr<asio_message> message_;
};

/** What a client and the handlers that wait for it share. */
template <class Net> struct asio_shared : std::enable_shared_from_this<asio_shared<Net>> {
    explicit asio_shared(std::shared_ptr<asio_turns<Net>> driving)
        : turns(std::move(driving)),
          clients(Net::template service_of<asio_clients<Net>>(turns->executor())),
          work(turns->loop, turns.get()) {
        clients.add(*this);
    }
    ~asio_shared() { clients.remove(*this); }

    /** Makes `message` outlive the callback: handlers may run on another executor. */
    asio_loan keep(message_view &message) {
        if (!kept || kept->is_lent.load(std::memory_order_acquire))
            kept = std::make_shared<asio_message>();
        kept->payload.assign(message.text());
        wsline_message copy = message.raw();
        copy.data =
            static_cast<const std::uint8_t *>(static_cast<const void *>(kept->payload.c_str()));
        message = message_view(copy);
        return asio_loan(kept);
    }

    std::shared_ptr<asio_turns<Net>> turns;
    asio_clients<Net> &clients;
    /** Valid until the next message, for coroutines and futures. */
    std::shared_ptr<asio_message> kept;
    error_info last_failure;
    /* Destroyed first: what is pending uses the members before. */
    operations work;
};

/** Where handlers cannot be cancelled one by one. */
struct no_cancellation {
    static constexpr bool is_connected() noexcept { return false; }
    static void clear() noexcept {}
    template <class F> static void assign(F &&) noexcept {}
};

/** A completion handler that waits. It deletes itself when it calls the handler. */
template <class Net, class R, class H> class asio_handler final : public waiter<R> {
  public:
    /** Begins an operation; `begin` returns whether it has ended at once. */
    template <class Begin>
    static void start(const std::shared_ptr<asio_shared<Net>> &client, slot<R> operations::*at,
                      H handler, Begin begin) {
        asio_handler *self = make(*client, std::move(handler));
        bool has_ended = true;
        try {
            has_ended = begin(client->work, *self);
        } catch (...) {
            self->destroy();
            throw;
        }
        if (has_ended)
            self->resume(when::later);
        else
            self->let_cancel(client, at, (client->work.*at).serial);
    }

    void disarm() noexcept override {
        if (cancellation_.is_connected()) cancellation_.clear();
    }

    void abandon() noexcept override { destroy(); }

    void resume(when how) override {
        const auto ec =
            this->failure ? Net::code_of(this->failure->status()) : typename Net::error_code();
        if (this->failure) client_->last_failure = std::move(*this->failure);
        [[maybe_unused]] asio_loan loan;
        if constexpr (std::is_same_v<R, message_view>) {
            if (!ec) loan = client_->keep(this->result);
        }
        /* The memory must be free when the handler is called. */
        auto guard = std::move(work_);
        auto executor = guard.get_executor();
        auto call = [handler = std::move(handler_), ec, result = std::move(this->result),
                     loan = std::move(loan)]() mutable {
            if constexpr (std::is_same_v<R, nothing>)
                std::move(handler)(ec);
            else
                std::move(handler)(ec, std::move(result));
        };
        destroy();
        if (how == when::later) return Net::post(executor, std::move(call));
        /* An exception must not end the other operations that end with this one. */
        Net::dispatch(executor, [executor, call = std::move(call)]() mutable {
            try {
                call();
            } catch (...) {
                Net::post(executor,
                          [thrown = std::current_exception()] { std::rethrow_exception(thrown); });
            }
        });
    }

  private:
    using allocator = typename std::allocator_traits<
        typename Net::template allocator_of<H>>::template rebind_alloc<asio_handler>;
    using executor_type = typename Net::template executor_of<H>;

    asio_handler(asio_shared<Net> &client, H &&handler)
        : client_(&client), work_(Net::executor_for(handler, client.turns->executor())),
          cancellation_(Net::cancellation_of(handler)), handler_(std::move(handler)) {}
    ~asio_handler() = default;

    static asio_handler *make(asio_shared<Net> &client, H &&handler) {
        allocator memory(Net::allocator_for(handler));
        asio_handler *self = std::allocator_traits<allocator>::allocate(memory, 1);
        try {
            return new (self) asio_handler(client, std::move(handler));
        } catch (...) {
            std::allocator_traits<allocator>::deallocate(memory, self, 1);
            throw;
        }
    }

    void destroy() noexcept {
        allocator memory(Net::allocator_for(handler_));
        this->~asio_handler();
        std::allocator_traits<allocator>::deallocate(memory, this, 1);
    }

    /** A request to cancel must not end the operation inside the call that makes it. */
    void let_cancel(const std::shared_ptr<asio_shared<Net>> &client, slot<R> operations::*at,
                    std::uint64_t serial) {
        if (!cancellation_.is_connected()) return;
        auto cancel = [weak = std::weak_ptr<asio_shared<Net>>(client), at, serial] {
            if (auto shared = weak.lock())
                shared->work.cancel(at, serial,
                                    error_info(status::aborted, "the operation was cancelled"),
                                    when::now);
        };
        auto executor = client->turns->executor();
        cancellation_.assign([cancel, executor](auto) { Net::post(executor, cancel); });
    }

    asio_shared<Net> *client_;
    typename Net::template work_guard<executor_type> work_;
    typename Net::cancellation cancellation_;
    H handler_;
};

} // namespace wsline::detail

#endif
