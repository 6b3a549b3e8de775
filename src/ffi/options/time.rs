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
/// Sets the timeout of the connection: for each send, for each receive that asks for
/// WSLINE_DEFAULT_TIMEOUT, and for the connect if that has none of its own.
///
/// The default is WSLINE_DEFAULT_TIMEOUT, here the timeout of the process, see
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
/// The default is WSLINE_DEFAULT_TIMEOUT, here that of wsline_options_set_timeout_ms() or of the
/// process; where neither is set, 30 seconds.
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

/// Sets the timeout of each send, for its whole message: a server that reads too slowly exceeds it,
/// too.
///
/// If part of the message has been sent by then, the connection ends, because nothing can follow
/// half a frame. An app's sends do not wait, so this is not for them.
///
/// The default is WSLINE_DEFAULT_TIMEOUT, here that of wsline_options_set_timeout_ms().
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

/// Sets how long a close may stand still: that of an app, and wsline_conn_close() with
/// WSLINE_DEFAULT_TIMEOUT.
///
/// A close frame cannot overtake what is in front of it, so the timeout restarts if bytes have
/// arrived meanwhile, or the server's system has taken more of what was sent before the close
/// frame. A close that makes progress ends after 60 seconds, or after the timeout if that is
/// longer. What the server's system has taken counts as read, though the server itself may not have
/// read it yet. The default is WSLINE_DEFAULT_TIMEOUT, here 3 seconds.
///
/// @param options     the options to modify.
/// @param timeout_ms  milliseconds, 0 for not waiting, WSLINE_FOREVER for no limit at all, or
///                    WSLINE_DEFAULT_TIMEOUT.
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

/// Makes a blocked call return after a signal handler has run; off by default.
///
/// With it wsline_conn_connect(), and each receive, send and close, returns WSLINE_ERR_INTERRUPTED
/// if a handler of the waiting thread ran during the wait, whether or not it was installed with
/// SA_RESTART. Without it the wait continues for the remaining time.
///
/// - A receive keeps what has arrived: the next one continues.
/// - A send that returns WSLINE_ERR_INTERRUPTED has sent nothing of the message. If part of it has
///   left, the send returns WSLINE_OK at once, keeps the rest, at most a copy of the message, and
///   the next send, receive or close on the connection sends it first.
/// - A close may be called again, and continues to wait for the server's close frame.
/// - A connect gives up what it has reached, and may be called again. A socket of
///   wsline_options_set_fd() on which the handshake has begun is of no use any more.
///
/// Not interrupted: waits for another thread, which is sending a message, or receiving while this
/// one closes. A signal that arrives between two waits does not end the second; wsline_conn_abort()
/// in the handler leaves no such gap. A receive that has to wait takes three system calls instead
/// of one. Apps and loops ignore it.
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

/// Makes a wait for bytes look for them for a while before it sleeps; off by default.
///
/// Waking a thread takes the system longer than a nearby server takes to answer. With this, a
/// receive asks the socket again and again, without sleeping, for so long; only then does it wait
/// as it does otherwise. The time counts as a part of its timeout. It takes a processor meanwhile,
/// so it is for threads that have one to themselves: where client and server share one it only
/// costs. A loop does the same for the longest time of the apps in it.
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

/// Changes the timeout of an open connection, see wsline_options_set_timeout_ms().
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

/// The timeout of a connection, as it was set.
///
/// @param conn  a connection; NULL is like one that was never set.
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
