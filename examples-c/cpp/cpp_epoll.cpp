/* SPDX-License-Identifier: Apache-2.0 */
/* A loop with several apps inside the program's own epoll(7) loop, along with a timer that reports
 * every second and standard input, which must not be a file: each app sends the lines that are
 * typed. The end of the input closes the apps.
 *
 *   cpp_epoll ws://127.0.0.1:8080/ APPS
 */
#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <system_error>
#include <unistd.h>
#include <vector>
#include <wsline.hpp>

static void require(bool succeeded) {
    if (!succeeded) throw std::system_error(errno, std::generic_category(), "cpp_epoll");
}

static void watch(int epoll, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    require(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

struct program {
    std::vector<wsline::app> apps;
    std::size_t open = 0, ended = 0, echoes = 0;
    std::string input;

    void add_app(wsline::loop &loop, const char *url) {
        wsline::app &app = apps.emplace_back(url);
        app.on_open([this] { open++; });
        app.on_message([this](wsline::message_view message) {
            if (++echoes % open == 0) std::cout << message.text() << std::endl;
        });
        app.on_error([this](const wsline::error_info &info) {
            std::cerr << info.message() << '\n';
            if (info.phase() < wsline::phase::open) ended++; /* otherwise, on_close follows */
        });
        app.on_close([this](const wsline::close_info &) { ended++; });
        loop.add(app);
    }

    /* Keeps the start of an incomplete line. */
    void read_input() {
        std::array<char, 4096> data;
        ssize_t size = read(STDIN_FILENO, data.data(), data.size());
        if (size <= 0)
            for (wsline::app &app : apps) app.close();
        else
            input.append(data.data(), static_cast<std::size_t>(size));
        for (std::size_t end; (end = input.find('\n')) != std::string::npos;) {
            for (wsline::app &app : apps)
                if (app.is_open()) app.send_text(input.substr(0, end));
            input.erase(0, end + 1);
        }
    }
};

int main(int argc, char **argv) try {
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " URL APPS\n";
        return 2;
    }
    const auto count = static_cast<std::size_t>(std::atoi(argv[2]));
    const itimerspec every_second{{1, 0}, {1, 0}};
    int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    wsline::loop loop;
    program state;

    for (std::size_t i = 0; i < count; i++) state.add_app(loop, argv[1]);
    /* Edge-triggered, so next_timeout() is 0 as long as run_once() has left something to do. */
    watch(epoll, loop.fd(), EPOLLIN | EPOLLET);
    watch(epoll, timer, EPOLLIN);
    require(timerfd_settime(timer, 0, &every_second, nullptr) == 0);
    for (bool is_reading = false; state.ended < count;) {
        if (!is_reading && state.open + state.ended == count) {
            watch(epoll, STDIN_FILENO, EPOLLIN);
            is_reading = true;
        }
        std::array<epoll_event, 3> events;
        /* -1 means no timeout in both APIs. */
        auto wait = static_cast<int>(std::min<std::int64_t>(loop.next_timeout().ms(), INT_MAX));
        int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), wait);
        require(ready >= 0 || errno == EINTR);
        for (int i = 0; i < ready; i++) {
            int fd = events[static_cast<std::size_t>(i)].data.fd;
            std::uint64_t ticks;
            if (fd == STDIN_FILENO) state.read_input();
            if (fd == timer && read(timer, &ticks, sizeof ticks) > 0)
                std::cerr << state.open << " opened, " << state.echoes << " echoes\n";
        }
        loop.run_once(wsline::timeout::from_ms(0));
    }
    close(timer);
    close(epoll);
    return state.open == count ? 0 : 1;
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
