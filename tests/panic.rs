// SPDX-License-Identifier: Apache-2.0
//! A deliberate panic is returned as a status with its text, and the thread continues.

use std::ffi::{CStr, c_char};

use wsline::ffi::error::wsline_last_error_message;
use wsline::ffi::status::wsline_status;

// SAFETY: the export is added by the feature `test-panic`.
#[allow(unsafe_code, reason = "an export is called as C calls it")]
unsafe extern "C" {
    safe fn wsline_test_panic() -> wsline_status;
}

#[test]
fn no_panic_crosses_the_c_abi() {
    for _ in 0..2 {
        assert_eq!(wsline_test_panic(), wsline_status::WSLINE_ERR_INTERNAL);
        assert_eq!(last_message(), "wsline_test_panic: bug in wsline: planted");
    }
}

fn last_message() -> String {
    let message: *const c_char = wsline_last_error_message();
    // SAFETY: never NULL, and valid until the next call.
    #[allow(unsafe_code, reason = "a text is read as C reads it")]
    let message = unsafe { CStr::from_ptr(message) };
    message.to_string_lossy().into_owned()
}
