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
/// Only the next receive finds out whether that message is valid, for example whether it can be
/// inflated and is UTF-8, and with WSLINE_INFLATE_STREAM whether it is continued. Control frames do
/// not count: to find out whether a ping, a pong or the close frame has arrived after this message,
/// call wsline_conn_recv_event() with a timeout of 0, whether or not this flag is set.
pub const WSLINE_MESSAGE_MORE: u32 = 4;

/// Flag of a wsline_message: the server itself had compressed the message, and it was inflated, see
/// wsline_options_set_inflate_messages().
///
/// A fragment or part that is so short that it does not yet show the format lacks the flag.
pub const WSLINE_MESSAGE_INFLATED: u32 = 8;

/// A received message, a fragment or part of one, or a control frame. Filled in by the library.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsline_message {
    /// The payload, followed by a NUL. Lent: valid until the next receive on the connection or
    /// until the connection is freed; in a callback, until the callback returns.
    pub data: *const u8,
    /// Bytes in `data`, without the NUL.
    pub len: usize,
    /// A wsline_opcode; that of the message, also for its later fragments and parts.
    pub opcode: i32,
    /// WSLINE_MESSAGE_FIRST, _LAST, _MORE and _INFLATED. Control frames have the first two.
    pub flags: u32,
    /// When the read that completed the message got its last bytes from the network, by the
    /// system's clock: nanoseconds since 1970-01-01 00:00 UTC (CLOCK_REALTIME). 0 without
    /// wsline_options_set_receive_timestamps(), which describes it.
    pub received_ns: u64,
    /// Reserved for future fields; 0.
    pub reserved: [u64; 1],
}

impl wsline_message {
    pub(in crate::ffi) const NOTHING: Self = Self {
        data: std::ptr::null(),
        len: 0,
        opcode: 0,
        flags: 0,
        received_ns: 0,
        reserved: [0; 1],
    };

    pub(in crate::ffi) fn new(message: &Message<'_>) -> Self {
        let payload = message.payload;
        // An empty payload may have no NUL behind it.
        let data = if payload.is_empty() {
            c"".as_ptr().cast()
        } else {
            payload.as_ptr()
        };
        Self {
            data,
            len: payload.len(),
            opcode: message.opcode.number().into(),
            flags: message.flags.bits(),
            received_ns: message.received_ns,
            reserved: [0; 1],
        }
    }
}

/// Runs an export that receives; `nothing` is what `out` holds if it fails.
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
/// Threads: any, one at a time; others may send at the same time.
/// Blocks: as wsline_conn_recv().
/// Since: 0.1
///
/// Waits for the next message.
///
/// Joins fragments, validates text, and answers pings. Messages that have arrived together are
/// delivered one by one without further system calls.
///
/// @param conn         an open connection.
/// @param timeout_ms   milliseconds; 0 does not wait, but reads what has arrived, up to some 8 MiB
///                     or 16,000 control frames; WSLINE_FOREVER waits indefinitely,
///                     WSLINE_DEFAULT_TIMEOUT uses the timeout of the connection.
/// @param message_out  filled; zero on failure.
/// @retval WSLINE_OK                    a message has arrived.
/// @retval WSLINE_ERR_TIMEOUT           no complete message arrived in time; what has arrived is
///                                      kept for the next call.
/// @retval WSLINE_ERR_INTERRUPTED       a signal handler ran, see
///                                      wsline_options_set_interruptible().
/// @retval WSLINE_ERR_CLOSED            the connection was closed; see wsline_conn_close_info().
/// @retval WSLINE_ERR_CONNECTION_LOST   the transport ended without a close frame.
/// @retval WSLINE_ERR_ABORTED           wsline_conn_abort() was called.
/// @retval WSLINE_ERR_PROTOCOL          the server violated RFC 6455; a close frame was sent, and
///                                      the connection has ended.
/// @retval WSLINE_ERR_INVALID_PAYLOAD   text is not UTF-8, or a compressed message cannot be
///                                      inflated; a close frame was sent, and the connection has
///                                      ended.
/// @retval WSLINE_ERR_MESSAGE_TOO_BIG   the message exceeds a limit; a close frame was sent, and
///                                      the connection has ended.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory for the message; the connection
///                                      has ended.
/// @retval WSLINE_ERR_BUSY              another thread is receiving on this connection.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected, or another receive
///                                      function has begun a message.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL, or `timeout_ms` is another negative
///                                      number.
/// @retval WSLINE_ERR_TLS               TLS failed.
/// @retval WSLINE_ERR_IO                a system call failed.
///
/// Ownership: the payload is lent until the next receive on the connection or until the connection
/// is freed.
/// Blocks: up to `timeout_ms`; wsline_conn_abort(), wsline_conn_shutdown() or wsline_conn_close()
/// from another thread ends the wait.
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
/// Like wsline_conn_recv(), but also delivers pings, pongs and the close frame. By then a close
/// frame has been answered, and so has a ping, unless automatic pongs are disabled. The close frame
/// is delivered once; after that the status is WSLINE_ERR_CLOSED.
///
/// @param conn         an open connection.
/// @param timeout_ms   as for wsline_conn_recv().
/// @param message_out  filled; zero on failure. The payload of a close frame is empty, or a code in
///                     two bytes, in network byte order, and a reason.
/// @retval WSLINE_OK           a message or a control frame has arrived; see `opcode`.
/// @retval WSLINE_ERR_TIMEOUT  and all others: see wsline_conn_recv().
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

