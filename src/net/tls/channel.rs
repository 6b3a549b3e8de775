// SPDX-License-Identifier: Apache-2.0
//! TLS as a transformation of bytes: OpenSSL between two buffers, never on a socket.
//!
//! Received bytes are fed in, and bytes to send are taken out. So one thread can wait for the
//! socket while another encrypts, only one file reads and writes sockets, and TLS can run inside
//! TLS.

use super::error::{config, failed, handshake_failed, or_no_memory, text};
use super::memory::RecordBuffers;
use super::options::{Shared, TlsOptions};
use super::pin::{self, Pin};
use super::resumption::{Resumption, SessionKey};
use super::role::Role;
use crate::base::error::{Error, Kind};
use crate::base::memory;
use crate::base::sync::Arc;
use crate::net::{sys, tls_library};
use openssl::error::ErrorStack;
use openssl::ssl::{self, ErrorCode, ShutdownState, Ssl, SslRef, SslStream};
use std::ffi::CString;
use std::net::IpAddr;

/// The most plaintext kept while the peer has not finished a handshake message, which it normally
/// does soon.
const MAX_HELD_BACK: usize = 64 << 20;

pub struct Tls {
    stream: SslStream<RecordBuffers>,
    /// The verified name or address, for messages.
    peer: String,
    pins: Arc<Vec<Pin>>,
    resumption: Option<Resumption>,
    /// Plaintext that OpenSSL accepts only after it has received more from the peer.
    held_back: Vec<u8>,
    /// The TLS that this one runs inside, if any: the TLS to an HTTPS proxy.
    carrier: Option<Box<Self>>,
}

/// The result of one call of [`Tls::decrypt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decrypted {
    /// Everything that was fed is decrypted.
    All,
    /// `out` is full; there may be more to decrypt.
    Full,
    /// The end of the stream.
    End,
}

/// What the handshake negotiated.
#[derive(Clone, Debug, Default)]
pub struct TlsInfo {
    pub version: CString,
    pub cipher: CString,
    /// Empty if the server chose none.
    pub alpn: CString,
    pub peer_certificate_pem: CString,
    /// The handshake resumed an earlier session, without certificates.
    pub resumed: bool,
}

impl Tls {
    pub fn new(options: &TlsOptions, host: &str, port: u16, role: Role) -> Result<Self, Error> {
        let settings = options.settings();
        let (name, pins) = match role {
            Role::Server => (
                settings.server_name.as_deref().unwrap_or(host),
                Arc::clone(&settings.pins),
            ),
            Role::Proxy => (host, Arc::default()),
        };
        let peer = match role {
            Role::Server => name.to_owned(),
            Role::Proxy => format!("proxy {name}"),
        };
        let setup = |error: ErrorStack| config(format_args!("set up TLS for {peer}"), &error);
        let Shared { context, sessions } = options.shared()?;
        let mut ssl = Ssl::new(&context).map_err(setup)?;
        tls_library::disable_renegotiation(&mut ssl);
        set_name(&mut ssl, name, settings.verify_host).map_err(setup)?;
        let resumption = sessions.map(|sessions| {
            let key = SessionKey::new(role, name, port);
            Resumption::start(sessions, key, &mut ssl)
        });
        let stream = SslStream::new(ssl, RecordBuffers::default()).map_err(setup)?;
        Ok(Self {
            stream,
            peer,
            pins,
            resumption,
            held_back: Vec::new(),
            carrier: None,
        })
    }

    /// Puts `inner` inside this TLS, whose handshake is done. From now on `self` is both.
    pub fn put_inside(&mut self, inner: Self) {
        let carrier = std::mem::replace(self, inner);
        self.carrier = Some(Box::new(carrier));
    }

    /// Continues the handshake as far as the input allows; true when it is done.
    pub fn handshake(&mut self) -> Result<bool, Error> {
        let pulled = self.pull_from_outer();
        sys::clear_openssl_errors();
        let result = self.stream.connect();
        // If the handshake failed, the alert that says why must be sent, too.
        let pushed = self.push_to_outer();
        pulled?;
        match result {
            Ok(()) => {}
            Err(error) if error.code() == ErrorCode::WANT_READ => return pushed.map(|()| false),
            Err(error) => return Err(self.handshake_error(&error)),
        }
        pushed?;
        self.check_pins()?;
        if let Some(resumption) = &self.resumption {
            resumption.finish(self.stream.ssl());
        }
        Ok(true)
    }

