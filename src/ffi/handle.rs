// SPDX-License-Identifier: Apache-2.0
//! Objects that C holds: made by `give`, seen through `ptr::get`, ended by `take_back`. One of the three places where
//! `unsafe` may stand.

use super::ptr::{self, OfOneProcess};
use super::types::wsline_free_fn;
use crate::base::process::PerProcess;
use crate::base::sync::Mutex;
use std::ffi::{CString, c_char, c_void};

/// Hands an object to C.
pub(super) fn give<T>(object: T) -> *mut T {
    Box::into_raw(Box::new(object))
}

/// Ends an object that [`give`] made; NULL is nothing to end.
pub(super) unsafe fn take_back<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: the caller promises that it came from `give` and is not used again.
        drop(unsafe { Box::from_raw(object) });
    }
}

/// The same for an object that may be inherited: a thread of the parent's may have been changing it at the moment of
/// fork(), so a child calls `abandon` and leaves the memory as it is.
pub(super) unsafe fn take_back_or_abandon<T: OfOneProcess>(
    object: *mut T,
    abandon: impl FnOnce(&T),
) {
    static ABANDONED: PerProcess<Mutex<Vec<Lent<c_void>>>> = PerProcess::new();
    // SAFETY: passed on.
    match unsafe { ptr::get(object, "object") } {
        Ok(inherited) if inherited.process().is_inherited() => {
            abandon(inherited);
            // Still pointed to, so that no tool takes it for a leak.
            ABANDONED.get().lock().push(Lent::new(object.cast()));
        }
        // SAFETY: passed on.
        _ => unsafe { take_back(object) },
    }
}

pub(super) fn give_string(text: CString) -> *mut c_char {
    text.into_raw()
}

/// Ends a string that [`give_string`] gave; NULL is nothing to end.
pub(super) unsafe fn take_string_back(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the caller promises that it came from `give_string` and is not used again.
        drop(unsafe { CString::from_raw(text) });
    }
}

/// An object that [`give`] made, on its way into callbacks, which stop when it is taken back.
pub(super) struct Lent<T>(*mut T);

// SAFETY: what it points to is made for any thread.
unsafe impl<T: Send + Sync> Send for Lent<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Lent<T> {}

impl<T> Lent<T> {
    pub(super) fn new(object: *mut T) -> Self {
        Self(object)
    }

    pub(super) fn get(&self) -> *mut T {
        self.0
    }
}

/// A pointer of the caller's that comes back in callbacks; `free` runs once, when the last of them is over.
pub(super) struct UserData {
    /// The function that it was given to.
    name: &'static str,
    pointer: *mut c_void,
    free: wsline_free_fn,
}

// SAFETY: the header says on which threads callbacks run; what the pointer means there is the caller's to know.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub(super) fn new(name: &'static str, pointer: *mut c_void, free: wsline_free_fn) -> Self {
        Self {
            name,
            pointer,
            free,
        }
    }

    pub(super) fn get(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        // SAFETY: registered together with the pointer.
        unsafe { ptr::call_free(self.name, self.free, self.pointer) };
    }
}
