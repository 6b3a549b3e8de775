/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/options/protocol.hpp
 * @brief Limits, compression, keepalive, reconnecting, events. Part of wsline.hpp.
 */
#ifndef WSLINE_OPTIONS_PROTOCOL_HPP
#define WSLINE_OPTIONS_PROTOCOL_HPP

#include <wsline/arguments.hpp>
#include <wsline/callback.hpp>
#include <wsline/frame.hpp>
#include <wsline/info.hpp>
#include <wsline/options/tls.hpp>
#include <wsline/status.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>

namespace wsline::detail {

/** Calls `mask_key fn()`. */
template <class F> struct run_mask_key {
    static std::int32_t run(std::uint8_t *key_out, void *userdata) noexcept {
        try {
            mask_key key = (*static_cast<F *>(userdata))();
            std::copy(key.begin(), key.end(), key_out);
            return WSLINE_OK;
        } catch (...) {
            return WSLINE_ERR_INTERNAL;
        }
    }
};

/** Calls `fn(event_view)`. */
template <class F> struct run_event {
    static void run(const wsline_event *event, void *userdata) noexcept {
        try {
            (*static_cast<F *>(userdata))(event_view(*event));
        } catch (...) {
            if (event->app == nullptr) std::terminate();
            carry(event->app, app_states::of_process().find(event->app));
        }
    }
};

/** Limits, compression, keepalive, reconnecting, events. Members of options and options_ref. */
template <class Self> class protocol_options : public tls_options<Self> {
  public:
    using tls_options<Self>::tls_options;

    /** `Self &`, to call the next setter; see options_base. */
    template <class E> using chained = typename options_base<Self>::template chained<E>;

    /* ---- Limits and framing ---- */

    /**
     * Sets the largest message to receive; a larger one ends the connection with
     * status::message_too_big. See wsline_options_set_max_message_bytes().
     */
    template <class E = throws>
    chained<E> set_max_message_bytes(std::uint64_t bytes, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_max_message_bytes, bytes);
    }

