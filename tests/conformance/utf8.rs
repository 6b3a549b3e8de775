// SPDX-License-Identifier: Apache-2.0
//! Text must be UTF-8 (RFC 6455 sections 5.6 and 8.1); invalid text is rejected at its first
//! impossible byte.

use crate::outcome::{
    OPEN, Seen, binary, close_received, closed_by_server, closes, data, failed, raw, text,
};
use crate::row::{Row, check_all, row};
use crate::utf8_sequences::{INVALID, VALID};
use crate::wire::{
    BINARY, CLOSE, CONTINUATION, NOTHING, TEXT, close, cut, cut_part, frame, part, sent_close,
    status,
};
use wsline::base::error::Kind::Payload;
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::opcode::Opcode;

const SECTION: &str = "8.1";

#[test]
fn valid_text() {
    check_all(VALID.iter().flat_map(|(id, bytes)| {
        let reason = String::from_utf8(bytes.to_vec()).expect("the list is right");
        [
            row(
                *id,
                SECTION,
                frame(TEXT, bytes),
                [text(bytes)],
                NOTHING,
                OPEN,
            ),
            row(
                *id,
                SECTION,
                close(1000, bytes),
                [closes(1000, &reason)],
                sent_close(1000),
                closed_by_server(1000, &reason),
            ),
            in_fragments_of_one_byte(id, bytes),
        ]
    }));
}

#[test]
fn valid_text_split_into_fragments_anywhere() {
    check_all(VALID.iter().flat_map(|(id, bytes)| {
        (0..=bytes.len()).flat_map(move |at| {
            let (before, after) = bytes.split_at(at);
            let input = || [part(TEXT, before), frame(CONTINUATION, after)];
            let id = format!("{id}, cut at {at}");
            let parts = [
                data(Opcode::Text, true, false, before),
                data(Opcode::Text, false, true, after),
            ];
            [
                row(id.clone(), SECTION, input(), [text(bytes)], NOTHING, OPEN),
                row(id, SECTION, input(), parts, NOTHING, OPEN).delivered_in(Delivery::Fragments),
            ]
        })
    }));
}

#[test]
fn every_prefix_of_a_valid_text_is_accepted() {
    check_all(VALID.iter().flat_map(|(id, bytes)| {
        (0..bytes.len()).flat_map(move |len| {
            let id = format!("{id}, {len} bytes");
            let started = cut(TEXT, bytes.len(), &bytes[..len]);
            let continued = [part(TEXT, &bytes[..len]), cut(CONTINUATION, 99, "")];
            [
                row(id.clone(), SECTION, started, [], NOTHING, OPEN),
                row(id, SECTION, continued, [], NOTHING, OPEN),
            ]
        })
    }));
}

#[test]
fn invalid_text_in_one_frame() {
    check_all(INVALID.iter().flat_map(|&(id, bytes, at)| {
        let (start, is_cut) = impossible_start(bytes, at);
        let filler = "x".repeat(130);
        // After a truncated character, the next byte is the impossible one.
        let behind = if is_cut { "x" } else { "" };
        let middle = [filler.as_bytes(), start, behind.as_bytes()].concat();
        [
            refused(id, cut(TEXT, bytes.len(), start)),
            refused(
                &format!("{id}, inside a long frame"),
                cut(TEXT, 700, &middle),
            ),
            refused(
                &format!("{id}, inside a long fragment"),
                cut_part(TEXT, 700, &middle),
            ),
            refused(id, cut(TEXT, bytes.len(), start)).delivered_in(Delivery::Fragments),
            refused(
                &format!("{id}, inside a long fragment"),
                cut_part(TEXT, 700, &middle),
            )
            .delivered_in(Delivery::Fragments),
        ]
    }));
}

#[test]
fn invalid_text_split_into_fragments_anywhere() {
    check_all(INVALID.iter().flat_map(|&(id, bytes, at)| {
        (0..=bytes.len()).flat_map(move |point| {
            let id = format!("{id}, cut at {point}");
            let (before, after) = bytes.split_at(point);
            let first = data(Opcode::Text, true, false, before);
            if at <= point {
                let input = || cut_part(TEXT, before.len(), &before[..at]);
                return [
                    refused(&id, input()),
                    refused(&id, input()).delivered_in(Delivery::Fragments),
                ];
            }
            let (start, _) = impossible_start(bytes, at);
            let input = || {
                let second = cut(CONTINUATION, after.len(), &start[point..]);
                [part(TEXT, before), second].concat()
            };
            [
                refused(&id, input()),
                refused_after([first], &id, input()).delivered_in(Delivery::Fragments),
            ]
        })
    }));
}

