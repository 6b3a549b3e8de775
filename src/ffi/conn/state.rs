// SPDX-License-Identifier: Apache-2.0
//! The state of a connection.

use super::object::wsline_conn;
use crate::base::error::{Error, Kind};
use crate::conn::connection::Connection;
use crate::conn::stats::Totals;
use crate::ffi::guard;
use crate::ffi::status::wsline_status;
use crate::net::tls::channel::TlsInfo;
use crate::protocol::http::reply::Response;
use std::ffi::{CStr, c_char, c_void};

/// What TLS negotiated. Filled in by the library; the strings are never NULL and are lent until the
/// connection is freed or, for an app, as wsline_app_tls_info() says.
#[repr(C)]
pub struct wsline_tls_info {
    /// For example "TLSv1.3".
    pub version: *const c_char,
    /// For example "TLS_AES_256_GCM_SHA384".
    pub cipher: *const c_char,
    /// The protocol that the server chose (ALPN), for example "http/1.1"; "" if it chose none.
    pub alpn: *const c_char,
    /// The server's certificate in PEM, without the rest of its chain.
    pub peer_certificate_pem: *const c_char,
    /// The handshake resumed a session of an earlier connection with the same options.
    pub resumed: bool,
    /// Reserved for future fields; 0.
    pub reserved: [u64; 4],
}

impl wsline_tls_info {
    pub(in crate::ffi) const NOTHING: Self = Self {
        version: std::ptr::null(),
        cipher: std::ptr::null(),
        alpn: std::ptr::null(),
        peer_certificate_pem: std::ptr::null(),
        resumed: false,
        reserved: [0; 4],
    };

    pub(in crate::ffi) fn of(info: &TlsInfo) -> Self {
        Self {
            version: info.version.as_ptr(),
            cipher: info.cipher.as_ptr(),
            alpn: info.alpn.as_ptr(),
            peer_certificate_pem: info.peer_certificate_pem.as_ptr(),
            resumed: info.resumed,
            reserved: [0; 4],
        }
    }
}

/// Counters of a connection. Filled in by the library.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct wsline_stats {
    /// Whole messages that were sent, including those still corked or queued.
    pub messages_sent: u64,
    /// Whole messages that were received.
    pub messages_received: u64,
    /// Frames that were sent, including pongs and close frames that the library sent itself.
    pub frames_sent: u64,
    /// Frames that were received.
    pub frames_received: u64,
    /// Bytes written to the socket since the connect began.
    pub bytes_sent: u64,
    /// Bytes read from the socket since the connect began.
    pub bytes_received: u64,
    /// Reserved for future fields; 0.
    pub reserved: [u64; 6],
}

impl wsline_stats {
    pub(in crate::ffi) fn of(totals: &Totals) -> Self {
        Self {
            messages_sent: totals.messages_sent,
            messages_received: totals.messages_received,
            frames_sent: totals.frames_sent,
            frames_received: totals.frames_received,
            bytes_sent: totals.bytes_sent,
            bytes_received: totals.bytes_received,
            reserved: [0; 6],
        }
    }
}

/// @@ State of a connection
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Returns whether a connection is open: connected, not closed by either side, and not failed.
///
/// It does not test the transport: only the next send or receive notices that it has ended.
///
/// @param conn  a connection; may be NULL.
/// @return      true if open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_is_open(conn: *const wsline_conn) -> bool {
    guard::value(false, |arguments| {
        let conn = arguments.object(conn);
        conn.is_ok_and(|conn| conn.is_open())
    })
}

/// Returns the HTTP status of the response to the last connect, for example 101 or 403.
///
/// This is the response of the server, the last one if there were redirects; after WSLINE_ERR_PROXY
/// and WSLINE_ERR_PROXY_AUTH it is that of the proxy.
///
/// @param conn  a connection; may be NULL.
/// @return      the status; 0 if there was no response.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_http_status(conn: *const wsline_conn) -> i32 {
    guard::value(0, |arguments| {
        let conn = arguments.object(conn);
        let response = conn.ok().and_then(|conn| conn.response());
        response.map_or(0, |response| response.head.status.into())
    })
}

