/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/handle.hpp
 * @brief Who frees the objects of the library. Part of wsline.hpp.
 */
#ifndef WSLINE_HANDLE_HPP
#define WSLINE_HANDLE_HPP

#include <wsline.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace wsline::detail {

/** An object of the library that belongs to somebody else. */
template <class T> class reference {
  public:
    /** The object's type in wsline.h. */
    using handle_type = T;

    /** Nothing: functions report status::invalid_argument. */
    constexpr reference() noexcept = default;

    /** Refers to `handle`, which is not freed. */
    explicit constexpr reference(T *handle) noexcept : handle_(handle) {}

    /** The handle, for the functions of wsline.h; NULL if there is none. */
    constexpr T *get() const noexcept { return handle_; }

    /** Whether there is an object. */
    explicit constexpr operator bool() const noexcept { return handle_ != nullptr; }

    /** Whether both are the same object. */
    friend constexpr bool operator==(const reference &a, const reference &b) noexcept {
        return a.handle_ == b.handle_;
    }
    friend constexpr bool operator!=(const reference &a, const reference &b) noexcept {
        return a.handle_ != b.handle_;
    }

  protected:
    T *handle_ = nullptr;
};

/** An object of the library that is freed with this one. Can be moved, but not copied. */
template <class Reference, void (*Free)(typename Reference::handle_type *)>
class owner : public Reference {
  public:
    using typename Reference::handle_type;

    /** Nothing; functions report status::invalid_argument. */
    owner() noexcept = default;

    /** Takes over `handle`, which is freed with this object. */
    explicit owner(handle_type *handle) noexcept : Reference(handle) {}

    owner(owner &&other) noexcept : Reference(other.release()) {}
    owner &operator=(owner &&other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    ~owner() { Free(this->handle_); }

    /** Gives the handle away: the caller frees it. */
    handle_type *release() noexcept { return std::exchange(this->handle_, nullptr); }

    /** Frees the object, and takes over `handle` instead. */
    void reset(handle_type *handle = nullptr) noexcept {
        Free(std::exchange(this->handle_, handle));
    }
};

/** A string of the library, if there is one, copied and freed. */
inline std::optional<std::string> take_optional_string(char *string) {
    std::unique_ptr<char, void (*)(char *)> guard(string, wsline_string_free);
    if (string == nullptr) return std::nullopt;
    return std::string(string);
}

} // namespace wsline::detail

#endif
