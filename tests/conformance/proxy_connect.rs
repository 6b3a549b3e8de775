// SPDX-License-Identifier: Apache-2.0
//! Responses of HTTP proxies to CONNECT (RFC 9110 section 9.3.6).

use crate::proxy_handshake::{CLOSED_EARLY, Row, check_all, connected, failed};
use crate::response::head;
use wsline::base::error::Kind;
use wsline::protocol::proxy::endpoint::Proxy;
use wsline::protocol::proxy::target::Target;
use wsline::protocol::proxy::tunnel;

const PLAIN: &str = "http://proxy.example:3128";
const WITH_CREDENTIALS: &str = "https://user:secret@proxy.example:3128";

/// Neither a body nor its length.
const NOTHING: [&str; 0] = [];

#[test]
#[rustfmt::skip]
fn any_2xx_opens_the_tunnel() {
    let interim = |status_line| head(status_line, ["Link: </a>", "Content-Length: 3"]);
    let yes = || head("HTTP/1.1 200 OK", NOTHING);
    check_all([
        yes_row("200",               head("HTTP/1.1 200 Connection established", NOTHING)),
        yes_row("201",               head("HTTP/1.1 201 Created", NOTHING)),
        yes_row("204",               head("HTTP/1.1 204 No Content", NOTHING)),
        yes_row("299",               head("HTTP/1.1 299 x", NOTHING)),
        yes_row("no reason",         head("HTTP/1.1 200", NOTHING)),
        yes_row("HTTP/1.0",          head("HTTP/1.0 200 Connection established", ["Proxy-Agent: x"])),
        yes_row("bare LF",           b"HTTP/1.0 200 OK\nA: b\n\n"),
        yes_row("empty lines before", [b"\r\n\n", &yes()[..]].concat()),
        yes_row("folded",            head("HTTP/1.1 200 OK", ["Proxy-Agent: x,\r\n\ty"])),
        yes_row("folded, first field", head("HTTP/1.1 200 OK", [" Proxy-Agent: x"])),
        yes_row("a blank in a name", head("HTTP/1.1 200 OK", ["A : b", "C D: e"])),
        yes_row("no colon",          head("HTTP/1.1 200 OK", ["A"])),
        yes_row("NUL",               head("HTTP/1.1 200 OK", ["A: b\0c"])),
        yes_row("130 fields",        head("HTTP/1.1 200 OK", (0..130).map(|i| format!("X-{i}: v")))),
        yes_row("a length",          head("HTTP/1.1 200 OK", ["Content-Length: 5"])),
        yes_row("chunks",            head("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"])),
        yes_row("a closing one",     head("HTTP/1.1 200 OK", ["Connection: close"])),
        yes_row("100 first",         [interim("HTTP/1.1 100 Continue"), yes()].concat()),
        yes_row("102 and 103 first", [interim("HTTP/1.1 102 x"), interim("HTTP/1.1 103 y"), yes()].concat()),
    ]);
}

#[test]
#[rustfmt::skip]
fn any_other_status_is_a_rejection() {
    let no = |status_line| head(status_line, ["Content-Length: 5"]);
    let proxy = Kind::Proxy;
    check_all([
        failed("another protocol", "7.8", PLAIN, head("HTTP/1.1 101 x", NOTHING),  proxy, "responded with 101 x"),
        failed("302",         "15.4",   PLAIN, no("HTTP/1.1 302 Found"),           proxy, "responded with 302 Found"),
        failed("400",         "15.5",   PLAIN, no("HTTP/1.1 400 Bad Request"),     proxy, "responded with 400 Bad Request"),
        failed("403",         "15.5",   PLAIN, no("HTTP/1.1 403 Forbidden"),       proxy, "responded with 403 Forbidden"),
        failed("403 credentials", "15.5", WITH_CREDENTIALS, no("HTTP/1.1 403 no"), proxy, "responded with 403 no"),
        failed("502",         "15.6",   PLAIN, no("HTTP/1.0 502 Bad Gateway"),     proxy, "responded with 502 Bad Gateway"),
        failed("no reason",   "15.6",   PLAIN, no("HTTP/1.1 503"),                 proxy, "responded with 503"),
        failed("with a body", "15.6",   PLAIN, [&no("HTTP/1.1 504 x")[..], b"hello"].concat(), proxy, "responded with 504 x"),
        failed("until the end", "15.6", PLAIN, head("HTTP/1.1 504 x", NOTHING),    proxy, "responded with 504 x"),
        failed("a redirect",  "15.4",   PLAIN, head("HTTP/1.1 302 x", ["Content-Length: 0", "Location: http://u:secret@h/?secret"]),
            proxy, "responded with 302 x (redirects to …@h/)"),
        failed("a time",      "10.2.3", PLAIN, head("HTTP/1.1 503 x", ["Content-Length: 0", "Retry-After: 7"]),
            proxy, "responded with 503 x (retry after 7 s)"),
        failed("folded",      "9112 5.2", PLAIN, head("HTTP/1.1 503 x", ["Content-Length:\r\n 0", "Retry-After:\r\n\t7"]),
            proxy, "responded with 503 x (retry after 7 s)"),
        failed("malformed",   "9112 5", PLAIN, head("HTTP/1.1 403 x", ["A", "B : c", "Content-Length: 0", "D: \0"]),
            proxy, "responded with 403 x"),
        failed("too long",    "6455 10.4", PLAIN, head("HTTP/1.1 403 x", ["X".repeat(64 * 1024)]), proxy, "responded with 403 x"),
        failed("100 first",   "15.2",   PLAIN,
            [head("HTTP/1.1 100 x", NOTHING), no("HTTP/1.1 403 y")].concat(),      proxy, "responded with 403 y"),
    ]);
}

