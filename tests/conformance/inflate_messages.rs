// SPDX-License-Identifier: Apache-2.0
//! Binary messages that the server has compressed itself: gzip (RFC 1952), zlib (RFC 1950), raw
//! DEFLATE (RFC 1951), and one zlib stream for all of them.

use crate::outcome::{End, OPEN, Outcome, binary, data, failed, ping, raw, text};
use crate::packer::{Packer, TAIL, noise, pack, stored};
use crate::row::{Row, Settings, UNRESTRICTED, check_all, row, run, session};
use crate::wire::{
    BINARY, CONTINUATION, FIN, KEY, NOTHING, PING, PONG, RSV1, TEXT, compressed, compressed_part,
    cut, cut_part, frame, header, last, more, part, sent, sent_close,
};
use flate2::Crc;
use wsline::base::error::Kind::{MessageTooBig, Payload};
use wsline::protocol::ws::message::{Delivery, MessageFlags};
use wsline::protocol::ws::message_inflater::InflateMode;
use wsline::protocol::ws::opcode::Opcode::Binary;

const CORRUPT: End = failed(Payload);
const TOO_BIG: End = failed(MessageTooBig);
const MEBI: usize = 1 << 20;

/// "Hello" from Python's zlib, with FTEXT, FHCRC, FEXTRA, FNAME and FCOMMENT.
const EVERY_FIELD: &[u8] =
    b"\x1f\x8b\x08\x1f\x01\x02\x03\x04\x00\xff\x05\x00\x00\x1f\x8b\x08\x00name\x00comment\x00\
    \x58\xae\xf3\x48\xcd\xc9\xc9\x07\x00\x82\x89\xd1\xf7\x05\x00\x00\x00";
/// Its header, with its CRC.
const EVERY_FIELD_HEADER: usize = 32;

fn deflated(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    Packer::new().bare_final_block(bytes)
}

fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    gzip_with(b"\x1f\x8b\x08\0\0\0\0\0\0\x03", bytes)
}

fn gzip_with(header: &[u8], bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(bytes.as_ref());
    let trailer = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()];
    [header, &deflated(bytes), &trailer.concat()].concat()
}

fn zlib(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [b"\x78\x9c", &deflated(bytes)[..], &adler(bytes)].concat()
}

/// RFC 1950 section 8.2.
fn adler(bytes: &[u8]) -> [u8; 4] {
    let (mut a, mut b) = (1, 0);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    (b << 16 | a).to_be_bytes()
}

/// The payload with another byte at `at`.
fn with_byte(payload: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut payload = payload.to_vec();
    payload[at] = byte;
    payload
}

/// In each way that inflates, with the same result: all rows are whole messages.
fn check_in_all_ways<const N: usize>(rows: [Row; N], mode: InflateMode) {
    for way in [Delivery::Messages, Delivery::Fragments, Delivery::Parts] {
        let rows = rows.clone();
        check_all(rows.map(|row| row.inflated(mode).delivered_in(way)));
    }
}

/// What each mode inflates, and what it delivers unchanged.
#[test]
#[rustfmt::skip]
fn formats_are_recognized() {
    let (gzip, zlib) = (gzip("Hello"), zlib("Hello"));
    let both = [frame(BINARY, &gzip), frame(BINARY, &zlib)].concat();
    let hello = || binary("Hello");
    check_in_all_ways([row("both", "1950 2.2", both.clone(), [hello(), hello()], NOTHING, OPEN)], InflateMode::Auto);
    check_in_all_ways([row("both", "1952 2.3.1", both.clone(), [hello(), binary(&zlib)], NOTHING, OPEN)], InflateMode::Gzip);
    check_in_all_ways([row("both", "1950 2.2", both.clone(), [binary(&gzip), hello()], NOTHING, OPEN)], InflateMode::Zlib);
    for mode in [InflateMode::Auto, InflateMode::Gzip, InflateMode::Zlib] {
        check_in_all_ways([
            "".into(), "a".into(), "ab".into(), "abc".into(), "\x1f".into(), "x".into(), "\x1fx".into(),
            b"\x1f\x8b".to_vec(), b"\x1f\x8b\x09a".to_vec(), b"\x1f\x9c\x08a".to_vec(), b"\x1e\x8b\x08a".to_vec(),
            // FCHECK, FDICT, CINFO, CM.
            b"\x78\x9d".to_vec(), b"\x78\xbb\0\0".to_vec(), b"\x88\x1caa".to_vec(), b"\x77\x02aa".to_vec(), noise(1000),
        ].map(|payload| row(format!("{payload:x?}"), "", frame(BINARY, &payload), [binary(&payload)], NOTHING, OPEN)), mode);
    }
}

