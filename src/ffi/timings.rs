// SPDX-License-Identifier: Apache-2.0
//! How long the parts of a connect take.

use super::app::object::wsline_app;
use super::arguments::Arguments;
use super::conn::object::wsline_conn;
use super::guard;
use super::last_error::number_of;
use super::status::wsline_status;
use crate::base::error::{Error, Kind};
use crate::conn::timings::{ConnectPart, Timings};

/// How long the parts of a connect took. Filled in by the library.
///
/// All times are nanoseconds of a monotonic clock. Each part is a duration, not a moment:
/// `redirects_ns`, `lookup_ns`, `connect_ns`, `proxy_ns`, `tls_ns` and `upgrade_ns` add up to
/// `total_ns`. A part ends when the bytes arrive that end it; what this side computes afterwards
/// counts for the next part. A part that did not happen, or needed no waiting, is 0. After a
/// redirect the fields describe the connect to the last server, and `redirects_ns` all before it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct wsline_timings {
    /// From the beginning to the last redirect; 0 if there was none.
    pub redirects_ns: u64,
    /// Looking up names: of the server, of the proxy, and of the target of a proxy that accepts
    /// only addresses. 0 for an address in the URL, `localhost`, a name that
    /// wsline_options_add_resolve() knows, a Unix-domain socket, or your own socket.
    pub lookup_ns: u64,
    /// Connecting to the server or to the proxy, trying all addresses in turn; 0 for your own
    /// socket, usually also for a Unix-domain socket.
    pub connect_ns: u64,
    /// The exchange with the proxy, including TLS with it; 0 without a proxy.
    pub proxy_ns: u64,
    /// The TLS handshake with the server; 0 for `ws://`.
    pub tls_ns: u64,
    /// From sending the request to the end of the response; 0 after
    /// wsline_options_set_upgraded().
    pub upgrade_ns: u64,
    /// From the beginning of the connect, including redirects, to the first byte of the last
    /// server's response; 0 if none has arrived.
    pub first_byte_ns: u64,
    /// From the beginning to the end of the connect or, while it is in progress, until now.
    pub total_ns: u64,
    /// Addresses of the server or of the proxy to which connecting has begun; 0 for your own
    /// socket.
    pub addresses_tried: u32,
    /// Redirects that were followed.
    pub redirects: u32,
    /// A wsline_phase: that in progress; after a failure, that of the failure; WSLINE_PHASE_OPEN
    /// after success.
    pub phase: i32,
    /// The connect has ended, successfully or not.
    pub finished: bool,
    /// Reserved for future fields; 0.
    pub reserved: [u64; 4],
}

impl wsline_timings {
    pub(in crate::ffi) fn of(timings: &Timings) -> Self {
        Self {
            redirects_ns: timings.of(ConnectPart::Redirects),
            lookup_ns: timings.of(ConnectPart::Lookup),
            connect_ns: timings.of(ConnectPart::Dial),
            proxy_ns: timings.of(ConnectPart::Proxy),
            tls_ns: timings.of(ConnectPart::Tls),
            upgrade_ns: timings.of(ConnectPart::Upgrade),
            first_byte_ns: timings.first_byte(),
            total_ns: timings.total(),
            addresses_tried: timings.addresses().into(),
            redirects: timings.redirects().into(),
            phase: number_of(timings.phase()) as i32,
            finished: timings.has_ended(),
            reserved: [0; 4],
        }
    }
}

/// @@ Timings
/// Threads: any.
/// Blocks: no.
/// Since: 0.2
///
/// Reports how long the parts of the connect of a connection took, whether it has succeeded, has
/// failed or is in progress.
///
/// @param conn         a connection.
/// @param timings_out  filled, with the last connect; zero on failure.
/// @retval WSLINE_OK                    filled.
/// @retval WSLINE_ERR_WRONG_STATE       no connect has begun.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_timings(
    conn: *const wsline_conn,
    timings_out: *mut wsline_timings,
) -> wsline_status {
    guard::after_failure("wsline_conn_timings", conn, |conn, arguments| {
        fill(arguments, timings_out, conn.map(|conn| conn.timings()))
    })
}

/// Reports how long the parts of an app's attempt to connect took: of that in progress, or else of
/// the last one.
///
/// @param app          an app.
/// @param timings_out  filled; zero on failure.
/// @retval WSLINE_OK                    filled.
/// @retval WSLINE_ERR_WRONG_STATE       no attempt has begun.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_app_timings(
    app: *const wsline_app,
    timings_out: *mut wsline_timings,
) -> wsline_status {
    guard::after_failure("wsline_app_timings", app, |app, arguments| {
        fill(arguments, timings_out, app.map(|app| app.timings()))
    })
}

fn fill(
    arguments: Arguments<'_>,
    timings_out: *mut wsline_timings,
    timings: Result<Option<Timings>, Error>,
) -> Result<(), Error> {
    let place = arguments.out(timings_out, wsline_timings::default(), "timings_out");
    let (timings, place) = (timings?, place?);
    let none = || Error::new(Kind::WrongState, "no connect has begun");
    *place = wsline_timings::of(&timings.ok_or_else(none)?);
    Ok(())
}
