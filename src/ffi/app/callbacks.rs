// SPDX-License-Identifier: Apache-2.0
//! The functions that an app calls.

use super::handlers::{notice, on_close, on_error, on_message, on_messages};
use super::object::wsline_app;
use crate::app::handlers::Handlers;
use crate::ffi::conn::close::wsline_close_info;
use crate::ffi::conn::receive::wsline_message;
use crate::ffi::guard;
use crate::ffi::handle::{Callback, Lent, UserData};
use crate::ffi::last_error::wsline_error_info;
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_free_fn;
use std::ffi::c_void;

/// Called by an app for an event without data: on_open, on_reconnect, on_drain.
pub type wsline_app_fn =
    Option<unsafe extern "C-unwind" fn(app: *mut wsline_app, userdata: *mut c_void)>;

/// Called by an app with what it has received; `message` is lent until the function returns.
pub type wsline_message_fn = Option<
    unsafe extern "C-unwind" fn(
        app: *mut wsline_app,
        message: *const wsline_message,
        userdata: *mut c_void,
    ),
>;

/// Called by an app with several messages at once; all are lent until the function returns.
pub type wsline_messages_fn = Option<
    unsafe extern "C-unwind" fn(
        app: *mut wsline_app,
        messages: *const wsline_message,
        count: usize,
        userdata: *mut c_void,
    ),
>;

/// Called by an app with the details of a failure; `info` is lent until the function returns.
pub type wsline_error_fn = Option<
    unsafe extern "C-unwind" fn(
        app: *mut wsline_app,
        info: *const wsline_error_info,
        userdata: *mut c_void,
    ),
>;

/// Called by an app with how a connection has ended; `info` is lent until the function returns.
pub type wsline_close_fn = Option<
    unsafe extern "C-unwind" fn(
        app: *mut wsline_app,
        info: *const wsline_close_info,
        userdata: *mut c_void,
    ),
>;

/// Runs an export that sets a callback, or removes it if there is no function.
pub(super) fn set<F, H>(
    name: &'static &'static str,
    app: *mut wsline_app,
    (function, userdata, userdata_free): (Option<F>, *mut c_void, wsline_free_fn),
    handler: impl FnOnce(Callback<F>, Lent<wsline_app>) -> H,
    place: impl FnOnce(&mut Handlers) -> &mut Option<H>,
) -> wsline_status {
    let userdata = UserData::new(name, userdata, userdata_free);
    guard::after_failure(name, app, |inner, _| {
        let callback = userdata.with_function(function);
        let handler = callback.map(|callback| handler(callback, Lent::new(app)));
        inner?
            .handlers
            .change(|handlers| *place(handlers) = handler);
        Ok(())
    })
}

/// @@ Callbacks of an app
/// Threads: any, at any time. `fn` runs on the thread that drives the app.
/// Blocks: no.
/// Since: 0.1
///
/// Sets the function to call when a connection has opened.
///
/// In this header, on_open stands for the function `fn` set here, on_message for the one set with
/// wsline_app_on_message(), and so on.
///
/// If a function is set with wsline_app_on_reconnect(), that one is called instead for every
/// connection after the first.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_open(
    app: *mut wsline_app,
    r#fn: wsline_app_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(&"wsline_app_on_open", app, given, notice, |handlers| {
        &mut handlers.open
    })
}

/// Sets the function to call instead of on_open when a connection other than the first has opened.
///
/// The server knows nothing of the previous connection: subscribe again here.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_reconnect(
    app: *mut wsline_app,
    r#fn: wsline_app_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(&"wsline_app_on_reconnect", app, given, notice, |handlers| {
        &mut handlers.more_mut().reconnect
    })
}

/// Sets the function to call with each message.
///
/// Fragments are joined, and text is validated. While a function is set with wsline_app_on_part(),
/// that one is called instead.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_message(
    app: *mut wsline_app,
    r#fn: wsline_message_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(
        &"wsline_app_on_message",
        app,
        given,
        on_message,
        |handlers| &mut handlers.message,
    )
}