#[test]
fn invalid_text_with_every_byte_a_fragment() {
    check_all(INVALID.iter().map(|&(id, bytes, at)| {
        let (start, is_cut) = impossible_start(bytes, at);
        let mut input = part(TEXT, "");
        for byte in start {
            input.extend(part(CONTINUATION, [*byte]));
        }
        if is_cut {
            input.extend(frame(CONTINUATION, ""));
        }
        refused(id, input)
    }));
}

#[test]
fn every_byte_that_starts_no_character() {
    let impossible = (0x80..=0xc1).chain(0xf5..=0xff);
    check_all(impossible.flat_map(|byte: u8| {
        [
            refused(&format!("{byte:#x}"), cut(TEXT, 9, [byte])),
            refused(
                &format!("{byte:#x}, later"),
                cut(TEXT, 9, [b'a', b'b', byte]),
            ),
        ]
    }));
}

#[test]
fn every_start_byte_followed_by_a_blank() {
    check_all((0xc2..=0xf4).flat_map(|byte: u8| {
        [
            refused(&format!("{byte:#x}"), cut(TEXT, 9, [byte, b' '])),
            refused(&format!("{byte:#x}, ending"), frame(TEXT, [byte])),
        ]
    }));
}

#[test]
fn invalid_reasons() {
    check_all(
        INVALID
            .iter()
            .map(|&(id, bytes, _)| refused(id, close(1000, bytes))),
    );
}

/// A character does not continue from one message to the next.
#[test]
#[rustfmt::skip]
fn messages_are_validated_separately() {
    check_all([
        refused("cut at the end of a message", [part(TEXT, b"\xe2"), frame(CONTINUATION, b"\x82")].concat()),
        refused_after([text("a")], "the rest in the next one", [frame(TEXT, "a"), cut(TEXT, 9, b"\x82")].concat()),
        refused_after([binary(b"\xe2")], "begun in a binary one",
            [frame(BINARY, b"\xe2"), cut(TEXT, 9, b"\x82")].concat()),
        row("begun in a fragmented binary one", SECTION,
            [part(BINARY, b"\xe2"), frame(CONTINUATION, b""), part(TEXT, "a"), frame(CONTINUATION, "b")],
            [binary(b"\xe2"), text("ab")], NOTHING, OPEN),
    ]);
}

#[test]
fn unvalidated_data() {
    check_all(INVALID.iter().flat_map(|&(id, bytes, _)| {
        let (before, after) = bytes.split_at(bytes.len() / 2);
        let parts = |opcode| [part(opcode, before), frame(CONTINUATION, after)];
        let frames = [raw(false, TEXT, before), raw(true, CONTINUATION, after)];
        let in_frames = row(id, SECTION, parts(TEXT), frames, NOTHING, OPEN);
        [
            row(
                id,
                SECTION,
                frame(BINARY, bytes),
                [binary(bytes)],
                NOTHING,
                OPEN,
            ),
            row(id, SECTION, parts(BINARY), [binary(bytes)], NOTHING, OPEN),
            row(
                id,
                SECTION,
                frame(TEXT, bytes),
                [text(bytes)],
                NOTHING,
                OPEN,
            )
            .unchecked(),
            row(id, SECTION, parts(TEXT), [text(bytes)], NOTHING, OPEN).unchecked(),
            in_frames.delivered_in(Delivery::Frames),
        ]
    }));
}

/// A reason is validated even if messages are not, because it is text in the API, too.
#[test]
fn reasons_are_always_validated() {
    let valid = "tschüß";
    let frames = row(
        "valid",
        SECTION,
        close(1000, valid),
        [raw(true, CLOSE, status(1000, valid))],
        NOTHING,
        close_received(1000, valid),
    );
    check_all([
        refused("unchecked", close(1000, b"\xff")).unchecked(),
        refused("frames", close(1000, b"\xff")).delivered_in(Delivery::Frames),
        frames.delivered_in(Delivery::Frames),
    ]);
}

/// The bytes up to the impossible one, and whether there is none because the text is only
/// truncated.
fn impossible_start(bytes: &'static [u8], at: usize) -> (&'static [u8], bool) {
    (&bytes[..at.min(bytes.len())], at > bytes.len())
}

fn refused(id: &str, input: Vec<u8>) -> Row {
    refused_after([], id, input)
}

fn refused_after<const N: usize>(events: [Seen; N], id: &str, input: Vec<u8>) -> Row {
    row(
        id,
        SECTION,
        input,
        events,
        sent_close(1007),
        failed(Payload),
    )
}

fn in_fragments_of_one_byte(id: &str, bytes: &[u8]) -> Row {
    let mut input = part(TEXT, "");
    for byte in bytes {
        input.extend(part(CONTINUATION, [*byte]));
    }
    input.extend(frame(CONTINUATION, ""));
    row(
        format!("{id}, each byte a fragment"),
        SECTION,
        input,
        [text(bytes)],
        NOTHING,
        OPEN,
    )
}
