// SPDX-License-Identifier: Apache-2.0
//! Statuses and their texts.

use crate::base::error::Kind;
use std::ffi::{CStr, c_char};

/// The result of every call that can fail: 0 is success, errors are negative.
///
/// Statuses in the same hundred, such as -500 to -599, belong together. Numbers are never reused.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsline_status {
    /// Done.
    WSLINE_OK = 0,
    /// An argument is invalid; the error message names it and says why.
    WSLINE_ERR_INVALID_ARGUMENT = -100,
    /// Not possible in the current state, for example a send before the connect, or the use of an
    /// object from before fork() in the child process.
    WSLINE_ERR_WRONG_STATE = -101,
    /// The operation is already in progress, for example on another thread, or a fragmented message
    /// has not been finished.
    WSLINE_ERR_BUSY = -102,
    /// This build or this system cannot do it.
    WSLINE_ERR_NOT_SUPPORTED = -103,
    /// The call timed out. The connection can still be used, except after wsline_conn_connect()
    /// (connect again) and wsline_conn_close() (it was dropped). If an app ends with this status,
    /// its connect or its close timed out.
    WSLINE_ERR_TIMEOUT = -200,
    /// The server did not answer a ping in time, and the connection was dropped; see
    /// wsline_options_set_ping().
    WSLINE_ERR_PONG_TIMEOUT = -201,
    /// The send queue of an app is full, or wsline_frame_decode() needs more bytes. (A receive with
    /// a timeout of 0 returns WSLINE_ERR_TIMEOUT.)
    WSLINE_ERR_WOULD_BLOCK = -202,
    /// A signal handler ran during a wait; the connection is as it was. See
    /// wsline_options_set_interruptible().
    WSLINE_ERR_INTERRUPTED = -203,
    /// The URL is not a valid WebSocket URL (`ws://`, `wss://` or `ws+unix://`).
    WSLINE_ERR_INVALID_URL = -300,
    /// The host name could not be resolved.
    WSLINE_ERR_RESOLVE = -301,
    /// No address of the host accepted a connection.
    WSLINE_ERR_CONNECT = -302,
    /// A system call failed; see `os_errno`.
    WSLINE_ERR_IO = -303,
    /// The proxy rejected the connection or sent an invalid response, or the environment names an
    /// invalid proxy. For an HTTP proxy, `http_status` is the status of its response.
    WSLINE_ERR_PROXY = -400,
    /// The proxy requires credentials, or rejected those supplied.
    WSLINE_ERR_PROXY_AUTH = -401,
    /// TLS failed, for example because the server does not speak it.
    WSLINE_ERR_TLS = -500,
    /// The server's certificate was rejected; see `tls_verify_result`.
    WSLINE_ERR_TLS_VERIFY = -501,
    /// The TLS options cannot be used, for example because a file cannot be read or a password is
    /// wrong.
    WSLINE_ERR_TLS_CONFIG = -502,
    /// The server answered the upgrade request with a status other than 101; see
    /// wsline_conn_http_status().
    WSLINE_ERR_HTTP_STATUS = -600,
    /// The server's response to the upgrade request violates RFC 6455 or HTTP, or does not agree to
    /// compression parameters that the options require; the error message names the header.
    WSLINE_ERR_BAD_UPGRADE = -601,
    /// The server redirected more often than wsline_options_set_max_redirects() allows; the error
    /// message lists the URLs.
    WSLINE_ERR_TOO_MANY_REDIRECTS = -602,
    /// The server violated RFC 6455; a close frame with code 1002 was sent, and the connection has
    /// ended. Also returned by wsline_frame_decode(), which concerns no connection.
    WSLINE_ERR_PROTOCOL = -700,
    /// The server sent text that is not UTF-8, or a compressed message that cannot be inflated; a
    /// close frame with code 1007 was sent and the connection has ended.
    WSLINE_ERR_INVALID_PAYLOAD = -701,
    /// The server sent more than a limit allows; a close frame with code 1009 was sent and the
    /// connection has ended.
    WSLINE_ERR_MESSAGE_TOO_BIG = -702,
    /// The connection was closed by either side, or by wsline_conn_shutdown(); see
    /// wsline_conn_close_info().
    WSLINE_ERR_CLOSED = -800,
    /// The transport ended without a closing handshake.
    WSLINE_ERR_CONNECTION_LOST = -801,
    /// The connection or app was aborted, for example by wsline_conn_abort(), wsline_app_abort() or
    /// wsline_loop_remove().
    WSLINE_ERR_ABORTED = -802,
    /// There is not enough memory.
    WSLINE_ERR_NO_MEMORY = -900,
    /// There is a bug in wsline, the system has no random bytes, or the function set with
    /// wsline_options_set_mask_key_fn() failed. Free the object.
    WSLINE_ERR_INTERNAL = -901,
}

use wsline_status::*;

/// A status, its name and its text.
type Known = (wsline_status, &'static CStr, &'static CStr);