/// Sets the function to call with all messages that have arrived, instead of on_message.
///
/// For programs with many messages, and for languages in which a callback is expensive. It is
/// called with at most 64 messages, and only with those that wsline_conn_recv_many() would deliver
/// together; while a function is set with wsline_app_on_data(), this one is called with one message
/// at a time. While a function is set with wsline_app_on_part(), that one is called instead.
///
/// @param app            an app.
/// @param fn             the function, called with one or more messages; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// See also: wsline_conn_recv_many()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_messages(
    app: *mut wsline_app,
    r#fn: wsline_messages_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(
        &"wsline_app_on_messages",
        app,
        given,
        on_messages,
        |handlers| &mut handlers.more_mut().messages,
    )
}

/// Sets the function to call before on_message, on_messages or on_part, with the same message.
///
/// For observers such as counters or recorders: it sees all data regardless of the other callbacks.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_data(
    app: *mut wsline_app,
    r#fn: wsline_message_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(&"wsline_app_on_data", app, given, on_message, |handlers| {
        &mut handlers.more_mut().data
    })
}

/// Sets the function to call with each part of a message as it arrives, instead of on_message and
/// on_messages, for messages of any size.
///
/// A part is whatever has arrived of the message since the previous part, at most about 256 KiB; a
/// small message usually arrives as one part. The flags mark the first and the last part; the
/// opcode is always that of the message. UTF-8 validation covers the whole message; a character may
/// be split between two parts. wsline_options_set_max_message_bytes() and _max_fragments() do not
/// apply. If the function is removed in the middle of a message, on_message gets the rest of it.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_part(
    app: *mut wsline_app,
    r#fn: wsline_message_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(&"wsline_app_on_part", app, given, on_message, |handlers| {
        &mut handlers.more_mut().part
    })
}

/// Sets the function to call with each ping of the server.
///
/// The ping has already been answered, unless wsline_options_set_auto_pong() has disabled that.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_ping(
    app: *mut wsline_app,
    r#fn: wsline_message_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(&"wsline_app_on_ping", app, given, on_message, |handlers| {
        &mut handlers.more_mut().ping
    })
}

/// Sets the function to call with each pong.
///
/// Pongs that answer pings of wsline_options_set_ping() contain the payload set for these, and the
/// 8 bytes that the library appended.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// See also: wsline_app_rtt_us()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_pong(
    app: *mut wsline_app,
    r#fn: wsline_message_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(&"wsline_app_on_pong", app, given, on_message, |handlers| {
        &mut handlers.more_mut().pong
    })
}

/// Sets the function to call when an attempt to connect has failed, or a connection has ended
/// without a closing handshake.
///
/// It is not called after wsline_app_abort(), wsline_app_free(), wsline_loop_remove() or
/// wsline_loop_free(). `info->retry_in_ms` is the time until the app connects again, or -1 if the
/// app ends. To keep it from connecting again, call wsline_app_close() in this function.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// See also: wsline_options_set_reconnect()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_error(
    app: *mut wsline_app,
    r#fn: wsline_error_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(&"wsline_app_on_error", app, given, on_error, |handlers| {
        &mut handlers.error
    })
}

/// Sets the function to call when a connection has ended: once for each connection that was open,
/// and as its last callback.
///
/// It is not called for failed attempts (on_error is), or after wsline_app_free() or
/// wsline_loop_free(). `info->unsent_messages` is the number of queued messages that were lost. The
/// transport has been shut down. Then the app ends, or waits and connects again. Sends return
/// WSLINE_ERR_WRONG_STATE, unless wsline_options_set_keep_unsent_ms() lets messages wait.
///
/// After a closing handshake the server ends the TCP connection (RFC 6455 section 7.1.1). If it
/// does not, this function is called 1 second after the second close frame.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_close(
    app: *mut wsline_app,
    r#fn: wsline_close_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(&"wsline_app_on_close", app, given, on_close, |handlers| {
        &mut handlers.close
    })
}

/// Sets the function to call when the send queue has room again.
///
/// It is called once after a send has returned WSLINE_ERR_WOULD_BLOCK, when half of the queue is
/// free.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// See also: wsline_options_set_max_send_queue_bytes()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_drain(
    app: *mut wsline_app,
    r#fn: wsline_app_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let given = (r#fn, userdata, userdata_free);
    set(&"wsline_app_on_drain", app, given, notice, |handlers| {
        &mut handlers.more_mut().drain
    })
}
