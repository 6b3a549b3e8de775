/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The harness of the C++ tests: checks that report their location and values, a table of named
 * tests, a watchdog. A program ends with `return check::run(argc, argv, {TEST(a), TEST(b)});`.
 *
 *   CHECK(condition), EQUAL(want, got)   record a failure and continue; usable on any thread
 *   REQUIRE(condition)                   leaves the test
 *
 * These make a call in each form in which errors are reported. The call passes `on_error...` last:
 *
 *   WORKS(conn.ping("x", on_error...))             succeeds, and clears the error code
 *   GIVES(3, conn.fd(on_error...))                 succeeds, and returns 3
 *   FAILS(status::closed, conn.cork(on_error...))  fails
 */
#ifndef WSLINE_TESTS_CHECK_HPP
#define WSLINE_TESTS_CHECK_HPP

#include <wsline.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <type_traits>
#include <unistd.h>
#include <vector>

namespace check {

using namespace std::chrono_literals;

struct test {
    const char *name;
    void (*body)();
};

struct place {
    const char *file;
    int line;
    const char *what;
};

/* Thrown by REQUIRE. */
struct left {};

struct state {
    std::mutex lock;
    std::string running;
    unsigned failures = 0;
};

inline state &current() {
    static state it;
    return it;
}

inline bool note(bool held, place at, const std::string &why) {
    if (held) return true;
    std::lock_guard<std::mutex> lock(current().lock);
    current().failures++;
    std::cerr << at.file << ':' << at.line << ": " << current().running << ": " << at.what << why
              << '\n';
    return false;
}

template <class T, class = void> inline constexpr bool can_print = false;
template <class T>
inline constexpr bool can_print<
    T, std::void_t<decltype(std::declval<std::ostream &>() << std::declval<const T &>())>> = true;

template <class T> std::string shown(const T &value) {
    std::ostringstream text;
    if constexpr (std::is_enum_v<T>)
        text << +static_cast<std::underlying_type_t<T>>(value);
    else if constexpr (can_print<T>)
        text << value;
    else
        text << "(another value)";
    return text.str();
}

template <class A, class B> bool same(const A &want, const B &got, place at) {
    return note(want == got, at, ": want " + shown(want) + ", got " + shown(got));
}

inline std::string thrown_text() {
    try {
        throw;
    } catch (const wsline::error &error) {
        return std::string(wsline_status_name(static_cast<int>(error.status()))) + ", " +
               error.what();
    } catch (const std::exception &error) {
        return error.what();
    } catch (...) {
        return "something";
    }
}

/* No value to compare with. */
struct nothing {};

template <class Want, class Got> void compare(const Want &want, const Got &got, place at) {
    if constexpr (!std::is_same_v<Want, nothing>) same(want, got, at);
}

template <class Want, class Call> void works(const Want &want, const Call &call, place at) {
    std::error_code ec = wsline::status::internal;
    try {
        if constexpr (std::is_same_v<Want, nothing>) {
            call();
            call(ec);
        } else {
            compare(want, call(), at);
            compare(want, call(ec), at);
        }
    } catch (...) {
        note(false, at, " has thrown " + thrown_text());
    }
    note(!ec, at, " (std::error_code): got " + ec.message());
#ifdef __cpp_lib_expected
    auto expected = call(wsline::as_expected);
    if (!note(expected.has_value(), at, " (std::expected): failed")) return;
    if constexpr (!std::is_same_v<Want, nothing>) compare(want, *expected, at);
#endif
}

template <class Call> void fails(wsline::status want, const Call &call, place at) {
    try {
        call();
        note(false, at, " has not thrown");
    } catch (const wsline::error &error) {
        same(want, error.status(), at);
        same(std::error_code(want), error.code(), at);
        same(want, error.info().status(), at);
        note(error.what()[0] != '\0', at, ": what() is empty");
    } catch (...) {
        note(false, at, " has thrown " + thrown_text());
    }
    std::error_code ec;
    try {
        call(ec);
    } catch (...) {
        note(false, at, " (std::error_code) has thrown " + thrown_text());
    }
    same(std::error_code(want), ec, at);
#ifdef __cpp_lib_expected
    auto expected = call(wsline::as_expected);
    if (note(!expected.has_value(), at, " (std::expected): succeeded")) {
        same(want, expected.error().status(), at);
        note(!expected.error().message().empty(), at, ": the message is empty");
    }
#endif
}

/* The exception that `call` throws, of type T; none if it throws none or another one. */
template <class T, class Call> std::optional<T> thrown_by(const Call &call) {
    try {
        call();
    } catch (const T &thrown) {
        return thrown;
    } catch (...) {
        std::cerr << "another exception: " << thrown_text() << '\n';
    }
    return std::nullopt;
}

/* Under ThreadSanitizer and valgrind, tests do less. */
inline bool slow() {
    const char *value = std::getenv("WSLINE_TEST_SLOW");
    return value != nullptr && *value != '\0';
}

/* Waits until `condition()` holds, for longer than it needs on a busy machine. */
template <class Condition> bool eventually(const Condition &condition) {
    for (int i = 0; i < 12000 && !condition(); i++) ::usleep(5000);
    return condition();
}

inline int run(int argc, char **argv, const std::vector<test> &tests) {
    unsigned passed = 0, failed = 0;
    for (const test &each : tests) {
        bool selected = argc < 2;
        for (int i = 1; i < argc; i++) selected = selected || std::strcmp(argv[i], each.name) == 0;
        if (!selected) continue;
        current().running = each.name;
        current().failures = 0;
        ::alarm(240); /* Ends the program. */
        try {
            each.body();
        } catch (const left &) {
        } catch (...) {
            note(false, {each.name, 0, "left by "}, thrown_text());
        }
        ::alarm(0);
        std::cout << (current().failures == 0 ? "ok   " : "FAIL ") << each.name << std::endl;
        (current().failures == 0 ? passed : failed)++;
    }
    std::cout << passed << " passed, " << failed << " failed\n";
    return failed == 0 && passed > 0 ? 0 : 1;
}

} // namespace check

#define TEST(function)                                                                             \
    check::test { #function, function }
#define PLACE(text)                                                                                \
    check::place { __FILE__, __LINE__, text }
#define CHECK(...)        check::note((__VA_ARGS__) ? true : false, PLACE(#__VA_ARGS__), "")
#define EQUAL(want, ...)  check::same((want), (__VA_ARGS__), PLACE(#__VA_ARGS__))
#define IN_EACH_FORM(...) [&]([[maybe_unused]] auto &&...on_error) { return __VA_ARGS__; }
#define WORKS(...)        GIVES(check::nothing(), __VA_ARGS__)
#define GIVES(want, ...)  check::works(want, IN_EACH_FORM(__VA_ARGS__), PLACE(#__VA_ARGS__))
#define FAILS(want, ...)  check::fails(want, IN_EACH_FORM(__VA_ARGS__), PLACE(#__VA_ARGS__))
#define REQUIRE(...)                                                                               \
    do {                                                                                           \
        if (!CHECK(__VA_ARGS__)) throw check::left();                                              \
    } while (false)

#endif