    /// Takes bytes from the network; leaves `cipher` empty.
    pub fn feed(&mut self, cipher: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.carrier {
            Some(carrier) => carrier.feed(cipher),
            None => self.stream.get_mut().feed(cipher),
        }
    }

    /// From now on no buffers are kept between two records: a little slower, and half the memory.
    pub fn release_buffers(&mut self) {
        tls_library::release_tls_buffers(&mut self.stream);
        self.stream.get_mut().outbox.shrink_to_fit();
        if let Some(carrier) = &mut self.carrier {
            carrier.release_buffers();
        }
    }

    /// Gives up empty memory for input; the largest piece goes to `memory`.
    pub fn give_back(&mut self, memory: &mut Vec<u8>) {
        self.stream.get_mut().give_back(memory);
        if let Some(carrier) = &mut self.carrier {
            carrier.give_back(memory);
        }
    }

    pub fn end_input(&mut self) {
        match &mut self.carrier {
            Some(carrier) => carrier.end_input(),
            None => self.stream.get_mut().is_ended = true,
        }
    }

    /// Decrypts into the spare capacity of `out`.
    pub fn decrypt(&mut self, out: &mut Vec<u8>) -> Result<Decrypted, Error> {
        let pulled = self.pull_from_outer();
        // What arrived before the outer TLS failed is still valid.
        let decrypted = self.decrypt_own(out);
        let pushed = self.write_held_back().and_then(|()| self.push_to_outer());
        pulled.and(decrypted).and_then(|done| pushed.map(|()| done))
    }

    /// Reserves space for `len` bytes of plaintext, encrypted. Returns the encrypted length; if
    /// this TLS runs inside another one, without the outer encryption.
    pub fn reserve_sealed(&mut self, len: usize) -> Result<usize, Error> {
        self.stream.get_mut().reserve_sealed(len)
    }

    /// Encrypts all of `plain` to [`Tls::output`]. What can only be encrypted after more input from
    /// the peer, such as the rest of a handshake message, follows when that has arrived.
    pub fn encrypt(&mut self, mut plain: &[u8]) -> Result<(), Error> {
        if self.held_back.is_empty() {
            let written = self.write(plain)?;
            plain = plain.get(written..).unwrap_or_default();
        }
        if self.held_back.len() + plain.len() > MAX_HELD_BACK {
            let peer = &self.peer;
            let message = format!("{peer} started a TLS handshake message and did not finish it");
            return Err(failed(Kind::Tls, message));
        }
        memory::reserve(&mut self.held_back, plain.len())?;
        self.held_back.extend_from_slice(plain);
        self.push_to_outer()
    }

    /// Adds close_notify to the output (RFC 8446 section 6.1), that of the inner TLS first.
    pub fn end(&mut self) {
        sys::clear_openssl_errors();
        // Whether the peer has sent its close_notify does not matter: the socket is closed next.
        let _ = self.stream.shutdown();
        let _ = self.push_to_outer();
        if let Some(carrier) = &mut self.carrier {
            carrier.end();
        }
    }

    pub fn has_output(&self) -> bool {
        match &self.carrier {
            Some(carrier) => carrier.has_output(),
            None => !self.stream.get_ref().outbox.is_empty(),
        }
    }

    /// The bytes to send, for the caller to take out.
    pub fn output(&mut self) -> &mut Vec<u8> {
        match &mut self.carrier {
            Some(carrier) => carrier.output(),
            None => &mut self.stream.get_mut().outbox,
        }
    }

