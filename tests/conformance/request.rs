// SPDX-License-Identifier: Apache-2.0
//! The upgrade request, byte for byte (RFC 6455 section 4.1).

use wsline::base::memory::Text;
use wsline::base::sync::Arc;
use wsline::protocol::handshake::Handshake;
use wsline::protocol::http::request::{Origin, RequestOptions};
use wsline::protocol::http::upgrade::Upgrade;
use wsline::protocol::url::Url;

const NONCE: [u8; 16] = *b"the sample nonce";
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

#[test]
#[rustfmt::skip]
fn urls() {
    //   URL                          target        Host              Origin
    let table = [
        ("ws://h",                    "/",          "h",              "http://h"),
        ("ws://h/",                   "/",          "h",              "http://h"),
        ("WS://H/A",                  "/A",         "h",              "http://h"),
        ("ws://example.com:8080/chat", "/chat",     "example.com:8080", "http://example.com:8080"),
        // The port is omitted if it is the default of the scheme, and only then (RFC 9110 section
        // 4.2.3).
        ("ws://h:80/",                "/",          "h",              "http://h"),
        ("ws://h:443/",               "/",          "h:443",          "http://h:443"),
        ("wss://h:443/",              "/",          "h",              "https://h"),
        ("wss://h:80/",               "/",          "h:80",           "https://h:80"),
        ("wss://h",                   "/",          "h",              "https://h"),
        ("wss://h:65535/",            "/",          "h:65535",        "https://h:65535"),
        // "/" if the path is empty, then "?" and the query if there is one (section 3).
        ("ws://h?a=b",                "/?a=b",      "h",              "http://h"),
        ("ws://h/?",                  "/?",         "h",              "http://h"),
        ("ws://h/p?q=1&r=%20+x;y",    "/p?q=1&r=%20+x;y", "h",        "http://h"),
        ("ws://h/p?a?b/c",            "/p?a?b/c",   "h",              "http://h"),
        ("ws://h//a;p=1/",            "//a;p=1/",   "h",              "http://h"),
        ("ws://h/a%2Fb",              "/a%2Fb",     "h",              "http://h"),
        ("ws://h/~a-b_c.d!$'()*,=:@", "/~a-b_c.d!$'()*,=:@", "h",     "http://h"),
        // Characters that are not allowed in a URI are encoded.
        ("ws://h/a b",                "/a%20b",     "h",              "http://h"),
        ("ws://h/ü?ö",                "/%C3%BC?%C3%B6", "h",          "http://h"),
        ("ws://exämple.com/",         "/",          "xn--exmple-cua.com", "http://xn--exmple-cua.com"),
        ("ws://127.0.0.1:9001/",      "/",          "127.0.0.1:9001", "http://127.0.0.1:9001"),
        ("ws://[::1]/",               "/",          "[::1]",          "http://[::1]"),
        ("wss://[2001:db8::1]:8443/r", "/r",        "[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ];
    for (url, target, host, origin) in table {
        let expected = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nOrigin: {origin}\r\n\r\n"
        );
        assert_eq!(request(url, &RequestOptions::default(), NONCE), expected, "{url}");
    }
}

/// A request target holds the characters of RFC 3986 sections 3.3 and 3.4 and no others (RFC 9112
/// section 3.2.1).
#[test]
fn characters_not_allowed_in_a_target_are_encoded() {
    let url = Url::parse("ws://h/\"<>[]^`{|}?\"<>[]^`{|}").expect("a URL");
    let encoded = "%22%3C%3E%5B%5D%5E%60%7B%7C%7D";
    assert_eq!(url.resource(), format!("/{encoded}?{encoded}"));
}

/// `"ws:" "//" host [ ":" port ] path [ "?" query ]` (RFC 6455 section 3), with a host (RFC 9110
/// section 4.2.1).
#[test]
fn urls_that_are_not_websocket_urls_are_rejected() {
    let table = [
        "",
        "h",
        "//h/",
        "http://h/",
        "ws:h",
        "ws:/h",
        "ws://",
        "ws:///",
        "ws:///h",
        "ws:////h/",
        "ws://?a",
        "ws://:80/",
        "ws://h:65536/",
        "ws://h:8o/",
        "ws://h/#",
        "ws://h/#fragment",
        "ws://[::1/",
        "ws://a b/",
        "ws://h/\r\nX: y",
        "ws://h/\0",
        " ws://h/",
    ];
    let accepted: Vec<&str> = table
        .into_iter()
        .filter(|url| Url::parse(url).is_ok())
        .collect();
    assert_eq!(accepted, [""; 0]);
}

#[test]
fn the_key_is_the_nonce_in_base64() {
    let table = [
        ([0; 16], "AAAAAAAAAAAAAAAAAAAAAA=="),
        ([0xff; 16], "/////////////////////w=="),
        ([0xfb; 16], "+/v7+/v7+/v7+/v7+/v7+w=="),
        (NONCE, KEY),
    ];
    for (nonce, key) in table {
        let request = request("ws://h/", &RequestOptions::default(), nonce);
        let line = format!("\r\nSec-WebSocket-Key: {key}\r\n");
        assert!(request.contains(&line), "{request}");
    }
}

#[test]
#[rustfmt::skip]
fn options_are_written_unchanged() {
    let text = |text: &str| Text::copy(text).expect("memory");
    let pair = |(name, value): (&str, &str)| (text(name), text(value));
    let options = RequestOptions::default;
    let plain = request("ws://h/", &options(), NONCE);
    //   option, and what it adds to the request
    let table = [
        (RequestOptions { host: Some(text("other:99")), ..options() },
            "Host: h\r\n", "Host: other:99\r\n"),
        (RequestOptions { connection: Some(text("keep-alive, Upgrade")), ..options() },
            "Connection: Upgrade\r\n", "Connection: keep-alive, Upgrade\r\n"),
        (RequestOptions { origin: Origin::Value(text("https://page.example")), ..options() },
            "Origin: http://h\r\n", "Origin: https://page.example\r\n"),
        (RequestOptions { origin: Origin::Suppressed, ..options() },
            "Origin: http://h\r\n", ""),
        (RequestOptions { subprotocols: Arc::new(vec![text("chat")]), ..options() },
            "\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n"),
        (RequestOptions { subprotocols: Arc::new(vec![text("chat"), text("Super.v2")]), ..options() },
            "\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat, Super.v2\r\n\r\n"),
        (RequestOptions { cookie: Some(text("a=b; c=d")), ..options() },
            "\r\n\r\n", "\r\nCookie: a=b; c=d\r\n\r\n"),
        (RequestOptions { headers: [("X-B", "2"), ("x-a", ""), ("X-B", "é\t1")].map(pair).to_vec().into(), ..options() },
            "\r\n\r\n", "\r\nX-B: 2\r\nx-a: \r\nX-B: é\t1\r\n\r\n"),
    ];
    for (options, from, to) in table {
        assert_eq!(request("ws://h/", &options, NONCE), plain.replacen(from, to, 1));
    }
}

fn request(url: &str, options: &RequestOptions, nonce: [u8; 16]) -> String {
    let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    let mut upgrade = Upgrade::new(&Arc::new(url), options, None, nonce).expect("memory");
    let output = upgrade.output().expect("a request");
    String::from_utf8(output.bytes).expect("UTF-8")
}
