/* SPDX-License-Identifier: Apache-2.0 */
/* Connections with real servers. */
#include "peer.hpp"

#include <chrono>
#include <poll.h>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using wsline::close_code;
using wsline::opcode;
using wsline::status;

/* In each form in which errors are reported, one message arrives. */
#ifdef __cpp_lib_expected
static constexpr int forms = 3;
#else
static constexpr int forms = 2;
#endif

static wsline::connection echo(const wsline::options &options = {}) {
    return wsline::connect(check::url("WEBSOCKETS"), options);
}

/* The next message, copied. */
static std::string next(wsline::connection_ref conn) {
    return std::string(conn.receive(60s).text());
}

static void messages_are_echoed() {
    wsline::connection conn = echo();
    CHECK(conn.is_open() && conn.fd() >= 0 && conn.http_status() == 101);
    WORKS(conn.send_text("text", on_error...));
    for (int i = 0; i < forms; i++) {
        wsline::message_view message = conn.receive(60s);
        CHECK(message.is_text() && message.text() == "text" && message.is_first());
    }
    WORKS(conn.send_binary(std::vector<char>{'b', 'i', 'n'}, on_error...));
    for (int i = 0; i < forms; i++) {
        wsline::message_view message = conn.receive(60s);
        CHECK(message.is_binary() && message.text() == "bin" && message.is_last());
    }
    WORKS(conn.send(uncompressed(opcode::binary), std::string("x"), on_error...));
    for (int i = 0; i < forms; i++) EQUAL("x", next(conn));
    WORKS(conn.send_text("", on_error...));
    for (int i = 0; i < forms; i++) CHECK(conn.receive(60s).empty());
    WORKS(conn.send_prepared(wsline::prepared(opcode::text, std::string("prepared")), on_error...));
    for (int i = 0; i < forms; i++) EQUAL("prepared", next(conn));
    FAILS(status::invalid_argument, conn.send_text("\xff", on_error...));
    FAILS(status::timeout, conn.receive(0s, on_error...));
    conn.close();
    FAILS(status::closed, conn.send_text("late", on_error...));
}

static void fragments_and_frames() {
    wsline::connection conn = echo();
    /* A call in each form is a fragment. */
    WORKS(conn.send_fragment(opcode::text, std::string("a"), false, on_error...));
    conn.send_fragment(opcode::text, std::string("z"), true);
    EQUAL(std::string(forms, 'a') + 'z', next(conn));
    WORKS(conn.send_frame(wsline::frame(opcode::text, std::string("frame")), on_error...));
    for (int i = 0; i < forms; i++) {
        wsline::frame frame = conn.receive_frame(60s);
        CHECK(frame.opcode() == opcode::text && frame.fin() && frame.text() == "frame");
    }
    WORKS(conn.ping(std::string("ping"), on_error...));
    for (int i = 0; i < forms; i++) {
        wsline::message_view pong = conn.receive_event(60s);
        CHECK(pong.is_pong() && pong.text() == "ping");
    }
    WORKS(conn.pong(on_error...));
    conn.send_text("part");
    EQUAL("part", conn.receive_part(60s).text());
    FAILS(status::timeout, conn.receive_frame(0s, on_error...));
    FAILS(status::timeout, conn.receive_event(0s, on_error...));
    FAILS(status::timeout, conn.receive_part(0s, on_error...));
}

static void receives_have_default_timeouts() {
    wsline::connection conn = echo();
    wsline::message_batch batch(4);
    WORKS(conn.set_timeout(60s, on_error...));
    CHECK(conn.timeout() == 60s);
    for (int i = 0; i < 5 * forms; i++) conn.send_text("x");
    WORKS(conn.receive(on_error...));
    WORKS(conn.receive_event(on_error...));
    WORKS(conn.receive_part(on_error...));
    WORKS(conn.receive_frame(on_error...));
    int many = 0;
    while (many < forms) {
        wsline::messages_view messages = conn.receive_many(batch);
        CHECK(!messages.empty() && messages.size() <= batch.capacity());
        for (wsline::message_view each : messages) many += each.text() == "x";
    }
    EQUAL(forms, many);
    FAILS(status::timeout, conn.receive_many(batch, 0s, on_error...));
    WORKS(conn.set_timeout(std::chrono::hours::max(), on_error...));
    CHECK(conn.timeout() == std::chrono::milliseconds::max());
    FAILS(status::invalid_argument, conn.set_timeout(wsline::timeout::from_ms(-7), on_error...));
}

