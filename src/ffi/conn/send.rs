// SPDX-License-Identifier: Apache-2.0
//! Sending: whole messages, fragments, control frames, frames of the caller's own.

use super::object::wsline_conn;
use crate::base::error::Error;
use crate::conn::send::outbound::{Compress, Outbound};
use crate::ffi::frame::wsline_frame;
use crate::ffi::guard;
use crate::ffi::ptr;
use crate::ffi::status::wsline_status;
use crate::protocol::ws::close::CloseFrame;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::Frame;
use std::ffi::{c_char, c_void};

/// Added to an opcode: the message is not compressed.
pub const WSLINE_SEND_PLAIN: i32 = 256;

/// An opcode, and whether it came with WSLINE_SEND_PLAIN.
#[derive(Clone, Copy)]
pub(in crate::ffi) struct SendKind {
    pub(in crate::ffi) opcode: Opcode,
    pub(in crate::ffi) is_plain: bool,
}

impl SendKind {
    pub(in crate::ffi) const fn of(opcode: Opcode) -> Self {
        Self {
            opcode,
            is_plain: false,
        }
    }

    /// Text or binary.
    pub(in crate::ffi) fn of_message(number: i32) -> Result<Self, Error> {
        let kind = Self::read(number).filter(|kind| !kind.opcode.is_control());
        kind.ok_or_else(|| {
            let must = format!("is {number}; it must be text or binary");
            Error::argument("opcode", must)
        })
    }

    /// The same, ping or pong.
    pub(in crate::ffi) fn of_whole(number: i32) -> Result<Self, Error> {
        Self::read(number).ok_or_else(|| {
            let must = format!("is {number}; it must be text, binary, ping or pong");
            Error::argument("opcode", must)
        })
    }

    pub(in crate::ffi) fn whole(self, payload: &[u8]) -> Outbound<'_> {
        Outbound::new(Frame::Whole(self.opcode), payload, self.compress())
    }

    pub(in crate::ffi) fn fragment(self, payload: &[u8], fin: bool) -> Outbound<'_> {
        let opcode = self.opcode;
        Outbound::new(Frame::Fragment { opcode, fin }, payload, self.compress())
    }

    fn compress(self) -> Compress<'static> {
        if self.is_plain {
            Compress::Never
        } else {
            Compress::IfNegotiated
        }
    }

    fn read(number: i32) -> Option<Self> {
        let opcode = Opcode::from_i32(number & !WSLINE_SEND_PLAIN)?;
        let is_plain = number & WSLINE_SEND_PLAIN != 0;
        let may_be_sent = !matches!(opcode, Opcode::Continuation | Opcode::Close);
        may_be_sent.then_some(Self { opcode, is_plain })
    }
}

/// Runs an export that sends one payload.
unsafe fn send(
    function: &'static str,
    conn: *mut wsline_conn,
    kind: Result<SendKind, Error>,
    data: *const c_void,
    len: usize,
    name: &str,
) -> wsline_status {
    // SAFETY: passed on.
    let (conn, payload) = unsafe { (wsline_conn::get(conn), ptr::payload(data, len, name)) };
    guard::on_conn(function, conn, |conn| {
        conn.send(&kind?.whole(payload?), name)
    })
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
/// @retval WSLINE_ERR_NO_MEMORY         there is no memory for it; none of it was sent.
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
            Ok(SendKind::of(Opcode::Text)),
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
            Ok(SendKind::of(Opcode::Binary)),
            data,
            len,
            "data",
        )
    }
}

/// Sends a message or a control frame of a kind given as a number.
///
/// @param conn    an open connection.
/// @param opcode  WSLINE_OPCODE_TEXT, _BINARY, _PING or _PONG; with WSLINE_SEND_PLAIN added the message is not compressed.
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
    let kind = SendKind::of_whole(opcode);
    // SAFETY: as promised to ptr.
    unsafe { send("wsline_conn_send", conn, kind, data, len, "data") }
}

