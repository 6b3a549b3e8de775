// SPDX-License-Identifier: Apache-2.0
//! Compressed messages in every delivery mode, and the window across a change of mode (RFC 7692
//! section 7.2.2).

use crate::delivery::{end, first, middle};
use crate::inflate::inflate;
use crate::outcome::{End, OPEN, closed_by_server, closes, data, failed, ping, raw_bits, text};
use crate::packer::{Packer, TAIL, pack, stored};
use crate::row::{Row, Settings, UNRESTRICTED, WAYS, check_all, row, session};
use crate::wire::{
    BINARY, CONTINUATION, FIN, KEY, NOTHING, PING, PONG, RSV1, TEXT, close, compressed,
    compressed_part, cut_part, frame, header, last, more, sent, sent_close,
};
use wsline::base::error::Kind::{Payload, WrongState};
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::opcode::Opcode::Binary;

const CORRUPT: End = failed(Payload);
/// "Hello", and the same message again (sections 7.2.3.1 and 7.2.3.2).
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
const HELLO_AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];

/// Each fragment is delivered as one event with everything its payload inflates to; bits that wait
/// for the next fragment are not part of it.
#[test]
#[rustfmt::skip]
fn compressed_fragments() {
    let mut packer = Packer::new();
    let flushed = [packer.part("Hel"), packer.part("lo"), packer.message("!")];
    let [one, two, three] = flushed.each_ref().map(|part| &part[..]);
    let ended = two.strip_suffix(&TAIL).expect("flushed");
    assert_eq!(inflate(&HELLO[..3]).out, b"He");
    assert_eq!(inflate(&HELLO[..6]).out, b"Hello");
    let rows = [
        row("a whole message", "7.2.1", compressed(TEXT, HELLO), [text("Hello")], NOTHING, OPEN),
        row("flushed", "7.2.1", [compressed_part(TEXT, one), more(two), last(three)],
            [first("Hel"), middle("lo"), end("!")], NOTHING, OPEN),
        row("not flushed", "7.2.3.1", [compressed_part(TEXT, &HELLO[..3]), last(&HELLO[3..])],
            [first("He"), end("llo")], NOTHING, OPEN),
        row("nothing comes of the first", "7.2.3.1", [compressed_part(TEXT, &HELLO[..1]), last(&HELLO[1..])],
            [first(""), end("Hello")], NOTHING, OPEN),
        row("all comes of the first", "7.2.3.1", [compressed_part(TEXT, &HELLO[..6]), last(&HELLO[6..])],
            [first("Hello"), end("")], NOTHING, OPEN),
        row("empty payloads", "7.2.3.6", [compressed_part(BINARY, []), more([]), last([0])],
            [data(Binary, true, false, ""), data(Binary, false, false, ""), data(Binary, false, true, "")],
            NOTHING, OPEN),
        row("an empty last one", "7.2.3.6", [compressed_part(TEXT, one), last([0])], [first("Hel"), end("")], NOTHING, OPEN),
        row("a ping between", "6455 5.4", [compressed_part(TEXT, one), frame(PING, "p"), last(ended)],
            [first("Hel"), ping("p"), end("lo")], sent(PONG, "p"), OPEN),
        row("the last to come", "7.2.1", [compressed_part(TEXT, one), more(two)],
            [first("Hel"), middle("lo")], NOTHING, OPEN),
        row("a fragment to come whole", "7.2.1", [compressed_part(TEXT, one), cut_part(CONTINUATION, 99, two)],
            [first("Hel")], NOTHING, OPEN),
        row("a close between", "6455 5.5.1", [compressed_part(TEXT, one), close(1000, "")],
            [first("Hel"), closes(1000, "")], sent_close(1000), closed_by_server(1000, "")),
        row("a cut character", "6455 8.1", [compressed_part(TEXT, stored(b"\xe2")), last([&stored(b"\x82\xac")[..], &[0]].concat())],
            [first(b"\xe2"), end(b"\x82\xac")], NOTHING, OPEN),
        row("never ended", "6455 8.1", [compressed_part(TEXT, stored(b"\xe2")), last([0])],
            [first(b"\xe2")], sent_close(1007), CORRUPT),
        row("corrupt", "7.2.2", [compressed_part(TEXT, one), last([6])], [first("Hel")], sent_close(1007), CORRUPT),
    ];
    check_all(rows.clone().map(|row| row.deflated().delivered_in(Delivery::Fragments)));
    check_all(rows.map(|row| row.deflated_apart().delivered_in(Delivery::Fragments)));
}

