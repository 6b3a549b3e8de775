// SPDX-License-Identifier: Apache-2.0
//! Receiving: messages, events, frames.

use super::object::wsline_conn;
use crate::base::error::Error;
use crate::conn::connection::Connection;
use crate::ffi::arguments::{self, Arguments};
use crate::ffi::frame::wsline_frame;
use crate::ffi::guard;
use crate::ffi::status::wsline_status;
use crate::protocol::ws::message::{Delivery, Message};

/// Flag of a wsline_message: this is the beginning of the message.
pub const WSLINE_MESSAGE_FIRST: u32 = 1;

/// Flag of a wsline_message: this is the end of the message. A whole message has both flags.
pub const WSLINE_MESSAGE_LAST: u32 = 2;

/// Flag of a wsline_message: another whole message has already arrived, so the next receive does
/// not wait.
///
/// Only that receive finds out whether the message is valid, for example whether it can be inflated
/// or is UTF-8. Control frames do not count: to find out whether a ping, a pong or the close frame
/// has arrived after this message, call wsline_conn_recv_event() with a timeout of 0, with or
/// without this flag.
pub const WSLINE_MESSAGE_MORE: u32 = 4;

/// A received message, or a part of one. Filled in by the library.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsline_message {
    /// The payload, followed by a NUL. Lent: valid until the next receive on the connection or
    /// until it is freed; in a callback, until it returns.
    pub data: *const u8,
    /// Bytes in `data`, without the NUL.
    pub len: usize,
    /// A wsline_opcode.
    pub opcode: i32,
    /// WSLINE_MESSAGE_FIRST, WSLINE_MESSAGE_LAST and WSLINE_MESSAGE_MORE.
    pub flags: u32,
    /// Room to grow; zero.
    pub reserved: [u64; 2],
}

impl wsline_message {
    pub(in crate::ffi) const NOTHING: Self = Self {
        data: std::ptr::null(),
        len: 0,
        opcode: 0,
        flags: 0,
        reserved: [0; 2],
    };

    pub(in crate::ffi) fn new(message: &Message<'_>) -> Self {
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        let payload = message.payload;
        // An empty payload need not have its NUL behind it.
        let data = if payload.is_empty() {
            c"".as_ptr().cast()
        } else {
            payload.as_ptr()
        };
        Self {
            data,
            len: payload.len(),
            opcode: message.opcode.number().into(),
            flags: flag(message.first, WSLINE_MESSAGE_FIRST)
                | flag(message.last, WSLINE_MESSAGE_LAST)
                | flag(message.more, WSLINE_MESSAGE_MORE),
            reserved: [0; 2],
        }
    }
}

