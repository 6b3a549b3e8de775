// SPDX-License-Identifier: Apache-2.0
//! Converts the arguments of exports from C to Rust.

use super::handle::{self, Object, OfOneProcess};
use super::ptr;
use crate::base::deadline::Timeout;
use crate::base::error::{Error, Kind};
use crate::protocol::http::auth::Credentials;
use crate::protocol::ws::close::CloseFrame;
use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::time::Duration;

/// As the length of a payload: the payload is a NUL-terminated C string.
pub const WSLINE_NUL_TERMINATED: usize = usize::MAX;

/// A timeout that never expires.
pub const WSLINE_FOREVER: i64 = -1;

/// Use the timeout of the connection or, if that is not set, of the process, unless a function
/// gives it another meaning.
pub const WSLINE_DEFAULT_TIMEOUT: i64 = -2;

/// The longest string, except for [`Arguments::long_string`]. Limits the strings that are passed to
/// crates that abort if an allocation fails.
const MAX_STRING_BYTES: usize = 64 * 1024;

/// Reads the pointers among the arguments of the export that runs.
///
/// Exports are `unsafe`: with each call, C guarantees for its pointers what the header requires and
/// `ptr` repeats. Only `guard` creates this, for the export that it runs, so it represents that
/// guarantee, and its methods are safe. They are for pointers that were passed to the export, and
/// for pointers inside what those point to.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'call>(PhantomData<&'call ()>);

impl<'call> Arguments<'call> {
    /// Only for `guard`.
    pub(super) fn of_an_export() -> Self {
        Self(PhantomData)
    }

    /// A NUL-terminated UTF-8 string of bounded length.
    pub(super) fn string(self, text: *const c_char, name: &str) -> Result<&'call str, Error> {
        bounded(self.long_string(text, name)?, name)
    }

    /// Like the method above; NULL is `None`.
    pub(super) fn optional_string(
        self,
        text: *const c_char,
        name: &str,
    ) -> Result<Option<&'call str>, Error> {
        let text = self.optional_long_string(text, name)?;
        text.map(|text| bounded(text, name)).transpose()
    }

    /// A NUL-terminated UTF-8 string of any length: it must be copied only with
    /// [`crate::base::memory`].
    pub(super) fn long_string(self, text: *const c_char, name: &str) -> Result<&'call str, Error> {
        let text = self.optional_long_string(text, name)?;
        text.ok_or_else(|| ptr::is_null(name))
    }

    /// Like the method above; NULL is `None`.
    pub(super) fn optional_long_string(
        self,
        text: *const c_char,
        name: &str,
    ) -> Result<Option<&'call str>, Error> {
        // SAFETY: promised to the export.
        let text = unsafe { ptr::c_str(text) };
        text.map(|text| {
            let text = text.to_str();
            text.map_err(|_| Error::argument(name, "is not UTF-8"))
        })
        .transpose()
    }

    /// A payload: NULL with length 0 is empty, [`WSLINE_NUL_TERMINATED`] takes a C string.
    #[inline]
    pub(super) fn payload(
        self,
        data: *const c_void,
        len: usize,
        name: &str,
    ) -> Result<&'call [u8], Error> {
        if len == WSLINE_NUL_TERMINATED {
            // SAFETY: promised to the export, by that length.
            let text = unsafe { ptr::c_str(data.cast()) };
            return text.map(CStr::to_bytes).ok_or_else(|| ptr::is_null(name));
        }
        // SAFETY: promised to the export.
        unsafe { ptr::bytes(data, len, name) }
    }

    /// Bytes that the export may change.
    pub(super) fn bytes_mut(
        self,
        data: *mut c_void,
        len: usize,
        name: &str,
    ) -> Result<&'call mut [u8], Error> {
        // SAFETY: promised to the export.
        unsafe { ptr::bytes_mut(data, len, name) }
    }

    /// A user name and a password; NULL for both is none.
    pub(super) fn credentials(
        self,
        user: *const c_char,
        password: *const c_char,
    ) -> Result<Option<Credentials>, Error> {
        let user = self.optional_string(user, "user")?;
        let password = self.optional_string(password, "password")?;
        match (user, password) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ptr::is_null("user")),
            (Some(user), password) => Credentials::new(user, password.unwrap_or_default())
                .map(Some)
                .map_err(|what| Error::argument("user", what)),
        }
    }

    /// A close frame of a code and a reason, which may be NULL.
    pub(super) fn close_frame(self, code: i32, reason: *const c_char) -> Result<CloseFrame, Error> {
        let reason = self.optional_string(reason, "reason")?;
        CloseFrame::from_arguments(code, reason.unwrap_or_default())
    }

    /// What the caller points to.
    pub(super) fn get<T>(self, place: *const T, name: &str) -> Result<&'call T, Error> {
        // SAFETY: promised to the export.
        unsafe { ptr::get(place, name) }
    }

    pub(super) fn get_mut<T>(self, place: *mut T, name: &str) -> Result<&'call mut T, Error> {
        // SAFETY: promised to the export.
        unsafe { ptr::get_mut(place, name) }
    }

    /// The place of a result, set to `initial`, so that it is defined even if the call fails later.
    pub(super) fn out<T>(
        self,
        place: *mut T,
        initial: T,
        name: &str,
    ) -> Result<&'call mut T, Error> {
        // SAFETY: promised to the export.
        unsafe { ptr::out(place, initial, name) }
    }

    /// The places of several results, which may be uninitialized.
    pub(super) fn out_list<T>(
        self,
        places: *mut T,
        len: usize,
        name: &str,
    ) -> Result<&'call mut [MaybeUninit<T>], Error> {
        // SAFETY: promised to the export.
        unsafe { ptr::out_list(places, len, name) }
    }

    /// An object, which may only be used in the process that created it.
    pub(super) fn object<T: Object>(self, object: *const T) -> Result<T::Inner<'call>, Error> {
        let object = self.get(object, T::NAME)?;
        if object.process().is_inherited() {
            return Err(inherited(T::NAME));
        }
        Ok(object.inner())
    }

    /// Frees an object; in a child process that inherited it, calls `abandon` instead.
    pub(super) fn free<T: OfOneProcess>(self, object: *mut T, abandon: impl FnOnce(&T)) {
        // SAFETY: promised to the export that frees.
        unsafe { handle::free_or_abandon(object, abandon) };
    }

    /// Takes back an object, which may only be used in the process that created it.
    pub(super) fn take<T: OfOneProcess>(self, object: *mut T, name: &str) -> Result<T, Error> {
        if self.get(object, name)?.process().is_inherited() {
            return Err(inherited(name));
        }
        // SAFETY: promised to the export that takes it.
        Ok(unsafe { handle::take(object) })
    }

    /// Frees an object that any process may use.
    pub(super) fn free_plain<T>(self, object: *mut T) {
        // SAFETY: promised to the export that frees.
        unsafe { handle::free(object) };
    }

    /// Frees a string.
    pub(super) fn free_string(self, text: *mut c_char) {
        // SAFETY: promised to the export that frees.
        unsafe { handle::free_string(text) };
    }
}

