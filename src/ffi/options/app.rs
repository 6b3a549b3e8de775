// SPDX-License-Identifier: Apache-2.0
//! Options of apps: pings, reconnecting, further servers.

use super::object::{self, wsline_options};
use crate::base::error::Error;
use crate::base::memory::{self, Text};
use crate::base::sync::Arc;
use crate::ffi::arguments;
use crate::ffi::status::wsline_status;
use crate::protocol::keepalive::KeepaliveOptions;
use crate::protocol::url::Url;
use std::ffi::{c_char, c_void};
use std::time::Duration;

/// @@ Keepalive and reconnecting
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.2
///
/// Makes apps ping the server, and drop the connection if the server does not answer; by default
/// they do neither.
///
/// Any pong after the ping counts as its answer; only one with the payload of the ping is measured
/// for wsline_app_rtt_us(). Because a pong cannot overtake data in flight, an expired timeout
/// restarts if any bytes arrived meanwhile, or if the server's system has acknowledged more of what
/// was sent before the ping. Times are measured with a monotonic clock, so setting the system time
/// has no effect.
///
/// @param options      the options to modify.
/// @param interval_ms  milliseconds between pings, and before the first one; 0, the default, for no
///                     pings. If there is a timeout, no ping is sent while an earlier one is
///                     unanswered.
/// @param timeout_ms   milliseconds within which the pong must arrive, or the connection ends with
///                     WSLINE_ERR_PONG_TIMEOUT; 0 for no timeout.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, a time is negative, or there is a
///                                      timeout without an interval.
///
/// See also: wsline_options_set_ping_payload(), wsline_app_rtt_us()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_ping(
    options: *mut wsline_options,
    interval_ms: i64,
    timeout_ms: i64,
) -> wsline_status {
    object::set("wsline_options_set_ping", options, |options, _| {
        let some = |span: Duration| (!span.is_zero()).then_some(span);
        let interval = some(arguments::span(interval_ms, "interval_ms")?);
        let timeout = some(arguments::span(timeout_ms, "timeout_ms")?);
        if interval.is_none() && timeout.is_some() {
            let what = format!("is {timeout_ms}, but `interval_ms` is 0, so no pings are sent");
            return Err(Error::argument("timeout_ms", what));
        }
        options.ping = Arc::new(KeepaliveOptions {
            interval,
            timeout,
            ..KeepaliveOptions::clone(&options.ping)
        });
        Ok(())
    })
}

/// Sets the beginning of the payload of the pings of wsline_options_set_ping().
///
/// The library appends 8 bytes to it, which distinguish one ping from another, unless
/// wsline_options_set_ping_numbers() disables that.
///
/// @param options  the options to modify.
/// @param payload  the bytes; NULL with length 0, the default, for none.
/// @param len      at most 117 bytes, 125 without numbers, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, `payload` is NULL and `len` is not 0, or
///                                      `payload` is too long.
///
/// Ownership: the payload is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_ping_payload(
    options: *mut wsline_options,
    payload: *const c_void,
    len: usize,
) -> wsline_status {
    let function = "wsline_options_set_ping_payload";
    object::set(function, options, |options, arguments| {
        let payload = arguments.payload(payload, len, "payload")?;
        let (len, limit) = (payload.len(), options.ping.max_payload_bytes());
        if len > limit {
            let what = format!("has {len} bytes; the limit is {limit}");
            return Err(Error::argument("payload", what));
        }
        options.ping = Arc::new(KeepaliveOptions {
            payload: payload.to_vec(),
            ..KeepaliveOptions::clone(&options.ping)
        });
        Ok(())
    })
}

/// Enables or disables the 8 bytes that distinguish one ping from another.
///
/// Disable them for servers that expect a certain payload. Without them, any pong with the payload
/// is taken for the answer to the oldest unanswered ping.
///
/// @param options  the options to modify.
/// @param enable   true, the default: pings end with 8 bytes of the library's; false: they contain
///                 exactly the payload of wsline_options_set_ping_payload().
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `enable` is true and the payload has
///                                      more than 117 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_ping_numbers(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    object::set("wsline_options_set_ping_numbers", options, |options, _| {
        let ping = KeepaliveOptions {
            is_numbered: enable,
            ..KeepaliveOptions::clone(&options.ping)
        };
        let (len, limit) = (ping.payload.len(), ping.max_payload_bytes());
        if len > limit {
            let what = format!("is true, but the payload has {len} bytes; the limit is {limit}");
            return Err(Error::argument("enable", what));
        }
        options.ping = Arc::new(ping);
        Ok(())
    })
}

