// SPDX-License-Identifier: Apache-2.0
//! The differences when fragments or frames are delivered instead of messages.

use crate::outcome::{
    End, OPEN, Seen, close_received, closed_by_client, closed_by_server, closes, data, failed,
    ping, pong, raw,
};
use crate::row::{Row, WAYS, check_all, row};
use crate::session::Session;
use crate::wire::{
    BINARY, CLOSE, CONTINUATION, KEY, NOTHING, PING, PONG, TEXT, close, cut, cut_part, frame,
    header, last, more, part, sent, sent_close, status,
};
use wsline::base::error::Kind::{MessageTooBig, Payload, Protocol, WrongState};
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::opcode::Opcode::{Binary, Text};

const FIN: u8 = 0x80;
const PROTOCOL: End = failed(Protocol);
const TOO_BIG: End = failed(MessageTooBig);
const NOT_UTF8: End = failed(Payload);

#[test]
#[rustfmt::skip]
fn fragments_are_delivered_as_they_arrive() {
    check_in_fragments([
        row("a whole message", "5.4", frame(TEXT, "ab"), [data(Text, true, true, "ab")], NOTHING, OPEN),
        row("three parts", "5.4", [part(TEXT, "a"), more("b"), last("c")],
            [first("a"), middle("b"), end("c")], NOTHING, OPEN),
        row("the last to come", "5.4", [part(TEXT, "a"), more("b")], [first("a"), middle("b")], NOTHING, OPEN),
        row("a part to come whole", "5.4", [part(TEXT, "a"), cut_part(CONTINUATION, 3, "bc")],
            [first("a")], NOTHING, OPEN),
        row("empty parts", "5.4", [part(TEXT, ""), more(""), last("")],
            [first(""), middle(""), end("")], NOTHING, OPEN),
        row("control frames between", "5.4",
            [part(TEXT, "a"), frame(PING, "1"), more("b"), frame(PONG, "2"), last("c")],
            [first("a"), ping("1"), middle("b"), pong("2"), end("c")], sent(PONG, "1"), OPEN),
        row("two messages", "5.4", [part(TEXT, "a"), last("b"), part(BINARY, "c"), last("d")],
            [first("a"), end("b"), data(Binary, true, false, "c"), data(Binary, false, true, "d")],
            NOTHING, OPEN),
        row("a close between", "5.4", [part(TEXT, "a"), close(1000, "")],
            [first("a"), closes(1000, "")], sent_close(1000), closed_by_server(1000, "")),
        row("a new message inside", "5.4", [part(TEXT, "a"), header(FIN | TEXT, 1)],
            [first("a")], sent_close(1002), PROTOCOL),
        row("a continuation of nothing", "5.4", [part(TEXT, "a"), last("b"), header(FIN | CONTINUATION, 1)],
            [first("a"), end("b")], sent_close(1002), PROTOCOL),
    ]);
}

#[test]
#[rustfmt::skip]
fn text_is_validated_across_fragments() {
    check_in_fragments([
        row("cut character", "8.1", [part(TEXT, b"\xe2"), more(b"\x82"), last(b"\xac")],
            [first(b"\xe2"), middle(b"\x82"), end(b"\xac")], NOTHING, OPEN),
        row("cut around an empty part", "8.1", [part(TEXT, b"a\xe2"), more(b""), last(b"\x82\xac")],
            [first(b"a\xe2"), middle(b""), end(b"\x82\xac")], NOTHING, OPEN),
        row("wrong in the second", "8.1", [part(TEXT, b"\xe2"), cut_part(CONTINUATION, 9, b"\x82A")],
            [first(b"\xe2")], sent_close(1007), NOT_UTF8),
        row("wrong at its first byte", "8.1", [part(TEXT, b"\xe2"), cut(CONTINUATION, 9, b"A")],
            [first(b"\xe2")], sent_close(1007), NOT_UTF8),
        row("never ended", "8.1", [part(TEXT, b"a\xe2\x82"), last(b"")],
            [first(b"a\xe2\x82")], sent_close(1007), NOT_UTF8),
        row("ended by a new message's character", "8.1",
            [part(TEXT, b"\xe2\x82\xac"), last(b""), cut(TEXT, 9, b"\x82")],
            [first(b"\xe2\x82\xac"), end(b"")], sent_close(1007), NOT_UTF8),
        row("a whole message", "8.1", cut(TEXT, 9, b"ab\xff"), [], sent_close(1007), NOT_UTF8),
        row("binary", "8.1", [part(BINARY, b"\xe2"), last(b"\xff")],
            [data(Binary, true, false, b"\xe2"), data(Binary, false, true, b"\xff")], NOTHING, OPEN),
    ]);
    check_in_fragments([
        row("unchecked", "8.1", [part(TEXT, b"\xe2"), last(b"\xff")],
            [first(b"\xe2"), end(b"\xff")], NOTHING, OPEN).unchecked(),
    ]);
}

