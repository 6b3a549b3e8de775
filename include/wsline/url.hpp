/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/url.hpp
 * @brief Parsed URLs. Part of wsline.hpp.
 */
#ifndef WSLINE_URL_HPP
#define WSLINE_URL_HPP

#include <wsline/arguments.hpp>
#include <wsline/error.hpp>
#include <wsline/handle.hpp>
#include <wsline/info.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace wsline {

/** A parsed URL: a wsline_url. */
class url : public detail::owner<detail::reference<wsline_url>, wsline_url_free> {
  public:
    /** An empty object. */
    url() noexcept = default;

    /** Takes over `handle`. */
    explicit url(wsline_url *handle) noexcept : owner(handle) {}

    /** Parses a `ws://`, `wss://` or `ws+unix://` URL; see wsline_url_parse() and parse_url(). */
    explicit url(const c_string &text) {
        throws on_error;
        detail::call(on_error, wsline_url_parse, text, &handle_);
    }

    /** Whether the scheme is `wss`; see wsline_url_is_secure(). */
    bool is_secure() const noexcept { return wsline_url_is_secure(handle_); }

    /** The host; see wsline_url_host(). */
    std::string_view host() const noexcept { return detail::to_view(wsline_url_host(handle_)); }

    /** The port, that of the scheme if the URL has none; see wsline_url_port(). */
    std::int32_t port() const noexcept { return wsline_url_port(handle_); }

    /** The path and query, as in the request; see wsline_url_resource(). */
    std::string_view resource() const noexcept {
        return detail::to_view(wsline_url_resource(handle_));
    }

    /** The user name, if there is one; see wsline_url_user(). */
    std::optional<std::string_view> user() const noexcept {
        return detail::to_optional_view(wsline_url_user(handle_));
    }

    /** The password, if there is one; see wsline_url_password(). */
    std::optional<std::string_view> password() const noexcept {
        return detail::to_optional_view(wsline_url_password(handle_));
    }

    /** The path of the socket, for `ws+unix://`; see wsline_url_unix_path(). */
    std::optional<std::string_view> unix_path() const noexcept {
        return detail::to_optional_view(wsline_url_unix_path(handle_));
    }
};

/** Parses a URL; see wsline_url_parse(). */
template <class E = throws> result<url, E> parse_url(const c_string &text, E &&on_error = {}) {
    wsline_url *parsed = nullptr;
    return detail::call_for(
        on_error, [&parsed] { return url(parsed); }, wsline_url_parse, text, &parsed);
}

} // namespace wsline

#endif
