// SPDX-License-Identifier: Apache-2.0
//! Ending a connection, and how it ended.

use super::object::wsline_conn;
use crate::conn::send::queue::Unsent;
use crate::ffi::arguments;
use crate::ffi::guard;
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_side;
use crate::protocol::ws::close::{CloseInfo, Side};
use std::ffi::c_char;

/// How a connection ended. Filled in by the library.
#[repr(C)]
pub struct wsline_close_info {
    /// The code in the server's close frame; WSLINE_CLOSE_NO_STATUS if it had none,
    /// WSLINE_CLOSE_ABNORMAL if there was no close frame, 0 while the connection has not ended.
    pub code: i32,
    /// A wsline_side: the side that ended the connection first, by a close frame or by dropping the
    /// connection. This is the client if it rejected what the server sent.
    pub closed_by: i32,
    /// Both sides have sent a close frame.
    pub clean: bool,
    /// The reason in the server's close frame: UTF-8 followed by a NUL, never NULL. Lent until the
    /// connection is freed; in a callback of an app, until it returns.
    pub reason: *const c_char,
    /// Bytes in `reason`, without the NUL.
    pub reason_len: usize,
    /// Messages in the send queue of an app that the system had not accepted, or had accepted only
    /// in part, and that are not kept for the next connection; 0 for a wsline_conn.
    pub unsent_messages: u64,
    /// Bytes of these messages, and of other frames in the queue; 0 for a wsline_conn.
    pub unsent_bytes: u64,
    /// Reserved for future fields; 0.
    pub reserved: [u64; 2],
}

impl wsline_close_info {
    const NOTHING: Self = Self {
        code: 0,
        clean: false,
        closed_by: 0,
        reason: c"".as_ptr(),
        reason_len: 0,
        unsent_messages: 0,
        unsent_bytes: 0,
        reserved: [0; 2],
    };

    /// With what an app has not sent.
    pub(in crate::ffi) fn with_unsent(info: &CloseInfo<'_>, unsent: Unsent) -> Self {
        Self {
            unsent_messages: unsent.messages,
            unsent_bytes: unsent.bytes,
            ..Self::of(info)
        }
    }

    pub(in crate::ffi) fn of(info: &CloseInfo<'_>) -> Self {
        let closed_by = match info.closed_by {
            None => wsline_side::WSLINE_SIDE_NONE,
            Some(Side::Client) => wsline_side::WSLINE_SIDE_CLIENT,
            Some(Side::Server) => wsline_side::WSLINE_SIDE_SERVER,
        };
        // An empty reason may have no NUL behind it, so the one of NOTHING stays.
        let reason = if info.reason.is_empty() {
            c"".as_ptr()
        } else {
            info.reason.as_ptr().cast()
        };
        Self {
            code: info.code.into(),
            clean: info.clean,
            closed_by: closed_by as i32,
            reason,
            reason_len: info.reason.len(),
            unsent_messages: 0,
            unsent_bytes: 0,
            reserved: [0; 2],
        }
    }
}

/// @@ Closing
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Closes a connection: sends a close frame, waits for the server's, and then ends the transport,
/// even if the server did not answer in time.
///
/// If another thread is in a receive call, its calls deliver the messages that still arrive, and
/// then report the end. Otherwise, messages that arrive during the close are discarded, and a
/// receive that begins during the close waits until the close has ended. A message received before
/// the close stays valid. After the closing handshake the call waits until the server ends the TCP
/// connection (RFC 6455 section 7.1.1), for at most 1 second and within `timeout_ms`. If the
/// connection has already ended, the call does nothing more.
///
/// @param conn        a connection.
/// @param code        usually WSLINE_CLOSE_NORMAL; or another wsline_close_code that is not marked
///                    "only reported", 3000 to 4999, or 0 for none.
/// @param reason      UTF-8 of at most 123 bytes; NULL for none.
/// @param timeout_ms  milliseconds for the whole close. WSLINE_DEFAULT_TIMEOUT limits the time
///                    without progress instead, see wsline_options_set_close_timeout_ms().
/// @retval WSLINE_OK                    both close frames were exchanged, whichever side began.
/// @retval WSLINE_ERR_TIMEOUT           the server did not answer in time; the transport was
///                                      dropped.
/// @retval WSLINE_ERR_INTERRUPTED       a signal handler ran, see
///                                      wsline_options_set_interruptible().
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `code` is not a code that may be sent,
///                                      `reason` is too long or not UTF-8, or `timeout_ms` is
///                                      another negative number. Nothing was done.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
/// @retval WSLINE_ERR_CLOSED            the connection had been ended by wsline_conn_shutdown(), or
///                                      dropped by a close that timed out.
/// @retval WSLINE_ERR_CONNECTION_LOST   and all others: the connection had ended with that error,
///                                      without a closing handshake.
///
/// Threads: any, also while others send or receive.
/// Blocks: up to `timeout_ms`; with WSLINE_DEFAULT_TIMEOUT up to 60 seconds, or the close timeout
/// if that is longer; wsline_conn_abort() ends the wait.
/// See also: wsline_conn_send_close(), wsline_conn_shutdown()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_close(
    conn: *mut wsline_conn,
    code: i32,
    reason: *const c_char,
    timeout_ms: i64,
) -> wsline_status {
    guard::after_failure("wsline_conn_close", conn, |conn, arguments| {
        let conn = conn?;
        let frame = arguments.close_frame(code, reason)?;
        conn.close(&frame, arguments::timeout(timeout_ms, "timeout_ms")?)
    })
}

/// Drops the connection at once, without a closing handshake.
///
/// Waiting and later calls return WSLINE_ERR_CLOSED; a receive first delivers the messages that had
/// arrived.
///
/// @param conn  a connection.
/// @retval WSLINE_OK                    the connection has ended.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
///
/// See also: wsline_conn_close(), wsline_conn_abort()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_shutdown(conn: *mut wsline_conn) -> wsline_status {
    guard::after_failure("wsline_conn_shutdown", conn, |conn, _| conn?.shutdown())
}

/// Ends every waiting call on a connection, in any phase, and makes later calls fail.
///
/// Waiting and later calls, including a connect in progress, return WSLINE_ERR_ABORTED. The
/// transport is dropped; messages that have arrived but were not received are discarded.
///
/// It may be called in a signal handler, on a connection that is not being freed.
///
/// @param conn  a connection.
/// @retval WSLINE_OK                    all waiting calls have been woken.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL. In a signal handler it must not be.
///
/// Threads: any; async-signal-safe.
/// See also: wsline_conn_close()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_abort(conn: *mut wsline_conn) -> wsline_status {
    guard::after_failure("wsline_conn_abort", conn, |conn, _| {
        conn?.abort();
        Ok(())
    })
}

/// Reports how a connection ended.
///
/// @param conn      a connection.
/// @param info_out  filled; zero, with an empty reason, while the connection is open.
/// @retval WSLINE_OK                    filled.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
///
/// Ownership: `info_out->reason` is lent until the connection is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_close_info(
    conn: *const wsline_conn,
    info_out: *mut wsline_close_info,
) -> wsline_status {
    guard::after_failure("wsline_conn_close_info", conn, |conn, arguments| {
        let info = arguments.out(info_out, wsline_close_info::NOTHING, "info_out");
        let (conn, info) = (conn?, info?);
        *info = conn
            .link()?
            .writer()
            .with_sender(|sender| wsline_close_info::of(&sender.closing().info()));
        Ok(())
    })
}
