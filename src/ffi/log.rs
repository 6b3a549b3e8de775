// SPDX-License-Identifier: Apache-2.0
//! The log of the process.

use super::arguments;
use super::guard;
use super::handle::UserData;
use super::status::wsline_status;
use super::types::wsline_free_fn;
use super::types::wsline_log_level::*;
use crate::base::log::{self, Level};
use crate::net::sys::without_cancellation;
use std::ffi::{CString, c_char, c_void};
use std::io::Write;
use std::sync::Arc;

const LEVELS: [(i32, Option<Level>); 6] = [
    (WSLINE_LOG_OFF as i32, None),
    (WSLINE_LOG_ERROR as i32, Some(Level::Error)),
    (WSLINE_LOG_WARN as i32, Some(Level::Warn)),
    (WSLINE_LOG_INFO as i32, Some(Level::Info)),
    (WSLINE_LOG_DEBUG as i32, Some(Level::Debug)),
    (WSLINE_LOG_TRACE as i32, Some(Level::Trace)),
];

/// Receives one line of the log.
///
/// Runs on the thread that produces the line, inside the call that this thread is making; it must
/// be quick and must not call the library.
pub type wsline_log_fn =
    Option<unsafe extern "C-unwind" fn(level: i32, message: *const c_char, userdata: *mut c_void)>;

/// @@ Log
/// Blocks: no.
/// Since: 0.2
///
/// Sends log lines to a function.
///
/// There is one log for the whole process; by default it is off. It never contains passwords of
/// proxies, or values of Authorization, Cookie and similar headers. At WSLINE_LOG_TRACE it contains
/// the path and query of the URL, all other headers, and the first 64 bytes of each payload,
/// escaped.
///
/// @param level          a wsline_log_level: the most detailed level to log.
/// @param fn             called with each line; NULL turns the log off.
/// @param userdata       handed to `fn`; may be NULL.
/// @param userdata_free  called once with `userdata` when `fn` will not be called again, or if this
///                       call fails; may be NULL.
/// @retval WSLINE_OK                    done; the `userdata` set before is released.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `level` is unknown.
///
/// Threads: any. `fn` runs on the thread that produces the line, and may run on several threads at
/// once.
/// In callbacks: `fn` must not call the library.
/// See also: wsline_set_trace()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_set_log(
    level: i32,
    r#fn: wsline_log_fn,
    userdata: *mut c_void,
    userdata_free: wsline_free_fn,
) -> wsline_status {
    let name = &"wsline_set_log";
    let userdata = UserData::new(name, userdata, userdata_free);
    guard::status(name, |_| {
        let level = arguments::one_of(level, &LEVELS, "wsline_log_level", "level")?;
        let callback = userdata.with_function(r#fn);
        log::set(level.zip(callback).map(|(level, callback)| {
            let sink = move |level: Level, line: &str| {
                let line = CString::new(line.replace('\0', "\\0")).unwrap_or_default();
                callback.log(level as i32, &line);
            };
            (level, Arc::new(sink) as log::Sink)
        }));
        Ok(())
    })
}

/// Enables or disables a trace on standard error, which shows each step of a connect, the headers
/// of requests and responses, and every frame.
///
/// The trace replaces the function set with wsline_set_log(). The trace never contains passwords of
/// proxies, or values of Authorization, Cookie and similar headers. It contains the path and query
/// of the URL, and the first 64 bytes of each payload, escaped.
///
/// @param enable  true turns it on, false turns the log off.
/// @retval WSLINE_OK            done.
/// @retval WSLINE_ERR_INTERNAL  a bug in wsline.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn wsline_set_trace(enable: bool) -> wsline_status {
    guard::status("wsline_set_trace", |_| {
        let sink: log::Sink = Arc::new(|_, line: &str| {
            // A program without standard error must not fail because of it.
            let _ = without_cancellation(|| writeln!(std::io::stderr(), "{line}"));
        });
        log::set(enable.then_some((Level::Trace, sink)));
        Ok(())
    })
}
