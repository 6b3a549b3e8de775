/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/qt.hpp
 * @brief A loop inside the event loop of Qt 5 or 6. Not part of wsline.hpp; needs only QtCore, and
 * no moc.
 *
 * ```cpp
 * QCoreApplication application(argc, argv);
 * wsline::loop loop;
 * loop.add(app);
 * wsline::qt_notifier notifier(loop);
 * return application.exec();
 * ```
 *
 * wsline/embedded_loop.hpp documents what adapters have in common: exceptions, threads, lifetimes.
 */
#ifndef WSLINE_QT_HPP
#define WSLINE_QT_HPP

#include <wsline/embedded_loop.hpp>

#include <QBasicTimer>
#include <QEvent>
#include <QSocketNotifier>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

namespace wsline {

namespace detail {

class embedded_in_qt final : public embedded_loop {
  public:
    embedded_in_qt(loop_ref loop, exception_handler on_exception)
        : embedded_loop(loop, std::move(on_exception)), notifier_(new notifier(fd(), this)) {
        is_watched();
    }

  private:
    /** Gets both events as an object of Qt does that has no signals, which would need moc. */
    class notifier final : public QSocketNotifier {
      public:
        notifier(std::int32_t fd, embedded_in_qt *owner)
            : QSocketNotifier(fd, QSocketNotifier::Read), owner_(owner) {}

        /** Ends it; it is destroyed when Qt no longer uses it. */
        void end() noexcept {
            timer.stop();
            setEnabled(false);
            if (std::exchange(owner_, nullptr)->is_driving())
                deleteLater();
            else
                delete this;
        }

        QBasicTimer timer;

      protected:
        bool event(QEvent *event) override {
            bool is_due = event->type() == QEvent::SockAct || event->type() == QEvent::Timer;
            if (!is_due) return QSocketNotifier::event(event);
            if (owner_ != nullptr) owner_->drive();
            return true;
        }

      private:
        embedded_in_qt *owner_;
    };

    void set_timer(timeout next) noexcept override {
        constexpr std::int64_t longest = std::numeric_limits<int>::max();
        if (next == no_timeout)
            notifier_->timer.stop();
        else
            /* A coarse timer may expire too early. */
            notifier_->timer.start(static_cast<int>(std::min(next.ms(), longest)), Qt::PreciseTimer,
                                   notifier_);
    }

    void pause() noexcept override {
        notifier_->timer.stop();
        notifier_->setEnabled(false);
    }

    void resume() noexcept override { notifier_->setEnabled(true); }

    void unwatch() noexcept override { notifier_->end(); }

    notifier *notifier_;
};

} // namespace detail

/**
 * Lets the event loop of a thread of Qt drive a loop, as long as this object exists. Can be moved.
 */
class qt_notifier : public detail::adapter<detail::embedded_in_qt> {
  public:
    /**
     * Creates a QSocketNotifier and a timer on this thread, which must have a QCoreApplication or
     * be a QThread.
     *
     * @param loop          the loop; see wsline_loop_fd().
     * @param on_exception  gets what callbacks throw; without it, the program ends then.
     */
    explicit qt_notifier(loop_ref loop, exception_handler on_exception = {})
        : adapter(std::make_shared<detail::embedded_in_qt>(loop, std::move(on_exception))) {}
};

} // namespace wsline

#endif
