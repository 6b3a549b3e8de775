// SPDX-License-Identifier: Apache-2.0
//! Sending: whole messages, fragments, control frames, frames of the caller's own.

use super::conn::wsline_conn;
use super::frame::wsline_frame;
use super::guard;
use super::ptr;
use super::status::wsline_status;
use crate::base::error::Error;
use crate::protocol::ws::close::CloseFrame;
use crate::protocol::ws::opcode::Opcode;
use std::ffi::{c_char, c_void};

/// Runs an export that sends one payload with `opcode`.
unsafe fn send(
    function: &'static str,
    conn: *mut wsline_conn,
    opcode: Result<Opcode, Error>,
    data: *const c_void,
    len: usize,
    name: &str,
) -> wsline_status {
    // SAFETY: passed on.
    let (conn, payload) = unsafe { (wsline_conn::get(conn), ptr::payload(data, len, name)) };
    guard::on_conn(function, conn, |conn| conn.send(opcode?, payload?, name))
}

/// @@ Sending
/// Sends a text message.
///
/// @param conn  an open connection.
/// @param text  UTF-8; NULL with `len` 0 is an empty message.
/// @param len   bytes in `text`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `text` is NULL with a length, or it is not UTF-8.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
/// @retval WSLINE_ERR_BUSY              a fragmented message is being sent.
/// @retval WSLINE_ERR_TIMEOUT           the time was up before anything was sent; the connection is as it was.
/// @retval WSLINE_ERR_CLOSED            the connection was closed.
/// @retval WSLINE_ERR_CONNECTION_LOST   the transport has ended, or was ended because the time was up with half a frame sent.
/// @retval WSLINE_ERR_ABORTED           wsline_conn_abort() was called.
/// @retval WSLINE_ERR_TLS               TLS failed.
/// @retval WSLINE_ERR_IO                a system call failed.
/// @retval WSLINE_ERR_PROTOCOL          the connection has ended by this, as by WSLINE_ERR_PAYLOAD and WSLINE_ERR_MESSAGE_TOO_BIG.
///
/// Threads: any number at once; messages never mix.
/// Blocks: while the server does not read, up to the send time-out; wsline_conn_abort() ends the wait.
/// See also: wsline_options_set_send_timeout_ms()
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_text(
    conn: *mut wsline_conn,
    text: *const c_char,
    len: usize,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        send(
            "wsline_conn_send_text",
            conn,
            Ok(Opcode::Text),
            text.cast(),
            len,
            "text",
        )
    }
}

/// Sends a binary message.
///
/// @param conn  an open connection.
/// @param data  any bytes; NULL with `len` 0 is an empty message.
/// @param len   bytes in `data`.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, or `data` is NULL with a length.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text().
///
/// Threads: any number at once; messages never mix.
/// Blocks: as wsline_conn_send_text().
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_binary(
    conn: *mut wsline_conn,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        send(
            "wsline_conn_send_binary",
            conn,
            Ok(Opcode::Binary),
            data,
            len,
            "data",
        )
    }
}

/// Sends a message or a control frame of a kind given as a number.
///
/// @param conn    an open connection.
/// @param opcode  WSLINE_OPCODE_TEXT, _BINARY, _PING or _PONG.
/// @param data    the payload; text is UTF-8, a ping or pong has at most 125 bytes.
/// @param len     bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `opcode` is another number, or the payload is not as said above.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text().
///
/// Threads: any number at once; messages never mix.
/// Blocks: as wsline_conn_send_text().
/// See also: wsline_conn_send_fragment(), wsline_conn_send_close()
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send(
    conn: *mut wsline_conn,
    opcode: i32,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    let opcode = read_sendable(opcode);
    // SAFETY: as promised to ptr.
    unsafe { send("wsline_conn_send", conn, opcode, data, len, "data") }
}

pub(super) fn read_sendable(opcode: i32) -> Result<Opcode, Error> {
    match Opcode::from_i32(opcode) {
        Some(opcode @ (Opcode::Text | Opcode::Binary | Opcode::Ping | Opcode::Pong)) => Ok(opcode),
        _ => Err(Error::argument(
            "opcode",
            format!("is {opcode}; it must be text, binary, ping or pong"),
        )),
    }
}

