// SPDX-License-Identifier: Apache-2.0
//! The state of an app.

use super::object::wsline_app;
use crate::base::sync::Arc;
use crate::ffi::arguments::Arguments;
use crate::ffi::conn::state::{lend_field, wsline_stats, wsline_tls_info};
use crate::ffi::error;
use crate::ffi::guard;
use crate::ffi::last_error::wsline_error_info;
use crate::ffi::status::wsline_status;
use crate::net::tls::channel::TlsInfo;
use crate::protocol::http::reply::Response;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::thread::LocalKey;

/// The response that a function has lent to this thread; the driving thread may have replaced it
/// since.
type LentResponse = RefCell<Option<Arc<Response>>>;

thread_local! {
    static REASON: LentResponse = const { RefCell::new(None) };
    static HEADER: LentResponse = const { RefCell::new(None) };
    static HEADER_AT: LentResponse = const { RefCell::new(None) };
    static BODY: LentResponse = const { RefCell::new(None) };
    static SUBPROTOCOL: LentResponse = const { RefCell::new(None) };
    static EXTENSIONS: LentResponse = const { RefCell::new(None) };
    static ADDRESS: RefCell<Option<CString>> = const { RefCell::new(None) };
    static TLS: RefCell<Option<TlsInfo>> = const { RefCell::new(None) };
}

/// Lends the text that `look` finds in the response to the last attempt.
fn look_up(
    lent: &'static LocalKey<LentResponse>,
    app: *const wsline_app,
    look: impl for<'a> FnOnce(&'a Response, Arguments<'_>) -> Option<&'a CStr>,
) -> *const c_char {
    guard::value(std::ptr::null(), |arguments| {
        let app = arguments.object(app).ok();
        let Some(response) = app.and_then(|app| app.response()) else {
            return std::ptr::null();
        };
        lent.with_borrow_mut(|lent| {
            let found = look(lent.insert(response), arguments);
            found.map_or(std::ptr::null(), |found| found.as_ptr())
        })
    })
}

/// @@ State of an app
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Returns whether an app is open: connected, not being closed, and not failed.
///
/// @param app  an app; may be NULL.
/// @return     true if open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_is_open(app: *const wsline_app) -> bool {
    guard::value(false, |arguments| {
        let app = arguments.object(app);
        app.is_ok_and(|app| app.is_open())
    })
}

/// Returns whether an app is running: connecting, connected, or waiting for its next attempt.
///
/// For event loops of your own: once it has become false again, the app has ended, and
/// wsline_app_join() reports why.
///
/// @param app  an app; may be NULL.
/// @return     true from wsline_app_run(), wsline_app_start() or wsline_loop_add() until the app
///             has ended and its last callback has returned.
///
/// In callbacks: allowed; also true in the last one.
/// See also: wsline_app_join()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_is_running(app: *const wsline_app) -> bool {
    guard::value(false, |arguments| {
        let app = arguments.object(app);
        app.is_ok_and(|app| app.is_running())
    })
}

/// Returns the size of the send queue: frames that the socket has not accepted yet, and messages
/// that wait for a connection or because of wsline_options_set_send_rate().
///
/// @param app  an app; may be NULL.
/// @return     bytes; 0 if the system has accepted everything, or the app is not connected and
///             keeps no messages.
///
/// See also: wsline_options_set_max_send_queue_bytes()
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_send_queue_bytes(app: *const wsline_app) -> u64 {
    guard::value(0, |arguments| {
        let app = arguments.object(app);
        app.map_or(0, |app| app.send_queue_bytes())
    })
}

/// Returns the round-trip time of the last answered ping of wsline_options_set_ping().
///
/// @param app  an app; may be NULL.
/// @return     microseconds from the ping to its own pong; -1 if none has been answered yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_rtt_us(app: *const wsline_app) -> i64 {
    guard::value(-1, |arguments| {
        let app = arguments.object(app);
        let rtt = app.ok().and_then(|app| app.rtt());
        rtt.map_or(-1, |rtt| i64::try_from(rtt.as_micros()).unwrap_or(i64::MAX))
    })
}

