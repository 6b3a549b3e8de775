// SPDX-License-Identifier: Apache-2.0
//! Responses that switch protocols, and what makes them invalid (RFC 6455 section 4.1, RFC 9110,
//! RFC 9112).

use crate::response::{
    ACCEPT, CONNECTION, Reply, UPGRADE, Verdict, accepted, bad, check_all, head, row, switching,
};

const FIELDS: [&str; 3] = [UPGRADE, CONNECTION, ACCEPT];
/// Status line, fields and the empty line.
const MAX_HEAD_BYTES: usize = 64 * 1024;

#[test]
#[rustfmt::skip]
fn status_lines() {
    let with = |status_line| head(status_line, FIELDS);
    check_all([
        accepted("usual",           "9112 4", with("HTTP/1.1 101 Switching Protocols")),
        accepted("another reason",  "9112 4", with("HTTP/1.1 101 Web Socket Protocol Handshake")),
        accepted("empty reason",    "9112 4", with("HTTP/1.1 101 ")),
        accepted("no reason",       "9112 4", with("HTTP/1.1 101")),
        accepted("tab in a reason", "9112 4", with("HTTP/1.1 101 a\tb")),
        accepted("obs-text in a reason", "9112 4", with("HTTP/1.1 101 Protokollwechsel für Sie")),
        bad("HTTP/1.0",         "6455 4.1", with("HTTP/1.0 101 Switching Protocols")),
        bad("HTTP/0.9",         "9112 2.3", with("HTTP/0.9 101 Switching Protocols")),
        bad("HTTP/2",           "9112 2.3", with("HTTP/2 101 Switching Protocols")),
        bad("HTTP/2.0",         "9112 2.3", with("HTTP/2.0 101 Switching Protocols")),
        bad("HTTP/1.",          "9112 2.3", with("HTTP/1. 101 Switching Protocols")),
        bad("HTTP/11",          "9112 2.3", with("HTTP/11 101 Switching Protocols")),
        bad("lower case",       "9112 2.3", with("http/1.1 101 Switching Protocols")),
        bad("another protocol", "9112 2.3", with("ICY 200 OK")),
        bad("a request",        "9112 4",   with("GET / HTTP/1.1")),
        accepted("two blanks",  "9112 4",   with("HTTP/1.1  101 Switching Protocols")),
        accepted("a tab",       "9112 4",   with("HTTP/1.1\t101 Switching Protocols")),
        accepted("HTTP/1.2",    "9110 2.5", with("HTTP/1.2 101 Switching Protocols")),
        bad("a blank first",    "9112 4",   with(" HTTP/1.1 101 Switching Protocols")),
        bad("no status",        "9112 4",   with("HTTP/1.1")),
        bad("two digits",       "9112 4",   with("HTTP/1.1 10 Switching Protocols")),
        bad("four digits",      "9112 4",   with("HTTP/1.1 1010 Switching Protocols")),
        bad("a letter",         "9112 4",   with("HTTP/1.1 1O1 Switching Protocols")),
        bad("a sign",           "9112 4",   with("HTTP/1.1 +101 Switching Protocols")),
        bad("NUL in a reason",  "9112 4",   with("HTTP/1.1 101 Switching\0Protocols")),
        accepted("CR in a reason", "9112 4", with("HTTP/1.1 101 Switching\rProtocols")),
        accepted("escape in a reason", "9112 4", with("HTTP/1.1 101 \x1b[2J")),
    ]);
}

