/* SPDX-License-Identifier: Apache-2.0 */
/* A loop inside a libuv loop. */
#include <wsline/libuv.hpp>

#include "scenarios.hpp"

namespace {

class libuv_host {
  public:
    using adapter = wsline::uv_handle;
    /* "uv_run() is not reentrant." */
    static constexpr bool nests = false;

    libuv_host() { uv_loop_init(&loop); }
    libuv_host(const libuv_host &) = delete;
    libuv_host &operator=(const libuv_host &) = delete;
    /* It ends only if all handles are closed. */
    ~libuv_host() {
        uv_run(&loop, UV_RUN_DEFAULT);
        EQUAL(0, uv_loop_close(&loop));
    }

    adapter attach(wsline::loop_ref inner, wsline::exception_handler on_exception = {}) {
        return adapter(inner, &loop, std::move(on_exception));
    }

    void turn() { uv_run(&loop, UV_RUN_ONCE); }

    void after(std::chrono::milliseconds delay, std::function<void()> fn) {
        auto *timer = new uv_timer_t;
        uv_timer_init(&loop, timer);
        timer->data = new std::function<void()>(std::move(fn));
        uv_timer_start(timer, call, static_cast<std::uint64_t>(delay.count()), 0);
    }

    uv_loop_t loop;

  private:
    static void call(uv_timer_t *timer) {
        (*static_cast<std::function<void()> *>(timer->data))();
        uv_close(reinterpret_cast<uv_handle_t *>(timer), destroy);
    }
    static void destroy(uv_handle_t *timer) {
        delete static_cast<std::function<void()> *>(timer->data);
        delete reinterpret_cast<uv_timer_t *>(timer);
    }
};

/* Its handles are closed by the last uv_run(), although the objects have long been destroyed. */
void a_libuv_loop_that_is_closed_at_once() {
    uv_loop_t host;
    uv_loop_init(&host);
    {
        wsline::loop loop;
        wsline::uv_handle handle(loop, &host);
        EQUAL(UV_EBUSY, uv_loop_close(&host));
    }
    uv_run(&host, UV_RUN_NOWAIT);
    EQUAL(0, uv_loop_close(&host));
}

/* uv_run() returns by itself after a callback has destroyed the last handle. */
void uv_run_returns() {
    libuv_host host;
    wsline::loop loop;
    std::optional<wsline::uv_handle> handle(host.attach(loop));
    loop.post([&handle] { handle.reset(); });
    EQUAL(0, uv_run(&host.loop, UV_RUN_DEFAULT));
    CHECK(!handle);
}

void a_second_handle_is_refused() {
    libuv_host host;
    wsline::loop loop;
    auto handle = host.attach(loop);
    auto refused = check::thrown_by<std::system_error>([&] { host.attach(loop); });
    REQUIRE(refused);
    EQUAL(std::error_code(EEXIST, std::generic_category()), refused->code());
    bool called = false;
    loop.post([&called] { called = true; });
    check::turns_until(host, [&called] { return called; });
}

} // namespace

int main(int argc, char **argv) {
    std::vector<check::test> tests = scenarios<libuv_host>();
    tests.push_back(TEST(a_libuv_loop_that_is_closed_at_once));
    tests.push_back(TEST(uv_run_returns));
    tests.push_back(TEST(a_second_handle_is_refused));
    return check::run(argc, argv, tests);
}