#[test]
#[rustfmt::skip]
fn limits_on_fragments() {
    check_in_fragments([
        row("each for itself", "10.4", [part(TEXT, "12345"), more("12345"), last("12345")],
            [first("12345"), middle("12345"), end("12345")], NOTHING, OPEN),
        row("one too large", "10.4", [part(TEXT, "1"), header(CONTINUATION, 6)],
            [first("1")], sent_close(1009), TOO_BIG),
    ].map(|row| row.max_message(5)));
    check_in_fragments([
        row("too many", "10.4", [part(TEXT, "1"), more("2"), header(FIN | CONTINUATION, 1)],
            [first("1"), middle("2")], sent_close(1009), TOO_BIG),
    ].map(|row| row.max_fragments(2)));
    check_in_fragments([
        row("a frame too large", "10.4", [part(TEXT, "1"), header(FIN | CONTINUATION, 6)],
            [first("1")], sent_close(1009), TOO_BIG),
    ].map(|row| row.max_frame(5)));
}

#[test]
#[rustfmt::skip]
fn frames_are_delivered_unchanged() {
    check_in_frames([
        row("text",      "5.2", frame(TEXT, "ab"),   [raw(true, TEXT, "ab")],   NOTHING, OPEN),
        row("binary",    "5.2", frame(BINARY, ""),   [raw(true, BINARY, "")],   NOTHING, OPEN),
        row("ping, no pong", "5.2", frame(PING, "p"), [raw(true, PING, "p")],   NOTHING, OPEN),
        row("not UTF-8", "5.2", frame(TEXT, b"\xff"), [raw(true, TEXT, b"\xff")], NOTHING, OPEN),
        row("parts and control frames", "5.4",
            [part(TEXT, "a"), frame(PING, "p"), more(""), frame(PONG, "q"), last(b"\xe2")],
            [raw(false, TEXT, "a"), raw(true, PING, "p"), raw(false, CONTINUATION, ""), raw(true, PONG, "q"),
                raw(true, CONTINUATION, b"\xe2")], NOTHING, OPEN),
        row("one not whole yet", "5.2", [frame(TEXT, "a"), cut(TEXT, 3, "bc")], [raw(true, TEXT, "a")], NOTHING, OPEN),
        row("a continuation of nothing", "5.4", [frame(TEXT, "a"), header(CONTINUATION, 1)],
            [raw(true, TEXT, "a")], sent_close(1002), PROTOCOL),
        row("a message inside another", "5.4", [part(TEXT, "a"), header(BINARY, 1)],
            [raw(false, TEXT, "a")], sent_close(1002), PROTOCOL),
    ]);
    check_in_frames([
        row("too large", "10.4", [frame(TEXT, "12345"), header(TEXT, 6)],
            [raw(true, TEXT, "12345")], sent_close(1009), TOO_BIG),
    ].map(|row| row.max_frame(5)));
    check_in_frames([
        row("too many", "10.4", [part(TEXT, "1"), header(CONTINUATION, 1)],
            [raw(false, TEXT, "1")], sent_close(1009), TOO_BIG),
    ].map(|row| row.max_fragments(1)));
}