#[test]
#[rustfmt::skip]
fn upgrade_field() {
    let with = |upgrade: &'static str| switching([upgrade, CONNECTION, ACCEPT]);
    check_all([
        accepted("WebSocket",      "4.1", with("Upgrade: WebSocket")),
        accepted("WEBSOCKET",      "4.1", with("UPGRADE: WEBSOCKET")),
        accepted("lower-case name", "4.1", with("upgrade: websocket")),
        accepted("no blank",       "9112 5", with("Upgrade:websocket")),
        accepted("blanks",         "9112 5", with("Upgrade: \t websocket \t ")),
        bad("missing",             "4.1", switching([CONNECTION, ACCEPT])),
        bad("empty",               "4.1", with("Upgrade:")),
        bad("another protocol",    "4.1", with("Upgrade: h2c")),
        bad("one more",            "4.1", with("Upgrade: websocket, h2c")),
        bad("with a version",      "4.1", with("Upgrade: websocket/13")),
        bad("longer",              "4.1", with("Upgrade: websockets")),
        bad("shorter",             "4.1", with("Upgrade: web")),
        bad("two words",           "4.1", with("Upgrade: web socket")),
        bad("in two lines",        "4.1", switching([UPGRADE, "Upgrade: h2c", CONNECTION, ACCEPT])),
        bad("twice",               "4.1", switching([UPGRADE, UPGRADE, CONNECTION, ACCEPT])),
        bad("one more, not UTF-8", "4.1", switching(
            [UPGRADE.as_bytes(), b"Upgrade: \xff", CONNECTION.as_bytes(), ACCEPT.as_bytes()])),
        accepted("folded",         "9112 5.2", with("Upgrade:\r\n websocket\r\n\t")),
        bad("one more, folded",    "9112 5.2", with("Upgrade: websocket,\r\n h2c")),
        bad("two words, folded",   "9112 5.2", with("Upgrade: web\r\n socket")),
        accepted("a line that is ignored besides", "9112 5.1", with("Upgrade : h2c\r\nUpgrade: websocket")),
        bad("only where it is ignored", "9112 5.1", with("Upgrade : websocket")),
        bad("only in a continued line", "9112 5.2", with("X: a\r\n Upgrade: websocket")),
        bad("only in an ignored one, continued", "9112 5.2", with("X Y: a\r\n Upgrade: websocket\r\n\tUpgrade: websocket")),
        bad("only behind a CR",    "9112 2.2", with("X: a\rUpgrade: websocket")),
        bad("only behind a line end and a CR", "9112 2.2", with("X: a\n\rUpgrade: websocket")),
        bad("only in a line without colon, continued", "9112 5", with("X\r\n Upgrade: websocket")),
        bad("only before the first field", "9112 2.2", with(" Upgrade: websocket")),
        bad("with a CR inside",    "9112 2.2", with("Upgrade: web\rsocket")),
        bad("with a NUL",          "9110 5.5", with("Upgrade: websocket\0")),
    ]);
}

#[test]
#[rustfmt::skip]
fn connection_field() {
    let with = |connection: &'static str| switching([UPGRADE, connection, ACCEPT]);
    check_all([
        accepted("lower case",  "4.1", with("Connection: upgrade")),
        accepted("upper case",  "4.1", with("CONNECTION: UPGRADE")),
        accepted("last of two", "4.1", with("Connection: keep-alive, Upgrade")),
        accepted("first of two", "4.1", with("Connection: Upgrade,keep-alive")),
        accepted("empty members", "9110 5.6.1", with("Connection: ,, Upgrade ,")),
        accepted("in two lines", "9110 5.2", switching([UPGRADE, "Connection: keep-alive", CONNECTION, ACCEPT])),
        accepted("twice",       "9110 5.2", switching([UPGRADE, CONNECTION, CONNECTION, ACCEPT])),
        accepted("folded",      "9112 5.2", with("Connection: keep-alive,\r\n\tUpgrade")),
        accepted("folded twice", "9112 5.2", with("Connection:\r\n \tkeep-alive\r\n ,\n Upgrade")),
        bad("folded in a word", "9112 5.2", with("Connection: Up\r\n grade")),
        bad("only where it is ignored", "9112 5.1", with("Connection\t: Upgrade")),
        bad("missing",          "4.1", switching([UPGRADE, ACCEPT])),
        bad("empty",            "4.1", with("Connection: ")),
        bad("keep-alive",       "4.1", with("Connection: keep-alive")),
        bad("close",            "4.1", with("Connection: close")),
        bad("longer",           "4.1", with("Connection: upgrades")),
        bad("two words",        "4.1", with("Connection: keep-alive Upgrade")),
        bad("quoted",           "4.1", with("Connection: \"Upgrade\"")),
    ]);
}