/// Waits for a message, and returns it together with the others that have already arrived.
///
/// One call can deliver all messages that one read of the socket has brought, up to `capacity`; it
/// is for programs that receive many messages or for which calls are expensive, such as language
/// bindings. All messages are lent at once, each followed by a NUL. Only uncompressed messages of
/// one frame and less than 64 KiB can be delivered together; any other message is delivered alone,
/// and so is every message with wsline_options_set_deliver_fragments(), and every binary one with
/// wsline_options_set_inflate_messages(). If the last message has WSLINE_MESSAGE_MORE, the next
/// call does not wait. An error in a message is reported by the next call, after the messages
/// before it.
///
/// @param conn          an open connection.
/// @param timeout_ms    as for wsline_conn_recv(); for the first message.
/// @param messages_out  the first `*count_out` elements are filled.
/// @param capacity      the number of elements in `messages_out`, 1 or more.
/// @param count_out     set to the number of messages; to 0 on failure.
/// @retval WSLINE_OK                    at least one message has arrived.
/// @retval WSLINE_ERR_TIMEOUT           and all others: see wsline_conn_recv().
/// @retval WSLINE_ERR_INVALID_ARGUMENT  as for wsline_conn_recv(), or `capacity` is 0.
///
/// Ownership: the payloads are lent until the next receive on the connection or until the
/// connection is freed.
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

/// Waits for the next part of a message, so that messages of any size need little memory.
///
/// A part is whatever has arrived of the message since the previous part, at most about 256 KiB,
/// regardless of the fragments in which it was sent; the flags mark the first and the last part. A
/// small message usually arrives as one part with both flags.
/// wsline_options_set_max_message_bytes() and _max_fragments() do not apply. UTF-8 validation
/// covers the whole message; a character may be split between two parts. A message whose first part
/// was received with this function must be received to its end with it.
///
/// @param conn        an open connection.
/// @param timeout_ms  as for wsline_conn_recv().
/// @param part_out    filled; zero on failure. The last part may be empty.
/// @retval WSLINE_OK           a part has arrived.
/// @retval WSLINE_ERR_TIMEOUT  and all others: see wsline_conn_recv().
///
/// Ownership: the payload is lent until the next receive on the connection or until the connection
/// is freed.
/// See also: wsline_conn_send_fragment(), wsline_app_on_part()
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

/// Waits for the next frame of any kind.
///
/// Frames are delivered as they arrive: they are not joined or inflated (`rsv1` marks the first
/// frame of a compressed message), text is not validated, and pings and close frames are not
/// answered (use wsline_conn_pong() and wsline_conn_send_close()). Frames that violate RFC 6455
/// still end the connection.
///
/// A frame over a limit ends the connection, too. wsline_options_set_max_message_bytes() and
/// _max_frame_bytes() limit each data frame, compressed as it has arrived; the sum of a message has
/// no limit. _max_fragments() counts the data frames of a message: those up to the limit are
/// delivered. Control frames count for none of them; RFC 6455 limits them to 125 bytes. If later
/// compressed messages may refer to earlier ones, the library also inflates them for itself, and
/// wsline_options_set_deflate_max_ratio() applies.
///
/// @param conn        an open connection.
/// @param timeout_ms  as for wsline_conn_recv().
/// @param frame_out   filled; zero on failure.
/// @retval WSLINE_OK               a frame is in `frame_out`.
/// @retval WSLINE_ERR_WRONG_STATE  as for wsline_conn_recv(), or WSLINE_INFLATE_STREAM was set.
/// @retval WSLINE_ERR_TIMEOUT      and all others: see wsline_conn_recv().
///
/// Ownership: the payload is lent until the next receive on the connection or until the connection
/// is freed.
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
