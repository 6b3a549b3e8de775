// SPDX-License-Identifier: Apache-2.0
//! SOCKS4, and SOCKS4a, which adds host names (Ying-Da Lee, "SOCKS: A protocol for TCP proxy across
//! firewalls").

use super::endpoint::Proxy;
use super::target::Target;
use crate::base::error::{Error, Kind};
use crate::protocol::handshake::{Handshake, Output};
use std::net::SocketAddr;

const VERSION: u8 = 4;
const CONNECT: u8 = 1;

/// A reply: its version, a code, and a port and an address that have no meaning after CONNECT.
const REPLY_BYTES: usize = 8;
const REPLY_VERSION: u8 = 0;
const GRANTED: u8 = 90;

/// In SOCKS4a this invalid address means that a host name follows the user name.
const NAME_FOLLOWS: [u8; 4] = [0, 0, 0, 1];

pub struct Socks4 {
    proxy: Proxy,
    target: Target,
    /// `None` once it has been sent.
    request: Option<Output>,
}

impl Socks4 {
    /// Sends only the user name of the credentials; the protocol has no password.
    pub fn new(proxy: &Proxy, target: &Target) -> Result<Self, Error> {
        let (address, port, name) = match target {
            Target::Name(name, port) => (NAME_FOLLOWS, port, Some(name)),
            Target::Address(SocketAddr::V4(address)) => {
                (address.ip().octets(), &address.port(), None)
            }
            Target::Address(SocketAddr::V6(_)) => {
                let what = format!("cannot connect to {target}: SOCKS4 has no IPv6");
                return Err(proxy.error(Kind::Proxy, what));
            }
        };
        // A NUL ends each of these texts; neither contains one.
        let user = proxy.credentials.as_ref();
        let user = user.map_or("", |credentials| credentials.user());
        let mut bytes = vec![VERSION, CONNECT];
        bytes.extend(port.to_be_bytes());
        bytes.extend(address);
        for text in [Some(user), name.map(String::as_str)].into_iter().flatten() {
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
        Ok(Self {
            proxy: proxy.clone(),
            target: target.clone(),
            request: Some(Output {
                bytes,
                words: Some(format!("SOCKS4: connect to {target}")),
            }),
        })
    }

    fn refusal(&self, code: u8) -> Error {
        let words = match code {
            91 => "request rejected or failed",
            92 => "request rejected because the proxy cannot connect to identd on the client",
            93 => {
                "request rejected because the client program and identd report different user-ids"
            }
            _ => "unknown error",
        };
        let what = format!(
            "could not connect to {}: {words} (reply {code})",
            self.target
        );
        self.proxy.error(Kind::Proxy, what)
    }
}

impl Handshake for Socks4 {
    fn output(&mut self) -> Option<Output> {
        self.request.take()
    }

    fn receive(&mut self, input: &mut Vec<u8>) -> Result<bool, Error> {
        match input[..] {
            [version, ..] if version != REPLY_VERSION => {
                let what = format!("replied with version {version}, not 0");
                Err(self.proxy.error(Kind::Proxy, what))
            }
            [_, GRANTED, ..] if input.len() >= REPLY_BYTES => {
                input.drain(..REPLY_BYTES);
                Ok(true)
            }
            [] | [_] | [_, GRANTED, ..] => Ok(false),
            [_, code, ..] => Err(self.refusal(code)),
        }
    }

    fn end(&mut self) -> Error {
        self.proxy.closed_early()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(proxy: &str, target: &Target) -> (Vec<u8>, String) {
        let proxy = Proxy::parse(proxy).expect("a proxy");
        let mut handshake =
            Socks4::new(&proxy, target).unwrap_or_else(|error| panic!("a request: {error}"));
        let output = handshake.output().expect("a request");
        assert!(handshake.output().is_none());
        let shown = output.shown().to_owned();
        (output.bytes, shown)
    }

    #[test]
    fn addresses_names_and_users_are_sent() {
        let address = Target::Address("1.2.3.4:443".parse().expect("an address"));
        let name = Target::Name("example.com".into(), 80);
        for (proxy, target, expected) in [
            (
                "socks4://h",
                &address,
                &b"\x04\x01\x01\xbb\x01\x02\x03\x04\0"[..],
            ),
            (
                "socks4://u:secret@h",
                &address,
                b"\x04\x01\x01\xbb\x01\x02\x03\x04u\0",
            ),
            (
                "socks4a://h",
                &name,
                b"\x04\x01\0\x50\0\0\0\x01\0example.com\0",
            ),
            (
                "socks4a://u@h",
                &name,
                b"\x04\x01\0\x50\0\0\0\x01u\0example.com\0",
            ),
            (
                "socks4a://h",
                &address,
                b"\x04\x01\x01\xbb\x01\x02\x03\x04\0",
            ),
        ] {
            let (bytes, shown) = request(proxy, target);
            assert_eq!(bytes, expected, "{proxy}");
            assert_eq!(shown, format!("SOCKS4: connect to {target}"));
        }
    }

    #[test]
    fn there_is_no_ipv6() {
        let proxy = Proxy::parse("socks4a://u:secret@h").expect("a proxy");
        let target = Target::Address("[::1]:443".parse().expect("an address"));
        let error = Socks4::new(&proxy, &target).err().expect("no IPv6");
        assert_eq!(
            error.message(),
            "the proxy socks4a://h:1080 cannot connect to [::1]:443: SOCKS4 has no IPv6"
        );
    }
}
