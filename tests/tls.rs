// SPDX-License-Identifier: Apache-2.0
//! TLS as a transformation of bytes, against OpenSSL's server side in memory, byte by byte.
#![allow(
    missing_docs,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslSessionCacheMode, SslStream, SslVersion,
};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Name};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use wsline::base::error::{Error, Kind};
use wsline::net::tls::{Decrypted, Role, Tls};
use wsline::net::tls_options::{Settings, TlsOptions, TlsVersion};
use wsline::net::tls_pin::Pin;
use wsline::net::tls_session::Sessions;

#[test]
fn tls_inside_tls_carries_bytes_both_ways_and_says_goodbye_twice() {
    let identity = Identity::new();
    let options = identity.trusting();
    let mut link = Link::new(&identity.context(None), client(&options, Role::Proxy));
    link.shake_hands().expect("the outer handshake");
    link.go_inside(&identity.context(None), client(&options, Role::Server));
    link.shake_hands().expect("the inner handshake");

    link.client.encrypt(b"from the client").expect("encrypted");
    link.carry().expect("carried");
    assert_eq!(link.server_read(), b"from the client");
    link.server_write(b"from the server");
    link.carry().expect("carried");
    assert_eq!(link.heard, b"from the server");

    link.client.end().expect("goodbye");
    link.carry().expect("carried");
    let server = link.server.iter_mut().rev();
    let ends: Vec<_> = server
        .map(|layer| layer.read(&mut [0; 8]).expect("an end"))
        .collect();
    assert_eq!(
        ends,
        [0, 0],
        "close_notify of the inner and of the outer TLS"
    );
}

#[test]
fn a_session_is_resumed_with_the_same_server_and_settings_only() {
    let identity = Identity::new();
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let server = identity.context(Some(version));
        let mut options = identity.trusting();
        let resumed = |options: &TlsOptions, port| {
            let tls = Tls::new(options, "localhost", port, Role::Server).expect("a client");
            let mut link = Link::new(&server, tls);
            link.shake_hands().expect("a handshake");
            link.client.info().is_resumed
        };
        assert!(!resumed(&options, 1), "{version:?}: the first");
        assert!(resumed(&options, 1), "{version:?}: the second");
        assert!(resumed(&options, 1), "{version:?}: the third");
        assert!(
            resumed(&options.clone(), 1),
            "{version:?}: a copy of the options"
        );
        assert!(!resumed(&options, 2), "{version:?}: another port");
        options.settings_mut().verify_host = false;
        assert!(!resumed(&options, 1), "{version:?}: other settings");
    }
}

#[test]
fn the_store_of_sessions_is_bounded_and_gives_each_out_once() {
    let identity = Identity::new();
    let options = identity.trusting();
    let server = identity.context(Some(SslVersion::TLS1_2));
    Link::new(&server, client(&options, Role::Server))
        .shake_hands()
        .expect("a handshake");
    let collected = &options.context().expect("a context").sessions;
    let session = collected.take("localhost 443").expect("a session");

    let sessions = Sessions::default();
    (0..100).for_each(|i| sessions.put(&i.to_string(), session.clone()));
    let kept = (0..100).filter(|i| sessions.take(&i.to_string()).is_some());
    assert_eq!(kept.collect::<Vec<_>>(), (68..100).collect::<Vec<_>>());
    assert!(sessions.take("99").is_none());
}

#[test]
fn the_key_of_the_server_must_be_among_the_pins() {
    let identity = Identity::new();
    let own = Pin::of(&identity.certificate).expect("a pin");
    let other = Pin::of(&Identity::new().certificate).expect("a pin");
    for (pins, verify, role, expected) in [
        (vec![own], true, Role::Server, Ok(())),
        (vec![other, own], true, Role::Server, Ok(())),
        (vec![other], true, Role::Server, Err(Kind::TlsVerify)),
        (vec![other], false, Role::Server, Err(Kind::TlsVerify)),
        (vec![own], false, Role::Server, Ok(())),
        (vec![other], true, Role::Proxy, Ok(())),
    ] {
        let mut options = identity.trusting();
        options.settings_mut().pins = pins;
        options.settings_mut().verify = verify;
        // The second is a resumed one.
        for _ in 0..2 {
            let mut link = Link::new(&identity.context(None), client(&options, role));
            let result = link.shake_hands();
            if let Err(error) = &result {
                assert!(error.message().contains(&own.to_string()), "{error}");
            }
            assert_eq!(result.map_err(|error| error.kind()), expected);
        }
    }
}

