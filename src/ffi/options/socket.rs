// SPDX-License-Identifier: Apache-2.0
//! Socket options.

use super::object::{self, wsline_options};
use crate::base::error::Error;
use crate::base::memory::{self, Text};
use crate::base::sync::Arc;
use crate::conn::options::Supplied;
use crate::ffi::arguments;
use crate::ffi::status::wsline_status;
use crate::ffi::types::wsline_address_family::*;
use crate::net::socket::{Family, SocketOption, SuppliedSocket};
use std::ffi::{c_char, c_void};
use std::net::{IpAddr, SocketAddr};

const FAMILIES: [(i32, Family); 3] = [
    (WSLINE_ADDRESS_ANY as i32, Family::Any),
    (WSLINE_ADDRESS_IPV4 as i32, Family::Ipv4),
    (WSLINE_ADDRESS_IPV6 as i32, Family::Ipv6),
];

/// @@ Socket options
/// Threads: one at a time per object.
/// Blocks: no.
/// Since: 0.1
///
/// Adds an option to set on the socket before it connects.
///
/// By default, TCP_NODELAY and keepalive probes (three, 10 seconds apart, after 30 seconds of
/// silence) are enabled by the first call that uses the connection. If you add options, these
/// defaults are set before the connect, so that your options override them. If the system rejects
/// an option, the connect fails.
///
/// @param options  the options to modify.
/// @param level    as for setsockopt(2), for example SOL_SOCKET.
/// @param name     as for setsockopt(2), for example SO_RCVBUF.
/// @param value    as for setsockopt(2); `len` bytes.
/// @param len      bytes in `value`.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `value` is NULL and `len` is not 0.
/// @retval WSLINE_ERR_NO_MEMORY         there is not enough memory; nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_add_socket_option(
    options: *mut wsline_options,
    level: i32,
    name: i32,
    value: *const c_void,
    len: usize,
) -> wsline_status {
    let function = "wsline_options_add_socket_option";
    object::set(function, options, |options, arguments| {
        let option = SocketOption {
            level,
            name,
            value: Arc::new(memory::copy(arguments.payload(value, len, "value")?)?),
        };
        memory::push(memory::make_mut(&mut options.socket.options)?, option)
    })
}

/// Removes all options added with wsline_options_add_socket_option().
///
/// @param options  the options to modify.
/// @retval WSLINE_OK                    removed, if there were any.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_clear_socket_options(
    options: *mut wsline_options,
) -> wsline_status {
    object::set(
        "wsline_options_clear_socket_options",
        options,
        |options, _| {
            options.socket.options = Arc::default();
            Ok(())
        },
    )
}

/// Connects to a Unix-domain socket instead of the host in the URL.
///
/// The URL still determines the request, and `wss://` still means TLS. No proxy is used. A URL such
/// as `ws+unix:///run/server.sock:/path` does the same for a single connect. If the path is too
/// long for a socket, the connect fails with WSLINE_ERR_CONNECT.
///
/// @param options  the options to modify.
/// @param path     the path of the socket, at most 107 bytes on Linux; "@name" for the abstract
///                 socket of that name (unix(7)); NULL, the default, for none.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `path` is empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_unix_path(
    options: *mut wsline_options,
    path: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_unix_path";
    object::set(function, options, |options, arguments| {
        options.unix_path = match arguments.optional_string(path, "path")? {
            Some("") => return Err(Error::argument("path", "is empty")),
            path => path.map(str::to_owned),
        };
        Ok(())
    })
}

/// Sets the local address, for machines that have several.
///
/// Only server addresses of the same family are used. See also
/// wsline_options_set_bind_interface().
///
/// @param options  the options to modify.
/// @param address  "192.0.2.1", "2001:db8::1", or with a port "192.0.2.1:4000",
///                 "[2001:db8::1]:4000"; NULL, the default, for any.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `address` is not an address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_bind_address(
    options: *mut wsline_options,
    address: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_bind_address";
    object::set(function, options, |options, arguments| {
        options.socket.bind = arguments
            .optional_string(address, "address")?
            .map(read_address)
            .transpose()?;
        Ok(())
    })
}

