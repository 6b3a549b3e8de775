// SPDX-License-Identifier: Apache-2.0
//! Strings that C owns.

use super::guard;
use super::handle;
use crate::base::error::Error;
use crate::base::memory;
use std::ffi::c_char;

/// Frees a string that you own, one that came through a `char **..._out`.
///
/// @param string  the string; may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_string_free(string: *mut c_char) {
    guard::value((), |arguments| arguments.free_string(string));
}

/// Passes a string to C, to be freed with [`wsline_string_free`].
pub(super) fn give(text: &str) -> Result<*mut c_char, Error> {
    let text = memory::c_string(text.as_bytes())?;
    Ok(handle::give_string(text.unwrap_or_default()))
}
