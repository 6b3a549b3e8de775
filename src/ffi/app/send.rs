// SPDX-License-Identifier: Apache-2.0
//! What any thread may do with an app: send, close, abort.

use super::object::wsline_app;
use crate::ffi::guard;
use crate::ffi::send;
use crate::ffi::status::wsline_status;
use crate::protocol::ws::opcode::Opcode;
use std::ffi::{c_char, c_void};

/// @@ Sending with an app
/// Threads: any.
/// Blocks: no.
/// In callbacks: allowed.
/// Since: 0.1
///
/// Sends a text message.
///
/// It goes to the socket at once. What the socket does not take is queued, up to
/// wsline_options_set_max_send_queue_bytes(), and sent by the driving thread; of one thread's
/// messages none overtakes another.
///
/// @param app   an app.
/// @param text  UTF-8; NULL with length 0 is an empty message.
/// @param len   bytes, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_WOULD_BLOCK       the queue is full; wsline_app_on_drain() tells when there
///                                      is room. Nothing was sent.
/// @retval WSLINE_ERR_WRONG_STATE       it is not connected.
/// @retval WSLINE_ERR_CLOSED            the connection is being closed.
/// @retval WSLINE_ERR_CONNECTION_LOST   the server has gone; on_error follows.
/// @retval WSLINE_ERR_ABORTED           wsline_app_abort() was called.
/// @retval WSLINE_ERR_PROTOCOL          the connection has just ended by this, as by
///                                      WSLINE_ERR_INVALID_PAYLOAD, WSLINE_ERR_MESSAGE_TOO_BIG,
///                                      WSLINE_ERR_PONG_TIMEOUT and WSLINE_ERR_TIMEOUT; on_error
///                                      follows.
/// @retval WSLINE_ERR_TLS               TLS failed.
/// @retval WSLINE_ERR_IO                a system call failed.
/// @retval WSLINE_ERR_INTERNAL          the function of wsline_options_set_mask_key_fn() failed, or
///                                      a bug in wsline.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `text` is NULL with a length, or not UTF-8.
/// @retval WSLINE_ERR_NO_MEMORY         there is no memory to queue it; none of it was sent.
///
/// Ownership: the text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_send_text(
    app: *mut wsline_app,
    text: *const c_char,
    len: usize,
) -> wsline_status {
    send::whole(
        "wsline_app_send_text",
        app,
        Opcode::Text,
        text.cast(),
        len,
        "text",
    )
}

/// Sends a binary message, otherwise as wsline_app_send_text().
///
/// @param app   an app.
/// @param data  any bytes; NULL with length 0 is an empty message.
/// @param len   bytes, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK               sent, or queued.
/// @retval WSLINE_ERR_WOULD_BLOCK  and all others: as for wsline_app_send_text().
///
/// Ownership: the bytes are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_send_binary(
    app: *mut wsline_app,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    send::whole(
        "wsline_app_send_binary",
        app,
        Opcode::Binary,
        data,
        len,
        "data",
    )
}

/// Sends a message or a control frame of a kind given as a number, otherwise as
/// wsline_app_send_text().
///
/// @param app     an app.
/// @param opcode  WSLINE_OPCODE_TEXT, _BINARY, _PING or _PONG; add WSLINE_SEND_UNCOMPRESSED to send
///                a message uncompressed.
/// @param data    the payload; text is UTF-8, a ping or pong has at most 125 bytes; NULL with
///                length 0 is an empty one.
/// @param len     bytes, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `opcode` is another one, or as for wsline_app_send_text().
/// @retval WSLINE_ERR_WOULD_BLOCK       and all others: as for wsline_app_send_text().
///
/// Ownership: the bytes are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_send(
    app: *mut wsline_app,
    opcode: i32,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    send::numbered("wsline_app_send", app, opcode, data, len)
}

/// Sends a part of a message whose length is not known yet, otherwise as wsline_app_send_text().
///
/// Each part is sent at once, as a frame of its own, unless wsline_app_cork() is in effect. Until
/// the last part has been sent, every other send of data answers WSLINE_ERR_BUSY; control frames
/// may go out between two parts. Text is not checked. A message that was begun ends with its
/// connection: after a reconnect begin anew.
///
/// @param app     an app.
/// @param opcode  WSLINE_OPCODE_TEXT or WSLINE_OPCODE_BINARY, the same for each fragment of a
///                message; add WSLINE_SEND_UNCOMPRESSED to that of the first fragment to send the
///                message uncompressed.
/// @param data    the part; NULL with length 0 is an empty one.
/// @param len     bytes.
/// @param fin     true for the last fragment.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `opcode` is another one, or another than before, or as for
///                                      wsline_app_send_text().
/// @retval WSLINE_ERR_WOULD_BLOCK       and all others: as for wsline_app_send_text(); the same
///                                      part may be sent again.
///
/// Ownership: the bytes are copied.
/// Threads: any, but only one at a time for the fragments of one message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_send_fragment(
    app: *mut wsline_app,
    opcode: i32,
    data: *const c_void,
    len: usize,
    fin: bool,
) -> wsline_status {
    send::fragment("wsline_app_send_fragment", app, opcode, data, len, fin)
}

