/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions of arguments: durations, strings, bytes. */
#include "check.hpp"

#include <array>
#include <cstddef>
#include <limits>
#include <ratio>
#include <string_view>
#include <type_traits>
#include <vector>
#if __has_include(<span>)
#include <span>
#endif

using namespace std::chrono_literals;
using wsline::c_string;
using wsline::timeout;

static constexpr std::int64_t longest = std::numeric_limits<std::int64_t>::max();

template <class Rep, class Period = std::milli> using duration = std::chrono::duration<Rep, Period>;

static std::int64_t ms(timeout time) { return time.ms(); }

static void durations_are_rounded_up() {
    EQUAL(0, ms(0ns));
    EQUAL(1, ms(1ns));
    EQUAL(1, ms(999999ns));
    EQUAL(1, ms(1000000ns));
    EQUAL(2, ms(1000001ns));
    EQUAL(1500, ms(1500ms));
    EQUAL(5000, ms(5s));
    EQUAL(3600000, ms(1h));
    EQUAL(250, ms(duration<double, std::ratio<1>>(0.25)));
    EQUAL(1, ms(duration<float, std::ratio<1>>(1e-9f)));
    EQUAL(2, ms(duration<long double>(1.5L)));
    EQUAL(34, ms(duration<int, std::ratio<1, 30>>(1)));
    EQUAL(3, ms(duration<int, std::ratio<3, 4000>>(3)));
    EQUAL(3000, ms(duration<unsigned char, std::ratio<1>>(3)));
}

static void negative_durations_do_not_wait() {
    EQUAL(0, ms(-1ns));
    EQUAL(0, ms(-1ms));
    EQUAL(0, ms(-2ms));
    EQUAL(0, ms(std::chrono::hours::min()));
    EQUAL(0, ms(std::chrono::nanoseconds::min()));
    EQUAL(0, ms(duration<double>(-0.5)));
    EQUAL(0, ms(duration<double>(-std::numeric_limits<double>::infinity())));
    EQUAL(0, ms(duration<double>(std::numeric_limits<double>::quiet_NaN())));
}

static void long_durations_are_the_longest() {
    EQUAL(longest, ms(std::chrono::hours::max()));
    EQUAL(longest, ms(std::chrono::seconds::max()));
    EQUAL(longest, ms(std::chrono::milliseconds::max()));
    EQUAL(longest / 1000000 + 1, ms(std::chrono::nanoseconds::max()));
    EQUAL(longest, ms(duration<double>(1e300)));
    EQUAL(longest, ms(duration<float>(std::numeric_limits<float>::infinity())));
    EQUAL(longest, ms(duration<double, std::nano>(std::numeric_limits<double>::max())));
    EQUAL(longest, ms(duration<std::uint64_t>(std::numeric_limits<std::uint64_t>::max())));
    EQUAL(longest, ms(duration<std::uint64_t, std::ratio<1>>(std::uint64_t{1} << 63)));
    /* Units that are no multiple or fraction of a millisecond. */
    CHECK(ms(duration<std::int64_t, std::ratio<3, 4000>>(longest)) > longest / 2);
    CHECK(ms(duration<std::int64_t, std::ratio<1, 1024>>(longest)) > longest / 2);
}

static void timeouts_are_values() {
    static_assert(timeout(2s).ms() == 2000, "usable in constants");
    static_assert(timeout(2s) == 2000ms && timeout(2s) != 2001ms, "comparable with durations");
    static_assert(!std::is_convertible_v<int, timeout>, "a number has no unit");
    EQUAL(WSLINE_FOREVER, wsline::no_timeout.ms());
    EQUAL(WSLINE_DEFAULT_TIMEOUT, wsline::default_timeout.ms());
    CHECK(wsline::no_timeout != wsline::default_timeout);
    CHECK(timeout::from_ms(7) == 7ms);
    CHECK(timeout(3s).duration() == 3s);
}

