/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/resolver.hpp
 * @brief Looking up names with your own function. Part of wsline.hpp.
 */
#ifndef WSLINE_RESOLVER_HPP
#define WSLINE_RESOLVER_HPP

#include <wsline/arguments.hpp>
#include <wsline/error.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

namespace wsline {

/**
 * The lookup of a name by a resolver, see options::set_resolver(): a wsline_lookup.
 *
 * It ends with finish(), fail() or by_system(), on any thread. If it is destroyed before, it fails.
 * Can be moved, but not copied.
 */
class lookup {
  public:
    /** Takes over `handle`. */
    explicit lookup(wsline_lookup *handle) noexcept : handle_(handle) {}

    lookup(lookup &&other) noexcept : handle_(other.release()) {}
    lookup &operator=(lookup &&other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~lookup() {
        if (handle_ != nullptr) wsline_lookup_fail(handle_, "the resolver gave up");
    }

    /** Ends the lookup with IP addresses, separated by commas; see wsline_lookup_finish(). */
    template <class E = throws>
    result<void, E> finish(const c_string &addresses, E &&on_error = {}) {
        return end(on_error, wsline_lookup_finish, addresses);
    }

    /** Ends the lookup without addresses; see wsline_lookup_fail(). */
    template <class E = throws> result<void, E> fail(const c_string &reason, E &&on_error = {}) {
        return end(on_error, wsline_lookup_fail, reason);
    }

    /** Lets the system look up the name; see wsline_lookup_by_system(). */
    template <class E = throws> result<void, E> by_system(E &&on_error = {}) {
        return end(on_error, wsline_lookup_by_system);
    }

    /** Whether the addresses are of no use any more; see wsline_lookup_is_cancelled(). */
    bool is_cancelled() const noexcept { return wsline_lookup_is_cancelled(handle_); }

    /** The handle, for the functions of wsline.h. */
    wsline_lookup *get() const noexcept { return handle_; }

    /** Gives the handle away: the caller ends the lookup. */
    wsline_lookup *release() noexcept { return std::exchange(handle_, nullptr); }

  private:
    /* The library frees the lookup if, and only if, it accepts its end. */
    template <class E, class... P, class... A>
    detail::outcome<void, E> end(E &on_error, wsline_status (*function)(P...),
                                 const A &...arguments) {
        return detail::call_for(on_error, [this] { release(); }, function, handle_, arguments...);
    }

    wsline_lookup *handle_;
};

namespace detail {

/** A resolver. Its exceptions end the lookup, which is destroyed meanwhile. */
template <class F> struct run_resolver {
    static void run(wsline_lookup *handle, const char *host, std::int32_t port,
                    void *userdata) noexcept {
        try {
            (*static_cast<F *>(userdata))(lookup(handle), std::string_view(host), port);
        } catch (...) {
        }
    }
};

} // namespace detail

} // namespace wsline

#endif