/// Enables or disables reconnecting: an app connects again after a connect has failed or a
/// connection has ended, unless wsline_app_close(), wsline_app_abort() or wsline_app_free() ended
/// it.
///
/// It does so whether the server has closed the connection properly or not.
///
/// By default the app waits 1, 2, 4, ... up to 60 seconds before the attempts, minus a random share
/// of up to one half, and makes any number of attempts. wsline_options_set_reconnect_delay_ms(),
/// _set_reconnect_backoff() and _set_reconnect_max_attempts() change that. If a server answers 503
/// or 429 with Retry-After, the app waits at least that long, but at most an hour. The delay and
/// the number of attempts are reset once a connection has been open for 10 seconds.
///
/// A failure that will probably recur ends the app instead: a rejected certificate, unusable TLS
/// options (except files, which are read again), a 101 response that is not a valid WebSocket
/// upgrade (WSLINE_ERR_BAD_UPGRADE), HTTP statuses below 500 except 408, 425 and 429, or
/// credentials that a proxy rejects. See wsline_options_set_reconnect_always(). With a socket set
/// with wsline_options_set_fd(), an app cannot reconnect, because the socket serves only one
/// connect.
///
/// @param options  the options to modify.
/// @param enable   true: the app reconnects; false, the default: it ends.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// See also: wsline_app_on_error(), wsline_app_on_reconnect()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_reconnect(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    object::set("wsline_options_set_reconnect", options, |options, _| {
        options.reconnect.is_enabled = enable;
        Ok(())
    })
}

/// Sets the first and the longest delay before reconnecting.
///
/// @param options     the options to modify.
/// @param initial_ms  milliseconds before the first attempt to reconnect, 0 or more; 1,000 by
///                    default.
/// @param max_ms      milliseconds, `initial_ms` or more; 60,000 by default.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or a number is not in its range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_reconnect_delay_ms(
    options: *mut wsline_options,
    initial_ms: i64,
    max_ms: i64,
) -> wsline_status {
    let function = "wsline_options_set_reconnect_delay_ms";
    object::set(function, options, |options, _| {
        let initial = arguments::span(initial_ms, "initial_ms")?;
        let max = arguments::span(max_ms, "max_ms")?;
        if max < initial {
            let what = format!(
                "is {max_ms}; it must not be less than `initial_ms`, which is {initial_ms}"
            );
            return Err(Error::argument("max_ms", what));
        }
        (options.reconnect.initial, options.reconnect.max) = (initial, max);
        Ok(())
    })
}

/// Sets how the delay before reconnecting grows from attempt to attempt, and how much of it is
/// random.
///
/// @param options     the options to modify.
/// @param multiplier  the factor from one delay to the next, 1 or more; 2 by default.
/// @param jitter      0 to 1: the largest share to subtract at random, so that many clients do not
///                    return at once; 0.5 by default.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or a number is not in its range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_reconnect_backoff(
    options: *mut wsline_options,
    multiplier: f64,
    jitter: f64,
) -> wsline_status {
    let function = "wsline_options_set_reconnect_backoff";
    object::set(function, options, |options, _| {
        let multiplier = arguments::factor(multiplier, 1.0, f64::MAX, "multiplier")?;
        let jitter = arguments::factor(jitter, 0.0, 1.0, "jitter")?;
        (options.reconnect.multiplier, options.reconnect.jitter) = (multiplier, jitter);
        Ok(())
    })
}

/// Sets the number of attempts in a row after which the app stops reconnecting and ends; the row
/// starts again after a connection that was open for 10 seconds.
///
/// @param options   the options to modify.
/// @param attempts  the number of attempts; 0, the default, for no limit.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_reconnect_max_attempts(
    options: *mut wsline_options,
    attempts: u64,
) -> wsline_status {
    let function = "wsline_options_set_reconnect_max_attempts";
    object::set(function, options, |options, _| {
        options.reconnect.max_attempts = (attempts > 0).then_some(attempts);
        Ok(())
    })
}

/// Makes apps reconnect after every failure, even one that will probably recur.
///
/// For servers that start later than their clients, or that reject clients for a while. It has no
/// effect without wsline_options_set_reconnect().
///
/// @param options  the options to modify.
/// @param enable   true: after every failure; false, the default: as wsline_options_set_reconnect()
///                 describes.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_reconnect_always(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    let function = "wsline_options_set_reconnect_always";
    object::set(function, options, |options, _| {
        options.reconnect_always = enable;
        Ok(())
    })
}

/// Adds a further server for apps: if one cannot be reached, the next one is tried at once.
///
/// The URL of the app comes first, then the fallback URLs in the order in which they were added;
/// but the server of the last connection comes before all others. The delay before reconnecting
/// comes between one round through all servers and the next. Even if reconnecting is not enabled,
/// one whole round is made.
///
/// @param options  the options to modify.
/// @param url      as for wsline_connect().
/// @retval WSLINE_OK                    added.
/// @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
///                                      why.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
///
/// See also: wsline_options_clear_fallback_urls()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_add_fallback_url(
    options: *mut wsline_options,
    url: *const c_char,
) -> wsline_status {
    let function = "wsline_options_add_fallback_url";
    object::set(function, options, |options, arguments| {
        let url = arguments.long_string(url, "url")?;
        Url::parse(options.tolerated.without_fragment(url))?;
        memory::push(
            memory::make_mut(&mut options.fallback_urls)?,
            Text::copy(url)?,
        )
    })
}

/// Removes all URLs added with wsline_options_add_fallback_url().
///
/// @param options  the options to modify.
/// @retval WSLINE_OK                    removed, if there were any.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_clear_fallback_urls(
    options: *mut wsline_options,
) -> wsline_status {
    let function = "wsline_options_clear_fallback_urls";
    object::set(function, options, |options, _| {
        options.fallback_urls = Arc::default();
        Ok(())
    })
}
