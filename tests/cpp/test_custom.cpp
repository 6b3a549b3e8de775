/* SPDX-License-Identifier: Apache-2.0 */
/* Transports, resolvers and event callbacks of the program. */
#include "peer.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using wsline::event_kind;
using wsline::status;

static std::string echo() { return check::url("WEBSOCKETS"); }

/* A socket that is connected to the echo server, and closed with this object. */
class raw_socket {
  public:
    raw_socket() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(wsline::url(echo()).port()));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto *generic = reinterpret_cast<sockaddr *>(&address);
        if (::connect(fd_, generic, sizeof address) != 0) throw check::left();
    }
    raw_socket(raw_socket &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~raw_socket() {
        if (fd_ >= 0) ::close(fd_);
    }

    std::int64_t read(void *data, std::size_t size) {
        return result(::recv(fd_, data, size, MSG_DONTWAIT));
    }
    std::int64_t write(const void *data, std::size_t size) {
        return result(::send(fd_, data, size, MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    bool wait(wsline::transport_events events, std::chrono::milliseconds time) {
        int wanted = (events.readable ? POLLIN : 0) | (events.writable ? POLLOUT : 0);
        pollfd waiting{fd_, static_cast<short>(wanted), 0};
        return ::poll(&waiting, 1, static_cast<int>(time.count())) > 0;
    }

  private:
    static std::int64_t result(ssize_t count) {
        if (count < 0 && errno == EAGAIN) return wsline::transport_not_ready;
        return count < 0 ? wsline::transport_failed : count;
    }

    int fd_;
};

static void a_transport_carries_a_connection() {
    auto socket = std::make_shared<raw_socket>();
    wsline::options options;
    {
        wsline::transport transport(
            [socket](void *data, std::size_t size) { return socket->read(data, size); },
            [socket](const void *data, std::size_t size) { return socket->write(data, size); },
            [socket](auto events, auto time) { return socket->wait(events, time); });
        WORKS(transport.ready(on_error...));
        options.set_transport(transport);
    }
    wsline::connection conn(echo(), options);
    std::string large(300000, 'x');
    conn.send_text(large);
    CHECK(conn.receive(60s).text() == large);
    FAILS(status::timeout, conn.receive(1ms, on_error...));
    conn.close();
    EQUAL(4, socket.use_count());
    conn.reset();
    options.set_transport(nullptr);
    EQUAL(1, socket.use_count());
}

static void transports_may_throw() {
    for (int failing = 0; failing < 3; failing++) {
        auto socket = std::make_shared<raw_socket>();
        auto fail_if = [failing](int now) {
            if (failing == now) throw std::string("a string");
        };
        wsline::transport transport(
            [=](void *data, std::size_t size) {
                fail_if(0);
                return socket->read(data, size);
            },
            [=](const void *data, std::size_t size) {
                fail_if(1);
                return socket->write(data, size);
            },
            [=](wsline::transport_events events, std::chrono::milliseconds time) {
                fail_if(2);
                return socket->wait(events, time);
            });
        wsline::options options;
        options.set_transport(transport);
        std::error_code ec;
        (void)wsline::connect(echo(), options, ec);
        CHECK(ec && ec != status::timeout);
    }
}

/* Without `wait`, ready() says when to try again. */
static void an_app_uses_a_transport() {
    raw_socket socket;
    std::atomic<bool> done{false};
    wsline::transport transport(
        [&](void *data, std::size_t size) { return socket.read(data, size); },
        [&](const void *data, std::size_t size) { return socket.write(data, size); });
    std::thread watching([&] {
        while (!done) {
            transport.ready();
            std::this_thread::sleep_for(1ms);
        }
    });
    wsline::app app(echo(), wsline::options().set_transport(transport));
    std::string text;
    app.on_open([](wsline::app_ref a) { a.send_text("carried"); });
    app.on_message([&](wsline::app_ref a, wsline::message_view message) {
        text = message.text();
        a.close();
    });
    app.run();
    done = true;
    watching.join();
    EQUAL("carried", text);
}

/* The echo server under a name. */
static std::string named() {
    return "ws://name.test:" + std::to_string(wsline::url(echo()).port()) + "/";
}

template <class F> static std::error_code connect_with(F resolver) {
    std::error_code ec;
    wsline::options options;
    options.set_proxy_from_environment(false).set_resolver(std::move(resolver));
    (void)wsline::connect(named(), options, ec);
    return ec;
}

static void resolvers_end_lookups() {
    int asked = 0;
    CHECK(!connect_with([&](wsline::lookup lookup, std::string_view host, std::int32_t port) {
        asked += host == "name.test" && port == wsline::url(echo()).port();
        CHECK(!lookup.is_cancelled());
        FAILS(status::invalid_argument, lookup.finish("nonsense", on_error...));
        lookup.finish("127.0.0.1");
        CHECK(lookup.get() == nullptr);
        FAILS(status::invalid_argument, lookup.finish("127.0.0.1", on_error...));
    }));
    EQUAL(1, asked);
    CHECK(connect_with([](auto lookup, auto, auto) { lookup.fail("no such name"); }) ==
          status::resolve);
    CHECK(std::string(wsline::last_error_message()).find("no such name") != std::string::npos);
    CHECK(connect_with([](wsline::lookup lookup, auto...) { lookup.by_system(); }) ==
          status::resolve);
    /* Nobody ends it. */
    CHECK(connect_with([](wsline::lookup, auto...) {}) == status::resolve);
    CHECK(std::string(wsline::last_error_message()).find("gave up") != std::string::npos);
    CHECK(connect_with([](auto &&...) {}) == status::resolve);
    CHECK(connect_with([](wsline::lookup, auto...) { throw 1; }) == status::resolve);
    /* After it has ended, an exception changes nothing. */
    CHECK(!connect_with([](wsline::lookup lookup, auto...) {
        lookup.finish(std::string("127.0.0.1"));
        throw 1;
    }));
}

static void a_lookup_ends_on_another_thread() {
    std::thread other;
    CHECK(!connect_with([&other](wsline::lookup lookup, auto...) {
        other = std::thread([lookup = std::move(lookup)]() mutable {
            std::this_thread::sleep_for(10ms);
            lookup.finish("127.0.0.1");
        });
    }));
    other.join();
    std::optional<wsline::lookup> kept;
    wsline::options options;
    options.set_proxy_from_environment(false).set_connect_timeout(20ms);
    options.set_resolver([&](wsline::lookup lookup, auto...) { kept.emplace(std::move(lookup)); });
    FAILS(status::timeout, wsline::connect(named(), options, on_error...));
    REQUIRE(kept);
    CHECK(check::eventually([&] { return kept->is_cancelled(); }));
    options.set_resolver(nullptr);
    FAILS(status::resolve, wsline::connect(named(), options, on_error...));
}

static void resolvers_are_freed() {
    auto held = std::make_shared<int>();
    {
        wsline::options options;
        options.set_resolver([held](auto &&...) {});
        wsline::options copy(options);
        options.set_resolver(nullptr);
        EQUAL(2, held.use_count());
    }
    EQUAL(1, held.use_count());
}

static void events_of_connections() {
    std::vector<event_kind> kinds;
    wsline::options options;
    options.set_event_callback([&](wsline::event_view event) {
        kinds.push_back(event.kind());
        CHECK(event.connection() && !event.app() && event.attempt() == 1 &&
              event.reconnects() == 0);
        CHECK((event.url() == echo() + '/') == (event.kind() == event_kind::connecting));
        CHECK(event.size() >= sizeof(wsline_event) && !event.delay() && !event.rtt());
        bool has_address = event.kind() == event_kind::address || event.kind() == event_kind::open;
        if (has_address) CHECK(event.address().find("127.0.0.1:") == 0);
        CHECK(event.timings().has_value() == (event.kind() == event_kind::open));
        CHECK(event.close_info().has_value() == (event.kind() == event_kind::closed));
        if (event.kind() == event_kind::closed) {
            CHECK(event.close_info()->clean() && event.stats().messages_received == 1);
        }
    });
    wsline::connection conn(echo(), options);
    conn.send_text("x");
    conn.receive();
    conn.close();
    CHECK(kinds == std::vector<event_kind>{event_kind::connecting, event_kind::address,
                                           event_kind::open, event_kind::closed});
}

static void events_of_apps() {
    std::string seen;
    wsline::options options;
    options.set_ping(20ms, 60s).set_reconnect(true).set_reconnect_delay(1ms, 1ms);
    options.set_event_callback([&](wsline::event_view event) {
        CHECK(event.app() && !event.connection());
        if (event.kind() == event_kind::connect_failed) {
            CHECK(event.error() && event.error()->status() == status::connect);
            event.app().set_url(echo());
        }
        if (event.kind() == event_kind::waiting) CHECK(event.delay() && *event.delay() <= 1ms);
        if (event.kind() == event_kind::pong) {
            CHECK(event.rtt() && *event.rtt() > 0ns);
            event.app().close();
        }
        if (event.kind() != event_kind::address)
            seen += std::to_string(static_cast<int>(event.kind()));
    });
    wsline::app app("ws://127.0.0.1:1/", options);
    app.run();
    CHECK(app.rtt() && *app.rtt() > 0us);
    const event_kind order[] = {
        event_kind::connecting, event_kind::address_failed, event_kind::connect_failed,
        event_kind::waiting,    event_kind::connecting,     event_kind::open,
        event_kind::ping,       event_kind::pong,           event_kind::closed};
    std::string expected;
    for (event_kind kind : order) expected += std::to_string(static_cast<int>(kind));
    EQUAL(expected, seen);
}

int main(int argc, char **argv) {
    return check::run(argc, argv,
                      {TEST(a_transport_carries_a_connection), TEST(transports_may_throw),
                       TEST(an_app_uses_a_transport), TEST(resolvers_end_lookups),
                       TEST(a_lookup_ends_on_another_thread), TEST(resolvers_are_freed),
                       TEST(events_of_connections), TEST(events_of_apps)});
}
