// SPDX-License-Identifier: Apache-2.0
//! The last failure of a thread, with everything known about it.

use super::status::wsline_status;
use super::types::wsline_phase;
use crate::base::error::{Error, Phase};
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::time::Duration;

/// Details of a failure. Filled in by the library.
#[repr(C)]
pub struct wsline_error_info {
    /// The status of the call; WSLINE_OK if nothing has failed.
    pub status: wsline_status,
    /// A wsline_phase.
    pub phase: i32,
    /// The system's `errno`, or 0.
    pub os_errno: i32,
    /// The HTTP status of the server's response to the upgrade request or, after WSLINE_ERR_PROXY
    /// or WSLINE_ERR_PROXY_AUTH, of the proxy's response; 0 if there was none.
    pub http_status: i32,
    /// OpenSSL's X509_V_ERR_… number if the certificate was rejected, or 0. AWS-LC uses the same
    /// numbers.
    pub tls_verify_result: i64,
    /// The code of the close frame that ended the connection, received or sent, or 0.
    pub close_code: i32,
    /// The error message, one line as returned by wsline_last_error_message(); never NULL.
    pub message: *const c_char,
    /// Milliseconds until the app reconnects; -1 if it does not reconnect, or if the failure is not
    /// one of an app's connection.
    pub retry_in_ms: i64,
    /// Reserved for future fields; 0.
    pub reserved: [u64; 3],
}

/// An error with its message as a C string, which can be lent.
pub(super) struct LentError {
    error: Error,
    message: CString,
}

thread_local! {
    static LAST: RefCell<Option<LentError>> = const { RefCell::new(None) };
    /// The last failure of an object as this thread has read it: the object may fail again
    /// meanwhile.
    static OF_OBJECT: RefCell<Option<LentError>> = const { RefCell::new(None) };
}

pub(super) fn set_last_error(error: Error) {
    // On a thread that is ending, the error cannot be read any more.
    let _ = LAST.try_with(|last| *last.borrow_mut() = Some(lend(error)));
}

/// The line of the last failure of this thread, or "".
pub(super) fn last_message() -> *const c_char {
    let nothing = c"".as_ptr();
    let line = LAST.try_with(|last| {
        let last = last.borrow();
        last.as_ref().map_or(nothing, |lent| lent.message.as_ptr())
    });
    line.unwrap_or(nothing)
}

/// The last failure of this thread; WSLINE_OK if there was none.
pub(super) fn last_info() -> wsline_error_info {
    let info = LAST.try_with(|last| last.borrow().as_ref().map(wsline_error_info::of));
    info.ok().flatten().unwrap_or(wsline_error_info::NOTHING)
}

pub(super) fn lend(error: Error) -> LentError {
    let message = CString::new(error.message().replace('\0', "\\0")).unwrap_or_default();
    LentError { error, message }
}

impl wsline_error_info {
    pub(super) const NOTHING: Self = Self {
        status: wsline_status::WSLINE_OK,
        phase: 0,
        os_errno: 0,
        http_status: 0,
        tls_verify_result: 0,
        close_code: 0,
        message: c"".as_ptr(),
        retry_in_ms: -1,
        reserved: [0; 3],
    };

    /// Valid for this thread until it reads the last failure of an object again.
    pub(super) fn of_object(error: Error) -> Self {
        OF_OBJECT.with(|of_object| Self::of(of_object.borrow_mut().insert(lend(error))))
    }

    /// With the time until the app reconnects, if it does.
    pub(super) fn with_retry(lent: &LentError, retry: Option<Duration>) -> Self {
        Self {
            retry_in_ms: retry.map_or(-1, |delay| {
                i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)
            }),
            ..Self::of(lent)
        }
    }

    pub(super) fn of(lent: &LentError) -> Self {
        let error = &lent.error;
        Self {
            status: wsline_status::of(error.kind()),
            phase: number_of(error.phase()) as i32,
            os_errno: error.os_errno(),
            http_status: error.http_status().into(),
            tls_verify_result: error.tls_verify_result(),
            close_code: error.close_code().into(),
            message: lent.message.as_ptr(),
            retry_in_ms: -1,
            reserved: [0; 3],
        }
    }
}

pub(super) fn number_of(phase: Phase) -> wsline_phase {
    match phase {
        Phase::None => wsline_phase::WSLINE_PHASE_NONE,
        Phase::Resolve => wsline_phase::WSLINE_PHASE_RESOLVE,
        Phase::Connect => wsline_phase::WSLINE_PHASE_CONNECT,
        Phase::Proxy => wsline_phase::WSLINE_PHASE_PROXY,
        Phase::Tls => wsline_phase::WSLINE_PHASE_TLS,
        Phase::Upgrade => wsline_phase::WSLINE_PHASE_UPGRADE,
        Phase::Open => wsline_phase::WSLINE_PHASE_OPEN,
        Phase::Close => wsline_phase::WSLINE_PHASE_CLOSE,
    }
}
