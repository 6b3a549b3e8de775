/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, URLs, cookies, frames, the log: what needs no server. */
#include "check.hpp"

#include <array>
#include <iterator>
#include <memory>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using wsline::opcode;
using wsline::status;

static void error_codes() {
    std::error_code ec = status::timeout;
    CHECK(ec == status::timeout && ec != status::busy && ec == std::errc::timed_out);
    EQUAL(std::string("wsline"), ec.category().name());
    EQUAL(&wsline::category(), &ec.category());
    EQUAL(std::string(wsline::strerror(status::timeout)), ec.message());
    EQUAL(std::string("WSLINE_ERR_TIMEOUT"), wsline::status_name(status::timeout));
    CHECK(!std::error_code(status::ok));
    const std::pair<status, std::errc> conditions[] = {
        {status::invalid_argument, std::errc::invalid_argument},
        {status::not_supported, std::errc::not_supported},
        {status::pong_timeout, std::errc::timed_out},
        {status::would_block, std::errc::operation_would_block},
        {status::interrupted, std::errc::interrupted},
        {status::aborted, std::errc::operation_canceled},
        {status::no_memory, std::errc::not_enough_memory},
        {status::message_too_big, std::errc::message_size}};
    for (const auto &[code, condition] : conditions) CHECK(std::error_code(code) == condition);
    CHECK(std::error_code(status::closed) != std::errc::connection_reset);
    CHECK(std::error_code(status::closed).default_error_condition().category() ==
          wsline::category());
}

static void errors_carry_details() {
    auto thrown = check::thrown_by<std::system_error>([] { wsline::url url("http:/"); });
    REQUIRE(thrown);
    CHECK(thrown->code() == status::invalid_url);
    auto error = check::thrown_by<wsline::error>([] { wsline::url url("http:/"); });
    REQUIRE(error);
    EQUAL(status::invalid_url, error->status());
    EQUAL(std::string(wsline::last_error_message()), error->what());
    wsline::error_info info = error->info(), last = wsline::last_error();
    EQUAL(info.message(), last.message());
    CHECK(info.code() == status::invalid_url && !info.retry_in() && info.os_errno() == 0);
    EQUAL(wsline::phase::none, info.phase());
    EQUAL(wsline::close_code::none, info.close_code());
    CHECK(info.http_status() == 0 && info.tls_verify_result() == 0);
    static_assert(std::is_nothrow_copy_constructible_v<wsline::error>, "required of exceptions");
    /* The last error belongs to its thread. */
    std::thread([] {
        EQUAL(status::ok, wsline::last_error().status());
        CHECK(wsline::last_error().message().empty() && !wsline::last_error().retry_in());
    }).join();
}

static void empty_information() {
    wsline::error_info error;
    CHECK(error.status() == status::ok && error.message().empty() && !error.retry_in());
    wsline::close_info close;
    CHECK(close.code() == wsline::close_code::none && close.closed_by() == wsline::side::none);
    CHECK(!close.clean() && close.reason().empty() && close.unsent_messages() == 0 &&
          close.unsent_bytes() == 0);
    wsline::tls_info tls;
    CHECK(tls.version.empty() && !tls.resumed);
    wsline::message_view message;
    CHECK(message.empty() && message.size() == 0 && message.text().empty());
    CHECK(wsline::messages_view().empty());
    for (wsline::message_view each : wsline::messages_view()) CHECK(each.empty() && false);
}

static void information_is_copied() {
    char reason[] = "bye";
    wsline_close_info raw{};
    raw.code = 4000;
    raw.closed_by = WSLINE_SIDE_SERVER;
    raw.clean = true;
    raw.reason = reason;
    raw.reason_len = 3;
    raw.unsent_messages = 5;
    raw.unsent_bytes = 6;
    wsline::close_info close(raw);
    reason[0] = 'd';
    CHECK(close.code() == wsline::close_code{4000} && close.clean());
    CHECK(close.closed_by() == wsline::side::server && close.reason() == "bye");
    CHECK(close.unsent_messages() == 5 && close.unsent_bytes() == 6);
    wsline_error_info failed{};
    failed.status = WSLINE_ERR_TLS_VERIFY;
    failed.phase = WSLINE_PHASE_TLS;
    failed.os_errno = 1;
    failed.http_status = 2;
    failed.tls_verify_result = 3;
    failed.close_code = 1001;
    failed.retry_in_ms = 250;
    failed.message = reason;
    wsline::error_info error(failed);
    reason[0] = 'r';
    CHECK(error.status() == status::tls_verify && error.phase() == wsline::phase::tls);
    CHECK(error.os_errno() == 1 && error.http_status() == 2 && error.tls_verify_result() == 3);
    CHECK(error.close_code() == wsline::close_code::going_away && error.retry_in() == 250ms);
    EQUAL(std::string("dye"), error.message());
    wsline_timings measured{};
    measured.redirects_ns = 1;
    measured.lookup_ns = 2;
    measured.connect_ns = 3;
    measured.proxy_ns = 4;
    measured.tls_ns = 5;
    measured.upgrade_ns = 6;
    measured.first_byte_ns = 7;
    measured.total_ns = 8;
    measured.addresses_tried = 9;
    measured.redirects = 10;
    measured.phase = WSLINE_PHASE_PROXY;
    measured.finished = true;
    wsline::timings times(measured);
    CHECK(times.until_last_redirect() == 1ns && times.lookup() == 2ns && times.connect() == 3ns);
    CHECK(times.proxy() == 4ns && times.tls() == 5ns && times.upgrade() == 6ns);
    CHECK(times.first_byte() == 7ns && times.total() == 8ns && times.addresses_tried() == 9);
    CHECK(times.redirects() == 10 && times.phase() == wsline::phase::proxy && times.finished());
}

