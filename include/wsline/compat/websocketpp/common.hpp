/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/common.hpp
 * @brief Names of websocketpp that stand for others, and its constants. Part of
 * wsline/compat/websocketpp_client.hpp.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_COMMON_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_COMMON_HPP

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
/* Programs rely on these, which the headers of websocketpp include. */
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <endian.h>
#include <future>
#include <iomanip>
#include <iostream>
#include <list>
#include <map>
#include <queue>
#include <set>
#include <sstream>
#include <unistd.h>
#include <vector>

namespace websocketpp {

/** What websocketpp takes from Boost or from the standard library, here always from the latter. */
namespace lib {

using std::bind;
using std::condition_variable;
using std::cref;
using std::enable_shared_from_this;
using std::error_category;
using std::error_code;
using std::error_condition;
using std::function;
using std::lock_guard;
using std::make_shared;
using std::mutex;
using std::ref;
using std::shared_ptr;
using std::static_pointer_cast;
using std::system_error;
using std::thread;
using std::unique_lock;
using std::unique_ptr;
using std::weak_ptr;
namespace chrono = std::chrono;
namespace placeholders = std::placeholders;

namespace net {

/** Between the byte orders of this machine and of the network. */
inline std::uint64_t _htonll(std::uint64_t number) { return htobe64(number); }
inline std::uint64_t _ntohll(std::uint64_t number) { return be64toh(number); }

} // namespace net

} // namespace lib

/** Names a connection without keeping it alive. */
using connection_hdl = lib::weak_ptr<void>;

/** The default User-Agent. */
inline constexpr char user_agent[] = "WebSocket++/0.8.2 (wsline)";

namespace frame::opcode {

/** The kind of a message or control frame. */
enum value {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10,
    CONTINUATION = 0,
    TEXT = 1,
    BINARY = 2,
    CLOSE = 8,
    PING = 9,
    PONG = 10
};

} // namespace frame::opcode

namespace session::state {

/** The state of a connection. */
enum value { connecting = 0, open = 1, closing = 2, closed = 3 };

} // namespace session::state

namespace close::status {

/** A code of a close frame, or one of the first three. */
using value = std::uint16_t;

/** Sends a close frame without a code. */
inline constexpr value blank = 0;
/** Drops the connection without a closing handshake. */
inline constexpr value omit_handshake = 1;
/** The same. */
inline constexpr value force_tcp_drop = 2;
inline constexpr value normal = 1000;
inline constexpr value going_away = 1001;
inline constexpr value protocol_error = 1002;
inline constexpr value unsupported_data = 1003;
inline constexpr value no_status = 1005;
inline constexpr value abnormal_close = 1006;
inline constexpr value invalid_payload = 1007;
inline constexpr value policy_violation = 1008;
inline constexpr value message_too_big = 1009;
inline constexpr value extension_required = 1010;
inline constexpr value internal_endpoint_error = 1011;
inline constexpr value service_restart = 1012;
inline constexpr value try_again_later = 1013;
inline constexpr value bad_gateway = 1014;
inline constexpr value tls_handshake = 1015;
inline constexpr value subprotocol_error = 3000;
inline constexpr value invalid_subprotocol_data = 3001;

/** A few words for a code. */
inline std::string get_string(value code) {
    switch (code) {
    case normal:
        return "Normal close";
    case going_away:
        return "Going away";
    case protocol_error:
        return "Protocol error";
    case unsupported_data:
        return "Unsupported data";
    case no_status:
        return "No status set";
    case abnormal_close:
        return "Abnormal close";
    case invalid_payload:
        return "Invalid payload";
    case policy_violation:
        return "Policy violation";
    case message_too_big:
        return "Message too big";
    case extension_required:
        return "Extension required";
    case internal_endpoint_error:
        return "Internal endpoint error";
    case service_restart:
        return "Service restart";
    case try_again_later:
        return "Try again later";
    case bad_gateway:
        return "Bad gateway";
    case tls_handshake:
        return "TLS handshake failure";
    case subprotocol_error:
        return "Generic subprotocol error";
    case invalid_subprotocol_data:
        return "Invalid subprotocol data";
    default:
        return "Unknown";
    }
}

} // namespace close::status

namespace http::status_code {

/** The status of a response; any number. */
enum value {
    uninitialized = 0,
    switching_protocols = 101,
    ok = 200,
    moved_permanently = 301,
    found = 302,
    bad_request = 400,
    unauthorized = 401,
    forbidden = 403,
    not_found = 404,
    request_timeout = 408,
    upgrade_required = 426,
    too_many_requests = 429,
    internal_server_error = 500,
    bad_gateway = 502,
    service_unavailable = 503,
    gateway_timeout = 504
};

} // namespace http::status_code

namespace utility {

/** The bytes of a string in hexadecimal, separated by spaces. */
inline std::string to_hex(const std::string &input) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string output;
    for (char each : input) {
        const auto byte = static_cast<unsigned char>(each);
        output += digits[byte >> 4];
        output += digits[byte & 15];
        output += ' ';
    }
    return output;
}

} // namespace utility

} // namespace websocketpp

#endif
