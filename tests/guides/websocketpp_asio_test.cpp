/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints in an io_service, and handlers with types of Asio. */
#include "expect.hpp"

#include <wsline/compat/websocketpp_asio.hpp>

using websocketpp::connection_hdl;
using websocketpp::lib::error_code;
namespace asio = websocketpp::lib::asio;
namespace opcode = websocketpp::frame::opcode;
namespace status = websocketpp::close::status;

using client = websocketpp::client<websocketpp::config::asio_client>;
using tls_client = websocketpp::client<websocketpp::config::asio_tls_client>;
using tls_stream = asio::ssl::stream<asio::ip::tcp::socket>;
using std::chrono::milliseconds;

template <class Client>
static typename Client::connection_ptr connect(Client &endpoint, const std::string &url) {
    error_code ec;
    auto con = endpoint.get_connection(url, ec);
    EXPECT(!ec && con);
    return endpoint.connect(con);
}

/* Sends "hello", closes when it comes back, and counts connections that have closed. */
template <class Client> static void prepare(Client &endpoint, std::atomic<int> &closed) {
    endpoint.clear_access_channels(websocketpp::log::alevel::all);
    endpoint.set_open_handler(
        [&](connection_hdl hdl) { endpoint.send(hdl, "hello", opcode::text); });
    endpoint.set_message_handler([&](connection_hdl hdl, client::message_ptr message) {
        EXPECT_EQUAL(message->get_payload(), "hello");
        endpoint.close(hdl, status::normal, "");
    });
    endpoint.set_close_handler([&](connection_hdl) { ++closed; });
}

/* Timers of Asio expire in run(), which returns when the connection and the timers have ended. */
static void own_io_service() {
    client endpoint;
    std::atomic<int> closed{0};
    int expired = 0;
    prepare(endpoint, closed);
    endpoint.init_asio();
    error_code ec;
    endpoint.init_asio(ec);
    EXPECT_EQUAL(ec, websocketpp::error::invalid_state);
    asio::steady_timer timer(endpoint.get_io_service(), milliseconds(1));
    timer.async_wait([&](const auto &) { ++expired; });
    endpoint.set_timer(1, [&](const error_code &) { ++expired; });
    connect(endpoint, server("WEBSOCKETS"));
    EXPECT(endpoint.run() > 0);
    EXPECT_EQUAL(closed.load(), 1);
    EXPECT_EQUAL(expired, 2);
    EXPECT(endpoint.stopped());

    endpoint.reset();
    connect(endpoint, server("WEBSOCKETS"));
    while (closed < 2) endpoint.poll();
    endpoint.reset();
    EXPECT_EQUAL(endpoint.poll_one(), 0U);
}

/* Two endpoints in one io_context, which three threads run. */
static void shared_io_service() {
    asio::io_context io;
    client first, second;
    std::atomic<int> closed{0};
    std::atomic<int> running{0};
    prepare(first, closed);
    prepare(second, closed);
    first.init_asio(&io);
    second.init_asio(&io);
    EXPECT_EQUAL(&first.get_io_service(), &io);
    for (int i = 0; i < 10; ++i) {
        connect(first, server("WEBSOCKETS"));
        connect(second, server("WEBSOCKETS"));
    }
    second.set_message_handler([&](connection_hdl hdl, client::message_ptr) {
        EXPECT_EQUAL(++running, 1); /* handlers of an endpoint never run at once */
        std::this_thread::sleep_for(milliseconds(1));
        --running;
        second.close(hdl, status::normal, "");
    });
    connect(second, server("WEBSOCKETS"));
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([&] { io.run(); });
    for (std::thread &thread : threads) thread.join();
    EXPECT_EQUAL(closed.load(), 21);
}

