// SPDX-License-Identifier: Apache-2.0
//! Limits on compressed messages (RFC 6455 section 10.4): the inflated size and the ratio.

use crate::inflate::inflate;
use crate::outcome::{End, OPEN, Outcome, binary, data, failed, ping, raw_bits, text};
use crate::packer::{Packer, noise, pack, stored};
use crate::row::{Settings, UNRESTRICTED, WAYS, check_all, row, run};
use crate::wire::{
    BINARY, FIN, NOTHING, PING, PONG, RSV1, TEXT, compressed, compressed_part, frame, header, last,
    more, sent, sent_close,
};
use wsline::base::error::Kind::{MessageTooBig, Payload};
use wsline::protocol::ws::deflate::Agreement;
use wsline::protocol::ws::frame_sequence::Limits;
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::opcode::Opcode;

const TOO_BIG: End = failed(MessageTooBig);
const CORRUPT: End = failed(Payload);
const MEBI: usize = 1 << 20;

/// The limit applies to what the user receives, so inflated bytes count, and the first excess byte
/// ends the connection.
#[test]
#[rustfmt::skip]
fn limit_on_the_message() {
    let five = [stored("12345"), vec![0]].concat();
    let rows = [
        row("as long",  "10.4", compressed(TEXT, &five), [text("12345")], NOTHING, OPEN),
        row("longer",   "10.4", compressed(TEXT, stored("123456")), [], sent_close(1009), TOO_BIG),
        row("longer, in another block", "10.4", compressed(TEXT, [stored("12345"), stored("6")].concat()),
            [], sent_close(1009), TOO_BIG),
        row("as long, empty blocks behind", "10.4", compressed(TEXT, [&five[..], &[0, 0, 0xff, 0xff, 0]].concat()),
            [text("12345")], NOTHING, OPEN),
        row("more compressed bytes than inflated ones", "10.4",
            compressed(TEXT, [stored(""), stored(""), stored(""), five.clone()].concat()), [text("12345")], NOTHING, OPEN),
        row("each anew", "10.4", [compressed(TEXT, &five), compressed(BINARY, &five), frame(TEXT, "12345")],
            [text("12345"), binary("12345"), text("12345")], NOTHING, OPEN),
        row("a plain one longer", "10.4", [compressed(TEXT, &five), header(FIN | TEXT, 6)],
            [text("12345")], sent_close(1009), TOO_BIG),
    ];
    for way in [Delivery::Messages, Delivery::Fragments] {
        check_all(rows.clone().map(|row| row.deflated().max_message(5).delivered_in(way)));
        check_all(rows.clone().map(|row| row.deflated_apart().max_message(5).delivered_in(way)));
    }
    check_all([
        row("fragments, as long", "10.4",
            [compressed_part(TEXT, stored("123")), frame(PING, ""), more(stored("45")), last([0])],
            [ping(""), text("12345")], sent(PONG, ""), OPEN),
        row("fragments, longer", "10.4", [compressed_part(TEXT, stored("123")), last(stored("456"))],
            [], sent_close(1009), TOO_BIG),
    ].map(|row| row.deflated().max_message(5)));
    check_all([
        row("nothing", "10.4", [compressed(TEXT, [0]), compressed(BINARY, [0])], [text(""), binary("")], NOTHING, OPEN),
        row("one byte", "10.4", compressed(TEXT, stored("1")), [], sent_close(1009), TOO_BIG),
    ].map(|row| row.deflated().max_message(0)));
}

/// A few bytes that inflate to many: memory is allocated for no more than the first excess byte.
#[test]
#[rustfmt::skip]
fn limit_on_repetitive_data() {
    for limit in [1, 257, 1000, 16 * 1024, 16 * 1024 + 1, 64 * 1024] {
        let exactly = "a".repeat(limit);
        let more = "a".repeat(limit + 1);
        check_all([
            row(format!("{limit}"), "10.4", compressed(TEXT, pack(&exactly)), [text(&exactly)], NOTHING, OPEN),
            row(format!("{limit} and one"), "10.4", up_to_byte(&pack(&more), limit), [], sent_close(1009), TOO_BIG),
            row(format!("{limit} and many"), "10.4", up_to_byte(&pack("a".repeat(limit + 5000)), limit),
                [], sent_close(1009), TOO_BIG),
        ].map(|row| row.deflated().max_message(limit as u64)));
    }
}

