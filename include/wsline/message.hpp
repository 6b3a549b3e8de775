/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/message.hpp
 * @brief Received messages. Part of wsline.hpp.
 */
#ifndef WSLINE_MESSAGE_HPP
#define WSLINE_MESSAGE_HPP

#include <wsline/arguments.hpp>
#include <wsline/status.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>
#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_span
#include <span>
#endif

namespace wsline {

/** A moment of the system's clock. */
using system_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/**
 * A received message, a fragment or part of one, or a control frame: a wsline_message.
 *
 * The payload is lent: until the next receive on the connection or, in a callback, until the
 * callback returns. To keep it, copy it: `std::string(message.text())`.
 */
class message_view {
  public:
    /** No message: an empty one. */
    message_view() noexcept = default;

    /** Refers to the payload of `message`. */
    explicit message_view(const wsline_message &message) noexcept : raw_(message) {}

    /** The payload as text, which is valid UTF-8 if is_text() is true and validation is enabled. */
    std::string_view text() const noexcept {
        return {static_cast<const char *>(static_cast<const void *>(raw_.data)), raw_.len};
    }

#ifdef __cpp_lib_span
    /** The payload as bytes (C++20). */
    std::span<const std::byte> bytes() const noexcept {
        return {static_cast<const std::byte *>(static_cast<const void *>(raw_.data)), raw_.len};
    }
#endif

    /** The payload, followed by a NUL. */
    const std::uint8_t *data() const noexcept { return raw_.data; }

    /** Bytes of the payload, without the NUL. */
    std::size_t size() const noexcept { return raw_.len; }

    /** Whether the payload is empty. */
    bool empty() const noexcept { return raw_.len == 0; }

    /** The opcode; that of the message, also for its later fragments and parts. */
    wsline::opcode opcode() const noexcept { return wsline::opcode{raw_.opcode}; }

    /** Whether this is text. */
    bool is_text() const noexcept { return raw_.opcode == WSLINE_OPCODE_TEXT; }

    /** Whether this is binary data. */
    bool is_binary() const noexcept { return raw_.opcode == WSLINE_OPCODE_BINARY; }

    /** Whether this is a ping. */
    bool is_ping() const noexcept { return raw_.opcode == WSLINE_OPCODE_PING; }

    /** Whether this is a pong. */
    bool is_pong() const noexcept { return raw_.opcode == WSLINE_OPCODE_PONG; }

    /** Whether this is the close frame. */
    bool is_close() const noexcept { return raw_.opcode == WSLINE_OPCODE_CLOSE; }

    /** WSLINE_MESSAGE_FIRST: this is the beginning of the message. */
    bool is_first() const noexcept { return (raw_.flags & WSLINE_MESSAGE_FIRST) != 0; }

    /** WSLINE_MESSAGE_LAST: this is the end of the message. */
    bool is_last() const noexcept { return (raw_.flags & WSLINE_MESSAGE_LAST) != 0; }

    /** WSLINE_MESSAGE_MORE: the next receive does not wait. */
    bool more() const noexcept { return (raw_.flags & WSLINE_MESSAGE_MORE) != 0; }

    /** WSLINE_MESSAGE_INFLATED: the server itself had compressed the message. */
    bool is_inflated() const noexcept { return (raw_.flags & WSLINE_MESSAGE_INFLATED) != 0; }

    /** When the message arrived; the epoch without options::set_receive_timestamps(). */
    system_time received() const noexcept {
        return system_time(std::chrono::nanoseconds(raw_.received_ns));
    }

    /** As the functions of wsline.h take it. */
    const wsline_message &raw() const noexcept { return raw_; }
    wsline_message &raw() noexcept { return raw_; }

  private:
    wsline_message raw_{};
};

/** Several messages that were received together, lent like each of them. */
class messages_view {
  public:
    /** Goes through the messages. */
    class iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = message_view;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = message_view;

        iterator() noexcept = default;
        explicit iterator(const wsline_message *at) noexcept : at_(at) {}
        message_view operator*() const noexcept { return message_view(*at_); }
        iterator &operator++() noexcept {
            ++at_;
            return *this;
        }
        iterator operator++(int) noexcept { return iterator(at_++); }
        friend bool operator==(iterator a, iterator b) noexcept { return a.at_ == b.at_; }
        friend bool operator!=(iterator a, iterator b) noexcept { return a.at_ != b.at_; }

      private:
        const wsline_message *at_ = nullptr;
    };

    /** No messages. */
    messages_view() noexcept = default;

    /** `size` messages at `first`. */
    messages_view(const wsline_message *first, std::size_t size) noexcept
        : first_(first), size_(size) {}

    iterator begin() const noexcept { return iterator(first_); }
    iterator end() const noexcept { return iterator(first_ + size_); }

    /** How many there are. */
    std::size_t size() const noexcept { return size_; }

    /** Whether there are none. */
    bool empty() const noexcept { return size_ == 0; }

    /** The message at `index`, which is less than size(). */
    message_view operator[](std::size_t index) const noexcept {
        return message_view(first_[index]);
    }

  private:
    const wsline_message *first_ = nullptr;
    std::size_t size_ = 0;
};

/** Space for the messages that connection::receive_many() returns; use it again and again. */
class message_batch {
  public:
    /** Space for `capacity` messages, at least 1. */
    explicit message_batch(std::size_t capacity = 64) : messages_(capacity) {}

    /** As wsline_conn_recv_many() takes it. */
    wsline_message *data() noexcept { return messages_.data(); }

    /** How many messages have space. */
    std::size_t capacity() const noexcept { return messages_.size(); }

  private:
    std::vector<wsline_message> messages_;
};

} // namespace wsline

#endif
