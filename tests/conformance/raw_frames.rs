// SPDX-License-Identifier: Apache-2.0
//! Frames of the caller: valid, or raw and possibly invalid (RFC 6455 section 5.2).

use crate::session::Session;
use crate::wire::{
    BINARY, CONTINUATION, FIN, KEY, PING, RSV1, TEXT, close, header, header64, masked_header,
};
use wsline::base::error::Error;
use wsline::base::error::Kind::{self, Busy, Closed, ConnectionLost, InvalidArgument};
use wsline::protocol::ws::frame::Header;
use wsline::protocol::ws::message::Delivery;
use wsline::protocol::ws::opcode::Opcode;
use wsline::protocol::ws::sender::{Frame, Sender};

const OTHER_KEY: [u8; 4] = [1, 2, 3, 4];

/// Every value of the first byte, with and without the caller's masking key: nothing is added,
/// rejected or corrected.
#[test]
fn a_raw_frame_is_sent_unchanged() {
    let lens = [0, 1, 125, 126, 65535, 65536, i64::MAX as u64];
    for first in 0..=255_u8 {
        for len in lens {
            for key in [None, Some(OTHER_KEY)] {
                let sender = Sender::default();
                let frame = raw(first, key, len);
                let Frame::Raw(given) = frame else {
                    panic!("made just now");
                };
                // The caller's length is used; the key is not the generated one.
                let made = sender.header(frame, 3, KEY).expect("whatever it is");
                assert_eq!(made, given);
                let mut bytes = Vec::new();
                made.encode(&mut bytes);
                let expected = match key {
                    None => header(first, len),
                    Some(key) => masked_header(first, len, key),
                };
                assert_eq!(bytes, expected, "{first:#x}");
            }
        }
    }
    assert_eq!(header(0, i64::MAX as u64), header64(0, i64::MAX as u64));
}

#[test]
fn reserved_opcodes_can_be_represented() {
    for number in 0..16 {
        let opcode = Opcode::from_any_i32(number).expect("four bits");
        assert_eq!(i32::from(opcode.number()), number);
        let is_reserved = matches!(number, 3..=7 | 11..=15);
        assert_eq!(opcode.name() == "reserved", is_reserved);
        assert_eq!(Opcode::from_i32(number).is_none(), is_reserved);
        assert_eq!(opcode.is_control(), number >= 8);
    }
    for number in [-1, 16, 17, 255, 256, i32::MAX, i32::MIN] {
        assert_eq!(Opcode::from_any_i32(number), None);
        assert_eq!(Opcode::from_i32(number), None);
    }
}

/// Section 5.4 applies as if they had not been sent.
#[test]
fn raw_frames_start_and_end_no_message() {
    for first in [
        TEXT,
        BINARY,
        CONTINUATION,
        FIN | CONTINUATION,
        FIN | TEXT,
        RSV1 | TEXT,
        PING,
        3,
        0xff,
    ] {
        if first & 0x0f == 8 {
            continue;
        }
        let mut sender = Sender::default();
        send(&mut sender, raw(first, None, 1));
        let whole = sender.header(Frame::Whole(Opcode::Text), 1, KEY);
        assert!(whole.is_ok(), "{first:#x}: no message is under way");
        let begun = send(&mut sender, fragment(Opcode::Binary, false));
        assert_eq!(begun.opcode, Opcode::Binary, "{first:#x}");
        send(&mut sender, raw(first, None, 1));
        assert_refused(sender.header(Frame::Whole(Opcode::Text), 1, KEY), Busy);
        assert_refused(
            sender.header(fragment(Opcode::Text, true), 1, KEY),
            InvalidArgument,
        );
        let ended = send(&mut sender, fragment(Opcode::Binary, true));
        assert_eq!(ended.opcode, Opcode::Continuation, "{first:#x}");
        assert!(sender.closing().is_open(), "{first:#x}");
    }
}

/// Section 5.5.1 still applies: nothing is sent after a close frame, even a raw one.
#[test]
fn a_raw_close_frame_ends_sending() {
    for (first, len) in [(0x88, 2), (0x08, 0), (0xf8, 126), (0x88, 65536)] {
        let mut sender = Sender::default();
        send(&mut sender, raw(first, None, len));
        assert_ended(&sender, Closed);
    }
    let mut sender = Sender::default();
    send(&mut sender, Frame::Close);
    assert_ended(&sender, Closed);
    let mut sender = Sender::default();
    sender.fail(&Error::new(ConnectionLost, "reset by peer"));
    assert_ended(&sender, ConnectionLost);
}

/// If the close frame was delivered as a frame, the caller sends the reply, in any form.
#[test]
fn the_reply_to_a_close_frame_may_be_raw() {
    for reply in [raw(0x88, None, 2), made(0x88), Frame::Close] {
        let mut session = Session::new(crate::row::Settings::default().limits, true);
        session.feed(&close(1000, "bye")).expect("memory");
        let event = session.next_event(Delivery::Frames, || KEY).expect("valid");
        assert_eq!(event.map(|event| event.opcode), Some(Opcode::Close));
        let sender = &mut session.sender;
        for other in [
            raw(0x81, None, 1),
            raw(0x89, None, 0),
            raw(0x83, None, 0),
            made(0x81),
            made(0x8a),
        ] {
            assert_refused(sender.header(other, 1, KEY), Closed);
        }
        send(sender, reply);
        assert!(sender.closing().is_clean(), "{reply:?}");
        assert_ended(sender, Closed);
    }
}

