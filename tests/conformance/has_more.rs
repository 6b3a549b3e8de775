// SPDX-License-Identifier: Apache-2.0
//! Whether another whole message has arrived after the delivered one.

use crate::packer::{Packer, noise, pack};
use crate::row::{Settings, UNRESTRICTED, session};
use crate::wire::{
    BINARY, CONTINUATION, FIN, KEY, PING, PONG, TEXT, close, compressed, compressed_part, cut,
    cut_part, frame, header, header64, last, more, part,
};
use wsline::protocol::ws::message::{Delivery, Message, MessageFlags};

#[test]
#[rustfmt::skip]
fn after_a_message() {
    let text = frame(TEXT, "a");
    let table = [
        ("nothing",                   vec![], false),
        ("a message",                 text.clone(), true),
        ("an empty message",          frame(BINARY, ""), true),
        ("two",                       [&text[..], &text].concat(), true),
        ("a byte of a header",        vec![0x81], false),
        ("a header",                  header(FIN | TEXT, 1), false),
        ("all but the last byte",     cut(TEXT, 5, "hell"), false),
        ("a long one, all of it",     frame(TEXT, "x".repeat(70_000)), true),
        ("a long one, not all of it", cut(TEXT, 70_000, "x".repeat(69_999)), false),
        ("a huge one",                header64(FIN | BINARY, i64::MAX as u64), false),
        ("a ping",                    frame(PING, "p"), false),
        ("a pong, then a message",    [frame(PONG, ""), text.clone()].concat(), true),
        ("pings, then a message",     [frame(PING, "p"), frame(PING, ""), text.clone()].concat(), true),
        ("a ping, then half a message", [frame(PING, "p"), cut(TEXT, 2, "a")].concat(), false),
        ("half a ping",               cut(PING, 2, "p"), false),
        ("a fragment",                part(TEXT, "a"), false),
        ("two fragments",             [part(TEXT, "a"), more("b")].concat(), false),
        ("all fragments",             [part(TEXT, "a"), more("b"), last("c")].concat(), true),
        ("all fragments and pings",   [part(TEXT, ""), frame(PING, ""), more("b"), frame(PING, ""), last("")].concat(), true),
        ("the last one not whole",    [part(TEXT, "a"), cut(CONTINUATION, 2, "b")].concat(), false),
        ("one in the middle not whole", [part(TEXT, "a"), cut_part(CONTINUATION, 2, "b")].concat(), false),
        ("a compressed one",          compressed(TEXT, pack("a")), true),
        ("half a compressed one",     compressed_part(TEXT, pack("a")), false),
        ("a close frame",             close(1000, ""), false),
        ("a reserved opcode",         [vec![0x83, 0], text.clone()].concat(), false),
        ("a continuation of nothing", last("b"), false),
        ("a text inside a text",      [part(TEXT, "a"), text.clone()].concat(), false),
        ("a reserved bit",            vec![0xa1, 0], false),
        ("a compressed ping",         [vec![0xc9, 0], text.clone()].concat(), false),
        ("a masked one",              vec![0x81, 0x80, 1, 2, 3, 4], false),
        ("a fragmented ping",         [vec![0x09, 0], text.clone()].concat(), false),
    ];
    let mut wrong = Vec::new();
    for (id, behind, expected) in table {
        let messages = [
            ("plain", text.clone()),
            ("fragmented", [part(TEXT, "a"), last("b")].concat()),
            ("compressed", compressed(TEXT, pack("a"))),
            ("compressed in fragments", [compressed_part(TEXT, Packer::new().part("a")), last([0])].concat()),
        ];
        for (kind, message) in messages {
            for way in [Delivery::Messages, Delivery::Fragments, Delivery::Parts] {
                let got = after_first_message(way, &[&message[..], &behind].concat());
                if got != expected {
                    wrong.push(format!("{kind}, {way:?}, behind it {id}: {got}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// RFC 6455 section 5.5.1: data after a close frame is discarded, so nothing more can be received.
#[test]
fn nothing_is_received_after_a_close_frame() {
    for way in [Delivery::Messages, Delivery::Fragments, Delivery::Parts] {
        let input = [frame(TEXT, "a"), close(1000, ""), frame(TEXT, "b")];
        assert!(!after_first_message(way, &input.concat()), "{way:?}");
    }
}

/// It is reported only at the end of a message.
#[test]
fn after_other_events() {
    let input = [
        part(TEXT, "a"),
        frame(PING, "p"),
        last("b"),
        frame(PONG, ""),
        frame(TEXT, "c"),
    ];
    let table = [
        (Delivery::Messages, vec![false, true, false, false]),
        (Delivery::Fragments, vec![false, false, true, false, false]),
        (Delivery::Parts, vec![false, false, true, false, false]),
        (Delivery::Frames, vec![false; 5]),
    ];
    for (way, expected) in table {
        let mut session = session(&Settings::default());
        session.feed(&input.concat()).expect("memory");
        let mut seen = Vec::new();
        while let Ok(Some(_)) = session.next_event(way, || KEY) {
            seen.push(has_more(&session.receiver.message()));
        }
        assert_eq!(seen, expected, "{way:?}");
    }
}

/// The part of a compressed message that is still to be inflated does not count as another message.
#[test]
fn after_a_part_of_the_inflated_data() {
    let content = [vec![b'a'; 100_000], noise(100)].concat();
    let input = [compressed(BINARY, pack(content)), frame(TEXT, "a")];
    let mut session = session(&deflated());
    session.feed(&input.concat()).expect("memory");
    let mut seen = Vec::new();
    while let Ok(Some(_)) = session.next_event(Delivery::Parts, || KEY) {
        seen.push(has_more(&session.receiver.message()));
    }
    assert_eq!(seen, [false, true, false]);
}

/// It describes the time of delivery; the next call reports what has arrived since.
#[test]
fn later_data_is_reported_with_the_next_message() {
    let mut session = session(&Settings::default());
    let mut next = |more: &[u8]| {
        session.feed(more).expect("memory");
        let event = session.next_event(Delivery::Messages, || KEY);
        event.expect("valid").expect("a message");
        has_more(&session.receiver.message())
    };
    assert!(next(&[frame(TEXT, "a"), frame(TEXT, "b")].concat()));
    assert!(next(&frame(TEXT, "c")));
    assert!(!next(&[0x81]));
    assert!(!next(&[0]));
}

fn deflated() -> Settings {
    Settings {
        deflate: Some((UNRESTRICTED, u64::MAX)),
        ..Settings::default()
    }
}

fn after_first_message(way: Delivery, input: &[u8]) -> bool {
    let mut session = session(&deflated());
    session.feed(input).expect("memory");
    loop {
        let event = session.next_event(way, || KEY).expect("valid");
        let event = format!("{:?}", event.expect("a message"));
        if event.contains("last: true") {
            return has_more(&session.receiver.message());
        }
    }
}

fn has_more(message: &Message<'_>) -> bool {
    message.flags.contains(MessageFlags::MORE)
}
