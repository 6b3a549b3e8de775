// SPDX-License-Identifier: Apache-2.0
//! Single frames (RFC 6455 section 5.2): every length form, and every rule about a header.

use crate::outcome::{End, OPEN, Outcome, Seen, binary, failed, pong, raw, text};
use crate::row::{Row, check_all, row};
use crate::wire::{
    BINARY, CLOSE, CONTINUATION, NOTHING, PING, PONG, TEXT, cut, first_byte, frame, header,
    header16, header64, masked_header, part, sent_close,
};
use wsline::base::error::Kind::Protocol;
use wsline::protocol::ws::message::Delivery;

const FIN: u8 = 0x80;
/// The most significant bit of a 64-bit length.
const TOP_BIT: u64 = 1 << 63;

/// Frames are validated in the same way in every delivery mode.
fn check_in_every_delivery(rows: Vec<Row>) {
    check_all(rows.into_iter().flat_map(|row| {
        let in_fragments = row.clone().delivered_in(Delivery::Fragments);
        let in_parts = row.clone().delivered_in(Delivery::Parts);
        let in_frames = row
            .clone()
            .delivered_in(Delivery::Frames)
            .expecting(as_frames);
        [row, in_fragments, in_parts, in_frames]
    }));
}

/// The outcome if every event is a frame.
fn as_frames(outcome: Outcome) -> Outcome {
    let events = outcome.events.into_iter().map(|event| match event {
        Seen::Data {
            opcode, payload, ..
        } => raw(true, opcode.number(), payload),
        Seen::Pong(payload) => raw(true, PONG, payload),
        other => panic!("no row of this file expects {other:?}"),
    });
    Outcome {
        events: events.collect(),
        ..outcome
    }
}

#[test]
#[rustfmt::skip]
fn lengths() {
    check_in_every_delivery(vec![
        row("0",     "5.2", frame(TEXT, ""),              [text("")],              NOTHING, OPEN),
        row("1",     "5.2", frame(TEXT, "a"),             [text("a")],             NOTHING, OPEN),
        row("125",   "5.2", frame(TEXT, long(125)),       [text(long(125))],       NOTHING, OPEN),
        row("126",   "5.2", frame(TEXT, long(126)),       [text(long(126))],       NOTHING, OPEN),
        row("127",   "5.2", frame(TEXT, long(127)),       [text(long(127))],       NOTHING, OPEN),
        row("b0",    "5.2", frame(BINARY, ""),            [binary("")],            NOTHING, OPEN),
        row("b125",  "5.2", frame(BINARY, long(125)),     [binary(long(125))],     NOTHING, OPEN),
        row("b126",  "5.2", frame(BINARY, long(126)),     [binary(long(126))],     NOTHING, OPEN),
        row("255",   "5.2", frame(BINARY, long(255)),     [binary(long(255))],     NOTHING, OPEN),
        row("256",   "5.2", frame(BINARY, long(256)),     [binary(long(256))],     NOTHING, OPEN),
        row("65535", "5.2", frame(BINARY, long(65535)),   [binary(long(65535))],   NOTHING, OPEN),
        row("65536", "5.2", frame(BINARY, long(65536)),   [binary(long(65536))],   NOTHING, OPEN),
        row("t64k",  "5.2", frame(TEXT, long(65536)),     [text(long(65536))],     NOTHING, OPEN),
        row("bytes", "5.6", frame(BINARY, b"\0\xff\x80"), [binary(b"\0\xff\x80")], NOTHING, OPEN),
        row("three", "5.2", [frame(TEXT, "a"), frame(BINARY, "b"), frame(PONG, "c")],
            [text("a"), binary("b"), pong("c")], NOTHING, OPEN),
        row("huge, none of it there", "5.2", header64(FIN | BINARY, TOP_BIT - 1), [], NOTHING, OPEN),
        row("cut in the header",      "5.2", [FIN | BINARY, 127, 0, 0, 0],        [], NOTHING, OPEN),
        row("nothing at all",         "5.2", NOTHING,                             [], NOTHING, OPEN),
    ]);
}

#[test]
#[rustfmt::skip]
fn an_incomplete_payload() {
    let cut = || row("cut in the payload", "5.2", cut(TEXT, 5, "hell"), [], NOTHING, OPEN);
    let ways = [Delivery::Messages, Delivery::Fragments, Delivery::Frames];
    check_all(ways.map(|way| cut().delivered_in(way)));
}

#[test]
#[rustfmt::skip]
fn lengths_that_are_not_minimal() {
    check_in_every_delivery(vec![
        refused("0 in 16 bits",       header16(FIN | TEXT, 0)),
        refused("1 in 16 bits",       header16(FIN | BINARY, 1)),
        refused("125 in 16 bits",     header16(FIN | TEXT, 125)),
        refused("0 in 64 bits",       header64(FIN | TEXT, 0)),
        refused("125 in 64 bits",     header64(FIN | BINARY, 125)),
        refused("126 in 64 bits",     header64(FIN | TEXT, 126)),
        refused("65535 in 64 bits",   header64(FIN | BINARY, 65535)),
        refused("part, 16 bits",      header16(TEXT, 5)),
        refused("ping, 16 bits",      header16(FIN | PING, 5)),
        refused("close, 64 bits",     header64(FIN | CLOSE, 2)),
        refused("top bit",            header64(FIN | BINARY, TOP_BIT)),
        refused("top bit and more",   header64(FIN | TEXT, TOP_BIT | 65536)),
        refused("all bits",           header64(FIN | BINARY, u64::MAX)),
    ]);
}

