// SPDX-License-Identifier: Apache-2.0
//! What any thread may do with an app: send, close, abort.

use super::object::wsline_app;
use crate::ffi::arguments;
use crate::ffi::guard;
use crate::ffi::send;
use crate::ffi::status::wsline_status;
use crate::protocol::ws::opcode::Opcode;
use std::ffi::{c_char, c_void};

/// @@ Sending with an app
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Sends a text message.
///
/// The calling thread writes the message to the socket at once. What the socket does not accept is
/// queued, up to the limit of wsline_options_set_max_send_queue_bytes(), and sent by the driving
/// thread. Messages sent by one thread keep their order. What is still queued when the connection
/// ends is lost, and on_close reports how much; with wsline_options_set_keep_unsent_ms() it is sent
/// on the next connection.
///
/// @param app   an app.
/// @param text  the text, UTF-8; NULL with `len` 0 is an empty message.
/// @param len   bytes, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_WOULD_BLOCK       the queue is full; nothing was sent. See
///                                      wsline_app_on_drain().
/// @retval WSLINE_ERR_BUSY              a fragmented message has not been finished.
/// @retval WSLINE_ERR_WRONG_STATE       the app is not connected, and does not keep messages.
/// @retval WSLINE_ERR_CLOSED            the connection is being closed.
/// @retval WSLINE_ERR_CONNECTION_LOST   the transport has ended; on_error follows.
/// @retval WSLINE_ERR_ABORTED           wsline_app_abort() was called.
/// @retval WSLINE_ERR_PROTOCOL          the connection has just ended with this error, and on_error
///                                      follows; also WSLINE_ERR_INVALID_PAYLOAD,
///                                      WSLINE_ERR_MESSAGE_TOO_BIG, WSLINE_ERR_PONG_TIMEOUT and
///                                      WSLINE_ERR_TIMEOUT.
/// @retval WSLINE_ERR_TLS               TLS failed.
/// @retval WSLINE_ERR_IO                a system call failed.
/// @retval WSLINE_ERR_INTERNAL          the function set with wsline_options_set_mask_key_fn()
///                                      failed, or there is a bug in wsline.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `text` is NULL and `len` is not 0, or `text`
///                                      is not UTF-8.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory to queue the message; none of it
///                                      was sent.
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

/// Sends a binary message, as wsline_app_send_text() sends text.
///
/// @param app   an app.
/// @param data  the bytes; NULL with `len` 0 is an empty message.
/// @param len   bytes, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK               sent, or queued.
/// @retval WSLINE_ERR_WOULD_BLOCK  and all others: see wsline_app_send_text().
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

/// Sends a message, a ping or a pong, as wsline_app_send_text() sends text.
///
/// @param app     an app.
/// @param opcode  WSLINE_OPCODE_TEXT, _BINARY, _PING or _PONG; add WSLINE_SEND_UNCOMPRESSED to send
///                a message uncompressed.
/// @param data    the payload; text must be UTF-8, a ping or pong has at most 125 bytes; NULL with
///                `len` 0 is an empty one.
/// @param len     bytes, or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `opcode` is another number, a ping or pong has more than
///                                      125 bytes, or as for wsline_app_send_text().
/// @retval WSLINE_ERR_WOULD_BLOCK       and all others: see wsline_app_send_text().
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

/// Sends one fragment of a message whose length is not known yet, as wsline_app_send_text() sends
/// text.
///
/// Each fragment is sent at once, as a frame of its own, unless wsline_app_cork() is in effect.
/// Until the last fragment has been sent, every other send of a message returns WSLINE_ERR_BUSY;
/// control frames may be sent between fragments. Text is not validated. An unfinished message is
/// discarded with its connection: after a reconnect, start again with its first fragment.
///
/// @param app     an app.
/// @param opcode  WSLINE_OPCODE_TEXT or WSLINE_OPCODE_BINARY, the same for each fragment of a
///                message; add WSLINE_SEND_UNCOMPRESSED to that of the first fragment to send the
///                message uncompressed.
/// @param data    the fragment; NULL with `len` 0 is an empty one.
/// @param len     bytes in `data`, or WSLINE_NUL_TERMINATED.
/// @param fin     true for the last fragment.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `data` is NULL and `len` is not 0, or
///                                      `opcode` is another number or differs from that of the
///                                      first fragment.
/// @retval WSLINE_ERR_WOULD_BLOCK       and all others: see wsline_app_send_text(); the same
///                                      fragment may be sent again.
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

/// Corks an app: from now on small messages are collected, as with wsline_conn_cork(), for example
/// while a callback sends many.
///
/// Corked messages are sent by wsline_app_uncork(), when they reach 64 KiB, and before a ping, a
/// pong or a close frame that you send, or a message too large to collect. Until then they count as
/// queued. Corking ends with the connection.
///
/// @param app  an app.
/// @retval WSLINE_OK                    corked.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       the app is not connected.
/// @retval WSLINE_ERR_CLOSED            and all others: the connection has ended with that status.
///
/// Threads: any; messages of other threads are corked, too.
/// See also: wsline_app_uncork()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_cork(app: *mut wsline_app) -> wsline_status {
    guard::often("wsline_app_cork", app, |app, _| app?.cork())
}