static void messages_are_viewed() {
    const std::uint8_t payload[] = {'h', 'i', 0};
    wsline_message raw[2]{};
    raw[0].data = payload;
    raw[0].len = 2;
    raw[0].opcode = WSLINE_OPCODE_TEXT;
    raw[0].flags = WSLINE_MESSAGE_FIRST | WSLINE_MESSAGE_MORE;
    raw[0].received_ns = 1500000000;
    raw[1].opcode = WSLINE_OPCODE_BINARY;
    raw[1].flags = WSLINE_MESSAGE_LAST | WSLINE_MESSAGE_INFLATED;
    wsline::messages_view messages(raw, 2);
    wsline::message_view first = messages[0], second = messages[1];
    CHECK(first.is_first() && !first.is_last() && first.more() && !first.is_inflated());
    CHECK(!second.is_first() && second.is_last() && !second.more() && second.is_inflated());
    CHECK(first.is_text() && !first.is_binary() && second.is_binary() && !second.is_text());
    CHECK(first.text() == "hi" && first.size() == 2 && !first.empty() && first.data() == payload);
    CHECK(first.received().time_since_epoch() == 1500ms &&
          second.received() == wsline::system_time());
    CHECK(first.opcode() == opcode::text && first.raw().len == 2 && messages.size() == 2);
#ifdef __cpp_lib_span
    CHECK(first.bytes().size() == 2 && first.bytes()[1] == std::byte{'i'});
#endif
    std::size_t sizes = 0;
    for (wsline::message_view each : messages) sizes += each.size() + 1;
    EQUAL(4u, sizes);
    auto at = messages.begin(), before = at++;
    CHECK(before == messages.begin() && at != before && (*at).is_binary() &&
          ++at == messages.end());
    for (auto [code, is] : {std::pair(opcode::ping, &wsline::message_view::is_ping),
                            std::pair(opcode::pong, &wsline::message_view::is_pong),
                            std::pair(opcode::close, &wsline::message_view::is_close)}) {
        CHECK(!(second.*is)());
        second.raw().opcode = static_cast<int>(code);
        CHECK((second.*is)());
    }
    EQUAL(3u, wsline::message_batch(3).capacity());
    CHECK(wsline::message_batch().capacity() > 1);
}

static void frames_are_encoded() {
    char buffer[32];
    wsline::frame frame(opcode::text, std::string_view("hello"), false);
    frame.set_rsv(true, false, true).set_mask({1, 2, 3, 4}).set_raw();
    CHECK(frame.opcode() == opcode::text && !frame.fin() && frame.size() == 5 && frame.is_raw());
    CHECK(frame.rsv1() && !frame.rsv2() && frame.rsv3() &&
          *frame.mask() == wsline::mask_key{1, 2, 3, 4});
    GIVES(11u, wsline::encode_frame(frame, buffer, sizeof buffer, on_error...));
    FAILS(status::invalid_argument, wsline::encode_frame(frame, buffer, 10, on_error...));
    auto found = wsline::decode_frame({buffer, 11});
    REQUIRE(found.complete);
    CHECK(found.size == 11 && found.frame.opcode() == opcode::text && !found.frame.fin());
    CHECK(found.frame.rsv1() && !found.frame.rsv2() && found.frame.rsv3() && found.frame.mask());
    WORKS(wsline::mask({1, 2, 3, 4}, buffer + 6, 5, on_error...));
    /* In three forms it is masked three times, in two twice. */
    if (found.frame.text() != "hello") wsline::mask({1, 2, 3, 4}, buffer + 6, 5);
    EQUAL("hello", found.frame.text());
    CHECK(found.frame.data() == static_cast<const void *>(buffer + 6));
    auto part = wsline::decode_frame({buffer, 7});
    CHECK(!part.complete && part.size == 11);
    WORKS(wsline::decode_frame({buffer, 7}, on_error...));
    CHECK(!wsline::decode_frame({}).complete);
    FAILS(status::protocol, wsline::decode_frame(std::string("\xff\xff\xff\xff"), on_error...));
    wsline::frame plain(opcode::ping), empty;
    CHECK(plain.fin() && plain.size() == 0 && !plain.mask() && !plain.is_raw());
    CHECK(empty.opcode() == opcode::continuation && plain.set_raw(false).raw().raw == 0);
    CHECK(wsline::frame(plain.raw()).opcode() == opcode::ping);
}

