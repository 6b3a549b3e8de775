// SPDX-License-Identifier: Apache-2.0
//! TLS as a transformation of bytes: OpenSSL between two buffers, never on a socket.
//!
//! What comes from the network is fed in, what is to be sent is taken out. So one thread can wait for the
//! socket while another encrypts, and there is one place that reads and writes sockets.

use super::sys;
use super::tls_context::reason;
use super::tls_options::TlsOptions;
use super::tls_pin::Pin;
use super::tls_session::{self, Sessions};
use crate::base::buffer::READ_MIN;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::Arc;
use openssl::error::ErrorStack;
use openssl::ssl::{self, ErrorCode, ShutdownState, Ssl, SslStream};
use openssl::x509::X509VerifyResult;
use openssl::x509::verify::X509CheckFlags;
use std::ffi::CString;
use std::io::{self, Read, Write};
use std::net::IpAddr;

pub struct Tls {
    stream: SslStream<Memory>,
    sessions: Arc<Sessions>,
    pins: Vec<Pin>,
    /// With whom, for messages and as the sessions' key.
    peer: String,
    /// The TLS with a proxy, inside which this one runs.
    carrier: Option<Box<Self>>,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Server,
    /// Has a name of its own, and is not who is pinned.
    Proxy,
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
    /// The handshake was a short one, with the session of an earlier connection.
    pub is_resumed: bool,
}

impl Tls {
    pub fn new(options: &TlsOptions, host: &str, port: u16, role: Role) -> Result<Self, Error> {
        let settings = options.settings();
        let context = options.context()?;
        let (name, pins) = match role {
            Role::Server => (settings.server_name.as_deref(), settings.pins.clone()),
            Role::Proxy => (None, Vec::new()),
        };
        let name = name.unwrap_or(host);
        let mut ssl = Ssl::new(&context.ssl).map_err(setup)?;
        set_name(&mut ssl, name, settings.verify_host).map_err(setup)?;
        let peer = match role {
            Role::Server => name.to_owned(),
            Role::Proxy => format!("proxy {name}"),
        };
        let key = format!("{peer} {port}");
        if let Some(session) = context.sessions.take(&key) {
            sys::offer_session(&mut ssl, &session).map_err(setup)?;
        }
        tls_session::name_peer(&mut ssl, key)?;
        Ok(Self {
            stream: SslStream::new(ssl, Memory::default()).map_err(setup)?,
            sessions: Arc::clone(&context.sessions),
            pins,
            peer,
            carrier: None,
        })
    }

    /// Runs inside `carrier` from now on.
    pub fn inside(mut self, carrier: Self) -> Self {
        self.carrier = Some(Box::new(carrier));
        self
    }

    /// Goes on with the handshake as far as what was fed allows; true when it is done.
    pub fn handshake(&mut self) -> Result<bool, Error> {
        sys::clear_openssl_errors();
        match self.stream.connect() {
            Ok(()) => {
                self.check_pins()?;
                tls_session::keep_resumed(self.stream.ssl(), &self.sessions);
                Ok(true)
            }
            Err(error) if error.code() == ErrorCode::WANT_READ => Ok(false),
            Err(error) => Err(self.handshake_error(&error)),
        }
    }

    /// Takes what came from the network; `cipher` is left empty.
    pub fn feed(&mut self, cipher: &mut Vec<u8>) -> Result<(), Error> {
        let Some(carrier) = &mut self.carrier else {
            self.stream.get_mut().feed(cipher);
            return Ok(());
        };
        carrier.feed(cipher)?;
        loop {
            let mut carried = Vec::with_capacity(READ_MIN);
            let decrypted = carrier.decrypt(&mut carried)?;
            let inner = self.stream.get_mut();
            inner.feed(&mut carried);
            match decrypted {
                Decrypted::Full => {}
                Decrypted::All => return Ok(()),
                Decrypted::End => {
                    inner.is_ended = true;
                    return Ok(());
                }
            }
        }
    }

    pub fn end_input(&mut self) {
        self.stream.get_mut().is_ended = true;
        if let Some(carrier) = &mut self.carrier {
            carrier.end_input();
        }
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
    pub fn end(&mut self) -> Result<(), Error> {
        sys::clear_openssl_errors();
        // Whether the peer has ended, too, does not matter: the socket goes next.
        let _ = self.stream.shutdown();
        if let Some(carrier) = &mut self.carrier {
            // Behind what this side still says inside.
            carrier.encrypt(&std::mem::take(&mut self.stream.get_mut().outbox))?;
            carrier.end()?;
        }
        Ok(())
    }

    pub fn has_output(&self) -> bool {
        let carrier = self.carrier.as_ref();
        !self.stream.get_ref().outbox.is_empty()
            || carrier.is_some_and(|carrier| carrier.has_output())
    }

    /// What is to be sent, to be taken out.
    pub fn output(&mut self) -> Result<&mut Vec<u8>, Error> {
        let Some(carrier) = &mut self.carrier else {
            return Ok(&mut self.stream.get_mut().outbox);
        };
        let carried = std::mem::take(&mut self.stream.get_mut().outbox);
        carrier.encrypt(&carried)?;
        carrier.output()
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
            is_resumed: ssl.session_reused(),
        }
    }

    fn check_pins(&self) -> Result<(), Error> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let peer = &self.peer;
        let certificate = self.stream.ssl().peer_certificate();
        let certificate = certificate
            .ok_or_else(|| failed(Kind::TlsVerify, format!("{peer} has shown no certificate")))?;
        let pin = Pin::of(&certificate).map_err(setup)?;
        if self.pins.contains(&pin) {
            return Ok(());
        }
        let message = format!(
            "certificate of {peer} refused: the SHA-256 of its public key is {pin}, which is not among the pins"
        );
        Err(failed(Kind::TlsVerify, message))
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

impl Drop for Tls {
    /// A connection that was cut does not cost its session: TLS leaves that to the client (RFC 5246 section 7.2.1), while
    /// OpenSSL forgets it unless both sides have said goodbye.
    fn drop(&mut self) {
        self.stream
            .set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
    }
}

fn set_name(ssl: &mut Ssl, name: &str, is_verified: bool) -> Result<(), ErrorStack> {
    let address = name.parse::<IpAddr>().ok();
    if address.is_none() {
        // An address never stands in SNI (RFC 6066 section 3).
        ssl.set_hostname(name)?;
    }
    if !is_verified {
        return Ok(());
    }
    let verify = ssl.param_mut();
    // Only subjectAltName counts (RFC 9525 section 4.1), and a wildcard only for a whole label.
    verify
        .set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS | X509CheckFlags::NEVER_CHECK_SUBJECT);
    match address {
        Some(address) => verify.set_ip(address),
        None => verify.set_host(name),
    }
}

fn setup(error: ErrorStack) -> Error {
    failed(Kind::Tls, format!("set up TLS: {}", reason(&error)))
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
