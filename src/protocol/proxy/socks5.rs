// SPDX-License-Identifier: Apache-2.0
//! SOCKS5 (RFC 1928), without authentication or with a user name and a password (RFC 1929).

use super::endpoint::Proxy;
use super::target::Target;
use crate::base::error::{Error, Kind};
use crate::protocol::handshake::{Handshake, Output};
use crate::protocol::http::auth::Credentials;
use std::collections::VecDeque;
use std::net::SocketAddr;

const VERSION: u8 = 5;
/// The version of the negotiation in RFC 1929.
const AUTHENTICATION_VERSION: u8 = 1;

const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;

const CONNECT: u8 = 1;
const RESERVED: u8 = 0;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
const PORT_BYTES: usize = 2;

pub struct Socks5 {
    proxy: Proxy,
    target: Target,
    /// The next bytes to send. A queue, because a reply may arrive too early.
    output: VecDeque<Output>,
    /// Sent if the proxy chooses it; `None` if it was not offered.
    authentication: Option<Output>,
    request: Option<Output>,
    awaited: Awaited,
}

/// The next part of the proxy's replies.
#[derive(Clone, Copy)]
enum Awaited {
    /// The chosen authentication method.
    Method,
    Authenticated,
    Reply,
    /// The type of the proxy's address, its length if it is a name, the address and the port: they
    /// are skipped.
    AddressType,
    NameLength,
    Address(usize),
    Nothing,
}

impl Socks5 {
    pub fn new(proxy: &Proxy, target: &Target) -> Result<Self, Error> {
        let authentication = match &proxy.credentials {
            Some(credentials) => Some(authentication(credentials).ok_or_else(|| {
                let what = match (credentials.user().len(), credentials.password().len()) {
                    (0, _) => "an empty user name",
                    (1..=255, _) => "a password of more than 255 bytes",
                    _ => "a user name of more than 255 bytes",
                };
                let what = format!("cannot be sent {what} (RFC 1929 section 2)");
                proxy.error(Kind::ProxyAuth, what)
            })?),
            None => None,
        };
        let request = request(target).ok_or_else(|| {
            proxy.error(
                Kind::Proxy,
                "cannot be sent a host name of more than 255 bytes",
            )
        })?;
        Ok(Self {
            proxy: proxy.clone(),
            target: target.clone(),
            output: VecDeque::from([greeting(authentication.is_some())]),
            authentication,
            request: Some(request),
            awaited: Awaited::Method,
        })
    }

    /// Takes the awaited part from the front of `input`; `None` while it is incomplete.
    fn advance(&mut self, input: &mut Vec<u8>) -> Option<Result<Awaited, Error>> {
        Some(match self.awaited {
            Awaited::Method => {
                let [version, method] = take(input)?;
                let checked = self.check_version(version, VERSION);
                checked.and_then(|()| self.choose(method))
            }
            Awaited::Authenticated => {
                let [version, status] = take(input)?;
                let checked = self.check_version(version, AUTHENTICATION_VERSION);
                checked.and_then(|()| self.authenticated(status))
            }
            Awaited::Reply => {
                let [version, reply] = take(input)?;
                let checked = self.check_version(version, VERSION);
                checked.and_then(|()| self.replied(reply))
            }
            Awaited::AddressType => match take(input)? {
                [_, IPV4] => Ok(Awaited::Address(4 + PORT_BYTES)),
                [_, IPV6] => Ok(Awaited::Address(16 + PORT_BYTES)),
                [_, NAME] => Ok(Awaited::NameLength),
                [_, other] => {
                    let what = format!("replied with an address of the unknown type {other}");
                    Err(self.proxy.error(Kind::Proxy, what))
                }
            },
            Awaited::NameLength => {
                let [len] = take(input)?;
                Ok(Awaited::Address(usize::from(len) + PORT_BYTES))
            }
            Awaited::Address(len) => {
                if input.len() < len {
                    return None;
                }
                input.drain(..len);
                Ok(Awaited::Nothing)
            }
            Awaited::Nothing => Ok(Awaited::Nothing),
        })
    }

    fn check_version(&self, version: u8, expected: u8) -> Result<(), Error> {
        if version == expected {
            return Ok(());
        }
        let what = format!("replied with version {version}, not {expected}");
        Err(self.proxy.error(Kind::Proxy, what))
    }

