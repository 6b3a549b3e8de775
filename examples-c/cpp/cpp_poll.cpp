/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking connection inside the program's own poll(2) loop, along with standard input: typed
 * lines are sent and messages are printed. The end of the input closes the connection.
 *
 *   cpp_poll ws://127.0.0.1:8080/
 */
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <poll.h>
#include <string>
#include <system_error>
#include <unistd.h>
#include <wsline.hpp>

using namespace std::chrono_literals;

/* Receives until nothing is left, as an edge-triggered watcher must. Returns false when the
 * connection has been closed. */
static bool print_messages(wsline::connection_ref conn) {
    for (;;) {
        std::error_code status;
        wsline::message_view message = conn.receive(0ms, status);
        if (status == wsline::status::timeout) return true;
        if (status == wsline::status::closed) return false;
        if (status) throw wsline::error(wsline::last_error());
        std::cout << message.text() << std::endl;
    }
}

/* Sends one line. Returns false at the end of the input. */
static bool send_line(wsline::connection_ref conn) {
    std::string line;
    if (!std::getline(std::cin, line)) return false;
    conn.send_text(line);
    return true;
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " URL\n";
        return 2;
    }
    /* std::cin reads from stdin, which must not read ahead of the line. */
    std::setvbuf(stdin, nullptr, _IONBF, 0);
    wsline::connection conn = wsline::connect(argv[1]);
    std::array<pollfd, 2> fds{{{STDIN_FILENO, POLLIN, 0}, {conn.poll_fd(), POLLIN, 0}}};

    for (;;) {
        if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "poll");
        if (fds[0].revents != 0 && !send_line(conn)) break;
        if (fds[1].revents != 0 && !print_messages(conn)) break;
    }
    conn.close();
    return 0;
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
