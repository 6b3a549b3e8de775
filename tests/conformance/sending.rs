// SPDX-License-Identifier: Apache-2.0
//! Which frames may be sent when, and their bytes (RFC 6455 sections 5.1 to 5.5).

use crate::row::Settings;
use crate::session::Session;
use crate::wire::{
    BINARY, CLOSE, CONTINUATION, KEY, NOTHING, PING, PONG, TEXT, close, frame, masked_header, sent,
    sent_close, status,
};
use wsline::base::error::Error;
use wsline::base::error::Kind::{self, Busy, Closed, ConnectionLost, InvalidArgument, Protocol};
use wsline::protocol::ws::close::CloseFrame;
use wsline::protocol::ws::frame::Header;
use wsline::protocol::ws::message::{Delivery, Message};
use wsline::protocol::ws::opcode::Opcode;
use wsline::protocol::ws::sender::{ControlReply, Sender};

const FIN: u8 = 0x80;

#[test]
fn every_length_is_masked_and_in_its_shortest_form() {
    let lens = (0..=300).chain([1000, 4096, 65534, 65535, 65536, 65537, 100_003]);
    let keys = [[0x37, 0xfa, 0x21, 0x3d], [0; 4], [0xff, 0, 0xff, 0]];
    for len in lens {
        let payload: Vec<u8> = (0..len).map(|i| (i * 7 + i / 256) as u8).collect();
        for key in keys {
            let mut session = session();
            session.send(Opcode::Binary, &payload, key).expect("open");
            let expected = masked(FIN | BINARY, &payload, key);
            assert!(
                session.take_output() == expected,
                "{len} bytes, key {key:?}"
            );
        }
    }
}

#[test]
fn messages_and_control_frames_are_single_frames() {
    let table = [
        (Opcode::Text, TEXT, "héllo"),
        (Opcode::Text, TEXT, ""),
        (Opcode::Binary, BINARY, "bytes"),
        (Opcode::Ping, PING, "p"),
        (Opcode::Pong, PONG, ""),
    ];
    let mut session = session();
    for (opcode, number, payload) in table {
        session.send(opcode, payload.as_bytes(), KEY).expect("open");
        assert_eq!(session.take_output(), sent(number, payload));
    }
}

#[test]
fn replies_are_masked_with_the_given_key() {
    let key = [1, 2, 3, 4];
    let mut session = session();
    session.feed(&frame(PING, "hello")).expect("memory");
    session.feed(&close(1001, "bye")).expect("memory");
    while let Ok(Some(_)) = session.next_event(Delivery::Messages, || key) {}
    let pong = masked(FIN | PONG, b"hello", key);
    let reply = masked(FIN | CLOSE, &status(1001, ""), key);
    assert_eq!(session.take_output(), [pong, reply].concat());
}

#[test]
fn control_frames_have_at_most_125_bytes() {
    let sender = Sender::default();
    for opcode in [Opcode::Ping, Opcode::Pong] {
        assert!(sender.message(opcode, 125, KEY).is_ok());
        assert_refused(sender.message(opcode, 126, KEY), InvalidArgument);
        assert_refused(sender.message(opcode, 65536, KEY), InvalidArgument);
    }
}

#[test]
fn fragments_of_a_message() {
    let mut sender = Sender::default();
    for (opcode, number) in [(Opcode::Text, TEXT), (Opcode::Binary, BINARY)] {
        let mut out = Vec::new();
        for (fin, len) in [(false, 3), (false, 0), (false, 200), (true, 0)] {
            let header = sender.fragment(opcode, fin, len, KEY).expect("in order");
            header.encode(&mut out);
            sender.note_sent(&header);
        }
        let expected = [
            masked_header(number, 3, KEY),
            masked_header(CONTINUATION, 0, KEY),
            masked_header(CONTINUATION, 200, KEY),
            masked_header(FIN | CONTINUATION, 0, KEY),
        ];
        assert_eq!(out, expected.concat());
        // The next message is independent.
        let header = sender
            .fragment(opcode, true, 1, KEY)
            .expect("a whole message");
        assert_eq!(first_byte(&header), FIN | number);
        sender.note_sent(&header);
        assert!(sender.message(opcode, 1, KEY).is_ok());
    }
}

#[test]
fn only_control_frames_may_be_sent_between_fragments() {
    let mut sender = Sender::default();
    begin_fragments(&mut sender, Opcode::Text);
    for _ in 0..2 {
        assert_refused(sender.message(Opcode::Text, 1, KEY), Busy);
        assert_refused(sender.message(Opcode::Binary, 0, KEY), Busy);
        assert_refused(
            sender.fragment(Opcode::Binary, true, 1, KEY),
            InvalidArgument,
        );
        for opcode in [Opcode::Ping, Opcode::Pong] {
            let header = sender.message(opcode, 5, KEY).expect("may go between");
            sender.note_sent(&header);
        }
        // None of this has changed the state.
        send_fragment(&mut sender, Opcode::Text, false);
    }
    send_fragment(&mut sender, Opcode::Text, true);
    assert!(sender.message(Opcode::Binary, 1, KEY).is_ok());
}

