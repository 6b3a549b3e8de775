// SPDX-License-Identifier: Apache-2.0
//! Objects that C holds: created by `give`, accessed through `ptr::get`, freed by `free`; and C
//! functions that the library holds. One of the files where `unsafe` is allowed.

use super::ptr;
use super::types::wsline_free_fn;
use crate::base::error::Error;
use crate::base::process::{PerProcess, ProcessMark};
use crate::base::sync::{Arc, Mutex};
use crate::net::sys::without_cancellation;
use std::borrow::Borrow;
use std::ffi::{CStr, CString, c_char, c_void};
use std::io::Write;

/// An object that knows which process created it.
pub(super) trait OfOneProcess {
    fn process(&self) -> ProcessMark;
}

/// An object that may only be used in the process that created it.
pub(super) trait Object: OfOneProcess + 'static {
    /// The name of the argument in which it is passed.
    const NAME: &'static str;

    /// What a call works on: a reference to what is inside, or a counted reference if a callback or
    /// another thread may free the object during the call.
    type Inner<'call>: Inner;

    fn inner(&self) -> Self::Inner<'_>;
}

/// What a call works on.
pub(super) trait Inner {
    /// Stores why a call has failed, for callers that change threads between calls.
    fn keep(&self, _error: &Error) {}

    /// Whether failures only mean that the object has never been open.
    fn was_never_open(&self) -> bool {
        false
    }

    /// Releases the call's reference.
    fn release(self)
    where
        Self: Sized,
    {
    }
}

/// Passes an object to C.
pub(super) fn give<T>(object: T) -> *mut T {
    Box::into_raw(Box::new(object))
}

/// Frees an object that [`give`] created; does nothing for NULL.
pub(super) unsafe fn free<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: the caller promises that it came from `give` and is not used again.
        drop(unsafe { Box::from_raw(object) });
    }
}

/// Frees an object that may be inherited: another thread may have been changing it at the moment of
/// fork(), so a child process calls `abandon` and leaves the memory untouched.
pub(super) unsafe fn free_or_abandon<T: OfOneProcess>(object: *mut T, abandon: impl FnOnce(&T)) {
    static ABANDONED: PerProcess<Mutex<Vec<Lent<c_void>>>> = PerProcess::new();
    // SAFETY: passed on.
    match unsafe { ptr::get(object, "object") } {
        Ok(inherited) if inherited.process().is_inherited() => {
            abandon(inherited);
            // Kept reachable, so that no tool reports it as a leak.
            ABANDONED.get().lock().push(Lent::new(object.cast()));
        }
        // SAFETY: passed on.
        _ => unsafe { free(object) },
    }
}

/// Takes back an object that [`give`] created.
pub(super) unsafe fn take<T>(object: *mut T) -> T {
    // SAFETY: the caller promises that it came from `give` and is not used again.
    *unsafe { Box::from_raw(object) }
}

pub(super) fn give_string(text: CString) -> *mut c_char {
    text.into_raw()
}

/// Frees a string that [`give_string`] created; does nothing for NULL.
pub(super) unsafe fn free_string(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the caller promises that it came from `give_string` and is not used again.
        drop(unsafe { CString::from_raw(text) });
    }
}

/// An object that [`give`] created, to be passed to callbacks, which end when it is freed.
pub(super) struct Lent<T>(*mut T);

// SAFETY: what it points to may be used by any thread.
unsafe impl<T: Send + Sync> Send for Lent<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Lent<T> {}

impl<T> Lent<T> {
    pub(super) fn new(object: *mut T) -> Self {
        Self(object)
    }
}

/// The name of a function. Every app stores several, and this is half as large as a `&str`.
type Name = &'static &'static str;

/// A pointer of the caller's that is passed to callbacks; `free` runs once, after the last of them.
pub(super) struct UserData {
    /// The function that it was passed to.
    name: Name,
    pointer: *mut c_void,
    free: wsline_free_fn,
}

