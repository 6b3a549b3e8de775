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
    template <class E, class... P, class... A>
    chained<E> set(E &on_error, wsline_status (*function)(wsline_options *, P...),
                   const A &...arguments) {
        if constexpr (std::is_same_v<plain<E>, throws>) {
            call(on_error, function, handle_, arguments...);
            return static_cast<Self &>(*this);
        } else {
            return call(on_error, function, handle_, arguments...);
        }
    }

    /** Sets a function of wsline.h that calls `fn`; none if that is nullptr. */
    template <class E, class Run, class F>
    chained<E> set_fn(E &on_error,
                      wsline_status (*function)(wsline_options *, Run, void *, wsline_free_fn),
                      std::common_type_t<Run> run, F &fn) {
        if constexpr (std::is_null_pointer_v<F>) {
            return set(on_error, function, nullptr, nullptr, nullptr);
        } else {
            return set(on_error, function, run, new F(std::move(fn)), delete_userdata<F>);
        }
    }
};

} // namespace wsline::detail

#endif