#[test]
#[rustfmt::skip]
fn texts_are_left_alone() {
    for mode in [InflateMode::Auto, InflateMode::Zlib, InflateMode::Raw, InflateMode::Stream] {
        check_in_all_ways([
            row("like zlib", "1950 2.2", [frame(TEXT, "x\x01"), frame(TEXT, "")], [text("x\x01"), text("")], NOTHING, OPEN),
            row("compressed by the extension", "7692 7.2", compressed(TEXT, pack("x\x01")), [text("x\x01")], NOTHING, OPEN).deflated(),
        ], mode);
        check_all([
            row("in frames", "6455 5.4", [part(TEXT, "x"), last("\x01")], [text("x\x01")], NOTHING, OPEN),
            row("not UTF-8", "6455 8.1", frame(TEXT, "\u{7f}\x1f\x0b"), [text("\u{7f}\x1f\x0b")], NOTHING, OPEN),
        ].map(|row| row.inflated(mode)));
    }
}

#[test]
#[rustfmt::skip]
fn gzip_members() {
    let (hello, nothing) = (gzip("Hello"), gzip(""));
    let named = gzip_with(b"\x1f\x8b\x08\x08\0\0\0\0\0\0\x1f\x8b\0", "Hello");
    let extra = gzip_with(b"\x1f\x8b\x08\x04\0\0\0\0\0\0\0\0", "Hello");
    check_in_all_ways([
        row("every field", "1952 2.3", frame(BINARY, EVERY_FIELD), [binary("Hello")], NOTHING, OPEN),
        row("a name", "1952 2.3", frame(BINARY, &named), [binary("Hello")], NOTHING, OPEN),
        row("an empty extra field", "1952 2.3", frame(BINARY, &extra), [binary("Hello")], NOTHING, OPEN),
        row("several", "1952 2.2", frame(BINARY, [&hello[..], EVERY_FIELD, &nothing, &named].concat()),
            [binary("HelloHelloHello")], NOTHING, OPEN),
        row("nothing", "1952 2.2", [frame(BINARY, &nothing), frame(BINARY, [&nothing[..], &nothing].concat())],
            [binary(""), binary("")], NOTHING, OPEN),
        row("each message anew", "1952 2.2", [frame(BINARY, &hello), frame(PING, "p"), frame(BINARY, "Hello"), frame(BINARY, &hello)],
            [binary("Hello"), ping("p"), binary("Hello"), binary("Hello")], sent(PONG, "p"), OPEN),
        row("a wrong CRC of the header", "1952 2.3.1",
            cut(BINARY, EVERY_FIELD.len(), &with_byte(EVERY_FIELD, EVERY_FIELD_HEADER - 1, 0)[..EVERY_FIELD_HEADER]),
            [], sent_close(1007), CORRUPT),
        row("another header with the same CRC", "1952 2.3.1",
            cut(BINARY, EVERY_FIELD.len(), &with_byte(EVERY_FIELD, 5, 9)[..EVERY_FIELD_HEADER]), [], sent_close(1007), CORRUPT),
        row("a reserved flag", "1952 2.3.1.2", cut(BINARY, 99, b"\x1f\x8b\x08\x20"), [], sent_close(1007), CORRUPT),
        row("another one", "1952 2.3.1.2", cut(BINARY, 99, b"\x1f\x8b\x08\x80"), [], sent_close(1007), CORRUPT),
        row("another magic number in the second", "1952 2.2", cut(BINARY, 99, [&hello[..], b"\x1f\x8c"].concat()),
            [], sent_close(1007), CORRUPT),
        row("a zero behind", "1952 2.2", cut(BINARY, 99, [&hello[..], &[0]].concat()), [], sent_close(1007), CORRUPT),
        row("a wrong CRC", "1952 2.3.1", frame(BINARY, with_byte(&hello, hello.len() - 5, 0)), [], sent_close(1007), CORRUPT),
        row("a wrong length", "1952 2.3.1", frame(BINARY, with_byte(&hello, hello.len() - 4, 6)), [], sent_close(1007), CORRUPT),
        row("a wrong CRC in the second", "1952 2.3.1",
            cut(BINARY, 99, [&hello[..], &with_byte(&hello, hello.len() - 5, 0)].concat()), [], sent_close(1007), CORRUPT),
        row("a block of type 3", "1951 3.2.3", cut(BINARY, 99, b"\x1f\x8b\x08\0\0\0\0\0\0\0\x07"), [], sent_close(1007), CORRUPT),
    ], InflateMode::Gzip);
}