/// Returns the counters of the current or last connection.
///
/// @param app        an app.
/// @param stats_out  filled; zero on failure, and before the first connection.
/// @retval WSLINE_OK                    filled.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_stats(
    app: *const wsline_app,
    stats_out: *mut wsline_stats,
) -> wsline_status {
    guard::after_failure("wsline_app_stats", app, |app, arguments| {
        let place = arguments.out(stats_out, wsline_stats::default(), "stats_out");
        let (app, place) = (app?, place?);
        *place = wsline_stats::of(&app.totals());
        Ok(())
    })
}

/// Returns the HTTP status of the response to the last attempt to connect, for example 101 or 403.
///
/// @param app  an app; may be NULL.
/// @return     the status; 0 if there was no response.
///
/// See also: wsline_conn_http_status()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_http_status(app: *const wsline_app) -> i32 {
    guard::value(0, |arguments| {
        let app = arguments.object(app);
        let response = app.ok().and_then(|app| app.response());
        response.map_or(0, |response| response.head.status.into())
    })
}

/// Returns the reason phrase of the response to the last attempt to connect, for example
/// "Forbidden".
///
/// @param app  an app; may be NULL.
/// @return     as wsline_conn_http_reason(). Lent until this thread calls this function again, for
///             any app.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_http_reason(app: *const wsline_app) -> *const c_char {
    look_up(&REASON, app, |response, _| {
        Some(response.head.fields.reason_c_string())
    })
}

/// Returns a header of the response to the last attempt to connect, whether it succeeded or not.
///
/// @param app   an app; may be NULL.
/// @param name  the name; case is ignored. For a repeated header the first value is returned.
/// @return      the value; NULL if there is none. Lent until this thread calls this function again,
///              for any app.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_response_header(
    app: *const wsline_app,
    name: *const c_char,
) -> *const c_char {
    look_up(&HEADER, app, |response, arguments| {
        let name = arguments.string(name, "name").ok()?;
        response.head.fields.all(name).next()
    })
}

/// Returns the headers of the response to the last attempt to connect one by one, in their order.
///
/// @param app        an app; may be NULL.
/// @param index      0 for the first.
/// @param name_out   set to the name, as sent; to NULL after the last one. Lent until this thread
///                   calls this function again, for any app.
/// @param value_out  set to the value, in the same way.
/// @return           true if there is a header with this index; false after the last one, or if a
///                   pointer is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_response_header_at(
    app: *const wsline_app,
    index: usize,
    name_out: *mut *const c_char,
    value_out: *mut *const c_char,
) -> bool {
    guard::value(false, |arguments| {
        let name = arguments.out(name_out, std::ptr::null(), "name_out");
        let value = arguments.out(value_out, std::ptr::null(), "value_out");
        let (Ok(app), Ok(name), Ok(value)) = (arguments.object(app), name, value) else {
            return false;
        };
        app.response().is_some_and(|response| {
            HEADER_AT.with_borrow_mut(|lent| lend_field(lent.insert(response), index, name, value))
        })
    })
}

/// Returns the body of the response, up to 64 KiB of it, if the last attempt to connect was
/// refused.
///
/// @param app       an app.
/// @param data_out  set to the body, which is followed by a NUL; to NULL if there is none. Lent
///                  until this thread calls this function again, for any app.
/// @param len_out   set to the length of the body in bytes.
/// @retval WSLINE_OK                    set; there may be no body.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// See also: wsline_conn_response_body()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_response_body(
    app: *const wsline_app,
    data_out: *mut *const c_void,
    len_out: *mut usize,
) -> wsline_status {
    guard::on("wsline_app_response_body", app, |app, arguments| {
        let data = arguments.out(data_out, std::ptr::null(), "data_out");
        let len = arguments.out(len_out, 0, "len_out");
        let (app, data, len) = (app?, data?, len?);
        let response = app.response();
        if let Some(response) = response.filter(|response| !response.body().is_empty()) {
            BODY.with_borrow_mut(|lent| {
                let body = lent.insert(response).body();
                (*data, *len) = (body.as_ptr().cast(), body.len());
            });
        }
        Ok(())
    })
}