static void strings_end_with_a_nul() {
    std::string text = "text";
    EQUAL(text.c_str(), c_string(text).get());
    EQUAL(std::string("ex"), c_string(std::string_view("text").substr(1, 2)).get());
    EQUAL(std::string("literal"), c_string("literal").get());
    EQUAL(std::string(), c_string("").get());
    EQUAL(std::string(), c_string(std::string_view()).get());
    EQUAL(static_cast<const char *>(nullptr), c_string(nullptr).get());
    EQUAL(static_cast<const char *>(nullptr), c_string(static_cast<const char *>(nullptr)).get());
}

static void strings_have_no_nul_inside() {
    std::string bad("a\0b", 3);
    CHECK(c_string("a\0b").is_valid());
    CHECK(!c_string(bad).is_valid());
    CHECK(!c_string(std::string_view(bad)).is_valid());
    CHECK(!c_string(std::string(1, '\0')).is_valid());
    wsline::options options;
    wsline::cookie_jar jar;
    auto fails = wsline::status::invalid_argument;
    FAILS(fails, options.add_header("name", bad, on_error...));
    FAILS(fails, wsline::connect(bad, on_error...));
    FAILS(fails, wsline::parse_url(std::string_view(bad), on_error...));
    FAILS(fails, jar.add("ws://a/", bad, on_error...));
    FAILS(fails, wsline::proxy_for_url(bad, on_error...));
    auto thrown = check::thrown_by<wsline::error>([&] { wsline::url url(bad); });
    REQUIRE(thrown);
    EQUAL(std::string("a string argument contains a NUL byte"), thrown->what());
    CHECK(!wsline::has_feature(bad));
    EQUAL(std::string("a string argument contains a NUL byte"), wsline::last_error().message());
    wsline_error_info info{};
    wsline_last_error(&info);
    EQUAL(WSLINE_OK, info.status);
}

template <class C> static void refers_to(const C &container, std::size_t size) {
    wsline::bytes bytes = container;
    EQUAL(static_cast<const void *>(std::data(container)), bytes.data());
    EQUAL(size, bytes.size());
}

static void containers_are_bytes() {
    char array[3] = {};
    refers_to(std::string("12345"), 5);
    refers_to(std::string_view("12345"), 5);
    refers_to(std::vector<char>(4), 4);
    refers_to(std::vector<unsigned char>(4), 4);
    refers_to(std::vector<signed char>(4), 4);
    refers_to(std::vector<std::uint8_t>(4), 4);
    refers_to(std::vector<std::byte>(4), 4);
    refers_to(std::array<std::byte, 6>(), 6);
    wsline::bytes of_array = array;
    EQUAL(static_cast<const void *>(array), of_array.data());
    EQUAL(sizeof array, of_array.size());
    static_assert(!std::is_convertible_v<decltype("text"), wsline::bytes>);
#ifdef __cpp_lib_span
    std::vector<std::byte> vector(4);
    refers_to(std::span<std::byte>(vector), 4);
    refers_to(std::span<const std::byte, 4>(vector), 4);
    refers_to(std::span<const char>(array), 3);
#endif
    EQUAL(0u, wsline::bytes().size());
    EQUAL(2u, wsline::bytes(array, 2).size());
    EQUAL(0u, wsline::bytes(nullptr, 0).size());
    EQUAL(0u, wsline::bytes(std::vector<char>()).size());
    wsline::bytes copy = wsline::bytes(array, 2);
    EQUAL(static_cast<const void *>(array), copy.data());
    static_assert(!std::is_convertible_v<std::vector<int>, wsline::bytes>, "no bytes");
    static_assert(!std::is_convertible_v<std::vector<bool>, wsline::bytes>, "not contiguous");
    static_assert(!std::is_convertible_v<int, wsline::bytes>, "no container");
    static_assert(!std::is_convertible_v<const char *, wsline::bytes>, "of no size");
}

int main(int argc, char **argv) {
    return check::run(argc, argv,
                      {TEST(durations_are_rounded_up), TEST(negative_durations_do_not_wait),
                       TEST(long_durations_are_the_longest), TEST(timeouts_are_values),
                       TEST(strings_end_with_a_nul), TEST(strings_have_no_nul_inside),
                       TEST(containers_are_bytes)});
}
