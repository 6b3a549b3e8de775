// SPDX-License-Identifier: Apache-2.0
//! Every export runs inside a guard: it catches panics, postpones cancellation of the thread,
//! stores the failure as the thread's last error, and gives the export the `Arguments` to read its
//! pointers. Exports that only look up a constant need no guard.

use super::arguments::Arguments;
use super::handle::{Inner, Object};
use super::last_error::set_last_error;
use super::status::wsline_status;
use crate::base::error::{Error, Kind};
use crate::net::sys::without_cancellation;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs an export that can fail.
pub(super) fn status(
    function: &'static str,
    body: impl FnOnce(Arguments<'_>) -> Result<(), Error>,
) -> wsline_status {
    without_cancellation(
        || match caught(function, || body(Arguments::of_an_export())) {
            Ok(()) => wsline_status::WSLINE_OK,
            Err(error) => failed(error),
        },
    )
}

/// Runs an export on an object, which also stores the failure. Without an object `body` is passed
/// the reason: it sets the places of results to their defaults and returns it.
pub(super) fn on<'call, T: Object>(
    function: &'static str,
    object: *const T,
    body: impl FnOnce(Result<&T::Inner<'call>, Error>, Arguments<'call>) -> Result<(), Error>,
) -> wsline_status {
    without_cancellation(|| often(function, object, body))
}

/// [`on`] for an export that is called for each message. Two calls of pthread_setcancelstate(3)
/// would cost more than everything else here, so cancellation is postponed only where it can take
/// effect: by `net/sys.rs` around each system call that such an export makes, and around TLS; by
/// `handle.rs` around the caller's functions.
#[inline(always)]
pub(super) fn often<'call, T: Object>(
    function: &'static str,
    object: *const T,
    body: impl FnOnce(Result<&T::Inner<'call>, Error>, Arguments<'call>) -> Result<(), Error>,
) -> wsline_status {
    let arguments = Arguments::of_an_export();
    match arguments.object(object) {
        Ok(inner) => {
            let status = match caught(function, || body(Ok(&inner), arguments)) {
                Ok(()) => wsline_status::WSLINE_OK,
                Err(error) => failed_on(&inner, error),
            };
            inner.release();
            status
        }
        Err(error) => without_object(|| caught(function, || body(Err(error), arguments))),
    }
}

/// [`on`] for an export that programs also call after a failure: one that frees an object,
/// describes it, or sets its callbacks. If there is no object, or the connection was never open,
/// the last error says why and is not overwritten.
pub(super) fn after_failure<'call, T: Object>(
    function: &'static str,
    object: *const T,
    body: impl FnOnce(Result<&T::Inner<'call>, Error>, Arguments<'call>) -> Result<(), Error>,
) -> wsline_status {
    after_failure_of(function, |arguments| arguments.object(object), body)
}

/// [`after_failure`] on what `object` returns.
pub(super) fn after_failure_of<'call, I: Inner>(
    function: &'static str,
    object: impl FnOnce(Arguments<'call>) -> Result<I, Error>,
    body: impl FnOnce(Result<&I, Error>, Arguments<'call>) -> Result<(), Error>,
) -> wsline_status {
    without_cancellation(|| {
        let arguments = Arguments::of_an_export();
        match object(arguments) {
            Ok(inner) => match caught(function, || body(Ok(&inner), arguments)) {
                Ok(()) => wsline_status::WSLINE_OK,
                Err(error)
                    if inner.was_never_open()
                        && matches!(error.kind(), Kind::WrongState | Kind::Aborted) =>
                {
                    wsline_status::of(error.kind())
                }
                Err(error) => failed_on(&inner, error),
            },
            // Using an object that was created before fork() is a failure of this call.
            Err(error) if error.kind() != Kind::InvalidArgument => {
                without_object(|| caught(function, || body(Err(error), arguments)))
            }
            Err(error) => {
                let _ = caught(function, || body(Err(error), arguments));
                wsline_status::WSLINE_ERR_INVALID_ARGUMENT
            }
        }
    })
}

/// Runs an export that cannot fail; `fallback` is returned after a panic.
pub(super) fn value<T>(fallback: T, body: impl FnOnce(Arguments<'_>) -> T) -> T {
    without_cancellation(|| {
        let body = || body(Arguments::of_an_export());
        catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
    })
}

#[inline(always)]
fn caught(function: &'static str, body: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(named(function, error)),
        Err(panic) => Err(bug(function, &*panic)),
    }
}

#[cold]
fn without_object(body: impl FnOnce() -> Result<(), Error>) -> wsline_status {
    match body() {
        Ok(()) => wsline_status::WSLINE_OK,
        Err(error) => failed(error),
    }
}

#[cold]
fn failed_on(object: &impl Inner, error: Error) -> wsline_status {
    object.keep(&error);
    failed(error)
}

/// The only place that sets the last error.
#[cold]
fn failed(error: Error) -> wsline_status {
    let status = wsline_status::of(error.kind());
    set_last_error(error);
    status
}

/// Adds the name of the function to errors that are mistakes of the caller.
#[cold]
fn named(function: &str, error: Error) -> Error {
    let is_mistake = matches!(
        error.kind(),
        Kind::InvalidArgument | Kind::WrongState | Kind::Busy
    );
    if !is_mistake || error.message().starts_with(function) {
        return error;
    }
    let message = format!("{function}: {error}");
    error.with_message(message)
}

#[cold]
fn bug(function: &str, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("panic");
    Error::new(Kind::Internal, format!("{function}: bug in wsline: {text}"))
}

/// Panics, for the test that no panic reaches C.
///
/// @retval WSLINE_ERR_INTERNAL  always.
#[cfg(feature = "test-panic")]
#[unsafe(no_mangle)]
pub extern "C" fn wsline_test_panic() -> wsline_status {
    status("wsline_test_panic", |_| panic!("planted"))
}