#[test]
fn an_unsent_fragment_starts_no_message() {
    let sender = Sender::default();
    sender.fragment(Opcode::Text, false, 1, KEY).expect("open");
    assert!(sender.message(Opcode::Binary, 1, KEY).is_ok());
    let other = sender.fragment(Opcode::Binary, false, 1, KEY);
    assert_eq!(first_byte(&other.expect("open")), BINARY);
}

#[test]
fn a_close_frame_ends_an_unfinished_message() {
    let mut sender = Sender::default();
    begin_fragments(&mut sender, Opcode::Binary);
    let header = sender.close(0, KEY).expect("may go between");
    sender.note_sent(&header);
    assert_refused(sender.fragment(Opcode::Binary, true, 1, KEY), Closed);
}

#[test]
fn frames_of_the_caller() {
    let sender = Sender::default();
    let fine = [
        (Opcode::Text, true, 5),
        (Opcode::Text, false, 0),
        (Opcode::Binary, true, 65536),
        (Opcode::Binary, false, 1),
        (Opcode::Ping, true, 125),
        (Opcode::Pong, true, 0),
        (Opcode::Close, true, 2),
    ];
    for (opcode, fin, len) in fine {
        let header = Header::masked(opcode, fin, len, KEY);
        assert_eq!(sender.frame(header).expect("keeps the rules"), header);
    }
    let wrong = [
        (Opcode::Continuation, true, 1),
        (Opcode::Continuation, false, 1),
        (Opcode::Ping, false, 1),
        (Opcode::Pong, false, 0),
        (Opcode::Close, false, 2),
        (Opcode::Ping, true, 126),
        (Opcode::Pong, true, 65536),
        (Opcode::Close, true, 126),
    ];
    for (opcode, fin, len) in wrong {
        let header = Header::masked(opcode, fin, len, KEY);
        assert_refused(sender.frame(header), InvalidArgument);
    }
}

#[test]
fn frames_of_the_caller_between_fragments() {
    let mut sender = Sender::default();
    begin_fragments(&mut sender, Opcode::Text);
    for (opcode, fin) in [
        (Opcode::Text, true),
        (Opcode::Text, false),
        (Opcode::Binary, true),
    ] {
        assert_refused(sender.frame(Header::masked(opcode, fin, 1, KEY)), Busy);
    }
    for opcode in [Opcode::Ping, Opcode::Pong, Opcode::Close] {
        assert!(sender.frame(Header::masked(opcode, true, 0, KEY)).is_ok());
    }
    // Frames and fragments continue the same message.
    send_frame(&mut sender, Opcode::Continuation, false);
    send_fragment(&mut sender, Opcode::Text, false);
    send_frame(&mut sender, Opcode::Continuation, true);
    send_frame(&mut sender, Opcode::Binary, false);
    assert_refused(sender.message(Opcode::Text, 1, KEY), Busy);
    assert_refused(sender.fragment(Opcode::Text, true, 1, KEY), InvalidArgument);
    send_fragment(&mut sender, Opcode::Binary, true);
    assert_refused(
        sender.frame(Header::masked(Opcode::Continuation, true, 1, KEY)),
        InvalidArgument,
    );
}

#[test]
fn our_close_frame() {
    let long = "x".repeat(123);
    let table = [
        (0, "", Vec::new()),
        (1000, "", status(1000, "")),
        (1001, "tschüß", status(1001, "tschüß")),
        (4999, &long, status(4999, &long)),
    ];
    for (code, reason, payload) in table {
        let close = CloseFrame::from_arguments(code, reason).expect("may be sent");
        let mut session = session();
        session.close(&close, KEY).expect("open");
        assert_eq!(session.take_output(), sent(CLOSE, payload));
        assert_ended(&mut session, Closed);
    }
}

#[test]
fn close_frames_that_must_not_be_sent() {
    let never = [1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535];
    for code in never {
        assert_refused(CloseFrame::from_arguments(code, ""), InvalidArgument);
    }
    let too_long = "x".repeat(124);
    assert_refused(CloseFrame::from_arguments(1000, &too_long), InvalidArgument);
    let too_long_in_bytes = "ü".repeat(62);
    assert_refused(
        CloseFrame::from_arguments(1000, &too_long_in_bytes),
        InvalidArgument,
    );
    assert_refused(CloseFrame::from_arguments(0, "why"), InvalidArgument);
}

#[test]
fn nothing_follows_the_reply_to_the_servers_close_frame() {
    let mut session = session();
    session.feed(&close(1000, "bye")).expect("memory");
    session
        .next_event(Delivery::Messages, || KEY)
        .expect("valid");
    assert_eq!(session.take_output(), sent_close(1000));
    assert_ended(&mut session, Closed);
}

