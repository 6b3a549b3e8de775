// SPDX-License-Identifier: Apache-2.0
//! Frames of compressed messages: the bit that marks them, and what their payloads inflate to.
//!
//! Section numbers refer to RFC 7692 unless another RFC is named.

use crate::outcome::{End, OPEN, Outcome, binary, failed, ping, pong, raw_bits, text};
use crate::packer::{Packer, noise, pack, stored};
use crate::row::{Row, check_all, row};
use crate::wire::{
    BINARY, CLOSE, CONTINUATION, FIN, NOTHING, PING, PONG, RSV1, TEXT, compressed, compressed_part,
    cut, first_byte, frame, header, last, more, part, sent, sent_close,
};
use wsline::base::error::Kind::{Payload, Protocol};
use wsline::protocol::ws::message::Delivery;

const RSV2: u8 = 0x20;
const RSV3: u8 = 0x10;
const PROTOCOL: End = failed(Protocol);
const CORRUPT: End = failed(Payload);

/// "Hello", section 7.2.3.1.
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
/// The same message after an equal one, section 7.2.3.2.
const HELLO_AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];
/// Section 7.2.3.6.
const EMPTY: [u8; 1] = [0];

/// Rows of single-frame messages, and of failures, give the same result in every delivery mode.
fn check_in_every_delivery(rows: impl IntoIterator<Item = Row>) {
    check_all(rows.into_iter().flat_map(|row| {
        let ways = [Delivery::Messages, Delivery::Fragments, Delivery::Parts];
        ways.map(|way| row.clone().delivered_in(way))
    }));
}

