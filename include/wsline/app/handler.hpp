/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/app/handler.hpp
 * @brief Objects whose members are the callbacks of an app. Part of wsline.hpp.
 */
#ifndef WSLINE_APP_HANDLER_HPP
#define WSLINE_APP_HANDLER_HPP

#include <wsline/app/run.hpp>
#include <wsline/info.hpp>
#include <wsline/message.hpp>
#include <wsline/options.hpp>

#include <type_traits>

namespace wsline::detail {

/** The object with the members: what the user passed, or what that points to. */
template <class H> auto &object_of(H &handler) noexcept {
    if constexpr (std::is_pointer_v<H>)
        return *handler;
    else
        return handler;
}

struct call_on_connecting {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_connecting(arguments...)) {
        return object_of(handler).on_connecting(arguments...);
    }
};

struct call_on_open {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_open(arguments...)) {
        return object_of(handler).on_open(arguments...);
    }
};

struct call_on_reconnect {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_reconnect(arguments...)) {
        return object_of(handler).on_reconnect(arguments...);
    }
};

struct call_on_message {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_message(arguments...)) {
        return object_of(handler).on_message(arguments...);
    }
};

struct call_on_messages {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_messages(arguments...)) {
        return object_of(handler).on_messages(arguments...);
    }
};

struct call_on_data {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_data(arguments...)) {
        return object_of(handler).on_data(arguments...);
    }
};

struct call_on_part {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_part(arguments...)) {
        return object_of(handler).on_part(arguments...);
    }
};

struct call_on_ping {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_ping(arguments...)) {
        return object_of(handler).on_ping(arguments...);
    }
};

struct call_on_pong {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_pong(arguments...)) {
        return object_of(handler).on_pong(arguments...);
    }
};

struct call_on_drain {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_drain(arguments...)) {
        return object_of(handler).on_drain(arguments...);
    }
};

struct call_on_error {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_error(arguments...)) {
        return object_of(handler).on_error(arguments...);
    }
};

struct call_on_close {
    template <class H, class... A>
    auto operator()(H &handler, const A &...arguments) const
        -> decltype(object_of(handler).on_close(arguments...)) {
        return object_of(handler).on_close(arguments...);
    }
};

/** The C function that calls the member, or NULL if there is no such member. */
template <class Kind, class Call, class H, class Ref, class... A> constexpr auto member_function() {
    using function = decltype(&Kind::template run<Ref, H, Call>);
    if constexpr (std::is_invocable_v<Call, H &, Ref, A...>)
        return function(&Kind::template run<Ref, H, Call>);
    else
        return function(nullptr);
}

/** The callbacks that a handler has; `Ref` is app_ref. */
template <class Ref, class H> wsline_app_callbacks handler_callbacks() noexcept {
    wsline_app_callbacks callbacks{};
    callbacks.on_connecting =
        member_function<run_connecting, call_on_connecting, H, Ref, attempt_view, options_ref>();
    callbacks.on_open = member_function<run_notice, call_on_open, H, Ref>();
    callbacks.on_reconnect = member_function<run_notice, call_on_reconnect, H, Ref>();
    callbacks.on_message = member_function<run_message, call_on_message, H, Ref, message_view>();
    callbacks.on_messages =
        member_function<run_messages, call_on_messages, H, Ref, messages_view>();
    callbacks.on_data = member_function<run_message, call_on_data, H, Ref, message_view>();
    callbacks.on_part = member_function<run_message, call_on_part, H, Ref, message_view>();
    callbacks.on_ping = member_function<run_message, call_on_ping, H, Ref, message_view>();
    callbacks.on_pong = member_function<run_message, call_on_pong, H, Ref, message_view>();
    callbacks.on_drain = member_function<run_notice, call_on_drain, H, Ref>();
    callbacks.on_error = member_function<run_error, call_on_error, H, Ref, const error_info &>();
    callbacks.on_close = member_function<run_close, call_on_close, H, Ref, const close_info &>();
    return callbacks;
}

} // namespace wsline::detail

#endif
