// SPDX-License-Identifier: Apache-2.0
//! Sending: whole messages, fragments, control frames, frames of the caller's own.

use super::object::wsline_conn;
use crate::base::error::Error;
use crate::conn::send::outbound::Outbound;
use crate::ffi::frame::wsline_frame;
use crate::ffi::guard;
use crate::ffi::send;
use crate::ffi::status::wsline_status;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::Frame;
use std::ffi::{c_char, c_void};

/// @@ Sending
/// Blocks: as wsline_conn_send_text().
/// Since: 0.1
///
/// Sends a text message.
///
/// @param conn  an open connection.
/// @param text  UTF-8; NULL with `len` 0 is an empty message.
/// @param len   bytes in `text`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `text` is NULL with a length, or it is not
///                                      UTF-8.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
/// @retval WSLINE_ERR_BUSY              a fragmented message is being sent.
/// @retval WSLINE_ERR_TIMEOUT           the time was up before anything was sent; the connection is
///                                      as it was.
/// @retval WSLINE_ERR_CLOSED            the connection was closed.
/// @retval WSLINE_ERR_CONNECTION_LOST   the transport has ended, or was ended because the time was
///                                      up with half a frame sent.
/// @retval WSLINE_ERR_ABORTED           wsline_conn_abort() was called.
/// @retval WSLINE_ERR_TLS               TLS failed.
/// @retval WSLINE_ERR_IO                a system call failed.
/// @retval WSLINE_ERR_PROTOCOL          the connection has ended by this, as by
///                                      WSLINE_ERR_INVALID_PAYLOAD and WSLINE_ERR_MESSAGE_TOO_BIG.
/// @retval WSLINE_ERR_NO_MEMORY         there is no memory for it; none of it was sent.
///
/// Threads: any number at once; messages never mix.
/// Blocks: while the server does not read, up to the send timeout; wsline_conn_abort() ends the
/// wait.
/// See also: wsline_options_set_send_timeout_ms()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_text(
    conn: *mut wsline_conn,
    text: *const c_char,
    len: usize,
) -> wsline_status {
    send::whole(
        "wsline_conn_send_text",
        conn,
        Opcode::Text,
        text.cast(),
        len,
        "text",
    )
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
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_binary(
    conn: *mut wsline_conn,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    send::whole(
        "wsline_conn_send_binary",
        conn,
        Opcode::Binary,
        data,
        len,
        "data",
    )
}

/// Sends a message or a control frame of a kind given as a number.
///
/// @param conn    an open connection.
/// @param opcode  WSLINE_OPCODE_TEXT, _BINARY, _PING or _PONG; with WSLINE_SEND_UNCOMPRESSED added
///                the message is not compressed.
/// @param data    the payload; text is UTF-8, a ping or pong has at most 125 bytes.
/// @param len     bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `opcode` is another number, or the payload
///                                      is not as said above.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text().
///
/// Threads: any number at once; messages never mix.
/// See also: wsline_conn_send_fragment(), wsline_conn_send_close()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send(
    conn: *mut wsline_conn,
    opcode: i32,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    send::numbered("wsline_conn_send", conn, opcode, data, len)
}

/// Sends a part of a message whose length is not known yet.
///
/// Each part is sent at once, as a frame of its own, unless wsline_conn_cork() is in effect. Until
/// the last part has been sent, other data waits: every other send of data answers WSLINE_ERR_BUSY.
/// Control frames may go out between two parts. Text may be cut anywhere and is not checked to be
/// UTF-8. Where compression was agreed on the parts are compressed, whatever their length.
///
/// @param conn    an open connection.
/// @param opcode  WSLINE_OPCODE_TEXT or WSLINE_OPCODE_BINARY, the same for each part of a message;
///                WSLINE_SEND_UNCOMPRESSED added to that of the first part leaves the message
///                uncompressed.
/// @param data    the part; NULL with `len` 0 is an empty one.
/// @param len     bytes in `data`.
/// @param fin     true for the last part.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL with a length, or `opcode`
///                                      is another than before.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text().
///
/// Threads: any, but the parts of one message come from one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_fragment(
    conn: *mut wsline_conn,
    opcode: i32,
    data: *const c_void,
    len: usize,
    fin: bool,
) -> wsline_status {
    send::fragment("wsline_conn_send_fragment", conn, opcode, data, len, fin)
}

