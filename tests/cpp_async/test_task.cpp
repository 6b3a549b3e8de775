/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks without a server: results, exceptions, lifetimes, sleeping. */
#include "coroutines.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

/* Counts the objects that exist. */
struct counted {
    counted() { ++existing; }
    counted(const counted &) { ++existing; }
    counted &operator=(const counted &) = default;
    ~counted() { --existing; }
    static inline int existing = 0;
};

wsline::task<int> three() { co_return 3; }
wsline::task<std::unique_ptr<int>> movable() { co_return std::make_unique<int>(4); }
wsline::task<int &> itself(int &value) { co_return value; }
wsline::task<> fails() {
    throw std::runtime_error("failed");
    co_return;
}
wsline::task<int> fails_later(wsline::loop_ref loop) {
    co_await wsline::sleep(loop, 1ms);
    throw std::runtime_error("failed later");
}
wsline::task<> notes(std::string &text, char letter) {
    text += letter;
    co_return;
}

wsline::task<> results_and_exceptions_reach_the_awaiter(wsline::loop_ref loop) {
    const int number = co_await three();
    EQUAL(3, number);
    std::unique_ptr<int> owned = co_await movable();
    EQUAL(4, *owned);
    int value = 0;
    int &same = co_await itself(value);
    EQUAL(&value, &same);
    std::string what;
    try {
        co_await fails();
    } catch (const std::runtime_error &error) {
        what = error.what();
    }
    EQUAL("failed", what);
    try {
        co_await fails_later(loop);
    } catch (const std::runtime_error &error) {
        what = error.what();
    }
    EQUAL("failed later", what);
}

wsline::task<> a_task_begins_when_it_is_awaited(wsline::loop_ref) {
    std::string text;
    wsline::task<> work = notes(text, 'a');
    EQUAL("", text);
    wsline::task<> moved = std::move(work);
    co_await std::move(moved);
    EQUAL("a", text);
}

/* The status that awaiting `work` reports. */
template <class T> wsline::task<wsline::status> status_of(wsline::task<T> &work) {
    try {
        co_await std::move(work);
    } catch (const wsline::error &error) {
        co_return error.status();
    }
    co_return wsline::status::ok;
}

wsline::task<> a_task_is_awaited_once(wsline::loop_ref loop) {
    std::string text;
    wsline::task<> work = notes(text, 'a'), empty;
    EQUAL(wsline::status::ok, co_await status_of(work));
    CHECK(!work.handle());
    EQUAL(wsline::status::invalid_argument, co_await status_of(work));
    EQUAL(wsline::status::invalid_argument, co_await status_of(empty));
    EQUAL("a", text);

    /* Also while the first still waits. */
    wsline::task<int> later = fails_later(loop);
    wsline::task<wsline::status> first = status_of(later);
    first.handle().resume();
    EQUAL(wsline::status::invalid_argument, co_await status_of(later));

    wsline::task<> all = wsline::when_all(notes(text, 'b'), std::move(empty), notes(text, 'c'));
    EQUAL(wsline::status::invalid_argument, co_await status_of(all));
    EQUAL("abc", text);
}

void an_empty_task_is_refused() {
    wsline::loop loop;
    auto run = check::thrown_by<wsline::error>([&] { wsline::run(loop, wsline::task<int>()); });
    CHECK(run && run->status() == wsline::status::invalid_argument);
    auto spawn = check::thrown_by<wsline::error>([&] { wsline::spawn(loop, wsline::task<>()); });
    CHECK(spawn && spawn->status() == wsline::status::invalid_argument);
}

wsline::task<> holds([[maybe_unused]] counted held, wsline::loop_ref loop) {
    counted local;
    co_await wsline::sleep(loop, 1h);
}

void destroying_a_task_destroys_what_it_holds() {
    wsline::loop loop;
    {
        wsline::task<> never_begun = holds(counted(), loop);
        EQUAL(1, counted::existing);
        wsline::task<> outer = wsline::when_all(holds(counted(), loop), holds(counted(), loop));
        outer.handle().resume();
        CHECK(counted::existing > 3);
    }
    EQUAL(0, counted::existing);
    loop.run_once(0ms);
}

