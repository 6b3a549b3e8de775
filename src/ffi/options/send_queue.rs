// SPDX-License-Identifier: Apache-2.0
//! Options of apps: what happens to messages that cannot be sent at once.

use super::object::{self, wsline_options};
use crate::base::error::Error;
use crate::base::sync::Arc;
use crate::conn::options::{MessageQueueOptions, Options};
use crate::ffi::arguments::{self, WSLINE_FOREVER};
use crate::ffi::status::wsline_status;
use crate::protocol::send_rate::RateLimit;
use std::time::Duration;

/// The longest span of a rate: exchanges have limits for up to a day.
const MAX_RATE_MS: i64 = 86_400_000;

/// @@ Send queue of apps
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.2
///
/// Sets the maximum size of the send queue of an app, which holds what the socket has not accepted
/// yet.
///
/// A send beyond it returns WSLINE_ERR_WOULD_BLOCK. An empty queue accepts one message of any size.
///
/// @param options  the options to modify.
/// @param bytes    the size in bytes, 16 MiB by default; 0 for no limit.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// See also: wsline_app_send_queue_bytes(), wsline_app_on_drain()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_max_send_queue_bytes(
    options: *mut wsline_options,
    bytes: u64,
) -> wsline_status {
    let function = "wsline_options_set_max_send_queue_bytes";
    object::set(function, options, |options, _| {
        options.send_queue_limit = arguments::limit(bytes);
        Ok(())
    })
}

/// Makes apps keep unsent messages when a connection ends, and send them on the next one.
///
/// A message is kept if the system has accepted none of its bytes. So no message is sent twice; but
/// what the system has accepted may be lost with the connection. While the app is being driven and
/// has no connection, messages can be sent, too; they wait. When a connection has opened, what
/// on_open or on_reconnect sends itself goes first, for example a login; then follow the kept
/// messages in their order, and then those that other threads have sent since. Only whole messages
/// are kept: no fragments, pings or pongs.
///
/// All of this counts towards wsline_options_set_max_send_queue_bytes(), each message with 128
/// bytes more than its payload. Messages that wait are sent with one system call each, also after
/// wsline_app_uncork(). on_close does not count kept messages as unsent. Messages that have become
/// too old, or still wait for a connection when the app ends, are dropped; a log line says how
/// many.
///
/// @param options     the options to modify.
/// @param max_age_ms  milliseconds: when the next connection opens, messages that were sent longer
///                    ago are dropped; WSLINE_FOREVER keeps all; 0, the default, keeps none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `max_age_ms` is another negative
///                                      number.
///
/// See also: wsline_options_set_reconnect(), wsline_app_flush()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_keep_unsent_ms(
    options: *mut wsline_options,
    max_age_ms: i64,
) -> wsline_status {
    let function = "wsline_options_set_keep_unsent_ms";
    object::set(function, options, |options, _| {
        let max_age = match max_age_ms {
            WSLINE_FOREVER => None,
            ms => Some(arguments::span(ms, "max_age_ms")?),
        };
        set_queue(options, |queue| queue.max_age = max_age);
        Ok(())
    })
}

/// Limits how many messages an app sends, as exchanges do for their clients: in any span of
/// `per_ms` milliseconds at most `messages`.
///
/// Messages beyond that wait in the send queue. Every frame counts, including fragments, pings and
/// pongs. Pings, pongs and close frames do not wait, so they alone may exceed the limit. The time
/// of a message is when the system has accepted it; because the network delivers some faster than
/// others, set a little less than what the server allows. The limit applies across the reconnects
/// of one run. wsline_app_close() does not wait for messages that the limit holds back; on_close
/// reports them as unsent.
///
/// @param options   the options to modify.
/// @param messages  the number of messages; 0, the default, for no limit.
/// @param per_ms    milliseconds, 1 to 86,400,000 (a day); ignored if `messages` is 0.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `per_ms` is not in its range.
///
/// See also: wsline_app_flush(), wsline_options_set_send_rate_bytes()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_send_rate(
    options: *mut wsline_options,
    messages: u64,
    per_ms: i64,
) -> wsline_status {
    let function = "wsline_options_set_send_rate";
    object::set(function, options, |options, _| {
        let limit = match messages {
            0 => None,
            max => Some(RateLimit {
                max,
                span: rate_span(per_ms)?,
            }),
        };
        set_queue(options, |queue| queue.rate.messages = limit);
        Ok(())
    })
}

/// Limits how many bytes of messages apps send in any second, before compression and without
/// headers.
///
/// Otherwise as wsline_options_set_send_rate(), with which it can be combined. A message of more
/// bytes is sent alone, and counts for as many seconds as it would take.
///
/// @param options           the options to modify.
/// @param bytes_per_second  the number of bytes; 0, the default, for no limit.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_send_rate_bytes(
    options: *mut wsline_options,
    bytes_per_second: u64,
) -> wsline_status {
    let function = "wsline_options_set_send_rate_bytes";
    object::set(function, options, |options, _| {
        let limit = (bytes_per_second > 0).then_some(RateLimit {
            max: bytes_per_second,
            span: Duration::from_secs(1),
        });
        set_queue(options, |queue| queue.rate.bytes = limit);
        Ok(())
    })
}

fn rate_span(per_ms: i64) -> Result<Duration, Error> {
    if (1..=MAX_RATE_MS).contains(&per_ms) {
        return arguments::span(per_ms, "per_ms");
    }
    let what = format!("is {per_ms}; it must be 1 to {MAX_RATE_MS}");
    Err(Error::argument("per_ms", what))
}

/// Changes the options of the message queue; an app that needs none has no queue.
fn set_queue(options: &mut Options, change: impl FnOnce(&mut MessageQueueOptions)) {
    let mut queue = options
        .message_queue
        .as_deref()
        .copied()
        .unwrap_or_default();
    change(&mut queue);
    let is_needed = queue != MessageQueueOptions::default();
    options.message_queue = is_needed.then(|| Arc::new(queue));
}
