// SPDX-License-Identifier: Apache-2.0
//! What every export runs in: no panic leaves it, no cancellation of the thread meets it, and its failure becomes the
//! thread's last error.

use super::error::set_last_error;
use super::status::wsline_status;
use crate::app::client::App;
use crate::base::error::{Error, Kind};
use crate::base::sync::Arc;
use crate::conn::connection::Connection;
use crate::net::sys::without_cancellation;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs an export that can fail. Sets the thread's last error, and is the only place that does.
pub(super) fn status(
    function: &'static str,
    body: impl FnOnce() -> Result<(), Error>,
) -> wsline_status {
    without_cancellation(|| match caught(function, body) {
        Ok(()) => wsline_status::WSLINE_OK,
        Err(error) => {
            let status = wsline_status::of(error.kind());
            set_last_error(error);
            status
        }
    })
}

/// The same for an export on a connection, which keeps the failure too, for callers that change threads between calls.
pub(super) fn on_conn(
    function: &'static str,
    conn: Result<&Connection, Error>,
    body: impl FnOnce(&Connection) -> Result<(), Error>,
) -> wsline_status {
    status(function, || {
        let conn = conn?;
        caught(function, || body(conn)).inspect_err(|error| conn.set_last_error(error))
    })
}

/// The same for an export on an app, which may be freed meanwhile, in a callback.
pub(super) fn on_app(
    function: &'static str,
    app: Result<&Arc<App>, Error>,
    body: impl FnOnce(&Arc<App>) -> Result<(), Error>,
) -> wsline_status {
    status(function, || {
        let app = Arc::clone(app?);
        caught(function, || body(&app)).inspect_err(|error| app.set_last_error(error))
    })
}

// Programs call some exports after a failure, too: those that end an object, describe it, or set its callbacks. The last
// error then is why there is no object, and must stay.

/// [`status`] for such an export: a NULL `object` leaves the last error as it is.
pub(super) fn status_unless_null<T>(
    function: &'static str,
    object: Result<T, Error>,
    body: impl FnOnce(T) -> Result<(), Error>,
) -> wsline_status {
    match object {
        Ok(object) => status(function, || body(object)),
        Err(error) => without_object(function, error),
    }
}

/// [`on_app`] for such an export.
pub(super) fn on_app_unless_null(
    function: &'static str,
    app: Result<&Arc<App>, Error>,
    body: impl FnOnce(&Arc<App>) -> Result<(), Error>,
) -> wsline_status {
    match app {
        Ok(app) => on_app(function, Ok(app), body),
        Err(error) => without_object(function, error),
    }
}

/// [`on_conn`] for such an export: a connection that has never been open is like one that is NULL.
pub(super) fn on_conn_unless_never_open(
    function: &'static str,
    conn: Result<&Connection, Error>,
    body: impl FnOnce(&Connection) -> Result<(), Error>,
) -> wsline_status {
    let conn = match conn {
        Ok(conn) => conn,
        Err(error) => return without_object(function, error),
    };
    without_cancellation(|| match caught(function, || body(conn)) {
        Err(error)
            if !conn.is_connected() && matches!(error.kind(), Kind::WrongState | Kind::Aborted) =>
        {
            wsline_status::of(error.kind())
        }
        result => on_conn(function, Ok(conn), |_| result),
    })
}

/// A missing object changes nothing but the status; one made before fork() sets the last error, too.
fn without_object(function: &'static str, error: Error) -> wsline_status {
    match error.kind() {
        Kind::InvalidArgument => wsline_status::WSLINE_ERR_INVALID_ARGUMENT,
        _ => status(function, || Err(error)),
    }
}

/// Runs an export that cannot fail; `fallback` is what a bug would return.
pub(super) fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    without_cancellation(|| catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback))
}

fn caught(function: &'static str, body: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Ok(()),
        // Mistakes of the caller are found faster with the name of the function.
        Ok(Err(error))
            if matches!(
                error.kind(),
                Kind::InvalidArgument | Kind::WrongState | Kind::Busy
            ) =>
        {
            Err(named(function, error))
        }
        Ok(Err(error)) => Err(error),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Error::new(
                Kind::Internal,
                format!("{function}: bug in wsline: {}", text.unwrap_or("panic")),
            ))
        }
    }
}

fn named(function: &str, error: Error) -> Error {
    if error.message().starts_with(function) {
        return error;
    }
    let message = format!("{function}: {error}");
    error.with_message(message)
}

/// A panic on purpose, for the test that none crosses the border.
///
/// @retval WSLINE_ERR_INTERNAL  always.
#[cfg(feature = "test-panic")]
#[unsafe(no_mangle)]
pub extern "C" fn wsline_test_panic() -> wsline_status {
    status("wsline_test_panic", || panic!("planted"))
}