#[test]
fn versions_meet_or_the_server_says_why_not() {
    let identity = Identity::new();
    let server = identity.context(Some(SslVersion::TLS1_2));
    let attempt = |set: Change| {
        let mut options = identity.trusting();
        set(options.settings_mut());
        let mut link = Link::new(&server, client(&options, Role::Server));
        link.shake_hands().map(|()| link.client.info())
    };
    let info = attempt(|settings| settings.ciphers = Some("ECDHE+CHACHA20".to_owned()));
    let info = info.expect("TLS 1.2");
    assert_eq!(info.version.as_c_str(), c"TLSv1.2");
    assert_eq!(info.cipher.as_c_str(), c"ECDHE-ECDSA-CHACHA20-POLY1305");
    let error = attempt(|settings| settings.min_version = TlsVersion::Tls1_3);
    let error = error.expect_err("no version in common");
    assert_eq!(error.kind(), Kind::Tls);
    let expected = "TLS handshake with localhost: tlsv1 alert protocol version";
    assert_eq!(error.message(), expected);
}

#[test]
fn settings_that_openssl_cannot_use_are_named() {
    let identity = Identity::new();
    let table: [(Change, &str); 5] = [
        (
            |it| it.ciphers = Some("nonsense".into()),
            "use the ciphers \"nonsense\": ",
        ),
        (
            |it| it.ciphersuites = Some("nonsense".into()),
            "use the cipher suites \"nonsense\": ",
        ),
        (
            |it| it.curves = Some("nonsense".into()),
            "use the curves \"nonsense\": ",
        ),
        (
            |it| it.max_version = Some(TlsVersion::Tls1_0),
            "the maximum TLS version is below the minimum",
        ),
        (
            |it| it.keylog_file = Some("/no/such/file".into()),
            "open the key log file \"/no/such/file\": no such file",
        ),
    ];
    for (set, expected) in table {
        let mut options = identity.trusting();
        set(options.settings_mut());
        let error = Tls::new(&options, "localhost", 443, Role::Server)
            .err()
            .expect(expected);
        assert_eq!(error.kind(), Kind::TlsConfig, "{error}");
        assert!(error.message().starts_with(expected), "{error}");
    }
}

/// A change of one setting.
type Change = fn(&mut Settings);

/// A client and a server of one or two layers, the outer first, and what the client has heard.
struct Link {
    client: Tls,
    server: Vec<SslStream<Memory>>,
    heard: Vec<u8>,
}

impl Link {
    fn new(server: &SslContext, client: Tls) -> Self {
        Self {
            client,
            server: vec![layer(server)],
            heard: Vec::new(),
        }
    }

    fn go_inside(&mut self, server: &SslContext, client: Tls) {
        // The outer client must be moved out to be carried in.
        let placeholder = Tls::new(&TlsOptions::default(), "nobody", 0, Role::Proxy);
        let carrier = std::mem::replace(&mut self.client, placeholder.expect("a client"));
        self.client = client.inside(carrier);
        self.server.push(layer(server));
    }

    fn shake_hands(&mut self) -> Result<(), Error> {
        for _ in 0..20 {
            let is_done = self.client.handshake()?;
            self.carry()?;
            let inner = self.server.last_mut().expect("a layer");
            let is_served = inner.accept().is_ok();
            self.carry()?;
            if is_done && is_served {
                return Ok(());
            }
        }
        panic!("the handshake does not end");
    }

