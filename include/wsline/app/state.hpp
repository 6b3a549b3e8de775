/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/app/state.hpp
 * @brief What an app can be asked. Part of wsline.hpp.
 */
#ifndef WSLINE_APP_STATE_HPP
#define WSLINE_APP_STATE_HPP

#include <wsline/arguments.hpp>
#include <wsline/callback.hpp>
#include <wsline/error.hpp>
#include <wsline/handle.hpp>
#include <wsline/info.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wsline::detail {

/**
 * The members of app_ref that report on the app. Strings are copied, because the next attempt to
 * connect replaces them.
 */
class app_queries : public reference<wsline_app> {
  public:
    using reference::reference;

    /** Whether the app is connected; see wsline_app_is_open(). */
    bool is_open() const noexcept { return wsline_app_is_open(handle_); }

    /** Whether the app is being driven; see wsline_app_is_running(). */
    bool is_running() const noexcept { return wsline_app_is_running(handle_); }

    /** Bytes in the send queue; see wsline_app_send_queue_bytes(). */
    std::uint64_t send_queue_bytes() const noexcept { return wsline_app_send_queue_bytes(handle_); }

    /** The round-trip time of the last answered ping, if there is one; see wsline_app_rtt_us(). */
    std::optional<std::chrono::microseconds> rtt() const noexcept {
        std::int64_t us = wsline_app_rtt_us(handle_);
        if (us < 0) return std::nullopt;
        return std::chrono::microseconds(us);
    }

    /** The counters of the connection; see wsline_app_stats(). */
    template <class E = throws> result<wsline::stats, E> stats(E &&on_error = {}) const {
        wsline_stats counted{};
        return ask_for(
            on_error, [&counted] { return counted; }, wsline_app_stats, handle_, &counted);
    }

    /** How long the parts of the connect took; see wsline_app_timings(). */
    template <class E = throws> result<wsline::timings, E> timings(E &&on_error = {}) const {
        wsline_timings measured{};
        return ask_for(
            on_error, [&measured] { return wsline::timings(measured); }, wsline_app_timings,
            handle_, &measured);
    }

    /** The last failed call on this app; see wsline_app_last_error(). */
    template <class E = throws> result<error_info, E> last_error(E &&on_error = {}) const {
        wsline_error_info info{};
        return ask_for(
            on_error, [&info] { return error_info(info); }, wsline_app_last_error, handle_, &info);
    }

    /** The HTTP status of the response, or 0; see wsline_app_http_status(). */
    std::int32_t http_status() const noexcept { return wsline_app_http_status(handle_); }

    /** The words after the HTTP status; see wsline_app_http_reason(). */
    std::string http_reason() const {
        return std::string(to_view(wsline_app_http_reason(handle_)));
    }

    /** A header of the response, if it is there; see wsline_app_response_header(). */
    std::optional<std::string> response_header(const c_string &name) const {
        if (!name.is_valid()) return std::nullopt;
        return to_optional_string(wsline_app_response_header(handle_, name.get()));
    }

    /** All headers of the response, in their order; see wsline_app_response_header_at(). */
    std::vector<header> response_headers() const {
        std::vector<header> headers;
        const char *name = nullptr, *value = nullptr;
        while (wsline_app_response_header_at(handle_, headers.size(), &name, &value))
            headers.push_back({name, value});
        return headers;
    }

    /** The body of a response that refused the upgrade; see wsline_app_response_body(). */
    template <class E = throws> result<std::string, E> response_body(E &&on_error = {}) const {
        const void *data = nullptr;
        std::size_t size = 0;
        auto copy = [&] {
            return data == nullptr ? std::string()
                                   : std::string(static_cast<const char *>(data), size);
        };
        return ask_for(on_error, copy, wsline_app_response_body, handle_, &data, &size);
    }

    /** The subprotocol that the server chose; empty for none; see wsline_app_subprotocol(). */
    std::string subprotocol() const {
        return std::string(to_view(wsline_app_subprotocol(handle_)));
    }

    /** The negotiated extensions; empty for none; see wsline_app_extensions(). */
    std::string extensions() const { return std::string(to_view(wsline_app_extensions(handle_))); }

    /** The address of the server or the proxy; see wsline_app_peer_address(). */
    std::string peer_address() const {
        return std::string(to_view(wsline_app_peer_address(handle_)));
    }

    /** What TLS negotiated; see wsline_app_tls_info(). */
    template <class E = throws> result<wsline::tls_info, E> tls_info(E &&on_error = {}) const {
        wsline_tls_info info{};
        return ask_for(
            on_error, [&info] { return wsline::tls_info(info); }, wsline_app_tls_info, handle_,
            &info);
    }

    /** The descriptor of the socket, or -1; see wsline_app_fd(). */
    std::int32_t fd() const noexcept { return wsline_app_fd(handle_); }

  protected:
    /** Where an exception is kept if the app has a thread of its own; NULL without a wsline::app.
     */
    std::shared_ptr<app_state> state() const { return app_states::of_process().find(handle_); }
};

} // namespace wsline::detail

#endif