/// A gzip message of more than two bytes that ends early, wherever, is an error.
#[test]
fn truncated_messages() {
    let hello = gzip("Hello");
    let two = [&hello[..], &hello].concat();
    let truncated = |mode, payload: &[u8], lens: std::ops::Range<usize>| {
        for len in lens {
            let id = format!("{mode:?}, {len} bytes");
            let frame = frame(BINARY, &payload[..len]);
            let row = row(id, "1952 2.2", frame, [], sent_close(1007), CORRUPT);
            check_in_all_ways([row], mode);
        }
    };
    truncated(InflateMode::Gzip, EVERY_FIELD, 3..EVERY_FIELD.len());
    truncated(InflateMode::Auto, &two, hello.len() + 1..two.len());
    truncated(InflateMode::Zlib, &zlib("Hello"), 2..zlib("Hello").len());
    truncated(
        InflateMode::Raw,
        &deflated("Hello"),
        0..deflated("Hello").len(),
    );
}

#[test]
#[rustfmt::skip]
fn zlib_and_raw_messages() {
    let hello = zlib("Hello");
    check_in_all_ways([
        row("zlib", "1950 2.2", [frame(BINARY, &hello), frame(BINARY, zlib("")), frame(BINARY, &hello)],
            [binary("Hello"), binary(""), binary("Hello")], NOTHING, OPEN),
        row("a small window", "1950 2.2", frame(BINARY, [b"\x08\x1d", &hello[2..]].concat()), [binary("Hello")], NOTHING, OPEN),
        row("a wrong Adler-32", "1950 2.2", frame(BINARY, with_byte(&hello, hello.len() - 1, 0)), [], sent_close(1007), CORRUPT),
        row("a byte behind", "1950 2.2", cut(BINARY, 99, [&hello[..], b"\0"].concat()), [], sent_close(1007), CORRUPT),
        row("another one behind", "1950 2.2", cut(BINARY, 99, [&hello[..], b"x"].concat()), [], sent_close(1007), CORRUPT),
    ], InflateMode::Zlib);
    let hello = deflated("Hello");
    check_in_all_ways([
        row("raw", "1951", [frame(BINARY, &hello), frame(BINARY, deflated("")), frame(BINARY, &hello)],
            [binary("Hello"), binary(""), binary("Hello")], NOTHING, OPEN),
        row("a byte behind", "1951", cut(BINARY, 99, [&hello[..], b"\0"].concat()), [], sent_close(1007), CORRUPT),
        row("gzip", "1951", cut(BINARY, 99, &gzip("")[..1]), [], sent_close(1007), CORRUPT),
    ], InflateMode::Raw);
}

