/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/arguments.hpp
 * @brief How durations, strings and bytes are passed. Part of wsline.hpp.
 */
#ifndef WSLINE_ARGUMENTS_HPP
#define WSLINE_ARGUMENTS_HPP

#include <wsline.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <ratio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace wsline {

namespace detail {

/**
 * A duration in units of `Period`, rounded up, so that a short wait does not become none. A
 * negative duration, as of a deadline that has passed, is 0; one that is too long is the longest.
 */
template <class Period, class Rep, class From>
constexpr std::int64_t count_of(std::chrono::duration<Rep, From> time) noexcept {
    using target = std::chrono::duration<std::int64_t, Period>;
    constexpr bool floating = std::chrono::treat_as_floating_point_v<Rep>;
    if (!(time > std::chrono::duration<Rep, From>::zero())) return 0;
    if constexpr (!floating && std::numeric_limits<Rep>::digits <= 63 &&
                  std::ratio_divide<Period, From>::den == 1) {
        return std::chrono::ceil<target>(time).count();
    } else {
        /* Its count may not fit, or overflow while it is converted. */
        using wide = std::chrono::duration<std::conditional_t<floating, Rep, long double>, Period>;
        const auto count = wide(time).count();
        if (!(count < wide(target::max()).count())) return target::max().count();
        const auto whole = static_cast<std::int64_t>(count);
        return static_cast<decltype(wide(time).count())>(whole) < count ? whole + 1 : whole;
    }
}

} // namespace detail

/**
 * How long a call may take: a duration, or `no_timeout` or `default_timeout`.
 *
 * Converts from every std::chrono duration, rounded up to whole milliseconds, and from a point in
 * time, a deadline. A negative duration, as after a deadline, is 0: try once, without waiting.
 */
class timeout {
  public:
    /** A duration of any unit. */
    template <class Rep, class Period>
    constexpr timeout(std::chrono::duration<Rep, Period> time) noexcept
        : ms_(detail::count_of<std::milli>(time)) {}

    /** The time until a deadline. */
    template <class Clock, class Duration>
    timeout(std::chrono::time_point<Clock, Duration> deadline) noexcept
        : timeout(deadline - Clock::now()) {}

    /** From a number of wsline.h: milliseconds, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT. */
    static constexpr timeout from_ms(std::int64_t ms) noexcept { return timeout(ms); }

    /** As the functions of wsline.h take it. */
    constexpr std::int64_t ms() const noexcept { return ms_; }

    /** As a duration; nothing sensible if this is `no_timeout` or `default_timeout`. */
    constexpr std::chrono::milliseconds duration() const noexcept {
        return std::chrono::milliseconds(ms_);
    }

    friend constexpr bool operator==(timeout a, timeout b) noexcept { return a.ms_ == b.ms_; }
    friend constexpr bool operator!=(timeout a, timeout b) noexcept { return a.ms_ != b.ms_; }

  private:
    explicit constexpr timeout(std::int64_t ms) noexcept : ms_(ms) {}

    std::int64_t ms_;
};

/** A timeout that never expires: WSLINE_FOREVER. (Qt has a macro `forever`.) */
inline constexpr timeout no_timeout = timeout::from_ms(WSLINE_FOREVER);

/** The timeout of the connection or, if it has none, of the process: WSLINE_DEFAULT_TIMEOUT. */
inline constexpr timeout default_timeout = timeout::from_ms(WSLINE_DEFAULT_TIMEOUT);

/**
 * A string that is passed as NUL-terminated UTF-8: a literal, a std::string, or a std::string_view,
 * which is copied.
 *
 * A null pointer restores the default where wsline.h says so. A string with a NUL inside is
 * rejected with status::invalid_argument.
 */
class c_string {
  public:
    c_string(std::nullptr_t) noexcept {}
    c_string(const char *text) noexcept : text_(text) {}
    c_string(const std::string &text) : text_(text.c_str()) { reject_nul(text); }
    c_string(std::string_view text) : copy_(text), text_(copy_.c_str()) { reject_nul(text); }
    /** A std::filesystem::path. */
    template <class Path,
              std::enable_if_t<std::is_same_v<decltype(std::declval<const Path &>().native()),
                                              const std::string &>,
                               int> = 0>
    c_string(const Path &path) : c_string(path.native()) {}
    c_string(const c_string &) = delete;
    c_string &operator=(const c_string &) = delete;

    /** As the functions of wsline.h take it; NULL for a null pointer. */
    const char *get() const noexcept { return text_; }

    /** False if the string has a NUL inside. */
    bool is_valid() const noexcept { return valid_; }

  private:
    void reject_nul(std::string_view text) noexcept {
        valid_ = text.find('\0') == std::string_view::npos;
    }

    std::string copy_;
    const char *text_ = nullptr;
    bool valid_ = true;
};

namespace detail {

/** The types whose objects are bytes. */
template <class T>
inline constexpr bool is_byte = std::is_same_v<T, char> || std::is_same_v<T, signed char> ||
                                std::is_same_v<T, unsigned char> || std::is_same_v<T, std::byte>;

/** What std::data() of a container points to. */
template <class C>
using element_of = std::remove_cv_t<
    std::remove_pointer_t<decltype(std::data(std::declval<const std::remove_reference_t<C> &>()))>>;

} // namespace detail

/**
 * Bytes to send, lent for the call: any contiguous container of bytes (std::vector, std::array,
 * std::string, std::span), or a pointer and a size.
 *
 * String literals are rejected, because they include a NUL: write `"text"sv`.
 */
class bytes {
  public:
    constexpr bytes() noexcept = default;

    /** `size` bytes at `data`, which may be null if `size` is 0. */
    constexpr bytes(const void *data, std::size_t size) noexcept : data_(data), size_(size) {}

    /** The elements of a contiguous container. */
    template <class C, std::enable_if_t<detail::is_byte<detail::element_of<C>> &&
                                            !std::is_same_v<std::decay_t<C>, bytes>,
                                        int> = 0>
    constexpr bytes(const C &container) noexcept
        : data_(std::data(container)), size_(std::size(container)) {}

    /** Not a literal; all elements of an array of your own. */
    template <std::size_t N> bytes(const char (&)[N]) = delete;
    template <std::size_t N> constexpr bytes(char (&array)[N]) noexcept : data_(array), size_(N) {}

    /** The first byte; may be null if there are none. */
    constexpr const void *data() const noexcept { return data_; }

    /** How many there are. */
    constexpr std::size_t size() const noexcept { return size_; }

  private:
    const void *data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace wsline

#endif
