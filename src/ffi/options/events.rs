// SPDX-License-Identifier: Apache-2.0
//! Options for observing connections.

use super::object::{self, wsline_options};
use crate::base::sync::Arc;
use crate::conn::events::{Event, EventFn, EventOrigin};
use crate::ffi::events::{deliver, wsline_event_fn};
use crate::ffi::handle::UserData;
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_free_fn;
use std::ffi::c_void;

/// @@ Events
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.2
///
/// Sets a function to call with the events of every connection and app that is created with these
/// options: attempts to connect, addresses, pings, ends, pauses before the next attempt.
///
/// For metrics and tracing. No event contains a credential: URLs come without user, password and
/// query, and error messages as wsline_last_error_message() says. Without a function nothing is
/// collected.
///
/// @param options        the options to modify.
/// @param fn             the function; NULL, the default, for none.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    set; the `userdata` set before is released once no
///                                      connection uses it.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// See also: wsline_conn_timings()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_event_callback(
    options: *mut wsline_options,
    r#fn: wsline_event_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let name = &"wsline_options_set_event_callback";
    let userdata = UserData::new(name, userdata, userdata_free);
    object::set(name, options, |options, _| {
        options.events = userdata.with_function(r#fn).map(|callback| {
            Arc::new(move |origin: &EventOrigin, event: &Event<'_>| {
                deliver(&callback, origin, event)
            }) as EventFn
        });
        Ok(())
    })
}