#[test]
fn reserved_opcodes() {
    let reserved = (3..=7).chain(11..=15);
    let with_bits = reserved.flat_map(|opcode| [opcode, FIN | opcode]);
    check_in_every_delivery(
        with_bits
            .flat_map(|first| {
                [
                    refused(format!("{first:#x}"), header(first, 0)),
                    after_a_message(format!("{first:#x}, later"), header(first, 5)),
                ]
            })
            .collect(),
    );
}

#[test]
fn reserved_bits() {
    let kinds = [TEXT, BINARY, CLOSE, PING, PONG];
    let whole = kinds.map(|opcode| FIN | opcode);
    let with_bits = [TEXT, BINARY]
        .into_iter()
        .chain(whole)
        .flat_map(|first| [0x40, 0x20, 0x10, 0x70].map(|bits| first | bits));
    let mut rows: Vec<Row> = with_bits
        .flat_map(|first| {
            [
                refused(format!("{first:#x}"), header(first, 0)),
                refused(format!("{first:#x}, 300 bytes"), header(first, 300)),
                after_a_message(format!("{first:#x}, later"), header(first, 1)),
            ]
        })
        .collect();
    // They are also wrong on a frame that is otherwise invalid.
    rows.push(refused(
        "continuation",
        header(FIN | 0x40 | CONTINUATION, 0),
    ));
    check_in_every_delivery(rows);
}

#[test]
fn reserved_bits_on_a_continuation() {
    let bits = [0x40, 0x20, 0x10].into_iter();
    let firsts = bits.flat_map(|bit| [bit | CONTINUATION, FIN | bit | CONTINUATION]);
    check_all(firsts.map(|first| {
        row(
            format!("{first:#x}"),
            "5.2",
            [part(TEXT, "a"), header(first, 1)],
            [],
            sent_close(1002),
            failed(Protocol),
        )
    }));
}

#[test]
fn masked_frames_from_the_server() {
    let firsts = [
        TEXT,
        FIN | TEXT,
        BINARY,
        FIN | BINARY,
        FIN | CLOSE,
        FIN | PING,
        FIN | PONG,
    ];
    let lens = [0, 1, 125];
    let keys = [[0; 4], [0x37, 0xfa, 0x21, 0x3d]];
    let mut rows = vec![
        masked("126", FIN | TEXT, 126, [1, 2, 3, 4]),
        masked("65536", FIN | BINARY, 65536, [1, 2, 3, 4]),
    ];
    for first in firsts {
        for len in lens {
            rows.extend(keys.map(|key| masked(&format!("{first:#x}, {len}"), first, len, key)));
        }
    }
    check_in_every_delivery(rows);
}

#[test]
#[rustfmt::skip]
fn control_frames() {
    check_in_every_delivery(vec![
        row("pong of 125 bytes", "5.5", frame(PONG, long(125)), [pong(long(125))], NOTHING, OPEN),
        control("ping of 126 bytes",    header(FIN | PING, 126)),
        control("pong of 126 bytes",    header(FIN | PONG, 126)),
        control("close of 126 bytes",   header(FIN | CLOSE, 126)),
        control("ping of 65535 bytes",  header(FIN | PING, 65535)),
        control("ping of 65536 bytes",  header(FIN | PING, 65536)),
        control("close of 65536 bytes", header(FIN | CLOSE, 65536)),
        control("fragmented ping",      header(PING, 0)),
        control("fragmented pong",      header(PONG, 0)),
        control("fragmented close",     header(CLOSE, 0)),
        control("fragmented ping, 5",   header(PING, 5)),
        control("fragmented close, 2",  header(CLOSE, 2)),
        control("fragmented and long",  header(PING, 126)),
    ]);
}

#[test]
fn the_reserved_bits_of_a_failing_frame_do_not_hide_earlier_messages() {
    let three = [
        frame(TEXT, "a"),
        frame(BINARY, "b"),
        first_byte(FIN | 0x40 | TEXT, ""),
    ];
    check_in_every_delivery(vec![row(
        "two messages, then RSV1",
        "5.2",
        three,
        [text("a"), binary("b")],
        sent_close(1002),
        failed(Protocol),
    )]);
}

fn refused(id: impl Into<String>, header: Vec<u8>) -> Row {
    failing(id, "5.2", header)
}

fn control(id: &str, header: Vec<u8>) -> Row {
    failing(id, "5.5", header)
}

fn masked(id: &str, first: u8, len: u64, key: [u8; 4]) -> Row {
    failing(id, "5.1", masked_header(first, len, key))
}

fn failing(id: impl Into<String>, section: &'static str, header: Vec<u8>) -> Row {
    row(id, section, header, [], sent_close(1002), PROTOCOL)
}

fn after_a_message(id: String, header: Vec<u8>) -> Row {
    let input = [frame(TEXT, "hi"), header];
    row(id, "5.2", input, [text("hi")], sent_close(1002), PROTOCOL)
}

const PROTOCOL: End = failed(Protocol);

fn long(len: usize) -> String {
    "0123456789abcdef*".chars().cycle().take(len).collect()
}
