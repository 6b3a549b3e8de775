// SPDX-License-Identifier: Apache-2.0
//! From C pointers to references and back. One of the three places where `unsafe` may stand.
//!
//! The caller's promise, made in the header and meant wherever a block below says "promised": a pointer that is not
//! NULL points to what its type says, for as long as the call lasts, and nobody changes it meanwhile.

use super::types::{wsline_free_fn, wsline_log_fn, wsline_mask_key_fn};
use crate::base::error::{Error, Kind};
use crate::base::process::ProcessMark;
use crate::ffi::conn::receive::WSLINE_NUL_TERMINATED;
use std::ffi::{CStr, c_char, c_void};
use std::io::Write;

fn is_null(name: &str) -> Error {
    Error::argument(name, "is NULL")
}

/// The longest string, but for what [`long_string`] takes. Crates that take memory without asking whether there is any
/// are given no more.
const MAX_STRING_BYTES: usize = 64 * 1024;

/// A NUL-terminated UTF-8 string of bounded length.
pub(super) unsafe fn string<'a>(text: *const c_char, name: &str) -> Result<&'a str, Error> {
    // SAFETY: passed on.
    unsafe { optional_string(text, name) }?.ok_or_else(|| is_null(name))
}

/// The same; NULL is `None`.
pub(super) unsafe fn optional_string<'a>(
    text: *const c_char,
    name: &str,
) -> Result<Option<&'a str>, Error> {
    // SAFETY: passed on.
    let text = unsafe { optional_long_string(text, name) }?;
    text.map(|text| bounded(text, name)).transpose()
}

/// Refuses what is too long for [`string`].
pub(super) fn bounded<'a>(text: &'a str, name: &str) -> Result<&'a str, Error> {
    if text.len() > MAX_STRING_BYTES {
        let len = text.len();
        let what = format!("is a string of {len} bytes, the limit is {MAX_STRING_BYTES}");
        return Err(Error::argument(name, what));
    }
    Ok(text)
}

/// A NUL-terminated UTF-8 string of any length: copies of it must be those of [`crate::base::memory`].
pub(super) unsafe fn long_string<'a>(text: *const c_char, name: &str) -> Result<&'a str, Error> {
    // SAFETY: passed on.
    unsafe { optional_long_string(text, name) }?.ok_or_else(|| is_null(name))
}

/// The same; NULL is `None`.
pub(super) unsafe fn optional_long_string<'a>(
    text: *const c_char,
    name: &str,
) -> Result<Option<&'a str>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: promised.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str()
        .map(Some)
        .map_err(|_| Error::argument(name, "is not UTF-8"))
}

/// A payload: NULL with length 0 is empty, `WSLINE_NUL_TERMINATED` takes a C string.
pub(super) unsafe fn payload<'a>(
    data: *const c_void,
    len: usize,
    name: &str,
) -> Result<&'a [u8], Error> {
    if data.is_null() {
        return if len == 0 {
            Ok(&[])
        } else {
            Err(is_null(name))
        };
    }
    if len == WSLINE_NUL_TERMINATED {
        // SAFETY: promised by that length.
        return Ok(unsafe { CStr::from_ptr(data.cast()) }.to_bytes());
    }
    if len > isize::MAX as usize {
        return Err(Error::argument(
            "len",
            format!("is {len}, more than memory can hold"),
        ));
    }
    // SAFETY: promised.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), len) })
}

/// Bytes the caller gives for changing.
pub(super) unsafe fn bytes_mut<'a>(
    data: *mut c_void,
    len: usize,
    name: &str,
) -> Result<&'a mut [u8], Error> {
    if data.is_null() {
        return if len == 0 {
            Ok(&mut [])
        } else {
            Err(is_null(name))
        };
    }
    if len > isize::MAX as usize {
        return Err(Error::argument(
            "len",
            format!("is {len}, more than memory can hold"),
        ));
    }
    // SAFETY: promised.
    Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), len) })
}

/// An object of the caller's.
pub(super) unsafe fn get<'a, T>(object: *const T, name: &str) -> Result<&'a T, Error> {
    // SAFETY: promised.
    unsafe { object.as_ref() }.ok_or_else(|| is_null(name))
}

