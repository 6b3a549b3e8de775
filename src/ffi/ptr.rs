// SPDX-License-Identifier: Apache-2.0
//! Converts C pointers to references. One of the files where `unsafe` is allowed.
//!
//! What the header requires of the caller, and "promised" refers to below: a pointer that is not
//! NULL points to what its type says, for as long as the call lasts, and no other thread changes it
//! meanwhile.

use crate::base::error::Error;
use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;

#[cold]
pub(super) fn is_null(name: &str) -> Error {
    Error::argument(name, "is NULL")
}

/// A NUL-terminated string; NULL is `None`.
pub(super) unsafe fn c_str<'a>(text: *const c_char) -> Option<&'a CStr> {
    if text.is_null() {
        return None;
    }
    // SAFETY: promised.
    Some(unsafe { CStr::from_ptr(text) })
}

/// `len` readable bytes; NULL with length 0 is empty.
#[inline]
pub(super) unsafe fn bytes<'a>(
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
    check_len(len)?;
    // SAFETY: promised.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), len) })
}

/// `len` bytes that the export may change.
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
    check_len(len)?;
    // SAFETY: promised.
    Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), len) })
}

/// The places of `len` results, which may be uninitialized.
pub(super) unsafe fn out_list<'a, T>(
    places: *mut T,
    len: usize,
    name: &str,
) -> Result<&'a mut [MaybeUninit<T>], Error> {
    if places.is_null() {
        return Err(is_null(name));
    }
    if len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Error::argument(
            "capacity",
            format!("is {len}, more than memory can hold"),
        ));
    }
    // SAFETY: promised; the bytes may hold anything.
    Ok(unsafe { std::slice::from_raw_parts_mut(places.cast(), len) })
}

fn check_len(len: usize) -> Result<(), Error> {
    if len > isize::MAX as usize {
        return Err(is_too_long(len));
    }
    Ok(())
}

#[cold]
fn is_too_long(len: usize) -> Error {
    Error::argument("len", format!("is {len}, more than memory can hold"))
}

pub(super) unsafe fn get<'a, T>(object: *const T, name: &str) -> Result<&'a T, Error> {
    // SAFETY: promised.
    unsafe { object.as_ref() }.ok_or_else(|| is_null(name))
}

pub(super) unsafe fn get_mut<'a, T>(object: *mut T, name: &str) -> Result<&'a mut T, Error> {
    // SAFETY: promised; the header asks that an options object is not shared while it is being set.
    unsafe { object.as_mut() }.ok_or_else(|| is_null(name))
}

/// The place of a result, set to `initial`, so that it is defined even if the call fails later.
pub(super) unsafe fn out<'a, T>(place: *mut T, initial: T, name: &str) -> Result<&'a mut T, Error> {
    if place.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: promised; what was there before need not be valid and is not dropped.
    unsafe { place.write(initial) };
    // SAFETY: promised, and initialised above.
    Ok(unsafe { &mut *place })
}
