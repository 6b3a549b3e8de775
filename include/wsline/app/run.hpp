/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/app/run.hpp
 * @brief The C functions that call the callbacks of apps. Part of wsline.hpp.
 *
 * `Ref` is app_ref, `F` the callable or the handler object, `Call` how it is called.
 */
#ifndef WSLINE_APP_RUN_HPP
#define WSLINE_APP_RUN_HPP

#include <wsline/callback.hpp>
#include <wsline/info.hpp>
#include <wsline/message.hpp>
#include <wsline/options.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace wsline::detail {

/** Calls a callable, with or without the app_ref. */
struct call_itself {
    template <class F, class... A> decltype(auto) operator()(F &fn, A &&...arguments) const {
        return invoke(fn, std::forward<A>(arguments)...);
    }
};

/** Calls `fn(app_ref)`. */
struct run_notice {
    template <class Ref, class F, class Call = call_itself>
    static void run(wsline_app *app, void *userdata) noexcept {
        app_callback<F>::run(app, userdata, [app](F &fn) { Call()(fn, Ref(app)); });
    }
};

/** Calls `fn(app_ref, message_view)`. */
struct run_message {
    template <class Ref, class F, class Call = call_itself>
    static void run(wsline_app *app, const wsline_message *message, void *userdata) noexcept {
        app_callback<F>::run(app, userdata,
                             [=](F &fn) { Call()(fn, Ref(app), message_view(*message)); });
    }
};

/** Calls `fn(app_ref, messages_view)`. */
struct run_messages {
    template <class Ref, class F, class Call = call_itself>
    static void run(wsline_app *app, const wsline_message *messages, std::size_t count,
                    void *userdata) noexcept {
        app_callback<F>::run(app, userdata,
                             [=](F &fn) { Call()(fn, Ref(app), messages_view(messages, count)); });
    }
};

/** Calls `fn(app_ref, const error_info &)`. */
struct run_error {
    template <class Ref, class F, class Call = call_itself>
    static void run(wsline_app *app, const wsline_error_info *info, void *userdata) noexcept {
        app_callback<F>::run(app, userdata,
                             [=](F &fn) { Call()(fn, Ref(app), error_info(*info)); });
    }
};

/** Calls `fn(app_ref, const close_info &)`. */
struct run_close {
    template <class Ref, class F, class Call = call_itself>
    static void run(wsline_app *app, const wsline_close_info *info, void *userdata) noexcept {
        app_callback<F>::run(app, userdata,
                             [=](F &fn) { Call()(fn, Ref(app), close_info(*info)); });
    }
};

/** Returns what `fn(app_ref, attempt_view, options_ref)` decides; gives up if it throws. */
struct run_connecting {
    template <class Ref, class F, class Call = call_itself>
    static std::int32_t run(wsline_app *app, const wsline_attempt *attempt, wsline_options *options,
                            void *userdata) noexcept {
        connect_decision decision = connect_decision::give_up;
        app_callback<F>::run(app, userdata, [&](F &fn) {
            using Decision =
                decltype(Call()(fn, Ref(app), attempt_view(*attempt), options_ref(options)));
            static_assert(std::is_convertible_v<Decision, connect_decision>,
                          "on_connecting must return a wsline::connect_decision");
            decision = Call()(fn, Ref(app), attempt_view(*attempt), options_ref(options));
        });
        return static_cast<std::int32_t>(decision);
    }
};

} // namespace wsline::detail

#endif