#[test]
#[rustfmt::skip]
fn accept_field() {
    let with = |accept: &'static str| switching([UPGRADE, CONNECTION, accept]);
    check_all([
        accepted("lower-case name", "4.1", with("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        accepted("blanks",       "4.1", with("Sec-WebSocket-Accept:\t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t")),
        accepted("first",        "4.1", switching([ACCEPT, CONNECTION, UPGRADE])),
        accepted("folded",       "9112 5.2", with("Sec-WebSocket-Accept:\r\n\ts3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        bad("folded inside",     "9112 5.2", with("Sec-WebSocket-Accept: s3pPLMBiTxaQ\r\n 9kYGzzhZRbK+xOo=")),
        bad("only where it is ignored", "9112 5.1", with("Sec-WebSocket-Accept : s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        bad("missing",           "4.1", switching([UPGRADE, CONNECTION])),
        bad("empty",             "4.1", with("Sec-WebSocket-Accept:")),
        bad("lower case",        "4.1", with("Sec-WebSocket-Accept: s3ppLMBiTxaQ9kYGzzhZRbK+xOo=")),
        bad("upper case",        "4.1", with("Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO=")),
        bad("the key itself",    "4.1", with("Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==")),
        bad("of another key",    "4.1", with("Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=")),
        bad("no padding",        "4.1", with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo")),
        bad("more padding",      "4.1", with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo==")),
        bad("URL-safe",          "4.1", with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK-xOo=")),
        bad("a blank inside",    "4.1", with("Sec-WebSocket-Accept: s3pPLMBiTxaQ 9kYGzzhZRbK+xOo=")),
        bad("quoted",            "4.1", with("Sec-WebSocket-Accept: \"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"")),
        bad("a comma behind",    "4.1", with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=,")),
        bad("a comma before",    "4.1", with("Sec-WebSocket-Accept: , s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        bad("two in a line",     "4.1", with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, x")),
        bad("twice",             "11.3.3", switching([UPGRADE, CONNECTION, ACCEPT, ACCEPT])),
        bad("and an empty one",  "11.3.3", switching([UPGRADE, CONNECTION, ACCEPT, "Sec-WebSocket-Accept:"])),
        bad("and a wrong one",   "11.3.3", switching([UPGRADE, CONNECTION, ACCEPT, "Sec-WebSocket-Accept: x"])),
        bad("and one that is not UTF-8", "11.3.3", switching(
            [UPGRADE.as_bytes(), CONNECTION.as_bytes(), ACCEPT.as_bytes(), b"Sec-WebSocket-Accept: \xff"])),
    ]);
}

#[test]
#[rustfmt::skip]
fn subprotocols() {
    let chosen = |line: &'static str| switching([UPGRADE, CONNECTION, ACCEPT, line]);
    let lines = |a: &'static str, b: &'static str| switching([UPGRADE, CONNECTION, ACCEPT, a, b]);
    check_all([
        accepted("none offered, none chosen", "4.1", switching(FIELDS)),
        bad("none offered, one chosen",       "4.1", chosen("Sec-WebSocket-Protocol: chat")),
    ]);
    check_all([
        accepted("none",    "4.1", switching(FIELDS)),
        accepted("first",   "4.1", chosen("Sec-WebSocket-Protocol: chat")).choosing("chat"),
        accepted("second",  "4.1", chosen("Sec-WebSocket-Protocol: Super.v2")).choosing("Super.v2"),
        accepted("lower-case name", "4.1", chosen("sec-websocket-protocol:chat")).choosing("chat"),
        accepted("folded",  "9112 5.2", chosen("Sec-WebSocket-Protocol:\r\n chat")).choosing("chat"),
        bad("both, folded", "4.3", chosen("Sec-WebSocket-Protocol: chat,\r\n Super.v2")),
        bad("not offered",  "4.1", chosen("Sec-WebSocket-Protocol: other")),
        bad("another case", "4.1", chosen("Sec-WebSocket-Protocol: CHAT")),
        bad("lower case",   "4.1", chosen("Sec-WebSocket-Protocol: super.v2")),
        bad("longer",       "4.1", chosen("Sec-WebSocket-Protocol: chat2")),
        bad("quoted",       "4.1", chosen("Sec-WebSocket-Protocol: \"chat\"")),
        bad("both",         "4.3", chosen("Sec-WebSocket-Protocol: chat, Super.v2")),
        bad("one, a comma", "4.3", chosen("Sec-WebSocket-Protocol: chat,")),
        bad("in two lines", "11.3.4", lines("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: Super.v2")),
        bad("twice",        "11.3.4", lines("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat")),
        not_ascii("Latin-1", b"Sec-WebSocket-Protocol: caf\xe9"),
        not_ascii("one offered, and Latin-1", b"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: \xe9"),
    ].map(|row| row.offering(&["chat", "Super.v2"])));
}

#[test]
#[rustfmt::skip]
fn extensions_were_not_offered() {
    let with = |line: &'static str| switching([UPGRADE, CONNECTION, ACCEPT, line]);
    check_all([
        bad("deflate",   "4.1", with("Sec-WebSocket-Extensions: permessage-deflate")),
        bad("parameter", "4.1", with("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10")),
        bad("unknown",   "4.1", with("sec-websocket-extensions: x-foo")),
        bad("two",       "4.1", with("Sec-WebSocket-Extensions: x-foo, x-bar")),
        not_ascii("parameter of Latin-1", b"Sec-WebSocket-Extensions: permessage-deflate; x=\"\xe9\""),
        accepted("none named", "4.1", with("Sec-WebSocket-Extensions:")),
        accepted("none named, folded", "9112 5.2", with("Sec-WebSocket-Extensions:\r\n ,\r\n\t")),
        bad("folded",    "9112 5.2", with("Sec-WebSocket-Extensions:\r\n permessage-deflate")),
    ]);
}

#[test]
#[rustfmt::skip]
fn other_fields() {
    let with = |line: &'static [u8]| {
        switching([UPGRADE.as_bytes(), line, CONNECTION.as_bytes(), ACCEPT.as_bytes()])
    };
    check_all([
        accepted("usual ones",    "4.1",    with(b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: x")),
        accepted("a version",     "4.1",    with(b"Sec-WebSocket-Version: 13")),
        accepted("a length",      "9110 8.6", with(b"Content-Length: 5")),
        accepted("empty value",   "9112 5", with(b"X-Empty:")),
        accepted("colons",        "9112 5", with(b"X-Colons: a:b::c")),
        accepted("every token character", "9110 5.6.2", with(b"!#$%&'*+-.^_`|~09azAZ: x")),
        accepted("obs-text, Latin-1", "9110 5.5", with(b"X-Name: caf\xe9")),
        accepted("obs-text, UTF-8",   "9110 5.5", with("X-Name: café".as_bytes())),
        accepted("obs-text, any",     "9110 5.5", with(b"X-Name: \x80\xff")),
        accepted("tab in a value",    "9110 5.5", with(b"X-Tab: a\tb")),
        bad("no colon",           "9112 5",   with(b"X-Nothing")),
        accepted("no name",       "9112 5",   with(b": x")),
        accepted("blank before colon", "9112 5.1", with(b"X-Blank : x")),
        accepted("tab before colon", "9112 5.1", with(b"X-Tab\t: x")),
        accepted("blank in a name", "9112 5", with(b"X Blank: x")),
        accepted("obs-text in a name", "9110 5.1", with(b"X-caf\xe9: x")),
        accepted("bracket in a name", "9110 5.1", with(b"X(a): x")),
        accepted("folded with a blank", "9112 5.2", with(b"X-Folded: a\r\n b")),
        accepted("folded with a tab", "9112 5.2", with(b"X-Folded: a\r\n\tb")),
        accepted("folded, bare LF", "9112 5.2", with(b"X-Folded: a\n b\n c")),
        accepted("folded, nothing", "9112 5.2", with(b"X-Folded: a\r\n \r\n\t")),
        accepted("folded, ignored", "9112 5.2", with(b"X Folded: a\r\n b")),
        bad("folded, first field", "9112 2.2", switching([" X-Folded: a", UPGRADE, CONNECTION, ACCEPT])),
        bad("NUL in a value",     "9110 5.5", with(b"X-Nul: a\0b")),
        bad("NUL in a name",      "9110 5.1", with(b"X-N\0l: a")),
        bad("NUL in a continuation", "9110 5.5", with(b"X-Nul: a\r\n \0")),
        accepted("CR in a value", "9112 2.2", with(b"X-Return: a\rb")),
        accepted("CR before the end", "9112 2.2", with(b"X-Return: a\r")),
        accepted("escape in a value", "9110 5.5", with(b"X-Escape: \x1b[2J")),
        accepted("delete in a value", "9110 5.5", with(b"X-Delete: \x7f")),
    ]);
}

/// "A recipient MAY recognize a single LF as a line terminator" (RFC 9112 section 2.2): this client
/// does.
#[test]
#[rustfmt::skip]
fn line_ends() {
    let lf = |bytes: Vec<u8>| bytes.into_iter().filter(|byte| *byte != b'\r').collect::<Vec<u8>>();
    let mixed = [&b"HTTP/1.1 101 x\n"[..], &switching(FIELDS)[34..]].concat();
    let two_returns = head("HTTP/1.1 101 x", ["Upgrade: websocket\r", CONNECTION, ACCEPT]);
    let before = |start: &[u8]| [start, &switching(FIELDS)].concat();
    check_all([
        accepted("bare LF",      "9112 2.2", lf(switching(FIELDS))),
        accepted("mixed",        "9112 2.2", mixed),
        accepted("bare LF, empty line only", "9112 2.2", [&without_end(switching(FIELDS)), &b"\n"[..]].concat()),
        accepted("two CR",       "9112 2.2", two_returns),
        accepted("an empty line before", "9112 2.2", before(b"\r\n")),
        accepted("a bare LF before", "9112 2.2", before(b"\n")),
        accepted("five lines before", "9112 2.2", before(b"\r\n\n\n\r\n\r\n")),
        bad("a blank line before", "9112 2.2", before(b" \r\n")),
        bad("a CR before",       "9112 2.2", before(b"\r")),
        accepted("a blank in the empty line", "9112 5.2", [&without_end(switching(FIELDS)), &b" \r\n\r\n"[..]].concat()),
        row("no empty line",  "9112 2.1", without_end(switching(FIELDS)), "", Verdict::Lost),
        row("CR at the end",  "9112 2.1", [&without_end(switching(FIELDS)), &b"\r"[..]].concat(), "", Verdict::Lost),
        row("bare CR",        "9112 2.2", "HTTP/1.1 101 x\r\r".as_bytes().to_vec(), "", Verdict::Lost),
        row("nothing",        "9112 2.1", Vec::new(), "", Verdict::Lost),
        bad("frames only",       "9112 4", b"\x81\x05hello".to_vec()),
        bad("an alert of TLS",   "9112 4", b"\x15\x03\x01\0\x02\x02\x46".to_vec()),
        bad("another greeting",  "9112 4", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        bad("text without end",  "9112 4", vec![b'x'; 101]),
        row("text",           "9112 4", vec![b'x'; 100], "", Verdict::Lost),
    ]);
}

#[test]
#[rustfmt::skip]
fn interim_responses_are_skipped() {
    let ok = || switching(FIELDS);
    let early = || head("HTTP/1.1 103 Early Hints", ["Link: </a>; rel=preload", "X: y"]);
    check_all([
        accepted("100",      "9110 15.2", [head("HTTP/1.1 100 Continue", NO_FIELDS), ok()]),
        accepted("102",      "9110 15.2", [head("HTTP/1.1 102 Processing", ["X: y"]), ok()]),
        accepted("103",      "9110 15.2", [early(), ok()]),
        accepted("199",      "9110 15.2", [head("HTTP/1.1 199 x", NO_FIELDS), ok()]),
        accepted("three",    "9110 15.2", [head("HTTP/1.1 100 Continue", NO_FIELDS), early(), early(), ok()]),
        accepted("its fields do not count", "9110 15.2",
            [head("HTTP/1.1 103 x", ["Upgrade: h2c", "Sec-WebSocket-Accept: x", "Sec-WebSocket-Protocol: y"]), ok()]),
        bad("its fields do not help",       "9110 15.2",
            [head("HTTP/1.1 103 x", FIELDS), switching([UPGRADE, CONNECTION])]),
        accepted("a broken one",            "9112 5",    [head("HTTP/1.1 103 x", ["X", "Y: a\0"]), ok()]),
        accepted("an empty line between",   "9112 2.2",  [head("HTTP/1.1 103 x", ["X: y"]), b"\r\n".to_vec(), ok()]),
        bad("then a broken one",            "9112 4",    [early(), head("HTTP/1.1 1", FIELDS)]),
        row("nothing more",              "9110 15.2", early(), "", Verdict::Lost),
        row("then a rejection",            "9110 15.2",
            [early(), head("HTTP/1.1 403 Forbidden", ["Content-Length: 2"])], "no",
                Verdict::Refused(403, b"no".to_vec())),
    ]);
}

#[test]
fn size_of_the_head() {
    let fill = |fields: Vec<&str>, total: usize| {
        let without = switching(fields.iter().copied().chain(["X-Fill: "])).len();
        let fill = format!("X-Fill: {}", "x".repeat(total - without));
        switching(fields.into_iter().chain([&fill[..]]))
    };
    let interim = |total: usize| {
        let status_line = "HTTP/1.1 103 Early Hints";
        let without = head(status_line, ["X-Fill: "]).len();
        head(
            status_line,
            [format!("X-Fill: {}", "x".repeat(total - without))],
        )
    };
    let last = switching(FIELDS);
    let room = MAX_HEAD_BYTES - last.len();
    let endless = [&b"HTTP/1.1 101 "[..], &[b'x'; MAX_HEAD_BYTES]].concat();
    let endless_line = [&switching(["X: y"]), &[b'x'; MAX_HEAD_BYTES][..]].concat();
    check_all([
        accepted("64 KiB", "10.4", fill(FIELDS.to_vec(), MAX_HEAD_BYTES)),
        bad(
            "one more",
            "10.4",
            fill(FIELDS.to_vec(), MAX_HEAD_BYTES + 1),
        ),
        bad("a reason without end", "10.4", endless),
        bad("a field without end", "10.4", without_end(endless_line)),
        accepted(
            "64 KiB with an interim one",
            "10.4",
            [interim(room), last.clone()],
        ),
        bad(
            "one more, with an interim one",
            "10.4",
            [interim(room + 1), last.clone()],
        ),
        bad(
            "interim ones without end",
            "10.4",
            [interim(40_000), interim(40_000)],
        ),
    ]);
}

#[test]
fn number_of_fields() {
    let with = |count: usize| {
        let others = (FIELDS.len()..count).map(|n| format!("X-{n}: v"));
        switching(FIELDS.map(String::from).into_iter().chain(others))
    };
    check_all([
        accepted("130", "10.4", with(130)),
        accepted("5000", "10.4", with(5000)),
    ]);
}

const NO_FIELDS: [&str; 0] = [];

/// Without the empty line.
fn without_end(mut head: Vec<u8>) -> Vec<u8> {
    head.truncate(head.len() - 2);
    head
}

/// A field that the client checks must not be accepted because it is not ASCII.
fn not_ascii(id: &str, line: &[u8]) -> Reply {
    let fields = [
        UPGRADE.as_bytes(),
        CONNECTION.as_bytes(),
        ACCEPT.as_bytes(),
        line,
    ];
    bad(id, "4.1", switching(fields))
}
