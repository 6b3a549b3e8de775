// SPDX-License-Identifier: Apache-2.0
//! Options of the socket.

use super::options::{self, wsline_options};
use super::ptr;
use super::status::wsline_status;
use crate::base::error::Error;
use crate::net::socket::SocketOption;
use std::ffi::c_void;

/// @@ Options of the socket
/// Adds an option that is set on the socket before it connects.
///
/// Set by themselves are TCP_NODELAY and keepalive: probes after 30 seconds of silence, three of them, 10 seconds apart.
/// What is added here comes after them. An option that the system refuses makes the connect fail.
///
/// @param options  what is set.
/// @param level    as for setsockopt(2), for example SOL_SOCKET.
/// @param name     likewise, for example SO_RCVBUF.
/// @param value    likewise; `len` bytes, copied.
/// @param len      bytes in `value`.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `value` is NULL and `len` is not 0.
///
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_add_socket_option(
    options: *mut wsline_options,
    level: i32,
    name: i32,
    value: *const c_void,
    len: usize,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    let value = unsafe { ptr::payload(value, len, "value") };
    // SAFETY: as promised to ptr.
    unsafe {
        options::set("wsline_options_add_socket_option", options, |options| {
            options.socket_options.push(SocketOption {
                level,
                name,
                value: value?.to_owned(),
            });
            Ok(())
        })
    }
}

/// Uses a connected socket of the caller's in place of one of the library's own.
///
/// The URL still says what stands in the request, and `wss://` still means TLS. The library works on a dup(2) of it: the
/// caller's stays the caller's to close, and must not be read or written meanwhile.
///
/// @param options  what is set.
/// @param fd       a connected stream socket; -1 takes it back.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `fd` is below -1.
///
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_fd(
    options: *mut wsline_options,
    fd: i32,
) -> wsline_status {
    // SAFETY: as promised to ptr.
    unsafe {
        options::set("wsline_options_set_fd", options, |options| {
            options.fd = match fd {
                -1 => None,
                0.. => Some(fd),
                _ => {
                    return Err(Error::argument(
                        "fd",
                        format!("is {fd}, which is no descriptor"),
                    ));
                }
            };
            Ok(())
        })
    }
}