/// Each fragment is delivered with everything that its payload inflates to.
#[test]
#[rustfmt::skip]
fn fragments() {
    let hello = gzip("Hello");
    let piece = |first, last, payload: &str| data(Binary, first, last, payload);
    let in_three = [part(BINARY, &hello[..12]), frame(PING, ""), more([]), last(&hello[12..])].concat();
    check_all([
        row("in three", "6455 5.4", in_three.clone(),
            [piece(true, false, "H"), ping(""), piece(false, false, ""), piece(false, true, "ello")], sent(PONG, ""), OPEN),
        row("unchanged", "6455 5.4", [part(BINARY, "\x1f"), more("ab"), last("c")],
            [piece(true, false, ""), piece(false, false, "\x1fab"), piece(false, true, "c")], NOTHING, OPEN),
        row("too short to tell", "6455 5.4", [part(BINARY, "x"), last([])],
            [piece(true, false, ""), piece(false, true, "x")], NOTHING, OPEN),
        row("the rest to come", "6455 5.4", [part(BINARY, "ab"), cut_part(CONTINUATION, 9, "c")],
            [piece(true, false, "ab")], NOTHING, OPEN),
    ].map(|row| row.inflated(InflateMode::Auto).delivered_in(Delivery::Fragments)));
    check_all([
        row("in three", "6455 5.4", in_three.clone(), [ping(""), binary("Hello")], sent(PONG, ""), OPEN),
        row("unchanged", "6455 5.4", [part(BINARY, "\x1f"), more("ab"), last("c")], [binary("\x1fabc")], NOTHING, OPEN),
        row("too short to tell", "6455 5.4", [part(BINARY, "x"), last([])], [binary("x")], NOTHING, OPEN),
        row("the rest to come", "6455 5.4", [part(BINARY, "ab"), cut_part(CONTINUATION, 9, "c")], [], NOTHING, OPEN),
    ].map(|row| row.inflated(InflateMode::Auto)));
    check_all([
        row("frames", "6455 5.2", in_three.clone(),
            [raw(false, BINARY, &hello[..12]), raw(true, PING, ""), raw(false, CONTINUATION, ""), raw(true, CONTINUATION, &hello[12..])],
            NOTHING, OPEN),
        row("a corrupt frame", "6455 5.2", frame(BINARY, &hello[..12]), [raw(true, BINARY, &hello[..12])], NOTHING, OPEN),
    ].map(|row| row.inflated(InflateMode::Auto).delivered_in(Delivery::Frames)));
}

/// The server compresses twice: itself, and with the extension.
#[test]
#[rustfmt::skip]
fn with_the_extension() {
    let mut packer = Packer::new();
    let (hello, gzip) = (zlib("Hello"), gzip("Hello"));
    let [one, two, three] = [&hello, &gzip, &hello].map(|payload| packer.message(payload));
    let (start, end) = three.split_at(3);
    let rows = [
        row("both", "7692 7.2", [compressed(BINARY, &one), compressed(BINARY, &two), compressed_part(BINARY, start), last(end)],
            [binary("Hello"), binary("Hello"), binary("Hello")], NOTHING, OPEN),
        row("one of the two, or none", "7692 7.2", [compressed(BINARY, pack("Hello")), frame(BINARY, &hello), frame(BINARY, "Hello")],
            [binary("Hello"), binary("Hello"), binary("Hello")], NOTHING, OPEN),
        row("nothing", "7692 7.2.3.6", compressed(BINARY, [0]), [binary("")], NOTHING, OPEN),
        row("not the extension", "7692 7.2.2", compressed(BINARY, b"\x06"), [], sent_close(1007), CORRUPT),
        row("not zlib", "1950 2.2", [header(FIN | RSV1 | BINARY, 99), stored(with_byte(&hello, hello.len() - 1, 0))], [], sent_close(1007), CORRUPT),
        row("truncated", "1950 2.2", compressed(BINARY, pack(&hello[..9])), [], sent_close(1007), CORRUPT),
    ];
    for way in [Delivery::Messages, Delivery::Parts] {
        check_all(rows.clone().map(|row| row.deflated().inflated(InflateMode::Auto).delivered_in(way)));
    }
}

