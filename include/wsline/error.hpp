/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/error.hpp
 * @brief Errors: wsline::error, wsline::error_info, std::error_code, std::expected.
 *
 * Every function that can fail takes an optional last argument that selects how it reports errors:
 *
 * | last argument           | on failure                                  | returns          |
 * |-------------------------|---------------------------------------------|------------------|
 * | none                    | throws a wsline::error                      | `T`              |
 * | a `std::error_code &`   | sets it; cleared on success                 | `T`, empty       |
 * | `wsline::as_expected`   | returns a wsline::error_info (C++23)        | `std::expected`  |
 *
 * The type of the result is written `wsline::result<T, E>`. Part of wsline.hpp.
 */
#ifndef WSLINE_ERROR_HPP
#define WSLINE_ERROR_HPP

#include <wsline/arguments.hpp>
#include <wsline/handle.hpp>
#include <wsline/status.hpp>

#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_expected
#include <expected>
#endif

#ifndef __cpp_exceptions
#error "wsline.hpp needs exceptions: its callbacks catch what they must not let through the C API"
#endif

/** Lets a std::error_code be compared with, and made from, a wsline::status. */
template <> struct std::is_error_code_enum<wsline::status> : std::true_type {};

namespace wsline {

/**
 * The category of error codes of this library, named "wsline". There is one in a process whose
 * program exports its symbols to its plugins.
 */
[[gnu::visibility("default")]] inline const std::error_category &category() noexcept {
    class category_type final : public std::error_category {
        const char *name() const noexcept override { return "wsline"; }
        std::string message(int number) const override { return wsline_strerror(number); }
        std::error_condition default_error_condition(int number) const noexcept override {
            switch (number) {
            case WSLINE_ERR_INVALID_ARGUMENT:
                return std::errc::invalid_argument;
            case WSLINE_ERR_NOT_SUPPORTED:
                return std::errc::not_supported;
            case WSLINE_ERR_TIMEOUT:
            case WSLINE_ERR_PONG_TIMEOUT:
                return std::errc::timed_out;
            case WSLINE_ERR_WOULD_BLOCK:
                return std::errc::operation_would_block;
            case WSLINE_ERR_INTERRUPTED:
                return std::errc::interrupted;
            case WSLINE_ERR_ABORTED:
                return std::errc::operation_canceled;
            case WSLINE_ERR_NO_MEMORY:
                return std::errc::not_enough_memory;
            case WSLINE_ERR_MESSAGE_TOO_BIG:
                return std::errc::message_size;
            case WSLINE_ERR_IO:
                return std::errc::io_error;
            case WSLINE_ERR_CONNECTION_LOST:
                return std::errc::connection_reset;
            case WSLINE_ERR_PROTOCOL:
                return std::errc::protocol_error;
            default:
                return {number, *this};
            }
        }
    };
    static const category_type instance;
    return instance;
}

/** Makes a status an error code. */
inline std::error_code make_error_code(status code) noexcept {
    return {static_cast<int>(code), category()};
}

namespace detail {

/** Whether an error code of any library is this status; `ours` is the category for that library. */
template <class Code, class Category>
bool is_status(const Code &ec, status code, const Category &ours) noexcept {
    if (ec.value() != static_cast<int>(code)) return false;
    return ec.category() == ours || std::strcmp(ec.category().name(), ours.name()) == 0;
}

} // namespace detail

/**
 * Whether an error code is this status. Also if it was made by a plugin or program that has a
 * category() of its own, because its linker did not join them.
 */
inline bool operator==(const std::error_code &ec, status code) noexcept {
    return detail::is_status(ec, code, category());
}
#ifndef __cpp_impl_three_way_comparison
inline bool operator==(status code, const std::error_code &ec) noexcept { return ec == code; }
inline bool operator!=(const std::error_code &ec, status code) noexcept { return !(ec == code); }
inline bool operator!=(status code, const std::error_code &ec) noexcept { return !(ec == code); }
#endif

/** The details of a failure: a copy of a wsline_error_info. */
class error_info {
  public:
    /** No failure. */
    error_info() noexcept { raw_.retry_in_ms = -1; }

    /** A copy of `info`, with its message. */
    explicit error_info(const wsline_error_info &info) : raw_(info), message_(info.message) {
        raw_.message = nullptr;
    }

    /** A failure that the C++ layer itself has found. */
    error_info(wsline::status code, std::string message) : error_info() {
        raw_.status = static_cast<wsline_status>(code);
        message_ = std::move(message);
    }

    /** The status of the call. */
    wsline::status status() const noexcept { return wsline::status{raw_.status}; }

    /** The status as an error code. */
    std::error_code code() const noexcept { return make_error_code(status()); }

    /** What the connection was doing. */
    wsline::phase phase() const noexcept { return wsline::phase{raw_.phase}; }

