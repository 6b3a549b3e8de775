/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/names.hpp
 * @brief The names of enumerators, for logs. Part of wsline.hpp.
 *
 * name() returns the name of the enumerator in C++, such as "going_away" for
 * close_code::going_away, and "unknown" for a number that has none: a close code of the server's
 * own, or one that a later version of the library has added. The number itself is
 * `wsline::to_underlying(code)`. Statuses have status_name().
 */
#ifndef WSLINE_NAMES_HPP
#define WSLINE_NAMES_HPP

#include <wsline/status.hpp>

#include <string_view>

namespace wsline {

/* No switch has a default, so that compilers warn of an enumerator that is left out. */

/** The name of an opcode, such as "text". */
constexpr std::string_view name(opcode code) noexcept {
    switch (code) {
    case opcode::continuation:
        return "continuation";
    case opcode::text:
        return "text";
    case opcode::binary:
        return "binary";
    case opcode::close:
        return "close";
    case opcode::ping:
        return "ping";
    case opcode::pong:
        return "pong";
    }
    return "unknown";
}

/** The name of a close code, such as "normal". */
constexpr std::string_view name(close_code code) noexcept {
    switch (code) {
    case close_code::none:
        return "none";
    case close_code::normal:
        return "normal";
    case close_code::going_away:
        return "going_away";
    case close_code::protocol_error:
        return "protocol_error";
    case close_code::unsupported_data:
        return "unsupported_data";
    case close_code::no_status:
        return "no_status";
    case close_code::abnormal:
        return "abnormal";
    case close_code::invalid_payload:
        return "invalid_payload";
    case close_code::policy_violation:
        return "policy_violation";
    case close_code::message_too_big:
        return "message_too_big";
    case close_code::mandatory_extension:
        return "mandatory_extension";
    case close_code::internal_error:
        return "internal_error";
    case close_code::service_restart:
        return "service_restart";
    case close_code::try_again_later:
        return "try_again_later";
    case close_code::bad_gateway:
        return "bad_gateway";
    case close_code::tls_handshake:
        return "tls_handshake";
    }
    return "unknown";
}

/** The name of a phase, such as "upgrade". */
constexpr std::string_view name(phase value) noexcept {
    switch (value) {
    case phase::none:
        return "none";
    case phase::resolve:
        return "resolve";
    case phase::connect:
        return "connect";
    case phase::proxy:
        return "proxy";
    case phase::tls:
        return "tls";
    case phase::upgrade:
        return "upgrade";
    case phase::open:
        return "open";
    case phase::close:
        return "close";
    }
    return "unknown";
}

/** The name of a level, such as "warn". */
constexpr std::string_view name(log_level level) noexcept {
    switch (level) {
    case log_level::off:
        return "off";
    case log_level::error:
        return "error";
    case log_level::warn:
        return "warn";
    case log_level::info:
        return "info";
    case log_level::debug:
        return "debug";
    case log_level::trace:
        return "trace";
    }
    return "unknown";
}

/** The name of a side, such as "server". */
constexpr std::string_view name(side value) noexcept {
    switch (value) {
    case side::none:
        return "none";
    case side::client:
        return "client";
    case side::server:
        return "server";
    }
    return "unknown";
}

/** The name of a kind of event, such as "address_failed". */
constexpr std::string_view name(event_kind kind) noexcept {
    switch (kind) {
    case event_kind::connecting:
        return "connecting";
    case event_kind::address:
        return "address";
    case event_kind::address_failed:
        return "address_failed";
    case event_kind::open:
        return "open";
    case event_kind::connect_failed:
        return "connect_failed";
    case event_kind::ping:
        return "ping";
    case event_kind::pong:
        return "pong";
    case event_kind::closed:
        return "closed";
    case event_kind::waiting:
        return "waiting";
    }
    return "unknown";
}

} // namespace wsline

#endif