/// Sends one frame as the caller describes it.
///
/// With `raw` 0 the payload is masked with a fresh key. Compression and UTF-8 validation are
/// skipped, and so is the check of a close frame's content. Frames that would break the connection
/// are rejected: reserved bits, a control frame that is long or fragmented, a continuation without
/// a message, a new message inside another.
///
/// With `raw` 1 the frame goes out as wsline_frame_encode() writes it, to test how a server takes
/// it: reserved bits and opcodes, any order, masked with `mask_key` or not at all. Only what would
/// follow a close frame is refused. What the caller sends afterwards in the usual way does not know
/// of it, unless it was a close frame; after a frame with `rsv1`, compressed messages begin afresh.
///
/// @param conn   an open connection.
/// @param frame  with `raw` 0, `fin`, `opcode`, `data` and `len` are used, and the reserved bits
///               and `masked` must be 0.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  an argument is NULL, or the frame is not as said above.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text().
///
/// Threads: any number at once.
/// See also: wsline_conn_recv_frame()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_frame(
    conn: *mut wsline_conn,
    frame: *const wsline_frame,
) -> wsline_status {
    send::outbound("wsline_conn_send_frame", conn, "frame", |arguments| {
        let frame = arguments.get(frame, "frame")?;
        let payload = frame.payload(arguments)?;
        let header = frame.header(payload)?;
        if frame.is_raw()? {
            return Ok(Outbound::uncompressed(Frame::Raw(header), payload));
        }
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Error::argument(
                "frame",
                "has a reserved bit and is not raw",
            ));
        }
        if header.mask.is_some() {
            return Err(Error::argument("frame", "is masked; the library masks it"));
        }
        Ok(Outbound::uncompressed(Frame::Made(header), payload))
    })
}

/// Gathers the messages that are sent from now on, so that many small ones leave with one system
/// call.
///
/// What is gathered leaves when wsline_conn_uncork() is called, when it comes to 64 KiB, before a
/// ping, pong, close frame, a frame of wsline_conn_send_frame() or a message too large to be
/// gathered, and before a receive on this connection waits. A send that is gathered returns
/// WSLINE_OK; if what is gathered cannot be sent, a later call says so. Freeing or aborting the
/// connection discards it.
///
/// @param conn  an open connection.
/// @retval WSLINE_OK                    gathering.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
/// @retval WSLINE_ERR_CLOSED            the connection was closed.
/// @retval WSLINE_ERR_CONNECTION_LOST   and all others: the connection has ended, by what the
///                                      status says.
///
/// Threads: any; what other threads send is gathered, too.
/// Blocks: no.
/// See also: wsline_conn_uncork()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_cork(conn: *mut wsline_conn) -> wsline_status {
    guard::often("wsline_conn_cork", conn, |conn, _| conn?.cork())
}

/// Sends what was gathered since wsline_conn_cork(), and stops gathering.
///
/// @param conn  an open connection.
/// @retval WSLINE_OK                   the system has taken all of it, or there was nothing.
/// @retval WSLINE_ERR_TIMEOUT          the time was up; nothing is lost, and the next call that
///                                     sends goes on with it.
/// @retval WSLINE_ERR_CONNECTION_LOST  the connection has ended, and what was gathered is lost.
/// @retval WSLINE_ERR_CLOSED           and all others: as for wsline_conn_send_text().
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_uncork(conn: *mut wsline_conn) -> wsline_status {
    guard::often("wsline_conn_uncork", conn, |conn, _| conn?.uncork())
}

/// Sends a ping, which the server answers with a pong of the same payload.
///
/// @param conn  an open connection.
/// @param data  at most 125 bytes; NULL with `len` 0 for none.
/// @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL with a length, or `len` is
///                                      above 125.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text(), but for
///                                      WSLINE_ERR_BUSY.
///
/// Threads: any number at once.
/// See also: wsline_conn_recv_event(), which shows the pong
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_ping(
    conn: *mut wsline_conn,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    send::whole("wsline_conn_ping", conn, Opcode::Ping, data, len, "data")
}

/// Sends a pong: the answer to a ping where wsline_options_set_auto_pong() is off, or a sign of
/// life.
///
/// @param conn  an open connection.
/// @param data  at most 125 bytes; NULL with `len` 0 for none.
/// @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has taken all of it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL with a length, or `len` is
///                                      above 125.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text(), but for
///                                      WSLINE_ERR_BUSY.
///
/// Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_pong(
    conn: *mut wsline_conn,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    send::whole("wsline_conn_pong", conn, Opcode::Pong, data, len, "data")
}

/// Begins the closing handshake without waiting for its end, or answers a close frame got from
/// wsline_conn_recv_frame().
///
/// Nothing can be sent after it. Receiving goes on until the server's close frame has come.
///
/// @param conn    an open connection.
/// @param code    a wsline_close_code that may be sent, 3000 to 4999, or 0 for a close frame
///                without a code.
/// @param reason  UTF-8 of at most 123 bytes; NULL for none.
/// @retval WSLINE_OK                    the close frame has been sent.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `code` must not be sent, or `reason` is too
///                                      long.
/// @retval WSLINE_ERR_CLOSED            a close frame has been sent before.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: as for wsline_conn_send_text(), but for
///                                      WSLINE_ERR_BUSY.
///
/// Threads: any number at once.
/// See also: wsline_conn_close()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_send_close(
    conn: *mut wsline_conn,
    code: i32,
    reason: *const c_char,
) -> wsline_status {
    guard::on("wsline_conn_send_close", conn, |conn, arguments| {
        let conn = conn?;
        let frame = arguments.close_frame(code, reason)?;
        conn.send(
            &Outbound::uncompressed(Frame::Close, &frame.payload()),
            "reason",
        )
    })
}
