// SPDX-License-Identifier: Apache-2.0
//! Replies of SOCKS proxies (RFC 1928, RFC 1929, SOCKS4).

use crate::proxy_handshake::{CLOSED_EARLY, check_all, connected, failed};
use wsline::base::error::Kind;

const V4: &str = "socks4://user@proxy.example";
const V4A: &str = "socks4a://proxy.example";
const V5: &str = "socks5://proxy.example";
const V5H: &str = "socks5h://proxy.example";
const V5_AUTH: &str = "socks5h://user:secret@proxy.example";

#[test]
#[rustfmt::skip]
fn socks5_opens_the_tunnel() {
    let name = |len: u8| [&b"\x05\0\x05\0\0\x03"[..], &[len], &vec![b'n'; len.into()], b"\x04\x38"].concat();
    check_all([
        connected("an IPv4 address",  "1928 6", V5H, b"\x05\0\x05\0\0\x01\x7f\0\0\x01\x04\x38"),
        connected("an IPv6 address",  "1928 6", V5H, b"\x05\0\x05\0\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x04\x38"),
        connected("a name",           "1928 6", V5H, name(11)),
        connected("an empty name",    "1928 6", V5H, name(0)),
        connected("the longest name", "1928 6", V5H, name(255)),
        connected("zeros",            "1928 6", V5,  b"\x05\0\x05\0\0\x01\0\0\0\0\0\0"),
        connected("a reserved byte",  "1928 6", V5,  b"\x05\0\x05\0\xff\x01\0\0\0\0\0\0"),
        connected("credentials",      "1929 2", V5_AUTH, b"\x05\x02\x01\0\x05\0\0\x01\0\0\0\0\0\0"),
        connected("credentials not wanted", "1928 3", V5_AUTH, b"\x05\0\x05\0\0\x01\0\0\0\0\0\0"),
        connected("credentials in version 5", "1928 3", V5_AUTH, b"\x05\x02\x01\0\x05\0\0\x03\x01x\0\0"),
    ]);
}

#[test]
#[rustfmt::skip]
fn socks5_authentication() {
    let (proxy, auth) = (Kind::Proxy, Kind::ProxyAuth);
    check_all([
        failed("none without credentials", "1928 3", V5H,     b"\x05\xff", auth,
            "requires authentication; set a user name and password with wsline_options_set_proxy_auth()"),
        failed("none with credentials",    "1928 3", V5_AUTH, b"\x05\xff", auth,
            "accepts neither no authentication nor a user name and password"),
        failed("password not offered",     "1928 3", V5H,     b"\x05\x02", proxy,
            "chose authentication method 2, which was not offered"),
        failed("GSSAPI",                   "1928 3", V5_AUTH, b"\x05\x01", proxy,
            "chose authentication method 1, which was not offered"),
        failed("status 1",                 "1929 2", V5_AUTH, b"\x05\x02\x01\x01", auth,
            "rejected the user name and password with status 1"),
        failed("status 255",               "1929 2", V5_AUTH, b"\x05\x02\x01\xff", auth,
            "rejected the user name and password with status 255"),
    ]);
}

#[test]
#[rustfmt::skip]
fn socks5_refusals() {
    let texts = [
        (b"\x05\0\x05\x01\0\x01\0\0\0\0\0\0", "general SOCKS server failure (reply 1)"),
        (b"\x05\0\x05\x02\0\x01\0\0\0\0\0\0", "connection not allowed by ruleset (reply 2)"),
        (b"\x05\0\x05\x03\0\x01\0\0\0\0\0\0", "network unreachable (reply 3)"),
        (b"\x05\0\x05\x04\0\x01\0\0\0\0\0\0", "host unreachable (reply 4)"),
        (b"\x05\0\x05\x05\0\x01\0\0\0\0\0\0", "connection refused (reply 5)"),
        (b"\x05\0\x05\x06\0\x01\0\0\0\0\0\0", "TTL expired (reply 6)"),
        (b"\x05\0\x05\x07\0\x01\0\0\0\0\0\0", "command not supported (reply 7)"),
        (b"\x05\0\x05\x08\0\x01\0\0\0\0\0\0", "address type not supported (reply 8)"),
        (b"\x05\0\x05\x09\0\x01\0\0\0\0\0\0", "unknown error (reply 9)"),
        (b"\x05\0\x05\xff\0\x01\0\0\0\0\0\0", "unknown error (reply 255)"),
    ];
    check_all(texts.map(|(input, text)| {
        let text = format!("could not connect to example.com:443: {text}");
        failed("reply", "1928 6", V5H, input, Kind::Proxy, &text)
    }));
    check_all([
        failed("to an address", "1928 6", V5, b"\x05\0\x05\x05\0\x01\0\0\0\0\0\0", Kind::Proxy,
            "could not connect to 192.0.2.1:443: connection refused (reply 5)"),
        failed("cut short",     "1928 6", V5, b"\x05\0\x05\x05",                   Kind::Proxy,
            "could not connect to 192.0.2.1:443: connection refused (reply 5)"),
    ]);
}