wsline::task<> awaiting_often_needs_no_stack(wsline::loop_ref) {
    const int count = 1'000'000;
    int sum = 0;
    for (int i = 0; i < count; i++) sum += co_await three();
    EQUAL(3 * count, sum);
}

void run_returns_the_result() {
    wsline::loop loop;
    EQUAL(3, wsline::run(loop, three()));
    EQUAL(4, *wsline::run(loop, movable()));
    int value = 0;
    EQUAL(&value, &wsline::run(loop, itself(value)));
    CHECK(check::thrown_by<std::runtime_error>([&] { wsline::run(loop, fails()); }));
    CHECK(check::thrown_by<std::runtime_error>([&] { wsline::run(loop, fails_later(loop)); }));
}

wsline::task<> sleeps(wsline::loop_ref loop, std::chrono::milliseconds time, std::string &text,
                      char letter) {
    co_await wsline::sleep(loop, time);
    text += letter;
}

wsline::task<int> sleeps_for(wsline::loop_ref loop, std::chrono::milliseconds time, int result) {
    co_await wsline::sleep(loop, time);
    co_return result;
}

/* The text of the exception of `work`. */
template <class T> wsline::task<std::string> text_of(wsline::task<T> &work) {
    try {
        co_await std::move(work);
    } catch (const std::runtime_error &error) {
        co_return error.what();
    }
    co_return "";
}

wsline::task<> sleeping_takes_its_time(wsline::loop_ref loop) {
    const auto begin = clock_type::now();
    std::string text;
    co_await wsline::when_all(sleeps(loop, 40ms, text, 'c'), sleeps(loop, 0ms, text, 'a'),
                              sleeps(loop, 20ms, text, 'b'));
    EQUAL("abc", text);
    CHECK(clock_type::now() - begin >= 40ms);
}

wsline::task<> when_all_waits_for_all_and_throws_the_first(wsline::loop_ref loop) {
    std::string text, what;
    try {
        co_await wsline::when_all(sleeps(loop, 20ms, text, 'a'), fails(), notes(text, 'b'));
    } catch (const std::runtime_error &error) {
        what = error.what();
    }
    EQUAL("failed", what);
    EQUAL("ba", text);
    co_await wsline::when_all(std::vector<wsline::task<>>());

    /* Results are lost; those of the same type in a vector, too. */
    text.clear();
    std::vector<wsline::task<int>> tasks;
    tasks.push_back(three());
    tasks.push_back(fails_later(loop));
    wsline::task<std::vector<int>> all = wsline::when_all(std::move(tasks));
    EQUAL("failed later", co_await text_of(all));
    auto mixed = wsline::when_all(sleeps(loop, 20ms, text, 'a'), fails_later(loop), movable());
    EQUAL("failed later", co_await text_of(mixed));
    EQUAL("a", text);
}

wsline::task<> when_all_returns_the_results(wsline::loop_ref loop) {
    std::string text;
    int value = 0;
    auto [number, none, owned, reference] =
        co_await wsline::when_all(three(), sleeps(loop, 1ms, text, 'a'), movable(), itself(value));
    EQUAL(3, number);
    CHECK(none == std::monostate());
    EQUAL(4, *owned);
    EQUAL(&value, &reference);
    static_assert(std::is_same_v<decltype(wsline::when_all(itself(value), fails())),
                                 wsline::task<std::tuple<int &, std::monostate>>>);
    static_assert(std::is_same_v<decltype(wsline::when_all(fails(), fails())), wsline::task<>>);
    auto [only] = co_await wsline::when_all(three());
    EQUAL(3, only);

    std::vector<wsline::task<int>> numbers;
    std::vector<wsline::task<std::unique_ptr<int>>> pointers;
    std::vector<wsline::task<int &>> references;
    for (int i = 0; i < 3; i++) {
        numbers.push_back(sleeps_for(loop, std::chrono::milliseconds(10 * (3 - i)), i));
        pointers.push_back(movable());
        references.push_back(itself(value));
    }
    const std::vector<int> got = co_await wsline::when_all(std::move(numbers));
    CHECK((got == std::vector<int>{0, 1, 2}));
    const auto owners = co_await wsline::when_all(std::move(pointers));
    for (const auto &each : owners) EQUAL(4, *each);
    const auto same = co_await wsline::when_all(std::move(references));
    for (int &each : same) EQUAL(&value, &each);
    CHECK((co_await wsline::when_all(std::vector<wsline::task<int>>())).empty());
}

