/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/glib.hpp
 * @brief A loop inside a GLib main loop. Not part of wsline.hpp; needs GLib 2.36 or later.
 *
 * ```cpp
 * wsline::loop loop;
 * loop.add(app);
 * wsline::glib_source source(loop);
 * g_main_loop_run(main_loop);
 * ```
 *
 * wsline/embedded_loop.hpp documents what adapters have in common: exceptions, threads, lifetimes.
 */
#ifndef WSLINE_GLIB_HPP
#define WSLINE_GLIB_HPP

#include <wsline/embedded_loop.hpp>

#include <glib.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

namespace wsline {

namespace detail {

class embedded_in_glib final : public embedded_loop {
  public:
    embedded_in_glib(loop_ref loop, GMainContext *context, exception_handler on_exception)
        : embedded_loop(loop, std::move(on_exception)) {
        source_ = g_source_new(functions(), sizeof(source_of_loop));
        reinterpret_cast<source_of_loop *>(source_)->owner = this;
        tag_ = g_source_add_unix_fd(source_, fd(), G_IO_IN);
        /* GLib would take the descriptor out of its set and add it again around each dispatch,
         * which wakes the main loop once more each time. drive() may be called inside itself. */
        g_source_set_can_recurse(source_, TRUE);
        g_source_set_name(source_, "wsline");
        g_source_attach(source_, context);
        is_watched();
    }

  private:
    struct source_of_loop {
        GSource base; /* GLib requires this as the first member. */
        embedded_in_glib *owner;
    };

    static embedded_in_glib *of(GSource *source) noexcept {
        return reinterpret_cast<source_of_loop *>(source)->owner;
    }

    /* Not g_source_set_ready_time(), which wakes the main loop. */
    static gboolean prepare(GSource *source, gint *timeout_out) noexcept {
        gint64 due = of(source)->due_us_;
        gint64 left = due < 0 ? -1 : std::max<gint64>(due - g_source_get_time(source), 0);
        *timeout_out =
            static_cast<gint>(left < 0 ? -1 : std::min<gint64>((left + 999) / 1000, G_MAXINT));
        return left == 0;
    }

    /* GLib itself looks at the descriptor. */
    static gboolean check(GSource *source) noexcept {
        gint64 due = of(source)->due_us_;
        return 0 <= due && due <= g_source_get_time(source);
    }

    static gboolean dispatch(GSource *source, GSourceFunc, gpointer) noexcept {
        of(source)->drive();
        return G_SOURCE_CONTINUE;
    }

    static GSourceFuncs *functions() noexcept {
        static GSourceFuncs table{prepare, check, dispatch, nullptr, nullptr, nullptr};
        return &table;
    }

    void set_timer(timeout next) noexcept override {
        due_us_ = next == no_timeout ? -1 : g_get_monotonic_time() + next.ms() * 1000;
    }

    void pause() noexcept override {
        due_us_ = -1;
        g_source_modify_unix_fd(source_, tag_, GIOCondition{});
    }

    void resume() noexcept override { g_source_modify_unix_fd(source_, tag_, G_IO_IN); }

    void unwatch() noexcept override {
        g_source_destroy(source_);
        g_source_unref(source_);
    }

    GSource *source_ = nullptr;
    gpointer tag_ = nullptr;
    gint64 due_us_ = -1;
};

} // namespace detail

/** Lets a GMainContext drive a loop, as long as this object exists. Can be moved. */
class glib_source : public detail::adapter<detail::embedded_in_glib> {
  public:
    /**
     * Attaches a GSource to `context`, or to the default one.
     *
     * @param loop          the loop; see wsline_loop_fd().
     * @param context       NULL for the default context, as for g_source_attach().
     * @param on_exception  gets what callbacks throw; without it, the program ends then.
     */
    explicit glib_source(loop_ref loop, GMainContext *context = nullptr,
                         exception_handler on_exception = {})
        : adapter(
              std::make_shared<detail::embedded_in_glib>(loop, context, std::move(on_exception))) {}
};

} // namespace wsline

#endif