/// Returns the subprotocol that the server chose.
///
/// @param app  an app; may be NULL.
/// @return     one of those offered; NULL if the server chose none, or before the first connection.
///             Lent until this thread calls this function again, for any app.
///
/// See also: wsline_options_add_subprotocol()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_subprotocol(app: *const wsline_app) -> *const c_char {
    look_up(&SUBPROTOCOL, app, |response, _| {
        response.head.fields.all("sec-websocket-protocol").next()
    })
}

/// Returns the extensions in use, as the server named them.
///
/// @param app  an app; may be NULL.
/// @return     as wsline_conn_extensions(), also after the end of the connection, until the next
///             attempt. Lent until this thread calls this function again, for any app.
///
/// See also: wsline_options_set_deflate()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_extensions(app: *const wsline_app) -> *const c_char {
    look_up(&EXTENSIONS, app, |response, _| response.extensions())
}

/// Returns the address that the current connection is, or the last one was, connected to.
///
/// @param app  an app; may be NULL.
/// @return     as wsline_conn_peer_address(); NULL before the first connection. Lent until this
///             thread calls this function again, for any app.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_peer_address(app: *const wsline_app) -> *const c_char {
    guard::value(std::ptr::null(), |arguments| {
        let app = arguments.object(app).ok();
        let address = app.and_then(|app| app.peer_address());
        ADDRESS.with(|place| {
            let mut place = place.borrow_mut();
            *place = address;
            let address = place.as_ref();
            address.map_or(std::ptr::null(), |address| address.as_ptr())
        })
    })
}

/// Reports what TLS negotiated with the server on the current connection.
///
/// @param app       an app with a `wss://` URL.
/// @param info_out  filled; zero on failure. Its strings are lent until this thread calls this
///                  function again, for any app.
/// @retval WSLINE_OK                    filled.
/// @retval WSLINE_ERR_WRONG_STATE       there is no connection, or it does not use TLS. In on_error
///                                      and on_close the connection that has ended still counts.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_tls_info(
    app: *const wsline_app,
    info_out: *mut wsline_tls_info,
) -> wsline_status {
    guard::after_failure("wsline_app_tls_info", app, |app, arguments| {
        let place = arguments.out(info_out, wsline_tls_info::NOTHING, "info_out");
        let (app, place) = (app?, place?);
        let info = app.tls_info()?;
        TLS.with_borrow_mut(|lent| *place = wsline_tls_info::of(lent.insert(info)));
        Ok(())
    })
}

/// Returns the descriptor of the app's socket, for calls such as getsockopt(2).
///
/// Reading, writing or closing it breaks the connection. It is closed when the connection has
/// ended, so use it in callbacks only, or while the app cannot lose its connection.
///
/// @param app  an app; may be NULL.
/// @return     the descriptor; -1 while the app is not connected.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_fd(app: *const wsline_app) -> i32 {
    guard::value(-1, |arguments| {
        let app = arguments.object(app);
        app.ok().and_then(|app| app.fd()).unwrap_or(-1)
    })
}

/// Gives the details of the last failed call on this app, whichever thread made it.
///
/// For callers that may change threads between two calls. Errors of the connection are reported to
/// the function set with wsline_app_on_error().
///
/// @param app       an app.
/// @param info_out  filled; `info_out->message` is valid until this thread's next call of this
///                  function.
/// @retval WSLINE_OK                    filled; with status WSLINE_OK if no call has failed.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` or `info_out` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_last_error(
    app: *const wsline_app,
    info_out: *mut wsline_error_info,
) -> wsline_status {
    error::read("wsline_app_last_error", info_out, |arguments| {
        Ok(arguments.object(app)?.last_error())
    })
}