    fn choose(&mut self, method: u8) -> Result<Awaited, Error> {
        match (method, self.authentication.take()) {
            (NO_AUTHENTICATION, _) => Ok(self.connect()),
            (USER_AND_PASSWORD, Some(authentication)) => {
                self.output.push_back(authentication);
                Ok(Awaited::Authenticated)
            }
            (NO_METHOD, Some(_)) => {
                let what = "accepts neither no authentication nor a user name and password";
                Err(self.proxy.error(Kind::ProxyAuth, what))
            }
            (NO_METHOD, None) => {
                let what = "requires authentication; set a user name and password with wsline_options_set_proxy_auth()";
                Err(self.proxy.error(Kind::ProxyAuth, what))
            }
            _ => {
                let what = format!("chose authentication method {method}, which was not offered");
                Err(self.proxy.error(Kind::Proxy, what))
            }
        }
    }

    fn authenticated(&mut self, status: u8) -> Result<Awaited, Error> {
        if status == 0 {
            return Ok(self.connect());
        }
        let what = format!("rejected the user name and password with status {status}");
        Err(self.proxy.error(Kind::ProxyAuth, what))
    }

    fn connect(&mut self) -> Awaited {
        self.output.extend(self.request.take());
        Awaited::Reply
    }

    /// RFC 1928 section 6.
    fn replied(&self, reply: u8) -> Result<Awaited, Error> {
        let words = match reply {
            0 => return Ok(Awaited::AddressType),
            1 => "general SOCKS server failure",
            2 => "connection not allowed by ruleset",
            3 => "network unreachable",
            4 => "host unreachable",
            5 => "connection refused",
            6 => "TTL expired",
            7 => "command not supported",
            8 => "address type not supported",
            _ => "unknown error",
        };
        let target = &self.target;
        let what = format!("could not connect to {target}: {words} (reply {reply})");
        Err(self.proxy.error(Kind::Proxy, what))
    }
}

impl Handshake for Socks5 {
    fn output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    fn receive(&mut self, input: &mut Vec<u8>) -> Result<bool, Error> {
        while !matches!(self.awaited, Awaited::Nothing) {
            let Some(next) = self.advance(input) else {
                return Ok(false);
            };
            self.awaited = next?;
        }
        Ok(true)
    }

    fn end(&mut self) -> Error {
        self.proxy.closed_early()
    }
}