/// The table of all statuses.
macro_rules! known {
    ($($status:ident: $text:literal,)*) => {
        [$((
            $status,
            match CStr::from_bytes_with_nul(concat!(stringify!($status), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => unreachable!(),
            },
            $text,
        )),*]
    };
}

const KNOWN: [Known; 29] = known! {
    WSLINE_OK: c"success",
    WSLINE_ERR_INVALID_ARGUMENT: c"invalid argument",
    WSLINE_ERR_WRONG_STATE: c"not possible in this state",
    WSLINE_ERR_BUSY: c"in use by another call",
    WSLINE_ERR_NOT_SUPPORTED: c"not supported",
    WSLINE_ERR_TIMEOUT: c"timed out",
    WSLINE_ERR_PONG_TIMEOUT: c"no pong received in time",
    WSLINE_ERR_WOULD_BLOCK: c"more input needed, or operation would block",
    WSLINE_ERR_INTERRUPTED: c"interrupted by a signal",
    WSLINE_ERR_INVALID_URL: c"invalid URL",
    WSLINE_ERR_RESOLVE: c"name lookup failed",
    WSLINE_ERR_CONNECT: c"connect failed",
    WSLINE_ERR_IO: c"I/O error",
    WSLINE_ERR_PROXY: c"proxy failed or rejected the connection",
    WSLINE_ERR_PROXY_AUTH: c"proxy requires other credentials",
    WSLINE_ERR_TLS: c"TLS failed",
    WSLINE_ERR_TLS_VERIFY: c"certificate rejected",
    WSLINE_ERR_TLS_CONFIG: c"invalid TLS options",
    WSLINE_ERR_HTTP_STATUS: c"server rejected the upgrade",
    WSLINE_ERR_BAD_UPGRADE: c"invalid response to the upgrade",
    WSLINE_ERR_TOO_MANY_REDIRECTS: c"too many redirects",
    WSLINE_ERR_PROTOCOL: c"server violated the WebSocket protocol",
    WSLINE_ERR_INVALID_PAYLOAD: c"server sent text that is not UTF-8, or compressed data that cannot be inflated",
    WSLINE_ERR_MESSAGE_TOO_BIG: c"message exceeds a limit",
    WSLINE_ERR_CLOSED: c"connection closed",
    WSLINE_ERR_CONNECTION_LOST: c"connection lost",
    WSLINE_ERR_ABORTED: c"aborted",
    WSLINE_ERR_NO_MEMORY: c"out of memory",
    WSLINE_ERR_INTERNAL: c"bug in wsline",
};

impl wsline_status {
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::InvalidArgument => WSLINE_ERR_INVALID_ARGUMENT,
            Kind::WrongState => WSLINE_ERR_WRONG_STATE,
            Kind::Busy => WSLINE_ERR_BUSY,
            Kind::NotSupported => WSLINE_ERR_NOT_SUPPORTED,
            Kind::Timeout => WSLINE_ERR_TIMEOUT,
            Kind::PongTimeout => WSLINE_ERR_PONG_TIMEOUT,
            Kind::WouldBlock => WSLINE_ERR_WOULD_BLOCK,
            Kind::Interrupted => WSLINE_ERR_INTERRUPTED,
            Kind::InvalidUrl => WSLINE_ERR_INVALID_URL,
            Kind::Resolve => WSLINE_ERR_RESOLVE,
            Kind::Connect => WSLINE_ERR_CONNECT,
            Kind::Io => WSLINE_ERR_IO,
            Kind::Proxy => WSLINE_ERR_PROXY,
            Kind::ProxyAuth => WSLINE_ERR_PROXY_AUTH,
            Kind::Tls => WSLINE_ERR_TLS,
            Kind::TlsVerify => WSLINE_ERR_TLS_VERIFY,
            Kind::TlsConfig => WSLINE_ERR_TLS_CONFIG,
            Kind::BadStatus => WSLINE_ERR_HTTP_STATUS,
            Kind::BadUpgrade => WSLINE_ERR_BAD_UPGRADE,
            Kind::TooManyRedirects => WSLINE_ERR_TOO_MANY_REDIRECTS,
            Kind::Protocol => WSLINE_ERR_PROTOCOL,
            Kind::Payload => WSLINE_ERR_INVALID_PAYLOAD,
            Kind::MessageTooBig => WSLINE_ERR_MESSAGE_TOO_BIG,
            Kind::Closed => WSLINE_ERR_CLOSED,
            Kind::ConnectionLost => WSLINE_ERR_CONNECTION_LOST,
            Kind::Aborted => WSLINE_ERR_ABORTED,
            Kind::NoMemory => WSLINE_ERR_NO_MEMORY,
            Kind::Internal => WSLINE_ERR_INTERNAL,
        }
    }
}

/// @@ Errors
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Describes a status in a few words.
///
/// To find out what went wrong in a particular call, use wsline_last_error_message().
///
/// @param status  a wsline_status, or any other number.
/// @return        a static string, never NULL, which you must not free; "unknown status" for an
///                unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn wsline_strerror(status: i32) -> *const c_char {
    let text = known(status).map_or(c"unknown status", |(_, _, text)| text);
    text.as_ptr()
}

/// Returns the name of a status as in this header, for example "WSLINE_ERR_TIMEOUT".
///
/// For logs and bindings; wsline_strerror() is for people.
///
/// @param status  a wsline_status, or any other number.
/// @return        a static string, never NULL, which you must not free; "unknown status" for an
///                unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn wsline_status_name(status: i32) -> *const c_char {
    let name = known(status).map_or(c"unknown status", |(_, name, _)| name);
    name.as_ptr()
}

fn known(status: i32) -> Option<&'static Known> {
    KNOWN.iter().find(|(known, ..)| *known as i32 == status)
}
