// SPDX-License-Identifier: Apache-2.0
//! The closing handshake (RFC 6455 sections 5.5.1 and 7).

use crate::outcome::{
    End, OPEN, Seen, binary, closed_by_client, closed_by_server, closes, failed, pong, text,
};
use crate::row::{Row, check_all, row};
use crate::wire::{
    BINARY, CLOSE, CONTINUATION, NOTHING, PING, PONG, TEXT, close, cut, frame, header, part, sent,
    sent_close, status,
};
use wsline::base::error::Kind::{Payload, Protocol};

const FIN: u8 = 0x80;
const PROTOCOL: End = failed(Protocol);
/// "No status code was actually present" (section 7.4.1).
const NO_STATUS: u16 = 1005;
const EMPTY: Seen = Seen::Close(None, String::new());

#[test]
#[rustfmt::skip]
fn the_server_starts_the_closing_handshake() {
    check_all([
        row("no payload",  "5.5.1", frame(CLOSE, ""),    [EMPTY],
            sent(CLOSE, ""),  closed_by_server(NO_STATUS, "")),
        row("code",        "5.5.1", close(1000, ""),     [closes(1000, "")],
            sent_close(1000), closed_by_server(1000, "")),
        row("reason",      "5.5.1", close(1001, "bye"),  [closes(1001, "bye")],
            sent_close(1001), closed_by_server(1001, "bye")),
        row("not ASCII",   "5.5.1", close(1000, "tschüß"), [closes(1000, "tschüß")],
            sent_close(1000), closed_by_server(1000, "tschüß")),
        row("with a NUL",  "5.5.1", close(1000, "a\0b"), [closes(1000, "a\0b")],
            sent_close(1000), closed_by_server(1000, "a\0b")),
        row("reason of 122 bytes", "5.5.1", close(1000, long(122)), [closes(1000, &long(122))],
            sent_close(1000), closed_by_server(1000, &long(122))),
        row("reason of 123 bytes", "5.5.1", close(1000, long(123)), [closes(1000, &long(123))],
            sent_close(1000), closed_by_server(1000, &long(123))),
        row("after a message", "5.5.1", [frame(TEXT, "a"), close(1000, "")],
            [text("a"), closes(1000, "")], sent_close(1000), closed_by_server(1000, "")),
        row("inside a message", "5.5.1", [part(TEXT, "a"), close(1000, "")],
            [closes(1000, "")], sent_close(1000), closed_by_server(1000, "")),
        row("inside a character", "5.5.1", [part(TEXT, b"\xce"), close(1000, "")],
            [closes(1000, "")], sent_close(1000), closed_by_server(1000, "")),
        row("not all of it", "5.5.1", cut(CLOSE, 5, b"\x03\xe8by"), [], NOTHING, OPEN),
    ]);
}

#[test]
fn codes_that_may_be_received() {
    let codes = (1000..=1003).chain(1007..=1014);
    let codes = codes.chain([3000, 3001, 3999, 4000, 4001, 4999]);
    check_all(codes.flat_map(|code| {
        ["", "why"].map(|reason| {
            row(
                format!("{code} {reason:?}"),
                "7.4",
                close(code, reason),
                [closes(code, reason)],
                sent_close(code),
                closed_by_server(code, reason),
            )
        })
    }));
}

#[test]
fn codes_that_must_not_be_received() {
    // Never sent: 1004 to 1006 and 1015. The others are unknown or undefined.
    let codes = [
        0, 1, 500, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
    ];
    let codes = codes.into_iter().chain([5000, 0x8000, 65535]);
    check_all(codes.flat_map(|code| {
        ["", "why"].map(|reason| {
            let input = close(code, reason);
            let id = format!("{code} {reason:?}");
            row(id, "7.4", input, [], sent_close(1002), PROTOCOL)
        })
    }));
}

