// SPDX-License-Identifier: Apache-2.0
//! Timeouts.

use super::object::{self, wsline_options};
use crate::ffi::arguments::{self, WSLINE_DEFAULT_TIMEOUT};
use crate::ffi::conn::object::wsline_conn;
use crate::ffi::guard;
use crate::ffi::status::wsline_status;

/// @@ Timeouts
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
///
/// Sets the timeout of a connection: for each receive with WSLINE_DEFAULT_TIMEOUT, and for each
/// send and the connect, unless these have a timeout of their own.
///
/// The default is WSLINE_DEFAULT_TIMEOUT, which here means the timeout of the process; see
/// wsline_set_default_timeout_ms().
///
/// @param options     the options to modify.
/// @param timeout_ms  milliseconds, 0 or more, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `timeout_ms` is another negative
///                                      number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_timeout_ms(
    options: *mut wsline_options,
    timeout_ms: i64,
) -> wsline_status {
    object::set("wsline_options_set_timeout_ms", options, |options, _| {
        options.timeout = arguments::timeout(timeout_ms, "timeout_ms")?;
        Ok(())
    })
}

/// Sets the timeout of the whole connect: lookup, TCP, TLS and upgrade together, whether or not
/// they make progress.
///
/// The default is WSLINE_DEFAULT_TIMEOUT, which here means the timeout of
/// wsline_options_set_timeout_ms() or, if that is not set, of the process; if neither is set, 30
/// seconds.
///
/// @param options     the options to modify.
/// @param timeout_ms  milliseconds, 0 or more, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `timeout_ms` is another negative
///                                      number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_connect_timeout_ms(
    options: *mut wsline_options,
    timeout_ms: i64,
) -> wsline_status {
    let function = "wsline_options_set_connect_timeout_ms";
    object::set(function, options, |options, _| {
        options.connect_timeout = arguments::timeout(timeout_ms, "timeout_ms")?;
        Ok(())
    })
}

/// Sets the timeout of each send; it covers the whole message, so a send to a server that reads too
/// slowly times out, too.
///
/// If part of the message has been sent when the timeout expires, the connection ends, because
/// nothing can follow half a frame; so do not use a timeout of 0 for messages that the socket may
/// accept only in part. An app's sends never wait, so this timeout does not apply to them.
///
/// The default is WSLINE_DEFAULT_TIMEOUT, which here means the timeout of
/// wsline_options_set_timeout_ms().
///
/// @param options     the options to modify.
/// @param timeout_ms  milliseconds, 0 or more, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `timeout_ms` is another negative
///                                      number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_send_timeout_ms(
    options: *mut wsline_options,
    timeout_ms: i64,
) -> wsline_status {
    let function = "wsline_options_set_send_timeout_ms";
    object::set(function, options, |options, _| {
        options.send_timeout = arguments::timeout(timeout_ms, "timeout_ms")?;
        Ok(())
    })
}

/// Sets the close timeout: how long a close may go without making progress, for apps and for
/// wsline_conn_close() with WSLINE_DEFAULT_TIMEOUT.
///
/// A close frame cannot overtake data in flight, so the timeout restarts if bytes have arrived
/// meanwhile, or if the server's system has acknowledged more of what was sent before the close
/// frame. A close that makes progress still ends after 60 seconds, or after the timeout if that is
/// longer. Acknowledged bytes count as progress even if the server itself has not read them. The
/// default is WSLINE_DEFAULT_TIMEOUT, which here means 3 seconds.
///
/// @param options     the options to modify.
/// @param timeout_ms  milliseconds; 0 does not wait for the server; WSLINE_FOREVER for no limit at
///                    all, or WSLINE_DEFAULT_TIMEOUT.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `timeout_ms` is another negative
///                                      number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_close_timeout_ms(
    options: *mut wsline_options,
    timeout_ms: i64,
) -> wsline_status {
    let function = "wsline_options_set_close_timeout_ms";
    object::set(function, options, |options, _| {
        options.close_timeout = arguments::timeout(timeout_ms, "timeout_ms")?;
        Ok(())
    })
}

/// Makes a waiting call return after a signal handler has run; off by default.
///
/// If enabled, wsline_connect(), wsline_conn_connect() and every receive, send and close return
/// WSLINE_ERR_INTERRUPTED if a signal handler ran on the waiting thread during the wait, whether or
/// not it was installed with SA_RESTART. If disabled, the wait continues for the remaining time.
///
/// - A receive keeps the data that has arrived, and the next one continues.
/// - A send that returns WSLINE_ERR_INTERRUPTED has sent nothing of the message. If part of it was
///   already sent, the send keeps a copy of the rest and returns WSLINE_OK at once, although the
///   system has not accepted all of the data; the next send, receive or close on the connection
///   first sends that rest.
/// - A close may be called again and continues to wait for the server's close frame.
/// - A connect starts over when it is called again. A socket set with wsline_options_set_fd()
///   serves only one call.
///
/// A wait for another thread is not interrupted, whether that thread is sending a message, or
/// receiving while this one closes. A signal that arrives between two waits does not end the second
/// one; to close this gap, call wsline_conn_abort() in the handler. With this option, a receive
/// that has to wait needs three system calls instead of one. Apps and loops ignore this option.
///
/// @param options  the options to modify.
/// @param enable   whether signals end waits.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_interruptible(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    object::set("wsline_options_set_interruptible", options, |options, _| {
        options.is_interruptible = enable;
        Ok(())
    })
}

/// Makes a waiting receive poll the socket for a while before it sleeps; off by default.
///
/// Waking a thread can take the system longer than a nearby server takes to answer. With this
/// option, a receive polls the socket without sleeping for up to this time before it waits as
/// usual. The time counts towards its timeout. Polling keeps a processor busy, so the option is for
/// threads that have a processor to themselves; where client and server share one, it only costs
/// time. A loop uses the longest time of its apps.
///
/// @param options  the options to modify.
/// @param spin_us  microseconds, 0 or more; 0, the default, sleeps at once.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `spin_us` is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_spin_us(
    options: *mut wsline_options,
    spin_us: i64,
) -> wsline_status {
    object::set("wsline_options_set_spin_us", options, |options, _| {
        options.spin = arguments::microseconds(spin_us, "spin_us")?;
        Ok(())
    })
}

/// Changes the timeout of a connection, see wsline_options_set_timeout_ms().
///
/// @param conn        a connection.
/// @param timeout_ms  milliseconds, 0 or more, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT.
/// @retval WSLINE_OK                    set; calls that are waiting are not affected.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, or `timeout_ms` is another negative number.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_set_timeout_ms(
    conn: *mut wsline_conn,
    timeout_ms: i64,
) -> wsline_status {
    guard::on("wsline_conn_set_timeout_ms", conn, |conn, _| {
        let timeout = conn?.timeout();
        timeout.set(arguments::timeout(timeout_ms, "timeout_ms")?);
        Ok(())
    })
}

/// Returns the timeout of a connection, as it was set.
///
/// @param conn  a connection; NULL returns WSLINE_DEFAULT_TIMEOUT.
/// @return      milliseconds, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT.
///
/// Threads: any.
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_timeout_ms(conn: *const wsline_conn) -> i64 {
    guard::value(WSLINE_DEFAULT_TIMEOUT, |arguments| {
        let conn = arguments.object(conn);
        conn.map_or(WSLINE_DEFAULT_TIMEOUT, |conn| conn.timeout().get().to_ms())
    })
}
