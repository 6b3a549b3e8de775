// SPDX-License-Identifier: Apache-2.0
//! Sending: whole messages, fragments, control frames, frames that the caller builds.

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
/// @param text  the text, UTF-8; NULL with `len` 0 is an empty message.
/// @param len   bytes in `text`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has accepted all of the data, or it is corked;
///                                      see wsline_conn_cork().
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `text` is NULL and `len` is not 0, or
///                                      `text` is not UTF-8.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
/// @retval WSLINE_ERR_BUSY              a fragmented message has not been finished.
/// @retval WSLINE_ERR_TIMEOUT           the send timed out before any of the message was sent; the
///                                      connection is as it was.
/// @retval WSLINE_ERR_INTERRUPTED       a signal handler ran, see
///                                      wsline_options_set_interruptible().
/// @retval WSLINE_ERR_CLOSED            the connection was closed.
/// @retval WSLINE_ERR_CONNECTION_LOST   the transport has ended, or was dropped because the send
///                                      timed out with part of a frame sent.
/// @retval WSLINE_ERR_ABORTED           wsline_conn_abort() was called.
/// @retval WSLINE_ERR_TLS               TLS failed.
/// @retval WSLINE_ERR_IO                a system call failed.
/// @retval WSLINE_ERR_INTERNAL          the function set with wsline_options_set_mask_key_fn()
///                                      failed, or there is a bug in wsline.
/// @retval WSLINE_ERR_PROTOCOL          the connection has already ended with this status;
///                                      WSLINE_ERR_INVALID_PAYLOAD and WSLINE_ERR_MESSAGE_TOO_BIG
///                                      are returned for that reason, too.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; none of the message was sent.
///
/// Threads: any number at once; messages are never interleaved.
/// Blocks: up to the send timeout, while the server does not read; wsline_conn_abort() ends the
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
/// @param data  the bytes; NULL with `len` 0 is an empty message.
/// @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has accepted all of the data, or it is corked;
///                                      see wsline_conn_cork().
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, or `data` is NULL and `len` is not 0.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: see wsline_conn_send_text().
///
/// Threads: any number at once; messages are never interleaved.
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

/// Sends a message, a ping or a pong.
///
/// @param conn    an open connection.
/// @param opcode  WSLINE_OPCODE_TEXT, _BINARY, _PING or _PONG; add WSLINE_SEND_UNCOMPRESSED to send
///                a message uncompressed.
/// @param data    the payload; text must be UTF-8, a ping or pong has at most 125 bytes; NULL with
///                `len` 0 is an empty one.
/// @param len     bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has accepted all of the data, or it is corked;
///                                      see wsline_conn_cork().
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `opcode` is another number, or the payload
///                                      is invalid.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: see wsline_conn_send_text().
///
/// Threads: any number at once; messages are never interleaved.
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

/// Sends one fragment of a message whose length is not known yet.
///
/// Each fragment is sent at once, as a frame of its own, unless wsline_conn_cork() is in effect.
/// Until the last fragment has been sent, every other send of a message returns WSLINE_ERR_BUSY;
/// control frames may be sent between fragments. Text may be split anywhere and is not validated.
/// If compression was negotiated, fragments of any size are compressed.
///
/// @param conn    an open connection.
/// @param opcode  WSLINE_OPCODE_TEXT or WSLINE_OPCODE_BINARY, the same for each fragment of a
///                message; add WSLINE_SEND_UNCOMPRESSED to that of the first fragment to send the
///                message uncompressed.
/// @param data    the fragment; NULL with `len` 0 is an empty one.
/// @param len     bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @param fin     true for the last fragment.
/// @retval WSLINE_OK                    the system has accepted all of the data, or it is corked;
///                                      see wsline_conn_cork().
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL and `len` is not 0, or
///                                      `opcode` is another number or differs from that of the
///                                      first fragment.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: see wsline_conn_send_text().
///
/// Threads: any, but only one at a time for the fragments of one message.
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

/// Sends one frame, as `frame` describes it.
///
/// If `raw` is 0, the payload is masked with a new key. Compression, UTF-8 validation and the check
/// of a close frame's content are skipped. Frames that would break the connection are rejected:
/// reserved bits, a long or fragmented control frame, a continuation without a message, a new
/// message inside another.
///
/// If `raw` is 1, the frame is sent as wsline_frame_encode() writes it, to test how a server
/// handles it: with reserved bits and opcodes, in any order, masked with `mask_key` or not at all.
/// Only a frame after a close frame is rejected. Later sends take no account of the frame, unless
/// it is a close frame; but after a frame with `rsv1`, compression starts again with an empty
/// window.
///
/// @param conn   an open connection.
/// @param frame  the frame. If `raw` is 0, `fin`, `opcode`, `data` and `len` are used, and the
///               reserved bits and `masked` must be 0.
/// @retval WSLINE_OK                    the system has accepted all of the data.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  an argument is NULL, or the frame is invalid.
/// @retval WSLINE_ERR_WRONG_STATE       and all others: see wsline_conn_send_text().
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
                "has a reserved bit set, but `raw` is 0",
            ));
        }
        if header.mask.is_some() {
            return Err(Error::argument(
                "frame",
                "must not be masked; the library masks it",
            ));
        }
        Ok(Outbound::uncompressed(Frame::Made(header), payload))
    })
}

