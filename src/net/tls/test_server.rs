// SPDX-License-Identifier: Apache-2.0
//! A TLS server in memory, for the tests of this module.

use super::channel::{Decrypted, Tls};
use super::memory::RecordBuffers;
use super::options::TlsOptions;
use super::role::Role;
use crate::base::error::Error;
use crate::base::sync::Arc;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    AlpnError, ErrorCode, Ssl, SslAcceptor, SslAcceptorBuilder, SslMethod, SslStream, SslVersion,
    select_next_proto,
};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};

/// A server for several connections: it remembers its sessions.
pub struct Site {
    acceptor: SslAcceptor,
    pub certificate: X509,
}

/// One connection to it.
pub struct Server {
    stream: SslStream<RecordBuffers>,
    /// The client has sent close_notify.
    pub has_ended: bool,
}

impl Site {
    /// For `localhost`, with a self-signed certificate.
    pub fn usual() -> Self {
        Self::with(|_| {})
    }

    pub fn with_version(version: SslVersion) -> Self {
        Self::with(|builder| {
            builder.set_min_proto_version(Some(version)).unwrap();
            builder.set_max_proto_version(Some(version)).unwrap();
        })
    }

    pub fn with(change: impl FnOnce(&mut SslAcceptorBuilder)) -> Self {
        let (certificate, key) = identity("localhost");
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        builder.set_certificate(&certificate).unwrap();
        builder.set_private_key(&key).unwrap();
        builder.set_alpn_select_callback(|_, offered| {
            select_next_proto(b"\x08http/1.1\x02h2", offered).ok_or(AlpnError::NOACK)
        });
        change(&mut builder);
        Self {
            acceptor: builder.build(),
            certificate,
        }
    }

    pub fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// Options that trust this server.
    pub fn trusted(&self) -> TlsOptions {
        let mut options = TlsOptions::default();
        options.settings_mut().trust.ca_pem = Some(Arc::new(self.pem()));
        options
    }

    pub fn accept(&self) -> Server {
        let mut ssl = Ssl::new(self.acceptor.context()).unwrap();
        ssl.set_accept_state();
        Server {
            stream: SslStream::new(ssl, RecordBuffers::default()).unwrap(),
            has_ended: false,
        }
    }

    /// A connection on which the server has sent a message, so that its tickets have arrived.
    pub fn connect(&self, options: &TlsOptions) -> Result<Tls, Error> {
        let mut server = self.accept();
        let mut client = Tls::new(options, "localhost", 443, Role::Server)?;
        complete_handshake(&mut client, &mut server)?;
        server.write(b"hello");
        client.feed(server.output()).unwrap();
        assert_eq!(b"hello", &read(&mut client)?[..]);
        Ok(client)
    }
}

impl Server {
    /// Takes bytes from the client and returns their plaintext. Also does the handshake.
    pub fn read(&mut self, cipher: &mut Vec<u8>) -> Vec<u8> {
        self.stream.get_mut().feed(cipher).unwrap();
        let (mut plain, mut room) = (Vec::new(), [0; 4096]);
        loop {
            match self.stream.ssl_read(&mut room) {
                Ok(count) => plain.extend_from_slice(&room[..count]),
                Err(error) => {
                    self.has_ended |= error.code() == ErrorCode::ZERO_RETURN;
                    return plain;
                }
            }
        }
    }

    pub fn write(&mut self, mut plain: &[u8]) {
        while !plain.is_empty() {
            let count = self.stream.ssl_write(plain).unwrap();
            plain = &plain[count..];
        }
    }

    /// Sends close_notify.
    pub fn end(&mut self) {
        let _ = self.stream.shutdown();
    }

    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.stream.get_mut().outbox
    }
}

/// Runs both sides of the handshake until it is done or the client fails.
pub fn complete_handshake(client: &mut Tls, server: &mut Server) -> Result<(), Error> {
    while !client.handshake()? {
        assert!(client.has_output(), "nobody speaks");
        server.read(client.output());
        client.feed(server.output()).unwrap();
    }
    server.read(client.output());
    Ok(())
}

/// The plaintext that the client has received.
pub fn read(client: &mut Tls) -> Result<Vec<u8>, Error> {
    let mut plain = Vec::with_capacity(64 * 1024);
    let decrypted = client.decrypt(&mut plain)?;
    assert_ne!(Decrypted::Full, decrypted);
    Ok(plain)
}

/// A certificate and its key.
pub fn identity(name: &str) -> (X509, PKey<Private>) {
    identity_of(&[name])
}

/// For several names.
pub fn identity_of(names: &[&str]) -> (X509, PKey<Private>) {
    issue(names, None)
}

/// Signed by `issuer`.
pub fn signed_by(issuer: &(X509, PKey<Private>), name: &str) -> (X509, PKey<Private>) {
    issue(&[name], Some(issuer))
}

fn issue(names: &[&str], issuer: Option<&(X509, PKey<Private>)>) -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", names[0]).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    let issuer_name = issuer.map_or(&*subject, |(issuer, _)| issuer.subject_name());
    builder.set_issuer_name(issuer_name).unwrap();
    builder.set_pubkey(&key).unwrap();
    let (from, until) = (Asn1Time::days_from_now(0), Asn1Time::days_from_now(1));
    builder.set_not_before(&from.unwrap()).unwrap();
    builder.set_not_after(&until.unwrap()).unwrap();
    let mut alternatives = SubjectAlternativeName::new();
    for name in names {
        alternatives.dns(name);
    }
    let alternatives = alternatives.build(&builder.x509v3_context(None, None));
    builder.append_extension(alternatives.unwrap()).unwrap();
    let signer = issuer.map_or(&key, |(_, key)| key);
    builder.sign(signer, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}
