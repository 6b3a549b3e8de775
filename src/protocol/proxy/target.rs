// SPDX-License-Identifier: Apache-2.0
//! What a proxy is to connect to.

use crate::protocol::url::Url;
use std::fmt;
use std::net::SocketAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A name for the proxy to look up, as in a URL: in A-labels, without white space and control
    /// characters.
    Name(String, u16),
    Address(SocketAddr),
}

impl Target {
    /// The host and port of a URL.
    pub fn of(url: &Url) -> Self {
        match url.ip() {
            Some(ip) => Self::Address(SocketAddr::new(ip, url.port())),
            None => Self::Name(url.host().into_owned(), url.port()),
        }
    }
}

/// An authority, always with a port (RFC 9110 section 9.3.6).
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name, port) => write!(f, "{name}:{port}"),
            Self::Address(SocketAddr::V4(address)) => address.fmt(f),
            // Without the scope, which has no meaning on another host.
            Self::Address(SocketAddr::V6(address)) => {
                write!(f, "[{}]:{}", address.ip(), address.port())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv6Addr, SocketAddrV6};

    #[test]
    fn a_target_reads_as_an_authority() {
        let address = |text: &str| Target::Address(text.parse().expect("an address"));
        let scoped = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), 80, 0, 2);
        for (target, expected) in [
            (Target::Name("example.com".into(), 443), "example.com:443"),
            (address("127.0.0.1:80"), "127.0.0.1:80"),
            (address("[::1]:443"), "[::1]:443"),
            (Target::Address(scoped.into()), "[fe80::1]:80"),
        ] {
            assert_eq!(target.to_string(), expected);
        }
    }
}
