/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/info.hpp
 * @brief What the library reports about connections: counters, times, their end. Part of
 * wsline.hpp.
 */
#ifndef WSLINE_INFO_HPP
#define WSLINE_INFO_HPP

#include <wsline/error.hpp>
#include <wsline/status.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wsline {

class connection_ref;
class app_ref;

namespace detail {

inline std::string_view to_view(const char *text) noexcept {
    return text == nullptr ? std::string_view() : std::string_view(text);
}

inline std::optional<std::string_view> to_optional_view(const char *text) noexcept {
    if (text == nullptr) return std::nullopt;
    return std::string_view(text);
}

inline std::optional<std::string> to_optional_string(const char *text) {
    if (text == nullptr) return std::nullopt;
    return std::string(text);
}

} // namespace detail

/** The counters of a connection: an alias of wsline_stats. */
using stats = wsline_stats;

/** How long the parts of a connect took: a wsline_timings. */
class timings {
  public:
    /** Nothing measured. */
    timings() noexcept = default;

    /** A copy of `raw`. */
    explicit timings(const wsline_timings &raw) noexcept : raw_(raw) {}

    /** From the beginning to the last redirect; 0 if there was none. */
    std::chrono::nanoseconds until_last_redirect() const noexcept {
        return time(raw_.redirects_ns);
    }

    /** Looking up names. */
    std::chrono::nanoseconds lookup() const noexcept { return time(raw_.lookup_ns); }

    /** Connecting to the server or to the proxy. */
    std::chrono::nanoseconds connect() const noexcept { return time(raw_.connect_ns); }

    /** The exchange with the proxy. */
    std::chrono::nanoseconds proxy() const noexcept { return time(raw_.proxy_ns); }

    /** The TLS handshake with the server. */
    std::chrono::nanoseconds tls() const noexcept { return time(raw_.tls_ns); }

    /** From sending the request to the end of the response. */
    std::chrono::nanoseconds upgrade() const noexcept { return time(raw_.upgrade_ns); }

    /** From the beginning to the first byte of the last server's response. */
    std::chrono::nanoseconds first_byte() const noexcept { return time(raw_.first_byte_ns); }

    /** The whole connect, so far if it is in progress. */
    std::chrono::nanoseconds total() const noexcept { return time(raw_.total_ns); }

    /** Addresses to which connecting has begun. */
    std::uint32_t addresses_tried() const noexcept { return raw_.addresses_tried; }

    /** Redirects that were followed. */
    std::uint32_t redirects() const noexcept { return raw_.redirects; }

    /** The phase in progress, or that of the failure. */
    wsline::phase phase() const noexcept { return wsline::phase{raw_.phase}; }

    /** Whether the connect has ended. */
    bool finished() const noexcept { return raw_.finished; }

  private:
    static std::chrono::nanoseconds time(std::uint64_t ns) noexcept {
        return std::chrono::nanoseconds(ns);
    }

    wsline_timings raw_{};
};

/** How a connection ended: a copy of a wsline_close_info. */
class close_info {
  public:
    /** Of a connection that has not ended. */
    close_info() noexcept = default;

    /** A copy of `info`, with its reason. */
    explicit close_info(const wsline_close_info &info)
        : raw_(info), reason_(info.reason, info.reason_len) {
        raw_.reason = nullptr;
    }

    /** The code in the server's close frame; close_code::none while the connection has not ended.
     */
    close_code code() const noexcept { return close_code{raw_.code}; }

    /** The side that ended the connection first. */
    side closed_by() const noexcept { return side{raw_.closed_by}; }

    /** Both sides have sent a close frame. */
    bool clean() const noexcept { return raw_.clean; }

    /** The reason in the server's close frame. */
    const std::string &reason() const noexcept { return reason_; }

    /** Queued messages of an app that were lost. */
    std::uint64_t unsent_messages() const noexcept { return raw_.unsent_messages; }

    /** Bytes of these messages, and of other frames in the queue. */
    std::uint64_t unsent_bytes() const noexcept { return raw_.unsent_bytes; }

  private:
    wsline_close_info raw_{};
    std::string reason_;
};