/* A thread runs an endpoint that waits; another connects, posts, and ends it. */
static void perpetual() {
    client endpoint;
    std::atomic<int> closed{0};
    prepare(endpoint, closed);
    endpoint.init_asio();
    endpoint.start_perpetual();
    std::thread runner(&client::run, &endpoint);
    for (int wanted = 1; wanted <= 2; ++wanted) {
        connect(endpoint, server("WEBSOCKETS"));
        while (closed < wanted) std::this_thread::sleep_for(milliseconds(1));
    }
    std::promise<void> posted;
    asio::post(endpoint.get_io_service().get_executor(), [&] { posted.set_value(); });
    posted.get_future().wait();
    endpoint.stop_perpetual();
    runner.join();

    endpoint.reset();
    endpoint.start_perpetual();
    endpoint.set_timer(1, [&](const error_code &) { endpoint.stop(); });
    endpoint.run();
    EXPECT(endpoint.stopped());
}

/* An endpoint that ends first drops its connections; its io_context goes on. */
static void ends_early() {
    asio::io_context io;
    client::connection_ptr kept;
    auto endpoint = std::make_unique<client>();
    endpoint->clear_access_channels(websocketpp::log::alevel::all);
    endpoint->init_asio(&io);
    endpoint->set_open_handler([&](connection_hdl) { io.stop(); });
    endpoint->set_close_handler([](connection_hdl) { EXPECT(false); });
    endpoint->set_timer(60'000, [](const error_code &) { EXPECT(false); });
    kept = connect(*endpoint, server("WEBSOCKETS"));
    io.run();
    endpoint.reset();
    EXPECT(kept->send("x"));
    io.restart();
    int ran = 0;
    asio::post(io.get_executor(), [&] { ++ran; });
    io.run();
    EXPECT_EQUAL(ran, 1);
}

/* The server name that a socket init handler sets is sent, and checked in the certificate. */
static void socket_init() {
    struct {
        const char *name;
        bool opens;
    } const rows[] = {{"localhost", true}, {"elsewhere.example", false}};
    const std::string url = server("WEBSOCKETS_TLS");
    const std::string address = "wss://127.0.0.1" + url.substr(url.find(':', 6));
    for (const auto &row : rows) {
        tls_client endpoint;
        std::atomic<int> closed{0};
        int failed = 0;
        prepare(endpoint, closed);
        endpoint.init_asio();
        endpoint.set_tls_init_handler([](connection_hdl) {
            auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
            context->set_verify_mode(asio::ssl::verify_peer);
            context->load_verify_file(std::getenv("WSLINE_TEST_CA"));
            return context;
        });
        endpoint.set_socket_init_handler([&](connection_hdl, tls_stream &stream) {
            EXPECT_EQUAL(::SSL_ctrl(stream.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME,
                                    TLSEXT_NAMETYPE_host_name, const_cast<char *>(row.name)),
                         1);
        });
        endpoint.set_fail_handler([&](connection_hdl) { ++failed; });
        connect(endpoint, address);
        endpoint.run();
        EXPECT_EQUAL(closed.load(), row.opens ? 1 : 0);
        EXPECT_EQUAL(failed, row.opens ? 0 : 1);
    }
    client plain;
    std::atomic<int> closed{0};
    int initialized = 0;
    prepare(plain, closed);
    plain.init_asio();
    plain.set_socket_init_handler([&](connection_hdl, asio::ip::tcp::socket &) { ++initialized; });
    plain.set_tcp_post_init_handler([&](connection_hdl hdl) {
        auto socket = plain.get_con_from_hdl(hdl)->get_raw_socket();
        socket.set_option(asio::ip::tcp::no_delay(true));
        socket.set_option(asio::socket_base::receive_buffer_size(65536));
        error_code ec;
        websocketpp::socket_handle(-1).set_option(asio::ip::tcp::no_delay(true), ec);
        EXPECT(ec);
        ++initialized;
    });
    connect(plain, server("WEBSOCKETS"));
    plain.run();
    EXPECT_EQUAL(initialized, 2);
    EXPECT_EQUAL(closed.load(), 1);
}

int main() {
    own_io_service();
    shared_io_service();
    perpetual();
    ends_early();
    socket_init();
    return expect_result();
}
