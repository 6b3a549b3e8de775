// SPDX-License-Identifier: Apache-2.0
//! TLS as a transformation of bytes: OpenSSL between two buffers, never on a socket.
//!
//! What comes from the network is fed in, what is to be sent is taken out. So one thread can wait for the
//! socket while another encrypts, and there is one place that reads and writes sockets.

use super::sys;
use super::tls_options::{TlsOptions, reason};
use crate::base::error::{Error, Kind, Phase};
use openssl::error::ErrorStack;
use openssl::ssl::{self, ErrorCode, Ssl, SslStream};
use openssl::x509::X509VerifyResult;
use openssl::x509::verify::X509CheckFlags;
use std::ffi::CString;
use std::io::{self, Read, Write};
use std::net::IpAddr;

pub struct Tls {
    stream: SslStream<Memory>,
    /// The name or address that is verified, for messages.
    peer: String,
}

/// What one call of [`Tls::decrypt`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decrypted {
    /// All that was fed is decrypted.
    All,
    /// There is no more room; there may be more to decrypt.
    Full,
    /// The peer has ended the stream.
    End,
}

/// What was agreed, for whoever asks.
#[derive(Clone, Debug)]
pub struct TlsInfo {
    pub version: CString,
    pub cipher: CString,
    /// Empty where the server chose none.
    pub alpn: CString,
    pub peer_certificate_pem: CString,
}

pub enum Role {
    Server,
    Proxy,
}
impl Tls {
    pub fn new(options: &TlsOptions, host: &str, _: u16, _: Role) -> Result<Self, Error> {
        let settings = options.settings();
        let name = settings.server_name.as_deref().unwrap_or(host);
        let setup = |error: ErrorStack| {
            failed(
                Kind::TlsConfig,
                format!("set up TLS for {name}: {}", reason(&error)),
            )
        };
        let mut ssl = Ssl::new(options.context()?).map_err(setup)?;
        let address = name.parse::<IpAddr>().ok();
        if address.is_none() {
            // An address never stands in SNI (RFC 6066 section 3).
            ssl.set_hostname(name).map_err(setup)?;
        }
        if settings.verify_host {
            let verify = ssl.param_mut();
            // Only subjectAltName counts (RFC 9525 section 4.1), and a wildcard only for a whole label.
            verify.set_hostflags(
                X509CheckFlags::NO_PARTIAL_WILDCARDS | X509CheckFlags::NEVER_CHECK_SUBJECT,
            );
            match address {
                Some(address) => verify.set_ip(address).map_err(setup)?,
                None => verify.set_host(name).map_err(setup)?,
            }
        }
        let stream = SslStream::new(ssl, Memory::default()).map_err(setup)?;
        Ok(Self {
            stream,
            peer: name.to_owned(),
        })
    }

    /// Goes on with the handshake as far as what was fed allows; true when it is done.
    pub fn handshake(&mut self) -> Result<bool, Error> {
        sys::clear_openssl_errors();
        match self.stream.connect() {
            Ok(()) => Ok(true),
            Err(error) if error.code() == ErrorCode::WANT_READ => Ok(false),
            Err(error) => Err(self.handshake_error(&error)),
        }
    }

    /// Takes what came from the network; `cipher` is left empty.
    pub fn feed(&mut self, cipher: &mut Vec<u8>) {
        self.stream.get_mut().feed(cipher);
    }

    pub fn end_input(&mut self) {
        self.stream.get_mut().is_ended = true;
    }