/// A stream of flushed messages, each of which refers to those before.
#[test]
#[rustfmt::skip]
fn a_stream() {
    let mut packer = Packer::new();
    let words = "the same words, and the same words again";
    let [one, two, three, four] = [(); 4].map(|()| packer.part(words));
    let end = [packer.bare_final_block(words), adler(words.repeat(5).as_bytes()).to_vec()].concat();
    let one = [b"\x78\x9c", &one[..]].concat();
    assert!(two.len() < one.len() / 2 && two.ends_with(&TAIL), "it refers back");
    let all = || binary(words);
    let (begun, continued) = two.split_at(two.len() - 2);
    check_in_all_ways([
        row("three", "1950", [frame(BINARY, &one), frame(TEXT, "x"), frame(BINARY, &two), frame(BINARY, &three)],
            [all(), text("x"), all(), all()], NOTHING, OPEN),
        row("the end of the stream", "1950", [&one, &two, &three, &four, &end].map(|payload| frame(BINARY, payload)),
            [all(), all(), all(), all(), all()], NOTHING, OPEN),
        row("behind the end of the stream", "1950",
            [frame(BINARY, [&one[..], &two, &three, &four, &end].concat()), cut(BINARY, 99, "x")],
            [binary(words.repeat(5))], sent_close(1007), CORRUPT),
        row("a wrong Adler-32", "1950", frame(BINARY, [&one[..], &end].concat()), [], sent_close(1007), CORRUPT),
        row("gzip", "1950", cut(BINARY, 99, b"\x1f\x8b"), [], sent_close(1007), CORRUPT),
        row("a dictionary", "1950", cut(BINARY, 99, b"\x78\xbb\0\0\0\0"), [], sent_close(1007), CORRUPT),
        row("corrupt", "1951", [frame(BINARY, &one), cut(BINARY, 99, b"\x07")], [all()], sent_close(1007), CORRUPT),
    ], InflateMode::Stream);
    let rows = [
        row("in two messages", "1950", [frame(BINARY, &one), frame(BINARY, begun), frame(BINARY, continued), frame(BINARY, &three)],
            [all(), all(), all()], NOTHING, OPEN),
        row("in many", "1950", two.chunks(1).fold(frame(BINARY, &one), |all, byte| [all, frame(BINARY, byte), frame(BINARY, [])].concat()),
            [all(), all()], NOTHING, OPEN),
        row("in two fragments", "1950", [part(BINARY, &one[..9]), last(&one[9..])], [all()], NOTHING, OPEN),
        row("in two messages of two fragments", "1950",
            [part(BINARY, &one[..9]), last(&one[9..20]), part(BINARY, &one[20..30]), last(&one[30..])], [all()], NOTHING, OPEN),
        row("the rest to come", "1950", [frame(BINARY, &one), frame(BINARY, begun), frame(BINARY, [])], [all()], NOTHING, OPEN),
    ];
    check_all(rows.clone().map(|row| row.inflated(InflateMode::Stream)));
    let in_parts = rows.map(|row| row.inflated(InflateMode::Stream).delivered_in(Delivery::Parts));
    let [.., to_come] = in_parts.clone();
    check_all(in_parts.into_iter().take(4));
    check_all([to_come.expecting(|mut outcome: Outcome| {
        outcome.events.push(data(Binary, true, false, words));
        outcome
    })]);
    check_all([
        row("texts between", "1950",
            [frame(BINARY, &one[..20]), part(TEXT, "a"), last("b"), compressed(TEXT, pack("c")), frame(BINARY, &one[20..])],
            [text("ab"), text("c"), all()], NOTHING, OPEN),
    ].map(|row| row.deflated().inflated(InflateMode::Stream)));
    let mut packer = Packer::new();
    let [one, two, three, four] = ["Hel", "lo", "!", "Hello"].map(|piece| packer.part(piece));
    let two = two.strip_suffix(&TAIL).expect("flushed");
    check_all([
        row("fragments", "1950",
            [part(BINARY, [b"\x78\x9c", &one[..]].concat()), last(two), frame(BINARY, [&TAIL, &three[..]].concat()), frame(BINARY, &four)],
            [data(Binary, true, false, "Hel"), data(Binary, false, false, "lo"), data(Binary, false, true, "!"), binary("Hello")],
            NOTHING, OPEN).inflated(InflateMode::Stream).delivered_in(Delivery::Fragments),
    ]);
}

