// SPDX-License-Identifier: Apache-2.0
//! Creating, connecting and freeing a connection.

use crate::base::error::Error;
use crate::base::process::ProcessMark;
use crate::conn::connection::Connection;
use crate::conn::send::outbound::Outbound;
use crate::ffi::arguments::Arguments;
use crate::ffi::guard;
use crate::ffi::handle::{self, Inner, Object, OfOneProcess};
use crate::ffi::options::object::wsline_options;
use crate::ffi::send::Sends;
use crate::ffi::status::wsline_status;
use crate::net::process::own_mark;
use std::ffi::c_char;

/// One connection to a server.
///
/// Created by wsline_connect() or wsline_conn_new(), freed by wsline_conn_free(). Any thread may
/// call any function on it, but wsline_conn_free() only while no other thread uses it. Any number
/// of threads may send at once, one at a time may receive, and any may close or abort. It keeps a
/// copy of what it needs from its options.
pub struct wsline_conn {
    connection: Connection,
    process: ProcessMark,
}

impl OfOneProcess for wsline_conn {
    fn process(&self) -> ProcessMark {
        self.process
    }
}

impl wsline_conn {
    fn new(arguments: Arguments<'_>, options: *const wsline_options) -> Result<Self, Error> {
        let process = own_mark()?;
        Ok(Self {
            connection: Connection::new(wsline_options::of(arguments, options)?),
            process,
        })
    }
}

impl Drop for wsline_conn {
    fn drop(&mut self) {
        self.connection.free();
    }
}

impl Object for wsline_conn {
    const NAME: &'static str = "conn";
    type Inner<'call> = &'call Connection;

    fn inner(&self) -> &Connection {
        &self.connection
    }
}

impl Inner for &Connection {
    fn keep(&self, error: &Error) {
        // Before: the callback may make calls that fail.
        self.emit_end();
        self.set_last_error(error);
    }

    fn was_never_open(&self) -> bool {
        !self.is_connected()
    }
}

impl Sends for &Connection {
    fn send(&self, message: &Outbound<'_>, name: &str) -> Result<(), Error> {
        (**self).send(message, name)
    }
}

/// @@ Connection
/// Threads: any.
/// Blocks: no.
/// Since: 0.1
///
/// Connects to a server and returns an open connection.
///
/// Looks up the host, connects to the first of its addresses that answers, directly or through a
/// proxy, verifies certificate and name for `wss://`, and follows redirects, all within one
/// timeout. To read the status, headers and body of a response that is not an upgrade, or to abort
/// the connect from another thread, use wsline_conn_new() and wsline_conn_connect().
///
/// @param url       a `ws://` or `wss://` URL; it may have a user name and password, port, path and
///                  query, but no fragment. For a Unix-domain socket use a URL such as
///                  `ws+unix:///run/server.sock:/path`.
/// @param options   the options; NULL for the defaults.
/// @param conn_out  set to the connection; to NULL on failure.
/// @retval WSLINE_OK                      `*conn_out` is open and yours.
/// @retval WSLINE_ERR_INVALID_ARGUMENT    `url` or `conn_out` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE         `options` has a cookie jar that was created before
///                                        fork(), or a transport that was, or was used already.
/// @retval WSLINE_ERR_INVALID_URL         `url` is not a valid WebSocket URL; the error message
///                                        says why.
/// @retval WSLINE_ERR_RESOLVE             the host name could not be resolved.
/// @retval WSLINE_ERR_CONNECT             no address accepted a connection; the error message lists
///                                        them.
/// @retval WSLINE_ERR_TIMEOUT             the connect timed out; the phase in wsline_last_error()
///                                        says where.
/// @retval WSLINE_ERR_INTERRUPTED         a signal handler ran, see
///                                        wsline_options_set_interruptible().
/// @retval WSLINE_ERR_PROXY               the proxy rejected the connection or failed, or the
///                                        environment names an invalid proxy; the error message
///                                        names it.
/// @retval WSLINE_ERR_PROXY_AUTH          the proxy requires credentials, or rejected those
///                                        supplied.
/// @retval WSLINE_ERR_TLS                 the TLS handshake failed.
/// @retval WSLINE_ERR_TLS_VERIFY          the server's certificate was rejected; the error message
///                                        says why.
/// @retval WSLINE_ERR_TLS_CONFIG          the TLS options cannot be used.
/// @retval WSLINE_ERR_HTTP_STATUS         the server answered with a status other than 101, or with
///                                        a redirect that cannot be followed.
/// @retval WSLINE_ERR_TOO_MANY_REDIRECTS  there were too many redirects; the error message lists
///                                        them.
/// @retval WSLINE_ERR_BAD_UPGRADE         the server's response is invalid; the error message names
///                                        the header.
/// @retval WSLINE_ERR_CONNECTION_LOST     the server ended the connection during the handshake.
/// @retval WSLINE_ERR_IO                  a system call failed.
/// @retval WSLINE_ERR_INTERNAL            a bug in wsline, or the system has no random bytes.
/// @retval WSLINE_ERR_NO_MEMORY           there is not enough memory for the request, for the
///                                        response, or to prepare for fork().
///
/// Ownership: free it with wsline_conn_free().
/// Blocks: up to the connect timeout, 30 seconds by default.
/// See also: wsline_options_set_connect_timeout_ms()
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_connect(
    url: *const c_char,
    options: *const wsline_options,
    conn_out: *mut *mut wsline_conn,
) -> wsline_status {
    guard::status("wsline_connect", |arguments| {
        let place = arguments.out(conn_out, std::ptr::null_mut(), "conn_out")?;
        let url = arguments.long_string(url, "url")?;
        // Its callbacks may be passed its address while it connects.
        let conn = Box::new(wsline_conn::new(arguments, options)?);
        conn.connection
            .connect(url, std::ptr::from_ref(&*conn).expose_provenance())?;
        *place = Box::into_raw(conn);
        Ok(())
    })
}

