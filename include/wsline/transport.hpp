/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/transport.hpp
 * @brief Carrying the bytes with your own functions instead of a socket. Part of wsline.hpp.
 */
#ifndef WSLINE_TRANSPORT_HPP
#define WSLINE_TRANSPORT_HPP

#include <wsline/callback.hpp>
#include <wsline/error.hpp>
#include <wsline/handle.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace wsline {

/** Returned by the functions of a transport: nothing can be read or written now. */
inline constexpr std::int64_t transport_not_ready = WSLINE_TRANSPORT_NOT_READY;

/** Returned by the functions of a transport: it has failed. An exception means the same. */
inline constexpr std::int64_t transport_failed = WSLINE_TRANSPORT_FAILED;

/** What a transport's `wait` waits for. */
struct transport_events {
    /** Until something can be read: WSLINE_TRANSPORT_READABLE. */
    bool readable;
    /** Until something can be written: WSLINE_TRANSPORT_WRITABLE. */
    bool writable;
};

namespace detail {

/** The functions of a transport, which the library calls with locks held. */
template <class Read, class Write, class Wait> struct transport_functions {
    Read read;
    Write write;
    Wait wait;

    static std::int64_t run_read(void *data, std::size_t size, void *userdata) noexcept {
        try {
            return static_cast<transport_functions *>(userdata)->read(data, size);
        } catch (...) {
            return transport_failed;
        }
    }

    static std::int64_t run_write(const void *data, std::size_t size, void *userdata) noexcept {
        try {
            return static_cast<transport_functions *>(userdata)->write(data, size);
        } catch (...) {
            return transport_failed;
        }
    }

    static std::int32_t run_wait(std::uint32_t events, std::int64_t timeout_ms,
                                 void *userdata) noexcept {
        transport_events wanted{(events & WSLINE_TRANSPORT_READABLE) != 0,
                                (events & WSLINE_TRANSPORT_WRITABLE) != 0};
        try {
            bool ready = static_cast<transport_functions *>(userdata)->wait(
                wanted, std::chrono::milliseconds(timeout_ms));
            return ready ? 1 : 0;
        } catch (...) {
            return WSLINE_TRANSPORT_FAILED;
        }
    }
};

} // namespace detail

/**
 * Carries bytes to and from a server with your own functions: a wsline_transport. Serves one
 * connection; see options::set_transport().
 */
class transport : public detail::owner<detail::reference<wsline_transport>, wsline_transport_free> {
  public:
    /** An empty object. */
    transport() noexcept = default;

    /** Takes over `handle`. */
    explicit transport(wsline_transport *handle) noexcept : owner(handle) {}

    /**
     * A transport from functions that read and write without waiting; see wsline_transport_new().
     *
     * @param read   `std::int64_t (void *data, std::size_t size)`: bytes read, 0 at the end,
     *               transport_not_ready or transport_failed.
     * @param write  `std::int64_t (const void *data, std::size_t size)`: bytes written,
     *               transport_not_ready or transport_failed.
     */
    template <class Read, class Write> transport(Read read, Write write) {
        create(new detail::transport_functions<Read, Write, std::nullptr_t>{std::move(read),
                                                                            std::move(write),
                                                                            nullptr},
               nullptr);
    }

    /**
     * The same with a function that waits, for blocking calls.
     *
     * @param wait  `bool (transport_events, std::chrono::milliseconds)`: true if the transport may
     *              be ready, false if the time is up; an exception means that it has failed.
     */
    template <class Read, class Write, class Wait> transport(Read read, Write write, Wait wait) {
        using functions = detail::transport_functions<Read, Write, Wait>;
        create(new functions{std::move(read), std::move(write), std::move(wait)},
               functions::run_wait);
    }

    /** Says that reading or writing may be possible again; see wsline_transport_ready(). */
    template <class E = throws> result<void, E> ready(E &&on_error = {}) {
        return detail::call(on_error, wsline_transport_ready, handle_);
    }

  private:
    template <class Functions> void create(Functions *functions, wsline_transport_wait_fn wait) {
        throws on_error;
        detail::call(on_error, wsline_transport_new, Functions::run_read, Functions::run_write,
                     wait, functions, detail::delete_userdata<Functions>, &handle_);
    }
};

} // namespace wsline

#endif