/// What an export that receives does: `nothing` is what `out` holds where it fails.
#[inline(always)]
fn receive<T>(
    (conn, arguments): (Result<&&Connection, Error>, Arguments<'_>),
    (delivery, wants_control): (Delivery, bool),
    timeout_ms: i64,
    (out, nothing, name): (*mut T, T, &str),
    fill: impl Fn(&Message<'_>) -> T,
) -> Result<(), Error> {
    let place = arguments.out(out, nothing, name);
    let (conn, place) = (conn?, place?);
    let timeout = arguments::timeout(timeout_ms, "timeout_ms")?;
    conn.receive(delivery, wants_control, timeout, |message| {
        *place = fill(message);
        false
    })
}

/// @@ Receiving
/// Threads: any, one at a time; others may send meanwhile.
/// Blocks: as wsline_conn_recv().
/// Since: 0.1
///
/// Waits for the next message.
///
/// Fragments are joined, text is checked to be UTF-8, pings are answered meanwhile. Several
/// messages that have come together are handed out one by one without another system call.
///
/// @param conn         an open connection.
/// @param timeout_ms   milliseconds; 0 looks once, WSLINE_FOREVER waits forever,
///                     WSLINE_DEFAULT_TIMEOUT as long as the connection is set to.
/// @param message_out  filled; zero on failure.
/// @retval WSLINE_OK                    a message is there.
/// @retval WSLINE_ERR_TIMEOUT           nothing whole came in time; what has come is kept for the
///                                      next call.
/// @retval WSLINE_ERR_CLOSED            the connection was closed; see wsline_conn_close_info().
/// @retval WSLINE_ERR_CONNECTION_LOST   the transport ended without a close frame.
/// @retval WSLINE_ERR_ABORTED           wsline_conn_abort() was called.
/// @retval WSLINE_ERR_PROTOCOL          the server broke RFC 6455, and was told; the connection has
///                                      ended.
/// @retval WSLINE_ERR_INVALID_PAYLOAD           text is not UTF-8, or a compressed message cannot
///                                      be inflated; likewise.
/// @retval WSLINE_ERR_MESSAGE_TOO_BIG   the message is above a limit; likewise.
/// @retval WSLINE_ERR_NO_MEMORY         there is no memory for it; likewise.
/// @retval WSLINE_ERR_BUSY              another thread is receiving on this connection.
/// @retval WSLINE_ERR_WRONG_STATE       never connected, or in the middle of a message begun with
///                                      another receive function.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `timeout_ms` is another negative
///                                      number.
/// @retval WSLINE_ERR_TLS               TLS failed.
/// @retval WSLINE_ERR_IO                a system call failed.
///
/// Ownership: the payload is lent until the next receive on this connection, or its end.
/// Blocks: up to `timeout_ms`; wsline_conn_abort() or wsline_conn_close() from another thread ends
/// the wait.
/// See also: wsline_conn_recv_event(), wsline_conn_recv_frame()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_recv(
    conn: *mut wsline_conn,
    timeout_ms: i64,
    message_out: *mut wsline_message,
) -> wsline_status {
    guard::often("wsline_conn_recv", conn, move |conn, arguments| {
        let place = (message_out, wsline_message::NOTHING, "message_out");
        let wanted = (Delivery::Messages, false);
        receive(
            (conn, arguments),
            wanted,
            timeout_ms,
            place,
            wsline_message::new,
        )
    })
}

/// Waits for the next message or control frame.
///
/// As wsline_conn_recv(), but pings, pongs and the close frame are handed out too, after what they
/// call for has been done: a ping has been answered, a close frame as well. The close frame comes
/// once; after it the status is WSLINE_ERR_CLOSED.
///
/// @param conn         an open connection.
/// @param timeout_ms   as for wsline_conn_recv().
/// @param message_out  filled; zero on failure. A close frame's payload is empty, or a code in two
///                     bytes, the high one first, and a reason.
/// @retval WSLINE_OK           a message or a control frame is there; see `opcode`.
/// @retval WSLINE_ERR_TIMEOUT  and all others: as for wsline_conn_recv().
///
/// Ownership: as for wsline_conn_recv().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_recv_event(
    conn: *mut wsline_conn,
    timeout_ms: i64,
    message_out: *mut wsline_message,
) -> wsline_status {
    guard::often("wsline_conn_recv_event", conn, move |conn, arguments| {
        let place = (message_out, wsline_message::NOTHING, "message_out");
        let wanted = (Delivery::Messages, true);
        receive(
            (conn, arguments),
            wanted,
            timeout_ms,
            place,
            wsline_message::new,
        )
    })
}

