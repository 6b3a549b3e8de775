/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that hold nothing, because they are new or were moved from. */
#include "check.hpp"

#include <type_traits>
#include <utility>

using namespace std::chrono_literals;
using wsline::opcode;

static constexpr auto invalid = wsline::status::invalid_argument;

static void a_connection() {
    wsline::connection c;
    wsline::message_batch batch;
    wsline::prepared message(opcode::text, std::string("hi"));
    CHECK(!c);
    FAILS(invalid, c.connect("ws://a/", on_error...));
    FAILS(invalid, c.send_text("", on_error...));
    FAILS(invalid, c.send_binary({}, on_error...));
    FAILS(invalid, c.send(opcode::text, {}, on_error...));
    FAILS(invalid, c.send_fragment(opcode::text, {}, true, on_error...));
    FAILS(invalid, c.send_frame(wsline::frame(opcode::text), on_error...));
    FAILS(invalid, c.send_prepared(message, on_error...));
    FAILS(invalid, c.cork(on_error...));
    FAILS(invalid, c.uncork(on_error...));
    FAILS(invalid, c.ping(on_error...));
    FAILS(invalid, c.pong(on_error...));
    FAILS(invalid, c.send_close(on_error...));
    FAILS(invalid, c.receive(on_error...));
    FAILS(invalid, c.receive_event(0s, on_error...));
    FAILS(invalid, c.receive_part(on_error...));
    FAILS(invalid, c.receive_many(batch, on_error...));
    FAILS(invalid, c.receive_frame(on_error...));
    FAILS(invalid, c.poll_fd(on_error...));
    FAILS(invalid, c.close(on_error...));
    FAILS(invalid, c.shutdown(on_error...));
    FAILS(invalid, c.abort(on_error...));
    FAILS(invalid, c.set_timeout(1s, on_error...));
    FAILS(invalid, c.close_info(on_error...));
    FAILS(invalid, c.last_error(on_error...));
    FAILS(invalid, c.response_body(on_error...));
    FAILS(invalid, c.tls_info(on_error...));
    FAILS(invalid, c.stats(on_error...));
    FAILS(invalid, c.timings(on_error...));
    CHECK(!c.pending() && !c.is_open() && c.fd() == -1 && c.http_status() == 0);
    CHECK(c.http_reason().empty() && !c.response_header("a") && c.response_headers().empty());
    CHECK(c.subprotocol().empty() && c.extensions().empty() && c.peer_address().empty());
}

static void an_app() {
    wsline::app a;
    wsline::prepared message;
    CHECK(!a);
    FAILS(invalid, a.run(on_error...));
    FAILS(invalid, a.start(on_error...));
    FAILS(invalid, a.join(on_error...));
    FAILS(invalid, a.pause(on_error...));
    FAILS(invalid, a.resume(on_error...));
    FAILS(invalid, a.proceed(on_error...));
    FAILS(invalid, a.set_url("ws://a/", on_error...));
    FAILS(invalid, a.set_options(wsline::options(), on_error...));
    FAILS(invalid, a.reconnect(on_error...));
    FAILS(invalid, a.send_text("", on_error...));
    FAILS(invalid, a.send_prepared(message, on_error...));
    FAILS(invalid, a.flush(on_error...));
    FAILS(invalid, a.ping(on_error...));
    FAILS(invalid, a.close(on_error...));
    FAILS(invalid, a.abort(on_error...));
    FAILS(invalid, a.stats(on_error...));
    FAILS(invalid, a.timings(on_error...));
    FAILS(invalid, a.last_error(on_error...));
    FAILS(invalid, a.response_body(on_error...));
    FAILS(invalid, a.tls_info(on_error...));
    /* These free the callable. */
    FAILS(invalid, a.on_open([] {}, on_error...));
    FAILS(invalid, a.on_message([](wsline::message_view) {}, on_error...));
    FAILS(invalid, a.set_callbacks(nullptr, on_error...));
    FAILS(invalid, a.post([] {}, on_error...));
    FAILS(invalid, a.post_after(0s, [] {}, on_error...));
    FAILS(invalid, a.cancel_post(1, on_error...));
    CHECK(!a.is_open() && !a.is_running() && a.fd() == -1 && a.http_status() == 0 && !a.rtt());
    CHECK(a.send_queue_bytes() == 0 && a.http_reason().empty() && !a.response_header("a"));
    CHECK(a.response_headers().empty() && a.subprotocol().empty() && a.extensions().empty());
    CHECK(a.peer_address().empty());
    a.abort_from_signal();
}