template <class T, class V>
constexpr bool can_return = requires(typename wsline::task<T>::promise_type &promise, V value) {
    promise.return_value(std::move(value));
};

struct quote {
    double bid, ask;
};
wsline::task<quote> with_braces() { co_return {1.0, 2.0}; }
wsline::task<std::vector<int>> empty() { co_return {}; }
/* What a return statement would not accept is rejected, too. */
static_assert(!can_return<std::vector<int>, int>);
static_assert(can_return<std::string, const char *>);

wsline::task<> results_are_written_as_in_return_statements(wsline::loop_ref) {
    EQUAL(2.0, (co_await with_braces()).ask);
    EQUAL(0u, (co_await empty()).size());
}

wsline::task<> sleeps_until_stopped(wsline::loop_ref loop, std::stop_token token, counted) {
    co_await wsline::sleep(loop, {1h, token});
}

wsline::task<> when_all_asks_to_stop_after_a_failure(wsline::loop_ref loop) {
    std::stop_source stop;
    auto tasks =
        wsline::when_all(stop, sleeps_until_stopped(loop, stop.get_token(), {}), fails_later(loop),
                         sleeps_until_stopped(loop, stop.get_token(), {}));
    EQUAL("failed later", co_await text_of(tasks));
    CHECK(stop.stop_requested());
    EQUAL(0, counted::existing);

    /* One that fails at once stops those that begin after it. */
    std::stop_source early;
    std::vector<wsline::task<>> more;
    more.push_back(fails());
    more.push_back(sleeps_until_stopped(loop, early.get_token(), {}));
    auto all = wsline::when_all(early, std::move(more));
    EQUAL("failed", co_await text_of(all));

    /* No failure, no request. */
    std::stop_source unused;
    auto [number] = co_await wsline::when_all(unused, three());
    EQUAL(3, number);
    CHECK(!unused.stop_requested());
}

wsline::task<> a_sleep_is_cancelled_by_this_thread(wsline::loop_ref loop) {
    std::stop_source stop;
    loop.post_after(5ms, [&stop] { stop.request_stop(); });
    std::error_code ec;
    co_await wsline::sleep(loop, stop.get_token(), ec);
    EQUAL(wsline::status::aborted, ec);
    co_await wsline::sleep(loop, {1h, stop.get_token()}, ec);
    EQUAL(wsline::status::aborted, ec);
    co_await wsline::sleep(loop, 1ms, ec);
    CHECK(!ec);
    CHECK(check::thrown_by<wsline::error>([&] {
        wsline::loop other;
        wsline::run(other, [](wsline::loop_ref on, std::stop_token token) -> wsline::task<> {
            co_await wsline::sleep(on, {1h, token});
        }(other, stop.get_token()));
    }));
}

wsline::task<> a_sleep_is_cancelled_by_another_thread(wsline::loop_ref loop) {
    const int rounds = check::slow() ? 50 : 500;
    for (int i = 0; i < rounds; i++) {
        std::stop_source stop;
        std::thread other([&stop, i] {
            if (i % 2 == 0) std::this_thread::yield();
            stop.request_stop();
        });
        std::error_code ec;
        /* Sometimes the time is over first. */
        co_await wsline::sleep(loop, {i % 5 == 0 ? 0ms : 1h, stop.get_token()}, ec);
        other.join();
        CHECK(!ec || ec == wsline::status::aborted);
        if (i % 5 != 0) EQUAL(wsline::status::aborted, ec);
    }
}

void an_abandoned_sleep_forgets_its_coroutine() {
    wsline::loop loop;
    std::stop_source stop;
    std::string text;
    {
        wsline::task<> work = sleeps(loop, 1ms, text, 'a');
        work.handle().resume();
        wsline::task<> stoppable = [](wsline::loop_ref on,
                                      std::stop_token token) -> wsline::task<> {
            co_await wsline::sleep(on, {1h, token});
        }(loop, stop.get_token());
        stoppable.handle().resume();
        stop.request_stop();
    }
    std::this_thread::sleep_for(5ms);
    loop.run_once(0ms);
    loop.run_once(0ms);
    EQUAL("", text);
}