    /**
     * Sets the largest data frame to receive; a larger one ends the connection with
     * status::message_too_big. See wsline_options_set_max_frame_bytes().
     */
    template <class E = throws>
    chained<E> set_max_frame_bytes(std::uint64_t bytes, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_max_frame_bytes, bytes);
    }

    /**
     * Sets the largest number of fragments in a message to receive; more end the connection with
     * status::message_too_big. See wsline_options_set_max_fragments().
     */
    template <class E = throws>
    chained<E> set_max_fragments(std::uint64_t fragments, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_max_fragments, fragments);
    }

    /**
     * Enables or disables the check that text is UTF-8; see wsline_options_set_utf8_validation().
     */
    template <class E = throws> chained<E> set_utf8_validation(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_utf8_validation, enable);
    }

    /**
     * Makes receives deliver each fragment of a message as the server sent it, instead of the whole
     * message; see wsline_options_set_deliver_fragments().
     */
    template <class E = throws> chained<E> set_deliver_fragments(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_deliver_fragments, enable);
    }

    /** Enables or disables automatic pongs; see wsline_options_set_auto_pong(). */
    template <class E = throws> chained<E> set_auto_pong(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_auto_pong, enable);
    }

    /**
     * Takes masking keys from `mask_key fn()`; for tests only. See
     * wsline_options_set_mask_key_fn().
     *
     * `fn` must not call the library. If it throws, the send fails.
     */
    template <class F, class E = throws> chained<E> set_mask_key_fn(F fn, E &&on_error = {}) {
        return this->template set_fn<run_mask_key<F>>(on_error, wsline_options_set_mask_key_fn, fn);
    }

    /* ---- Servers that break the protocol ---- */

    /**
     * Tolerates certain mistakes, for servers that cannot be fixed; see
     * wsline_options_set_lenient().
     */
    template <class E = throws> chained<E> set_lenient(lenient mistakes, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_lenient,
                         static_cast<std::uint32_t>(mistakes));
    }

    /* ---- Compression options ---- */

    /**
     * Offers permessage-deflate (RFC 7692): messages are compressed both ways if the server agrees;
     * see wsline_options_set_deflate().
     */
    template <class E = throws> chained<E> set_deflate(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_deflate, enable);
    }

    /** Sets the compression level; see wsline_options_set_deflate_level(). */
    template <class E = throws>
    chained<E> set_deflate_level(std::int32_t level, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_deflate_level, level);
    }

    /**
     * Sets the sizes of the compression windows: how far back compressed data may refer; see
     * wsline_options_set_deflate_window_bits().
     */
    template <class E = throws>
    chained<E> set_deflate_window_bits(std::int32_t client_bits, std::int32_t server_bits,
                                       E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_deflate_window_bits, client_bits,
                         server_bits);
    }

    /**
     * Sets whether each message is compressed on its own, which needs no memory between messages
     * but compresses small ones less; see wsline_options_set_deflate_no_context_takeover().
     */
    template <class E = throws>
    chained<E> set_deflate_no_context_takeover(bool client, bool server, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_deflate_no_context_takeover, client, server);
    }

    /**
     * Sets the smallest size of a message to compress; see
     * wsline_options_set_deflate_threshold_bytes().
     */
    template <class E = throws>
    chained<E> set_deflate_threshold_bytes(std::uint64_t bytes, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_deflate_threshold_bytes, bytes);
    }

    /**
     * Limits how much a compressed message may grow when it is inflated; more ends the connection
     * with status::message_too_big. See wsline_options_set_deflate_max_ratio().
     */
    template <class E = throws>
    chained<E> set_deflate_max_ratio(std::uint32_t ratio, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_deflate_max_ratio, ratio);
    }

    /**
     * Inflates binary messages that the server has compressed itself, without permessage-deflate;
     * see wsline_options_set_inflate_messages().
     */
    template <class E = throws> chained<E> set_inflate_messages(inflate mode, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_inflate_messages,
                         static_cast<std::int32_t>(mode));
    }

    /* ---- Keepalive and reconnecting ---- */

    /**
     * Makes apps ping the server, and drop the connection if the server does not answer; by default
     * they do neither. See wsline_options_set_ping().
     */
    template <class E = throws>
    chained<E> set_ping(timeout interval, timeout time, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_ping, interval.ms(), time.ms());
    }

    /**
     * Sets the beginning of the payload of the pings of set_ping(); see
     * wsline_options_set_ping_payload().
     */
    template <class E = throws> chained<E> set_ping_payload(bytes payload, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_ping_payload, payload.data(), payload.size());
    }

    /**
     * Enables or disables the 8 bytes that distinguish one ping from another; see
     * wsline_options_set_ping_numbers().
     */
    template <class E = throws> chained<E> set_ping_numbers(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_ping_numbers, enable);
    }

    /**
     * Enables or disables reconnecting: an app connects again after a connect has failed or a
     * connection has ended, unless app::close(), app::abort() or its destructor ended it; see
     * wsline_options_set_reconnect().
     */
    template <class E = throws> chained<E> set_reconnect(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_reconnect, enable);
    }

    /**
     * Sets the first and the longest delay before reconnecting; see
     * wsline_options_set_reconnect_delay_ms().
     */
    template <class E = throws>
    chained<E> set_reconnect_delay(timeout initial, timeout max, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_reconnect_delay_ms, initial.ms(), max.ms());
    }

    /**
     * Sets how the delay before reconnecting grows from attempt to attempt, and how much of it is
     * random; see wsline_options_set_reconnect_backoff().
     */
    template <class E = throws>
    chained<E> set_reconnect_backoff(double multiplier, double jitter, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_reconnect_backoff, multiplier, jitter);
    }

    /**
     * Sets the number of attempts in a row after which the app stops reconnecting and ends; the row
     * starts again after a connection that was open for 10 seconds. See
     * wsline_options_set_reconnect_max_attempts().
     */
    template <class E = throws>
    chained<E> set_reconnect_max_attempts(std::uint64_t attempts, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_reconnect_max_attempts, attempts);
    }

    /**
     * Makes apps reconnect after every failure, even one that will probably recur; see
     * wsline_options_set_reconnect_always().
     */
    template <class E = throws> chained<E> set_reconnect_always(bool enable, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_reconnect_always, enable);
    }

    /**
     * Adds a further server for apps: if one cannot be reached, the next one is tried at once; see
     * wsline_options_add_fallback_url().
     */
    template <class E = throws>
    chained<E> add_fallback_url(const c_string &url, E &&on_error = {}) {
        return this->set(on_error, wsline_options_add_fallback_url, url);
    }

    /**
     * Removes all URLs added with add_fallback_url(); see
     * wsline_options_clear_fallback_urls().
     */
    template <class E = throws> chained<E> clear_fallback_urls(E &&on_error = {}) {
        return this->set(on_error, wsline_options_clear_fallback_urls);
    }

    /* ---- Send queue of apps ---- */

    /**
     * Sets the maximum size of the send queue of an app, which holds what the socket has not
     * accepted yet; see wsline_options_set_max_send_queue_bytes().
     */
    template <class E = throws>
    chained<E> set_max_send_queue_bytes(std::uint64_t bytes, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_max_send_queue_bytes, bytes);
    }

    /**
     * Makes apps keep unsent messages when a connection ends, and send them on the next one; see
     * wsline_options_set_keep_unsent_ms().
     */
    template <class E = throws> chained<E> set_keep_unsent(timeout max_age, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_keep_unsent_ms, max_age.ms());
    }

    /**
     * Limits how many messages an app sends, as exchanges do for their clients: in any span of
     * `per` at most `messages`; see wsline_options_set_send_rate().
     */
    template <class E = throws>
    chained<E> set_send_rate(std::uint64_t messages, timeout per, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_send_rate, messages, per.ms());
    }

    /**
     * Limits how many bytes of messages apps send in any second, before compression and without
     * headers; see wsline_options_set_send_rate_bytes().
     */
    template <class E = throws>
    chained<E> set_send_rate_bytes(std::uint64_t bytes_per_second, E &&on_error = {}) {
        return this->set(on_error, wsline_options_set_send_rate_bytes, bytes_per_second);
    }

    /* ---- Events ---- */

    /**
     * Sets `fn(event_view)`, called with the events of every connection and app that is created
     * with these options; see wsline_options_set_event_callback().
     *
     * `fn` may run on several threads at once. An exception about an app comes out of the function
     * that drives the app, as from its callbacks; one about a connection ends the program.
     * `nullptr` removes the function.
     */
    template <class F, class E = throws> chained<E> set_event_callback(F fn, E &&on_error = {}) {
        return this->template set_fn<run_event<F>>(on_error, wsline_options_set_event_callback, fn);
    }
};

} // namespace wsline::detail

#endif