/// Corks a connection: from now on small messages are collected, so that many of them are sent with
/// one system call.
///
/// Corked messages are sent by wsline_conn_uncork(), when they reach 64 KiB, before a ping, a pong,
/// a close frame, a frame sent with wsline_conn_send_frame() or a message too large to collect, and
/// before a receive on this connection waits. While corked, a send returns WSLINE_OK; if the
/// collected messages cannot be sent, a later call reports the error. Freeing or aborting the
/// connection discards them.
///
/// @param conn  an open connection.
/// @retval WSLINE_OK                    corked.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
/// @retval WSLINE_ERR_CLOSED            the connection was closed.
/// @retval WSLINE_ERR_CONNECTION_LOST   and all others: the connection has ended with that status.
///
/// Threads: any; messages of other threads are corked, too.
/// Blocks: no.
/// See also: wsline_conn_uncork()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_cork(conn: *mut wsline_conn) -> wsline_status {
    guard::often("wsline_conn_cork", conn, |conn, _| conn?.cork())
}

/// Sends the messages collected since wsline_conn_cork(), and ends corking.
///
/// @param conn  an open connection.
/// @retval WSLINE_OK                   the system has accepted all collected messages, or there
///                                     were none.
/// @retval WSLINE_ERR_TIMEOUT          the send timed out; nothing is lost, and the next call that
///                                     sends continues.
/// @retval WSLINE_ERR_CONNECTION_LOST  the connection has ended, and the corked messages are lost.
/// @retval WSLINE_ERR_CLOSED           and all others: see wsline_conn_send_text().
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_uncork(conn: *mut wsline_conn) -> wsline_status {
    guard::often("wsline_conn_uncork", conn, |conn, _| conn?.uncork())
}

/// Sends a ping, which the server answers with a pong of the same payload.
///
/// @param conn  an open connection.
/// @param data  the payload, at most 125 bytes; NULL with `len` 0 for none.
/// @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has accepted all of the data.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL and `len` is not 0, or the
///                                      payload is longer than 125 bytes.
/// @retval WSLINE_ERR_WRONG_STATE       and all others except WSLINE_ERR_BUSY: see
///                                      wsline_conn_send_text().
///
/// Threads: any number at once.
/// See also: wsline_conn_recv_event(), which delivers the pong
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_ping(
    conn: *mut wsline_conn,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    guard::often("wsline_conn_ping", conn, |conn, arguments| {
        let payload = arguments.payload(data, len, "data")?;
        let message = Outbound::uncompressed(Frame::Whole(Opcode::Ping), payload);
        conn?.ping(&message, "data")
    })
}

/// Sends a pong: the answer to a ping if automatic pongs are disabled, or an unsolicited one.
///
/// @param conn  an open connection.
/// @param data  the payload, at most 125 bytes; NULL with `len` 0 for none.
/// @param len   bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    the system has accepted all of the data.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `data` is NULL and `len` is not 0, or the
///                                      payload is longer than 125 bytes.
/// @retval WSLINE_ERR_WRONG_STATE       and all others except WSLINE_ERR_BUSY: see
///                                      wsline_conn_send_text().
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

/// Sends a close frame: begins the closing handshake without waiting for its end, or answers a
/// close frame received with wsline_conn_recv_frame().
///
/// Nothing can be sent after it. Receives continue until the server's close frame has arrived.
///
/// @param conn    an open connection.
/// @param code    a wsline_close_code that is not marked "only reported", 3000 to 4999, or 0 for a
///                close frame without a code.
/// @param reason  UTF-8 of at most 123 bytes; NULL for none.
/// @retval WSLINE_OK                    the close frame has been sent.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL, `code` is not a code that may be sent, or
///                                      `reason` is too long or not UTF-8.
/// @retval WSLINE_ERR_CLOSED            a close frame was sent before.
/// @retval WSLINE_ERR_WRONG_STATE       and all others except WSLINE_ERR_BUSY: see
///                                      wsline_conn_send_text().
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