#[test]
#[rustfmt::skip]
fn socks5_wrong_bytes() {
    let bad = |id, input: &[u8], what| failed(id, "1928", V5_AUTH, input, Kind::Proxy, what);
    check_all([
        bad("HTTP",               b"HTTP/1.1 400 Bad Request\r\n\r\n",    "replied with version 72, not 5"),
        bad("SOCKS4",             b"\0\x5a\0\0\0\0\0\0",                  "replied with version 0, not 5"),
        bad("version of RFC 1929", b"\x05\x02\x05\0",                     "replied with version 5, not 1"),
        bad("version of a reply", b"\x05\0\x04\0\0\x01\0\0\0\0\0\0",      "replied with version 4, not 5"),
        bad("type 0",             b"\x05\0\x05\0\0\0\0\0\0\0\0\0",        "replied with an address of the unknown type 0"),
        bad("type 2",             b"\x05\0\x05\0\0\x02\0\0\0\0\0\0",      "replied with an address of the unknown type 2"),
        bad("type 255",           b"\x05\0\x05\0\0\xff\0\0\0\0\0\0",      "replied with an address of the unknown type 255"),
    ]);
}

#[test]
#[rustfmt::skip]
fn socks5_streams_that_end_early() {
    let lost = |id, input: &[u8]| failed(id, "1928", V5H, input, Kind::Proxy, CLOSED_EARLY);
    check_all([
        lost("nothing",          b""),
        lost("in the method",    b"\x05"),
        lost("after the method", b"\x05\0"),
        lost("in the reply",     b"\x05\0\x05"),
        lost("in the type",      b"\x05\0\x05\0\0"),
        lost("in an address",    b"\x05\0\x05\0\0\x01\0\0\0\0\0"),
        lost("in a name",        b"\x05\0\x05\0\0\x03\x05abc"),
    ]);
}

#[test]
#[rustfmt::skip]
fn socks4() {
    let proxy = Kind::Proxy;
    check_all([
        connected("zeros",        "socks4",  V4,  b"\0\x5a\0\0\0\0\0\0"),
        connected("an address",   "socks4",  V4,  b"\0\x5a\x01\xbb\x01\x02\x03\x04"),
        connected("a name",       "socks4a", V4A, b"\0\x5a\xff\xff\xff\xff\xff\xff"),
        failed("91", "socks4",  V4,  b"\0\x5b\0\0\0\0\0\0", proxy,
            "could not connect to 192.0.2.1:443: request rejected or failed (reply 91)"),
        failed("91", "socks4a", V4A, b"\0\x5b\0\0\0\0\0\0", proxy,
            "could not connect to example.com:443: request rejected or failed (reply 91)"),
        failed("92", "socks4",  V4A, b"\0\x5c\0\0\0\0\0\0", proxy,
            "could not connect to example.com:443: \
             request rejected because the proxy cannot connect to identd on the client (reply 92)"),
        failed("93", "socks4",  V4A, b"\0\x5d\0\0\0\0\0\0", proxy,
            "could not connect to example.com:443: \
             request rejected because the client program and identd report different user-ids (reply 93)"),
        failed("0",  "socks4",  V4A, b"\0\0\0\0\0\0\0\0",   proxy,
            "could not connect to example.com:443: unknown error (reply 0)"),
        failed("94", "socks4",  V4A, b"\0\x5e",             proxy,
            "could not connect to example.com:443: unknown error (reply 94)"),
        failed("version 4", "socks4", V4, b"\x04\x5a\0\0\0\0\0\0", proxy, "replied with version 4, not 0"),
        failed("SOCKS5",    "socks4", V4, b"\x05\0",               proxy, "replied with version 5, not 0"),
        failed("HTTP",      "socks4", V4, b"HTTP/1.1 400 x\r\n",   proxy, "replied with version 72, not 0"),
        failed("nothing",   "socks4", V4, b"",                     proxy, CLOSED_EARLY),
        failed("one byte",  "socks4", V4, b"\0",                   proxy, CLOSED_EARLY),
        failed("too short", "socks4", V4, b"\0\x5a\0\0\0\0\0",     proxy, CLOSED_EARLY),
    ]);
}