    /// Decrypts into the spare capacity of `out`.
    pub fn decrypt(&mut self, out: &mut Vec<u8>) -> Result<Decrypted, Error> {
        sys::clear_openssl_errors();
        loop {
            if out.capacity() - out.len() < 2 {
                return Ok(Decrypted::Full);
            }
            match sys::tls_read(&mut self.stream, out) {
                Ok(0) => return Ok(Decrypted::End),
                Ok(_) => {}
                Err(error) => {
                    return match error.code() {
                        ErrorCode::WANT_READ | ErrorCode::WANT_WRITE => Ok(Decrypted::All),
                        // A stream cut without close_notify is told by the missing close frame.
                        ErrorCode::ZERO_RETURN => Ok(Decrypted::End),
                        _ if self.stream.get_ref().is_ended => Ok(Decrypted::End),
                        _ => Err(failed(Kind::Tls, format!("TLS: {}", text(&error)))),
                    };
                }
            }
        }
    }

    /// Encrypts all of `plain`; the result waits in [`Tls::output`].
    pub fn encrypt(&mut self, mut plain: &[u8]) -> Result<(), Error> {
        sys::clear_openssl_errors();
        while !plain.is_empty() {
            match self.stream.ssl_write(plain) {
                Ok(count) => plain = plain.get(count..).unwrap_or_default(),
                Err(error) => return Err(failed(Kind::Tls, format!("TLS: {}", text(&error)))),
            }
        }
        Ok(())
    }

    /// Adds close_notify to the output (RFC 8446 section 6.1).
    pub fn end(&mut self) {
        sys::clear_openssl_errors();
        // Whether the peer has ended, too, does not matter: the socket goes next.
        let _ = self.stream.shutdown();
    }

    pub fn has_output(&self) -> bool {
        !self.stream.get_ref().outbox.is_empty()
    }

    /// What is to be sent, to be taken out.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.stream.get_mut().outbox
    }

    pub fn info(&self) -> TlsInfo {
        let ssl = self.stream.ssl();
        let text = |bytes: &[u8]| CString::new(bytes).unwrap_or_default();
        let certificate = ssl
            .peer_certificate()
            .and_then(|certificate| certificate.to_pem().ok());
        TlsInfo {
            version: text(ssl.version_str().as_bytes()),
            cipher: text(
                ssl.current_cipher()
                    .map_or("", |cipher| cipher.name())
                    .as_bytes(),
            ),
            alpn: text(ssl.selected_alpn_protocol().unwrap_or_default()),
            peer_certificate_pem: text(&certificate.unwrap_or_default()),
        }
    }

    fn handshake_error(&self, error: &ssl::Error) -> Error {
        let peer = &self.peer;
        let verdict = self.stream.ssl().verify_result();
        if verdict != X509VerifyResult::OK && error.ssl_error().is_some() {
            return failed(
                Kind::TlsVerify,
                format!("certificate of {peer} refused: {}", verdict.error_string()),
            )
            .with_tls_verify_result(i64::from(verdict.as_raw()));
        }
        if self.stream.get_ref().is_ended {
            return failed(
                Kind::Tls,
                format!("{peer} closed the connection during the TLS handshake"),
            );
        }
        failed(
            Kind::Tls,
            format!("TLS handshake with {peer}: {}", text(error)),
        )
    }
}

fn failed(kind: Kind, message: String) -> Error {
    Error::new(kind, message).in_phase(Phase::Tls)
}

fn text(error: &ssl::Error) -> String {
    error.ssl_error().map_or_else(|| error.to_string(), reason)
}

/// The two buffers that OpenSSL takes for its network.
#[derive(Default)]
struct Memory {
    inbox: Vec<u8>,
    /// How much of `inbox` has been read.
    read: usize,
    /// Nothing will follow what is in `inbox`.
    is_ended: bool,
    outbox: Vec<u8>,
}

impl Memory {
    fn feed(&mut self, cipher: &mut Vec<u8>) {
        if self.read == self.inbox.len() {
            self.inbox.clear();
            self.read = 0;
            std::mem::swap(&mut self.inbox, cipher);
        } else {
            self.inbox.append(cipher);
        }
    }
}

impl Read for Memory {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut unread = self.inbox.get(self.read..).unwrap_or_default();
        if unread.is_empty() && !self.is_ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = unread.read(into)?;
        self.read += count;
        Ok(count)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
