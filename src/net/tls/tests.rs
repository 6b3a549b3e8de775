// SPDX-License-Identifier: Apache-2.0
//! TLS between two buffers, and inside other TLS, against servers in memory.

use super::super::identity::Pem;
use super::super::test_server::{Server, Site, identity, identity_of, read, shake_hands};
use super::*;
use openssl::ssl::SslVerifyMode;

/// The bytes of both sides, one at a time.
fn one_by_one(bytes: &mut Vec<u8>) -> impl Iterator<Item = Vec<u8>> + use<> {
    std::mem::take(bytes).into_iter().map(|byte| vec![byte])
}

/// A proxy in the way: TLS of its own, with that of the server inside.
struct Tunnel {
    proxy: Server,
    server: Server,
}

impl Tunnel {
    /// Byte by byte to the server; what it understood.
    fn up(&mut self, client: &mut Tls) -> Vec<u8> {
        let mut said = Vec::new();
        for mut byte in one_by_one(client.output()) {
            let mut inner = self.proxy.read(&mut byte);
            said.append(&mut self.server.read(&mut inner));
        }
        said
    }

    /// Byte by byte to the client; what it understood.
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
    shake_hands(&mut client, &mut proxy).unwrap();

    let inner = Tls::new(&site.trusted(), "localhost", 443, Role::Server).unwrap();
    client.carry(inner);
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
fn tls_in_tls_reads_what_comes_at_once_as_room_allows() {
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
fn both_say_that_they_end_the_inner_one_first() {
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
fn the_end_of_either_is_the_end() {
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
fn a_carrier_that_fails_is_an_error_after_what_came_before() {
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
fn a_server_that_is_refused_through_a_proxy_is_told_so() {
    let (proxy_site, site) = (Site::usual(), Site::usual());
    let mut proxy = proxy_site.accept();
    let options = proxy_site.trusted();
    let mut client = Tls::new(&options, "localhost", 3128, Role::Proxy).unwrap();
    shake_hands(&mut client, &mut proxy).unwrap();
    client.carry(Tls::new(&options, "localhost", 443, Role::Server).unwrap());
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
fn a_proxy_has_neither_the_servers_pins_nor_its_name() {
    let site = Site::usual();
    let mut options = site.trusted();
    options.settings_mut().pins = Arc::new(vec![Pin::of(&identity("localhost").0).unwrap()]);
    options.settings_mut().server_name = Some("server.invalid".to_owned());
    let mut server = site.accept();
    let mut client = Tls::new(&options, "localhost", 443, Role::Proxy).unwrap();
    shake_hands(&mut client, &mut server).unwrap();
    let error = site.connect(&options).err().unwrap();
    assert!(error.message().contains("server.invalid"), "{error}");
}

/// The first record of what a server sends, taken out.
fn first_record(cipher: &mut Vec<u8>) -> Vec<u8> {
    // RFC 8446 section 5.1: type, version, and the length in two bytes.
    let len = 5 + usize::from(u16::from_be_bytes([cipher[3], cipher[4]]));
    let rest = cipher.split_off(len);
    std::mem::replace(cipher, rest)
}

#[test]
fn what_is_sent_amid_a_handshake_message_follows_its_end() {
    // The server's ticket holds the client certificate. So it is longer than a record.
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
    shake_hands(&mut client, &mut server).unwrap();

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
fn a_peer_may_not_leave_a_handshake_message_unfinished_for_ever() {
    let site = Site::usual();
    let mut client = site.connect(&site.trusted()).unwrap();
    client.held_back = vec![b'x'; MAX_HELD_BACK];
    let error = client.encrypt(b"y").unwrap_err();
    assert!(error.message().contains("localhost has begun"), "{error}");
}