    /** The system's `errno`, or 0. */
    std::int32_t os_errno() const noexcept { return raw_.os_errno; }

    /** The HTTP status of the server or the proxy, or 0. */
    std::int32_t http_status() const noexcept { return raw_.http_status; }

    /** OpenSSL's X509_V_ERR_… number if the certificate was rejected, or 0. */
    std::int64_t tls_verify_result() const noexcept { return raw_.tls_verify_result; }

    /** The code of the close frame that ended the connection; close_code::none if there is none. */
    wsline::close_code close_code() const noexcept { return wsline::close_code{raw_.close_code}; }

    /** The error message, one line. */
    const std::string &message() const noexcept { return message_; }

    /** The time until the app reconnects, if it does. */
    std::optional<std::chrono::milliseconds> retry_in() const noexcept {
        if (raw_.retry_in_ms < 0) return std::nullopt;
        return std::chrono::milliseconds(raw_.retry_in_ms);
    }

  private:
    wsline_error_info raw_{};
    std::string message_;
};

/** Thrown by the functions of this library. `what()` is the error message, one line. */
class [[gnu::visibility("default")]] error : public std::system_error {
  public:
    explicit error(error_info info)
        : std::system_error(info.code()), info_(std::make_shared<error_info>(std::move(info))) {}

    const char *what() const noexcept override { return info_->message().c_str(); }

    /** The status of the call. */
    wsline::status status() const noexcept { return info_->status(); }

    /** All details. */
    const error_info &info() const noexcept { return *info_; }