static void a_descriptor_can_be_polled() {
    wsline::connection conn = echo();
    WORKS(conn.poll_fd(on_error...));
    CHECK(!conn.pending());
    conn.send_text("polled");
    std::error_code ec = status::timeout;
    std::string text;
    while (ec == status::timeout) {
        pollfd waiting{conn.poll_fd(), POLLIN, 0};
        REQUIRE(::poll(&waiting, 1, 60000) == 1);
        text = conn.receive(0s, ec).text();
    }
    CHECK(!ec && text == "polled");
}

static void corked_messages_arrive_together() {
    wsline::connection conn = echo();
    auto before = conn.stats().messages_sent;
    WORKS(conn.cork(on_error...));
    for (int i = 0; i < 3; i++) conn.send_text("corked");
    WORKS(conn.uncork(on_error...));
    for (int i = 0; i < 3; i++) EQUAL("corked", next(conn));
    EQUAL(before + 3, conn.stats().messages_sent);
}

static void close_says_why() {
    wsline::connection conn = echo();
    wsline::close_info before = conn.close_info();
    EQUAL(close_code::none, before.code());
    conn.close(close_code{4321}, "enough", 60s);
    wsline::close_info info = conn.close_info();
    EQUAL(close_code{4321}, info.code());
    EQUAL("enough", info.reason());
    CHECK(info.clean() && info.closed_by() == wsline::side::client && !conn.is_open());
    FAILS(status::closed, conn.receive(on_error...));

    wsline::connection other =
        wsline::connect(check::url("WEBSOCKETS", "/close?code=4000&reason=bye"));
    auto error = check::thrown_by<wsline::error>([&] { other.receive(60s); });
    REQUIRE(error);
    EQUAL(status::closed, error->status());
    EQUAL(close_code{4000}, error->info().close_code());
    EQUAL("bye", other.close_info().reason());
    EQUAL(wsline::side::server, other.close_info().closed_by());
    EQUAL(status::closed, other.last_error().status());
    WORKS(other.close_info(on_error...));
    WORKS(other.last_error(on_error...));

    wsline::connection third = echo();
    third.send_close(close_code::going_away, "leaving");
    CHECK(check::thrown_by<wsline::error>([&] { third.receive(60s); }));
    EQUAL(close_code::going_away, third.close_info().code());
    wsline::connection fourth = echo();
    WORKS(fourth.shutdown(on_error...));
    CHECK(!fourth.is_open());
}

static void another_thread_may_abort() {
    wsline::connection conn = echo();
    std::thread aborting([&] {
        std::this_thread::sleep_for(50ms);
        WORKS(conn.abort(on_error...));
    });
    auto error = check::thrown_by<wsline::error>([&] { conn.receive(wsline::no_timeout); });
    aborting.join();
    REQUIRE(error);
    CHECK(error->status() == status::aborted && error->code() == std::errc::operation_canceled);
    FAILS(status::aborted, conn.receive(on_error...));
}

static void a_refusal_is_explained() {
    wsline::connection conn{wsline::options()};
    std::string url = check::url("WEBSOCKETS", "/status?code=503&body=later");
    auto error = check::thrown_by<wsline::error>([&] { conn.connect(url); });
    REQUIRE(error);
    CHECK(error->status() == status::http_status && error->info().http_status() == 503);
    EQUAL(wsline::phase::upgrade, error->info().phase());
    EQUAL(503, conn.http_status());
    EQUAL("Service Unavailable", conn.http_reason());
    GIVES("later", conn.response_body(on_error...));
    CHECK(conn.response_header("content-length") == "5" && !conn.response_header("none"));
    bool listed = false;
    for (const wsline::header &each : conn.response_headers())
        listed = listed || (each.name == "Content-Length" && each.value == "5");
    CHECK(listed);
    CHECK(conn.timings().finished() && conn.timings().phase() == wsline::phase::upgrade);
    /* A connection connects once. */
    FAILS(status::http_status, conn.connect(url, on_error...));
    FAILS(status::http_status, wsline::connect(url, on_error...));
    FAILS(status::http_status, wsline::connect(url, wsline::options(), on_error...));
    GIVES("", echo().response_body(on_error...));
}

