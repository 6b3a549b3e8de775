/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/status.hpp
 * @brief The enumerations of wsline.h as scoped enumerations.
 *
 * The numbers are those of the C enumerations, which document them. A number that the library adds
 * later is a valid value of these types. Part of wsline.hpp.
 */
#ifndef WSLINE_STATUS_HPP
#define WSLINE_STATUS_HPP

#include <wsline.h>

#include <cstdint>
#include <type_traits>

namespace wsline {

/** A wsline_status. A std::error_code can be compared with it: `ec == wsline::status::timeout`. */
enum class status : std::int32_t {
    ok = WSLINE_OK,
    invalid_argument = WSLINE_ERR_INVALID_ARGUMENT,
    wrong_state = WSLINE_ERR_WRONG_STATE,
    busy = WSLINE_ERR_BUSY,
    not_supported = WSLINE_ERR_NOT_SUPPORTED,
    timeout = WSLINE_ERR_TIMEOUT,
    pong_timeout = WSLINE_ERR_PONG_TIMEOUT,
    would_block = WSLINE_ERR_WOULD_BLOCK,
    interrupted = WSLINE_ERR_INTERRUPTED,
    invalid_url = WSLINE_ERR_INVALID_URL,
    resolve = WSLINE_ERR_RESOLVE,
    connect = WSLINE_ERR_CONNECT,
    io = WSLINE_ERR_IO,
    proxy = WSLINE_ERR_PROXY,
    proxy_auth = WSLINE_ERR_PROXY_AUTH,
    tls = WSLINE_ERR_TLS,
    tls_verify = WSLINE_ERR_TLS_VERIFY,
    tls_config = WSLINE_ERR_TLS_CONFIG,
    http_status = WSLINE_ERR_HTTP_STATUS,
    bad_upgrade = WSLINE_ERR_BAD_UPGRADE,
    too_many_redirects = WSLINE_ERR_TOO_MANY_REDIRECTS,
    protocol = WSLINE_ERR_PROTOCOL,
    invalid_payload = WSLINE_ERR_INVALID_PAYLOAD,
    message_too_big = WSLINE_ERR_MESSAGE_TOO_BIG,
    closed = WSLINE_ERR_CLOSED,
    connection_lost = WSLINE_ERR_CONNECTION_LOST,
    aborted = WSLINE_ERR_ABORTED,
    no_memory = WSLINE_ERR_NO_MEMORY,
    internal = WSLINE_ERR_INTERNAL
};

/** A wsline_opcode (RFC 6455 section 5.2). */
enum class opcode : std::int32_t {
    continuation = WSLINE_OPCODE_CONTINUATION,
    text = WSLINE_OPCODE_TEXT,
    binary = WSLINE_OPCODE_BINARY,
    close = WSLINE_OPCODE_CLOSE,
    ping = WSLINE_OPCODE_PING,
    pong = WSLINE_OPCODE_PONG
};

/** The opcode with the flag WSLINE_SEND_UNCOMPRESSED: do not compress the message. */
constexpr opcode uncompressed(opcode code) noexcept {
    return opcode{static_cast<std::int32_t>(code) | WSLINE_SEND_UNCOMPRESSED};
}

/**
 * A wsline_close_code (RFC 6455 section 7.4.1). Codes of your own, 3000 to 4999, are written
 * `wsline::close_code{4000}`.
 */
enum class close_code : std::int32_t {
    /** No close code at all: an empty close frame is sent. */
    none = 0,
    normal = WSLINE_CLOSE_NORMAL,
    going_away = WSLINE_CLOSE_GOING_AWAY,
    protocol_error = WSLINE_CLOSE_PROTOCOL_ERROR,
    unsupported_data = WSLINE_CLOSE_UNSUPPORTED_DATA,
    no_status = WSLINE_CLOSE_NO_STATUS,
    abnormal = WSLINE_CLOSE_ABNORMAL,
    invalid_payload = WSLINE_CLOSE_INVALID_PAYLOAD,
    policy_violation = WSLINE_CLOSE_POLICY_VIOLATION,
    message_too_big = WSLINE_CLOSE_MESSAGE_TOO_BIG,
    mandatory_extension = WSLINE_CLOSE_MANDATORY_EXTENSION,
    internal_error = WSLINE_CLOSE_INTERNAL_ERROR,
    service_restart = WSLINE_CLOSE_SERVICE_RESTART,
    try_again_later = WSLINE_CLOSE_TRY_AGAIN_LATER,
    bad_gateway = WSLINE_CLOSE_BAD_GATEWAY,
    tls_handshake = WSLINE_CLOSE_TLS_HANDSHAKE
};

/** A wsline_phase: what a connection was doing. */
enum class phase : std::int32_t {
    none = WSLINE_PHASE_NONE,
    resolve = WSLINE_PHASE_RESOLVE,
    connect = WSLINE_PHASE_CONNECT,
    proxy = WSLINE_PHASE_PROXY,
    tls = WSLINE_PHASE_TLS,
    upgrade = WSLINE_PHASE_UPGRADE,
    open = WSLINE_PHASE_OPEN,
    close = WSLINE_PHASE_CLOSE
};

/** A wsline_log_level. */
enum class log_level : std::int32_t {
    off = WSLINE_LOG_OFF,
    error = WSLINE_LOG_ERROR,
    warn = WSLINE_LOG_WARN,
    info = WSLINE_LOG_INFO,
    debug = WSLINE_LOG_DEBUG,
    trace = WSLINE_LOG_TRACE
};

/** A wsline_side. */
enum class side : std::int32_t {
    none = WSLINE_SIDE_NONE,
    client = WSLINE_SIDE_CLIENT,
    server = WSLINE_SIDE_SERVER
};

/** A wsline_tls_version; `standard` is WSLINE_TLS_DEFAULT. */
enum class tls_version : std::int32_t {
    standard = WSLINE_TLS_DEFAULT,
    tls_1_0 = WSLINE_TLS_1_0,
    tls_1_1 = WSLINE_TLS_1_1,
    tls_1_2 = WSLINE_TLS_1_2,
    tls_1_3 = WSLINE_TLS_1_3
};

/** A wsline_proxy_type. */
enum class proxy_type : std::int32_t {
    none = WSLINE_PROXY_NONE,
    http = WSLINE_PROXY_HTTP,
    https = WSLINE_PROXY_HTTPS,
    socks4 = WSLINE_PROXY_SOCKS4,
    socks4a = WSLINE_PROXY_SOCKS4A,
    socks5 = WSLINE_PROXY_SOCKS5,
    socks5h = WSLINE_PROXY_SOCKS5H
};

/** A wsline_address_family. */
enum class address_family : std::int32_t {
    any = WSLINE_ADDRESS_ANY,
    ipv4 = WSLINE_ADDRESS_IPV4,
    ipv6 = WSLINE_ADDRESS_IPV6
};

/** A wsline_connect_decision: what on_connecting returns. */
enum class connect_decision : std::int32_t {
    now = WSLINE_CONNECT_NOW,
    later = WSLINE_CONNECT_LATER,
    give_up = WSLINE_CONNECT_GIVE_UP
};

/** A wsline_inflate: which messages that the server itself compressed are inflated. */
enum class inflate : std::int32_t {
    none = WSLINE_INFLATE_NONE,
    automatic = WSLINE_INFLATE_AUTO,
    gzip = WSLINE_INFLATE_GZIP,
    zlib = WSLINE_INFLATE_ZLIB,
    raw = WSLINE_INFLATE_RAW,
    stream = WSLINE_INFLATE_STREAM
};

/** A wsline_event_kind. */
enum class event_kind : std::int32_t {
    connecting = WSLINE_EVENT_CONNECTING,
    address = WSLINE_EVENT_ADDRESS,
    address_failed = WSLINE_EVENT_ADDRESS_FAILED,
    open = WSLINE_EVENT_OPEN,
    connect_failed = WSLINE_EVENT_CONNECT_FAILED,
    ping = WSLINE_EVENT_PING,
    pong = WSLINE_EVENT_PONG,
    closed = WSLINE_EVENT_CLOSED,
    waiting = WSLINE_EVENT_WAITING
};

/** Mistakes of a server to tolerate, combined by `|`; see options::set_lenient(). */
enum class lenient : std::uint32_t {
    nothing = 0,
    masked_frames = WSLINE_LENIENT_MASKED_FRAMES,
    http_1_0 = WSLINE_LENIENT_HTTP_1_0,
    subprotocol = WSLINE_LENIENT_SUBPROTOCOL,
    extensions = WSLINE_LENIENT_EXTENSIONS,
    lengths = WSLINE_LENIENT_LENGTHS,
    url_fragment = WSLINE_LENIENT_URL_FRAGMENT
};

/** Both sets of mistakes. */
constexpr lenient operator|(lenient a, lenient b) noexcept {
    return lenient{static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b)};
}

/** The number of an enumerator, as std::to_underlying() of C++23 returns it. */
template <class Enum> constexpr std::underlying_type_t<Enum> to_underlying(Enum value) noexcept {
    return static_cast<std::underlying_type_t<Enum>>(value);
}

/** The identifier of a status, such as "WSLINE_ERR_TIMEOUT"; see wsline_status_name(). */
inline const char *status_name(status code) noexcept {
    return wsline_status_name(static_cast<std::int32_t>(code));
}

/** A status in a few words; see wsline_strerror(). */
inline const char *strerror(status code) noexcept {
    return wsline_strerror(static_cast<std::int32_t>(code));
}

} // namespace wsline

#endif