/// An object that knows which process made it.
pub(super) trait OfOneProcess {
    fn process(&self) -> ProcessMark;
}

/// An object of the caller's that is used in the process which made it alone.
pub(super) unsafe fn get_own<'a, T: OfOneProcess>(
    object: *const T,
    name: &str,
) -> Result<&'a T, Error> {
    // SAFETY: promised.
    let object = unsafe { get(object, name) }?;
    if object.process().is_inherited() {
        let message = format!("argument `{name}` was made before fork()");
        return Err(Error::new(Kind::WrongState, message));
    }
    Ok(object)
}

pub(super) unsafe fn get_mut<'a, T>(object: *mut T, name: &str) -> Result<&'a mut T, Error> {
    // SAFETY: promised; the header asks that an options object is not shared while it is being set.
    unsafe { object.as_mut() }.ok_or_else(|| is_null(name))
}

/// Where a result goes. Holds `initial` from here on, so that it is never garbage, whatever fails later.
pub(super) unsafe fn out<'a, T>(place: *mut T, initial: T, name: &str) -> Result<&'a mut T, Error> {
    if place.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: promised; what was there before need not be valid and is not dropped.
    unsafe { place.write(initial) };
    // SAFETY: promised, and initialised above.
    Ok(unsafe { &mut *place })
}

/// Ends the program, and says why, when a callback does not return: its exception, or its pthread_exit(), unwinds through
/// here, and must not unwind further.
struct MustReturn {
    what: &'static str,
    /// The function that it was given to.
    name: &'static str,
    has_returned: bool,
}

impl Drop for MustReturn {
    fn drop(&mut self) {
        if self.has_returned {
            return;
        }
        let line = format!(
            "wsline: the {} given to {}() was left by an exception or pthread_exit(); it must return\n",
            self.what, self.name
        );
        // A program without standard error must end all the same.
        let _ = std::io::stderr().write_all(line.as_bytes());
        std::process::abort();
    }
}

/// Each call of a function of the user's; `name` is the function of the library that it was given to.
fn call<T>(what: &'static str, name: &'static str, callback: impl FnOnce() -> T) -> T {
    let mut guard = MustReturn {
        what,
        name,
        has_returned: false,
    };
    let result = callback();
    guard.has_returned = true;
    result
}

pub(super) unsafe fn call_free(
    name: &'static str,
    function: wsline_free_fn,
    userdata: *mut c_void,
) {
    if let Some(function) = function {
        // SAFETY: promised of callbacks, as long as they are registered.
        call("userdata_free", name, || unsafe { function(userdata) });
    }
}

/// For the callbacks that take an object, something about it, and their userdata.
pub(super) unsafe fn call_told<T, U>(
    name: &'static str,
    function: unsafe extern "C-unwind" fn(*mut T, *const U, *mut c_void),
    object: *mut T,
    told: &U,
    userdata: *mut c_void,
) {
    // SAFETY: promised of callbacks, as long as they are registered.
    call("callback", name, || unsafe {
        function(object, told, userdata)
    });
}

/// For those that take no more than the object.
pub(super) unsafe fn call_noticed<T>(
    name: &'static str,
    function: unsafe extern "C-unwind" fn(*mut T, *mut c_void),
    object: *mut T,
    userdata: *mut c_void,
) {
    // SAFETY: promised of callbacks, as long as they are registered.
    call("callback", name, || unsafe { function(object, userdata) });
}

pub(super) unsafe fn call_log(
    name: &'static str,
    function: wsline_log_fn,
    level: i32,
    line: &CStr,
    userdata: *mut c_void,
) {
    if let Some(function) = function {
        // SAFETY: promised of callbacks, as long as they are registered.
        call("callback", name, || unsafe {
            function(level, line.as_ptr(), userdata)
        });
    }
}

pub(super) unsafe fn call_mask_key(
    name: &'static str,
    function: wsline_mask_key_fn,
    key: &mut [u8; 4],
    userdata: *mut c_void,
) -> i32 {
    function.map_or(-1, |function| {
        // SAFETY: promised of callbacks, as long as they are registered.
        call("callback", name, || unsafe {
            function(key.as_mut_ptr(), userdata)
        })
    })
}