    /// Hands over what each side has to say, one byte at a time.
    fn carry(&mut self) -> Result<(), Error> {
        let said = std::mem::take(self.client.output().expect("output"));
        self.server[0].get_mut().inbox.extend(said);
        if self.server.len() == 2 {
            let carried = read_all(&mut self.server[0]);
            self.server[1].get_mut().inbox.extend(carried);
            let answer = std::mem::take(&mut self.server[1].get_mut().outbox);
            if !answer.is_empty() {
                self.server[0].write_all(&answer).expect("written");
            }
        }
        for byte in std::mem::take(&mut self.server[0].get_mut().outbox) {
            self.client.feed(&mut vec![byte]).expect("fed");
            if self.client.handshake()? {
                let mut out = Vec::with_capacity(100);
                let decrypted = self.client.decrypt(&mut out)?;
                assert_ne!(decrypted, Decrypted::Full);
                self.heard.extend(out);
            }
        }
        Ok(())
    }

    fn server_read(&mut self) -> Vec<u8> {
        read_all(self.server.last_mut().expect("a layer"))
    }

    fn server_write(&mut self, bytes: &[u8]) {
        let inner = self.server.last_mut().expect("a layer");
        inner.write_all(bytes).expect("written");
    }
}

fn client(options: &TlsOptions, role: Role) -> Tls {
    Tls::new(options, "localhost", 443, role).expect("a client")
}

fn layer(context: &SslContext) -> SslStream<Memory> {
    let ssl = Ssl::new(context).expect("an SSL");
    SslStream::new(ssl, Memory::default()).expect("a stream")
}

/// What has come, up to the point where more is awaited.
fn read_all(layer: &mut SslStream<Memory>) -> Vec<u8> {
    let mut all = Vec::new();
    let mut some = [0; 4096];
    while let Ok(count @ 1..) = layer.ssl_read(&mut some) {
        all.extend_from_slice(&some[..count]);
    }
    all
}

#[derive(Default)]
struct Memory {
    inbox: VecDeque<u8>,
    outbox: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.inbox.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.inbox.read(into)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Identity {
    key: PKey<Private>,
    certificate: X509,
}

impl Identity {
    /// Signed by itself, for localhost.
    fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
        let key = EcKey::generate(&group)
            .and_then(PKey::from_ec_key)
            .expect("a key");
        let mut name = X509Name::builder().expect("a name");
        name.append_entry_by_text("CN", "test").expect("an entry");
        let name = name.build();
        let mut builder = X509::builder().expect("a certificate");
        let days = |days| Asn1Time::days_from_now(days).expect("a time");
        builder.set_version(2).expect("set");
        builder.set_subject_name(&name).expect("set");
        builder.set_issuer_name(&name).expect("set");
        builder.set_pubkey(&key).expect("set");
        builder.set_not_before(&days(0)).expect("set");
        builder.set_not_after(&days(1)).expect("set");
        let names = SubjectAlternativeName::new()
            .dns("localhost")
            .build(&builder.x509v3_context(None, None))
            .expect("an extension");
        builder.append_extension(names).expect("set");
        builder.sign(&key, MessageDigest::sha256()).expect("signed");
        Self {
            key,
            certificate: builder.build(),
        }
    }

    fn context(&self, version: Option<SslVersion>) -> SslContext {
        let mut builder = SslContextBuilder::new(SslMethod::tls_server()).expect("a context");
        builder.set_certificate(&self.certificate).expect("set");
        builder.set_private_key(&self.key).expect("set");
        builder.set_min_proto_version(version).expect("set");
        builder.set_max_proto_version(version).expect("set");
        builder.set_session_cache_mode(SslSessionCacheMode::SERVER);
        builder.set_session_id_context(b"test").expect("set");
        builder.build()
    }

    fn trusting(&self) -> TlsOptions {
        let mut options = TlsOptions::default();
        options.settings_mut().ca_pem = Some(self.certificate.to_pem().expect("PEM"));
        options
    }
}