/// A built frame is masked with the generated key and must be valid.
#[test]
fn built_frames() {
    let table = [
        (0x81, 5, Ok(())),
        (0x01, 5, Ok(())),
        (0x82, 65536, Ok(())),
        (0x89, 125, Ok(())),
        (0x8a, 0, Ok(())),
        (0x88, 2, Ok(())),
        (0x80, 1, Err(InvalidArgument)),
        (0x00, 1, Err(InvalidArgument)),
        (0x09, 1, Err(InvalidArgument)),
        (0x0a, 0, Err(InvalidArgument)),
        (0x08, 2, Err(InvalidArgument)),
        (0x89, 126, Err(InvalidArgument)),
        (0x88, 126, Err(InvalidArgument)),
    ];
    for (first, len, expected) in table {
        let sender = Sender::default();
        let Frame::Raw(given) = raw(first, None, len) else {
            panic!("made just now");
        };
        let got = sender.header(Frame::Made(given), len as usize, OTHER_KEY);
        match expected {
            Ok(()) => {
                let mask = Some(OTHER_KEY);
                assert_eq!(got.expect("by the rules"), Header { mask, ..given });
            }
            Err(kind) => assert_refused(got, kind),
        }
    }
}

/// Built frames, fragments and raw frames in one stream.
#[test]
fn built_frames_and_fragments_continue_each_other() {
    let mut sender = Sender::default();
    send(&mut sender, made(TEXT));
    assert_refused(sender.header(made(FIN | TEXT), 1, KEY), Busy);
    assert_refused(sender.header(Frame::Whole(Opcode::Binary), 1, KEY), Busy);
    assert_refused(
        sender.header(fragment(Opcode::Binary, true), 1, KEY),
        InvalidArgument,
    );
    send(&mut sender, made(FIN | PING));
    let next = send(&mut sender, fragment(Opcode::Text, false));
    assert_eq!(next.opcode, Opcode::Continuation);
    send(&mut sender, raw(FIN | CONTINUATION, None, 1));
    send(&mut sender, made(FIN | CONTINUATION));
    assert_refused(sender.header(made(CONTINUATION), 1, KEY), InvalidArgument);
    assert!(sender.header(Frame::Whole(Opcode::Text), 1, KEY).is_ok());
}

/// RFC 7692 section 6: a message stays compressed or uncompressed until its end, and a raw frame
/// affects neither.
#[test]
fn a_message_stays_compressed_or_uncompressed() {
    for is_compressed in [false, true] {
        let mut sender = Sender::default();
        let more = fragment(Opcode::Text, false);
        assert_eq!(sender.is_compressed(more), None, "it begins a message");
        assert_eq!(sender.is_compressed(Frame::Whole(Opcode::Text)), None);
        let begun = sender.header(more, 1, KEY).expect("in order");
        let rsv1 = is_compressed;
        sender.note_frame(more, &Header { rsv1, ..begun });
        for _ in 0..2 {
            assert_eq!(sender.is_compressed(more), Some(is_compressed));
            send(&mut sender, raw(RSV1 | TEXT, None, 1));
            send(&mut sender, raw(FIN | CONTINUATION, None, 1));
            send(&mut sender, Frame::Whole(Opcode::Ping));
            assert_eq!(sender.is_compressed(Frame::Whole(Opcode::Ping)), None);
            let rest = send(&mut sender, more);
            assert_eq!((rest.opcode, rest.rsv1), (Opcode::Continuation, false));
        }
        let by_hand = sender.header(made(CONTINUATION), 1, KEY);
        if is_compressed {
            // The caller cannot know how to continue it.
            assert_refused(by_hand, InvalidArgument);
        } else {
            by_hand.expect("goes on");
        }
        send(&mut sender, fragment(Opcode::Text, true));
        assert_eq!(sender.is_compressed(more), None, "the message is over");
    }
}

fn raw(first: u8, mask: Option<[u8; 4]>, len: u64) -> Frame {
    let bit = |at: u8| first >> at & 1 == 1;
    Frame::Raw(Header {
        fin: bit(7),
        rsv1: bit(6),
        rsv2: bit(5),
        rsv3: bit(4),
        opcode: Opcode::from_any_i32(i32::from(first & 0x0f)).expect("four bits"),
        mask,
        len,
    })
}

/// A valid frame with one byte.
fn made(first: u8) -> Frame {
    match raw(first, None, 1) {
        Frame::Raw(header) => Frame::Made(header),
        other => other,
    }
}

fn fragment(opcode: Opcode, fin: bool) -> Frame {
    Frame::Fragment { opcode, fin }
}

fn send(sender: &mut Sender, frame: Frame) -> Header {
    let header = sender.header(frame, 1, KEY).expect("it may be sent");
    sender.note_frame(frame, &header);
    header
}

fn assert_ended(sender: &Sender, kind: Kind) {
    let frames = [
        raw(FIN | TEXT, None, 1),
        raw(FIN | PING, None, 1),
        raw(0x88, None, 0),
        raw(0x83, Some(KEY), 0),
        made(FIN | TEXT),
        made(0x88),
        Frame::Whole(Opcode::Ping),
        Frame::Close,
        fragment(Opcode::Text, true),
    ];
    for frame in frames {
        assert_refused(sender.header(frame, 1, KEY), kind);
    }
}

fn assert_refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: Kind) {
    assert_eq!(result.expect_err("refused").kind(), kind);
}
