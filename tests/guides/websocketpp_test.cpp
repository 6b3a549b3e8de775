/* SPDX-License-Identifier: Apache-2.0 */
/* What the examples of websocketpp do not use; with WSLINE_TEST_ASIO, in an io_service of Asio. */
#include "expect.hpp"

#ifdef WSLINE_TEST_ASIO
#include <wsline/compat/websocketpp_asio.hpp>
#else
#include <wsline/compat/websocketpp_client.hpp>
#endif

#include <future>
#include <stdexcept>

using websocketpp::connection_hdl;
using websocketpp::lib::error_code;
namespace opcode = websocketpp::frame::opcode;
namespace status = websocketpp::close::status;
namespace state = websocketpp::session::state;

using client = websocketpp::client<websocketpp::config::asio_client>;
using tls_client = websocketpp::client<websocketpp::config::asio_tls_client>;

template <class Client> static void be_quiet(Client &endpoint) {
    endpoint.clear_access_channels(websocketpp::log::alevel::all);
    endpoint.init_asio();
}

template <class Client>
static client::connection_ptr connect(Client &endpoint, const std::string &url) {
    error_code ec;
    auto con = endpoint.get_connection(url, ec);
    EXPECT(!ec && con);
    return endpoint.connect(con);
}

/* Headers, a subprotocol, both kinds of messages, and the state in each handler. */
static void conversation() {
    client endpoint;
    std::string events;
    be_quiet(endpoint);
    endpoint.set_user_agent("tests");
    endpoint.set_open_handler([&](connection_hdl hdl) {
        auto con = endpoint.get_con_from_hdl(hdl);
        EXPECT_EQUAL(con->get_state(), state::open);
        EXPECT_EQUAL(con->get_subprotocol(), "chat.v2");
        EXPECT_EQUAL(con->get_response_code(), websocketpp::http::status_code::switching_protocols);
        EXPECT_EQUAL(con->get_response_msg(), "Switching Protocols");
        EXPECT(con->get_raw_socket().native_handle() >= 0);
        events += "open ";
    });
    endpoint.set_message_handler([&](connection_hdl hdl, client::message_ptr message) {
        auto con = endpoint.get_con_from_hdl(hdl);
        if (events == "open ") {
            EXPECT(message->get_payload().find("\"X-Both\", \"one, two\"") != std::string::npos);
            EXPECT(message->get_payload().find("\"User-Agent\", \"tests\"") != std::string::npos);
            EXPECT(message->get_payload().find("Origin") == std::string::npos);
            const char bytes[] = {0, 1, 2};
            endpoint.send(hdl, bytes, sizeof bytes, opcode::binary);
            events += "headers ";
        } else if (message->get_opcode() == opcode::binary) {
            EXPECT_EQUAL(websocketpp::utility::to_hex(message->get_payload()), "00 01 02 ");
            message->set_opcode(opcode::text);
            message->set_payload("a text");
            endpoint.send(hdl, message);
            events += "binary ";
        } else {
            EXPECT_EQUAL(message->get_payload(), "a text");
            endpoint.close(hdl, status::going_away, "bye");
            EXPECT_EQUAL(con->get_state(), state::closing);
            error_code ec;
            endpoint.close(hdl, status::normal, "", ec);
            EXPECT_EQUAL(ec, websocketpp::error::invalid_state);
            endpoint.send(hdl, "late", opcode::text, ec);
            EXPECT_EQUAL(ec, websocketpp::error::invalid_state);
            events += "text ";
        }
    });
    endpoint.set_close_handler([&](connection_hdl hdl) {
        auto con = endpoint.get_con_from_hdl(hdl);
        EXPECT_EQUAL(con->get_state(), state::closed);
        EXPECT_EQUAL(con->get_local_close_code(), status::going_away);
        EXPECT_EQUAL(con->get_local_close_reason(), "bye");
        EXPECT_EQUAL(con->get_remote_close_code(), status::going_away);
        EXPECT(!con->get_ec());
        events += "close";
    });
    error_code ec;
    auto con = endpoint.get_connection(server("WEBSOCKETS") + "/headers", ec);
    con->append_header("X-Both", "one");
    con->append_header("x-both", "two");
    con->add_subprotocol("chat.v2");
    con->add_subprotocol("not a token", ec);
    EXPECT_EQUAL(ec, websocketpp::error::invalid_subprotocol);
    endpoint.connect(con);
    EXPECT(endpoint.run() > 4);
    EXPECT(endpoint.stopped());
    EXPECT_EQUAL(events, "open headers binary text close");
    EXPECT_EQUAL(con->get_response_header("upgrade"), "websocket");
}