wsline::task<> throws_after(wsline::loop_ref loop, std::chrono::milliseconds time) {
    counted held;
    co_await wsline::sleep(loop, time);
    throw std::logic_error("nobody awaits this");
}

void the_exception_of_a_spawned_task_leaves_the_driver() {
    wsline::loop loop;
    /* At once, and after it was suspended. */
    for (auto time : {0ms, 5ms}) {
        wsline::spawn(loop, time == 0ms ? fails() : throws_after(loop, time));
        bool has_thrown = false;
        for (int i = 0; i < 100 && !has_thrown; i++) {
            try {
                loop.run_once(10ms);
            } catch (const std::exception &) {
                has_thrown = true;
            }
        }
        CHECK(has_thrown);
        EQUAL(0, counted::existing);
    }
    /* It ends what waits for another task, too. */
    wsline::spawn(loop, throws_after(loop, 5ms));
    std::string text;
    CHECK(check::thrown_by<std::logic_error>(
        [&] { wsline::run(loop, sleeps(loop, 1h, text, 'a')); }));
    wsline::run(loop, sleeps(loop, 1ms, text, 'b'));
    EQUAL("b", text);
}

wsline::task<> a_spawned_task_begins_and_ends(wsline::loop_ref loop) {
    std::string text;
    wsline::spawn(loop, notes(text, 'a'));
    EQUAL("", text);
    wsline::spawn(loop, sleeps(loop, 5ms, text, 'b'));
    for (int i = 0; i < 100 && text != "ab"; i++) co_await wsline::sleep(loop, 2ms);
    EQUAL("ab", text);
}

void a_spawned_task_ends_with_the_loop() {
    {
        wsline::loop loop;
        wsline::spawn(loop, holds(counted(), loop));
        loop.run_once(0ms);
        loop.run_once(0ms);
        EQUAL(2, counted::existing);
        wsline::spawn(loop, holds(counted(), loop)); /* It never begins. */
        EQUAL(3, counted::existing);
    }
    EQUAL(0, counted::existing);
}

void stopping_races_with_the_end_of_the_loop() {
    const int rounds = check::slow() ? 50 : 500;
    for (int i = 0; i < rounds; i++) {
        std::stop_source stop;
        std::atomic<bool> go{false};
        std::thread other;
        {
            wsline::loop loop;
            for (int each = 0; each < 5; each++)
                wsline::spawn(loop, sleeps_until_stopped(loop, stop.get_token(), {}));
            loop.run_once(0ms);
            other = std::thread([&] {
                go = true;
                stop.request_stop();
            });
            while (!go) {
            }
        }
        EQUAL(0, counted::existing);
        other.join();
    }
}

void another_thread_spawns() {
    wsline::loop loop;
    std::string text;
    std::thread other([&] { wsline::spawn(loop, notes(text, 'a')); });
    for (int i = 0; i < 1000 && text.empty(); i++) loop.run_once(10ms);
    other.join();
    EQUAL("a", text);
}

} // namespace

int main(int argc, char **argv) {
    return check::run(argc, argv,
                      {COROUTINE(results_and_exceptions_reach_the_awaiter),
                       COROUTINE(a_task_begins_when_it_is_awaited),
                       COROUTINE(a_task_is_awaited_once),
                       TEST(an_empty_task_is_refused),
                       TEST(destroying_a_task_destroys_what_it_holds),
                       COROUTINE(awaiting_often_needs_no_stack),
                       TEST(run_returns_the_result),
                       COROUTINE(sleeping_takes_its_time),
                       COROUTINE(when_all_waits_for_all_and_throws_the_first),
                       COROUTINE(when_all_returns_the_results),
                       COROUTINE(when_all_asks_to_stop_after_a_failure),
                       COROUTINE(results_are_written_as_in_return_statements),
                       COROUTINE(a_sleep_is_cancelled_by_this_thread),
                       COROUTINE(a_sleep_is_cancelled_by_another_thread),
                       TEST(an_abandoned_sleep_forgets_its_coroutine),
                       TEST(the_exception_of_a_spawned_task_leaves_the_driver),
                       COROUTINE(a_spawned_task_begins_and_ends),
                       TEST(a_spawned_task_ends_with_the_loop),
                       TEST(stopping_races_with_the_end_of_the_loop),
                       TEST(another_thread_spawns)});
}
