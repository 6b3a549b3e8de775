/* SPDX-License-Identifier: Apache-2.0 */
/* The coroutine client: operations, how they report errors, and the end of the connection. */
#include "coroutines.hpp"

#include <array>
#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using wsline::status;

namespace {

const char *const echoes[] = {"WEBSOCKETS", "WEBSOCKETS_TLS", "FAULTS", "FAULTS_TLS"};

std::string echo_url(const std::string &server) {
    return check::url(server, server[0] == 'F' ? "/echo" : "/");
}

wsline::task<> messages_come_back(wsline::loop_ref loop) {
    for (const char *server : echoes) {
        wsline::async_connection client(loop);
        const std::string url = echo_url(server);
        co_await client.connect(url, check::trusting());
        CHECK(client.app().is_open());
        for (int i = 0; i < 20; i++) {
            const std::string text = "message " + std::to_string(i);
            co_await client.send_text(text);
            wsline::message_view message = co_await client.receive();
            CHECK(message.is_text());
            EQUAL(text, message.text());
        }
        const std::array<unsigned char, 3> data{1, 2, 3};
        co_await client.send_binary(data);
        wsline::message_view binary = co_await client.receive(30s);
        CHECK(binary.is_binary());
        EQUAL(3u, binary.size());
        co_await client.send(wsline::opcode::text, wsline::bytes("x", 1));
        binary = co_await client.receive();
        EQUAL("x", binary.text());
        const wsline::close_info info = co_await client.close(wsline::close_code{4000}, "enough");
        CHECK(info.clean());
        EQUAL(4000, static_cast<int>(info.code()));
        EQUAL(wsline::side::client, info.closed_by());
    }
}

wsline::task<> an_echo_may_use_the_lent_message(wsline::loop_ref loop) {
    wsline::async_connection client(loop);
    const std::string url = check::url("FAULTS", "/flood?n=50&size=1000");
    co_await client.connect(url);
    for (int i = 0; i < 50; i++) {
        wsline::message_view message = co_await client.receive();
        co_await client.send(message.opcode(), message.bytes());
    }
    for (int i = 0; i < 50; i++) {
        wsline::message_view message = co_await client.receive();
        EQUAL(1000u, message.size());
    }
    co_await client.close();
}

/* last_error() belongs to the operation that has failed, not to an earlier call. */
wsline::task<> an_error_code_leaves_the_details(wsline::loop_ref loop) {
    wsline::async_connection client(loop);
    std::error_code ec;
    wsline::options().add_header("no name", "value", ec);
    co_await client.connect("ws://127.0.0.1:1/", ec);
    EQUAL("connect to 127.0.0.1:1: connection refused", wsline::last_error().message());
    wsline::options().add_header("no name", "value", ec);
    CHECK(wsline::last_error().message().find("add_header") != std::string::npos);
    wsline::options().add_header("name", std::string("a\0b", 3), ec);
    EQUAL("a string argument contains a NUL byte", wsline::last_error().message());
    EQUAL("a string argument contains a NUL byte", std::string(wsline::last_error_message()));
    wsline::options().add_header("no name", "value", ec);
    CHECK(wsline::last_error().message().find("add_header") != std::string::npos);
}

wsline::task<> a_moved_client_throws(wsline::loop_ref loop) {
    wsline::async_connection client(loop), other(std::move(client));
    co_await other.connect(echo_url("WEBSOCKETS"));
    client.abort();
    CHECK(!client.app() && other.app());
    bool has_thrown = false;
    try {
        co_await client.receive();
    } catch (const wsline::error &error) {
        has_thrown = error.status() == status::invalid_argument;
    }
    CHECK(has_thrown);
    co_await other.close(std::chrono::steady_clock::now() + 10s);
}

wsline::task<> errors_are_reported_in_each_form(wsline::loop_ref loop) {
    wsline::async_connection client(loop);
    std::error_code ec;
    co_await client.connect("ws://127.0.0.1:1/", ec);
    EQUAL(status::connect, ec);
    co_await client.connect("http:/nonsense", ec);
    EQUAL(status::invalid_url, ec);
    co_await client.connect("ws://127.0.0.1:1/", wsline::options_ref(), ec);
    EQUAL(status::invalid_argument, ec);
    co_await client.connect(std::string("ws://a\0b/", 9), ec);
    EQUAL(status::invalid_argument, ec);
    const std::string refusing = check::url("FAULTS", "/status?code=401");
    wsline::error_info info;
    try {
        co_await client.connect(refusing);
    } catch (const wsline::error &error) {
        info = error.info();
    }
    EQUAL(status::http_status, info.status());
    EQUAL(401, info.http_status());
    EQUAL(401, client.app().http_status());
    co_await client.receive(ec);
    EQUAL(status::wrong_state, ec);
    co_await client.send_text("x", ec);
    EQUAL(status::wrong_state, ec);
    co_await client.send_binary(std::string("x"), ec);
    EQUAL(status::wrong_state, ec);
    co_await client.close(ec);
    EQUAL(status::wrong_state, ec);

    const std::string url = echo_url("WEBSOCKETS");
    co_await client.connect(url, ec);
    CHECK(!ec);
    co_await client.connect(url, ec);
    EQUAL(status::busy, ec);
    co_await client.send_text("\xff", ec);
    EQUAL(status::invalid_argument, ec);
    co_await client.send(wsline::opcode{77}, wsline::bytes(), ec);
    EQUAL(status::invalid_argument, ec);
    co_await client.close(wsline::close_code{1005}, ec);
    EQUAL(status::invalid_argument, ec);
    co_await client.close(wsline::close_code::normal, std::string(124, 'x'), ec);
    EQUAL(status::invalid_argument, ec);
    ec = status::internal;
    co_await client.send_text("still open", ec);
    CHECK(!ec);
    wsline::message_view message = co_await client.receive(ec);
    EQUAL("still open", message.text());
#ifdef __cpp_lib_expected
    auto sent = co_await client.send_text("x", {}, wsline::as_expected);
    CHECK(sent.has_value());
    auto received = co_await client.receive(10s, wsline::as_expected);
    CHECK(received.has_value() && received->text() == "x");
    auto missing = co_await client.receive(1ms, wsline::as_expected);
    CHECK(!missing.has_value() && missing.error().status() == status::timeout);
    auto closed = co_await client.close(wsline::as_expected);
    CHECK(closed.has_value() && closed->clean());
#endif
}

/* How receive, send and close report an end, while they wait and afterwards. */
wsline::task<> ends_with(wsline::loop_ref loop, std::string url, status want) {
    wsline::async_connection client(loop);
    std::error_code ec;
    co_await client.connect(url, check::trusting());
    wsline::error_info info;
    try {
        co_await client.receive();
    } catch (const wsline::error &error) {
        info = error.info();
    }
    EQUAL(want, info.status());
    CHECK(!info.message().empty());
    co_await client.receive(ec);
    EQUAL(want, ec);
    co_await client.send_text("late", ec);
    EQUAL(want, ec);
    const wsline::close_info close = co_await client.close(ec);
    EQUAL(want == status::closed, close.clean());
    if (want != status::closed) {
        EQUAL(want, ec);
        EQUAL(info.message(), wsline::last_error().message());
    } else {
        CHECK(!ec);
        EQUAL(close.code(), info.close_code());
        EQUAL("bye", close.reason());
    }
}

wsline::task<> each_end_is_reported(wsline::loop_ref loop) {
    for (const std::string server : {"FAULTS", "FAULTS_TLS"}) {
        co_await ends_with(loop, check::url(server, "/close?code=1001&reason=bye"), status::closed);
        co_await ends_with(loop, check::url(server, "/eof-after-101"), status::connection_lost);
        co_await ends_with(loop, check::url(server, "/rst-mid"), status::connection_lost);
        co_await ends_with(loop, check::url(server, "/frame?hex=ff80"), status::protocol);
    }
}

wsline::task<> a_client_connects_again(wsline::loop_ref loop) {
    wsline::async_connection client(loop);
    const std::string closing = check::url("FAULTS", "/close"), echo = echo_url("FAULTS");
    wsline::options options;
    options.set_reconnect(true).set_reconnect_delay(0ms, 0ms);
    std::error_code ec;
    for (int i = 0; i < 5; i++) {
        co_await client.connect(closing, options);
        co_await client.receive(ec);
        EQUAL(status::closed, ec);
        /* Inside the last callback of the app before it. */
        co_await client.connect(echo, options);
        co_await client.send_text("x");
        wsline::message_view message = co_await client.receive();
        EQUAL("x", message.text());
        if (i % 2 == 0) {
            client.abort();
            co_await client.receive(ec);
            EQUAL(status::aborted, ec);
        } else {
            co_await client.close();
        }
    }
}

wsline::task<> expect_receive(wsline::async_connection &client, status want) {
    std::error_code ec;
    co_await client.receive(ec);
    EQUAL(want, ec);
}

wsline::task<> closes(wsline::async_connection &client, bool clean) {
    std::error_code ec;
    const wsline::close_info info = co_await client.close(ec);
    EQUAL(!clean, static_cast<bool>(ec));
    EQUAL(clean, info.clean());
}

wsline::task<> closing_ends_a_pending_receive(wsline::loop_ref loop) {
    for (const char *server : echoes) {
        wsline::async_connection client(loop);
        const std::string url = echo_url(server);
        co_await client.connect(url, check::trusting());
        co_await wsline::when_all(expect_receive(client, status::closed), closes(client, true));
    }
}

wsline::task<> a_close_that_fails_reports_it(wsline::loop_ref loop) {
    wsline::options options;
    options.set_close_timeout(50ms);
    const std::string url = check::url("FAULTS", "/no-close-reply");
    wsline::async_connection client(loop);
    co_await client.connect(url, options);
    co_await wsline::when_all(expect_receive(client, status::timeout), closes(client, false));
}

wsline::task<> connects(wsline::async_connection &client, status want) {
    std::error_code ec;
    const std::string url = check::url("FAULTS", "/hang");
    co_await client.connect(url, ec);
    EQUAL(want, ec);
}

wsline::task<> aborts_after_a_close(wsline::async_connection &client) {
    std::error_code ec;
    co_await client.close(ec);
    EQUAL(status::wrong_state, ec);
    EQUAL("this client is still connecting", wsline::last_error().message());
    client.abort();
    co_await client.close(ec);
    EQUAL(status::wrong_state, ec);
}

/* As wsline_conn_close() reports that there is no connection. */
wsline::task<> a_close_during_a_connect_is_refused(wsline::loop_ref loop) {
    wsline::async_connection client(loop);
    co_await wsline::when_all(connects(client, status::aborted), aborts_after_a_close(client));
}

wsline::task<> a_close_after_an_abort_reports_it(wsline::loop_ref loop) {
    wsline::async_connection client(loop);
    const std::string url = echo_url("FAULTS");
    co_await client.connect(url);
    client.abort();
    std::error_code ec;
    co_await client.close(ec);
    EQUAL(status::aborted, ec);
}

wsline::task<> messages_arrive_while_a_client_closes(wsline::loop_ref loop) {
    for (const char *server : {"FAULTS", "FAULTS_TLS"}) {
        const std::string url = check::url(server, "/flood?n=40&size=65000");
        wsline::async_connection client(loop);
        co_await client.connect(url, check::trusting());
        co_await client.receive();
        /* The rest is dropped: the close frame comes after it. */
        const wsline::close_info info = co_await client.close();
        CHECK(info.clean());
    }
}

wsline::task<> is_busy(wsline::async_connection &client) {
    std::error_code ec;
    co_await client.receive(ec);
    EQUAL(status::busy, ec);
    co_await client.connect("ws://127.0.0.1:1/", ec);
    EQUAL(status::busy, ec);
    co_await wsline::when_all(expect_receive(client, status::busy), closes(client, true));
}

wsline::task<> a_second_operation_of_a_kind_is_busy(wsline::loop_ref loop) {
    wsline::async_connection client(loop);
    const std::string url = echo_url("WEBSOCKETS");
    co_await client.connect(url);
    co_await wsline::when_all(expect_receive(client, status::closed), is_busy(client));
}

wsline::task<> talks(wsline::loop_ref loop, std::string url, int number, int &done) {
    wsline::async_connection client(loop);
    co_await client.connect(url);
    for (int i = 0; i < 3; i++) {
        const std::string text = std::to_string(number * 10 + i);
        co_await client.send_text(text);
        wsline::message_view message = co_await client.receive();
        EQUAL(text, message.text());
        co_await wsline::sleep(loop, 1ms);
    }
    co_await client.close();
    ++done;
}

wsline::task<> many_clients_share_a_loop(wsline::loop_ref loop) {
    const int count = check::slow() ? 100 : 1000;
    std::vector<wsline::task<>> tasks;
    int done = 0;
    for (int i = 0; i < count; i++) tasks.push_back(talks(loop, check::url("WS", "/"), i, done));
    co_await wsline::when_all(std::move(tasks));
    EQUAL(count, done);
}

} // namespace

int main(int argc, char **argv) {
    return check::run(
        argc, argv,
        {COROUTINE(messages_come_back), COROUTINE(an_echo_may_use_the_lent_message),
         COROUTINE(errors_are_reported_in_each_form), COROUTINE(an_error_code_leaves_the_details),
         COROUTINE(a_moved_client_throws), COROUTINE(each_end_is_reported),
         COROUTINE(a_client_connects_again), COROUTINE(closing_ends_a_pending_receive),
         COROUTINE(a_close_that_fails_reports_it), COROUTINE(a_close_during_a_connect_is_refused),
         COROUTINE(a_close_after_an_abort_reports_it),
         COROUTINE(messages_arrive_while_a_client_closes),
         COROUTINE(a_second_operation_of_a_kind_is_busy), COROUTINE(many_clients_share_a_loop)});
}