#[test]
#[rustfmt::skip]
fn requests_for_authentication() {
    let no = |status_line, field| head(status_line, ["Content-Length: 0", field]);
    let auth = Kind::ProxyAuth;
    check_all([
        failed("407",              "15.5.8", PLAIN, no("HTTP/1.1 407 No", "Proxy-Authenticate: Basic realm=\"x\""),
            auth, "responded with 407 No; it requires a user name and password"),
        failed("407 credentials",  "15.5.8", WITH_CREDENTIALS, no("HTTP/1.1 407 No", "Proxy-Authenticate: Basic"),
            auth, "responded with 407 No; it rejected the user name and password"),
        failed("407 without Basic", "11.7.1", WITH_CREDENTIALS, no("HTTP/1.1 407 No", "Proxy-Authenticate: NTLM"),
            auth, "responded with 407 No; it requires NTLM, but only Basic is supported"),
        failed("407 without Basic, folded", "9112 5.2", PLAIN,
            no("HTTP/1.1 407 No", "Proxy-Authenticate: NTLM,\r\n Negotiate"),
            auth, "responded with 407 No; it requires NTLM, Negotiate, but only Basic is supported"),
        failed("401",              "15.5.2", PLAIN, no("HTTP/1.1 401 Who", "X: y"),
            auth, "responded with 401 Who; it requires a user name and password"),
        failed("401 credentials",  "15.5.2", WITH_CREDENTIALS, no("HTTP/1.1 401 Who", "X: y"),
            auth, "responded with 401 Who; it rejected the user name and password"),
    ]);
}

#[test]
#[rustfmt::skip]
fn responses_that_are_not_http_are_rejected() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    let proxy = Kind::Proxy;
    check_all([
        failed("SOCKS",      "9112 4",   PLAIN, b"\x05\0\r\n\r\n", proxy, "did not respond with HTTP"),
        failed("a letter",   "9112 4",   PLAIN, head("HTTP/1.1 2OO OK", NOTHING), proxy,
            "did not respond with HTTP but \"HTTP/1.1 2OO OK\""),
        failed("a greeting", "9112 4",   PLAIN, b"SSH-2.0-x\r\n", proxy, "did not respond with HTTP but \"SSH-2.0-x\""),
        failed("TLS",        "9112 4",   PLAIN, b"\x15\x03\x01\0\x02\x02\x46", proxy, "responded with TLS, not HTTP"),
        failed("too long",   "6455 10.4", PLAIN, long, proxy, "sent a head of more than 65536 bytes"),
    ]);
}

#[test]
#[rustfmt::skip]
fn streams_that_end_early() {
    let lost = |id, input: &[u8]| failed(id, "9112 8", PLAIN, input, Kind::Proxy, CLOSED_EARLY);
    check_all([
        lost("nothing",        b""),
        lost("no line end",    b"HTTP/1.1 200 OK"),
        lost("no empty line",  b"HTTP/1.1 200 OK\r\n"),
        lost("half a line end", b"HTTP/1.1 200 OK\r\n\r"),
        lost("only interim",   b"HTTP/1.1 100 Continue\r\n\r\n"),
    ]);
}

#[test]
fn a_rejection_is_kept_with_its_body() {
    let proxy = Proxy::parse(PLAIN).expect("a proxy");
    let target = Target::Name("example.com".into(), 443);
    let mut handshake = tunnel::handshake(&proxy, &target).expect("a handshake");
    let reply = b"HTTP/1.1 403 no\r\nContent-Length: 9\r\nX-A: b\r\n\r\nblo";
    assert!(!handshake.receive(&mut reply.to_vec()).expect("incomplete"));
    assert!(handshake.is_refused());
    handshake
        .receive(&mut b"cked!!".to_vec())
        .expect_err("refused");
    let response = handshake.take_response().expect("an HTTP response");
    assert_eq!(response.body(), b"blocked!!");
    assert_eq!(response.head.fields.all("x-a").count(), 1);
}

fn yes_row(id: &'static str, input: impl AsRef<[u8]>) -> Row {
    connected(id, "9.3.6", PLAIN, input)
}