static void options_reach_the_server() {
    wsline::options options;
    options.add_subprotocol("chat.v2").add_header("X-Test", std::string("yes"));
    wsline::connection conn = wsline::connect(check::url("WEBSOCKETS", "/subprotocol"), options);
    EQUAL("chat.v2", conn.subprotocol());
    CHECK(conn.extensions().empty());
    /* A copy is independent. */
    wsline::options copy = options;
    copy.clear_headers().add_header("X-Copy", "yes");
    wsline::connection plain(check::url("WEBSOCKETS", "/headers"), options);
    wsline::connection other(check::url("WEBSOCKETS", "/headers"), copy);
    std::string seen = next(plain), copied = next(other);
    CHECK(seen.find("X-Test") != std::string::npos && seen.find("X-Copy") == std::string::npos);
    CHECK(copied.find("X-Copy") != std::string::npos && copied.find("X-Test") == std::string::npos);
}

static void connections_report() {
    wsline::connection conn = echo();
    conn.send_text("four");
    conn.receive();
    wsline::stats stats = conn.stats();
    CHECK(stats.messages_received == 1 && stats.messages_sent == 1);
    wsline::timings timings = conn.timings();
    CHECK(timings.finished() && timings.total() > 0ns && timings.connect() <= timings.total());
    CHECK(timings.upgrade() > 0ns && timings.addresses_tried() == 1 && timings.redirects() == 0);
    CHECK(conn.peer_address().find("127.0.0.1:") == 0);
    FAILS(status::wrong_state, conn.tls_info(on_error...));
    WORKS(conn.stats(on_error...));
    WORKS(conn.timings(on_error...));
}

static void tls_is_described() {
    wsline::connection conn = wsline::connect(check::url("WEBSOCKETS_TLS"),
                                              check::trusting().set_receive_timestamps(true));
    wsline::tls_info tls = conn.tls_info();
    CHECK(tls.version == "TLSv1.3" && !tls.cipher.empty() && tls.alpn.empty());
    CHECK(tls.peer_certificate_pem.find("BEGIN CERTIFICATE") != std::string::npos);
    WORKS(conn.tls_info(on_error...));
    conn.send_text("secret");
    wsline::message_view message = conn.receive(60s);
    CHECK(message.text() == "secret" && message.received().time_since_epoch() > 0s);
    FAILS(status::tls_verify, wsline::connect(check::url("WEBSOCKETS_TLS"), on_error...));
    auto error = check::thrown_by<wsline::error>(
        [] { wsline::connection untrusting(check::url("WEBSOCKETS_TLS")); });
    REQUIRE(error);
    CHECK(error->info().tls_verify_result() != 0 && error->info().phase() == wsline::phase::tls);
}

static void connections_are_moved() {
    wsline::connection first = echo(), second;
    first.send_text("moved");
    second = std::move(first);
    CHECK(!first && second.is_open());
    EQUAL("moved", next(second));
    std::vector<wsline::connection> all;
    all.push_back(std::move(second));
    all.push_back(echo());
    wsline::connection_ref ref = all.front();
    ref.send_text("by reference");
    EQUAL("by reference", next(all.front()));
    CHECK(all.front().get() == ref.get());
}

static void masking_keys_can_be_chosen() {
    wsline::options options;
    int calls = 0;
    options.set_mask_key_fn([&calls] { return calls++, wsline::mask_key{1, 2, 3, 4}; });
    wsline::connection conn = echo(options);
    conn.send_text("masked");
    EQUAL("masked", next(conn));
    EQUAL(1, calls);
    options.set_mask_key_fn([]() -> wsline::mask_key { throw 1; });
    FAILS(status::internal, echo(options).send_text("x", on_error...));
    options.set_mask_key_fn(nullptr);
    echo(options).send_text("x");
}

int main(int argc, char **argv) {
    return check::run(argc, argv,
                      {TEST(messages_are_echoed), TEST(fragments_and_frames),
                       TEST(receives_have_default_timeouts), TEST(a_descriptor_can_be_polled),
                       TEST(corked_messages_arrive_together), TEST(close_says_why),
                       TEST(another_thread_may_abort), TEST(a_refusal_is_explained),
                       TEST(options_reach_the_server), TEST(connections_report),
                       TEST(tls_is_described), TEST(connections_are_moved),
                       TEST(masking_keys_can_be_chosen)});
}
