/* SPDX-License-Identifier: Apache-2.0 */
/* A loop inside the event loop of Qt 5 or 6. A timer of the program sends a message every 100 ms
 * until three echoes have arrived.
 *
 *   cpp_qt ws://127.0.0.1:8080/
 */
#include <QCoreApplication>
#include <QTimer>
#include <exception>
#include <iostream>
#include <system_error>
#include <wsline.hpp>
#include <wsline/qt.hpp>

int main(int argc, char **argv) try {
    QCoreApplication application(argc, argv);
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " URL\n";
        return 2;
    }
    wsline::loop loop;
    wsline::app app(argv[1]);
    int left = 3;

    app.on_message([&left](wsline::app_ref self, wsline::message_view message) {
        std::cout << "message: " << message.text() << std::endl;
        if (--left == 0) self.close();
    });
    /* Without reconnecting, an app ends after an error or when its connection closes. */
    app.on_error([](const wsline::error_info &info) {
        std::cerr << info.message() << '\n';
        QCoreApplication::quit();
    });
    app.on_close([](const wsline::close_info &info) {
        std::cout << "closed: " << wsline::name(info.code()) << std::endl;
        QCoreApplication::quit();
    });
    loop.add(app);

    /* Qt does not allow exceptions to leave what it calls. */
    std::exception_ptr thrown;
    wsline::qt_notifier notifier(loop, [&thrown](std::exception_ptr exception) {
        thrown = exception;
        QCoreApplication::quit();
    });
    QTimer tick;
    QObject::connect(&tick, &QTimer::timeout, [&app] {
        std::error_code failure;
        if (app.is_open()) app.send_text("tick", failure);
        if (failure) std::cerr << "send: " << failure.message() << '\n';
    });
    tick.start(100);
    QCoreApplication::exec();
    if (thrown) std::rethrow_exception(thrown);
    return left <= 0 ? 0 : 1;
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