/* Each failure calls the fail handler, and leaves its reason. */
static void failures() {
    struct {
        std::string url;
        error_code ec;
        int http_status;
    } rows[] = {
        {"ws://127.0.0.1:1/", error_code(ECONNREFUSED, std::system_category()), 0},
        {server("WEBSOCKETS") + "/status?code=403&body=no",
         websocketpp::processor::error::invalid_http_status, 403},
        {server("FAULTS") + "/status?code=302&location=/",
         websocketpp::processor::error::invalid_http_status, 302},
    };
    for (const auto &row : rows) {
        client endpoint;
        int failed = 0;
        be_quiet(endpoint);
        endpoint.set_open_handler([](connection_hdl) { EXPECT(false); });
        endpoint.set_close_handler([](connection_hdl) { EXPECT(false); });
        endpoint.set_fail_handler([&](connection_hdl hdl) {
            auto con = endpoint.get_con_from_hdl(hdl);
            EXPECT_EQUAL(con->get_ec(), row.ec);
            EXPECT_EQUAL(con->get_response_code(), row.http_status);
            EXPECT_EQUAL(con->get_state(), state::closed);
            EXPECT(!con->get_error_message().empty());
            ++failed;
        });
        connect(endpoint, row.url);
        endpoint.run();
        EXPECT_EQUAL(failed, 1);
    }
    client endpoint;
    error_code ec;
    EXPECT(!endpoint.get_connection("ftp://localhost", ec));
    EXPECT_EQUAL(ec, websocketpp::error::invalid_uri);
    EXPECT(!endpoint.get_connection("wss://localhost", ec));
    EXPECT_EQUAL(ec, websocketpp::error::endpoint_not_secure);
    EXPECT(!endpoint.get_con_from_hdl(connection_hdl(), ec));
    EXPECT_EQUAL(ec, websocketpp::error::bad_connection);
    try {
        endpoint.send(connection_hdl(), "x", opcode::text);
        EXPECT(false);
    } catch (const websocketpp::exception &thrown) {
        EXPECT_EQUAL(thrown.code(), websocketpp::error::bad_connection);
    }
}

/* A connection that is lost calls the close handler. */
static void lost() {
    client endpoint;
    int closed = 0;
    be_quiet(endpoint);
    endpoint.set_fail_handler([](connection_hdl) { EXPECT(false); });
    endpoint.set_close_handler([&](connection_hdl hdl) {
        auto con = endpoint.get_con_from_hdl(hdl);
        EXPECT_EQUAL(con->get_remote_close_code(), status::abnormal_close);
        EXPECT(con->get_ec());
        ++closed;
    });
    connect(endpoint, server("CHAOS") + "/push?n=1&size=100&cut-after=50");
    endpoint.run();
    EXPECT_EQUAL(closed, 1);
}

/* Asio also counts what it does for the endpoint. */
static void expect_count(std::size_t count, std::size_t wanted) {
#ifdef WSLINE_TEST_ASIO
    EXPECT(count >= wanted);
#else
    EXPECT_EQUAL(count, wanted);
#endif
}

/* run() returns when nothing is left, and can be called again after reset(). */
static void running() {
    client endpoint;
    int fired = 0;
    be_quiet(endpoint);
    EXPECT_EQUAL(endpoint.run(), 0U);
    endpoint.set_timer(1, [&](const error_code &ec) { fired += !ec; });
    EXPECT_EQUAL(endpoint.run(), 0U);
    EXPECT_EQUAL(fired, 0);
    endpoint.reset();
    expect_count(endpoint.run(), 1);
    EXPECT_EQUAL(fired, 1);

    endpoint.reset();
    auto timer = endpoint.set_timer(60'000, [&](const error_code &ec) {
        EXPECT_EQUAL(ec, websocketpp::transport::error::operation_aborted);
        ++fired;
    });
    expect_count(endpoint.poll(), 0);
    timer->cancel();
    timer->cancel();
    while (fired < 2) expect_count(endpoint.run_one(), 1);

    endpoint.reset();
    endpoint.start_perpetual();
    std::thread runner(&client::run, &endpoint);
    std::promise<void> posted;
    endpoint.get_io_service().post([&] { posted.set_value(); });
    posted.get_future().wait();
    endpoint.stop_perpetual();
    runner.join();
    EXPECT(endpoint.stopped());

    endpoint.reset();
    endpoint.set_timer(60'000, [](const error_code &) { EXPECT(false); });
    endpoint.post([&] { endpoint.stop(); });
    endpoint.run();
    EXPECT(endpoint.stopped());
}

