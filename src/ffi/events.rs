// SPDX-License-Identifier: Apache-2.0
//! Events as C structs.

use super::app::object::wsline_app;
use super::conn::close::wsline_close_info;
use super::conn::object::wsline_conn;
use super::conn::state::wsline_stats;
use super::handle::{Callback, NoticeFn};
use super::last_error::{LentError, lend, wsline_error_info};
use super::timings::wsline_timings;
use super::types::wsline_event_kind::{self, *};
use crate::base::error::Error;
use crate::conn::events::{Event, EventKind, EventOrigin, Owner};
use std::ffi::{CString, c_char, c_void};
use std::fmt::Display;
use std::ptr;
use std::time::Duration;

/// Something that has happened to a connection or an app. Allocated and filled in by the library.
///
/// All pointers are lent until the callback returns. Those that do not apply are NULL.
#[repr(C)]
pub struct wsline_event {
    /// Bytes of this struct. Later versions of the library add fields at its end: a program that
    /// may run with an older library than its header checks that a field lies within `size`.
    pub size: usize,
    /// A wsline_event_kind. Ignore numbers that you do not know.
    pub kind: i32,
    /// The connection; NULL for an app. During wsline_connect() it is the one that the call will
    /// return or, if it fails, will free.
    pub conn: *mut wsline_conn,
    /// The app; NULL for a connection.
    pub app: *mut wsline_app,
    /// The attempt to connect, or the attempt that has opened the connection: for an app, 1 for the
    /// first since it was connected; for a connection always 1.
    pub attempt: u64,
    /// How often the app had been connected before that attempt; 0 for a connection.
    pub reconnects: u64,
    /// The URL without user, password and query; long paths are truncated.
    pub url: *const c_char,
    /// The address that is tried, for example "192.0.2.1:443", or the path of a Unix-domain socket.
    /// From WSLINE_EVENT_OPEN to the WSLINE_EVENT_WAITING after the connection, that of the
    /// connection; "" if it has none, as with a transport of yours.
    pub address: *const c_char,
    /// What has failed, and when the app reconnects.
    pub error: *const wsline_error_info,
    /// How long the parts of the connect took.
    pub timings: *const wsline_timings,
    /// The counters of the connection so far; never NULL. All are 0 before it is open.
    pub stats: *const wsline_stats,
    /// How the connection ended.
    pub close_info: *const wsline_close_info,
    /// Nanoseconds from the last ping to this pong, which is its own; if several pings with the
    /// same payload have not been answered, from the first of them; -1 otherwise.
    pub rtt_ns: i64,
    /// Milliseconds until the next attempt, 0 if it is made at once; -1 for other kinds.
    pub delay_ms: i64,
}

/// Takes the events of all connections and apps with the same options.
///
/// It runs inside the call that causes the event: on the thread that connects, receives, sends,
/// closes or frees the connection; for an app on the thread that drives it, or that frees its loop.
/// So it may run on several threads at once, and should be quick. It is not called in a child
/// process that inherited the object.
///
/// For an app it may call any function. For a connection it may call those that read its state,
/// wsline_conn_poll_fd(), wsline_conn_abort(), wsline_conn_shutdown(), wsline_conn_cork(), and
/// those that send; but not wsline_conn_free(), wsline_conn_close(), or functions that receive,
/// which would wait for the call that the callback interrupts, or fail.
pub type wsline_event_fn =
    Option<unsafe extern "C-unwind" fn(event: *const wsline_event, userdata: *mut c_void)>;

/// What the pointers of an event point to.
#[derive(Default)]
struct LentParts {
    url: Option<CString>,
    address: Option<CString>,
    error: Option<LentError>,
    timings: Option<wsline_timings>,
    close_info: Option<wsline_close_info>,
    rtt: Option<Duration>,
    /// Until the next attempt, in an error.
    retry: Option<Duration>,
    delay: Option<Duration>,
}

pub(super) fn deliver(
    callback: &Callback<NoticeFn<wsline_event>>,
    origin: &EventOrigin,
    event: &Event<'_>,
) {
    let (kind, parts) = read(&event.kind);
    let (conn, app) = match origin.owner {
        Owner::Connection(handle) => (handle, 0),
        Owner::App(handle) => (0, handle),
    };
    let (attempt, reconnects) = match event.kind {
        EventKind::Waiting(_, upcoming) => (upcoming.attempt, upcoming.reconnects),
        _ => (origin.attempt, origin.reconnects),
    };
    let (peer, stats) = event.connection.unzip();
    let stats = stats.as_ref().map(wsline_stats::of).unwrap_or_default();
    let error = parts.error.as_ref();
    let error = error.map(|lent| wsline_error_info::with_retry(lent, parts.retry));
    let address = parts.address.as_deref().or(peer);
    callback.notify(&wsline_event {
        size: size_of::<wsline_event>(),
        kind: kind as i32,
        conn: ptr::with_exposed_provenance_mut(conn),
        app: ptr::with_exposed_provenance_mut(app),
        attempt,
        reconnects,
        url: parts.url.as_ref().map_or(ptr::null(), |it| it.as_ptr()),
        address: address.map_or(ptr::null(), |it| it.as_ptr()),
        error: or_null(error.as_ref()),
        timings: or_null(parts.timings.as_ref()),
        stats: &raw const stats,
        close_info: or_null(parts.close_info.as_ref()),
        rtt_ns: parts.rtt.map_or(-1, |rtt| number(rtt.as_nanos())),
        delay_ms: parts.delay.map_or(-1, |delay| number(delay.as_millis())),
    });
}

fn read(kind: &EventKind<'_>) -> (wsline_event_kind, LentParts) {
    let mut parts = LentParts::default();
    let kind = match *kind {
        EventKind::Connecting(url) => {
            parts.url = Some(text(url));
            WSLINE_EVENT_CONNECTING
        }
        EventKind::Address(address) => {
            parts.address = Some(text(address));
            WSLINE_EVENT_ADDRESS
        }
        EventKind::AddressFailed(address, error) => {
            parts.address = Some(text(address));
            parts.error = Some(lend(Error::clone(error)));
            WSLINE_EVENT_ADDRESS_FAILED
        }
        EventKind::Open(timings) => {
            parts.timings = Some(wsline_timings::of(timings));
            WSLINE_EVENT_OPEN
        }
        EventKind::ConnectFailed(error, timings, retry) => {
            parts.timings = Some(wsline_timings::of(timings));
            parts.error = Some(lend(Error::clone(error)));
            parts.retry = retry;
            WSLINE_EVENT_CONNECT_FAILED
        }
        EventKind::Ping => WSLINE_EVENT_PING,
        EventKind::Pong(rtt) => {
            parts.rtt = rtt;
            WSLINE_EVENT_PONG
        }
        EventKind::Closed(info, unsent, error, retry) => {
            parts.close_info = Some(wsline_close_info::with_unsent(info, unsent));
            parts.error = error.map(|error| lend(Error::clone(error)));
            parts.retry = retry;
            WSLINE_EVENT_CLOSED
        }
        EventKind::Waiting(delay, _) => {
            parts.delay = Some(delay);
            WSLINE_EVENT_WAITING
        }
    };
    (kind, parts)
}

fn text(value: &impl Display) -> CString {
    CString::new(value.to_string().replace('\0', "\\0")).unwrap_or_default()
}

fn or_null<T>(place: Option<&T>) -> *const T {
    place.map_or(ptr::null(), ptr::from_ref)
}

fn number(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