  private:
    /* Shared, because copying an exception must not throw. */
    std::shared_ptr<const error_info> info_;
};

namespace detail {

/** What the layer itself has reported by an error code on this thread, unless the library has
 * since. */
[[gnu::visibility("default")]] inline std::unique_ptr<error_info> &own_failure() noexcept {
    static thread_local std::unique_ptr<error_info> kept;
    return kept;
}

} // namespace detail

/**
 * The details of the last failed call on this thread; see wsline_last_error(). Also those of a
 * failure that the layer has found, if it was reported by an error code.
 */
inline error_info last_error() {
    if (const auto &own = detail::own_failure()) return *own;
    wsline_error_info info{};
    wsline_last_error(&info);
    return info.message == nullptr ? error_info() : error_info(info);
}

/** The message of the last failed call on this thread; see wsline_last_error_message(). */
inline const char *last_error_message() noexcept {
    if (const auto &own = detail::own_failure()) return own->message().c_str();
    return wsline_last_error_message();
}

/** The default last argument of functions that can fail: they throw a wsline::error. */
struct throws {};

#ifdef __cpp_lib_expected
/** The type of `as_expected`. */
struct as_expected_t {
    explicit as_expected_t() = default;
};

/** As the last argument of a function: it returns a std::expected. */
inline constexpr as_expected_t as_expected{};
#endif

namespace detail {

template <class E> using plain = std::remove_cv_t<std::remove_reference_t<E>>;

/** The result of a function that returns a T if it throws. */
template <class T, class E> struct result_of {};
template <class T> struct result_of<T, throws> {
    using type = T;
};
template <class T> struct result_of<T, std::error_code> {
    using type = T;
};
#ifdef __cpp_lib_expected
template <class T> struct result_of<T, as_expected_t> {
    using type = std::expected<T, error_info>;
};
#endif

/** What a function returns that has an E to report errors to. */
template <class T, class E> using outcome = typename result_of<T, plain<E>>::type;

/** An error code must be a variable: nobody would see a temporary one. */
template <class E>
using policy_of = std::conditional_t<std::is_same_v<plain<E>, std::error_code> &&
                                         !std::is_same_v<E, std::error_code &>,
                                     void, plain<E>>;

template <class E, class = void> inline constexpr bool is_policy = false;
template <class E>
inline constexpr bool is_policy<E, std::void_t<typename result_of<void, policy_of<E>>::type>> =
    true;

/** Keeps an overload with an error argument from taking any other argument. */
template <class E> using if_policy = std::enable_if_t<is_policy<E>, int>;

} // namespace detail

/** What a function returns that returns a T if it throws; see the table above. */
template <class T, class E>
using result = typename detail::result_of<T, detail::policy_of<E>>::type;

namespace detail {

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_error(error_info info) {
    throw error(std::move(info));
}

/** The details of a call that has returned `code`: those of its thread, if they belong to it. */
[[gnu::cold, gnu::noinline]] inline error_info info_of(wsline_status code) {
    wsline_error_info info{};
    wsline_last_error(&info);
    if (info.status != code || info.message == nullptr)
        return error_info(status{code}, wsline_strerror(code));
    return error_info(info);
}

/**
 * The same for the functions that programs call after a failure: those that end an object, describe
 * it, or set its callbacks. They may leave the last error as it is, so that it belongs to another
 * call.
 */
[[gnu::cold, gnu::noinline]] inline error_info info_after_failure(wsline_status code) {
    if (code == WSLINE_ERR_INVALID_ARGUMENT)
        return error_info(status{code}, "the object is empty, or an argument is invalid");
    if (code == WSLINE_ERR_WRONG_STATE)
        return error_info(status{code}, "not possible in the current state of the object");
    return info_of(code);
}

/**
 * Reports a failure as E says; `info` makes the details. `is_own`: they are not those of
 * wsline_last_error(), so last_error() must be told.
 */
template <class T, class E, class Info>
outcome<T, E> fail(E &on_error, [[maybe_unused]] wsline_status code, Info info, bool is_own) {
    using policy = plain<E>;
    if constexpr (std::is_same_v<policy, std::error_code>) {
        own_failure() = is_own ? std::make_unique<error_info>(info()) : nullptr;
        on_error = make_error_code(status{code});
        return T();
    } else {
        error_info details = info();
        own_failure() = is_own ? std::make_unique<error_info>(details) : nullptr;
        if constexpr (std::is_same_v<policy, throws>) {
            throw_error(std::move(details));
        } else {
#ifdef __cpp_lib_expected
            return outcome<T, E>(std::unexpect, std::move(details));
#endif
        }
    }
}

/** The result of a call that has returned `code`: on success what `make` returns. */
template <class E, class Make>
auto finish(E &on_error, wsline_status code, Make make, error_info (*info)(wsline_status) = info_of)
    -> outcome<decltype(make()), E> {
    using T = decltype(make());
    if (code != WSLINE_OK)
        return fail<T>(on_error, code, [=] { return info(code); }, info != info_of);
    if constexpr (std::is_same_v<plain<E>, std::error_code>) on_error.clear();
    if constexpr (std::is_void_v<T>) {
        make();
        return outcome<T, E>();
    } else {
        return outcome<T, E>(make());
    }
}

/** Whether T is the class of an object, or of a reference to one. */
template <class T, class = void> inline constexpr bool is_object = false;
template <class T> inline constexpr bool is_object<T, std::void_t<typename T::handle_type>> = true;

/** An argument as the functions of wsline.h take it. */
template <class T> constexpr auto to_c(const T &argument) noexcept {
    if constexpr (std::is_same_v<T, c_string> || is_object<T>)
        return argument.get();
    else
        return static_cast<std::decay_t<const T &>>(argument);
}

/** Why an argument would lose its meaning in C, where NULL often is a default; or NULL. */
template <class T> constexpr const char *fault_of(const T &argument) noexcept {
    if constexpr (std::is_same_v<T, c_string>)
        return argument.is_valid() ? nullptr : "a string argument contains a NUL byte";
    else if constexpr (is_object<T>)
        return argument ? nullptr : "an object passed as an argument is empty";
    else
        return nullptr;
}

/** The first fault of the arguments, or NULL. */
template <class... A> constexpr const char *first_fault(const A &...arguments) noexcept {
    const char *fault = nullptr;
    (void)((fault = fault_of(arguments), fault == nullptr) && ...);
    return fault;
}

/** Calls a function of wsline.h; on success returns what `make` returns. */
template <class E, class Make, class... P, class... A>
auto call_for(E &on_error, Make make, wsline_status (*function)(P...), const A &...arguments)
    -> outcome<decltype(make()), E> {
    if (const char *fault = first_fault(arguments...))
        return fail<decltype(make())>(
            on_error, WSLINE_ERR_INVALID_ARGUMENT,
            [fault] { return error_info(status::invalid_argument, fault); }, true);
    return finish(on_error, function(to_c(arguments)...), make);
}

/** The same for a function that may leave the last error as it is. */
template <class E, class Make, class... P, class... A>
auto ask_for(E &on_error, Make make, wsline_status (*function)(P...), const A &...arguments)
    -> outcome<decltype(make()), E> {
    if (const char *fault = first_fault(arguments...))
        return fail<decltype(make())>(
            on_error, WSLINE_ERR_INVALID_ARGUMENT,
            [fault] { return error_info(status::invalid_argument, fault); }, true);
    return finish(on_error, function(to_c(arguments)...), make, info_after_failure);
}

/** Calls a function of wsline.h that has no result but its status. */
template <class E, class... P, class... A>
outcome<void, E> call(E &on_error, wsline_status (*function)(P...), const A &...arguments) {
    return call_for(on_error, [] {}, function, arguments...);
}

/** The same for a function that may leave the last error as it is. */
template <class E, class... P, class... A>
outcome<void, E> ask(E &on_error, wsline_status (*function)(P...), const A &...arguments) {
    return ask_for(on_error, [] {}, function, arguments...);
}

} // namespace detail

} // namespace wsline

#endif