/* An exception of a handler comes out of run(), which continues when it is called again. */
static void exceptions() {
    client endpoint;
    be_quiet(endpoint);
    endpoint.set_open_handler([](connection_hdl) { throw std::runtime_error("open"); });
    endpoint.set_message_handler([&](connection_hdl hdl, client::message_ptr) {
        endpoint.close(hdl, status::normal, "");
        throw std::runtime_error("message");
    });
    endpoint.set_close_handler([](connection_hdl) { throw std::runtime_error("close"); });
    connect(endpoint, server("WEBSOCKETS") + "/push?n=1&size=3");
    for (const char *wanted : {"open", "message", "close"}) {
        try {
            endpoint.run();
            EXPECT(false);
        } catch (const std::runtime_error &thrown) {
            EXPECT_EQUAL(std::string(thrown.what()), wanted);
        }
    }
    endpoint.run();
    EXPECT(endpoint.stopped());
}

/* Pings of the server are answered unless the handler says no; a missing pong is reported. */
static void pings() {
    for (const bool answers : {true, false}) {
        client endpoint;
        int pinged = 0, messages = 0;
        be_quiet(endpoint);
        endpoint.set_ping_handler([&](connection_hdl hdl, std::string) {
            ++pinged;
            if (answers)
                endpoint.send(hdl, "after the pong", opcode::text);
            else
                endpoint.close(hdl, status::normal, "");
            return answers;
        });
        endpoint.set_message_handler([&](connection_hdl hdl, client::message_ptr message) {
            EXPECT_EQUAL(message->get_payload(), "after the pong");
            ++messages;
            endpoint.close(hdl, status::normal, "");
        });
        connect(endpoint, server("WEBSOCKETS") + "/ping");
        endpoint.run();
        EXPECT_EQUAL(pinged, 1);
        EXPECT_EQUAL(messages, answers ? 1 : 0);
    }
    client endpoint;
    std::string events;
    be_quiet(endpoint);
    endpoint.set_pong_timeout(100);
    endpoint.set_open_handler([&](connection_hdl hdl) { endpoint.ping(hdl, "a"); });
    endpoint.set_pong_handler([&](connection_hdl, std::string) { EXPECT(false); });
    endpoint.set_pong_timeout_handler([&](connection_hdl hdl, std::string payload) {
        events += payload;
        endpoint.close(hdl, status::omit_handshake, "");
    });
    endpoint.set_close_handler([&](connection_hdl hdl) {
        events += " closed";
        EXPECT_EQUAL(endpoint.get_con_from_hdl(hdl)->get_local_close_code(),
                     status::abnormal_close);
    });
    connect(endpoint, server("CHAOS") + "/?stall-after=0");
    endpoint.run();
    EXPECT_EQUAL(events, "a closed");
}

/* Pausing, interrupting, and sending from other threads. */
static void threads() {
    client endpoint;
    std::atomic<int> received{0};
    be_quiet(endpoint);
    std::promise<connection_hdl> opened;
    std::promise<void> interrupted;
    endpoint.set_open_handler([&](connection_hdl hdl) { opened.set_value(hdl); });
    endpoint.set_interrupt_handler([&](connection_hdl) { interrupted.set_value(); });
    endpoint.set_message_handler([&](connection_hdl hdl, client::message_ptr) {
        if (++received == 400) endpoint.close(hdl, status::normal, "");
    });
    connect(endpoint, server("WEBSOCKETS"));
    std::thread runner(&client::run, &endpoint);
    connection_hdl hdl = opened.get_future().get();
    endpoint.pause_reading(hdl);
    std::vector<std::thread> senders;
    for (int i = 0; i < 4; ++i)
        senders.emplace_back([&] {
            for (int n = 0; n < 100; ++n) endpoint.send(hdl, "x", opcode::text);
        });
    for (std::thread &sender : senders) sender.join();
    endpoint.interrupt(hdl);
    interrupted.get_future().wait();
    EXPECT_EQUAL(received.load(), 0);
    endpoint.resume_reading(hdl);
    runner.join();
    EXPECT_EQUAL(received.load(), 400);
}

