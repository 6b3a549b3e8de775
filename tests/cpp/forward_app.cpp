/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder.hpp"

#include <utility>

using namespace std::chrono_literals;
using recorder::fake;
using wsline::app_ref;
using wsline::close_code;
using wsline::opcode;

namespace {

void driving(app_ref a) {
    FORWARDS("wsline_app_run(#1)", a.run(on_error...));
    FORWARDS("wsline_app_start(#1)", a.start(on_error...));
    FORWARDS("wsline_app_join(#1, -1)", a.join(on_error...));
    FORWARDS("wsline_app_join(#1, 2000)", a.join(2s, on_error...));
    FORWARDS("wsline_app_pause(#1)", a.pause(on_error...));
    FORWARDS("wsline_app_resume(#1)", a.resume(on_error...));
    FORWARDS("wsline_app_proceed(#1)", a.proceed(on_error...));
    FORWARDS(R"(wsline_app_set_url(#1, "ws://b"))", a.set_url("ws://b", on_error...));
    wsline::options_ref options(fake<wsline_options>(2));
    FORWARDS("wsline_app_set_options(#1, #2)", a.set_options(options, on_error...));
    FORWARDS("wsline_app_reconnect(#1, 1000, NULL)", a.reconnect(on_error...));
    FORWARDS("wsline_app_reconnect(#1, 1012, NULL)",
             a.reconnect(close_code::service_restart, on_error...));
    FORWARDS(R"(wsline_app_reconnect(#1, 1012, "again"))",
             a.reconnect(close_code::service_restart, "again", on_error...));
    FORWARDS("wsline_app_close(#1, 1000, NULL)", a.close(on_error...));
    FORWARDS("wsline_app_close(#1, 1001, NULL)", a.close(close_code::going_away, on_error...));
    FORWARDS(R"(wsline_app_close(#1, 1001, "bye"))",
             a.close(close_code::going_away, "bye", on_error...));
    FORWARDS("wsline_app_abort(#1)", a.abort(on_error...));
    recorder::text.clear();
    a.abort_from_signal();
    EQUAL("wsline_app_abort_from_signal(#1)", recorder::text);
}

void sending(app_ref a) {
    wsline::prepared message(fake<wsline_prepared>(3));
    std::string two = "hi";
    FORWARDS(R"(wsline_app_send_text(#1, "hi"))", a.send_text(two, on_error...));
    FORWARDS(R"(wsline_app_send_binary(#1, "hi"))", a.send_binary(two, on_error...));
    FORWARDS(R"(wsline_app_send(#1, 2, "hi"))", a.send(opcode::binary, two, on_error...));
    FORWARDS(R"(wsline_app_send_fragment(#1, 1, "hi", false))",
             a.send_fragment(opcode::text, two, false, on_error...));
    FORWARDS("wsline_app_send_prepared(#1, #3)", a.send_prepared(message, on_error...));
    FORWARDS("wsline_app_cork(#1)", a.cork(on_error...));
    FORWARDS("wsline_app_uncork(#1)", a.uncork(on_error...));
    FORWARDS("wsline_app_flush(#1, -1)", a.flush(on_error...));
    FORWARDS("wsline_app_flush(#1, 60000)", a.flush(1min, on_error...));
    FORWARDS("wsline_app_ping(#1, nothing)", a.ping(on_error...));
    FORWARDS(R"(wsline_app_ping(#1, "hi"))", a.ping(two, on_error...));
    FORWARDS("wsline_app_pong(#1, nothing)", a.pong(on_error...));
    FORWARDS(R"(wsline_app_pong(#1, "hi"))", a.pong(two, on_error...));
}

void callbacks(app_ref a) {
    auto notice = [](app_ref) {};
    auto message = [](wsline::message_view) {};
    auto decide = [](wsline::attempt_view, wsline::options_ref) {
        return wsline::connect_decision::now;
    };
    FORWARDS("wsline_app_on_open(#1, fn)", a.on_open(notice, on_error...));
    FORWARDS("wsline_app_on_open(#1, NULL)", a.on_open(nullptr, on_error...));
    FORWARDS("wsline_app_on_reconnect(#1, fn)", a.on_reconnect(notice, on_error...));
    FORWARDS("wsline_app_on_message(#1, fn)", a.on_message(message, on_error...));
    FORWARDS("wsline_app_on_messages(#1, fn)",
             a.on_messages([](wsline::messages_view) {}, on_error...));
    FORWARDS("wsline_app_on_data(#1, fn)", a.on_data(message, on_error...));
    FORWARDS("wsline_app_on_part(#1, fn)", a.on_part(message, on_error...));
    FORWARDS("wsline_app_on_ping(#1, fn)", a.on_ping(message, on_error...));
    FORWARDS("wsline_app_on_pong(#1, fn)", a.on_pong(message, on_error...));
    FORWARDS("wsline_app_on_drain(#1, fn)", a.on_drain(notice, on_error...));
    FORWARDS("wsline_app_on_error(#1, fn)",
             a.on_error([](const wsline::error_info &) {}, on_error...));
    FORWARDS("wsline_app_on_close(#1, fn)",
             a.on_close([](const wsline::close_info &) {}, on_error...));
    FORWARDS("wsline_app_on_close(#1, NULL)", a.on_close(nullptr, on_error...));
    FORWARDS("wsline_app_on_connecting(#1, fn)", a.on_connecting(decide, on_error...));
}

struct some_members {
    void on_message(app_ref, wsline::message_view) {}
    void on_pong(app_ref, wsline::message_view) {}
    void on_close(app_ref, const wsline::close_info &) {}
};

struct all_members : some_members {
    wsline::connect_decision on_connecting(app_ref, wsline::attempt_view, wsline::options_ref) {
        return wsline::connect_decision::now;
    }
    void on_open(app_ref) {}
    void on_reconnect(app_ref) {}
    void on_messages(app_ref, wsline::messages_view) {}
    void on_data(app_ref, wsline::message_view) {}
    void on_part(app_ref, wsline::message_view) {}
    void on_ping(app_ref, wsline::message_view) {}
    void on_drain(app_ref) {}
    void on_error(app_ref, const wsline::error_info &) {}
};

/* Each member alone, in the order of wsline_app_callbacks. */
template <int> struct one_member;
template <> struct one_member<0> {
    wsline::connect_decision on_connecting(app_ref, wsline::attempt_view, wsline::options_ref) {
        return wsline::connect_decision::now;
    }
};
template <> struct one_member<1> {
    void on_open(app_ref) {}
};
template <> struct one_member<2> {
    void on_reconnect(app_ref) {}
};
template <> struct one_member<3> {
    void on_message(app_ref, wsline::message_view) {}
};
template <> struct one_member<4> {
    void on_messages(app_ref, wsline::messages_view) {}
};
template <> struct one_member<5> {
    void on_data(app_ref, wsline::message_view) {}
};
template <> struct one_member<6> {
    void on_part(app_ref, wsline::message_view) {}
};
template <> struct one_member<7> {
    void on_ping(app_ref, wsline::message_view) {}
};
template <> struct one_member<8> {
    void on_pong(app_ref, wsline::message_view) {}
};
template <> struct one_member<9> {
    void on_drain(app_ref) {}
};
template <> struct one_member<10> {
    void on_error(app_ref, const wsline::error_info &) {}
};
template <> struct one_member<11> {
    void on_close(app_ref, const wsline::close_info &) {}
};

template <int... I> void each_member_is_found(std::integer_sequence<int, I...>) {
    auto found = [](int member, const wsline_app_callbacks &callbacks) {
        std::string expected(16, '0');
        expected[static_cast<std::size_t>(member)] = '1';
        EQUAL(expected, recorder::fields(&callbacks));
    };
    (found(I, wsline::detail::handler_callbacks<app_ref, one_member<I>>()), ...);
}

void handlers_and_posts(app_ref a) {
    each_member_is_found(std::make_integer_sequence<int, 12>());
    some_members kept;
    FORWARDS("wsline_app_set_callbacks(#1, 0001000010010000)",
             a.set_callbacks(some_members(), on_error...));
    FORWARDS("wsline_app_set_callbacks(#1, 0001000010010000)", a.set_callbacks(&kept, on_error...));
    FORWARDS("wsline_app_set_callbacks(#1, 1111111111110000)",
             a.set_callbacks(all_members(), on_error...));
    FORWARDS("wsline_app_set_callbacks(#1, NULL)", a.set_callbacks(nullptr, on_error...));
    FORWARDS("wsline_app_post(#1, fn)", a.post([] {}, on_error...));
    FORWARDS("wsline_app_post_after(#1, 1500, fn)", a.post_after(1500ms, [] {}, on_error...));
    GIVES(6u, a.post_after(0s, [](app_ref) {}, on_error...));
    FORWARDS("wsline_app_cancel_post(#1, 12)", a.cancel_post(12, on_error...));
}

void reports(app_ref a) {
    RECORDS("wsline_app_is_open(#1)", true, a.is_open());
    RECORDS("wsline_app_is_running(#1)", true, a.is_running());
    RECORDS("wsline_app_send_queue_bytes(#1)", 45u, a.send_queue_bytes());
    RECORDS("wsline_app_rtt_us(#1)", 43, a.rtt()->count());
    FORWARDS("wsline_app_stats(#1)", a.stats(on_error...));
    FORWARDS("wsline_app_timings(#1)", a.timings(on_error...));
    FORWARDS("wsline_app_last_error(#1)", a.last_error(on_error...));
    RECORDS("wsline_app_http_status(#1)", 42, a.http_status());
    RECORDS("wsline_app_http_reason(#1)", "text", a.http_reason());
    RECORDS(R"(wsline_app_response_header(#1, "Date"))", "text", a.response_header("Date"));
    RECORDS("wsline_app_response_header_at(#1, 0); wsline_app_response_header_at(#1, 1); "
            "wsline_app_response_header_at(#1, 2)",
            2u, a.response_headers().size());
    FORWARDS("wsline_app_response_body(#1)", a.response_body(on_error...));
    RECORDS("wsline_app_subprotocol(#1)", "text", a.subprotocol());
    RECORDS("wsline_app_extensions(#1)", "text", a.extensions());
    RECORDS("wsline_app_peer_address(#1)", "text", a.peer_address());
    RECORDS("wsline_app_fd(#1)", 42, a.fd());
    CHECK(!a.response_header(std::string("a\0b", 3)));
}

void owning() {
    recorder::text.clear();
    {
        wsline::app none, first("ws://a"),
            second("ws://b", wsline::options_ref(fake<wsline_options>(9)));
        CHECK(!none && first && second);
        none = std::move(first);
        CHECK(none && !first);
        EQUAL(fake<wsline_app>(9), second.release());
        CHECK(!second);
    }
    EQUAL(R"(wsline_app_new("ws://a", NULL); wsline_app_new("ws://b", #9); wsline_app_free(#9))",
          recorder::text);
    recorder::next = WSLINE_ERR_INVALID_URL;
    CHECK(check::thrown_by<wsline::error>([] { wsline::app a("ws://a"); }));
    recorder::next = WSLINE_OK;
}

} // namespace

void forward_app() {
    app_ref app(fake<wsline_app>(1));
    driving(app);
    sending(app);
    callbacks(app);
    handlers_and_posts(app);
    reports(app);
    owning();
}
