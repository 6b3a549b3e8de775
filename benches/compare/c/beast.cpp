// SPDX-License-Identifier: Apache-2.0
// Boost.Beast, synchronous.  Tuned: auto_fragment off, write_buffer_bytes 64 KiB (default 4 KiB),
// no message limit.
#define CLIENT_NAME "beast"
#include "common.h"
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
namespace beast = boost::beast;
namespace net = boost::asio;
namespace websocket = beast::websocket;
using tcp = net::ip::tcp;

struct bc {
    virtual ~bc() {}
    virtual bool open(const bench_t *b) = 0;
    virtual int send(int text, const uint8_t *p, size_t n) = 0;
    virtual int recv(const uint8_t **p, size_t *n) = 0;
    virtual void close() = 0;
};
static net::io_context &ioc() {
    static net::io_context i{1};
    return i;
}
static net::ssl::context &sctx() {
    static net::ssl::context c{net::ssl::context::tls_client};
    static bool once = [] {
        c.load_verify_file(getenv("BENCH_CA"));
        c.set_verify_mode(net::ssl::verify_peer);
        return true;
    }();
    (void)once;
    return c;
}
template <class S> struct impl final : bc {
    websocket::stream<S> ws;
    beast::flat_buffer buf;
    bool closed = false;
    template <class... A> explicit impl(A &&...a) : ws(std::forward<A>(a)...) {}
    bool open(const bench_t *b) override {
        tcp::endpoint ep(
            net::ip::make_address(!strcmp(b->host, "localhost") ? "127.0.0.1" : b->host),
            (unsigned short)b->port);
        auto &sock = beast::get_lowest_layer(ws);
        sock.connect(ep);
        sock.set_option(tcp::no_delay(true));
        tls(ws.next_layer());
        if (b->deflate) {
            websocket::permessage_deflate o;
            o.client_enable = true;
            ws.set_option(o);
        }
        ws.auto_fragment(false);
        ws.write_buffer_bytes(65536);
        ws.read_message_max(0);
        ws.handshake("localhost", b->path);
        return true;
    }
    static void tls(tcp::socket &) {}
    static void tls(net::ssl::stream<tcp::socket> &s) {
        SSL_set_tlsext_host_name(s.native_handle(), "localhost");
        s.handshake(net::ssl::stream_base::client);
    }
    int send(int text, const uint8_t *p, size_t n) override {
        ws.text(text != 0);
        boost::system::error_code ec;
        ws.write(net::const_buffer(p, n), ec);
        return ec ? -1 : 0;
    }
    int recv(const uint8_t **p, size_t *n) override {
        boost::system::error_code ec;
        buf.consume(buf.size());
        ws.read(buf, ec);
        if (ec == websocket::error::closed) {
            closed = true;
            return 0;
        }
        if (ec) return -1;
        *p = (const uint8_t *)buf.data().data();
        *n = buf.size();
        return ws.got_text() ? 1 : 2;
    }
    void close() override {
        boost::system::error_code ec;
        if (!closed) ws.close(websocket::close_code::normal, ec);
    }
};
static bc *bc_open(const bench_t *b) {
    bc *c;
    if (b->tls)
        c = new impl<net::ssl::stream<tcp::socket>>(ioc(), sctx());
    else
        c = new impl<tcp::socket>(ioc());
    try {
        c->open(b);
    } catch (std::exception &e) {
        fprintf(stderr, "beast: %s\n", e.what());
        return nullptr;
    }
    return c;
}
static int bc_send(bc *c, int text, const uint8_t *p, size_t n) { return c->send(text, p, n); }
static int bc_flush(bc *) { return 0; }
static int bc_recv(bc *c, const uint8_t **p, size_t *n) { return c->recv(p, n); }
static void bc_close(bc *c) {
    c->close();
    delete c;
}
#include "sync_driver.h"
