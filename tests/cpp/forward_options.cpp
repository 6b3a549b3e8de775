/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder.hpp"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using recorder::fake;

namespace {

void of_the_request(wsline::options_ref o) {
    FORWARDS(R"(wsline_options_add_header(#1, "a", "b"))", o.add_header("a", "b", on_error...));
    FORWARDS(R"(wsline_options_set_header_line(#1, "a: b"))",
             o.set_header_line("a: b", on_error...));
    FORWARDS("wsline_options_clear_headers(#1)", o.clear_headers(on_error...));
    FORWARDS(R"(wsline_options_set_cookie_header(#1, "a=b"))",
             o.set_cookie_header("a=b", on_error...));
    FORWARDS("wsline_options_set_cookie_header(#1, NULL)",
             o.set_cookie_header(nullptr, on_error...));
    FORWARDS(R"(wsline_options_set_basic_auth(#1, "user", "secret"))",
             o.set_basic_auth("user", "secret", on_error...));
    FORWARDS(R"(wsline_options_set_bearer_token(#1, "token"))",
             o.set_bearer_token(std::string("token"), on_error...));
    FORWARDS("wsline_options_set_max_redirects(#1, 3)", o.set_max_redirects(3, on_error...));
    wsline::cookie_jar jar(fake<wsline_cookie_jar>(2));
    FORWARDS("wsline_options_set_cookie_jar(#1, #2)", o.set_cookie_jar(jar, on_error...));
    FORWARDS(R"(wsline_options_set_origin_header(#1, "o"))", o.set_origin_header("o", on_error...));
    FORWARDS("wsline_options_suppress_origin(#1, true)", o.suppress_origin(true, on_error...));
    FORWARDS(R"(wsline_options_set_host_header(#1, "h"))", o.set_host_header("h", on_error...));
    FORWARDS("wsline_options_suppress_host(#1, false)", o.suppress_host(false, on_error...));
    FORWARDS(R"(wsline_options_set_connection_header(#1, "c"))",
             o.set_connection_header("c", on_error...));
    FORWARDS(R"(wsline_options_add_subprotocol(#1, "chat"))",
             o.add_subprotocol(std::string_view("chat!").substr(0, 4), on_error...));
    FORWARDS("wsline_options_clear_subprotocols(#1)", o.clear_subprotocols(on_error...));
}

void of_time_and_proxies(wsline::options_ref o) {
    FORWARDS("wsline_options_set_timeout_ms(#1, 60000)", o.set_timeout(1min, on_error...));
    FORWARDS("wsline_options_set_connect_timeout_ms(#1, 5000)",
             o.set_connect_timeout(5s, on_error...));
    FORWARDS("wsline_options_set_send_timeout_ms(#1, -1)",
             o.set_send_timeout(wsline::no_timeout, on_error...));
    FORWARDS("wsline_options_set_close_timeout_ms(#1, -2)",
             o.set_close_timeout(wsline::default_timeout, on_error...));
    FORWARDS("wsline_options_set_interruptible(#1, true)", o.set_interruptible(true, on_error...));
    FORWARDS("wsline_options_set_spin_us(#1, 2000)", o.set_spin(2ms, on_error...));
    FORWARDS(R"(wsline_options_set_proxy(#1, 5, "host", 1080))",
             o.set_proxy(wsline::proxy_type::socks5, "host", 1080, on_error...));
    FORWARDS(R"(wsline_options_set_proxy_url(#1, "http://p"))",
             o.set_proxy_url("http://p", on_error...));
    FORWARDS(R"(wsline_options_set_proxy_auth(#1, "user", "secret"))",
             o.set_proxy_auth("user", "secret", on_error...));
    FORWARDS(R"(wsline_options_add_no_proxy(#1, ".test"))", o.add_no_proxy(".test", on_error...));
    FORWARDS("wsline_options_clear_no_proxy(#1)", o.clear_no_proxy(on_error...));
    FORWARDS("wsline_options_set_proxy_from_environment(#1, false)",
             o.set_proxy_from_environment(false, on_error...));
    FORWARDS("wsline_options_set_proxy_timeout_ms(#1, 1)", o.set_proxy_timeout(1us, on_error...));
}

void of_sockets_and_names(wsline::options_ref o) {
    FORWARDS(R"(wsline_options_add_socket_option(#1, 1, 2, "value"))",
             o.add_socket_option(1, 2, std::string("value"), on_error...));
    FORWARDS("wsline_options_clear_socket_options(#1)", o.clear_socket_options(on_error...));
    FORWARDS(R"(wsline_options_set_unix_path(#1, "/s"))", o.set_unix_path("/s", on_error...));
    FORWARDS(R"(wsline_options_set_bind_address(#1, "::1"))",
             o.set_bind_address("::1", on_error...));
    FORWARDS(R"(wsline_options_set_bind_interface(#1, "lo"))",
             o.set_bind_interface("lo", on_error...));
    FORWARDS("wsline_options_set_address_family(#1, 6)",
             o.set_address_family(wsline::address_family::ipv6, on_error...));
    FORWARDS("wsline_options_set_receive_timestamps(#1, true)",
             o.set_receive_timestamps(true, on_error...));
    FORWARDS("wsline_options_set_fd(#1, 11)", o.set_fd(11, on_error...));
    FORWARDS("wsline_options_set_upgraded(#1, true)", o.set_upgraded(true, on_error...));
    FORWARDS(R"(wsline_options_add_resolve(#1, "a:1:::1"))", o.add_resolve("a:1:::1", on_error...));
    FORWARDS("wsline_options_clear_resolve(#1)", o.clear_resolve(on_error...));
    FORWARDS(R"(wsline_options_set_connect_to(#1, "b:2"))", o.set_connect_to("b:2", on_error...));
    FORWARDS("wsline_options_set_resolver(#1, fn)",
             o.set_resolver([](wsline::lookup, std::string_view, std::int32_t) {}, on_error...));
    FORWARDS("wsline_options_set_resolver(#1, NULL)", o.set_resolver(nullptr, on_error...));
    wsline::transport transport(fake<wsline_transport>(3));
    FORWARDS("wsline_options_set_transport(#1, #3)", o.set_transport(transport, on_error...));
}

void of_tls(wsline::options_ref o) {
    std::vector<unsigned char> pem = {'p', 'e', 'm'};
    FORWARDS("wsline_options_set_tls_verify(#1, false)", o.set_tls_verify(false, on_error...));
    FORWARDS("wsline_options_set_tls_verify_host(#1, true)",
             o.set_tls_verify_host(true, on_error...));
    FORWARDS(R"(wsline_options_set_tls_server_name(#1, "n"))",
             o.set_tls_server_name("n", on_error...));
    FORWARDS(R"(wsline_options_set_tls_ca_file(#1, "f"))", o.set_tls_ca_file("f", on_error...));
    FORWARDS(R"(wsline_options_set_tls_ca_path(#1, "p"))", o.set_tls_ca_path("p", on_error...));
    FORWARDS(R"(wsline_options_set_tls_ca_pem(#1, "pem"))", o.set_tls_ca_pem(pem, on_error...));
    FORWARDS("wsline_options_set_tls_ca_pem(#1, nothing)", o.set_tls_ca_pem({}, on_error...));
    FORWARDS(R"(wsline_options_add_tls_pin_sha256(#1, "k"))",
             o.add_tls_pin_sha256("k", on_error...));
    FORWARDS("wsline_options_clear_tls_pins(#1)", o.clear_tls_pins(on_error...));
    FORWARDS(R"(wsline_options_set_tls_certificate_file(#1, "c"))",
             o.set_tls_certificate_file("c", on_error...));
    FORWARDS(R"(wsline_options_set_tls_key_file(#1, "k"))", o.set_tls_key_file("k", on_error...));
    FORWARDS(R"(wsline_options_set_tls_key_password(#1, "secret"))",
             o.set_tls_key_password("secret", on_error...));
    FORWARDS(R"(wsline_options_set_tls_certificate_pem(#1, "pem"))",
             o.set_tls_certificate_pem(pem, on_error...));
    FORWARDS(R"(wsline_options_set_tls_key_pem(#1, "pem"))", o.set_tls_key_pem(pem, on_error...));
    FORWARDS("wsline_options_set_tls_min_version(#1, 12)",
             o.set_tls_min_version(wsline::tls_version::tls_1_2, on_error...));
    FORWARDS("wsline_options_set_tls_max_version(#1, 13)",
             o.set_tls_max_version(wsline::tls_version::tls_1_3, on_error...));
    FORWARDS(R"(wsline_options_set_tls_ciphers(#1, "A"))", o.set_tls_ciphers("A", on_error...));
    FORWARDS(R"(wsline_options_set_tls_ciphersuites(#1, "B"))",
             o.set_tls_ciphersuites("B", on_error...));
    FORWARDS(R"(wsline_options_set_tls_groups(#1, "C"))", o.set_tls_groups("C", on_error...));
    FORWARDS(R"(wsline_options_set_tls_alpn(#1, "D"))", o.set_tls_alpn("D", on_error...));
    FORWARDS(R"(wsline_options_set_tls_keylog_file(#1, "E"))",
             o.set_tls_keylog_file("E", on_error...));
    FORWARDS("wsline_options_set_tls_ssl_ctx(#1, #5)",
             o.set_tls_ssl_ctx(fake<void>(5), on_error...));
}

void of_messages(wsline::options_ref o) {
    using wsline::lenient;
    FORWARDS("wsline_options_set_max_message_bytes(#1, 1024)",
             o.set_max_message_bytes(1024, on_error...));
    FORWARDS("wsline_options_set_max_frame_bytes(#1, 512)",
             o.set_max_frame_bytes(512, on_error...));
    FORWARDS("wsline_options_set_max_fragments(#1, 4)", o.set_max_fragments(4, on_error...));
    FORWARDS("wsline_options_set_utf8_validation(#1, false)",
             o.set_utf8_validation(false, on_error...));
    FORWARDS("wsline_options_set_deliver_fragments(#1, true)",
             o.set_deliver_fragments(true, on_error...));
    FORWARDS("wsline_options_set_auto_pong(#1, false)", o.set_auto_pong(false, on_error...));
    FORWARDS("wsline_options_set_mask_key_fn(#1, fn)",
             o.set_mask_key_fn([] { return wsline::mask_key{1, 2, 3, 4}; }, on_error...));
    FORWARDS("wsline_options_set_mask_key_fn(#1, NULL)", o.set_mask_key_fn(nullptr, on_error...));
    FORWARDS("wsline_options_set_lenient(#1, 3)",
             o.set_lenient(lenient::masked_frames | lenient::http_1_0, on_error...));
    FORWARDS("wsline_options_set_deflate(#1, true)", o.set_deflate(true, on_error...));
    FORWARDS("wsline_options_set_deflate_level(#1, 6)", o.set_deflate_level(6, on_error...));
    FORWARDS("wsline_options_set_deflate_window_bits(#1, 10, 12)",
             o.set_deflate_window_bits(10, 12, on_error...));
    FORWARDS("wsline_options_set_deflate_no_context_takeover(#1, true, false)",
             o.set_deflate_no_context_takeover(true, false, on_error...));
    FORWARDS("wsline_options_set_deflate_threshold_bytes(#1, 99)",
             o.set_deflate_threshold_bytes(99, on_error...));
    FORWARDS("wsline_options_set_deflate_max_ratio(#1, 50)",
             o.set_deflate_max_ratio(50, on_error...));
    FORWARDS("wsline_options_set_inflate_messages(#1, 2)",
             o.set_inflate_messages(wsline::inflate::gzip, on_error...));
}

void of_apps(wsline::options_ref o) {
    FORWARDS("wsline_options_set_ping(#1, 20000, 10000)", o.set_ping(20s, 10s, on_error...));
    FORWARDS(R"(wsline_options_set_ping_payload(#1, "hi"))",
             o.set_ping_payload(std::array<char, 2>{'h', 'i'}, on_error...));
    FORWARDS("wsline_options_set_ping_numbers(#1, false)", o.set_ping_numbers(false, on_error...));
    FORWARDS("wsline_options_set_reconnect(#1, true)", o.set_reconnect(true, on_error...));
    FORWARDS("wsline_options_set_reconnect_delay_ms(#1, 100, 9000)",
             o.set_reconnect_delay(100ms, 9s, on_error...));
    FORWARDS("wsline_options_set_reconnect_backoff(#1, 1.5, 0.25)",
             o.set_reconnect_backoff(1.5, 0.25, on_error...));
    FORWARDS("wsline_options_set_reconnect_max_attempts(#1, 8)",
             o.set_reconnect_max_attempts(8, on_error...));
    FORWARDS("wsline_options_set_reconnect_always(#1, true)",
             o.set_reconnect_always(true, on_error...));
    FORWARDS(R"(wsline_options_add_fallback_url(#1, "ws://f"))",
             o.add_fallback_url("ws://f", on_error...));
    FORWARDS("wsline_options_clear_fallback_urls(#1)", o.clear_fallback_urls(on_error...));
    FORWARDS("wsline_options_set_max_send_queue_bytes(#1, 77)",
             o.set_max_send_queue_bytes(77, on_error...));
    FORWARDS("wsline_options_set_keep_unsent_ms(#1, 3600000)", o.set_keep_unsent(1h, on_error...));
    FORWARDS("wsline_options_set_send_rate(#1, 5, 1000)", o.set_send_rate(5, 1s, on_error...));
    FORWARDS("wsline_options_set_send_rate_bytes(#1, 4096)",
             o.set_send_rate_bytes(4096, on_error...));
    FORWARDS("wsline_options_set_event_callback(#1, fn)",
             o.set_event_callback([](wsline::event_view) {}, on_error...));
    FORWARDS("wsline_options_set_event_callback(#1, NULL)",
             o.set_event_callback(nullptr, on_error...));
}

/* An embedded NUL is found before the library is called. */
void reject_a_nul(wsline::options_ref o) {
    std::string bad("a\0b", 3);
    recorder::text.clear();
    FAILS(wsline::status::invalid_argument, o.add_header(bad, "b", on_error...));
    FAILS(wsline::status::invalid_argument, o.add_header("a", bad, on_error...));
    FAILS(wsline::status::invalid_argument, o.set_header_line(std::string_view(bad), on_error...));
    EQUAL("", recorder::text);
}

/* `options` has the same setters, which return it. */
void own_and_copy() {
    wsline::options_ref other(fake<wsline_options>(4));
    recorder::text.clear();
    {
        wsline::options options;
        wsline::options &same = options.set_ping(1s, 2s).set_reconnect(true);
        EQUAL(&options, &same);
        wsline::options copy(options), another(other);
        another = copy;
        wsline::options moved(std::move(copy));
        CHECK(moved && !copy);
        EQUAL(fake<wsline_options>(9), another.release());
    }
    EQUAL("wsline_options_new(); wsline_options_set_ping(#9, 1000, 2000); "
          "wsline_options_set_reconnect(#9, true); wsline_options_clone(#9); "
          "wsline_options_clone(#4); wsline_options_clone(#9); wsline_options_free(#9); "
          "wsline_options_free(#9); wsline_options_free(#9)",
          recorder::text);
}

} // namespace

void forward_options() {
    wsline::options_ref options(fake<wsline_options>(1));
    EQUAL(options.get(), options.set_reconnect(true).set_deflate(true).get());
    of_the_request(options);
    of_time_and_proxies(options);
    of_sockets_and_names(options);
    of_tls(options);
    of_messages(options);
    of_apps(options);
    reject_a_nul(options);
    own_and_copy();
}
