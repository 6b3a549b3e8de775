/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/frame.hpp
 * @brief Frames (RFC 6455 section 5.2), and their bytes. Part of wsline.hpp.
 */
#ifndef WSLINE_FRAME_HPP
#define WSLINE_FRAME_HPP

#include <wsline/arguments.hpp>
#include <wsline/error.hpp>
#include <wsline/status.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace wsline {

/** The masking key of a frame. */
using mask_key = std::array<std::uint8_t, 4>;

/**
 * One frame: a wsline_frame.
 *
 * The payload is lent: a received one until the next receive on the connection, that of a frame to
 * send until the call has returned.
 */
class frame {
  public:
    /** An empty continuation frame. */
    frame() noexcept = default;

    /** A frame to send; `fin`: it is the last, or only, frame of its message. */
    explicit frame(wsline::opcode code, bytes payload = {}, bool fin = true) noexcept {
        raw_.opcode = static_cast<std::int32_t>(code);
        raw_.fin = fin ? 1 : 0;
        raw_.data = static_cast<const std::uint8_t *>(payload.data());
        raw_.len = payload.size();
    }

    /** Refers to the payload of `raw`. */
    explicit frame(const wsline_frame &raw) noexcept : raw_(raw) {}

    /** The opcode. */
    wsline::opcode opcode() const noexcept { return wsline::opcode{raw_.opcode}; }

    /** Whether this is the last, or only, frame of its message. */
    bool fin() const noexcept { return raw_.fin != 0; }

    /** The payload as text. It is still masked if mask() returns a key. */
    std::string_view text() const noexcept {
        return {static_cast<const char *>(static_cast<const void *>(raw_.data)), raw_.len};
    }

    /** The payload. */
    const std::uint8_t *data() const noexcept { return raw_.data; }

    /** Bytes of the payload. */
    std::size_t size() const noexcept { return raw_.len; }

    /** The first reserved bit, which marks a compressed message. */
    bool rsv1() const noexcept { return raw_.rsv1 != 0; }

    /** The second reserved bit. */
    bool rsv2() const noexcept { return raw_.rsv2 != 0; }

    /** The third reserved bit. */
    bool rsv3() const noexcept { return raw_.rsv3 != 0; }

    /** The masking key, if the payload is masked. */
    std::optional<mask_key> mask() const noexcept {
        if (raw_.masked == 0) return std::nullopt;
        mask_key key;
        std::copy(std::begin(raw_.mask_key), std::end(raw_.mask_key), key.begin());
        return key;
    }

    /** Whether sending and encoding accept the frame even if it violates the protocol. */
    bool is_raw() const noexcept { return raw_.raw != 0; }

    /** Sets the reserved bits. */
    frame &set_rsv(bool rsv1, bool rsv2 = false, bool rsv3 = false) noexcept {
        raw_.rsv1 = rsv1 ? 1 : 0;
        raw_.rsv2 = rsv2 ? 1 : 0;
        raw_.rsv3 = rsv3 ? 1 : 0;
        return *this;
    }

    /** Sets the masking key with which encode_frame() masks the payload. */
    frame &set_mask(const mask_key &key) noexcept {
        raw_.masked = 1;
        std::copy(key.begin(), key.end(), std::begin(raw_.mask_key));
        return *this;
    }

    /** Lets the frame violate the protocol. */
    frame &set_raw(bool enable = true) noexcept {
        raw_.raw = enable ? 1 : 0;
        return *this;
    }

    /** As the functions of wsline.h take it. */
    const wsline_frame &raw() const noexcept { return raw_; }
    wsline_frame &raw() noexcept { return raw_; }

  private:
    wsline_frame raw_{};
};

/**
 * Encodes a frame into `capacity` bytes at `buffer`, and returns how many it takes up;
 * `frame.size() + 14` suffice. See wsline_frame_encode().
 */
template <class E = throws>
result<std::size_t, E> encode_frame(const frame &frame, void *buffer, std::size_t capacity,
                                    E &&on_error = {}) {
    std::size_t length = 0;
    return detail::call_for(
        on_error, [&length] { return length; }, wsline_frame_encode, &frame.raw(), buffer, capacity,
        &length);
}

/** What decode_frame() has found. */
struct decoded_frame {
    /** Whether the frame is complete; otherwise `frame` is empty. */
    bool complete = false;
    /** Bytes of the frame with its header; the smallest possible number if it is not complete. */
    std::size_t size = 0;
    /** The frame, which refers to the decoded bytes. */
    wsline::frame frame;
};

/** Reads the frame at the start of `data`; see wsline_frame_decode(). */
template <class E = throws> result<decoded_frame, E> decode_frame(bytes data, E &&on_error = {}) {
    decoded_frame found;
    wsline_status code =
        wsline_frame_decode(data.data(), data.size(), &found.frame.raw(), &found.size);
    found.complete = code == WSLINE_OK;
    if (code == WSLINE_ERR_WOULD_BLOCK) code = WSLINE_OK;
    return detail::finish(on_error, code, [&found] { return found; });
}

/** Masks or unmasks `size` bytes at `data` in place; see wsline_mask(). */
template <class E = throws>
result<void, E> mask(const mask_key &key, void *data, std::size_t size, E &&on_error = {}) {
    return detail::call(on_error, wsline_mask, key.data(), data, size);
}

} // namespace wsline

#endif
