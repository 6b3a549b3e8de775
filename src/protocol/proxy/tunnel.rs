// SPDX-License-Identifier: Apache-2.0
//! The handshake with a proxy of any protocol.

use super::connect::Connect;
use super::endpoint::{Proxy, Scheme};
use super::socks4::Socks4;
use super::socks5::Socks5;
use super::target::Target;
use crate::base::error::Error;
use crate::protocol::handshake::Handshake;

/// Asks `proxy` to connect to `target`.
pub fn handshake(proxy: &Proxy, target: &Target) -> Result<Box<dyn Handshake + Send>, Error> {
    Ok(match proxy.scheme {
        Scheme::Http | Scheme::Https => Box::new(Connect::new(proxy, target)?),
        Scheme::Socks4 | Scheme::Socks4a => Box::new(Socks4::new(proxy, target)?),
        Scheme::Socks5 | Scheme::Socks5h => Box::new(Socks5::new(proxy, target)?),
    })
}