/// Gathers the messages that are sent from now on, as wsline_conn_cork() does, for example while a
/// callback sends many.
///
/// Gathered messages are sent by wsline_app_uncork(), when they amount to 64 KiB, and before your
/// ping, pong, close frame or a message too large to be gathered. Until then they count as queued.
/// Gathering ends with the connection.
///
/// @param app  an app.
/// @retval WSLINE_OK                    corked.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       it is not connected.
/// @retval WSLINE_ERR_CLOSED            and all others: the connection has ended with that status.
///
/// Threads: any; messages of other threads are corked, too.
/// See also: wsline_app_uncork()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_cork(app: *mut wsline_app) -> wsline_status {
    guard::often("wsline_app_cork", app, |app, _| app?.cork())
}

/// Sends what was gathered since wsline_app_cork(), and stops corked.
///
/// @param app  an app.
/// @retval WSLINE_OK                    sent or queued, or there was nothing.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       it is not connected.
/// @retval WSLINE_ERR_CONNECTION_LOST   and all others: as for wsline_app_send_text().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_uncork(app: *mut wsline_app) -> wsline_status {
    guard::often("wsline_app_uncork", app, |app, _| app?.uncork())
}

/// Sends a ping, besides those of wsline_options_set_ping(), which are sent by themselves.
///
/// @param app   an app.
/// @param data  comes back in the pong; NULL with length 0 for none.
/// @param len   at most 125 bytes (RFC 6455 section 5.5), or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  more than 125 bytes, or a pointer is NULL.
/// @retval WSLINE_ERR_WOULD_BLOCK       and all others: as for wsline_app_send_text().
///
/// Ownership: the bytes are copied.
/// See also: wsline_app_on_pong()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_ping(
    app: *mut wsline_app,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    send::whole("wsline_app_ping", app, Opcode::Ping, data, len, "data")
}

/// Sends a pong: one that nobody asked for, or the answer to a ping where
/// wsline_options_set_auto_pong() is off.
///
/// @param app   an app.
/// @param data  that of the ping; NULL with length 0 for none.
/// @param len   at most 125 bytes (RFC 6455 section 5.5), or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  more than 125 bytes, or a pointer is NULL.
/// @retval WSLINE_ERR_WOULD_BLOCK       and all others: as for wsline_app_send_text().
///
/// Ownership: the bytes are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_pong(
    app: *mut wsline_app,
    data: *const c_void,
    len: usize,
) -> wsline_status {
    send::whole("wsline_app_pong", app, Opcode::Pong, data, len, "data")
}

/// @@ Ending an app
/// Threads: any.
/// Blocks: no.
/// In callbacks: allowed.
/// Since: 0.1
///
/// Begins to close: after what is queued a close frame is sent, the server's is awaited, on_close
/// is called, and the app ends.
///
/// If nothing moves for the time of wsline_options_set_close_timeout_ms(), 3 seconds by default, or
/// if all of this takes 60 seconds (or that time, if it is longer), the connection is dropped.
/// After the closing handshake the server has 1 second to end the TCP connection (RFC 6455 section
/// 7.1.1); on_close is called after that. Messages that still arrive are handed out. While nothing
/// is connected the app ends at once; if it has not been driven yet, the run to come does. If it
/// has ended there is nothing to do.
///
/// @param app     an app.
/// @param code    a wsline_close_code that may be sent, usually WSLINE_CLOSE_NORMAL; 3000 to 4999;
///                or 0 for none.
/// @param reason  UTF-8 of at most 123 bytes; NULL for none.
/// @retval WSLINE_OK                    it will end.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `code` must not be sent, or `reason` is too
///                                      long. Nothing was done.
///
/// Blocks: no; wsline_app_join() waits for the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_close(
    app: *mut wsline_app,
    code: i32,
    reason: *const c_char,
) -> wsline_status {
    guard::after_failure("wsline_app_close", app, |app, arguments| {
        app?.close(&arguments.close_frame(code, reason)?);
        Ok(())
    })
}

/// Ends the app at once, in whatever phase: the transport is cut, nothing more is handed out but
/// on_close.
///
/// If it has not been driven yet, the run to come ends at once. If it has ended there is nothing to
/// do.
///
/// @param app  an app.
/// @retval WSLINE_OK                    it will end with WSLINE_ERR_ABORTED.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_abort(app: *mut wsline_app) -> wsline_status {
    guard::after_failure("wsline_app_abort", app, |app, _| {
        app?.abort();
        Ok(())
    })
}

/// Does what wsline_app_abort() does, but may be called in a signal handler.
///
/// The thread that drives the app does the work, as soon as it has left the callback that it is in.
/// If nobody drives the app, the next run ends at once.
///
/// @param app  an app.
/// @retval WSLINE_OK                    it will end with WSLINE_ERR_ABORTED.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL. In a signal handler it must not be.
///
/// Threads: any; async-signal-safe.
/// See also: wsline_conn_abort(), wsline_loop_stop()
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_abort_from_signal(app: *mut wsline_app) -> wsline_status {
    guard::on("wsline_app_abort_from_signal", app, |app, _| {
        app?.interrupt();
        Ok(())
    })
}
