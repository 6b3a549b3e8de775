// SPDX-License-Identifier: Apache-2.0
//! Streaming receive: parts of a message are delivered as they arrive, whatever its size (RFC 6455
//! section 5.4).
//!
//! The first table specifies which parts result from which pieces; the others run as rows, with the
//! parts joined.

use crate::delivery::{end, first, middle};
use crate::outcome::{End, OPEN, Seen, closed_by_server, closes, data, failed, ping, pong, text};
use crate::packer::{noise, pack};
use crate::row::{Row, Settings, check_all, row, session};
use crate::wire::{
    BINARY, CONTINUATION, FIN, KEY, NOTHING, PING, PONG, TEXT, close, compressed, cut, cut_part,
    frame, header, last, more, part, sent, sent_close,
};
use wsline::base::error::Kind::{MessageTooBig, Payload, Protocol};
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::opcode::Opcode::Binary;

const NOT_UTF8: End = failed(Payload);

#[test]
#[rustfmt::skip]
fn parts_contain_what_has_arrived() {
    let hello = frame(TEXT, "hello");
    let table = [
        ("all at once", vec![hello.clone()], vec![text("hello")]),
        ("the header, then the rest", vec![hello[..2].to_vec(), hello[2..].to_vec()], vec![text("hello")]),
        ("two pieces", vec![hello[..4].to_vec(), hello[4..].to_vec()], vec![first("he"), end("llo")]),
        ("byte by byte", hello.chunks(1).map(<[u8]>::to_vec).collect(),
            vec![first("h"), middle("e"), middle("l"), middle("l"), end("o")]),
        ("a piece that ends in the next header", vec![[&hello[..], &[0x81]].concat(), vec![1, b'x']],
            vec![text("hello"), text("x")]),
        ("two messages in a piece", vec![[hello.clone(), frame(BINARY, "b")].concat()],
            vec![text("hello"), data(Binary, true, true, "b")]),
        ("an empty message", vec![frame(TEXT, "")], vec![text("")]),
        ("fragments in a piece", vec![[part(TEXT, "a"), more("b"), last("c")].concat()],
            vec![first("a"), middle("b"), end("c")]),
        ("empty fragments", vec![[part(TEXT, ""), more(""), more("a"), more(""), last("")].concat()],
            vec![first("a"), end("")]),
        ("an empty last fragment", vec![part(TEXT, "a"), last("")], vec![first("a"), end("")]),
        ("nothing but empty fragments", vec![part(BINARY, ""), more(""), last("")],
            vec![data(Binary, true, true, "")]),
        ("a ping between", vec![[part(TEXT, "a"), frame(PING, "p"), last("b")].concat()],
            vec![first("a"), ping("p"), end("b")]),
        ("a ping before anything of the message", vec![[part(TEXT, ""), frame(PING, "p"), last("b")].concat()],
            vec![ping("p"), text("b")]),
        ("a ping in two pieces", vec![[part(TEXT, "a"), vec![0x89, 2, b'p']].concat(), [vec![b'q'], last("b")].concat()],
            vec![first("a"), ping("pq"), end("b")]),
        ("a character in two pieces", vec![cut(TEXT, 3, b"\xe2\x82"), vec![0xac]], vec![first(b"\xe2\x82"), end(b"\xac")]),
    ];
    for (id, pieces, expected) in table {
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &piece[..]).collect();
        assert_eq!(receive(&Settings::default(), &pieces), expected, "{id}");
    }
}

/// However large the inflated data, a part has at most 64 KiB, and no part is empty.
#[test]
fn inflated_data_arrives_in_pieces() {
    const PIECE: usize = 64 * 1024;
    let settings = row("", "", NOTHING, [], NOTHING, OPEN)
        .deflated()
        .settings();
    for len in [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7] {
        for content in [vec![b'a'; len], noise(len)] {
            let seen = receive(&settings, &[&compressed(BINARY, pack(&content))]);
            let mut all: Vec<u8> = Vec::new();
            for (at, event) in seen.iter().enumerate() {
                let Seen::Data {
                    first,
                    last,
                    payload,
                    ..
                } = event
                else {
                    panic!("{event:?}");
                };
                assert_eq!(
                    (*first, *last),
                    (at == 0, at + 1 == seen.len()),
                    "{len}, {at}"
                );
                assert!(payload.len() <= PIECE, "{len}: {}", payload.len());
                assert!(*last || !payload.is_empty(), "{len}: a part of nothing");
                all.extend(payload);
            }
            assert!(all == content, "{len} bytes");
        }
    }
}

/// A part is no larger than a read, even if more is available.
#[test]
fn available_data_arrives_in_pieces() {
    const PIECE: usize = 256 * 1024;
    for len in [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1] {
        let content = noise(len);
        let seen = receive(&Settings::default(), &[&frame(BINARY, &content)]);
        assert_eq!(seen.len(), len.div_ceil(PIECE), "{len}");
        let sizes = seen.iter().map(|event| match event {
            Seen::Data { payload, .. } => payload.len(),
            other => panic!("{other:?}"),
        });
        assert!(sizes.max() <= Some(PIECE), "{len}");
    }
}