/// Sends and receives only through one network interface, for machines that have several.
///
/// Has no effect on Unix-domain sockets. Linux before 5.7 allows it only to privileged processes.
///
/// @param options    the options to modify.
/// @param interface  its name, for example "eth0", at most 15 bytes; NULL, the default, for any. If
///                   there is none of that name, the connect fails with WSLINE_ERR_CONNECT.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `interface` is empty or too long.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_bind_interface(
    options: *mut wsline_options,
    interface: *const c_char,
) -> wsline_status {
    let function = "wsline_options_set_bind_interface";
    object::set(function, options, |options, arguments| {
        let interface = arguments.optional_string(interface, "interface")?;
        if let Some(name) = interface.filter(|name| !(1..libc::IFNAMSIZ).contains(&name.len())) {
            let what = format!("has {} bytes; it must have 1 to 15", name.len());
            return Err(Error::argument("interface", what));
        }
        options.socket.interface = interface.map(Text::copy).transpose()?;
        Ok(())
    })
}

/// Connects to addresses of one family only; this also applies to a server's address that the
/// library looks up for a SOCKS proxy.
///
/// @param options  the options to modify.
/// @param family   a wsline_address_family; WSLINE_ADDRESS_ANY by default.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `family` is unknown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_address_family(
    options: *mut wsline_options,
    family: i32,
) -> wsline_status {
    let function = "wsline_options_set_address_family";
    object::set(function, options, |options, _| {
        options.socket.family =
            arguments::one_of(family, &FAMILIES, "wsline_address_family", "family")?;
        Ok(())
    })
}

/// Reports when each message arrived, in `received_ns` of wsline_message.
///
/// It is the time at which the system received the last bytes of the read that completed the
/// message (SO_TIMESTAMPING with software time stamps, see Documentation/networking/timestamping in
/// Linux), not the time at which the program read them: the difference to the present is how long
/// the message has waited. Messages that came with one read have the same time. Under TLS it is the
/// time of the encrypted bytes. A fragment or a part has the time of the read that completed it. A
/// wsline_frame has no time.
///
/// The time is 0 where the system reports none: for Unix-domain sockets and transports of yours, on
/// old systems, which do not stamp TCP, and for bytes that arrive right after the first socket of
/// the system has requested time stamps. It may jump when the system's clock is set. Each read is a
/// recvmsg(2) instead of a recv(2).
///
/// @param options  the options to modify.
/// @param enable   true: set the time; false, the default: it is 0.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_receive_timestamps(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    let function = "wsline_options_set_receive_timestamps";
    object::set(function, options, |options, _| {
        options.socket.stamps_arrivals = enable;
        Ok(())
    })
}

/// Uses a connected socket of yours instead of opening one.
///
/// The URL still determines the request, and `wss://` still means TLS. The library uses a dup(2) of
/// the socket: you still have to close yours, and must not read from or write to it while the
/// connection exists. The socket serves one connect, even if that fails; no proxy is used and no
/// redirect is followed.
///
/// @param options  the options to modify.
/// @param fd       a connected stream socket; -1, the default, for none. A second connect with it
///                 fails with WSLINE_ERR_WRONG_STATE.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL, or `fd` is below -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_fd(
    options: *mut wsline_options,
    fd: i32,
) -> wsline_status {
    object::set("wsline_options_set_fd", options, |options, _| {
        options.supplied = match fd {
            -1 => None,
            0.. => Some(Supplied::Socket(Arc::new(SuppliedSocket::new(fd)))),
            _ => {
                return Err(Error::argument(
                    "fd",
                    format!("is {fd}, which is not a file descriptor"),
                ));
            }
        };
        Ok(())
    })
}

/// Uses the socket of wsline_options_set_fd() without an opening handshake: it is a WebSocket
/// connection already.
///
/// For a host whose own HTTP client has upgraded the connection. Read nothing from the socket after
/// the response: what you have read would be missing. The URL must begin with `ws://`; nothing of
/// it is sent. There is no response, no subprotocol and no compression.
///
/// @param options  the options to modify.
/// @param enable   true: the next connect opens the connection at once; it fails with
///                 WSLINE_ERR_WRONG_STATE without wsline_options_set_fd() and for `wss://`. false,
///                 the default: it begins with the opening handshake.
/// @retval WSLINE_OK                    set.
/// @retval WSLINE_ERR_INVALID_ARGUMENT  `options` is NULL.
///
/// Since: 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsline_options_set_upgraded(
    options: *mut wsline_options,
    enable: bool,
) -> wsline_status {
    object::set("wsline_options_set_upgraded", options, |options, _| {
        options.is_upgraded = enable;
        Ok(())
    })
}

fn read_address(text: &str) -> Result<SocketAddr, Error> {
    let without_port = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    without_port.or_else(|_| text.parse()).map_err(|_| {
        let what = format!("is {text:?}, which is not an IP address, optionally with a port");
        Error::argument("address", what)
    })
}
