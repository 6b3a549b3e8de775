/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder.hpp"

#include <utility>
#include <vector>

using namespace std::chrono_literals;
using recorder::fake;

namespace {

void loops() {
    wsline::loop_ref l(fake<wsline_loop>(1));
    wsline::app_ref a(fake<wsline_app>(2));
    FORWARDS("wsline_loop_add(#1, #2)", l.add(a, on_error...));
    FORWARDS("wsline_loop_remove(#1, #2)", l.remove(a, on_error...));
    FORWARDS("wsline_loop_run(#1)", l.run(on_error...));
    FORWARDS("wsline_loop_run_once(#1, 7000)", l.run_once(7s, on_error...));
    FORWARDS("wsline_loop_stop(#1)", l.stop(on_error...));
    RECORDS("wsline_loop_fd(#1)", 42, l.fd());
    RECORDS("wsline_loop_next_timeout_ms(#1)", 43, l.next_timeout().ms());
    FORWARDS("wsline_loop_post(#1, fn)", l.post([] {}, on_error...));
    FORWARDS("wsline_loop_post_after(#1, 2000, fn)",
             l.post_after(2s, [](wsline::loop_ref) {}, on_error...));
    FORWARDS("wsline_loop_cancel_post(#1, 12)", l.cancel_post(12, on_error...));
    recorder::text.clear();
    {
        wsline::loop loop, taken(fake<wsline_loop>(3));
        loop = std::move(taken);
    }
    EQUAL("wsline_loop_new(); wsline_loop_free(#9); wsline_loop_free(#3)", recorder::text);
}

void cookies() {
    wsline::cookie_jar jar(fake<wsline_cookie_jar>(1));
    FORWARDS(R"(wsline_cookie_jar_add(#1, "ws://a", "b=c"))",
             jar.add("ws://a", "b=c", on_error...));
    FORWARDS(R"(wsline_cookie_jar_set(#1, "ws://a", "b=c"))",
             jar.set("ws://a", "b=c", on_error...));
    FORWARDS(R"(wsline_cookie_jar_get(#1, "ws://a"))", jar.cookies_for("ws://a", on_error...));
    GIVES("text", jar.cookies_for("ws://a", on_error...));
    FORWARDS("wsline_cookie_jar_clear(#1)", jar.clear(on_error...));
    recorder::text.clear();
    {
        wsline::cookie_jar fresh;
    }
    EQUAL("wsline_cookie_jar_new(); wsline_cookie_jar_free(#9)", recorder::text);
}

/* What ends a lookup frees it, unless it fails; then the destructor does. */
template <class End> void ends_a_lookup(const std::string &call, End end) {
    recorder::text.clear();
    {
        wsline::lookup lookup(fake<wsline_lookup>(1));
        end(lookup);
        EQUAL(nullptr, lookup.get());
    }
    EQUAL(call, recorder::text);
    recorder::text.clear();
    recorder::next = WSLINE_ERR_BUSY;
    {
        wsline::lookup lookup(fake<wsline_lookup>(1)), moved(std::move(lookup));
        CHECK(check::thrown_by<wsline::error>([&] { end(moved); }));
        lookup = std::move(moved);
        EQUAL(fake<wsline_lookup>(1), lookup.get());
    }
    recorder::next = WSLINE_OK;
    EQUAL(call + R"(; wsline_lookup_fail(#1, "the resolver gave up"))", recorder::text);
}

void transports() {
    auto read = [](void *, std::size_t) { return wsline::transport_not_ready; };
    auto write = [](const void *, std::size_t) { return wsline::transport_failed; };
    auto wait = [](wsline::transport_events, std::chrono::milliseconds) { return true; };
    wsline::transport transport(fake<wsline_transport>(1));
    FORWARDS("wsline_transport_ready(#1)", transport.ready(on_error...));
    recorder::text.clear();
    {
        wsline::transport none, two(read, write), three(read, write, wait);
        CHECK(!none && two && three);
    }
    EQUAL("wsline_transport_new(fn, fn, NULL); wsline_transport_new(fn, fn, fn); "
          "wsline_transport_free(#9); wsline_transport_free(#9)",
          recorder::text);
}

void urls_and_messages() {
    FORWARDS(R"(wsline_url_parse("ws://a"); wsline_url_free(#9))",
             wsline::parse_url("ws://a", on_error...));
    wsline::url url(fake<wsline_url>(1));
    RECORDS("wsline_url_is_secure(#1)", true, url.is_secure());
    RECORDS("wsline_url_host(#1)", "text", url.host());
    RECORDS("wsline_url_port(#1)", 42, url.port());
    RECORDS("wsline_url_resource(#1)", "text", url.resource());
    RECORDS("wsline_url_user(#1)", "text", url.user());
    RECORDS("wsline_url_password(#1)", "text", url.password());
    RECORDS("wsline_url_unix_path(#1)", "text", url.unix_path());
    recorder::text.clear();
    {
        wsline::url parsed("ws://b"), none;
        wsline::prepared message(wsline::opcode::text, std::string("hi")), nothing;
        CHECK(parsed && !none && message && !nothing);
    }
    EQUAL(R"(wsline_url_parse("ws://b"); wsline_prepared_new(1, "hi"); )"
          "wsline_prepared_free(#9); wsline_url_free(#9)",
          recorder::text);
}

void frames() {
    wsline::frame frame(wsline::opcode::text, std::string_view("hi"));
    char buffer[3] = {'a', 'b', 'c'};
    FORWARDS("wsline_frame_encode(frame 1 \"hi\", #16, 20)",
             wsline::encode_frame(frame, fake<void>(16), 20, on_error...));
    GIVES(6u, wsline::encode_frame(frame, fake<void>(16), 20, on_error...));
    FORWARDS(R"(wsline_frame_decode("abc"))", wsline::decode_frame(buffer, on_error...));
    FORWARDS(R"(wsline_mask("wxyz", "abc"))",
             wsline::mask({'w', 'x', 'y', 'z'}, buffer, 3, on_error...));
    RECORDS(R"(wsline_utf8_is_valid("abc"))", true, wsline::utf8_is_valid(buffer));
}

void the_library() {
    wsline::options_ref options(fake<wsline_options>(1));
    RECORDS("wsline_version()", std::string("text"), wsline::version());
    RECORDS("wsline_version_number()", 44u, wsline::version_number());
    RECORDS(R"(wsline_has_feature("tls"))", true, wsline::has_feature("tls"));
    RECORDS("", false, wsline::has_feature(std::string("a\0b", 3)));
    FORWARDS("wsline_set_default_timeout_ms(3000)", wsline::set_process_timeout(3s, on_error...));
    RECORDS("wsline_default_timeout_ms()", 43, wsline::process_timeout().ms());
    FORWARDS("wsline_set_log(0, NULL)", wsline::set_log(nullptr, on_error...));
    FORWARDS("wsline_set_log(4, fn)", wsline::set_log(
                                          wsline::log_level::debug,
                                          [](wsline::log_level, std::string_view) {}, on_error...));
    FORWARDS("wsline_set_trace(true)", wsline::set_trace(true, on_error...));
    FORWARDS(R"(wsline_proxy_for_url("ws://a", #1))",
             wsline::proxy_for_url("ws://a", options, on_error...));
    FORWARDS(R"(wsline_proxy_for_url("ws://a", NULL))",
             wsline::proxy_for_url("ws://a", on_error...));
    RECORDS("wsline_status_name(-103)", std::string("text"),
            wsline::status_name(wsline::status::not_supported));
    RECORDS("", std::string("text"), wsline::strerror(wsline::status::busy));
    RECORDS("wsline_last_error_message()", std::string("text"), wsline::last_error_message());
    recorder::next = WSLINE_ERR_PROXY;
    EQUAL(wsline::status::proxy, wsline::last_error().status());
    recorder::next = WSLINE_OK;
}

} // namespace

void forward_other() {
    loops();
    cookies();
    ends_a_lookup(R"(wsline_lookup_finish(#1, "::1"))", [](auto &it) { it.finish("::1"); });
    ends_a_lookup(R"(wsline_lookup_fail(#1, "no"))", [](auto &it) { it.fail("no"); });
    ends_a_lookup("wsline_lookup_by_system(#1)", [](auto &it) { it.by_system(); });
    RECORDS("wsline_lookup_is_cancelled(#1)", true, [] {
        wsline::lookup lookup(fake<wsline_lookup>(1));
        bool cancelled = lookup.is_cancelled();
        lookup.release();
        return cancelled;
    }());
    transports();
    urls_and_messages();
    frames();
    the_library();
}
