/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/prepared.hpp
 * @brief One message for many connections. Part of wsline.hpp.
 */
#ifndef WSLINE_PREPARED_HPP
#define WSLINE_PREPARED_HPP

#include <wsline/arguments.hpp>
#include <wsline/error.hpp>
#include <wsline/handle.hpp>
#include <wsline/status.hpp>

#include <cstdint>

namespace wsline {

/** A message to send to many connections, or many times: a wsline_prepared. */
class prepared : public detail::owner<detail::reference<wsline_prepared>, wsline_prepared_free> {
  public:
    /** An empty object. */
    prepared() noexcept = default;

    /** Takes over `handle`. */
    explicit prepared(wsline_prepared *handle) noexcept : owner(handle) {}

    /** Copies and checks a message; see wsline_prepared_new() and uncompressed(). */
    prepared(opcode code, bytes data) {
        throws on_error;
        detail::call(on_error, wsline_prepared_new, static_cast<std::int32_t>(code), data.data(),
                     data.size(), &handle_);
    }
};

} // namespace wsline

#endif