#[test]
#[rustfmt::skip]
fn compressed_parts() {
    let in_parts = |row: Row| row.delivered_in(Delivery::Parts);
    let rows = [
        row("the end to come", "7.2.2", header_and(9, &HELLO[..6]), [first("Hello")], NOTHING, OPEN),
        row("a header alone", "7.2.2", header_and(7, &[]), [], NOTHING, OPEN),
        row("a ping between", "6455 5.4", [compressed_part(TEXT, &HELLO[..3]), frame(PING, "p"), last(&HELLO[3..])],
            [first("He"), ping("p"), end("llo")], sent(PONG, "p"), OPEN),
        row("a ping before anything", "6455 5.4", [compressed_part(TEXT, &HELLO[..1]), frame(PING, "p"), last(&HELLO[1..])],
            [ping("p"), text("Hello")], sent(PONG, "p"), OPEN),
        row("a ping after everything", "6455 5.4", [compressed_part(TEXT, &HELLO[..6]), frame(PING, "p"), last(&HELLO[6..])],
            [first("Hello"), ping("p"), end("")], sent(PONG, "p"), OPEN),
        row("empty", "7.2.3.6", [compressed(TEXT, [0]), compressed_part(TEXT, []), last([0])],
            [text(""), text("")], NOTHING, OPEN),
        row("corrupt", "7.2.2", [compressed(TEXT, HELLO), compressed_part(TEXT, stored("a")), last([6])],
            [text("Hello")], sent_close(1007), CORRUPT),
        row("never ended", "6455 8.1", [compressed_part(TEXT, stored(b"\xe2")), last([0])], [], sent_close(1007), CORRUPT),
    ];
    check_all(rows.clone().map(Row::deflated).map(in_parts));
    check_all(rows.map(Row::deflated_apart).map(in_parts));
}

/// The window belongs to the connection, not to the delivery mode: from each mode to each, whole or
/// in fragments, the second message refers to the first.
#[test]
fn the_window_survives_a_change_of_delivery() {
    let mut packer = Packer::new();
    let words = "the same words, and the same words again";
    let [one, two, three] = [(); 3].map(|()| packer.message(words));
    assert!(two.len() < one.len() / 2, "it refers back");
    for first in WAYS {
        for second in WAYS {
            for third in WAYS {
                let (start, rest) = one.split_at(one.len() / 2);
                let stream = [
                    compressed_part(BINARY, start),
                    frame(PONG, ""),
                    last(rest),
                    frame(TEXT, "plain"),
                    compressed(TEXT, &two),
                    compressed(BINARY, &three),
                ];
                let plan = [first, first, second, third];
                let got = receive_planned(&plan, &stream.concat());
                let contents = [words, "plain", words, words].map(|text| text.as_bytes().to_vec());
                let payloads = [&one, &b"plain".to_vec(), &two, &three];
                for (at, way) in plan.into_iter().enumerate() {
                    let expected = match way {
                        Delivery::Frames => payloads[at],
                        _ => &contents[at],
                    };
                    assert!(
                        got[at] == *expected,
                        "{plan:?}, message {at}: {:?}",
                        got[at]
                    );
                }
            }
        }
    }
}

/// Corrupt frames are rejected if there is context takeover, but frames after a message received
/// this way are not.
#[test]
#[rustfmt::skip]
fn frames_of_messages_that_refer_back() {
    check_all([
        row("again", "7.2.3.2", [compressed(TEXT, HELLO), compressed(TEXT, HELLO_AGAIN)],
            [raw_bits(true, true, TEXT, HELLO), raw_bits(true, true, TEXT, HELLO_AGAIN)], NOTHING, OPEN),
        row("again, in fragments", "7.2.3.2",
            [compressed_part(TEXT, &HELLO[..3]), last(&HELLO[3..]), compressed_part(TEXT, &HELLO_AGAIN[..1]), last(&HELLO_AGAIN[1..])],
            [raw_bits(false, true, TEXT, &HELLO[..3]), raw_bits(true, false, CONTINUATION, &HELLO[3..]),
                raw_bits(false, true, TEXT, &HELLO_AGAIN[..1]), raw_bits(true, false, CONTINUATION, &HELLO_AGAIN[1..])],
            NOTHING, OPEN),
        row("before anything", "7.2.3.2", compressed(TEXT, &HELLO_AGAIN[..3]), [], sent_close(1007), CORRUPT),
        row("behind a block that is the last", "7.2.3.4",
            [compressed(TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), compressed(TEXT, HELLO)],
            [raw_bits(true, true, TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), raw_bits(true, true, TEXT, HELLO)],
            NOTHING, OPEN),
        row("much comes of it", "7.2.2", compressed(BINARY, pack("a".repeat(70_000))),
            [raw_bits(true, true, BINARY, pack("a".repeat(70_000)))], NOTHING, OPEN),
    ].map(|row| row.deflated().delivered_in(Delivery::Frames)));
}