#[test]
#[rustfmt::skip]
fn a_close_frame_delivered_as_a_frame_is_not_answered() {
    check_in_frames([
        row("code", "5.5.1", close(1000, "bye"), [raw(true, CLOSE, status(1000, "bye"))],
            NOTHING, close_received(1000, "bye")),
        row("no payload", "5.5.1", frame(CLOSE, ""), [raw(true, CLOSE, "")], NOTHING, close_received(1005, "")),
        row("and a second one", "5.5.1", [close(1000, ""), close(1001, "")],
            [raw(true, CLOSE, status(1000, ""))], NOTHING, close_received(1000, "")),
        row("a wrong code",   "7.4", close(999, ""),        [], sent_close(1002), PROTOCOL),
        row("one byte",       "5.5.1", frame(CLOSE, b"\x03"), [], sent_close(1002), PROTOCOL),
        row("a wrong reason", "8.1", close(1000, b"\xff"),  [], sent_close(1007), NOT_UTF8),
    ]);
    check_in_frames([
        row("after ours", "5.5.1", close(1001, "bye"), [raw(true, CLOSE, status(1001, "bye"))],
            sent_close(1000), closed_by_client(1001, "bye")),
        row("a ping after ours", "5.5.1", frame(PING, "p"), [raw(true, PING, "p")], sent_close(1000), OPEN),
    ].map(|row| row.after_own_close(1000)));
}

/// The delivery mode may change between messages, but not within one. Requesting that is the
/// caller's mistake, not the peer's: it must affect neither the message nor the connection.
#[test]
fn the_delivery_of_a_message_cannot_change() {
    for begun in WAYS {
        for other in WAYS.into_iter().filter(|other| *other != begun) {
            let mut session = Session::new(crate::row::Settings::default().limits, true);
            let next = |session: &mut Session, way| session.next_event(way, || KEY);
            session.feed(&part(TEXT, "a")).expect("memory");
            next(&mut session, begun).expect("a fragment");

            let error = next(&mut session, other).expect_err("a message is under way");
            assert_eq!(error.kind(), WrongState, "{begun:?}, then {other:?}");
            assert_eq!(session.take_output(), NOTHING, "{begun:?}, then {other:?}");
            assert!(
                session.sender.closing().is_open(),
                "{begun:?}, then {other:?}: the connection was ended"
            );

            session.feed(&last("b")).expect("memory");
            next(&mut session, begun)
                .expect("valid")
                .expect("the last fragment");
            session.feed(&frame(PONG, "")).expect("memory");
            next(&mut session, other)
                .expect("the message is over")
                .expect("the pong");
        }
    }
}

#[test]
fn the_delivery_may_change_between_messages() {
    let mut session = Session::new(crate::row::Settings::default().limits, true);
    let three = [frame(TEXT, "a"), frame(TEXT, "b"), frame(TEXT, "c")].concat();
    session.feed(&three).expect("memory");
    let mut seen = Vec::new();
    for way in [Delivery::Messages, Delivery::Frames, Delivery::Fragments] {
        let event = session
            .next_event(way, || KEY)
            .expect("valid")
            .expect("whole");
        let is_frame = event.delivery == Delivery::Frames;
        seen.push((is_frame, session.receiver.message().payload.to_vec()));
    }
    let expected = [(false, b"a"), (true, b"b"), (false, b"c")];
    assert_eq!(
        seen,
        expected.map(|(is_frame, payload)| (is_frame, payload.to_vec()))
    );
}

fn check_in_fragments<const N: usize>(rows: [Row; N]) {
    check_all(rows.map(|row| row.delivered_in(Delivery::Fragments)));
}

fn check_in_frames<const N: usize>(rows: [Row; N]) {
    check_all(rows.map(|row| row.delivered_in(Delivery::Frames)));
}

pub(crate) fn first(payload: impl AsRef<[u8]>) -> Seen {
    data(Text, true, false, payload)
}

pub(crate) fn middle(payload: impl AsRef<[u8]>) -> Seen {
    data(Text, false, false, payload)
}

pub(crate) fn end(payload: impl AsRef<[u8]>) -> Seen {
    data(Text, false, true, payload)
}