fn greeting(with_authentication: bool) -> Output {
    let (bytes, shown) = if with_authentication {
        (
            vec![VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
            "SOCKS5: greeting with no authentication, user name and password",
        )
    } else {
        (
            vec![VERSION, 1, NO_AUTHENTICATION],
            "SOCKS5: greeting with no authentication",
        )
    };
    Output {
        bytes,
        words: Some(shown.to_owned()),
    }
}

/// RFC 1929 section 2. An empty password, which the RFC does not provide for, is sent all the same:
/// other clients do so, and proxies accept it.
fn authentication(credentials: &Credentials) -> Option<Output> {
    let (user, password) = (credentials.user(), credentials.password());
    if user.is_empty() {
        return None;
    }
    Some(Output {
        bytes: [
            vec![AUTHENTICATION_VERSION],
            length_prefixed(user)?,
            length_prefixed(password)?,
        ]
        .concat(),
        words: Some("SOCKS5: user name and password".to_owned()),
    })
}

/// RFC 1928 section 4.
fn request(target: &Target) -> Option<Output> {
    let (kind, address, port) = match target {
        Target::Name(name, port) => (NAME, length_prefixed(name)?, *port),
        Target::Address(SocketAddr::V4(v4)) => (IPV4, v4.ip().octets().to_vec(), v4.port()),
        Target::Address(SocketAddr::V6(v6)) => (IPV6, v6.ip().octets().to_vec(), v6.port()),
    };
    let mut bytes = vec![VERSION, CONNECT, RESERVED, kind];
    bytes.extend(address);
    bytes.extend(port.to_be_bytes());
    Some(Output {
        bytes,
        words: Some(format!("SOCKS5: connect to {target}")),
    })
}

/// A text preceded by its length in one byte.
fn length_prefixed(text: &str) -> Option<Vec<u8>> {
    let len = u8::try_from(text.len()).ok()?;
    Some([&[len], text.as_bytes()].concat())
}

/// Takes the first bytes of `input`, once all have arrived.
fn take<const N: usize>(input: &mut Vec<u8>) -> Option<[u8; N]> {
    let bytes = *input.first_chunk()?;
    input.drain(..N);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(proxy: &str, target: &Target) -> Result<Socks5, Error> {
        Socks5::new(&Proxy::parse(proxy).expect("a proxy"), target)
    }

    fn name(text: &str) -> Target {
        Target::Name(text.into(), 443)
    }

    /// The output before the first and after each of `answers`.
    fn said(proxy: &str, target: &Target, answers: &[&[u8]]) -> Vec<(Vec<u8>, String)> {
        let mut handshake = handshake(proxy, target).unwrap_or_else(|error| panic!("{error}"));
        let mut said = Vec::new();
        for answer in [&[&[][..]], answers].concat() {
            assert!(!handshake.receive(&mut answer.to_vec()).expect("no refusal"));
            let output = handshake.output().expect("our turn");
            let shown = output.shown().to_owned();
            said.push((output.bytes, shown));
            assert!(handshake.output().is_none(), "waiting for the proxy");
        }
        said
    }

    #[test]
    fn without_credentials_the_request_follows_the_greeting() {
        let greeting = (
            b"\x05\x01\0".to_vec(),
            "SOCKS5: greeting with no authentication".to_owned(),
        );
        let address = |text: &str| Target::Address(text.parse().expect("an address"));
        for (target, expected) in [
            (
                name("h.example"),
                &b"\x05\x01\0\x03\x09h.example\x01\xbb"[..],
            ),
            (
                address("1.2.3.4:80"),
                b"\x05\x01\0\x01\x01\x02\x03\x04\0\x50",
            ),
            (
                address("[2001:db8::1]:80"),
                b"\x05\x01\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50",
            ),
        ] {
            let request = (expected.to_vec(), format!("SOCKS5: connect to {target}"));
            let said = said("socks5h://h", &target, &[b"\x05\0"]);
            assert_eq!(said, [greeting.clone(), request]);
        }
    }

    #[test]
    fn credentials_are_sent_if_the_proxy_requires_them_and_never_shown() {
        let proxy = "socks5h://user:secret@h";
        let with = said(proxy, &name("h"), &[b"\x05\x02", b"\x01\0"]);
        let bytes: Vec<&[u8]> = with.iter().map(|(bytes, _)| &bytes[..]).collect();
        let request = &b"\x05\x01\0\x03\x01h\x01\xbb"[..];
        assert_eq!(
            bytes,
            [&b"\x05\x02\0\x02"[..], b"\x01\x04user\x06secret", request]
        );
        assert_eq!(with[1].1, "SOCKS5: user name and password");
        let without = said(proxy, &name("h"), &[b"\x05\0"]);
        assert_eq!(without[1].0, request);
        let empty = said("socks5h://user@h", &name("h"), &[b"\x05\x02"]);
        assert_eq!(empty[1].0, b"\x01\x04user\0");
    }

    #[test]
    fn texts_have_at_most_255_bytes() {
        let long = |len| "x".repeat(len);
        let with = |user: &str, password: &str| format!("socks5h://{user}:{password}@h");
        let target = name(&long(255));
        assert!(handshake(&with(&long(255), &long(255)), &target).is_ok());
        for (proxy, target, kind, what) in [
            (
                with(&long(256), ""),
                &target,
                Kind::ProxyAuth,
                "a user name of more",
            ),
            (
                with("u", &long(256)),
                &target,
                Kind::ProxyAuth,
                "a password of more",
            ),
            (
                with("", "p"),
                &target,
                Kind::ProxyAuth,
                "an empty user name",
            ),
            (
                with("u", "p"),
                &name(&long(256)),
                Kind::Proxy,
                "a host name of more",
            ),
        ] {
            let error = handshake(&proxy, target).err().expect("too long");
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.message().contains(what), "{error}");
        }
    }

    #[test]
    fn all_output_is_sent_even_if_replies_arrive_early() {
        let mut handshake = handshake("socks5h://u@h", &name("h")).expect("a handshake");
        let mut input = b"\x05\x02\x01\0\x05\0\0\x01\0\0\0\0\0\0rest".to_vec();
        assert!(handshake.receive(&mut input).expect("accepted"));
        assert_eq!(input, b"rest");
        assert_eq!(std::iter::from_fn(|| handshake.output()).count(), 3);
    }
}