/// Sends a part of a message whose length is not known yet.
///
/// Until the last part has been sent, other data waits: every other send of data answers WSLINE_ERR_BUSY. Control frames
/// may go out between two parts. Text may be cut anywhere and is not checked to be UTF-8.
///
/// @param conn    an open connection.
/// @param opcode  WSLINE_OPCODE_TEXT or WSLINE_OPCODE_BINARY; the same for each part of a message.
/// @param data    the part; NULL with `len` 0 is an empty one.
/// @param len     bytes in `data`.
/// @param fin     true for the last part.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL with a length, or `opcode` is another than before.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text().
///
/// Threads: any, but the parts of one message come from one thread at a time.
/// Blocks: as wsline_conn_send_text().
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_fragment(
    conn: *mut wsline_conn,
    opcode: i32,
    data: *const c_void,
    len: usize,
    fin: bool,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    let (conn, payload) = unsafe { (wsline_conn::get(conn), ptr::payload(data, len, "data")) };
    guard::on_conn(
        "wsline_conn_send_fragment",
        conn,
        |conn| match Opcode::from_i32(opcode) {
            Some(opcode @ (Opcode::Text | Opcode::Binary)) => {
                conn.send_fragment(opcode, payload?, fin)
            }
            _ => Err(Error::argument(
                "opcode",
                format!("is {opcode}; it must be text or binary"),
            )),
        },
    )
}

/// Sends one frame as the caller describes it.
///
/// The payload is masked with a fresh key. Skipped are the checks of text and of the content of a close frame; refused is
/// what would break the connection: reserved bits, a control frame that is long or fragmented, a continuation of nothing,
/// a new message inside another.
///
/// @param conn   an open connection.
/// @param frame  `fin`, `opcode`, `data` and `len` are used; the reserved bits and `masked` must be 0.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  an argument is NULL, or the frame is not as said above.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text().
///
/// Threads: any number at once.
/// Blocks: as wsline_conn_send_text().
/// See also: wsline_conn_recv_frame()
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_frame(
    conn: *mut wsline_conn,
    frame: *const wsline_frame,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    let (conn, frame) = unsafe { (wsline_conn::get(conn), ptr::get(frame, "frame")) };
    guard::on_conn("wsline_conn_send_frame", conn, |conn| {
        let frame = frame?;
        // SAFETY: as promised to ptr.
        let payload = unsafe { frame.payload() }?;
        let header = frame.header(payload)?;
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Error::argument(
                "frame",
                "has a reserved bit, and no extension is in use",
            ));
        }
        if header.mask.is_some() {
            return Err(Error::argument("frame", "is masked; the library masks it"));
        }
        conn.send_raw(header, payload)
    })
}

/// Sends a ping, which the server answers with a pong of the same payload.
///
/// @param conn  an open connection.
/// @param data  at most 125 bytes; NULL with `len` 0 for none.
/// @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL with a length, or `len` is above 125.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text(), but for WSLINE_ERR_BUSY.
///
/// Threads: any number at once.
/// Blocks: as wsline_conn_send_text().
/// See also: wsline_conn_recv_event(), which shows the pong
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_ping(
    conn: *mut wsline_conn,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        send(
            "wsline_conn_ping",
            conn,
            Ok(Opcode::Ping),
            data,
            len,
            "data",
        )
    }
}

/// Sends a pong: the answer to a ping where wsline_options_set_auto_pong() is off, or a sign of life.
///
/// @param conn  an open connection.
/// @param data  at most 125 bytes; NULL with `len` 0 for none.
/// @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL with a length, or `len` is above 125.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text(), but for WSLINE_ERR_BUSY.
///
/// Threads: any number at once.
/// Blocks: as wsline_conn_send_text().
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_pong(
    conn: *mut wsline_conn,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        send(
            "wsline_conn_pong",
            conn,
            Ok(Opcode::Pong),
            data,
            len,
            "data",
        )
    }
}

/// Begins the closing handshake without waiting for its end, or answers a close frame got from wsline_conn_recv_frame().
///
/// Nothing can be sent after it. Receiving goes on until the server's close frame has come.
///
/// @param conn    an open connection.
/// @param code    a wsline_close_code that may be sent, 3000 to 4999, or 0 for a close frame without a code.
/// @param reason  UTF-8 of at most 123 bytes; NULL for none.
/// @retval WSLINE_OK                    the close frame has been sent.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `code` must not be sent, or `reason` is too long.
/// @retval WSLINE_ERR_CLOSED            a close frame has been sent before.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text(), but for WSLINE_ERR_BUSY.
///
/// Threads: any number at once.
/// Blocks: as wsline_conn_send_text().
/// See also: wsline_conn_close()
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_close(
    conn: *mut wsline_conn,
    code: u16,
    reason: *const c_char,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    let (conn, reason) = unsafe {
        (
            wsline_conn::get(conn),
            ptr::optional_string(reason, "reason"),
        )
    };
    guard::on_conn("wsline_conn_send_close", conn, |conn| {
        let frame = CloseFrame::from_arguments(code, reason?.unwrap_or_default())?;
        conn.send_close(&frame)
    })
}
