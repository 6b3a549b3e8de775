/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that report their line and continue; main() returns expect_result(). */
#ifndef WSLINE_TESTS_GUIDES_EXPECT_HPP
#define WSLINE_TESTS_GUIDES_EXPECT_HPP

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>

inline std::atomic<int> expect_passed{0};
inline std::atomic<int> expect_failed{0};

inline void expect(bool is_true, const char *text, int line) {
    ++(is_true ? expect_passed : expect_failed);
    if (!is_true) std::cerr << "line " << line << ": not true: " << text << std::endl;
}

template <class A, class B>
void expect_equal(const A &found, const B &wanted, const char *text, int line) {
    const bool is_equal = found == wanted;
    ++(is_equal ? expect_passed : expect_failed);
    if (!is_equal)
        std::cerr << "line " << line << ": " << text << " is " << found << ", not " << wanted
                  << std::endl;
}

#define EXPECT(condition)           expect(static_cast<bool>(condition), #condition, __LINE__)
#define EXPECT_EQUAL(found, wanted) expect_equal((found), (wanted), #found, __LINE__)

/** The address of a server of tests/peers. */
inline std::string server(const char *name) {
    const char *url = std::getenv(("WSLINE_TEST_" + std::string(name) + "_URL").c_str());
    if (url == nullptr) {
        std::cerr << "run this with tests/peers/run.py" << std::endl;
        std::exit(2);
    }
    return url;
}

inline int expect_result() {
    std::cout << expect_passed << " passed, " << expect_failed << " failed" << std::endl;
    return expect_failed == 0 && expect_passed > 0 ? 0 : 1;
}

#endif
