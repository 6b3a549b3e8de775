// SPDX-License-Identifier: Apache-2.0
//! Making a TCP socket the way every connection wants it.

use super::sys;
use crate::base::error::{Error, Kind, Phase};
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, RawFd};
use std::time::Duration;

/// An option of the caller's for `setsockopt(2)`.
#[derive(Clone, Debug)]
pub struct SocketOption {
    pub level: i32,
    pub name: i32,
    pub value: Vec<u8>,
}

/// A non-blocking socket that has begun to connect to `address`, or why this address is not to be had. What fails for
/// every address alike, an option of the caller's, is the outer error.
///
/// Small messages leave at once, and a peer that has gone without a word is noticed after about a minute:
/// probes after 30 s of silence, three of them 10 s apart.
pub fn begin_connect(
    address: SocketAddr,
    options: &[SocketOption],
) -> Result<io::Result<Socket>, Error> {
    let socket = match make_socket(address) {
        Ok(socket) => socket,
        Err(error) => return Ok(Err(error)),
    };
    set_options(&socket, options)?;
    match socket.connect(&SockAddr::from(address)) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Ok(Err(error)),
        _ => Ok(Ok(socket)),
    }
}

/// A socket of our own for the caller's connected descriptor.
pub fn adopt(fd: RawFd, options: &[SocketOption]) -> Result<Socket, Error> {
    let unusable = |error| {
        let what = format_args!("use the supplied descriptor {fd}");
        Error::os(Kind::Connect, what, &error).in_phase(Phase::Connect)
    };
    let socket = Socket::from(sys::duplicate(fd).map_err(unusable)?);
    socket.peer_addr().map_err(unusable)?;
    set_options(&socket, options)?;
    Ok(socket)
}

fn make_socket(address: SocketAddr) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    Ok(socket)
}

fn set_options(socket: &Socket, options: &[SocketOption]) -> Result<(), Error> {
    for SocketOption { level, name, value } in options {
        sys::set_socket_option(socket.as_fd(), *level, *name, value).map_err(|error| {
            let what = format_args!("set the socket option {name} of level {level}");
            Error::os(Kind::Connect, what, &error).in_phase(Phase::Connect)
        })?;
    }
    Ok(())
}
