// SPDX-License-Identifier: Apache-2.0
//! What the user decides about an app's attempts to connect.

use super::callbacks::set;
use super::handlers::AnyUserData;
use super::object::wsline_app;
use crate::app::handlers::{Decision, OnConnecting, UpcomingAttempt};
use crate::ffi::guard;
use crate::ffi::handle::{AskFn, Callback, Lent};
use crate::ffi::last_error::{lend, wsline_error_info};
use crate::ffi::options::object::wsline_options;
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_connect_decision::*;
use crate::ffi::types::wsline_free_fn;
use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

/// What is known before an attempt to connect. Filled in by the library.
#[repr(C)]
pub struct wsline_attempt {
    /// 1 for the first attempt since the app was last connected.
    pub number: u64,
    /// The URL that the app is going to connect to.
    pub url: *const c_char,
    /// The failure before this attempt; NULL if there was none.
    pub error: *const wsline_error_info,
    /// Reserved for future fields; 0.
    pub reserved: [u64; 4],
}

/// Called by an app before it connects; returns a wsline_connect_decision.
///
/// `attempt` and `options` are lent until the function returns. `options` is a copy of the app's
/// options for this attempt alone: change it with any wsline_options function, but do not free it.
pub type wsline_connecting_fn = Option<
    unsafe extern "C-unwind" fn(
        app: *mut wsline_app,
        attempt: *const wsline_attempt,
        options: *mut wsline_options,
        userdata: *mut c_void,
    ) -> i32,
>;

/// @@ Connecting an app
/// Threads: any.
/// Blocks: no.
/// Since: 0.2
///
/// Sets the function to call before each attempt to connect.
///
/// It may change the options of the attempt: headers, a bearer token, cookies, the proxy, TLS; and,
/// with wsline_app_set_url(), the URL. It may also put the attempt off, for example while a token
/// is being fetched: it returns WSLINE_CONNECT_LATER, and is called again after
/// wsline_app_proceed(). While it is set, 401, 403 and 407 do not end an app that reconnects,
/// because it may use other credentials for the next attempt.
///
/// @param app            an app.
/// @param fn             the function; NULL for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// Threads: any, at any time. `fn` runs on the thread that drives the app.
/// See also: wsline_app_proceed(), wsline_app_set_url()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_on_connecting(
    app: *mut wsline_app,
    r#fn: wsline_connecting_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    set(
        &"wsline_app_on_connecting",
        app,
        (r#fn, userdata, userdata_free),
        on_connecting,
        |handlers| &mut handlers.more_mut().connecting,
    )
}

/// Makes an app call on_connecting again, after that has returned WSLINE_CONNECT_LATER.
///
/// It may be called before on_connecting has returned. An app that is not waiting for it ignores
/// it.
///
/// @param app  an app.
/// @retval WSLINE_OK                    done.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
///
/// See also: wsline_app_on_connecting()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_proceed(app: *mut wsline_app) -> wsline_status {
    guard::on("wsline_app_proceed", app, |app, _| {
        app?.proceed();
        Ok(())
    })
}

/// Sets the URL of an app, from the next attempt to connect on.
///
/// In on_connecting it also changes the URL of the attempt that is about to be made.
///
/// @param app  an app.
/// @param url  as for wsline_connect().
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_URL       `url` is not a valid WebSocket URL; the error message says
///                                      why.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
///
/// See also: wsline_app_reconnect()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_set_url(
    app: *mut wsline_app,
    url: *const c_char,
) -> wsline_status {
    guard::on("wsline_app_set_url", app, |app, arguments| {
        app?.set_url(arguments.long_string(url, "url")?)
    })
}

/// Sets the options of an app, from the next attempt to connect on.
///
/// @param app      an app.
/// @param options  the options; NULL for the defaults.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       `options` has a cookie jar that was created before fork().
///
/// See also: wsline_app_reconnect()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_set_options(
    app: *mut wsline_app,
    options: *const wsline_options,
) -> wsline_status {
    guard::on("wsline_app_set_options", app, |app, arguments| {
        app?.set_options(wsline_options::of(arguments, options)?);
        Ok(())
    })
}

/// Closes the connection of an app, and makes the app connect again, even if it does not reconnect
/// otherwise.
///
/// It closes as wsline_app_close() does, calls on_close, and waits for the delay before
/// reconnecting; see wsline_options_set_reconnect_delay_ms(). An app that is waiting for its next
/// attempt makes it at once; one that is already connecting is not affected.
///
/// @param app     an app that is being driven.
/// @param code    as for wsline_app_close().
/// @param reason  as for wsline_app_close().
/// @retval WSLINE_OK                    the app will connect again.
/// @retval WSLINE_ERR_WRONG_STATE       the app is not being driven.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, `code` is not a code that may be sent, or
///                                      `reason` is too long or not UTF-8. Nothing was done.
///
/// See also: wsline_app_set_url(), wsline_app_set_options()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_reconnect(
    app: *mut wsline_app,
    code: i32,
    reason: *const c_char,
) -> wsline_status {
    guard::on("wsline_app_reconnect", app, |app, arguments| {
        app?.reconnect(&arguments.close_frame(code, reason)?)
    })
}

pub(super) fn on_connecting<D: AnyUserData>(
    callback: Callback<AskFn<wsline_app, wsline_attempt, wsline_options>, D>,
    app: Lent<wsline_app>,
) -> OnConnecting {
    Arc::new(move |attempt: &UpcomingAttempt<'_>| {
        let url = CString::new(attempt.url).unwrap_or_default();
        let error = attempt.error.map(|error| lend(error.clone()));
        let error = error.as_ref().map(wsline_error_info::of);
        let told = wsline_attempt {
            number: attempt.number,
            url: url.as_ptr(),
            error: error.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
            reserved: [0; 4],
        };
        let mut options = wsline_options::lent(attempt.options);
        let decision = callback.ask(&app, &told, &mut options);
        if decision == WSLINE_CONNECT_NOW as i32 {
            Decision::Connect(options.options)
        } else if decision == WSLINE_CONNECT_LATER as i32 {
            Decision::Later
        } else {
            Decision::GiveUp
        }
    })
}
