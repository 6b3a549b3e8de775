// SPDX-License-Identifier: Apache-2.0
//! Objects that C holds: made by `give`, seen through `ptr::get`, ended by `take_back`; and
//! functions of C's that the library holds. One of the places where `unsafe` may stand.

use super::ptr;
use super::types::wsline_free_fn;
use crate::base::error::Error;
use crate::base::process::{PerProcess, ProcessMark};
use crate::base::sync::Mutex;
use crate::net::sys::without_cancellation;
use std::ffi::{CStr, CString, c_char, c_void};
use std::io::Write;

/// An object that knows which process made it.
pub(super) trait OfOneProcess {
    fn process(&self) -> ProcessMark;
}

/// An object that is used in the process which made it alone.
pub(super) trait Object: OfOneProcess + 'static {
    /// The argument that it is passed in.
    const NAME: &'static str;

    /// What a call works on: a reference to what is inside, or a count of it where a callback or
    /// another thread may free the object during the call.
    type Inner<'call>: Inner;

    fn inner(&self) -> Self::Inner<'_>;
}

/// What a call works on.
pub(super) trait Inner {
    /// Keeps why a call has failed, for callers that change threads between calls.
    fn keep(&self, _error: &Error) {}

    /// Whether the failures to come only tell that the object has never been of use.
    fn was_never_open(&self) -> bool {
        false
    }

    /// Ends the call's share in it.
    fn release(self)
    where
        Self: Sized,
    {
    }
}

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

/// The same for an object that may be inherited: a thread of the parent's may have been changing it
/// at the moment of fork(), so a child calls `abandon` and leaves the memory as it is.
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
}

/// The name of a function. Of what every app holds several times this is half as large as a string.
type Name = &'static &'static str;

/// A pointer of the caller's that comes back in callbacks; `free` runs once, when the last of them
/// is over.
pub(super) struct UserData {
    /// The function that it was given to.
    name: Name,
    pointer: *mut c_void,
    free: wsline_free_fn,
}

// SAFETY: the header says on which threads callbacks run; what the pointer means there is the
// caller's to know.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub(super) fn new(name: Name, pointer: *mut c_void, free: wsline_free_fn) -> Self {
        Self {
            name,
            pointer,
            free,
        }
    }

    /// The function that was given with it; without one it is released.
    pub(super) fn given_with<F>(self, function: Option<F>) -> Option<Callback<F>> {
        let userdata = self;
        function.map(|function| Callback { function, userdata })
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: registered together with the pointer.
            let free = || unsafe { free(self.pointer) };
            without_cancellation(|| call("userdata_free", self.name, free));
        }
    }
}

/// A function of the caller's. Its type says what it is called with; the header promises that it
/// may be called as long as it is registered, and whoever drops this ends that.
pub(super) struct Callback<F> {
    function: F,
    userdata: UserData,
}

pub(super) type AboutObject<T, U> = unsafe extern "C-unwind" fn(*mut T, *const U, *mut c_void);
/// Of a list, and how long it is.
pub(super) type AboutList<T, U> = unsafe extern "C-unwind" fn(*mut T, *const U, usize, *mut c_void);
pub(super) type OfObject<T> = unsafe extern "C-unwind" fn(*mut T, *mut c_void);
type OfLog = unsafe extern "C-unwind" fn(i32, *const c_char, *mut c_void);
type OfMaskKey = unsafe extern "C-unwind" fn(*mut u8, *mut c_void) -> i32;

impl<T, U> Callback<AboutObject<T, U>> {
    /// Tells something about an object.
    pub(super) fn tell(&self, object: &Lent<T>, told: &U) {
        let Self { function, userdata } = self;
        call("callback", userdata.name, || {
            // SAFETY: promised of what is registered.
            unsafe { function(object.0, told, userdata.pointer) };
        });
    }
}

impl<T, U> Callback<AboutList<T, U>> {
    pub(super) fn tell_list(&self, object: &Lent<T>, list: &[U]) {
        let Self { function, userdata } = self;
        call("callback", userdata.name, || {
            // SAFETY: promised of what is registered.
            unsafe { function(object.0, list.as_ptr(), list.len(), userdata.pointer) };
        });
    }
}

impl<T> Callback<OfObject<T>> {
    pub(super) fn notice(&self, object: &Lent<T>) {
        let Self { function, userdata } = self;
        call("callback", userdata.name, || {
            // SAFETY: promised of what is registered.
            unsafe { function(object.0, userdata.pointer) };
        });
    }
}

// The exports that can call the following do not keep a cancellation pending all the time.

impl Callback<OfLog> {
    pub(super) fn log(&self, level: i32, line: &CStr) {
        let Self { function, userdata } = self;
        // SAFETY: promised of what is registered.
        let log = || unsafe { function(level, line.as_ptr(), userdata.pointer) };
        without_cancellation(|| call("callback", userdata.name, log));
    }
}

impl Callback<OfMaskKey> {
    /// What it returns.
    pub(super) fn fill(&self, key: &mut [u8; 4]) -> i32 {
        let Self { function, userdata } = self;
        // SAFETY: promised of what is registered.
        let fill = || unsafe { function(key.as_mut_ptr(), userdata.pointer) };
        without_cancellation(|| call("callback", userdata.name, fill))
    }
}

/// Ends the program, and says why, when a callback does not return: its exception, or its
/// pthread_exit(), unwinds through here, and must not unwind further.
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

/// Each call of a function of the user's; `name` is the function of the library that it was given
/// to.
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
