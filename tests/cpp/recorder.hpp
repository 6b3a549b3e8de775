/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that members of the C++ layer call the functions of wsline.h with the right arguments. The
 * functions are those that recorder.py writes: they record their calls.
 *
 *   FORWARDS("wsline_conn_cork(#1)", conn.cork(on_error...))  in each form; also if the call fails
 *   RECORDS("wsline_conn_fd(#1)", 42, conn.fd())              a function that cannot fail
 */
#ifndef WSLINE_TESTS_RECORDER_HPP
#define WSLINE_TESTS_RECORDER_HPP

#include "check.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <set>
#include <string>

namespace recorder {

inline std::string text;
inline wsline_status next = WSLINE_OK;
inline std::set<std::string> called;
extern const std::set<std::string> all;

template <class T> T *fake(std::uintptr_t number) { return reinterpret_cast<T *>(number); }

inline std::string function(bool set) { return set ? "fn" : "NULL"; }

inline std::string handle(const void *pointer) {
    if (pointer == nullptr) return "NULL";
    return "#" + std::to_string(reinterpret_cast<std::uintptr_t>(pointer));
}

inline std::string data(const void *bytes, std::size_t size) {
    if (bytes == nullptr) return size == 0 ? "nothing" : "NULL";
    return '"' + std::string(static_cast<const char *>(bytes), size) + '"';
}

inline std::string fields(const wsline_frame *frame) {
    if (frame == nullptr) return "NULL";
    return "frame " + std::to_string(frame->opcode) + ' ' + data(frame->data, frame->len);
}

inline std::string fields(const wsline_app_callbacks *callbacks) {
    static const std::size_t count = sizeof *callbacks / sizeof(void (*)());
    if (callbacks == nullptr) return "NULL";
    std::string set;
    for (std::size_t i = 0; i < count; i++) {
        void *one = nullptr;
        std::memcpy(&one, reinterpret_cast<const char *>(callbacks) + i * sizeof one, sizeof one);
        set += one == nullptr ? '0' : '1';
    }
    return set;
}

inline std::string value(const char *string) {
    return string == nullptr ? "NULL" : '"' + std::string(string) + '"';
}

template <class T> std::string value(T number) {
    std::ostringstream out;
    out << std::boolalpha << number;
    return out.str();
}

inline void add(const char *name, std::initializer_list<std::string> arguments) {
    if (!text.empty()) text += "; ";
    text += name;
    const char *before = "(";
    for (const std::string &each : arguments) {
        text += before + each;
        before = ", ";
    }
    text += arguments.size() == 0 ? "()" : ")";
}

/* Results. */
template <class T> void fill(T *out) { std::memset(out, 0, sizeof *out); }
template <class T> void fill(T **out) { *out = next == WSLINE_OK ? fake<T>(9) : nullptr; }
inline void fill(const char **out) { *out = "text"; }
inline void fill(const void **out) { *out = "result"; }
inline void fill(char **out) {
    *out = nullptr;
    if (next != WSLINE_OK) return;
    *out = static_cast<char *>(std::malloc(5));
    std::memcpy(*out, "text", 5);
}
inline void fill(std::size_t *out) { *out = 6; }
inline void fill(std::int32_t *out) { *out = 7; }
inline void fill(wsline_error_info *out) {
    std::memset(out, 0, sizeof *out);
    out->status = next;
    out->message = "recorded";
}

template <class Call> void forwards(const char *want, const Call &call, check::place at) {
    next = WSLINE_OK;
    text.clear();
    try {
        call();
    } catch (...) {
        check::note(false, at, " has thrown " + check::thrown_text());
    }
    check::same(want, text, at);
    text.clear();
    std::error_code ec = wsline::status::internal;
    call(ec);
    check::note(!ec, at, " has not cleared the error code");
    check::same(want, text, at);
#ifdef __cpp_lib_expected
    text.clear();
    check::note(call(wsline::as_expected).has_value(), at, " (std::expected): failed");
    check::same(want, text, at);
#endif
    next = WSLINE_ERR_BUSY;
    check::fails(wsline::status::busy, call, at);
    next = WSLINE_OK;
}

template <class Want, class Call>
void records(const char *want, const Want &result, const Call &call, check::place at) {
    text.clear();
    check::compare(result, call(), at);
    check::same(want, text, at);
}

} // namespace recorder

#define FORWARDS(want, ...) recorder::forwards(want, IN_EACH_FORM(__VA_ARGS__), PLACE(#__VA_ARGS__))
#define RECORDS(want, result, ...)                                                                 \
    recorder::records(want, result, [&] { return __VA_ARGS__; }, PLACE(#__VA_ARGS__))

void forward_options();
void forward_connection();
void forward_app();
void forward_other();

#endif
