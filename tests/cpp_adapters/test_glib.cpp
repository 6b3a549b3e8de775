/* SPDX-License-Identifier: Apache-2.0 */
/* A loop inside a GLib main loop. */
#include <wsline/glib.hpp>

#include "scenarios.hpp"

namespace {

class glib_host {
  public:
    using adapter = wsline::glib_source;
    static constexpr bool nests = true;

    glib_host() = default;
    glib_host(const glib_host &) = delete;
    glib_host &operator=(const glib_host &) = delete;
    ~glib_host() { g_main_context_unref(context_); }

    adapter attach(wsline::loop_ref loop, wsline::exception_handler on_exception = {}) {
        return adapter(loop, context_, std::move(on_exception));
    }

    void turn() { g_main_context_iteration(context_, TRUE); }

    void after(std::chrono::milliseconds delay, std::function<void()> fn) {
        GSource *timer = g_timeout_source_new(static_cast<guint>(delay.count()));
        g_source_set_callback(timer, call, new std::function<void()>(std::move(fn)), destroy);
        g_source_attach(timer, context_);
        g_source_unref(timer);
    }

  private:
    static gboolean call(gpointer fn) {
        (*static_cast<std::function<void()> *>(fn))();
        return G_SOURCE_REMOVE;
    }
    static void destroy(gpointer fn) { delete static_cast<std::function<void()> *>(fn); }

    GMainContext *context_ = g_main_context_new();
};

void the_default_context() {
    wsline::loop loop;
    wsline::glib_source source(loop);
    bool called = false;
    loop.post([&called] { called = true; });
    while (!called) g_main_context_iteration(nullptr, TRUE);
}

/* GLib destroys its sources with the context, before the adapter is. */
void a_context_that_ends_first() {
    wsline::loop loop;
    GMainContext *context = g_main_context_new();
    wsline::glib_source source(loop, context);
    g_main_context_unref(context);
    loop.reset();
}

} // namespace

int main(int argc, char **argv) {
    std::vector<check::test> tests = scenarios<glib_host>();
    tests.push_back(TEST(the_default_context));
    tests.push_back(TEST(a_context_that_ends_first));
    return check::run(argc, argv, tests);
}