/// Waits for a message, and takes those that have arrived behind it along.
///
/// So one call receives all that one read of the socket has brought, which makes the difference
/// where a call is expensive or messages come in floods. All of them are lent at once, each with
/// its NUL. Only whole messages of less than 64 KiB that came in one frame, not compressed, can be
/// lent beside another: any other one comes alone, and so does each with
/// wsline_options_set_deliver_fragments() in use. If the last one has WSLINE_MESSAGE_MORE, the next
/// call does not wait. What is wrong with a message is reported by the call that would begin with
/// it.
///
/// @param conn          an open connection.
/// @param timeout_ms    as for wsline_conn_recv(); for the first message.
/// @param messages_out  the first `*count_out` are filled.
/// @param capacity      how many there is room for, 1 or more.
/// @param count_out     how many there are; 0 on failure.
/// @retval WSLINE_OK                    at least one message is there.
/// @retval WSLINE_ERR_TIMEOUT           and all others: as for wsline_conn_recv().
/// @retval WSLINE_ERR_INVALID_ARGUMENT  as for wsline_conn_recv(), or `capacity` is 0.
///
/// Ownership: the payloads are lent until the next receive on this connection, or its end.
/// See also: wsline_conn_recv()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_recv_many(
    conn: *mut wsline_conn,
    timeout_ms: i64,
    messages_out: *mut wsline_message,
    capacity: usize,
    count_out: *mut usize,
) -> wsline_status {
    guard::often("wsline_conn_recv_many", conn, move |conn, arguments| {
        let count = arguments.out(count_out, 0, "count_out");
        let places = arguments.out_list(messages_out, capacity, "messages_out");
        let (conn, count, places) = (conn?, count?, places?);
        let timeout = arguments::timeout(timeout_ms, "timeout_ms")?;
        if places.is_empty() {
            return Err(Error::argument("capacity", "is 0"));
        }
        let mut places = places.iter_mut();
        conn.receive(Delivery::Messages, false, timeout, |message| {
            if let Some(place) = places.next() {
                place.write(wsline_message::new(message));
                *count += 1;
            }
            places.len() > 0
        })
    })
}

/// Waits for the next piece of a message, so that messages of any size take little memory.
///
/// A piece is what has come of a message, some 256 KiB at most; the flags tell the first and the
/// last. A small message mostly comes whole, with both. wsline_options_set_max_message_bytes() and
/// _max_fragments() do not apply. Text is checked across pieces; a character may be cut between
/// two. The rest of a message that was begun must be received in this way, too.
///
/// @param conn        an open connection.
/// @param timeout_ms  as for wsline_conn_recv().
/// @param part_out    filled; zero on failure. The last piece may be empty.
/// @retval WSLINE_OK           a piece is there.
/// @retval WSLINE_ERR_TIMEOUT  and all others: as for wsline_conn_recv().
///
/// Ownership: the payload is lent until the next receive on this connection, or its end.
/// See also: wsline_conn_send_fragment(), which sends so; wsline_app_on_part()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_recv_part(
    conn: *mut wsline_conn,
    timeout_ms: i64,
    part_out: *mut wsline_message,
) -> wsline_status {
    guard::often("wsline_conn_recv_part", conn, move |conn, arguments| {
        let place = (part_out, wsline_message::NOTHING, "part_out");
        let wanted = (Delivery::Parts, false);
        receive(
            (conn, arguments),
            wanted,
            timeout_ms,
            place,
            wsline_message::new,
        )
    })
}

/// Waits for the next frame, whatever it is.
///
/// Frames are handed out as they came: not joined, not inflated (`rsv1` marks the first frame of a
/// compressed message), text not checked, pings not answered, a close frame not answered (answer
/// with wsline_conn_send_close()). Frames that break RFC 6455 end the connection here too, and the
/// limits hold.
///
/// @param conn        an open connection.
/// @param timeout_ms  as for wsline_conn_recv().
/// @param frame_out   filled; zero on failure.
/// @retval WSLINE_OK           a frame is there.
/// @retval WSLINE_ERR_TIMEOUT  and all others: as for wsline_conn_recv().
///
/// Ownership: the payload is lent until the next receive on this connection, or its end.
/// See also: wsline_conn_send_frame()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_recv_frame(
    conn: *mut wsline_conn,
    timeout_ms: i64,
    frame_out: *mut wsline_frame,
) -> wsline_status {
    guard::often("wsline_conn_recv_frame", conn, move |conn, arguments| {
        let place = (frame_out, wsline_frame::NOTHING, "frame_out");
        let wanted = (Delivery::Frames, true);
        receive(
            (conn, arguments),
            wanted,
            timeout_ms,
            place,
            wsline_frame::of_message,
        )
    })
}