#[test]
#[rustfmt::skip]
fn limits() {
    let (five, six) = (gzip("12345"), gzip("123456"));
    let modest = |row: Row| row.inflated(InflateMode::Gzip).max_message(5);
    check_all([
        row("as long", "10.4", [frame(BINARY, &five), frame(BINARY, "12345")], [binary("12345"), binary("12345")], NOTHING, OPEN),
        // All of it is inflated by the last byte of the block, before the trailer.
        row("longer", "10.4", cut(BINARY, six.len(), &six[..six.len() - 9]), [], sent_close(1009), TOO_BIG),
        row("longer and unchanged", "10.4", cut(BINARY, 99, "123456"), [], sent_close(1009), TOO_BIG),
        row("several members", "10.4", cut(BINARY, 99, &[&five[..], &gzip("1")[..12]].concat()[..]), [], sent_close(1009), TOO_BIG),
    ].map(modest));
    check_all([
        row("nothing", "10.4", frame(BINARY, gzip("")), [binary("")], NOTHING, OPEN),
        row("a start that is gzip", "10.4", frame(BINARY, b"\x1f\x8b"), [], sent_close(1009), TOO_BIG),
        row("a start that is not", "10.4", cut(BINARY, 3, b"\x1f\x8c"), [], sent_close(1009), TOO_BIG),
    ].map(|row| row.inflated(InflateMode::Gzip).max_message(0)));
    let mut packer = Packer::new();
    let (one, two) = (packer.part("123"), packer.part("456"));
    check_all([
        row("a stream, each anew", "10.4", [frame(BINARY, [b"\x78\x9c", &one[..]].concat()), frame(BINARY, &two)],
            [binary("123"), binary("456")], NOTHING, OPEN),
        row("a stream that continues", "10.4",
            [frame(BINARY, [b"\x78\x9c", &one[..one.len() - 1]].concat()), cut(BINARY, two.len() + 1, [&one[one.len() - 1..], &two[..4]].concat())],
            [], sent_close(1009), TOO_BIG),
    ].map(|row| row.inflated(InflateMode::Stream).max_message(5)));
}

/// Beyond 16 MiB, the ratio counts; in parts it is the only limit.
#[test]
fn the_ratio() {
    let bomb = frame(BINARY, gzip(vec![0; 20 * MEBI]));
    let twice = compressed(BINARY, pack(gzip(vec![0; 20 * MEBI])));
    for way in [Delivery::Messages, Delivery::Parts] {
        for (limit, end) in [(200, TOO_BIG), (u64::MAX, OPEN)] {
            let mut settings = Settings {
                delivery: way,
                deflate: Some((UNRESTRICTED, u64::MAX)),
                ..Settings::default()
            };
            settings.inflate = Some((InflateMode::Gzip, limit));
            assert_eq!(run(&settings, &[&bomb]).end, end, "{way:?} {limit}");
            assert_eq!(run(&settings, &[&twice]).end, end, "{way:?} {limit}");
        }
    }
}