/// Returns the reason phrase of the response to the last connect, for example "Forbidden".
///
/// It is exactly what the server wrote after the status, so do not show it on a terminal as it is.
///
/// @param conn  a connection; may be NULL.
/// @return      the phrase, "" if the response has none; NULL if there was no response. Lent until
///              the connection is freed or connected again.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_http_reason(conn: *const wsline_conn) -> *const c_char {
    guard::value(std::ptr::null(), |arguments| {
        let conn = arguments.object(conn);
        let response = conn.ok().and_then(|conn| conn.response());
        response.map_or(std::ptr::null(), |response| {
            response.head.fields.reason_c_string().as_ptr()
        })
    })
}

/// Returns a header of the response to the last connect, whether it succeeded or not.
///
/// @param conn  a connection; may be NULL.
/// @param name  the name; case is ignored. For a repeated header the first value is returned; for
///              all, see wsline_conn_response_header_at().
/// @return      the value; NULL if there is none. Lent until the connection is freed or connected
///              again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_response_header(
    conn: *const wsline_conn,
    name: *const c_char,
) -> *const c_char {
    guard::value(std::ptr::null(), |arguments| {
        match (arguments.object(conn), arguments.string(name, "name")) {
            (Ok(conn), Ok(name)) => response_header(conn, name),
            _ => std::ptr::null(),
        }
    })
}

/// Returns the headers of the response to the last connect one by one, in their order.
///
/// @param conn       a connection; may be NULL.
/// @param index      0 for the first.
/// @param name_out   set to the name, as sent; to NULL after the last one. Lent until the
///                   connection is freed or connected again.
/// @param value_out  set to the value, in the same way.
/// @return           true if there is a header with this index; false after the last one, or if a
///                   pointer is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_response_header_at(
    conn: *const wsline_conn,
    index: usize,
    name_out: *mut *const c_char,
    value_out: *mut *const c_char,
) -> bool {
    guard::value(false, |arguments| {
        let name = arguments.out(name_out, std::ptr::null(), "name_out");
        let value = arguments.out(value_out, std::ptr::null(), "value_out");
        let (Ok(conn), Ok(name), Ok(value)) = (arguments.object(conn), name, value) else {
            return false;
        };
        let response = conn.response();
        response.is_some_and(|response| lend_field(&response, index, name, value))
    })
}

/// False if there is no such field.
pub(in crate::ffi) fn lend_field(
    response: &Response,
    index: usize,
    name: &mut *const c_char,
    value: &mut *const c_char,
) -> bool {
    let field = response.head.fields.at(index);
    field.is_some_and(|field| {
        (*name, *value) = (field.0.as_ptr(), field.1.as_ptr());
        true
    })
}

/// Returns the body of the response, up to 64 KiB of it, if the last connect was refused.
///
/// @param conn      a connection.
/// @param data_out  set to the body, which is followed by a NUL; to NULL if there is none. Lent
///                  until the connection is freed or connected again.
/// @param len_out   set to the length of the body in bytes.
/// @retval WSLINE_OK                    set; there may be no body.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_response_body(
    conn: *const wsline_conn,
    data_out: *mut *const c_void,
    len_out: *mut usize,
) -> wsline_status {
    guard::after_failure("wsline_conn_response_body", conn, |conn, arguments| {
        let data = arguments.out(data_out, std::ptr::null(), "data_out");
        let len = arguments.out(len_out, 0, "len_out");
        let (conn, data, len) = (conn?, data?, len?);
        let response = conn.response();
        if let Some(response) = response.filter(|response| !response.body().is_empty()) {
            (*data, *len) = (response.body().as_ptr().cast(), response.body().len());
        }
        Ok(())
    })
}

/// Returns the subprotocol that the server chose.
///
/// @param conn  a connection; may be NULL.
/// @return      one of those offered; NULL if the server chose none. Lent until the connection is
///              freed.
///
/// See also: wsline_options_add_subprotocol()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_subprotocol(conn: *const wsline_conn) -> *const c_char {
    guard::value(std::ptr::null(), |arguments| {
        agreed(arguments.object(conn), |response| {
            response.head.fields.all("sec-websocket-protocol").next()
        })
    })
}