#[test]
#[rustfmt::skip]
fn payloads_that_are_rejected() {
    check_all([
        refused("one byte",           frame(CLOSE, b"\x03")),
        refused("one byte, 0",        frame(CLOSE, b"\0")),
        refused("126 bytes",          header(FIN | CLOSE, 126)),
        refused("65536 bytes",        header(FIN | CLOSE, 65536)),
        refused("fragmented",         header(CLOSE, 2)),
        not_utf8("a lone byte",       b"\xff"),
        not_utf8("a surrogate",       b"bye \xed\xa0\x80"),
        not_utf8("an overlong slash", b"\xc0\xaf"),
        not_utf8("too high",          b"\xf4\x90\x80\x80"),
        not_utf8("cut",               b"bye \xe2\x82"),
        not_utf8("an edited word",    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"),
        // The code is checked first, because it precedes the reason.
        row("both wrong", "7.4", close(1005, b"\xff"), [], sent_close(1002), PROTOCOL),
        row("inside a message", "7.4", [part(TEXT, "a"), close(999, "")], [], sent_close(1002), PROTOCOL),
    ]);
}

#[test]
#[rustfmt::skip]
fn data_after_a_close_frame_is_ignored() {
    let closed = |id, after: Vec<u8>| -> Row {
        row(id, "5.5.1", [close(1000, "bye"), after], [closes(1000, "bye")],
            sent_close(1000), closed_by_server(1000, "bye"))
    };
    check_all([
        closed("text",            frame(TEXT, "late")),
        closed("half a frame",    cut(TEXT, 5, "la")),
        closed("ping",            frame(PING, "late")),
        closed("the same close",  close(1000, "bye")),
        closed("another close",   close(1001, "again")),
        closed("a wrong close",   close(999, "")),
        closed("a wrong frame",   header(0x7f, 126)),
        closed("bytes",           b"\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        closed("the rest of a message", frame(CONTINUATION, "late")),
        row("text after an empty close", "5.5.1", [frame(CLOSE, ""), frame(TEXT, "late")],
            [EMPTY], sent(CLOSE, ""), closed_by_server(NO_STATUS, "")),
    ]);
}

#[test]
#[rustfmt::skip]
fn the_client_starts_the_closing_handshake() {
    check_all([
        row("no reply yet", "7.1.2", NOTHING, [], sent_close(1000), OPEN),
        row("echoed",        "5.5.1", close(1000, ""),    [closes(1000, "")],
            sent_close(1000), closed_by_client(1000, "")),
        row("with a reason", "5.5.1", close(1000, "bye"), [closes(1000, "bye")],
            sent_close(1000), closed_by_client(1000, "bye")),
        row("another code",  "5.5.1", close(4321, ""),    [closes(4321, "")],
            sent_close(1000), closed_by_client(4321, "")),
        row("no payload",    "5.5.1", frame(CLOSE, ""),   [EMPTY],
            sent_close(1000), closed_by_client(NO_STATUS, "")),
        row("messages on the way", "5.5.1",
            [frame(TEXT, "a"), part(BINARY, "b"), frame(CONTINUATION, "c"), close(1000, "")],
            [text("a"), binary("bc"), closes(1000, "")], sent_close(1000), closed_by_client(1000, "")),
        row("data, no reply yet", "5.5.1", frame(TEXT, "a"), [text("a")], sent_close(1000), OPEN),
        row("a second close", "5.5.1", [close(1000, ""), close(1001, "")],
            [closes(1000, "")], sent_close(1000), closed_by_client(1000, "")),
    ].map(|row| row.after_own_close(1000)));
}

/// Both close frames are in flight before either side receives the other's.
#[test]
fn both_sides_start_the_closing_handshake() {
    let simultaneous = row(
        "simultaneous",
        "5.5.1",
        close(1001, "server"),
        [closes(1001, "server")],
        sent_close(4000),
        closed_by_client(1001, "server"),
    );
    check_all([simultaneous.after_own_close(4000)]);
}

#[test]
#[rustfmt::skip]
fn a_failure_after_our_close_frame_sends_nothing_more() {
    check_all([
        row("reserved bit",    "5.5.1", header(FIN | 0x40 | TEXT, 0), [], sent_close(1000), PROTOCOL),
        row("reserved opcode", "5.5.1", header(FIN | 3, 0),           [], sent_close(1000), PROTOCOL),
        row("wrong code",      "5.5.1", close(999, ""),               [], sent_close(1000), PROTOCOL),
        row("one byte",        "5.5.1", frame(CLOSE, b"\x03"),        [], sent_close(1000), PROTOCOL),
        row("wrong reason",    "5.5.1", close(1000, b"\xff"),         [], sent_close(1000), failed(Payload)),
        row("wrong text",      "5.5.1", cut(TEXT, 9, b"ab\xff"),      [], sent_close(1000), failed(Payload)),
        row("after a message", "5.5.1", [frame(TEXT, "a"), header(CONTINUATION, 0)],
            [text("a")], sent_close(1000), PROTOCOL),
    ].map(|row| row.after_own_close(1000)));
}

#[test]
#[rustfmt::skip]
fn data_before_a_failure_is_delivered() {
    let broken = || header(FIN | 0x40 | TEXT, 0);
    check_all([
        row("a message", "7.1.7", [frame(TEXT, "a"), broken()], [text("a")], sent_close(1002), PROTOCOL),
        row("a pong",    "7.1.7", [frame(PONG, "a"), broken()], [pong("a")], sent_close(1002), PROTOCOL),
    ]);
}

fn refused(id: &str, input: Vec<u8>) -> Row {
    row(id, "5.5.1", input, [], sent_close(1002), PROTOCOL)
}

fn not_utf8(id: &str, reason: &[u8]) -> Row {
    let input = frame(CLOSE, status(1000, reason));
    row(id, "8.1", input, [], sent_close(1007), failed(Payload))
}

fn long(len: usize) -> String {
    "x".repeat(len)
}
