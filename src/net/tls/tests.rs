// SPDX-License-Identifier: Apache-2.0
//! TLS between two buffers, and inside other TLS, against servers in memory.

use super::super::identity::Pem;
use super::super::test_server::{Server, Site, complete_handshake, identity, identity_of, read};
use super::*;
use openssl::ssl::SslVerifyMode;

/// The bytes of both sides, one at a time.
fn one_by_one(bytes: &mut Vec<u8>) -> impl Iterator<Item = Vec<u8>> + use<> {
    std::mem::take(bytes).into_iter().map(|byte| vec![byte])
}

/// A proxy with its own TLS, and the server's TLS inside it.
struct Tunnel {
    proxy: Server,
    server: Server,
}

impl Tunnel {
    /// Passes bytes to the server one at a time; returns the plaintext.
    fn up(&mut self, client: &mut Tls) -> Vec<u8> {
        let mut said = Vec::new();
        for mut byte in one_by_one(client.output()) {
            let mut inner = self.proxy.read(&mut byte);
            said.append(&mut self.server.read(&mut inner));
        }
        said
    }

    /// Passes bytes to the client one at a time; returns the plaintext.
    fn down(&mut self, client: &mut Tls) -> Vec<u8> {
        let mut said = Vec::new();
        self.proxy.write(&std::mem::take(self.server.output()));
        for mut byte in one_by_one(self.proxy.output()) {
            client.feed(&mut byte).unwrap();
            said.append(&mut read(client).unwrap());
        }
        said
    }
}

fn through_proxy() -> (Tls, Tunnel) {
    let (proxy_site, site) = (Site::usual(), Site::usual());
    let mut proxy = proxy_site.accept();
    let options = proxy_site.trusted();
    let mut client = Tls::new(&options, "localhost", 3128, Role::Proxy).unwrap();
    complete_handshake(&mut client, &mut proxy).unwrap();

    let inner = Tls::new(&site.trusted(), "localhost", 443, Role::Server).unwrap();
    client.put_inside(inner);
    let mut tunnel = Tunnel {
        proxy,
        server: site.accept(),
    };
    while !client.handshake().unwrap() {
        tunnel.up(&mut client);
        tunnel.proxy.write(&std::mem::take(tunnel.server.output()));
        for mut byte in one_by_one(tunnel.proxy.output()) {
            client.feed(&mut byte).unwrap();
            client.handshake().unwrap();
        }
    }
    tunnel.up(&mut client);
    (client, tunnel)
}

#[test]
fn tls_in_tls_carries_bytes_both_ways() {
    let (mut client, mut tunnel) = through_proxy();
    let long = vec![b'x'; 40_000];
    for text in [&b"to"[..], &long] {
        client.encrypt(text).unwrap();
        assert!(client.has_output());
        assert_eq!(text, &tunnel.up(&mut client)[..]);
        assert!(!client.has_output());
        tunnel.server.write(text);
        assert_eq!(text, &tunnel.down(&mut client)[..]);
    }
}

#[test]
fn tls_in_tls_reads_as_much_as_fits() {
    let (mut client, mut tunnel) = through_proxy();
    tunnel.server.write(&[b'x'; 50_000]);
    tunnel.proxy.write(&std::mem::take(tunnel.server.output()));
    client.feed(tunnel.proxy.output()).unwrap();
    let mut total = 0;
    loop {
        let mut plain = Vec::with_capacity(1000);
        let decrypted = client.decrypt(&mut plain).unwrap();
        total += plain.len();
        if decrypted == Decrypted::All {
            break;
        }
    }
    assert_eq!(50_000, total);
}

#[test]
fn both_send_close_notify_the_inner_one_first() {
    let (mut client, mut tunnel) = through_proxy();
    client.end();
    let mut cipher = std::mem::take(client.output());
    let mut inner = tunnel.proxy.read(&mut cipher);
    assert!(tunnel.proxy.has_ended);
    assert!(!tunnel.server.has_ended);
    tunnel.server.read(&mut inner);
    assert!(tunnel.server.has_ended);
}

#[test]
fn the_end_of_either_ends_the_stream() {
    let mut plain = Vec::with_capacity(100);
    let (mut client, mut tunnel) = through_proxy();
    tunnel.server.write(b"bye");
    tunnel.server.end();
    tunnel.proxy.write(&std::mem::take(tunnel.server.output()));
    client.feed(tunnel.proxy.output()).unwrap();
    assert_eq!(Decrypted::End, client.decrypt(&mut plain).unwrap());
    assert_eq!(b"bye", &plain[..]);

    let (mut client, mut tunnel) = through_proxy();
    tunnel.proxy.end();
    client.feed(tunnel.proxy.output()).unwrap();
    assert_eq!(Decrypted::End, client.decrypt(&mut plain).unwrap());

    let (mut client, _) = through_proxy();
    client.end_input();
    assert_eq!(Decrypted::End, client.decrypt(&mut plain).unwrap());
}