/// Sends a part of a message whose length is not known yet.
///
/// Each part leaves at once, as a frame of its own, unless wsline_conn_cork() corks it. Until the last part has been sent, other data waits: every other send
/// of data answers WSLINE_ERR_BUSY. Control frames may go out between two parts. Text may be cut anywhere and is not checked
/// to be UTF-8. Where compression was agreed on the parts are compressed, whatever their length.
///
/// @param conn    an open connection.
/// @param opcode  WSLINE_OPCODE_TEXT or WSLINE_OPCODE_BINARY, the same for each part of a message; WSLINE_SEND_PLAIN added to that of the first part leaves the message uncompressed.
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
    guard::on_conn("wsline_conn_send_fragment", conn, |conn| {
        let kind = SendKind::of_message(opcode)?;
        conn.send(&kind.fragment(payload?, fin), "data")
    })
}

/// Sends one frame as the caller describes it.
///
/// With `raw` 0 the payload is masked with a fresh key. Skipped are compression, and the checks of text and of the content of
/// a close frame; refused is what would break the connection: reserved bits, a control frame that is long or fragmented, a
/// continuation of nothing, a new message inside another.
///
/// With `raw` 1 the frame goes out as wsline_frame_encode() writes it, to test how a server takes it: reserved bits and
/// opcodes, any order, masked with `mask_key` or not at all. Only what would follow a close frame is refused. What the caller
/// sends afterwards in the usual way does not know of it, unless it was a close frame; after a frame with `rsv1`, compressed
/// messages begin afresh.
///
/// @param conn   an open connection.
/// @param frame  with `raw` 0, `fin`, `opcode`, `data` and `len` are used, and the reserved bits and `masked` must be 0.
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
        if frame.is_raw()? {
            return conn.send(
                &Outbound::uncompressed(Frame::Raw(header), payload),
                "frame",
            );
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
        conn.send(
            &Outbound::uncompressed(Frame::Made(header), payload),
            "frame",
        )
    })
}

/// Gathers the messages that are sent from now on, so that many small ones leave with one system call.
///
/// What is gathered leaves when wsline_conn_uncork() is called, when it comes to 64 KiB, before a ping, pong, close frame, a
/// frame of wsline_conn_send_frame() or a message too large to be gathered, and before a receive on this connection waits. A
/// send that corks answers WSLINE_OK; if what is gathered cannot be sent, a later call says so. Free and abort lose it.
///
/// @param conn  an open connection.
/// @retval WSLINE_OK                    gathering.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
/// @retval WSLINE_ERR_CLOSED            the connection was closed.
/// @retval WSLINE_ERR_CONNECTION_LOST   and all others: the connection has ended, by what the status says.
///
/// Threads: any; what other threads send is gathered, too.
/// Blocks: no.
/// See also: wsline_conn_uncork()
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_cork(conn: *mut wsline_conn) -> wsline_status {
    // SAFETY: as promised to ptr.
    let conn = unsafe { wsline_conn::get(conn) };
    guard::on_conn("wsline_conn_cork", conn, |conn| conn.cork())
}

/// Sends what was gathered since wsline_conn_cork(), and corks no more.
///
/// @param conn  an open connection.
/// @retval WSLINE_OK                   the system has taken all of it, or there was nothing.
/// @retval WSLINE_ERR_TIMEOUT          the time was up; nothing is lost, and the next call that sends goes on with it.
/// @retval WSLINE_ERR_CONNECTION_LOST  the connection has ended, and what was gathered is lost.
/// @retval WSLINE_ERR_CLOSED           and all others: as for wsline_conn_send_text().
///
/// Threads: any.
/// Blocks: as wsline_conn_send_text().
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_uncork(conn: *mut wsline_conn) -> wsline_status {
    // SAFETY: as promised to ptr.
    let conn = unsafe { wsline_conn::get(conn) };
    guard::on_conn("wsline_conn_uncork", conn, |conn| conn.uncork())
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
            Ok(SendKind::of(Opcode::Ping)),
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
            Ok(SendKind::of(Opcode::Pong)),
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
        conn.send(
            &Outbound::uncompressed(Frame::Close, &frame.payload()),
            "reason",
        )
    })
}
