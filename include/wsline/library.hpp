/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/library.hpp
 * @brief Functions of the library as a whole: version, log, default timeout, helpers. Part of
 * wsline.hpp.
 */
#ifndef WSLINE_LIBRARY_HPP
#define WSLINE_LIBRARY_HPP

#include <wsline/arguments.hpp>
#include <wsline/callback.hpp>
#include <wsline/error.hpp>
#include <wsline/options.hpp>
#include <wsline/status.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace wsline {

/** The version of the loaded library, for example "0.2.0"; see wsline_version(). */
inline const char *version() noexcept { return wsline_version(); }

/** The version of the loaded library as a number; see wsline_version_number(). */
inline std::uint32_t version_number() noexcept { return wsline_version_number(); }

/** Whether this build has a feature; see wsline_has_feature(). */
inline bool has_feature(const c_string &name) noexcept {
    return name.is_valid() && wsline_has_feature(name.get());
}

/** Sets the timeout of connections without one; see wsline_set_default_timeout_ms(). */
template <class E = throws> result<void, E> set_process_timeout(timeout time, E &&on_error = {}) {
    return detail::call(on_error, wsline_set_default_timeout_ms, time.ms());
}

/** The timeout of connections without one; see wsline_default_timeout_ms(). */
inline timeout process_timeout() noexcept { return timeout::from_ms(wsline_default_timeout_ms()); }

/** Ends the log; see wsline_set_log(). */
template <class E = throws> result<void, E> set_log(std::nullptr_t, E &&on_error = {}) {
    return detail::call(on_error, wsline_set_log, std::int32_t{WSLINE_LOG_OFF}, nullptr, nullptr,
                        nullptr);
}

/**
 * Sends the lines of the log to `fn(log_level, std::string_view)`; see wsline_set_log().
 *
 * `fn` may run on several threads at once, and must not call the library. If it throws, the program
 * ends.
 */
template <class F, class E = throws>
result<void, E> set_log(log_level level, F fn, E &&on_error = {}) {
    wsline_log_fn run = [](std::int32_t at, const char *message, void *userdata) noexcept {
        (*static_cast<F *>(userdata))(log_level{at}, std::string_view(message));
    };
    return detail::call(on_error, wsline_set_log, static_cast<std::int32_t>(level), run,
                        new F(std::move(fn)), detail::delete_userdata<F>);
}

/** Writes handshakes and frames to standard error; see wsline_set_trace(). */
template <class E = throws> result<void, E> set_trace(bool enable, E &&on_error = {}) {
    return detail::call(on_error, wsline_set_trace, enable);
}

/** The URL of the proxy that a connect would use, if any; see wsline_proxy_for_url(). */
template <class E = throws>
result<std::optional<std::string>, E>
proxy_for_url(const c_string &url, const detail::reference<wsline_options> &options,
              E &&on_error = {}) {
    char *proxy = nullptr;
    return detail::call_for(
        on_error, [&proxy] { return detail::take_optional_string(proxy); }, wsline_proxy_for_url,
        url, options, &proxy);
}

/** The same with the default options. */
template <class E = throws, detail::if_policy<E> = 0>
result<std::optional<std::string>, E> proxy_for_url(const c_string &url, E &&on_error = {}) {
    char *proxy = nullptr;
    return detail::call_for(
        on_error, [&proxy] { return detail::take_optional_string(proxy); }, wsline_proxy_for_url,
        url, nullptr, &proxy);
}

/** Whether `text` is valid UTF-8; see wsline_utf8_is_valid(). */
inline bool utf8_is_valid(bytes text) noexcept {
    return wsline_utf8_is_valid(text.data(), text.size());
}

} // namespace wsline

#endif
