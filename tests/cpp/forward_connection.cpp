/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder.hpp"

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using recorder::fake;
using wsline::close_code;
using wsline::opcode;

namespace {

void sending(wsline::connection_ref c) {
    wsline::prepared message(fake<wsline_prepared>(2));
    std::vector<std::byte> two = {std::byte{'h'}, std::byte{'i'}};
    FORWARDS(R"(wsline_conn_connect(#1, "ws://a"))", c.connect("ws://a", on_error...));
    FORWARDS(R"(wsline_conn_send_text(#1, "hi"))", c.send_text("hi", on_error...));
    FORWARDS("wsline_conn_send_text(#1, nothing)", c.send_text({}, on_error...));
    FORWARDS(R"(wsline_conn_send_binary(#1, "hi"))", c.send_binary(two, on_error...));
    FORWARDS(R"(wsline_conn_send(#1, 2, "hi"))", c.send(opcode::binary, two, on_error...));
    FORWARDS(R"(wsline_conn_send(#1, 257, "hi"))",
             c.send(uncompressed(opcode::text), two, on_error...));
    FORWARDS(R"(wsline_conn_send_fragment(#1, 1, "hi", true))",
             c.send_fragment(opcode::text, two, true, on_error...));
    FORWARDS(R"(wsline_conn_send_fragment(#1, 2, "hi", false))",
             c.send_fragment(opcode::binary, two, false, on_error...));
    FORWARDS(R"(wsline_conn_send_frame(#1, frame 9 "hi"))",
             c.send_frame(wsline::frame(opcode::ping, two), on_error...));
    FORWARDS("wsline_conn_send_prepared(#1, #2)", c.send_prepared(message, on_error...));
    FORWARDS("wsline_conn_cork(#1)", c.cork(on_error...));
    FORWARDS("wsline_conn_uncork(#1)", c.uncork(on_error...));
    FORWARDS(R"(wsline_conn_ping(#1, "hi"))", c.ping(two, on_error...));
    FORWARDS("wsline_conn_ping(#1, nothing)", c.ping(on_error...));
    FORWARDS(R"(wsline_conn_pong(#1, "hi"))", c.pong(two, on_error...));
    FORWARDS("wsline_conn_pong(#1, nothing)", c.pong(on_error...));
    FORWARDS(R"(wsline_conn_send_close(#1, 1001, "bye"))",
             c.send_close(close_code::going_away, "bye", on_error...));
    FORWARDS("wsline_conn_send_close(#1, 1001, NULL)",
             c.send_close(close_code::going_away, on_error...));
    FORWARDS("wsline_conn_send_close(#1, 1000, NULL)", c.send_close(on_error...));
}

void receiving(wsline::connection_ref c) {
    wsline::message_batch batch(5);
    FORWARDS("wsline_conn_recv(#1, -2)", c.receive(on_error...));
    FORWARDS("wsline_conn_recv(#1, 3000)", c.receive(3s, on_error...));
    FORWARDS("wsline_conn_recv_event(#1, -2)", c.receive_event(on_error...));
    FORWARDS("wsline_conn_recv_event(#1, 0)", c.receive_event(0ms, on_error...));
    FORWARDS("wsline_conn_recv_part(#1, -2)", c.receive_part(on_error...));
    FORWARDS("wsline_conn_recv_part(#1, -1)", c.receive_part(wsline::no_timeout, on_error...));
    FORWARDS("wsline_conn_recv_many(#1, -2, 5)", c.receive_many(batch, on_error...));
    FORWARDS("wsline_conn_recv_many(#1, 1, 5)", c.receive_many(batch, 1ns, on_error...));
    FORWARDS("wsline_conn_recv_frame(#1, -2)", c.receive_frame(on_error...));
    FORWARDS("wsline_conn_recv_frame(#1, 2000)", c.receive_frame(2s, on_error...));
    FORWARDS("wsline_conn_poll_fd(#1)", c.poll_fd(on_error...));
    GIVES(7, c.poll_fd(on_error...));
    RECORDS("wsline_conn_pending(#1)", true, c.pending());
    EQUAL(6u, c.receive_many(batch).size());
}

void ending(wsline::connection_ref c) {
    FORWARDS("wsline_conn_close(#1, 1000, NULL, -2)", c.close(on_error...));
    FORWARDS("wsline_conn_close(#1, 1000, NULL, 3000)", c.close(3s, on_error...));
    FORWARDS("wsline_conn_close(#1, 4000, NULL, -2)", c.close(close_code{4000}, on_error...));
    FORWARDS(R"(wsline_conn_close(#1, 1011, "bye", -2))",
             c.close(close_code::internal_error, "bye", on_error...));
    FORWARDS(R"(wsline_conn_close(#1, 1001, "bye", 3000))",
             c.close(close_code::going_away, "bye", 3s, on_error...));
    FORWARDS("wsline_conn_shutdown(#1)", c.shutdown(on_error...));
    FORWARDS("wsline_conn_abort(#1)", c.abort(on_error...));
    FORWARDS("wsline_conn_set_timeout_ms(#1, 4000)", c.set_timeout(4s, on_error...));
    RECORDS("wsline_conn_timeout_ms(#1)", 43, c.timeout().ms());
    RECORDS("wsline_conn_is_open(#1)", true, c.is_open());
}

void reports(wsline::connection_ref c) {
    FORWARDS("wsline_conn_close_info(#1)", c.close_info(on_error...));
    FORWARDS("wsline_conn_last_error(#1)", c.last_error(on_error...));
    RECORDS("wsline_conn_http_status(#1)", 42, c.http_status());
    RECORDS("wsline_conn_http_reason(#1)", "text", c.http_reason());
    RECORDS(R"(wsline_conn_response_header(#1, "Date"))", "text", c.response_header("Date"));
    RECORDS("wsline_conn_response_header_at(#1, 0); wsline_conn_response_header_at(#1, 1); "
            "wsline_conn_response_header_at(#1, 2)",
            2u, c.response_headers().size());
    FORWARDS("wsline_conn_response_body(#1)", c.response_body(on_error...));
    RECORDS("wsline_conn_subprotocol(#1)", "text", c.subprotocol());
    RECORDS("wsline_conn_extensions(#1)", "text", c.extensions());
    RECORDS("wsline_conn_fd(#1)", 42, c.fd());
    RECORDS("wsline_conn_peer_address(#1)", "text", c.peer_address());
    FORWARDS("wsline_conn_stats(#1)", c.stats(on_error...));
    FORWARDS("wsline_conn_timings(#1)", c.timings(on_error...));
    CHECK(!c.response_header(std::string("a\0b", 3)));
}

void connecting() {
    wsline::options_ref options(fake<wsline_options>(3));
    std::string bad("ws://a\0b", 8);
    FORWARDS(R"(wsline_connect("ws://a", NULL); wsline_conn_free(#9))",
             wsline::connect("ws://a", on_error...));
    FORWARDS(R"(wsline_connect("ws://a", #3); wsline_conn_free(#9))",
             wsline::connect("ws://a", options, on_error...));
    FAILS(wsline::status::invalid_argument, wsline::connect(bad, on_error...));
    recorder::text.clear();
    {
        wsline::connection none, later(options), now("ws://b"), with("ws://c", options);
        CHECK(!none && later && now && with);
        none = std::move(now);
        CHECK(none && !now);
        with.reset(fake<wsline_conn>(4));
        later.reset();
    }
    EQUAL(R"(wsline_conn_new(#3); wsline_connect("ws://b", NULL); wsline_connect("ws://c", #3); )"
          "wsline_conn_free(#9); wsline_conn_free(#9); wsline_conn_free(#4); wsline_conn_free(#9)",
          recorder::text);
    recorder::next = WSLINE_ERR_BUSY;
    CHECK(check::thrown_by<wsline::error>([] { wsline::connection c("ws://a"); }));
    CHECK(check::thrown_by<wsline::error>([&] { wsline::connection c(options); }));
    recorder::next = WSLINE_OK;
    CHECK(check::thrown_by<wsline::error>([&] { wsline::connection c(bad); }));
}

} // namespace

void forward_connection() {
    wsline::connection_ref connection(fake<wsline_conn>(1));
    sending(connection);
    receiving(connection);
    ending(connection);
    reports(connection);
    connecting();
}