#[test]
#[rustfmt::skip]
fn the_examples_of_the_standard() {
    let fragments = [&HELLO[..3], &HELLO[3..]];
    check_all([
        row("one frame", "7.2.3.1", first_byte(0xc1, HELLO), [text("Hello")], NOTHING, OPEN),
        row("two frames", "7.2.3.1", [first_byte(0x41, fragments[0]), first_byte(0x80, fragments[1])],
            [text("Hello")], NOTHING, OPEN),
        row("sharing the window", "7.2.3.2", [first_byte(0xc1, HELLO), first_byte(0xc1, HELLO_AGAIN)],
            [text("Hello"), text("Hello")], NOTHING, OPEN),
        row("without compression", "7.2.3.3", first_byte(0xc1, b"\x00\x05\x00\xfa\xffHello\x00"),
            [text("Hello")], NOTHING, OPEN),
        row("BFINAL", "7.2.3.4", first_byte(0xc1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
            [text("Hello")], NOTHING, OPEN),
        row("two blocks", "7.2.3.5", first_byte(0xc1, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
            [text("Hello")], NOTHING, OPEN),
        row("empty", "7.2.3.6", first_byte(0xc1, EMPTY), [text("")], NOTHING, OPEN),
        // The exact bytes printed in the RFC.
        row("printed", "7.2.3.1", *b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", [text("Hello")], NOTHING, OPEN),
        row("printed, two frames", "7.2.3.1", *b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00",
            [text("Hello")], NOTHING, OPEN),
    ].map(Row::deflated));
    check_all([
        row("sent twice where nothing is shared", "7.2.3.2", [compressed(TEXT, HELLO), compressed(TEXT, HELLO)],
            [text("Hello"), text("Hello")], NOTHING, OPEN),
        row("shared against the agreement", "7.1.1.1",
            [compressed(TEXT, HELLO), header(FIN | RSV1 | TEXT, 5), HELLO_AGAIN[..3].to_vec()],
            [text("Hello")], sent_close(1007), CORRUPT),
    ].map(Row::deflated_apart));
}

#[test]
fn the_bit_of_compressed_messages_needs_the_extension() {
    check_in_every_delivery([TEXT, BINARY].map(|opcode| {
        let frame = header(FIN | RSV1 | opcode, 7);
        refused("not agreed on", "6455 5.2", frame)
    }));
}

/// Section 6.1: the bit applies to the message, so it is on its first frame; it is undefined on the
/// others.
#[test]
fn reserved_bits() {
    let data = [TEXT, BINARY, FIN | TEXT, FIN | BINARY];
    let control = [CLOSE, PING, PONG].map(|opcode| FIN | opcode);
    let continuation = [CONTINUATION, FIN | CONTINUATION];
    let others = [
        RSV2,
        RSV3,
        RSV1 | RSV2,
        RSV1 | RSV3,
        RSV2 | RSV3,
        RSV1 | RSV2 | RSV3,
    ];
    let firsts = [&data[..], &control, &continuation].concat();
    let with_others = firsts
        .into_iter()
        .flat_map(|first| others.map(|bits| first | bits));
    let with_rsv1 = [&control[..], &continuation].concat();
    let with_rsv1 = with_rsv1.into_iter().map(|first| first | RSV1);
    let rows = with_others.chain(with_rsv1).flat_map(|first| {
        let alone = refused(format!("{first:#x}"), "6", header(first, 5));
        let between = [compressed_part(TEXT, []), header(first, 5)].concat();
        let behind = [compressed(TEXT, EMPTY), header(first, 1)];
        let behind = row(
            format!("{first:#x} behind a message"),
            "6",
            behind,
            [text("")],
            sent_close(1002),
            PROTOCOL,
        );
        [
            alone.clone().delivered_in(Delivery::Frames),
            alone,
            refused(format!("{first:#x} inside a message"), "6", between),
            behind,
        ]
    });
    check_all(rows.map(Row::deflated));
}

#[test]
#[rustfmt::skip]
fn only_the_first_frame_has_the_bit() {
    check_in_every_delivery([
        refused("last of none", "6.1", header(FIN | RSV1 | CONTINUATION, 5)),
        refused("more of none", "6.1", header(RSV1 | CONTINUATION, 0)),
        refused("ping", "6", header(FIN | RSV1 | PING, 5)),
        refused("a reserved opcode", "6455 5.2", header(FIN | RSV1 | 3, 0)),
        refused("masked", "6455 5.1", vec![FIN | RSV1 | TEXT, 0x80, 1, 2, 3, 4]),
    ].map(Row::deflated));
    let begun = |header| [compressed_part(TEXT, []), header].concat();
    let rows = [
        refused("more of a compressed message", "6.1", begun(header(RSV1, 1))),
        refused("last of a compressed message", "6.1", begun(header(FIN | RSV1, 1))),
        refused("last of a compressed message, empty", "6.1", begun(header(FIN | RSV1, 0))),
        refused("a message inside another", "6455 5.4", begun(header(FIN | RSV1 | TEXT, 1))),
        refused("a plain one inside", "6455 5.4", begun(header(FIN | BINARY, 1))),
        refused("more of a plain message", "6.1", [part(TEXT, "a"), header(RSV1, 1)].concat()),
        refused("last of a plain message", "6.1", [part(TEXT, "a"), header(FIN | RSV1, 1)].concat()),
    ];
    check_all(rows.clone().map(Row::deflated));
    check_all(rows.map(|row| row.deflated().delivered_in(Delivery::Parts)));
}

#[test]
#[rustfmt::skip]
fn messages_in_one_frame() {
    let noise = noise(600);
    let bytes: Vec<u8> = (0..=255).collect();
    let long = "All work and no play makes Jack a dull boy. ".repeat(50);
    let rows = [
        row("text",    "7.2.2", compressed(TEXT, pack("héllo")), [text("héllo")], NOTHING, OPEN),
        row("binary",  "7.2.2", compressed(BINARY, pack(b"\xff\0\x80")), [binary(b"\xff\0\x80")], NOTHING, OPEN),
        row("every byte", "7.2.2", compressed(BINARY, pack(&bytes)), [binary(&bytes)], NOTHING, OPEN),
        row("incompressible", "7.2.2", compressed(BINARY, pack(&noise)), [binary(&noise)], NOTHING, OPEN),
        row("compressible", "7.2.2", compressed(TEXT, pack(&long)), [text(&long)], NOTHING, OPEN),
        row("empty",   "7.2.3.6", compressed(BINARY, EMPTY), [binary("")], NOTHING, OPEN),
        row("empty blocks only", "7.2.2", compressed(TEXT, [stored(""), stored(""), EMPTY.to_vec()].concat()),
            [text("")], NOTHING, OPEN),
        row("two empty ones", "7.2.2", [compressed(TEXT, EMPTY), compressed(BINARY, EMPTY)],
            [text(""), binary("")], NOTHING, OPEN),
        row("stored, then fixed", "7.2.2", compressed(TEXT, [stored("He"), pack("llo")].concat()),
            [text("Hello")], NOTHING, OPEN),
        row("header alone", "7.2.2", header(FIN | RSV1 | TEXT, 7), [], NOTHING, OPEN),
        row("plain, though agreed on", "6", frame(TEXT, "Hello"), [text("Hello")], NOTHING, OPEN),
        row("plain, what looks compressed", "6", frame(BINARY, HELLO), [binary(HELLO)], NOTHING, OPEN),
        row("plain between", "6", [compressed(TEXT, HELLO), frame(BINARY, "between"), compressed(TEXT, HELLO)],
            [text("Hello"), binary("between"), text("Hello")], NOTHING, OPEN),
        row("control frames between", "6455 5.4",
            [compressed(TEXT, HELLO), frame(PING, "p"), compressed(TEXT, HELLO), frame(PONG, HELLO)],
            [text("Hello"), ping("p"), text("Hello"), pong(HELLO)], sent(PONG, "p"), OPEN),
    ];
    check_in_every_delivery(rows.clone().map(Row::deflated));
    check_in_every_delivery(rows.map(Row::deflated_apart));
}

#[test]
#[rustfmt::skip]
fn a_window_that_is_taken_over() {
    let mut packer = Packer::new();
    let [one, two, three] = ["the same words", "the same words again", "again the same words"].map(|text| packer.message(text));
    assert!(two.len() < pack("the same words again").len(), "it refers back");
    let messages = [text("the same words"), text("the same words again"), text("again the same words")];
    let [first, second, third] = messages.clone();
    check_in_every_delivery([
        row("one after the other", "7.1.1.1",
            [compressed(TEXT, &one), compressed(TEXT, &two), compressed(TEXT, &three)], messages, NOTHING, OPEN),
        row("plain ones between", "7.1.1.1",
            [compressed(TEXT, &one), frame(TEXT, "other words"), compressed(TEXT, &two), frame(BINARY, ""),
                compressed(TEXT, &three)],
            [first, text("other words"), second, binary(""), third], NOTHING, OPEN),
        row("empty ones between", "7.1.1.1",
            [compressed(TEXT, HELLO), compressed(TEXT, EMPTY), compressed(TEXT, HELLO_AGAIN)],
            [text("Hello"), text(""), text("Hello")], NOTHING, OPEN),
        row("another opcode", "7.1.1.1", [compressed(BINARY, HELLO), compressed(TEXT, HELLO_AGAIN)],
            [binary("Hello"), text("Hello")], NOTHING, OPEN),
        row("behind a ping", "7.1.1.1", [compressed(TEXT, HELLO), frame(PING, ""), compressed(TEXT, HELLO_AGAIN)],
            [text("Hello"), ping(""), text("Hello")], sent(PONG, ""), OPEN),
    ].map(Row::deflated));
}

#[test]
#[rustfmt::skip]
fn blocks_marked_as_the_last() {
    let mut packer = Packer::new();
    let last_blocks = [packer.final_block("one"), packer.final_block("two"), packer.message("three")];
    let [one, two, three] = last_blocks.clone();
    // The stream ends within a message: the second stream starts on a byte boundary and refers to
    // nothing before it.
    let joined = [&one[..one.len() - 1], &two[..two.len() - 1], &three].concat();
    let mut bare = || packer.bare_final_block("one one one");
    let [first, second, third] = [bare(), bare(), bare()];
    let rows = [
        row("without an empty block", "7.2.3.4",
            [compressed(TEXT, &first), compressed(TEXT, &second), compressed(TEXT, &third), compressed(TEXT, pack("four"))],
            [text("one one one"), text("one one one"), text("one one one"), text("four")], NOTHING, OPEN),
        row("without and with an empty block", "7.2.3.4",
            [compressed(TEXT, &first), compressed(TEXT, &one), compressed(TEXT, EMPTY), compressed(TEXT, &second)],
            [text("one one one"), text("one"), text(""), text("one one one")], NOTHING, OPEN),
        row("each message", "7.2.3.4",
            [compressed(TEXT, &one), compressed(TEXT, &two), compressed(TEXT, &three)],
            [text("one"), text("two"), text("three")], NOTHING, OPEN),
        row("inside a message", "7.2.3.4", compressed(TEXT, joined), [text("onetwothree")], NOTHING, OPEN),
        row("stored", "7.2.3.4", compressed(TEXT, b"\x01\x02\x00\xfd\xffhi\x00"), [text("hi")], NOTHING, OPEN),
        row("nothing but the block", "7.2.3.4", compressed(TEXT, b"\x03\x00\x00"), [text("")], NOTHING, OPEN),
    ];
    check_in_every_delivery(rows.clone().map(Row::deflated));
    check_in_every_delivery(rows.map(Row::deflated_apart));
}

#[test]
#[rustfmt::skip]
fn compressed_fragments() {
    let [a, b, c] = [&HELLO[..2], &HELLO[2..5], &HELLO[5..]];
    let mut packer = Packer::new();
    let flushed = [packer.part("Hel"), packer.part("lo"), packer.message("!")];
    let [one, two, three] = flushed.each_ref().map(|part| &part[..]);
    let bare = Packer::new().bare_final_block("Hello");
    let every_byte: Vec<u8> = HELLO[1..6].iter().flat_map(|byte| more([*byte])).collect();
    let rows = [
        row("three", "7.2.1", [compressed_part(TEXT, a), more(b), last(c)], [text("Hello")], NOTHING, OPEN),
        row("each byte", "7.2.1", [compressed_part(TEXT, &HELLO[..1]), every_byte, last(&HELLO[6..])],
            [text("Hello")], NOTHING, OPEN),
        row("a last block alone", "7.2.3.4",
            [compressed_part(TEXT, &bare[..3]), last(&bare[3..]), compressed(TEXT, HELLO)],
            [text("Hello"), text("Hello")], NOTHING, OPEN),
        row("a last block alone, before an empty fragment", "7.2.3.4",
            [compressed_part(TEXT, &bare), last([]), compressed(TEXT, HELLO)],
            [text("Hello"), text("Hello")], NOTHING, OPEN),
        row("flushed", "7.2.1", [compressed_part(TEXT, one), more(two), last(three)], [text("Hello!")], NOTHING, OPEN),
        row("flushed, the last one empty", "7.2.3.6", [compressed_part(TEXT, Packer::new().part("Hello!")), last(EMPTY)],
            [text("Hello!")], NOTHING, OPEN),
        row("a last one without a payload", "7.2.2", [compressed_part(TEXT, HELLO), last([])],
            [text("Hello")], NOTHING, OPEN),
        row("empty ones all over", "7.2.1",
            [compressed_part(TEXT, []), more([]), more(a), more([]), more(b), last(c)], [text("Hello")], NOTHING, OPEN),
        row("nothing but empty ones", "7.2.3.6", [compressed_part(BINARY, []), more([]), last(EMPTY)],
            [binary("")], NOTHING, OPEN),
        row("control frames between", "6455 5.4",
            [compressed_part(TEXT, a), frame(PING, HELLO), more(b), frame(PONG, ""), last(c)],
            [ping(HELLO), pong(""), text("Hello")], sent(PONG, HELLO), OPEN),
        row("a plain message behind", "6", [compressed_part(TEXT, a), last(&HELLO[2..]), part(TEXT, "plain"), last("!")],
            [text("Hello"), text("plain!")], NOTHING, OPEN),
        row("a plain message before", "6", [part(BINARY, HELLO), last(HELLO), compressed(TEXT, HELLO)],
            [binary([HELLO, HELLO].concat()), text("Hello")], NOTHING, OPEN),
        row("the end still to come", "7.2.2", [compressed_part(TEXT, a), more(&HELLO[2..])], [], NOTHING, OPEN),
    ];
    check_all(rows.clone().map(Row::deflated));
    check_all(rows.map(Row::deflated_apart));
    check_all([
        row("sharing the window", "7.2.3.2",
            [compressed_part(TEXT, a), more(b), last(c), compressed_part(TEXT, &HELLO_AGAIN[..2]), last(&HELLO_AGAIN[2..])],
            [text("Hello"), text("Hello")], NOTHING, OPEN),
    ].map(Row::deflated));
}

/// RFC 1951. The failure is reported with the byte that makes it certain.
#[test]
#[rustfmt::skip]
fn corrupt_payloads() {
    let rows = [
        corrupt("a reserved type of block", "1951 3.2.3", b"\x06"),
        corrupt("a reserved type, last",    "1951 3.2.3", b"\x07"),
        corrupt("lengths that differ",      "1951 3.2.4", b"\x00\x05\x00\xfa\xfe"),
        corrupt("lengths that are equal",   "1951 3.2.4", b"\x00\x05\x00\x05\x00"),
        corrupt("stored, then reserved",    "1951 3.2.3", b"\x00\x01\x00\xfe\xffa\x06"),
        corrupt("back before the beginning", "1951 3.2.5", &HELLO_AGAIN[..3]),
        corrupt("too many lengths",         "1951 3.2.7", b"\xfc\x00\x00"),
        corrupt("too many distances",       "1951 3.2.7", b"\x04\x1f\x00"),
        // Symbols 286 and 287 of the fixed code, distance 30.
        corrupt("a length that is none",    "1951 3.2.6", b"\x1a\x03"),
        corrupt("another",                  "1951 3.2.6", b"\x1a\x07"),
        corrupt("a distance that is none",  "1951 3.2.6", b"\x02\x3e"),
        corrupt("more codes than there are", "1951 3.2.7", b"\x04\x00\x92\x04"),
        corrupt("fewer codes than there are", "1951 3.2.7", b"\x04\x00\x02\x00"),
        corrupt("a length repeated before any", "1951 3.2.7", b"\x04\x00\x12\x00"),
        corrupt("no code for the end",       "1951 3.2.7", b"\x04\x00\x90\xe0\x7f\x1b"),
        corrupt("more lengths than announced", "1951 3.2.7", b"\x04\x00\x90\xe0\xff\x1f"),
    ];
    check_in_every_delivery(rows.clone().map(Row::deflated));
    check_in_every_delivery(rows.map(Row::deflated_apart));
    check_all([
        row("in a second message", "1951 3.2.3", [compressed(TEXT, HELLO), cut_compressed(9, b"\x06")],
            [text("Hello")], sent_close(1007), CORRUPT),
        row("in a second fragment", "1951 3.2.3", [compressed_part(TEXT, stored("He")), cut(CONTINUATION, 9, b"\x06")],
            [], sent_close(1007), CORRUPT),
        row("behind a ping", "1951 3.2.3", [compressed_part(TEXT, []), frame(PING, "p"), cut(CONTINUATION, 9, b"\x06")],
            [ping("p")], [sent(PONG, "p"), sent_close(1007)], CORRUPT),
    ].map(Row::deflated));
}

/// If nothing refers to a message, the end of the message shows whether it is complete (section
/// 7.2.2).
#[test]
#[rustfmt::skip]
fn messages_that_end_within_a_block() {
    let cut = |id: &str, payload: &[u8]| row(id, "7.2.2", compressed(BINARY, payload), [], sent_close(1007), CORRUPT);
    let rows = [
        cut("in a symbol", &HELLO[..3]),
        cut("in another", &HELLO[..4]),
        cut("in the end of the block", &HELLO[..5]),
        cut("without the block behind it", &HELLO[..6]),
        cut("in the bytes of a stored block", &stored("Hello")[..8]),
        cut("in the bytes of a stored block that the tail does not fill", b"\x00\x10\x00\xef\xffHello"),
        cut("in the distance of a reference", b"\x5a\x71\x63"),
        cut("in the lengths of a stored block", &stored("Hello")[..3]),
        cut("flushed, and nothing behind it", &[&stored("Hello")[..], &stored("")].concat()),
        cut("nothing", b""),
    ];
    for way in [Delivery::Messages, Delivery::Parts] {
        check_all(rows.clone().map(|row| row.deflated_apart().delivered_in(way)));
    }
    check_all([
        row("fragments without an end", "7.2.3.6", [compressed_part(TEXT, Packer::new().part("Hello")), last([])],
            [], sent_close(1007), CORRUPT),
    ].map(Row::deflated_apart));
}

/// The inflated text is validated as it arrives; in stored blocks that is byte by byte.
#[test]
#[rustfmt::skip]
fn compressed_text_is_validated() {
    let euro = stored("€");
    let rows = [
        row("whole", "6455 8.1", compressed(TEXT, [&euro[..], &EMPTY].concat()), [text("€")], NOTHING, OPEN),
        row("cut between fragments", "6455 8.1", [compressed_part(TEXT, &euro[..6]), last([&euro[6..], &EMPTY].concat())],
            [text("€")], NOTHING, OPEN),
        row("cut between blocks", "6455 8.1",
            compressed(TEXT, [stored(b"\xe2"), stored(b"\x82\xac"), EMPTY.to_vec()].concat()), [text("€")], NOTHING, OPEN),
        row("wrong", "6455 8.1", cut_compressed(20, &stored(b"ab\xff")), [], sent_close(1007), CORRUPT),
        row("wrong after a character's start", "6455 8.1", cut_compressed(20, &stored(b"\xe2A")), [], sent_close(1007), CORRUPT),
        row("wrong in a second fragment", "6455 8.1",
            [compressed_part(TEXT, stored(b"\xe2\x82")), cut(CONTINUATION, 20, stored(b"A"))], [], sent_close(1007), CORRUPT),
        row("never ended", "6455 8.1", compressed(TEXT, stored(b"a\xe2\x82")), [], sent_close(1007), CORRUPT),
        row("never ended, an empty last one", "6455 8.1", [compressed_part(TEXT, stored(b"\xe2")), last(EMPTY)],
            [], sent_close(1007), CORRUPT),
        row("ended by the next message", "6455 8.1", [compressed(TEXT, pack("€")), cut_compressed(9, &stored(b"\x82"))],
            [text("€")], sent_close(1007), CORRUPT),
        row("a surrogate", "6455 8.1", cut_compressed(9, &stored(b"\xed\xa0")), [], sent_close(1007), CORRUPT),
        row("binary", "6455 8.1", compressed(BINARY, [stored(b"\xff\xe2"), EMPTY.to_vec()].concat()),
            [binary(b"\xff\xe2")], NOTHING, OPEN),
    ];
    let in_parts = rows.clone().map(|row| row.deflated().delivered_in(Delivery::Parts));
    check_all(in_parts);
    check_all(rows.clone().map(Row::deflated));
    check_all(rows.map(Row::deflated_apart));
    check_in_every_delivery([
        row("unchecked", "6455 8.1", compressed(TEXT, [stored(b"\xff\xe2"), EMPTY.to_vec()].concat()),
            [text(b"\xff\xe2")], NOTHING, OPEN),
    ].map(|row| row.deflated().unchecked()));
}

/// Every frame is delivered unchanged, including the bit.
#[test]
#[rustfmt::skip]
fn compressed_frames() {
    let as_frames = |row: Row| row.delivered_in(Delivery::Frames);
    let rows = [
        row("one", "6", first_byte(FIN | RSV1 | TEXT, HELLO), [raw_bits(true, true, TEXT, HELLO)], NOTHING, OPEN),
        row("two, and a ping", "6", [compressed_part(BINARY, &HELLO[..3]), frame(PING, "p"), last(&HELLO[3..])],
            [raw_bits(false, true, BINARY, &HELLO[..3]), raw_bits(true, false, PING, "p"),
                raw_bits(true, false, CONTINUATION, &HELLO[3..])], NOTHING, OPEN),
        row("a plain one between", "6", [compressed(TEXT, HELLO), frame(TEXT, HELLO), compressed(TEXT, HELLO)],
            [true, false, true].map(|rsv1| raw_bits(true, rsv1, TEXT, HELLO)), NOTHING, OPEN),
        row("not UTF-8", "6455 8.1", compressed(TEXT, [stored(b"\xff"), EMPTY.to_vec()].concat()),
            [raw_bits(true, true, TEXT, b"\0\x01\0\xfe\xff\xff\0")], NOTHING, OPEN),
        row("empty", "7.2.3.6", compressed(TEXT, EMPTY), [raw_bits(true, true, TEXT, EMPTY)], NOTHING, OPEN),
        row("one not whole yet", "6", cut_compressed(7, &HELLO[..6]), [], NOTHING, OPEN),
    ];
    check_all(rows.clone().map(Row::deflated).map(as_frames));
    check_all(rows.map(Row::deflated_apart).map(as_frames));
    // With context takeover everything must be inflated; without it, nothing is checked.
    let wrong = || row("corrupt", "7.2.2", compressed(TEXT, b"\x06"), [], sent_close(1007), CORRUPT);
    check_all([as_frames(wrong().deflated())]);
    let unseen = Outcome { events: vec![raw_bits(true, true, TEXT, b"\x06")], sent: Vec::new(), end: OPEN };
    check_all([as_frames(wrong().deflated_apart().expecting(|_| unseen))]);
}

/// A compressed text whose payload arrives up to the invalid byte.
fn corrupt(id: &str, section: &'static str, start: &[u8]) -> Row {
    let input = cut_compressed(start.len() + 9, start);
    row(id, section, input, [], sent_close(1007), CORRUPT)
}

fn cut_compressed(len: usize, start: &[u8]) -> Vec<u8> {
    [header(FIN | RSV1 | TEXT, len as u64), start.to_vec()].concat()
}

fn refused(id: impl Into<String>, section: &'static str, input: Vec<u8>) -> Row {
    row(id, section, input, [], sent_close(1002), PROTOCOL)
}