/// Creates a connection that is not connected yet.
///
/// @param options   the options; NULL for the defaults.
/// @param conn_out  set to the connection; to NULL on failure.
/// @retval WSLINE_OK                    `*conn_out` is yours.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `conn_out` is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       `options` has a cookie jar that was created before fork().
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory.
///
/// Ownership: free it with wsline_conn_free().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn wsline_conn_new(
    options: *const wsline_options,
    conn_out: *mut *mut wsline_conn,
) -> wsline_status {
    guard::status("wsline_conn_new", |arguments| {
        let place = arguments.out(conn_out, std::ptr::null_mut(), "conn_out")?;
        *place = handle::give(wsline_conn::new(arguments, options)?);
        Ok(())
    })
}

/// Connects a connection, as wsline_connect() does.
///
/// After a failure other than WSLINE_ERR_ABORTED, it may be called again. Once it has succeeded,
/// the connection cannot be connected again, even after it has ended. The server's response can be
/// read in both cases, see wsline_conn_http_status().
///
/// @param conn  a connection created by wsline_conn_new().
/// @param url   as for wsline_connect().
/// @retval WSLINE_OK                    the connection is open.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  an argument is NULL.
/// @retval WSLINE_ERR_WRONG_STATE       the connection was connected before.
/// @retval WSLINE_ERR_BUSY              another thread is connecting the connection.
/// @retval WSLINE_ERR_ABORTED           wsline_conn_abort() was called.
/// @retval WSLINE_ERR_INVALID_URL       and all others: see wsline_connect().
///
/// Blocks: up to the connect timeout, 30 seconds by default; wsline_conn_abort() from another
/// thread ends the wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_connect(
    conn: *mut wsline_conn,
    url: *const c_char,
) -> wsline_status {
    let handle = conn.expose_provenance();
    guard::on("wsline_conn_connect", conn, |conn, arguments| {
        conn?.connect(arguments.long_string(url, "url")?, handle)
    })
}

/// Frees a connection.
///
/// If it is still open, it is dropped without a closing handshake; see wsline_conn_close().
///
/// @param conn  the connection; may be NULL.
///
/// Threads: any, while no other thread uses the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_conn_free(conn: *mut wsline_conn) {
    guard::value((), |arguments| {
        arguments.free(conn, |conn| conn.connection.abandon());
    });
}
