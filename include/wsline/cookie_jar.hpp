/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/cookie_jar.hpp
 * @brief Cookies that connections share. Part of wsline.hpp.
 */
#ifndef WSLINE_COOKIE_JAR_HPP
#define WSLINE_COOKIE_JAR_HPP

#include <wsline/arguments.hpp>
#include <wsline/error.hpp>
#include <wsline/handle.hpp>

#include <string>

namespace wsline {

/** A store for the cookies that servers set: a wsline_cookie_jar. Any thread may use it. */
class cookie_jar
    : public detail::owner<detail::reference<wsline_cookie_jar>, wsline_cookie_jar_free> {
  public:
    /** An empty one; see wsline_cookie_jar_new(). */
    cookie_jar() {
        throws on_error;
        detail::call(on_error, wsline_cookie_jar_new, &handle_);
    }

    /** Takes over `handle`. */
    explicit cookie_jar(wsline_cookie_jar *handle) noexcept : owner(handle) {}

    /** Stores the cookie of a Set-Cookie header; see wsline_cookie_jar_add(). */
    template <class E = throws>
    result<void, E> add(const c_string &url, const c_string &set_cookie, E &&on_error = {}) {
        return detail::call(on_error, wsline_cookie_jar_add, handle_, url, set_cookie);
    }

    /** Stores a cookie instead of all others; see wsline_cookie_jar_set(). */
    template <class E = throws>
    result<void, E> set(const c_string &url, const c_string &set_cookie, E &&on_error = {}) {
        return detail::call(on_error, wsline_cookie_jar_set, handle_, url, set_cookie);
    }

    /** The value of the Cookie header of a request to `url`; see wsline_cookie_jar_get(). */
    template <class E = throws>
    result<std::string, E> cookies_for(const c_string &url, E &&on_error = {}) const {
        char *cookies = nullptr;
        return detail::call_for(
            on_error, [&cookies] { return detail::take_optional_string(cookies).value_or(""); },
            wsline_cookie_jar_get, handle_, url, &cookies);
    }

    /** Removes all cookies; see wsline_cookie_jar_clear(). */
    template <class E = throws> result<void, E> clear(E &&on_error = {}) {
        return detail::call(on_error, wsline_cookie_jar_clear, handle_);
    }
};

} // namespace wsline

#endif
