/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client WORK URL SIZE BATCH BATCHES: as client.c, whose comments apply, with the C++ layer, for
 * the works that run.py compares.
 */
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <vector>
#include <wsline.hpp>

#define MEASURED __attribute__((noinline))

namespace {

constexpr int socket_buffer = 1 << 20;

struct {
    std::string_view name, url;
    unsigned batch, batches;
    std::vector<std::uint8_t> payload;
    unsigned received; /* if driven by an app */
} work;

[[noreturn]] void fail(const char *what) {
    std::cerr << "client: " << work.name << ": " << what << '\n';
    std::exit(1);
}

void check_message(wsline::message_view message) {
    if (!message.is_binary() || message.size() != work.payload.size())
        fail("an unexpected message");
}

} // namespace

/* ---- measured ---- */

void measured_send(wsline::connection &conn);
void measured_receive(wsline::connection &conn);
void measured_app(wsline::app &app);

MEASURED void measured_send(wsline::connection &conn) { conn.send_binary(work.payload); }

MEASURED void measured_receive(wsline::connection &conn) {
    for (unsigned i = 0; i < work.batch; i++) check_message(conn.receive(wsline::no_timeout));
}

MEASURED void measured_app(wsline::app &app) { app.run(); }

/* ---- not measured ---- */

namespace {

void wait_for_batch(const wsline::connection &conn) {
    static std::uint8_t arrived[socket_buffer];
    std::size_t expected = work.batch * (2 + work.payload.size());
    ssize_t len;

    if (work.payload.size() > 125 || expected > sizeof arrived) fail("the batch is too large");
    do {
        len = recv(conn.fd(), arrived, expected, MSG_PEEK | MSG_WAITALL);
        if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR)) fail("wait for a batch");
    } while (len < static_cast<ssize_t>(expected));
}

void do_batch(wsline::connection &conn) {
    if (work.name == "receive") {
        conn.send_text("next");
        wait_for_batch(conn);
    } else {
        measured_send(conn);
    }
    measured_receive(conn);
}

void run_app() {
    wsline::app app{std::string(work.url)};
    app.on_open([](wsline::app_ref self) { self.send_binary(work.payload); });
    app.on_message([](wsline::app_ref self, wsline::message_view message) {
        check_message(message);
        work.received++;
        if (work.received < work.batches)
            self.send_binary({message.data(), message.size()});
        else
            self.close();
    });
    measured_app(app);
}

void run_batches() {
    wsline::options options;
    if (work.batch > 1) {
        wsline::bytes size(&socket_buffer, sizeof socket_buffer);
        options.add_socket_option(SOL_SOCKET, SO_RCVBUF, size);
        options.add_socket_option(SOL_SOCKET, SO_SNDBUF, size);
    }
    wsline::connection conn = wsline::connect(work.url, options);
    for (unsigned i = 0; i < work.batches; i++) do_batch(conn);
    conn.close();
}

} // namespace

int main(int argc, char **argv) try {
    if (argc < 6) return 2;
    work.name = argv[1];
    work.url = argv[2];
    work.payload.assign(std::strtoul(argv[3], nullptr, 10), 'a');
    work.batch = static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10));
    work.batches = static_cast<unsigned>(std::strtoul(argv[5], nullptr, 10));
    if (work.name == "app")
        run_app();
    else
        run_batches();
    return 0;
} catch (const std::exception &error) {
    fail(error.what());
}