// SAFETY: the header says on which threads callbacks run; the caller ensures that the pointer is
// valid there.
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

    /// The callback that was passed with it; without one, this is dropped.
    pub(super) fn with_function<F>(self, function: Option<F>) -> Option<Callback<F>> {
        let userdata = self;
        function.map(|function| Callback::new(function, userdata))
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

/// A function of the caller's. Its type says what it is called with. The header requires that it
/// can be called as long as it is registered, which is until this is dropped.
pub(super) struct Callback<F, D = UserData> {
    function: F,
    /// Several callbacks may share it.
    userdata: D,
}

impl<F, D> Callback<F, D> {
    pub(super) fn new(function: F, userdata: D) -> Self {
        Self { function, userdata }
    }
}

pub(super) type ValueFn<T, U> = unsafe extern "C-unwind" fn(*mut T, *const U, *mut c_void);
/// With a list and its length.
pub(super) type ListFn<T, U> = unsafe extern "C-unwind" fn(*mut T, *const U, usize, *mut c_void);
/// With a value; lends another one, which may be changed, and returns a number.
pub(super) type AskFn<T, U, V> =
    unsafe extern "C-unwind" fn(*mut T, *const U, *mut V, *mut c_void) -> i32;
/// With a name and a number.
pub(super) type NameFn<T> = unsafe extern "C-unwind" fn(*mut T, *const c_char, i32, *mut c_void);
pub(super) type ObjectFn<T> = unsafe extern "C-unwind" fn(*mut T, *mut c_void);
/// With a value.
pub(super) type NoticeFn<U> = unsafe extern "C-unwind" fn(*const U, *mut c_void);
type LogFn = unsafe extern "C-unwind" fn(i32, *const c_char, *mut c_void);
pub(super) type ReadFn = unsafe extern "C-unwind" fn(*mut c_void, usize, *mut c_void) -> i64;
pub(super) type WriteFn = unsafe extern "C-unwind" fn(*const c_void, usize, *mut c_void) -> i64;
pub(super) type WaitFn = unsafe extern "C-unwind" fn(u32, i64, *mut c_void) -> i32;
type KeyFn = unsafe extern "C-unwind" fn(*mut u8, *mut c_void) -> i32;

impl<T, U, D: Borrow<UserData>> Callback<ValueFn<T, U>, D> {
    /// Passes a value that concerns an object.
    pub(super) fn call_with(&self, object: &Lent<T>, value: &U) {
        let (function, userdata) = (&self.function, self.userdata.borrow());
        call("callback", userdata.name, || {
            // SAFETY: promised of what is registered.
            unsafe { function(object.0, value, userdata.pointer) };
        });
    }
}

impl<T, U, V, D: Borrow<UserData>> Callback<AskFn<T, U, V>, D> {
    /// Passes a value that concerns an object, and lends one that may be changed.
    pub(super) fn ask(&self, object: &Lent<T>, value: &U, lent: &mut V) -> i32 {
        let (function, userdata) = (&self.function, self.userdata.borrow());
        call("callback", userdata.name, || {
            // SAFETY: promised of what is registered.
            unsafe { function(object.0, value, lent, userdata.pointer) }
        })
    }
}

impl<T, U, D: Borrow<UserData>> Callback<ListFn<T, U>, D> {
    pub(super) fn call_with_list(&self, object: &Lent<T>, list: &[U]) {
        let (function, userdata) = (&self.function, self.userdata.borrow());
        call("callback", userdata.name, || {
            // SAFETY: promised of what is registered.
            unsafe { function(object.0, list.as_ptr(), list.len(), userdata.pointer) };
        });
    }
}

impl<T, D: Borrow<UserData>> Callback<ObjectFn<T>, D> {
    pub(super) fn call(&self, object: &Lent<T>) {
        let (function, userdata) = (&self.function, self.userdata.borrow());
        call("callback", userdata.name, || {
            // SAFETY: promised of what is registered.
            unsafe { function(object.0, userdata.pointer) };
        });
    }
}

impl<T> Callback<NameFn<T>> {
    /// Gives an object away, to be used for the name and the number.
    pub(super) fn give(&self, object: T, name: &CStr, number: i32) {
        let Self { function, userdata } = self;
        let object = give(object);
        call("callback", userdata.name, || {
            // SAFETY: promised of what is registered.
            unsafe { function(object, name.as_ptr(), number, userdata.pointer) };
        });
    }
}

// Exports that can call these do not postpone cancellation as a whole, so these do.

impl Callback<LogFn> {
    pub(super) fn log(&self, level: i32, line: &CStr) {
        let Self { function, userdata } = self;
        // SAFETY: promised of what is registered.
        let log = || unsafe { function(level, line.as_ptr(), userdata.pointer) };
        without_cancellation(|| call("callback", userdata.name, log));
    }
}

impl<U> Callback<NoticeFn<U>> {
    pub(super) fn notify(&self, value: &U) {
        let Self { function, userdata } = self;
        // SAFETY: promised of what is registered.
        let notify = || unsafe { function(value, userdata.pointer) };
        without_cancellation(|| call("callback", userdata.name, notify));
    }
}

impl Callback<KeyFn> {
    /// Returns what the function returned.
    pub(super) fn fill(&self, key: &mut [u8; 4]) -> i32 {
        let Self { function, userdata } = self;
        // SAFETY: promised of what is registered.
        let fill = || unsafe { function(key.as_mut_ptr(), userdata.pointer) };
        without_cancellation(|| call("callback", userdata.name, fill))
    }
}

impl Callback<ReadFn, Arc<UserData>> {
    /// Lends the spare capacity of `into`, less one byte, and appends what the function has stored
    /// there. Returns what it returned, which is wrong if that is more than the lent capacity.
    pub(super) fn read(&self, into: &mut Vec<u8>) -> i64 {
        let Self { function, userdata } = self;
        let (_, room) = into.spare_capacity_mut().split_last_mut().unzip();
        let room = room.unwrap_or_default();
        let (place, most) = (room.as_mut_ptr().cast(), room.len());
        // SAFETY: promised of what is registered; `place` is writable for `most` bytes.
        let read = || unsafe { function(place, most, userdata.pointer) };
        let result = without_cancellation(|| call("callback", userdata.name, read));
        if let Some(count) = usize::try_from(result).ok().filter(|count| *count <= most) {
            let len = into.len() + count;
            // SAFETY: the function has stored that many bytes, as is promised of it.
            unsafe { into.set_len(len) };
        }
        result
    }
}

impl Callback<WriteFn, Arc<UserData>> {
    /// Returns what the function returned.
    pub(super) fn write(&self, bytes: &[u8]) -> i64 {
        let Self { function, userdata } = self;
        // SAFETY: promised of what is registered.
        let write = || unsafe { function(bytes.as_ptr().cast(), bytes.len(), userdata.pointer) };
        without_cancellation(|| call("callback", userdata.name, write))
    }
}

impl Callback<WaitFn, Arc<UserData>> {
    /// Returns what the function returned.
    pub(super) fn wait(&self, events: u32, timeout_ms: i64) -> i32 {
        let Self { function, userdata } = self;
        // SAFETY: promised of what is registered.
        let wait = || unsafe { function(events, timeout_ms, userdata.pointer) };
        without_cancellation(|| call("callback", userdata.name, wait))
    }
}

/// Aborts the program, with a message, if a callback does not return: an exception or
/// pthread_exit() must not unwind any further.
struct MustReturn {
    what: &'static str,
    /// The function that it was passed to.
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
        // A program without standard error must abort, too.
        let _ = std::io::stderr().write_all(line.as_bytes());
        std::process::abort();
    }
}

/// Calls a function of the user's; `name` is the library function that it was passed to.
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
