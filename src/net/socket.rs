// SPDX-License-Identifier: Apache-2.0
//! Creates sockets, and sets their options.

use super::sys;
use crate::base::error::{Error, Kind, Phase};
use crate::base::memory::Text;
use crate::base::sync::{Arc, AtomicBool, Ordering};
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use std::ffi::CString;
use std::net::SocketAddr;
use std::os::fd::{AsFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

/// A caller's option for `setsockopt(2)`.
#[derive(Clone, Debug)]
pub struct SocketOption {
    pub level: i32,
    pub name: i32,
    pub value: Arc<Vec<u8>>,
}

/// An address that a socket can connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Ip(SocketAddr),
    Unix(PathBuf),
}

/// Which addresses to connect to, and how.
#[derive(Clone, Debug, Default)]
pub struct SocketOptions {
    pub family: Family,
    /// The local address; port 0 lets the system choose one.
    pub bind: Option<SocketAddr>,
    /// The network interface to send and receive through.
    pub interface: Option<Text>,
    /// Set before connecting, after the default options.
    pub options: Arc<Vec<SocketOption>>,
    /// The system notes when bytes arrive.
    pub stamps_arrivals: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    #[default]
    Any,
    Ipv4,
    Ipv6,
}

impl Family {
    pub fn admits(self, address: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }

    /// The error if `name` has no address of this family.
    pub fn missing(self, name: &str) -> Error {
        let family = match self {
            Self::Any => "",
            Self::Ipv4 => "IPv4 ",
            Self::Ipv6 => "IPv6 ",
        };
        let message = format!("{name} has no {family}address");
        Error::new(Kind::Resolve, message).in_phase(Phase::Resolve)
    }
}

impl SocketOptions {
    /// Whether `address` is of the requested family, and of the local address's family.
    pub fn admit(&self, address: &Address) -> bool {
        let Address::Ip(address) = address else {
            return true;
        };
        self.family.admits(address)
            && self
                .bind
                .is_none_or(|bind| bind.is_ipv4() == address.is_ipv4())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{}", path.to_string_lossy().escape_debug()),
        }
    }
}

/// The state of a connect that was started.
#[derive(Debug)]
pub enum StartedConnect {
    Connected(Socket),
    /// The socket becomes writable when the attempt has succeeded or failed.
    InProgress(Socket),
    /// The server's queue is full; the system does not report when there is space.
    QueueFull,
}

/// Starts to connect a non-blocking socket to `address`.
pub fn start_connect(address: &Address, options: &SocketOptions) -> Result<StartedConnect, Error> {
    let failed = |error| connect_failed(address, &error);
    let (socket, to) = match address {
        Address::Ip(address) => {
            let kind = Type::STREAM.nonblocking();
            let socket = Socket::new(Domain::for_address(*address), kind, Some(Protocol::TCP));
            let socket = socket.map_err(failed)?;
            if !options.options.is_empty() {
                set_defaults(&socket).map_err(failed)?;
            }
            (socket, (*address).into())
        }
        Address::Unix(path) => make_unix_socket(path).map_err(failed)?,
    };
    set_options(&socket, options, matches!(address, Address::Ip(_)))?;
    if let Address::Ip(_) = address {
        if let Some(interface) = &options.interface {
            bind_to_interface(&socket, interface)?;
        }
        if let Some(bind) = options.bind {
            bind_to(&socket, bind)?;
        }
    }
    let Err(error) = socket.connect(&to) else {
        return Ok(StartedConnect::Connected(socket));
    };
    match (error.raw_os_error(), address) {
        (Some(libc::EINPROGRESS), _) => Ok(StartedConnect::InProgress(socket)),
        // connect(2): if the queue is full, a Unix-domain socket is not in progress.
        (Some(libc::EAGAIN), Address::Unix(_)) => Ok(StartedConnect::QueueFull),
        _ => Err(failed(error)),
    }
}

/// A connected socket.
#[derive(Debug)]
pub struct Connected {
    pub socket: Socket,
    pub peer: Peer,
    pub setup: Setup,
    pub is_stamped: bool,
}

/// The address of the peer.
#[derive(Clone, Debug)]
pub enum Peer {
    Address(SocketAddr),
    /// As the system reports it.
    Named(CString),
}

/// What [`prepare`] still has to do before a connection is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// Nothing: the socket is the caller's.
    Done,
    /// Set blocking mode.
    Mode,
    /// Set blocking mode and the default options.
    ModeAndOptions,
}

impl Connected {
    /// Our own socket, connected to `address`.
    pub fn new(socket: Socket, address: &Address, options: &SocketOptions) -> Self {
        let (peer, setup) = match address {
            Address::Ip(ip) if !is_completed_by_system(ip) => (Peer::Address(*ip), true),
            Address::Ip(_) => (Peer::from_socket(&socket), true),
            Address::Unix(_) => (Peer::from_socket(&socket), false),
        };
        // The caller's options follow the default ones, so if there are any, all were set before
        // the connect.
        let setup = match setup && options.options.is_empty() {
            true => Setup::ModeAndOptions,
            false => Setup::Mode,
        };
        Self {
            socket,
            peer,
            setup,
            is_stamped: options.stamps_arrivals && matches!(address, Address::Ip(_)),
        }
    }
}

/// Whether only the system knows the real peer address: for "any", or a link-local address without
/// its link.
fn is_completed_by_system(address: &SocketAddr) -> bool {
    let is_any = address.ip().to_canonical().is_unspecified();
    let lacks_link = matches!(address, SocketAddr::V6(v6)
        if v6.scope_id() == 0 && v6.ip().is_unicast_link_local());
    is_any || lacks_link
}

