/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/base64.hpp
 * @brief Base64 (RFC 4648 section 4), which programs use for credentials. Part of
 * wsline/compat/websocketpp_client.hpp.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_BASE64_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_BASE64_HPP

#include <cstddef>
#include <cstdint>
#include <string>

namespace websocketpp {

namespace detail {

inline constexpr char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

} // namespace detail

/** Encodes bytes. */
inline std::string base64_encode(const unsigned char *input, std::size_t size) {
    std::string output;
    for (std::size_t at = 0; at < size; at += 3) {
        const std::size_t bytes = size - at < 3 ? size - at : 3;
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < bytes ? input[at + i] : 0U);
        for (std::size_t i = 0; i < 4; ++i)
            output += i <= bytes ? detail::base64_digits[group >> (18 - 6 * i) & 63] : '=';
    }
    return output;
}
inline std::string base64_encode(const std::string &input) {
    return base64_encode(reinterpret_cast<const unsigned char *>(input.data()), input.size());
}

/** Decodes up to the first character that is not a digit. */
inline std::string base64_decode(const std::string &input) {
    const std::string digits = detail::base64_digits;
    std::string output;
    std::uint32_t group = 0;
    int bits = 0;
    for (const char each : input) {
        const auto digit = digits.find(each);
        if (digit == std::string::npos) break;
        group = group << 6 | static_cast<std::uint32_t>(digit);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        output += static_cast<char>(group >> bits & 255);
    }
    return output;
}

} // namespace websocketpp

#endif