/// A fragment or a part is limited by itself or not at all; a frame by its own length.
#[test]
#[rustfmt::skip]
fn limits_in_other_deliveries() {
    let [one, two] = [stored("12345"), [stored("67890"), vec![0]].concat()];
    let in_two = [compressed_part(BINARY, &one), last(&two)].concat();
    let fragments = [data(Opcode::Binary, true, false, "12345"), data(Opcode::Binary, false, true, "67890")];
    check_all([
        row("each for itself", "10.4", in_two.clone(), fragments, NOTHING, OPEN),
        row("one too large", "10.4", [compressed_part(TEXT, stored("1")), last(stored("123456"))],
            [data(Opcode::Text, true, false, "1")], sent_close(1009), TOO_BIG),
    ].map(|row| row.deflated().max_message(5).delivered_in(Delivery::Fragments)));
    check_all([
        row("no limit", "10.4", in_two.clone(), [binary("1234567890")], NOTHING, OPEN),
        row("a hundred times as much", "10.4", compressed(TEXT, pack("a".repeat(1000))), [text("a".repeat(1000))],
            NOTHING, OPEN),
    ].map(|row| row.deflated().max_message(5).delivered_in(Delivery::Parts)));
    check_all([
        row("as it came", "10.4", compressed(TEXT, pack("a".repeat(1000))),
            [raw_bits(true, true, TEXT, pack("a".repeat(1000)))], NOTHING, OPEN),
        row("one byte more", "10.4", header(FIN | RSV1 | TEXT, 21), [], sent_close(1009), TOO_BIG),
    ].map(|row| row.deflated().max_message(20).delivered_in(Delivery::Frames)));
    for way in WAYS {
        check_all([
            row("a frame too large", "10.4", header(FIN | RSV1 | TEXT, 6), [], sent_close(1009), TOO_BIG),
        ].map(|row| row.deflated().max_frame(5).delivered_in(way)));
    }
    for way in [Delivery::Messages, Delivery::Fragments, Delivery::Frames] {
        check_all([
            row("too many fragments", "10.4", [compressed(TEXT, [0]), compressed_part(TEXT, []), header(FIN, 1)],
                [], sent_close(1009), TOO_BIG).expecting(|outcome| begun_in(way, outcome)),
        ].map(|row| row.deflated().max_fragments(1).delivered_in(way)));
    }
    check_all([
        row("fragments without number", "10.4", [compressed_part(TEXT, pack("a")), more([]), last([])],
            [text("a")], NOTHING, OPEN),
    ].map(|row| row.deflated().max_fragments(1).delivered_in(Delivery::Parts)));
}