    /// Describes the innermost TLS.
    pub fn info(&self) -> TlsInfo {
        let ssl = self.stream.ssl();
        // Fields for which there is no memory stay empty.
        let text = |bytes: &[u8]| memory::c_string(bytes).ok().flatten().unwrap_or_default();
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
            resumed: ssl.session_reused(),
        }
    }

    /// Moves what the outer TLS has decrypted to this one.
    fn pull_from_outer(&mut self) -> Result<(), Error> {
        let Some(carrier) = &mut self.carrier else {
            return Ok(());
        };
        let memory = self.stream.get_mut();
        loop {
            match carrier.decrypt(memory.space()?)? {
                Decrypted::Full => {}
                Decrypted::All => return Ok(()),
                Decrypted::End => {
                    memory.is_ended = true;
                    return Ok(());
                }
            }
        }
    }

    /// Passes the output of this TLS to the outer one.
    fn push_to_outer(&mut self) -> Result<(), Error> {
        let Some(carrier) = &mut self.carrier else {
            return Ok(());
        };
        let outbox = &mut self.stream.get_mut().outbox;
        let result = carrier.encrypt(outbox);
        outbox.clear();
        result
    }

    /// Encrypts as much of `plain` as OpenSSL takes now; returns how much.
    fn write(&mut self, plain: &[u8]) -> Result<usize, Error> {
        sys::clear_openssl_errors();
        let mut written = 0;
        while let Some(rest) = plain.get(written..).filter(|rest| !rest.is_empty()) {
            match sys::tls_write(&mut self.stream, rest) {
                Ok(count) => written += count,
                Err(error) => match error.code() {
                    // In the middle of a handshake message, or of a handshake with the caller's
                    // context.
                    ErrorCode::WANT_READ | ErrorCode::WANT_WRITE => break,
                    _ => return Err(self.error(&error)),
                },
            }
        }
        Ok(written)
    }

    fn write_held_back(&mut self) -> Result<(), Error> {
        if self.held_back.is_empty() {
            return Ok(());
        }
        let plain = std::mem::take(&mut self.held_back);
        let written = self.write(&plain)?;
        self.held_back
            .extend_from_slice(plain.get(written..).unwrap_or_default());
        Ok(())
    }

    fn decrypt_own(&mut self, out: &mut Vec<u8>) -> Result<Decrypted, Error> {
        sys::clear_openssl_errors();
        loop {
            if out.capacity() - out.len() < 2 {
                return Ok(Decrypted::Full);
            }
            match sys::tls_read(&mut self.stream, out) {
                Ok(0) => return Ok(Decrypted::End),
                // Saves a call that would find nothing.
                Ok(_) if self.has_decrypted_all() => return Ok(Decrypted::All),
                Ok(_) => {}
                Err(error) => match error.code() {
                    // After a session ticket, if the caller's context lacks SSL_MODE_AUTO_RETRY.
                    ErrorCode::WANT_READ if self.stream.get_ref().has_unread() => {}
                    ErrorCode::WANT_READ | ErrorCode::WANT_WRITE => return Ok(Decrypted::All),
                    // A truncated stream is noticed by the missing close frame, even without
                    // close_notify.
                    ErrorCode::ZERO_RETURN => return Ok(Decrypted::End),
                    _ if self.stream.get_ref().is_ended => return Ok(Decrypted::End),
                    _ => return Err(self.error(&error)),
                },
            }
        }
    }

    fn has_decrypted_all(&self) -> bool {
        let memory = self.stream.get_ref();
        !memory.is_ended && !memory.has_unread() && !tls_library::tls_has_pending(&self.stream)
    }

    /// Also checks a resumed session, whose certificate is that of the first handshake.
    fn check_pins(&self) -> Result<(), Error> {
        let certificate = self.stream.ssl().peer_certificate();
        pin::check(&self.pins, certificate.as_deref()).map_err(|why| {
            if let Some(resumption) = &self.resumption {
                resumption.forget();
            }
            let message = format!("certificate of {} rejected: {why}", self.peer);
            failed(Kind::TlsVerify, message)
        })
    }

    fn handshake_error(&self, error: &ssl::Error) -> Error {
        handshake_failed(
            &self.peer,
            error,
            self.stream.ssl().verify_result(),
            self.stream.get_ref().is_ended,
        )
    }

    fn error(&self, error: &ssl::Error) -> Error {
        failed(
            or_no_memory(Kind::Tls, error.ssl_error()),
            format!("TLS with {}: {}", self.peer, text(error)),
        )
    }
}

impl Drop for Tls {
    /// Otherwise OpenSSL discards the session of a connection that ends without close_notify,
    /// although TLS no longer requires that (RFC 5246 section 7.2.1).
    fn drop(&mut self) {
        self.stream.set_shutdown(ShutdownState::SENT);
    }
}

/// Sets the name sent to the server, and the name that its certificate must have.
fn set_name(ssl: &mut SslRef, name: &str, verify_host: bool) -> Result<(), ErrorStack> {
    // The trailing dot matters only for lookups; neither SNI (RFC 6066 section 3) nor certificates
    // have it.
    let name = name.strip_suffix('.').unwrap_or(name);
    let address = name.parse::<IpAddr>().ok();
    if address.is_none() {
        // SNI must not contain an address (RFC 6066 section 3).
        ssl.set_hostname(name)?;
    }
    if !verify_host {
        return Ok(());
    }
    let verify = ssl.param_mut();
    verify.set_hostflags(tls_library::host_flags());
    match address {
        Some(address) => verify.set_ip(address),
        None => verify.set_host(name),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
