// SPDX-License-Identifier: Apache-2.0
//! Making a TCP socket the way every connection wants it.

use super::sys;
use crate::base::error::{Error, Kind, Phase};
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
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

/// A non-blocking socket that has begun to connect to `address`.
///
/// Small messages leave at once, and a peer that has gone without a word is noticed after about a minute:
/// probes after 30 s of silence, three of them 10 s apart.
pub fn begin_connect(
    address: SocketAddr,
    options: &[SocketOption],
) -> Result<Socket, std::io::Error> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking(),
        Some(Protocol::TCP),
    )?;
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    for option in options {
        sys::set_socket_option(socket.as_fd(), option.level, option.name, &option.value)?;
    }
    match socket.connect(&SockAddr::from(address)) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket),
    }
}

/// A socket of our own for the caller's connected descriptor.
pub fn adopt(fd: RawFd, options: &[SocketOption]) -> Result<Socket, Error> {
    let in_phase = |error: std::io::Error| {
        Error::os(
            Kind::Connect,
            format_args!("use the supplied descriptor {fd}"),
            &error,
        )
        .in_phase(Phase::Connect)
    };
    let socket = Socket::from(sys::duplicate(fd).map_err(in_phase)?);
    socket.peer_addr().map_err(in_phase)?;
    for option in options {
        sys::set_socket_option(socket.as_fd(), option.level, option.name, &option.value)
            .map_err(in_phase)?;
    }
    Ok(socket)
}