/// Parts are small, however much of a message has arrived, and together they are the message.
#[test]
fn parts_of_a_large_message() {
    let message = [vec![7; 3 * MEBI], noise(100_000), vec![8; MEBI]].concat();
    for payload in [gzip(&message), zlib(&message)] {
        for input in [
            frame(BINARY, &payload),
            compressed(BINARY, pack(&payload)),
            [part(BINARY, &payload[..5000]), last(&payload[5000..])].concat(),
        ] {
            for piece in [1000, input.len()] {
                let mut session = session(&both());
                let mut received = Vec::new();
                for piece in input.chunks(piece) {
                    session.feed(piece).expect("memory");
                    while session
                        .next_event(Delivery::Parts, || KEY)
                        .expect("valid")
                        .is_some()
                    {
                        let part = session.receiver.message();
                        assert!(part.payload.len() <= 64 * 1024);
                        let is_first = part.flags.contains(MessageFlags::FIRST);
                        assert_eq!(is_first, received.is_empty());
                        assert!(part.flags.contains(MessageFlags::INFLATED));
                        received.extend_from_slice(part.payload);
                    }
                }
                let message_end = session.receiver.message().flags;
                assert!(message_end.contains(MessageFlags::LAST) && received == message);
            }
        }
    }
}

#[test]
fn inflated_messages_are_marked() {
    let input = [
        frame(BINARY, gzip("")),
        frame(BINARY, "unchanged"),
        frame(TEXT, "text"),
        compressed(BINARY, pack("by the extension")),
        compressed(BINARY, pack(zlib("twice"))),
        frame(PING, ""),
        frame(BINARY, "x"),
    ];
    for way in [Delivery::Messages, Delivery::Fragments, Delivery::Parts] {
        let mut session = session(&both());
        session.feed(&input.concat()).expect("memory");
        let marks = input.each_ref().map(|_| {
            let event = session.next_event(way, || KEY).expect("valid");
            assert!(event.is_some());
            session
                .receiver
                .message()
                .flags
                .contains(MessageFlags::INFLATED)
        });
        assert_eq!(
            marks,
            [true, false, false, false, true, false, false],
            "{way:?}"
        );
    }
}

/// What was received of a message that continues is not lost when the delivery changes.
#[test]
fn a_stream_in_changing_deliveries() {
    let mut packer = Packer::new();
    let start = [b"\x78\x9c".to_vec(), packer.part(vec![1; 100_000])].concat();
    let rest = packer.part("end");
    let mut settings = both();
    settings.inflate = Some((InflateMode::Stream, u64::MAX));
    let mut session = session(&settings);
    session
        .feed(&frame(BINARY, &start[..start.len() - 1]))
        .expect("memory");
    let event = session.next_event(Delivery::Messages, || KEY);
    assert!(event.expect("valid").is_none(), "it is not flushed");
    let input = frame(
        BINARY,
        [&start[start.len() - 1..], &rest[..rest.len() - 1]].concat(),
    );
    session.feed(&input).expect("memory");
    let mut received = Vec::new();
    while let Some(part) = session.next_event(Delivery::Parts, || KEY).expect("valid") {
        assert_eq!((part.first, part.last), (received.is_empty(), false));
        received.extend(part.payload);
    }
    assert_eq!(received, [vec![1; 100_000], b"end".to_vec()].concat());
    session
        .feed(&frame(BINARY, &rest[rest.len() - 1..]))
        .expect("memory");
    let end = session
        .next_event(Delivery::Messages, || KEY)
        .expect("valid");
    let end = end.expect("the end");
    assert_eq!((end.first, end.last, end.opcode), (false, true, Binary));
    assert_eq!(end.payload, b"");
}

fn both() -> Settings {
    Settings {
        deflate: Some((UNRESTRICTED, u64::MAX)),
        inflate: Some((InflateMode::Auto, u64::MAX)),
        ..Settings::default()
    }
}