/// A compressed message is in progress once its header has arrived: inflating cannot be undone.
#[test]
fn the_delivery_of_a_compressed_message_cannot_change() {
    for begun in WAYS {
        for other in WAYS.into_iter().filter(|other| *other != begun) {
            let mut session = session(&deflated());
            let id = format!("{begun:?}, then {other:?}");
            session
                .feed(&compressed_part(TEXT, Packer::new().part("a")))
                .expect("memory");
            session.next_event(begun, || KEY).expect("a fragment");
            assert_eq!(session.receiver.delivery_in_progress(), Some(begun), "{id}");

            let error = session
                .next_event(other, || KEY)
                .expect_err("a message is under way");
            assert_eq!(error.kind(), WrongState, "{id}");
            assert_eq!(session.take_output(), NOTHING, "{id}");
            assert!(session.sender.closing().is_open(), "{id}");

            session.feed(&last([0])).expect("memory");
            let event = session.next_event(begun, || KEY).expect("valid");
            assert!(event.is_some(), "{id}: the last fragment");
            assert_eq!(session.receiver.delivery_in_progress(), None, "{id}");
            session.feed(&compressed(TEXT, HELLO)).expect("memory");
            let event = session.next_event(other, || KEY).expect("it is over");
            assert!(event.is_some(), "{id}: the next message");
        }
    }
}

/// Inflating a frame cannot be undone, even if nothing was delivered; frames are inflated whole.
#[test]
fn the_delivery_of_half_a_compressed_frame_cannot_change() {
    let frame = compressed(TEXT, HELLO);
    for begun in WAYS {
        for other in WAYS.into_iter().filter(|other| *other != begun) {
            let mut session = session(&deflated());
            let id = format!("{begun:?}, then {other:?}");
            session.feed(&frame[..5]).expect("memory");
            session.next_event(begun, || KEY).expect("valid");
            let turned = session.next_event(other, || KEY);
            if begun == Delivery::Frames {
                turned.expect("nothing was inflated");
                continue;
            }
            let error = turned.expect_err("a message is under way");
            assert_eq!(error.kind(), WrongState, "{id}");
            assert!(session.sender.closing().is_open(), "{id}");
            session.feed(&frame[5..]).expect("memory");
            let event = session.next_event(begun, || KEY).expect("valid");
            assert!(event.is_some(), "{id}");
            assert!(
                b"Hello".ends_with(session.receiver.message().payload),
                "{id}"
            );
        }
    }
}

/// Nothing of an unfragmented uncompressed message is lost until it is delivered.
#[test]
fn the_delivery_of_an_uncompressed_single_frame_may_change() {
    for begun in [Delivery::Messages, Delivery::Fragments, Delivery::Frames] {
        for other in WAYS {
            let mut session = session(&deflated());
            let id = format!("{begun:?}, then {other:?}");
            let frame = frame(TEXT, "a€b");
            session.feed(&frame[..4]).expect("memory");
            let event = session.next_event(begun, || KEY).expect("valid");
            assert!(event.is_none(), "{id}: {event:?}");
            assert_eq!(session.receiver.delivery_in_progress(), None, "{id}");
            session.feed(&frame[4..]).expect("memory");
            let event = session.next_event(other, || KEY).expect("not begun");
            assert!(event.is_some(), "{id}");
            assert_eq!(session.receiver.message().payload, "a€b".as_bytes(), "{id}");
        }
    }
}

fn deflated() -> Settings {
    Settings {
        deflate: Some((UNRESTRICTED, u64::MAX)),
        ..Settings::default()
    }
}

/// The result of receiving each message, the first in the first way and so on; the same whole and
/// byte by byte.
fn receive_planned(plan: &[Delivery], stream: &[u8]) -> Vec<Vec<u8>> {
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    let [whole, in_bytes] = [&[stream][..], &bytes].map(|pieces| {
        let mut session = session(&deflated());
        let mut messages = vec![Vec::new()];
        for piece in pieces {
            session.feed(piece).expect("memory");
            while let Some(way) = plan.get(messages.len() - 1) {
                let Some(event) = session.next_event(*way, || KEY).expect("valid") else {
                    break;
                };
                if event.opcode.is_control() {
                    continue;
                }
                let payload = session.receiver.message().payload;
                messages.last_mut().expect("one").extend(payload);
                if event.last {
                    messages.push(Vec::new());
                }
            }
        }
        messages
    });
    assert!(whole == in_bytes, "{plan:?}");
    whole
}

fn header_and(len: u64, start: &[u8]) -> Vec<u8> {
    [header(FIN | RSV1 | TEXT, len), start.to_vec()].concat()
}