#[test]
fn an_outer_failure_is_reported_after_the_bytes_before_it() {
    let (mut client, mut tunnel) = through_proxy();
    tunnel.server.write(b"good");
    tunnel.proxy.write(&std::mem::take(tunnel.server.output()));
    tunnel.proxy.output().extend_from_slice(b"HTTP/1.1 400 ");
    client.feed(tunnel.proxy.output()).unwrap();
    let mut plain = Vec::with_capacity(100);
    let error = client.decrypt(&mut plain).unwrap_err();
    assert_eq!(b"good", &plain[..]);
    assert_eq!(Kind::Tls, error.kind());
    assert!(
        error.message().starts_with("TLS with proxy localhost: "),
        "{error}"
    );
}

#[test]
fn a_server_rejected_through_a_proxy_receives_an_alert() {
    let (proxy_site, site) = (Site::usual(), Site::usual());
    let mut proxy = proxy_site.accept();
    let options = proxy_site.trusted();
    let mut client = Tls::new(&options, "localhost", 3128, Role::Proxy).unwrap();
    complete_handshake(&mut client, &mut proxy).unwrap();
    client.put_inside(Tls::new(&options, "localhost", 443, Role::Server).unwrap());
    let mut server = site.accept();
    assert!(!client.handshake().unwrap());
    server.read(&mut proxy.read(client.output()));
    proxy.write(&std::mem::take(server.output()));
    client.feed(proxy.output()).unwrap();
    let error = client.handshake().unwrap_err();
    assert_eq!(Kind::TlsVerify, error.kind());
    assert!(error.message().starts_with("certificate of localhost "));
    let alert = proxy.read(client.output());
    assert_eq!(21, alert[0], "RFC 8446 section 5.1: the type of an alert");
}

#[test]
fn the_servers_pins_and_name_do_not_apply_to_a_proxy() {
    let site = Site::usual();
    let mut options = site.trusted();
    options.settings_mut().pins = Arc::new(vec![Pin::of(&identity("localhost").0).unwrap()]);
    options.settings_mut().server_name = Some("server.invalid".to_owned());
    let mut server = site.accept();
    let mut client = Tls::new(&options, "localhost", 443, Role::Proxy).unwrap();
    complete_handshake(&mut client, &mut server).unwrap();
    let error = site.connect(&options).err().unwrap();
    assert!(error.message().contains("server.invalid"), "{error}");
}

/// Takes out the first record of a server's output.
fn first_record(cipher: &mut Vec<u8>) -> Vec<u8> {
    // RFC 8446 section 5.1: type, version, and the length in two bytes.
    let len = 5 + usize::from(u16::from_be_bytes([cipher[3], cipher[4]]));
    let rest = cipher.split_off(len);
    std::mem::replace(cipher, rest)
}

#[test]
fn data_sent_during_a_handshake_message_follows_its_end() {
    // The server's ticket contains the client certificate, so it is longer than a record.
    let site = Site::with(|builder| {
        builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        builder.set_session_id_context(b"test").unwrap();
    });
    let long: Vec<_> = (0..1000)
        .map(|i| format!("host-{i:04}.test.invalid"))
        .collect();
    let names: Vec<_> = long.iter().map(String::as_str).collect();
    let (certificate, key) = identity_of(&names);
    let mut options = site.trusted();
    options.settings_mut().identity.certificate =
        Some(Pem::Bytes(Arc::new(certificate.to_pem().unwrap())));
    options.settings_mut().identity.key = Some(Pem::Bytes(Arc::new(
        key.private_key_to_pem_pkcs8().unwrap(),
    )));
    let mut server = site.accept();
    let mut client = Tls::new(&options, "localhost", 443, Role::Server).unwrap();
    complete_handshake(&mut client, &mut server).unwrap();

    let mut plain = Vec::with_capacity(100);
    client.feed(&mut first_record(server.output())).unwrap();
    assert_eq!(Decrypted::All, client.decrypt(&mut plain).unwrap());
    client.encrypt(b"one ").unwrap();
    client.encrypt(b"two").unwrap();
    assert!(!client.has_output(), "the ticket was whole");
    client.feed(server.output()).unwrap();
    assert_eq!(Decrypted::All, client.decrypt(&mut plain).unwrap());
    assert_eq!(b"one two", &server.read(client.output())[..]);
    client.encrypt(b"three").unwrap();
    assert_eq!(b"three", &server.read(client.output())[..]);
}

#[test]
fn a_peer_that_never_finishes_a_handshake_message_fails() {
    let site = Site::usual();
    let mut client = site.connect(&site.trusted()).unwrap();
    client.held_back = vec![b'x'; MAX_HELD_BACK];
    let error = client.encrypt(b"y").unwrap_err();
    assert!(error.message().contains("localhost started"), "{error}");
}
