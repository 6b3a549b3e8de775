/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/options/base.hpp
 * @brief What all setters of options share. Part of wsline.hpp.
 */
#ifndef WSLINE_OPTIONS_BASE_HPP
#define WSLINE_OPTIONS_BASE_HPP

#include <wsline/callback.hpp>
#include <wsline/error.hpp>
#include <wsline/handle.hpp>

#include <type_traits>
#include <utility>

namespace wsline::detail {

/** `Self` is the class of the object: setters return it, so that they can be called in a row. */
template <class Self> class options_base : public reference<wsline_options> {
  public:
    using reference<wsline_options>::reference;

    /** The result of a setter: `Self &` if it throws, otherwise only its success. */
    template <class E>
    using chained = std::conditional_t<std::is_same_v<plain<E>, throws>, Self &, result<void, E>>;

  protected:
    template <class E>
    using setter_outcome =
        std::conditional_t<std::is_same_v<plain<E>, throws>, Self &, outcome<void, E>>;

    template <class E, class... P, class... A>
    setter_outcome<E> set(E &on_error, wsline_status (*function)(wsline_options *, P...),
                          const A &...arguments) {
        if constexpr (std::is_same_v<plain<E>, throws>) {
            call(on_error, function, handle_, arguments...);
            return static_cast<Self &>(*this);
        } else {
            return call(on_error, function, handle_, arguments...);
        }
    }

    /** Makes `Runner::run`, which calls `fn`, the callback; none if `fn` is nullptr. */
    template <class Runner, class E, class C, class F>
    setter_outcome<E> set_fn(E &on_error,
                             wsline_status (*function)(wsline_options *, C, void *, wsline_free_fn),
                             F &fn) {
        if constexpr (std::is_null_pointer_v<F>) {
            return set(on_error, function, nullptr, nullptr, nullptr);
        } else {
            C run = Runner::run;
            return set(on_error, function, run, new F(std::move(fn)), delete_userdata<F>);
        }
    }
};

} // namespace wsline::detail

#endif