fn bounded<'a>(text: &'a str, name: &str) -> Result<&'a str, Error> {
    if text.len() > MAX_STRING_BYTES {
        let len = text.len();
        let what = format!("is a string of {len} bytes; the limit is {MAX_STRING_BYTES}");
        return Err(Error::argument(name, what));
    }
    Ok(text)
}

#[cold]
fn inherited(name: &str) -> Error {
    let message = format!("argument `{name}` was made before fork()");
    Error::new(Kind::WrongState, message)
}

/// A timeout in milliseconds, or one of the two constants.
pub(super) fn timeout(timeout_ms: i64, name: &str) -> Result<Timeout, Error> {
    Timeout::from_ms(timeout_ms).ok_or_else(|| {
        let rule = "it must be 0 or more, WSLINE_FOREVER or WSLINE_DEFAULT_TIMEOUT";
        Error::argument(name, format!("is {timeout_ms}; {rule}"))
    })
}

/// Milliseconds, 0 or more.
pub(super) fn span(ms: i64, name: &str) -> Result<Duration, Error> {
    not_negative(ms, name).map(Duration::from_millis)
}

/// Microseconds, 0 or more.
pub(super) fn microseconds(us: i64, name: &str) -> Result<Duration, Error> {
    not_negative(us, name).map(Duration::from_micros)
}

fn not_negative(number: i64, name: &str) -> Result<u64, Error> {
    u64::try_from(number).map_err(|_| {
        let what = format!("is {number}; it must be 0 or more");
        Error::argument(name, what)
    })
}

/// A limit; 0 means no limit.
pub(super) fn limit(number: u64) -> u64 {
    if number == 0 { u64::MAX } else { number }
}

/// A whole number from `least` to `most`.
pub(super) fn in_range(number: i32, least: u8, most: u8, name: &str) -> Result<u8, Error> {
    let small = u8::try_from(number).ok();
    let small = small.filter(|small| (least..=most).contains(small));
    small.ok_or_else(|| {
        let must = format!("is {number}; it must be {least} to {most}");
        Error::argument(name, must)
    })
}

/// A number from `least` to `most`; [`f64::MAX`] means no upper limit.
pub(super) fn factor(number: f64, least: f64, most: f64, name: &str) -> Result<f64, Error> {
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    let range = if most == f64::MAX {
        format!("{least} or more")
    } else {
        format!("{least} to {most}")
    };
    let must = format!("is {number}; it must be {range}");
    Err(Error::argument(name, must))
}

/// One of the numbers of a C enumeration; `enumeration` is its name, for errors.
pub(super) fn one_of<T: Copy>(
    number: i32,
    known: &[(i32, T)],
    enumeration: &str,
    name: &str,
) -> Result<T, Error> {
    let found = known.iter().find(|(known, _)| *known == number);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let what = format!("is {number}, which is not a {enumeration}");
        Error::argument(name, what)
    })
}