/** What TLS negotiated: a copy of a wsline_tls_info. */
struct tls_info {
    /** For example "TLSv1.3". */
    std::string version;
    /** For example "TLS_AES_256_GCM_SHA384". */
    std::string cipher;
    /** The protocol that the server chose (ALPN); "" if it chose none. */
    std::string alpn;
    /** The server's certificate in PEM. */
    std::string peer_certificate_pem;
    /** The handshake resumed an earlier session. */
    bool resumed = false;

    /** No TLS. */
    tls_info() = default;

    /** A copy of `info`. */
    explicit tls_info(const wsline_tls_info &info)
        : version(info.version), cipher(info.cipher), alpn(info.alpn),
          peer_certificate_pem(info.peer_certificate_pem), resumed(info.resumed) {}
};

/** A header of the response. */
struct header {
    std::string name;
    std::string value;
};

/** An attempt to connect, as on_connecting sees it: a wsline_attempt, lent to the callback. */
class attempt_view {
  public:
    /** Refers to `attempt`. */
    explicit attempt_view(const wsline_attempt &attempt) noexcept : raw_(&attempt) {}

    /** 1 for the first attempt since the app was connected. */
    std::uint64_t number() const noexcept { return raw_->number; }

    /** The URL that the attempt will use. */
    std::string_view url() const noexcept { return detail::to_view(raw_->url); }

    /** Why the attempt before it failed, or the connection ended, if there was one. */
    std::optional<error_info> error() const {
        if (raw_->error == nullptr) return std::nullopt;
        return error_info(*raw_->error);
    }

  private:
    const wsline_attempt *raw_;
};

/** Something that has happened to a connection or an app: a wsline_event, lent to the callback. */
class event_view {
  public:
    /** Refers to `event`. */
    explicit event_view(const wsline_event &event) noexcept : raw_(&event) {}

    /** What has happened. Ignore kinds that you do not know. */
    event_kind kind() const noexcept { return event_kind{raw_->kind}; }

    /** The connection; none for an app. */
    connection_ref connection() const noexcept;

    /** The app; none for a connection. */
    app_ref app() const noexcept;

    /** The attempt to connect, or the one that has opened the connection. */
    std::uint64_t attempt() const noexcept { return raw_->attempt; }

    /** How many times the app had been connected before that attempt. */
    std::uint64_t reconnects() const noexcept { return raw_->reconnects; }

    /** The URL without user, password and query; empty if the event has none. */
    std::string_view url() const noexcept { return detail::to_view(raw_->url); }

    /** The address, for example "192.0.2.1:443"; empty if the event has none. */
    std::string_view address() const noexcept { return detail::to_view(raw_->address); }

    /** What has failed, if anything has. */
    std::optional<error_info> error() const {
        if (raw_->error == nullptr) return std::nullopt;
        return error_info(*raw_->error);
    }

    /** How long the parts of the connect took, if the event has it. */
    std::optional<wsline::timings> timings() const noexcept {
        if (raw_->timings == nullptr) return std::nullopt;
        return wsline::timings(*raw_->timings);
    }

    /** The counters of the connection so far. */
    const wsline::stats &stats() const noexcept { return *raw_->stats; }

    /** How the connection ended, if it did. */
    std::optional<wsline::close_info> close_info() const {
        if (raw_->close_info == nullptr) return std::nullopt;
        return wsline::close_info(*raw_->close_info);
    }

    /** From the ping to this pong, if this is one. */
    std::optional<std::chrono::nanoseconds> rtt() const noexcept {
        if (raw_->rtt_ns < 0) return std::nullopt;
        return std::chrono::nanoseconds(raw_->rtt_ns);
    }

    /** The time until the next attempt, if the app waits for it. */
    std::optional<std::chrono::milliseconds> delay() const noexcept {
        if (raw_->delay_ms < 0) return std::nullopt;
        return std::chrono::milliseconds(raw_->delay_ms);
    }

    /** Bytes that the library has filled in; see wsline_event. */
    std::size_t size() const noexcept { return raw_->size; }

  private:
    const wsline_event *raw_;
};

} // namespace wsline

#endif
