/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/error.hpp
 * @brief The error codes and the exception of websocketpp, and how those of wsline become them.
 * Part of wsline/compat/websocketpp_client.hpp.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_ERROR_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_ERROR_HPP

#include <wsline.hpp>
#include <wsline/compat/websocketpp/common.hpp>

#include <exception>
#include <type_traits>

namespace websocketpp {

namespace error {

/** Errors of the library. */
enum value {
    general = 1,
    send_queue_full,
    payload_violation,
    endpoint_not_secure,
    endpoint_unavailable,
    invalid_uri,
    no_outgoing_buffers,
    no_incoming_buffers,
    invalid_state,
    bad_close_code,
    reserved_close_code,
    invalid_close_code,
    invalid_utf8,
    invalid_subprotocol,
    bad_connection,
    test,
    con_creation_failed,
    unrequested_subprotocol,
    client_only,
    server_only,
    http_connection_ended,
    open_handshake_timeout,
    close_handshake_timeout,
    invalid_port,
    async_accept_not_listening,
    operation_canceled,
    rejected,
    upgrade_required,
    invalid_version,
    unsupported_version,
    http_parse_error,
    extension_neg_failed
};

} // namespace error

namespace transport::error {

/** Errors of the transport. */
enum value {
    general = 1,
    pass_through,
    invalid_num_bytes,
    double_read,
    operation_aborted,
    operation_not_supported,
    eof,
    tls_short_read,
    timeout,
    action_after_shutdown,
    tls_error
};

} // namespace transport::error

namespace processor::error {

/** Errors of the protocol; only those of a client's handshake have names here. */
enum value {
    general = 1,
    protocol_violation = 4,
    message_too_big = 5,
    invalid_payload = 6,
    invalid_http_status = 20
};

} // namespace processor::error

namespace detail {

/** A category whose messages come from a function. */
template <const char *(*Describe)(int)>
class described_category final : public std::error_category {
  public:
    explicit described_category(const char *name) noexcept : name_(name) {}
    const char *name() const noexcept override { return name_; }
    std::string message(int number) const override { return Describe(number); }

  private:
    const char *name_;
};

inline const char *describe_error(int number) {
    switch (static_cast<error::value>(number)) {
    case error::send_queue_full:
        return "send queue full";
    case error::payload_violation:
        return "payload violation";
    case error::endpoint_not_secure:
        return "a wss URI needs an endpoint with TLS";
    case error::invalid_uri:
        return "invalid URI";
    case error::invalid_state:
        return "the connection is in the wrong state";
    case error::bad_close_code:
        return "bad close code";
    case error::reserved_close_code:
        return "reserved close code";
    case error::invalid_close_code:
        return "invalid close code";
    case error::invalid_utf8:
        return "invalid UTF-8";
    case error::invalid_subprotocol:
        return "invalid subprotocol";
    case error::bad_connection:
        return "bad connection";
    case error::con_creation_failed:
        return "the connection could not be created";
    case error::unrequested_subprotocol:
        return "a subprotocol was chosen that was not requested";
    case error::open_handshake_timeout:
        return "connecting timed out";
    case error::close_handshake_timeout:
        return "the closing handshake timed out";
    case error::operation_canceled:
        return "operation canceled";
    case error::extension_neg_failed:
        return "extension negotiation failed";
    default:
        return "websocketpp error";
    }
}

inline const char *describe_transport_error(int number) {
    switch (static_cast<transport::error::value>(number)) {
    case transport::error::operation_aborted:
        return "operation aborted";
    case transport::error::eof:
        return "end of file";
    case transport::error::timeout:
        return "timeout";
    case transport::error::tls_error:
        return "TLS error";
    default:
        return "transport error";
    }
}

inline const char *describe_processor_error(int number) {
    switch (static_cast<processor::error::value>(number)) {
    case processor::error::protocol_violation:
        return "protocol violation";
    case processor::error::message_too_big:
        return "message too big";
    case processor::error::invalid_payload:
        return "invalid payload";
    case processor::error::invalid_http_status:
        return "unexpected HTTP status";
    default:
        return "processor error";
    }
}

} // namespace detail

namespace error {

/** The category of value. */
inline const lib::error_category &get_category() {
    static const detail::described_category<detail::describe_error> category("websocketpp");
    return category;
}

/** Makes an error code. */
inline lib::error_code make_error_code(value code) { return {code, get_category()}; }

} // namespace error

namespace transport::error {

/** The category of value. */
inline const lib::error_category &get_category() {
    static const detail::described_category<detail::describe_transport_error> category(
        "websocketpp.transport");
    return category;
}

/** Makes an error code. */
inline lib::error_code make_error_code(value code) { return {code, get_category()}; }

} // namespace transport::error

namespace processor::error {

/** The category of value. */
inline const lib::error_category &get_category() {
    static const detail::described_category<detail::describe_processor_error> category(
        "websocketpp.processor");
    return category;
}

/** Makes an error code. */
inline lib::error_code make_error_code(value code) { return {code, get_category()}; }

} // namespace processor::error

/** Thrown by the functions that have no argument for an error code. */
class exception : public std::exception {
  public:
    explicit exception(const std::string &message,
                       lib::error_code code = error::make_error_code(error::general))
        : m_msg(message.empty() ? code.message() : message), m_code(code) {}
    explicit exception(lib::error_code code) : exception(code.message(), code) {}

    const char *what() const noexcept override { return m_msg.c_str(); }

    /** What has failed. */
    lib::error_code code() const noexcept { return m_code; }

    const std::string m_msg;
    lib::error_code m_code;
};

namespace detail {

/** The error code of websocketpp, or of the system, that says most about a failure. */
inline lib::error_code to_error_code(const wsline::error_info &info) {
    if (info.os_errno() != 0) return {info.os_errno(), std::system_category()};
    switch (info.status()) {
    case wsline::status::ok:
        return {};
    case wsline::status::invalid_url:
        return error::make_error_code(error::invalid_uri);
    case wsline::status::timeout:
        return error::make_error_code(info.phase() == wsline::phase::close
                                          ? error::close_handshake_timeout
                                          : error::open_handshake_timeout);
    case wsline::status::http_status:
        return processor::error::make_error_code(processor::error::invalid_http_status);
    case wsline::status::protocol:
        return processor::error::make_error_code(processor::error::protocol_violation);
    case wsline::status::message_too_big:
        return processor::error::make_error_code(processor::error::message_too_big);
    case wsline::status::invalid_payload:
        return processor::error::make_error_code(processor::error::invalid_payload);
    case wsline::status::connection_lost:
        return transport::error::make_error_code(transport::error::eof);
    default:
        return info.code();
    }
}

/** The error code of a send or a close. */
inline lib::error_code to_error_code(std::error_code code, error::value invalid_argument) {
    if (code == wsline::status::invalid_argument) return error::make_error_code(invalid_argument);
    if (code == wsline::status::would_block) return error::make_error_code(error::send_queue_full);
    if (code == wsline::status::wrong_state || code == wsline::status::closed)
        return error::make_error_code(error::invalid_state);
    return code;
}

/** For the functions that throw. */
inline void throw_if(lib::error_code code) {
    if (code) throw exception(code);
}

} // namespace detail

} // namespace websocketpp

template <> struct std::is_error_code_enum<websocketpp::error::value> : std::true_type {};
template <>
struct std::is_error_code_enum<websocketpp::transport::error::value> : std::true_type {};
template <>
struct std::is_error_code_enum<websocketpp::processor::error::value> : std::true_type {};

#endif