/// The first violation decides, wherever the pieces end.
#[test]
fn a_message_that_is_too_big_and_invalid() {
    let table = [
        (
            "too big, then corrupt",
            [stored("123456"), vec![6]],
            TOO_BIG,
        ),
        (
            "too big, then no text",
            [stored("123456"), stored(b"\xff")],
            TOO_BIG,
        ),
        (
            "no text, then too big",
            [stored(b"12\xff"), stored("3456")],
            CORRUPT,
        ),
        (
            "corrupt, then too big",
            [stored("123"), vec![6, 0]],
            CORRUPT,
        ),
    ];
    let settings = Settings {
        limits: Limits {
            max_message_bytes: 5,
            ..Settings::default().limits
        },
        deflate: Some((UNRESTRICTED, u64::MAX)),
        ..Settings::default()
    };
    let mut wrong = Vec::new();
    for (id, blocks, end) in table {
        let input = compressed(TEXT, blocks.concat());
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        let ends = [&[&input[..]][..], &bytes].map(|pieces| run(&settings, pieces).end);
        if ends != [end.clone(), end] {
            wrong.push(format!("{id}: whole and byte by byte {ends:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Any ratio is allowed up to 16 MiB, as documented; beyond that, the given multiple of the
/// received size. Frames are inflated, too, because later ones may refer to them.
#[test]
fn limit_on_the_ratio() {
    let zeros = |len| Packer::with(1, 15).message(vec![0; len]);
    let all = zeros(16 * MEBI);
    let more = zeros(16 * MEBI + 1);
    let ratio = (16 * MEBI / all.len()) as u64;
    let table = [
        ("16 MiB", &all, 1, OPEN),
        (
            "and one byte, the ratio is more",
            &more,
            ratio - 20,
            TOO_BIG,
        ),
        ("and one byte, the ratio is less", &more, ratio + 20, OPEN),
    ];
    for (id, payload, max_ratio, end) in table {
        for delivery in [Delivery::Parts, Delivery::Frames] {
            let settings = Settings {
                deflate: Some((UNRESTRICTED, max_ratio)),
                delivery,
                ..Settings::default()
            };
            let outcome = run(&settings, &[&compressed(BINARY, payload)]);
            assert_eq!(outcome.end, end, "{id}, {delivery:?}");
        }
    }
}

/// Zeros followed by noise: as a whole it is not a bomb.
#[test]
fn the_ratio_is_the_same_in_every_split() {
    let mut message = vec![0; 17 * MEBI];
    message.extend(noise(MEBI));
    let payload = compressed(BINARY, Packer::with(1, 15).message(message));
    let settings = Settings {
        deflate: Some((UNRESTRICTED, 20)),
        ..Settings::default()
    };
    let whole = run(&settings, &[&payload]);
    let pieces: Vec<&[u8]> = payload.chunks(8 * 1024).collect();
    let in_pieces = run(&settings, &pieces);
    assert_eq!(whole.end, in_pieces.end);
}

/// A reference beyond the negotiated window violates RFC 7692 section 7.1.2.1. Whether or not it is
/// rejected, the result must be the same in one piece and in many.
#[test]
fn a_window_too_small_for_a_reference() {
    let noise = noise(700);
    let message = [&noise[..], &noise[..100]].concat();
    let payload = pack(&message);
    assert_eq!(inflate(&payload).farthest, 700);
    for bits in [8, 9] {
        for apart in [false, true] {
            let agreement = Agreement {
                server_window_bits: bits,
                server_no_context_takeover: apart,
                ..UNRESTRICTED
            };
            let settings = Settings {
                deflate: Some((agreement, u64::MAX)),
                ..Settings::default()
            };
            let input = compressed(BINARY, &payload);
            let whole = run(&settings, &[&input]);
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            let in_bytes = run(&settings, &bytes);
            assert_eq!(in_bytes, whole, "{bits} bits, apart: {apart}");
        }
    }
}

/// A fragment of compressed text whose last byte makes it inflate to more than `limit`.
fn up_to_byte(payload: &[u8], limit: usize) -> Vec<u8> {
    let is_more = |len: &usize| inflate(&payload[..*len]).out.len() > limit;
    let len = (0..=payload.len()).find(is_more).expect("it is more");
    compressed_part(TEXT, &payload[..len])
}

/// What was delivered of a whole message and of the start of another, both empty.
fn begun_in(way: Delivery, outcome: Outcome) -> Outcome {
    let mut events = vec![text("")];
    match way {
        Delivery::Fragments => events.push(data(Opcode::Text, true, false, "")),
        Delivery::Frames => {
            events = vec![
                raw_bits(true, true, TEXT, [0]),
                raw_bits(false, true, TEXT, []),
            ];
        }
        _ => {}
    }
    Outcome { events, ..outcome }
}
