/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/asio/clients.hpp
 * @brief What clients need when their io_context is destroyed. Part of wsline/asio.hpp and
 * wsline/boost_asio.hpp.
 */
#ifndef WSLINE_ASIO_CLIENTS_HPP
#define WSLINE_ASIO_CLIENTS_HPP

#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

namespace wsline::detail {

template <class Net> struct asio_shared;

/**
 * The clients of an execution context. When that is destroyed, so are the handlers that wait,
 * without being called, as Asio does it with its own operations. Otherwise a coroutine that owns
 * its client would never be destroyed, because the client owns the handler that continues it.
 */
template <class Net> class asio_clients final : public Net::context::service {
  public:
    using key_type = asio_clients;
    static inline typename Net::context::id id;

    explicit asio_clients(typename Net::context &owner) : Net::context::service(owner) {}

    void add(asio_shared<Net> &client) {
        std::lock_guard<std::mutex> lock(mutex_);
        all_.insert(&client);
    }

    void remove(asio_shared<Net> &client) noexcept {
        std::lock_guard<std::mutex> lock(mutex_);
        all_.erase(&client);
    }

  private:
    void shutdown() override {
        std::vector<std::shared_ptr<asio_shared<Net>>> left;
        {
            /* A handler may destroy its client and others, which takes the lock. */
            std::lock_guard<std::mutex> lock(mutex_);
            for (asio_shared<Net> *each : all_) left.push_back(each->shared_from_this());
        }
        for (const auto &each : left) each->work.abandon();
    }

    std::mutex mutex_;
    std::unordered_set<asio_shared<Net> *> all_;
};

} // namespace wsline::detail

#endif
