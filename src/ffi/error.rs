// SPDX-License-Identifier: Apache-2.0
//! Reading the last failure of a thread and of a connection.

use super::arguments::Arguments;
use super::guard;
use super::handle::Inner;
use super::last_error::{self, wsline_error_info};
use super::status::wsline_status::{self, *};
use crate::base::error::Error;
use crate::ffi::conn::object::wsline_conn;
use std::ffi::c_char;

/// Describes the last failed call on this thread in one line.
///
/// The line quotes the values that matter, but never a credential, and has no newline. Like
/// `errno`, it is not changed by calls that succeed.
///
/// @return  a string, never NULL; "" if no call has failed. Valid until the next failure on this
///          thread.
///
/// Threads: any; each has its own.
/// See also: wsline_last_error()
#[unsafe(no_mangle)]
pub extern "C" fn wsline_last_error_message() -> *const c_char {
    guard::value(c"".as_ptr(), |_| last_error::last_message())
}

/// Gives the details of the last failed call on this thread.
///
/// @param info_out  filled; `info_out->message` is valid until the next failure on this thread.
/// @retval WSLINE_OK                    filled; with status WSLINE_OK if none has failed.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `info_out` is NULL.
///
/// Threads: any; each has its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_last_error(info_out: *mut wsline_error_info) -> wsline_status {
    guard::value(WSLINE_ERR_INTERNAL, |arguments| {
        match arguments.out(info_out, wsline_error_info::NOTHING, "info_out") {
            Ok(info) => {
                *info = last_error::last_info();
                WSLINE_OK
            }
            // Does not overwrite the last error, which the caller may still read.
            Err(_) => WSLINE_ERR_INVALID_ARGUMENT,
        }
    })
}

/// Gives the details of the last failed call on this connection, whichever thread made it.
///
/// For callers that may change threads between two calls, as in Go.
///
/// @param conn      a connection.
/// @param info_out  filled; `info_out->message` is valid until this thread's next call of this
///                  function.
/// @retval WSLINE_OK                    filled; with status WSLINE_OK if no call has failed.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn` or `info_out` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_last_error(
    conn: *const wsline_conn,
    info_out: *mut wsline_error_info,
) -> wsline_status {
    read("wsline_conn_last_error", info_out, |arguments| {
        Ok(arguments.object(conn)?.last_error())
    })
}

/// Runs an export that reads the last error of an object, if there is one. Its own failure is not
/// stored there.
pub(super) fn read<'call>(
    function: &'static str,
    info_out: *mut wsline_error_info,
    find: impl FnOnce(Arguments<'call>) -> Result<Option<Error>, Error>,
) -> wsline_status {
    guard::after_failure_of(function, find, |error, arguments| {
        let info = arguments.out(info_out, wsline_error_info::NOTHING, "info_out");
        let (error, info) = (error?, info?);
        if let Some(error) = error {
            *info = wsline_error_info::of_object(error.clone());
        }
        Ok(())
    })
}

impl Inner for Option<Error> {}