/// Receiving frames, the caller closes: with one frame, built in either way.
#[test]
fn only_a_close_frame_may_follow_one_received_as_a_frame() {
    let received = || {
        let mut session = session();
        session.feed(&close(1000, "bye")).expect("memory");
        session.next_event(Delivery::Frames, || KEY).expect("valid");
        assert_eq!(session.take_output(), NOTHING);
        let sender = &session.sender;
        assert_refused(sender.message(Opcode::Text, 1, KEY), Closed);
        assert_refused(sender.message(Opcode::Ping, 1, KEY), Closed);
        assert_refused(sender.fragment(Opcode::Text, false, 1, KEY), Closed);
        assert_refused(
            sender.frame(Header::masked(Opcode::Pong, true, 1, KEY)),
            Closed,
        );
        session
    };
    let mut session = received();
    session
        .close(&CloseFrame::default(), KEY)
        .expect("it is due");
    assert_eq!(session.take_output(), sent(CLOSE, ""));
    assert_ended(&mut session, Closed);

    let mut session = received();
    send_frame(&mut session.sender, Opcode::Close, true);
    assert!(session.sender.closing().is_clean());
    assert_ended(&mut session, Closed);
}

#[test]
fn after_a_failure_every_call_reports_it() {
    let mut session = session();
    session.feed(&frame(CONTINUATION, "")).expect("memory");
    session
        .next_event(Delivery::Messages, || KEY)
        .expect_err("a continuation of nothing");
    assert_eq!(session.take_output(), sent_close(1002));
    assert_ended(&mut session, Protocol);
}

#[test]
fn no_close_frame_is_sent_on_a_lost_connection() {
    let mut sender = Sender::default();
    let lost = Error::new(ConnectionLost, "reset by peer");
    assert_eq!(sender.fail(&lost), None);
    assert_refused(sender.message(Opcode::Text, 1, KEY), ConnectionLost);
    assert_refused(sender.close(0, KEY), ConnectionLost);
}

#[test]
fn failures_have_their_close_codes() {
    let codes = [
        (Protocol, Some(1002)),
        (Kind::Payload, Some(1007)),
        (Kind::MessageTooBig, Some(1009)),
        (Kind::Internal, Some(1011)),
        (ConnectionLost, None),
        (Kind::Aborted, None),
    ];
    for (kind, code) in codes {
        let due = code.map(|code| {
            ControlReply::Close(CloseFrame {
                code: Some(code),
                reason: String::new(),
            })
        });
        let error = Error::new(kind, "why");
        let mut sender = Sender::default();
        assert_eq!(sender.fail(&error), due, "{kind:?}");
        assert_eq!(sender.fail(&error), None, "{kind:?}, a second time");
    }
}

#[test]
fn pings_are_not_answered_if_the_caller_does() {
    let mut sender = Sender::default();
    let received = |opcode, delivery| Message {
        opcode,
        delivery,
        ..Message::EMPTY
    };
    let ping = received(Opcode::Ping, Delivery::Messages);
    assert_eq!(sender.reply_to(&ping, false), None);
    assert_eq!(sender.reply_to(&ping, true), Some(ControlReply::Pong));
    let pong = received(Opcode::Pong, Delivery::Messages);
    assert_eq!(sender.reply_to(&pong, true), None);
    let frame = received(Opcode::Ping, Delivery::Frames);
    assert_eq!(sender.reply_to(&frame, true), None);
}

fn session() -> Session {
    Session::new(Settings::default().limits, true)
}

fn begin_fragments(sender: &mut Sender, opcode: Opcode) {
    send_fragment(sender, opcode, false);
}

fn send_fragment(sender: &mut Sender, opcode: Opcode, fin: bool) {
    let header = sender.fragment(opcode, fin, 1, KEY).expect("in order");
    sender.note_sent(&header);
}

fn send_frame(sender: &mut Sender, opcode: Opcode, fin: bool) {
    let header = sender.frame(Header::masked(opcode, fin, 1, KEY));
    sender.note_sent(&header.expect("in order"));
}

/// Nothing can be sent, and a rejected call leaves no bytes.
fn assert_ended(session: &mut Session, kind: Kind) {
    let sender = &session.sender;
    for opcode in [Opcode::Text, Opcode::Binary, Opcode::Ping, Opcode::Pong] {
        assert_refused(sender.message(opcode, 1, KEY), kind);
        assert_refused(sender.frame(Header::masked(opcode, true, 1, KEY)), kind);
    }
    assert_refused(sender.fragment(Opcode::Text, true, 1, KEY), kind);
    assert_refused(
        sender.frame(Header::masked(Opcode::Close, true, 0, KEY)),
        kind,
    );
    assert_refused(session.close(&CloseFrame::default(), KEY), kind);
    assert_eq!(session.take_output(), NOTHING);
}

fn assert_refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: Kind) {
    assert_eq!(result.expect_err("refused").kind(), kind);
}

fn first_byte(header: &Header) -> u8 {
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    bytes[0]
}

/// A masked frame, byte by byte as in section 5.3.
fn masked(first: u8, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut bytes = masked_header(first, payload.len() as u64, key);
    bytes.extend(
        payload
            .iter()
            .enumerate()
            .map(|(i, byte)| byte ^ key[i % 4]),
    );
    bytes
}