/// Sends the messages collected since wsline_app_cork(), and ends corking.
///
/// @param app  an app.
/// @retval WSLINE_OK                    all collected messages were sent or queued, or there were
///                                      none.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       the app is not connected.
/// @retval WSLINE_ERR_CONNECTION_LOST   and all others: see wsline_app_send_text().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_uncork(app: *mut wsline_app) -> wsline_status {
    guard::often("wsline_app_uncork", app, |app, _| app?.uncork())
}

/// Waits until the system has accepted everything in the send queue and all corked messages.
///
/// For threads that may wait. It says nothing about what the server has received. An app that keeps
/// messages may reconnect meanwhile; on_close then reports a message that was only partly sent.
///
/// @param app         an app.
/// @param timeout_ms  milliseconds; 0 does not wait, WSLINE_FOREVER and WSLINE_DEFAULT_TIMEOUT wait
///                    indefinitely.
/// @retval WSLINE_OK                    nothing is queued any more.
/// @retval WSLINE_ERR_TIMEOUT           not everything was sent in time.
/// @retval WSLINE_ERR_WRONG_STATE       the app is not connected and keeps no messages, or this
///                                      thread is driving it.
/// @retval WSLINE_ERR_CONNECTION_LOST   and all others: the connection has ended with that status.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, or `timeout_ms` is another negative number.
///
/// Threads: any but the driving one.
/// Blocks: up to `timeout_ms`.
/// In callbacks: WSLINE_ERR_WRONG_STATE for the app of the callback.
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_flush(app: *mut wsline_app, timeout_ms: i64) -> wsline_status {
    guard::on("wsline_app_flush", app, |app, _| {
        app?.flush(arguments::timeout(timeout_ms, "timeout_ms")?)
    })
}

/// Sends a ping, in addition to those of wsline_options_set_ping().
///
/// @param app   an app.
/// @param data  the payload, which the pong repeats; NULL with `len` 0 for none.
/// @param len   at most 125 bytes (RFC 6455 section 5.5), or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `data` is NULL and `len` is not 0, or the
///                                      payload is longer than 125 bytes.
/// @retval WSLINE_ERR_WOULD_BLOCK       and all others: see wsline_app_send_text().
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

/// Sends a pong: the answer to a ping if automatic pongs are disabled, or an unsolicited one.
///
/// @param app   an app.
/// @param data  the payload, that of the ping; NULL with `len` 0 for none.
/// @param len   at most 125 bytes (RFC 6455 section 5.5), or WSLINE_NUL_TERMINATED.
/// @retval WSLINE_OK                    sent, or queued.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `data` is NULL and `len` is not 0, or the
///                                      payload is longer than 125 bytes.
/// @retval WSLINE_ERR_WOULD_BLOCK       and all others: see wsline_app_send_text().
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
/// Since: 0.1
///
/// Begins to close an app: sends what is queued, except what wsline_options_set_send_rate() holds
/// back, and a close frame, waits for the server's, calls on_close, and ends the app.
///
/// The connection is dropped if the close makes no progress for the close timeout (see
/// wsline_options_set_close_timeout_ms(); 3 seconds by default), or if the whole close takes longer
/// than 60 seconds or the close timeout, whichever is longer. After the closing handshake the
/// server has 1 second to end the TCP connection (RFC 6455 section 7.1.1); then on_close is called.
/// Messages that still arrive are delivered. An app that is not connected ends at once; if it has
/// not been driven yet, the next run ends at once. If it has already ended, nothing happens.
///
/// @param app     an app.
/// @param code    usually WSLINE_CLOSE_NORMAL; or another wsline_close_code that is not marked
///                "only reported", 3000 to 4999, or 0 for none.
/// @param reason  UTF-8 of at most 123 bytes; NULL for none.
/// @retval WSLINE_OK                    the app will end.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `code` is not a code that may be sent, or
///                                      `reason` is too long or not UTF-8. Nothing was done.
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

/// Ends the app at once, in any phase: the transport is dropped, and no callback except on_close is
/// called.
///
/// If it has not been driven yet, the next run ends at once. If it has already ended, nothing
/// happens.
///
/// @param app  an app.
/// @retval WSLINE_OK                    the app will end with WSLINE_ERR_ABORTED.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_abort(app: *mut wsline_app) -> wsline_status {
    guard::after_failure("wsline_app_abort", app, |app, _| {
        app?.abort();
        Ok(())
    })
}

/// Ends an app as wsline_app_abort() does, and may be called in a signal handler.
///
/// The driving thread does the work, as soon as a running callback has returned. If the app is not
/// being driven, the next run ends at once, even if the app has already ended once.
///
/// @param app  an app.
/// @retval WSLINE_OK                    the app will end with WSLINE_ERR_ABORTED.
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