static void urls_are_parsed() {
    wsline::url url("wss://me:pw@host.test:8443/path?a=b");
    CHECK(url.is_secure() && url.host() == "host.test" && url.port() == 8443);
    CHECK(url.resource() == "/path?a=b" && url.user() == "me" && url.password() == "pw");
    CHECK(!url.unix_path());
    wsline::url simple = wsline::parse_url("ws://host");
    CHECK(!simple.is_secure() && simple.port() == 80 && !simple.user() && !simple.password());
    WORKS(wsline::parse_url("ws+unix:///tmp/socket", on_error...));
    EQUAL("/tmp/socket", *wsline::url("ws+unix:///tmp/socket").unix_path());
    FAILS(status::invalid_url, wsline::parse_url("nonsense", on_error...));
}

static void cookies_are_kept() {
    wsline::cookie_jar jar;
    WORKS(jar.add("ws://a.test/", "b=c", on_error...));
    GIVES("b=c", jar.cookies_for("ws://a.test/x", on_error...));
    GIVES("", jar.cookies_for("ws://b.test/", on_error...));
    WORKS(jar.set("ws://a.test/", "d=e", on_error...));
    GIVES("d=e", jar.cookies_for("ws://a.test/", on_error...));
    FAILS(status::invalid_url, jar.add("a", "b=c", on_error...));
    WORKS(jar.clear(on_error...));
    GIVES("", jar.cookies_for("ws://a.test/", on_error...));
}

static void the_log_calls_a_function() {
    auto lines = std::make_shared<std::vector<std::string>>();
    wsline::set_log(
        wsline::log_level::trace, [lines](wsline::log_level level, std::string_view line) {
            lines->push_back(std::to_string(static_cast<int>(level)) + std::string(line));
        });
    std::error_code ec;
    (void)wsline::connect("ws://127.0.0.1:1/", ec);
    CHECK(!lines->empty());
    EQUAL(2, lines.use_count());
    WORKS(wsline::set_log(nullptr, on_error...));
    EQUAL(1, lines.use_count());
    auto unused = [lines](wsline::log_level, std::string_view) {};
    FAILS(status::invalid_argument, wsline::set_log(wsline::log_level{99}, unused, on_error...));
    EQUAL(2, lines.use_count());
    WORKS(wsline::set_trace(false, on_error...));
}

static void the_process_has_settings() {
    EQUAL(std::string(WSLINE_VERSION_STRING), wsline::version());
    EQUAL(static_cast<unsigned>(WSLINE_VERSION_NUMBER), wsline::version_number());
    CHECK(wsline::has_feature("tls") && !wsline::has_feature("nonsense"));
    wsline::timeout before = wsline::process_timeout();
    WORKS(wsline::set_process_timeout(7s, on_error...));
    CHECK(wsline::process_timeout() == 7s);
    wsline::set_process_timeout(before);
    FAILS(status::invalid_argument,
          wsline::set_process_timeout(wsline::timeout::from_ms(-9), on_error...));
    CHECK(wsline::utf8_is_valid(std::string("ä")) && !wsline::utf8_is_valid(std::string("\xff")));
    wsline::options options;
    options.set_proxy(wsline::proxy_type::http, "proxy.test", 8080);
    auto proxy = wsline::proxy_for_url("ws://a.test/", options);
    CHECK(proxy && proxy->find("proxy.test:8080") != std::string::npos);
    WORKS(wsline::proxy_for_url("ws://a.test/", options, on_error...));
    options.set_proxy(wsline::proxy_type::none, nullptr, 0).set_proxy_from_environment(false);
    CHECK(!wsline::proxy_for_url("ws://a.test/", options));
    FAILS(status::invalid_url, wsline::proxy_for_url("nonsense", on_error...));
}

/* Compilers warn of one that is left out. */
static void enumerators_have_names() {
    static_assert(wsline::name(opcode::continuation) == "continuation");
    static_assert(wsline::name(wsline::close_code::going_away) == "going_away");
    static_assert(wsline::name(wsline::close_code::none) == "none");
    static_assert(wsline::name(wsline::phase::upgrade) == "upgrade");
    static_assert(wsline::name(wsline::log_level::warn) == "warn");
    static_assert(wsline::name(wsline::side::server) == "server");
    static_assert(wsline::name(wsline::event_kind::address_failed) == "address_failed");
    EQUAL("unknown", wsline::name(wsline::close_code{4000}));
    EQUAL("unknown", wsline::name(wsline::event_kind{99}));
    EQUAL("unknown", wsline::name(wsline::phase{-1}));
}

int main(int argc, char **argv) {
    return check::run(argc, argv,
                      {TEST(error_codes), TEST(errors_carry_details), TEST(empty_information),
                       TEST(information_is_copied), TEST(messages_are_viewed),
                       TEST(frames_are_encoded), TEST(urls_are_parsed), TEST(cookies_are_kept),
                       TEST(the_log_calls_a_function), TEST(the_process_has_settings),
                       TEST(enumerators_have_names)});
}
