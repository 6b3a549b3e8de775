/* SPDX-License-Identifier: Apache-2.0 */
/* A loop inside the event loop of Qt. */

/* First, because it defines macros, for example `forever` and `emit`. */
#include <QCoreApplication>
#include <QThread>
#include <QTimer>

#include <wsline/qt.hpp>

#include "scenarios.hpp"

namespace {

/* There can be only one QCoreApplication. */
class qt_host {
  public:
    using adapter = wsline::qt_notifier;
    static constexpr bool nests = true;

    adapter attach(wsline::loop_ref loop, wsline::exception_handler on_exception = {}) {
        return adapter(loop, std::move(on_exception));
    }

    void turn() { QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents); }

    void after(std::chrono::milliseconds delay, std::function<void()> fn) {
        QTimer::singleShot(static_cast<int>(delay.count()), std::move(fn));
    }
};

void exec_returns() {
    wsline::loop loop;
    wsline::qt_notifier notifier(loop);
    loop.post_after(std::chrono::milliseconds(10), [] { QCoreApplication::exit(7); });
    EQUAL(7, QCoreApplication::exec());
}

class driving_thread : public QThread {
  public:
    bool called = false;

  protected:
    void run() override {
        wsline::loop loop;
        wsline::qt_notifier notifier(loop);
        loop.post([this] {
            called = true;
            quit();
        });
        exec();
    }
};

void a_thread_of_qt() {
    driving_thread thread;
    thread.start();
    thread.wait();
    CHECK(thread.called);
}

} // namespace

int main(int argc, char **argv) {
    QCoreApplication application(argc, argv);
    std::vector<check::test> tests = scenarios<qt_host>();
    tests.push_back(TEST(exec_returns));
    tests.push_back(TEST(a_thread_of_qt));
    return check::run(argc, argv, tests);
}