/* An endpoint that ends before its connections drops them; what is left reports errors. */
static void ends_early() {
    client::connection_ptr kept;
    auto endpoint = std::make_unique<client>();
    be_quiet(*endpoint);
    auto timer = endpoint->set_timer(60'000, [](const error_code &) { EXPECT(false); });
    endpoint->set_open_handler([&](connection_hdl) { endpoint->stop(); });
    endpoint->set_close_handler([](connection_hdl) { EXPECT(false); });
    kept = connect(*endpoint, server("WEBSOCKETS"));
    endpoint->run();
    EXPECT_EQUAL(kept->get_state(), state::open);
    endpoint.reset();
    EXPECT(kept->send("x"));
    timer->cancel();
}

/* Without a TLS init handler, certificates are verified against the system's authorities. */
static void tls() {
    for (const bool trusts : {true, false}) {
        tls_client endpoint;
        int opened = 0, failed = 0;
        if (trusts)
            setenv("SSL_CERT_FILE", std::getenv("WSLINE_TEST_CA"), 1);
        else
            unsetenv("SSL_CERT_FILE");
        be_quiet(endpoint);
        endpoint.set_open_handler([&](connection_hdl hdl) {
            ++opened;
            endpoint.close(hdl, status::normal, "");
        });
        endpoint.set_fail_handler([&](connection_hdl hdl) {
            EXPECT_EQUAL(endpoint.get_con_from_hdl(hdl)->get_ec(), wsline::status::tls_verify);
            ++failed;
        });
        connect(endpoint, server("WEBSOCKETS_TLS"));
        endpoint.run();
        EXPECT_EQUAL(opened, trusts ? 1 : 0);
        EXPECT_EQUAL(failed, trusts ? 0 : 1);
    }
}

/* Names that have nothing to do with a connection, or only with those of a server. */
static void utilities() {
    const char *const rows[][2] = {{"", ""},
                                   {"f", "Zg=="},
                                   {"fo", "Zm8="},
                                   {"foo", "Zm9v"},
                                   {"foob", "Zm9vYg=="},
                                   {"fooba", "Zm9vYmE="},
                                   {"foobar", "Zm9vYmFy"},
                                   {"\xfb\xff", "+/8="}};
    for (const auto &row : rows) {
        EXPECT_EQUAL(websocketpp::base64_encode(row[0]), row[1]);
        EXPECT_EQUAL(websocketpp::base64_decode(row[1]), row[0]);
    }
    EXPECT_EQUAL(websocketpp::lib::net::_ntohll(websocketpp::lib::net::_htonll(1)), 1U);
    client endpoint;
    endpoint.set_http_handler([](connection_hdl) {});
    endpoint.set_validate_handler([](connection_hdl) { return true; });
    error_code ec;
    auto con = endpoint.get_connection("ws://localhost", ec);
    con->set_proxy_basic_auth("user", "password", ec);
    EXPECT_EQUAL(ec, websocketpp::error::invalid_state);
    con->set_proxy_timeout(1000, ec);
    EXPECT_EQUAL(ec, websocketpp::error::invalid_state);
    con->set_proxy("http://localhost:3128", ec);
    EXPECT(!ec);
    con->set_proxy_basic_auth("user", "password", ec);
    EXPECT(!ec);
    con->set_proxy_timeout(1000, ec);
    EXPECT(!ec);
}

static void uris() {
    websocketpp::uri uri("wss://[::1]:8443/chat?room=1");
    EXPECT(uri.get_valid() && uri.get_secure());
    EXPECT_EQUAL(uri.get_host(), "::1");
    EXPECT_EQUAL(uri.get_port(), 8443);
    EXPECT_EQUAL(uri.get_authority(), "[::1]:8443");
    EXPECT_EQUAL(uri.get_resource(), "/chat?room=1");
    EXPECT_EQUAL(uri.get_query(), "room=1");
    EXPECT_EQUAL(uri.str(), "wss://[::1]:8443/chat?room=1");
    EXPECT_EQUAL(websocketpp::uri("ws://example.org").str(), "ws://example.org/");
    EXPECT(!websocketpp::uri("example.org").get_valid());

    const websocketpp::uri http("http://example.org/chat"), https("https://example.org:8443");
    EXPECT(http.get_valid() && !http.get_secure() && https.get_secure());
    EXPECT_EQUAL(http.get_port(), 80);
    EXPECT_EQUAL(http.str(), "http://example.org/chat");
    EXPECT_EQUAL(https.get_scheme(), "https");
    EXPECT_EQUAL(https.text(), "wss://example.org:8443");
    EXPECT_EQUAL(websocketpp::uri(true, "::1", 8443, "/a").str(), "wss://[::1]:8443/a");
    EXPECT_EQUAL(websocketpp::uri(false, "example.org", "").str(), "ws://example.org/");
    EXPECT_EQUAL(websocketpp::uri("wss", "example.org", "81", "/a").str(),
                 "wss://example.org:81/a");
    EXPECT(!websocketpp::uri(true, "example.org", "port", "/").get_valid());
    int opened = 0;
    client endpoint;
    be_quiet(endpoint);
    endpoint.set_open_handler([&](connection_hdl hdl) {
        ++opened;
        endpoint.close(hdl, status::normal, "");
    });
    connect(endpoint, "http" + server("WEBSOCKETS").substr(2));
    endpoint.run();
    EXPECT_EQUAL(opened, 1);
}

int main() {
    conversation();
    failures();
    lost();
    running();
    exceptions();
    pings();
    threads();
    ends_early();
    tls();
    utilities();
    uris();
    return expect_result();
}