impl Peer {
    fn from_socket(socket: &Socket) -> Self {
        Self::Named(
            socket
                .peer_addr()
                .as_ref()
                .map_or_else(|_| CString::default(), name),
        )
    }

    /// `127.0.0.1:80`, `[::1]:80`, the path of a Unix-domain socket, or `@` and its abstract name.
    pub fn name(&self) -> CString {
        match self {
            Self::Address(address) => CString::new(address.to_string()).unwrap_or_default(),
            Self::Named(name) => name.clone(),
        }
    }
}

fn name(address: &SockAddr) -> CString {
    let path = address.as_pathname().map(|path| path.display().to_string());
    let name = address.as_abstract_namespace();
    let name = name.map(|name| format!("@{}", String::from_utf8_lossy(name)));
    let text = address
        .as_socket()
        .map(|address| address.to_string())
        .or(path)
        .or(name);
    CString::new(text.unwrap_or_default()).unwrap_or_default()
}

/// After this much silence of the peer, TCP keepalive sends its first probe.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// Prepares `socket`, which was in non-blocking mode for connecting, for a connection that is used.
/// Returns whether it is in blocking mode now.
pub fn prepare(socket: &Socket, setup: Setup) -> bool {
    if setup == Setup::ModeAndOptions {
        // The connection works even if the system refuses one of the options.
        let _ = set_defaults(socket);
    }
    setup != Setup::Done && sys::set_blocking(socket.as_fd()).is_ok()
}

/// Small messages are sent at once, and a peer that has vanished is noticed after about a minute:
/// three probes 10 s apart, after 30 s of silence.
fn set_defaults(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)
}

pub fn connect_failed(address: &Address, error: &io::Error) -> Error {
    Error::os(Kind::Connect, format_args!("connect to {address}"), error).in_phase(Phase::Connect)
}

/// The caller's connected descriptor, which serves one connect: after that, what the peer sent is
/// missing, and a second handshake would disturb a connection that still uses it.
#[derive(Debug)]
pub struct SuppliedSocket {
    fd: RawFd,
    is_used: AtomicBool,
}

impl SuppliedSocket {
    pub fn new(fd: RawFd) -> Self {
        Self {
            fd,
            is_used: AtomicBool::new(false),
        }
    }

    /// Our own socket for the descriptor; once.
    pub fn take(&self, options: &SocketOptions) -> Result<Connected, Error> {
        if self.is_used.swap(true, Ordering::Relaxed) {
            let what = "the socket of wsline_options_set_fd() has already been used; each connect \
                        needs a new one";
            return Err(Error::new(Kind::WrongState, what).in_phase(Phase::Connect));
        }
        adopt(self.fd, options)
    }
}

fn adopt(fd: RawFd, options: &SocketOptions) -> Result<Connected, Error> {
    let unusable = |error| {
        let what = format!("use the supplied descriptor {fd}");
        Error::os(Kind::Connect, what, &error).in_phase(Phase::Connect)
    };
    let socket = Socket::from(sys::duplicate(fd).map_err(unusable)?);
    let address = socket.peer_addr().map_err(unusable)?;
    let peer = Peer::Named(name(&address));
    let is_ip = address.as_socket().is_some();
    set_options(&socket, options, is_ip)?;
    Ok(Connected {
        socket,
        peer,
        setup: Setup::Done,
        is_stamped: options.stamps_arrivals && is_ip,
    })
}

fn make_unix_socket(path: &Path) -> io::Result<(Socket, SockAddr)> {
    let address = match path.to_str().and_then(|path| path.strip_prefix('@')) {
        // unix(7): a NUL precedes the name of an abstract socket.
        Some(name) => SockAddr::unix(format!("\0{name}")),
        None => SockAddr::unix(path),
    };
    let address = address.map_err(|_| {
        let what = "the path is too long for a Unix-domain socket";
        io::Error::new(io::ErrorKind::InvalidInput, what)
    })?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    Ok((socket, address))
}

fn bind_to(socket: &Socket, address: SocketAddr) -> Result<(), Error> {
    if address.port() == 0 {
        // The system chooses the port in connect(2), so that sockets with different peers may share
        // one (ip(7)). If the system does not know the option, the port is chosen in bind(2).
        let on = 1i32.to_ne_bytes();
        let _ = sys::set_socket_option(
            socket.as_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            &on,
        );
    }
    socket.bind(&address.into()).map_err(|error| {
        Error::os(Kind::Connect, format_args!("bind to {address}"), &error).in_phase(Phase::Connect)
    })
}

/// socket(7); since Linux 5.7 this needs no privilege.
fn bind_to_interface(socket: &Socket, interface: &str) -> Result<(), Error> {
    let name = interface.as_bytes();
    let bound = sys::set_socket_option(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_BINDTODEVICE,
        name,
    );
    bound.map_err(|error| {
        let what = format_args!("bind to the interface {interface}");
        Error::os(Kind::Connect, what, &error).in_phase(Phase::Connect)
    })
}

/// A Unix-domain socket has no time stamps, and recvmsg(2) would accept descriptors from it.
fn set_options(socket: &Socket, options: &SocketOptions, is_ip: bool) -> Result<(), Error> {
    if options.stamps_arrivals && is_ip {
        sys::stamp_arrivals(socket.as_fd()).map_err(|error| {
            let what = "request time stamps from the socket";
            Error::os(Kind::Connect, what, &error).in_phase(Phase::Connect)
        })?;
    }
    for SocketOption { level, name, value } in &*options.options {
        sys::set_socket_option(socket.as_fd(), *level, *name, value).map_err(|error| {
            let what = format!("set the socket option {name} of level {level}");
            Error::os(Kind::Connect, what, &error).in_phase(Phase::Connect)
        })?;
    }
    Ok(())
}