#[test]
#[rustfmt::skip]
fn messages() {
    check_in_parts([
        row("one", "5.4", frame(TEXT, "ab"), [text("ab")], NOTHING, OPEN),
        row("three fragments", "5.4", [part(TEXT, "a"), more("b"), last("c")], [text("abc")], NOTHING, OPEN),
        row("the last to come", "5.4", [part(TEXT, "a"), more("b")], [first("ab")], NOTHING, OPEN),
        row("a part to come whole", "5.4", [part(TEXT, "a"), cut_part(CONTINUATION, 3, "bc")], [first("abc")], NOTHING, OPEN),
        row("a header alone", "5.4", header(FIN | TEXT, 9), [], NOTHING, OPEN),
        row("empty ones", "5.4", [frame(TEXT, ""), part(BINARY, ""), last("")],
            [text(""), data(Binary, true, true, "")], NOTHING, OPEN),
        row("control frames between", "5.4",
            [part(TEXT, "a"), frame(PING, "1"), more("b"), frame(PONG, "2"), last("c")],
            [first("a"), ping("1"), middle("b"), pong("2"), end("c")], sent(PONG, "1"), OPEN),
        row("a close between", "5.4", [part(TEXT, "a"), close(1000, "")],
            [first("a"), closes(1000, "")], sent_close(1000), closed_by_server(1000, "")),
        row("65536 bytes", "5.4", frame(TEXT, "x".repeat(65536)), [text("x".repeat(65536))], NOTHING, OPEN),
        row("a new message inside", "5.4", [part(TEXT, "a"), header(FIN | TEXT, 1)],
            [], sent_close(1002), failed(Protocol)),
        row("a continuation of nothing", "5.4", [part(TEXT, "a"), last("b"), header(FIN | CONTINUATION, 1)],
            [text("ab")], sent_close(1002), failed(Protocol)),
        row("masked", "5.1", [frame(TEXT, "a"), vec![0x81, 0x80, 1, 2, 3, 4]], [text("a")], sent_close(1002), failed(Protocol)),
    ]);
}

#[test]
#[rustfmt::skip]
fn text_is_validated_across_parts() {
    check_in_parts([
        row("a cut character", "8.1", [part(TEXT, b"\xe2"), more(b"\x82"), last(b"\xac")], [text("€")], NOTHING, OPEN),
        row("cut by a ping", "8.1", [part(TEXT, b"\xe2"), frame(PING, ""), last(b"\x82\xac")],
            [first(b"\xe2"), ping(""), end(b"\x82\xac")], sent(PONG, ""), OPEN),
        row("wrong", "8.1", cut(TEXT, 9, b"ab\xff"), [], sent_close(1007), NOT_UTF8),
        row("wrong in a second fragment", "8.1", [part(TEXT, b"\xe2"), cut_part(CONTINUATION, 9, b"\x82A")],
            [], sent_close(1007), NOT_UTF8),
        row("never ended", "8.1", frame(TEXT, b"a\xe2\x82"), [], sent_close(1007), NOT_UTF8),
        row("never ended, an empty last one", "8.1", [part(TEXT, b"a\xe2\x82"), last(b"")], [], sent_close(1007), NOT_UTF8),
        row("not carried to the next message", "8.1", [frame(TEXT, "€"), cut(TEXT, 9, b"\x82")],
            [text("€")], sent_close(1007), NOT_UTF8),
        row("binary", "8.1", [part(BINARY, b"\xff"), last(b"\xe2")], [data(Binary, true, true, b"\xff\xe2")], NOTHING, OPEN),
    ]);
    check_in_parts([
        row("unchecked", "8.1", frame(TEXT, b"\xff\xe2"), [text(b"\xff\xe2")], NOTHING, OPEN).unchecked(),
    ]);
}

/// A message delivered in parts is not held in memory, so only its frames are limited.
#[test]
#[rustfmt::skip]
fn limits_on_parts() {
    check_in_parts([
        row("a message of any size", "10.4", [part(TEXT, "12345"), more("67890"), last("x")],
            [text("1234567890x")], NOTHING, OPEN),
    ].map(|row| row.max_message(3)));
    check_in_parts([
        row("fragments in any number", "10.4", [part(TEXT, "1"), more("2"), more("3"), last("4")],
            [text("1234")], NOTHING, OPEN),
    ].map(|row| row.max_fragments(2)));
    check_in_parts([
        row("a frame as large", "10.4", frame(TEXT, "12345"), [text("12345")], NOTHING, OPEN),
        row("a frame too large", "10.4", header(FIN | TEXT, 6), [], sent_close(1009), failed(MessageTooBig)),
    ].map(|row| row.max_frame(5)));
}

fn check_in_parts<const N: usize>(rows: [Row; N]) {
    check_all(rows.map(|row| row.delivered_in(Delivery::Parts)));
}

/// The parts, not joined.
fn receive(settings: &Settings, pieces: &[&[u8]]) -> Vec<Seen> {
    let mut session = session(settings);
    let mut seen = Vec::new();
    for piece in pieces {
        session.feed(piece).expect("memory");
        while let Some(event) = session
            .next_event(Delivery::Parts, || KEY)
            .expect("it breaks no rule")
        {
            seen.push(Seen::new(event));
        }
    }
    seen
}