static void others() {
    wsline::loop_ref l;
    wsline::loop moved;
    wsline::loop owner(std::move(moved));
    CHECK(!moved && owner);
    FAILS(invalid, l.add(wsline::app_ref(), on_error...));
    FAILS(invalid, owner.add(wsline::app_ref(), on_error...));
    FAILS(invalid, l.remove(wsline::app_ref(), on_error...));
    FAILS(invalid, l.run(on_error...));
    FAILS(invalid, moved.run_once(0s, on_error...));
    FAILS(invalid, moved.stop(on_error...));
    FAILS(invalid, l.post([] {}, on_error...));
    FAILS(invalid, l.post_after(0s, [] {}, on_error...));
    FAILS(invalid, l.cancel_post(1, on_error...));
    CHECK(l.fd() == -1 && l.next_timeout() == wsline::no_timeout);

    wsline::options_ref o;
    FAILS(invalid, o.set_reconnect(true, on_error...));
    FAILS(invalid, o.set_event_callback([](wsline::event_view) {}, on_error...));
    CHECK(check::thrown_by<wsline::error>([&] { wsline::options copy(o); }));

    wsline::cookie_jar filled, jar(std::move(filled));
    FAILS(invalid, filled.add("ws://a/", "b=c", on_error...));
    FAILS(invalid, filled.set("ws://a/", "b=c", on_error...));
    FAILS(invalid, filled.cookies_for("ws://a/", on_error...));
    FAILS(invalid, filled.clear(on_error...));
    wsline::transport transport;
    FAILS(invalid, transport.ready(on_error...));
    wsline::url url;
    CHECK(!url.is_secure() && url.host().empty() && url.resource().empty() && !url.user());
    CHECK(!url.password() && !url.unix_path());
    wsline::lookup lookup(nullptr);
    FAILS(invalid, lookup.finish("::1", on_error...));
    FAILS(invalid, lookup.fail("no", on_error...));
    FAILS(invalid, lookup.by_system(on_error...));
    CHECK(lookup.is_cancelled());
}

/* Assigning an object to itself, as a sorting algorithm may, keeps it. */
template <class T> static void is_kept(T &object) {
    T &same = object;
    auto *handle = object.get();
    object = std::move(same);
    CHECK(object);
    EQUAL(handle, object.get());
    T other(std::move(object));
    CHECK(!object);
    EQUAL(handle, other.get());
    object = std::move(other);
    EQUAL(handle, object.get());
    auto *released = object.release();
    EQUAL(handle, released);
    CHECK(!object);
    object = T(released);
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>,
                  "containers move the elements");
    static_assert(std::is_same_v<T, wsline::options> || !std::is_copy_constructible_v<T>,
                  "each object has one owner");
}

static void moves() {
    wsline::options options;
    wsline::connection connection(options);
    wsline::app app("ws://a/");
    wsline::loop loop;
    wsline::cookie_jar jar;
    wsline::prepared message(opcode::text, std::string("hi"));
    wsline::url url("ws://a/");
    wsline::transport transport([](void *, std::size_t) { return wsline::transport_failed; },
                                [](const void *, std::size_t) { return wsline::transport_failed; });
    is_kept(options);
    is_kept(connection);
    is_kept(app);
    is_kept(loop);
    is_kept(jar);
    is_kept(message);
    is_kept(url);
    is_kept(transport);
    /* Copies and assignments of options. */
    wsline::options copy(options), &same = copy;
    CHECK(copy.get() != options.get());
    copy = same;
    CHECK(copy);
    copy.set_max_redirects(3);
    options = copy;
    CHECK(copy && options && copy.get() != options.get());
    app.reset();
    connection.reset();
    FAILS(invalid, app.abort(on_error...));
    FAILS(invalid, connection.abort(on_error...));
}

int main(int argc, char **argv) {
    return check::run(argc, argv, {TEST(a_connection), TEST(an_app), TEST(others), TEST(moves)});
}
