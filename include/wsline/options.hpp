/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/options.hpp
 * @brief Settings for connections and apps. Part of wsline.hpp.
 */
#ifndef WSLINE_OPTIONS_HPP
#define WSLINE_OPTIONS_HPP

#include <wsline/options/protocol.hpp>

namespace wsline {

/** Options that belong to somebody else; what on_connecting gets. */
class options_ref : public detail::protocol_options<options_ref> {
  public:
    using protocol_options::protocol_options;
};

/**
 * Settings for connections and apps, which copy what they need: a wsline_options.
 *
 * A setter is named like its function in wsline.h, without `wsline_options_` and the unit of time,
 * and returns the object:
 *
 * ```cpp
 * auto options = wsline::options().set_connect_timeout(5s).set_ping(20s, 10s).set_reconnect(true);
 * ```
 *
 * One thread at a time may modify it. Use one object for many connections: they share its TLS
 * context.
 */
class options : public detail::owner<detail::protocol_options<options>, wsline_options_free> {
  public:
    /** The defaults; see wsline_options_new(). */
    options() {
        throws on_error;
        detail::call(on_error, wsline_options_new, &handle_);
    }

    /** Takes over `handle`. */
    explicit options(wsline_options *handle) noexcept : owner(handle) {}

    /** A copy; see wsline_options_clone(). */
    options(const options &other) : options(clone(other)) {}
    explicit options(const options_ref &other) : options(clone(other)) {}
    options &operator=(const options &other) {
        if (this != &other) reset(clone(other));
        return *this;
    }
    options(options &&) noexcept = default;
    options &operator=(options &&) noexcept = default;
    ~options() = default;

    /** For functions that modify the options of somebody else. */
    operator options_ref() noexcept { return options_ref(handle_); }

  private:
    static wsline_options *clone(const detail::reference<wsline_options> &other) {
        throws on_error;
        wsline_options *copy = nullptr;
        detail::call(on_error, wsline_options_clone, other, &copy);
        return copy;
    }
};

} // namespace wsline

#endif