/// Returns the extensions in use, as the server named them.
///
/// @param conn  a connection; may be NULL.
/// @return      the value of Sec-WebSocket-Extensions, such as "permessage-deflate;
///              client_max_window_bits=12"; NULL if none is in use. Lent until the connection is
///              freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_extensions(conn: *const wsline_conn) -> *const c_char {
    guard::value(std::ptr::null(), |arguments| {
        agreed(arguments.object(conn), Response::extensions)
    })
}

/// Returns the descriptor of the socket, for calls such as getsockopt(2).
///
/// Reading, writing or closing it breaks the connection. To wait for messages, poll the descriptor
/// of wsline_conn_poll_fd() instead: some may already be buffered.
///
/// @param conn  a connection.
/// @return      the descriptor, valid until the connection is freed; -1 before the connect, or for
///              NULL. With a transport of yours, a socket that shows when that may be ready.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_fd(conn: *const wsline_conn) -> i32 {
    guard::value(-1, |arguments| {
        let conn = arguments.object(conn);
        conn.and_then(|conn| conn.fd()).unwrap_or(-1)
    })
}

/// Returns the address that the socket is connected to: that of the server or of a proxy.
///
/// @param conn  a connection; may be NULL.
/// @return      for example "127.0.0.1:80" or "[::1]:80"; the path of a Unix-domain socket, or ""
///              if it has none, and with a transport of yours; NULL before the connect. Lent until
///              the connection is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_peer_address(conn: *const wsline_conn) -> *const c_char {
    guard::value(std::ptr::null(), |arguments| {
        let conn = arguments.object(conn);
        conn.and_then(|conn| conn.link())
            .map_or(std::ptr::null(), |link| link.peer_address().as_ptr())
    })
}

/// Reports what TLS negotiated with the server.
///
/// @param conn      a connection over `wss://`.
/// @param info_out  filled; zero on failure.
/// @retval WSLINE_OK                    filled.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected or does not use TLS.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Ownership: the strings are lent until the connection is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_tls_info(
    conn: *const wsline_conn,
    info_out: *mut wsline_tls_info,
) -> wsline_status {
    guard::after_failure("wsline_conn_tls_info", conn, |conn, arguments| {
        let info = arguments.out(info_out, wsline_tls_info::NOTHING, "info_out");
        let (conn, info) = (conn?, info?);
        let tls = conn
            .link()?
            .tls_info()
            .ok_or_else(|| Error::new(Kind::WrongState, "the connection does not use TLS"))?;
        *info = wsline_tls_info::of(tls);
        Ok(())
    })
}

/// Returns the counters of a connection.
///
/// @param conn       a connection.
/// @param stats_out  filled; zero on failure.
/// @retval WSLINE_OK                    filled.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was never connected.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  a pointer is NULL.
///
/// Threads: any; while others send and receive, the counters may not all be from the same moment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_stats(
    conn: *const wsline_conn,
    stats_out: *mut wsline_stats,
) -> wsline_status {
    guard::after_failure("wsline_conn_stats", conn, |conn, arguments| {
        let place = arguments.out(stats_out, wsline_stats::default(), "stats_out");
        let (conn, place) = (conn?, place?);
        *place = wsline_stats::of(&conn.link()?.totals());
        Ok(())
    })
}

/// What was negotiated with the server; NULL unless the connect succeeded.
fn agreed(
    conn: Result<&Connection, Error>,
    find: impl FnOnce(&Response) -> Option<&CStr>,
) -> *const c_char {
    let conn = conn.ok().filter(|conn| conn.link().is_ok());
    conn.map_or(std::ptr::null(), |conn| in_response(conn, find))
}

fn response_header(conn: &Connection, name: &str) -> *const c_char {
    in_response(conn, |response| response.head.fields.all(name).next())
}

fn in_response(conn: &Connection, find: impl FnOnce(&Response) -> Option<&CStr>) -> *const c_char {
    let Some(response) = conn.response() else {
        return std::ptr::null();
    };
    find(&response).map_or(std::ptr::null(), |value| value.as_ptr())
}
