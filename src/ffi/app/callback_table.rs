// SPDX-License-Identifier: Apache-2.0
//! All callbacks of an app at once.

use super::callbacks::{
    wsline_app_fn, wsline_close_fn, wsline_error_fn, wsline_message_fn, wsline_messages_fn,
};
use super::connecting::{on_connecting, wsline_connecting_fn};
use super::handlers::{notice, on_close, on_error, on_message, on_messages};
use super::object::wsline_app;
use crate::app::handlers::{Handlers, MoreHandlers};
use crate::base::error::Error;
use crate::ffi::guard;
use crate::ffi::handle::{Callback, Lent, UserData};
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_free_fn;
use std::ffi::c_void;
use std::sync::Arc;

/// The callbacks of an app, see wsline_app_set_callbacks(). Each may be NULL.
#[repr(C)]
pub struct wsline_app_callbacks {
    /// See wsline_app_on_connecting().
    pub on_connecting: wsline_connecting_fn,
    /// See wsline_app_on_open().
    pub on_open: wsline_app_fn,
    /// See wsline_app_on_reconnect().
    pub on_reconnect: wsline_app_fn,
    /// See wsline_app_on_message().
    pub on_message: wsline_message_fn,
    /// See wsline_app_on_messages().
    pub on_messages: wsline_messages_fn,
    /// See wsline_app_on_data().
    pub on_data: wsline_message_fn,
    /// See wsline_app_on_part().
    pub on_part: wsline_message_fn,
    /// See wsline_app_on_ping().
    pub on_ping: wsline_message_fn,
    /// See wsline_app_on_pong().
    pub on_pong: wsline_message_fn,
    /// See wsline_app_on_drain().
    pub on_drain: wsline_app_fn,
    /// See wsline_app_on_error().
    pub on_error: wsline_error_fn,
    /// See wsline_app_on_close().
    pub on_close: wsline_close_fn,
    /// Reserved for future callbacks; NULL.
    pub reserved: [*const c_void; 4],
}

/// Sets all callbacks of an app at once, with one userdata.
///
/// It replaces all callbacks set before; those that are NULL in `callbacks` are removed.
///
/// @param app            an app.
/// @param callbacks      the callbacks, copied; NULL removes all.
/// @param userdata       handed to each callback; may be NULL.
/// @param userdata_free  called once with `userdata` when none of the callbacks will be called
///                       again, or if this call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `app` is NULL, or a reserved field is not NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_set_callbacks(
    app: *mut wsline_app,
    callbacks: *const wsline_app_callbacks,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let name = &"wsline_app_set_callbacks";
    let userdata = Arc::new(UserData::new(name, userdata, userdata_free));
    guard::after_failure(name, app, |inner, arguments| {
        let handlers = match arguments.get(callbacks, "callbacks") {
            Ok(callbacks) => handlers(callbacks, app, &userdata)?,
            // NULL is no error here.
            Err(_) => Handlers::default(),
        };
        inner?.handlers.change(|current| *current = handlers);
        Ok(())
    })
}

fn handlers(
    callbacks: &wsline_app_callbacks,
    app: *mut wsline_app,
    userdata: &Arc<UserData>,
) -> Result<Handlers, Error> {
    if callbacks.reserved.iter().any(|place| !place.is_null()) {
        let what = "has reserved fields that are not NULL: initialize it, for example with {0}";
        return Err(Error::argument("callbacks", what));
    }
    // A handler for a function, if there is one.
    fn make<F, H>(
        function: Option<F>,
        app: *mut wsline_app,
        userdata: &Arc<UserData>,
        handler: impl FnOnce(Callback<F, Arc<UserData>>, Lent<wsline_app>) -> H,
    ) -> Option<H> {
        let callback = |function| Callback::new(function, Arc::clone(userdata));
        function.map(|function| handler(callback(function), Lent::new(app)))
    }
    let more = MoreHandlers {
        connecting: make(callbacks.on_connecting, app, userdata, on_connecting),
        reconnect: make(callbacks.on_reconnect, app, userdata, notice),
        messages: make(callbacks.on_messages, app, userdata, on_messages),
        data: make(callbacks.on_data, app, userdata, on_message),
        part: make(callbacks.on_part, app, userdata, on_message),
        ping: make(callbacks.on_ping, app, userdata, on_message),
        pong: make(callbacks.on_pong, app, userdata, on_message),
        drain: make(callbacks.on_drain, app, userdata, notice),
    };
    let mut handlers = Handlers::default();
    handlers.open = make(callbacks.on_open, app, userdata, notice);
    handlers.message = make(callbacks.on_message, app, userdata, on_message);
    handlers.error = make(callbacks.on_error, app, userdata, on_error);
    handlers.close = make(callbacks.on_close, app, userdata, on_close);
    *handlers.more_mut() = more;
    Ok(handlers)
}
