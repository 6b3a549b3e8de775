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
#include <utility>

namespace wsline::detail {

template <class H, class = void> inline constexpr bool is_pointer_like = false;
template <class H>
inline constexpr bool is_pointer_like<H, std::void_t<decltype(*std::declval<H &>())>> = true;

/** The object with the members: what the user passed, or what that points to. */
template <class H> auto &object_of(H &handler) noexcept {
    if constexpr (is_pointer_like<H>)
        return *handler;
    else
        return handler;
}

/** Its class. */
template <class H>
using object_class = std::remove_reference_t<decltype(object_of(std::declval<H &>()))>;

struct call_on_connecting {
    template <class H> using member = decltype(&H::on_connecting);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_connecting(std::forward<A>(arguments)...)) {
        return object_of(handler).on_connecting(std::forward<A>(arguments)...);
    }
};

struct call_on_open {
    template <class H> using member = decltype(&H::on_open);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_open(std::forward<A>(arguments)...)) {
        return object_of(handler).on_open(std::forward<A>(arguments)...);
    }
};

struct call_on_reconnect {
    template <class H> using member = decltype(&H::on_reconnect);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_reconnect(std::forward<A>(arguments)...)) {
        return object_of(handler).on_reconnect(std::forward<A>(arguments)...);
    }
};

struct call_on_message {
    template <class H> using member = decltype(&H::on_message);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_message(std::forward<A>(arguments)...)) {
        return object_of(handler).on_message(std::forward<A>(arguments)...);
    }
};

struct call_on_messages {
    template <class H> using member = decltype(&H::on_messages);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_messages(std::forward<A>(arguments)...)) {
        return object_of(handler).on_messages(std::forward<A>(arguments)...);
    }
};

struct call_on_data {
    template <class H> using member = decltype(&H::on_data);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_data(std::forward<A>(arguments)...)) {
        return object_of(handler).on_data(std::forward<A>(arguments)...);
    }
};

struct call_on_part {
    template <class H> using member = decltype(&H::on_part);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_part(std::forward<A>(arguments)...)) {
        return object_of(handler).on_part(std::forward<A>(arguments)...);
    }
};

struct call_on_ping {
    template <class H> using member = decltype(&H::on_ping);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_ping(std::forward<A>(arguments)...)) {
        return object_of(handler).on_ping(std::forward<A>(arguments)...);
    }
};

struct call_on_pong {
    template <class H> using member = decltype(&H::on_pong);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_pong(std::forward<A>(arguments)...)) {
        return object_of(handler).on_pong(std::forward<A>(arguments)...);
    }
};

struct call_on_drain {
    template <class H> using member = decltype(&H::on_drain);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_drain(std::forward<A>(arguments)...)) {
        return object_of(handler).on_drain(std::forward<A>(arguments)...);
    }
};

struct call_on_error {
    template <class H> using member = decltype(&H::on_error);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_error(std::forward<A>(arguments)...)) {
        return object_of(handler).on_error(std::forward<A>(arguments)...);
    }
};

struct call_on_close {
    template <class H> using member = decltype(&H::on_close);
    template <class H, class... A>
    auto operator()(H &handler, A &&...arguments) const
        -> decltype(object_of(handler).on_close(std::forward<A>(arguments)...)) {
        return object_of(handler).on_close(std::forward<A>(arguments)...);
    }
};

template <class Call, class C, class = void> inline constexpr bool has_member = false;
template <class Call, class C>
inline constexpr bool has_member<Call, C, std::void_t<typename Call::template member<C>>> = true;

/** Calls a member, with or without the app_ref. */
template <class Call> struct call_member {
    template <class H, class Self, class... A>
    decltype(auto) operator()(H &handler, Self &&self, A &&...arguments) const {
        if constexpr (std::is_invocable_v<Call, H &, Self, A...>)
            return Call()(handler, std::forward<Self>(self), std::forward<A>(arguments)...);
        else
            return Call()(handler, std::forward<A>(arguments)...);
    }
};

/** The C function that calls the member, or NULL if there is no such member. */
template <class Kind, class Call, class H, class Ref, class... A> constexpr auto member_function() {
    using function = decltype(&Kind::template run<Ref, H, call_member<Call>>);
    if constexpr (std::is_invocable_v<Call, H &, Ref, A...> ||
                  std::is_invocable_v<Call, H &, A...>) {
        return function(&Kind::template run<Ref, H, call_member<Call>>);
    } else {
        static_assert(!has_member<Call, object_class<H>>,
                      "a member of the handler is named like a callback, but does not take the "
                      "arguments that its documentation names");
        return function(nullptr);
    }
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
