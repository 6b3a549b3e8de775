// SPDX-License-Identifier: Apache-2.0
//! Unmasking the payload of a frame while it arrives. Servers must not mask (RFC 6455 section 5.1),
//! but the caller may tolerate it.

use crate::protocol::ws::mask::{self, MaskKey};

#[derive(Clone, Copy, Debug)]
pub(super) struct Unmasking {
    /// Rotated, so that it begins with the byte for the first payload byte that is unread.
    key: MaskKey,
    /// How many unread bytes of the payload are unmasked already.
    done: usize,
}

impl Unmasking {
    pub(super) fn new(key: MaskKey) -> Self {
        Self { key, done: 0 }
    }

    /// Unmasks what has arrived since the last call; `payload` is unread.
    pub(super) fn unmask(&mut self, payload: &mut [u8]) {
        let mut key = self.key;
        key.rotate_left(self.done % 4);
        if let Some(arrived) = payload.get_mut(self.done..) {
            mask::apply(key, arrived);
            self.done = payload.len();
        }
    }

    /// Called when unmasked bytes are consumed.
    pub(super) fn consume(&mut self, count: usize) {
        self.key.rotate_left(count % 4);
        self.done = self.done.saturating_sub(count);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Receiver;
    use crate::protocol::tolerance::Mistakes;
    use crate::protocol::ws::frame::Header;
    use crate::protocol::ws::frame_sequence::Limits;
    use crate::protocol::ws::message::{Delivery, MessageFlags};
    use crate::protocol::ws::opcode::Opcode;

    const LIMITS: Limits = Limits {
        max_message_bytes: u64::MAX,
        max_frame_bytes: u64::MAX,
        max_fragments: u64::MAX,
    };

    fn frame(bytes: &mut Vec<u8>, opcode: Opcode, fin: bool, payload: &[u8]) {
        let key = [bytes.len() as u8, 2, 3, 4];
        let header = Header::masked(opcode, fin, payload.len(), key);
        header.encode(bytes);
        header.append_payload(payload, bytes);
    }

    /// Everything that is received of `bytes`, fed in pieces that end at `cuts`; "." after each
    /// message.
    fn receive(bytes: &[u8], cuts: [usize; 2], delivery: Delivery, tolerated: u32) -> String {
        let mut receiver = Receiver::new(LIMITS, true);
        receiver.tolerate(Mistakes::from_bits(tolerated).expect("known"));
        let mut received = Vec::new();
        let [first, second] = cuts;
        for piece in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
            let space = receiver.space().expect("memory");
            space.reserve(piece.len() + 1);
            space.extend_from_slice(piece);
            loop {
                match receiver.next(delivery) {
                    Ok(true) => {
                        let message = receiver.message();
                        received.extend_from_slice(message.payload);
                        let is_last = message.flags.contains(MessageFlags::LAST);
                        received.extend(is_last.then_some(b'.'));
                    }
                    Ok(false) => break,
                    Err(error) => return error.message().to_owned(),
                }
            }
        }
        String::from_utf8(received).expect("text")
    }

    #[test]
    fn masked_frames_are_unmasked_however_they_arrive() {
        let mut bytes = Vec::new();
        frame(&mut bytes, Opcode::Text, true, b"whole");
        frame(&mut bytes, Opcode::Text, false, "ä".as_bytes());
        frame(&mut bytes, Opcode::Ping, true, b"ping");
        frame(&mut bytes, Opcode::Continuation, false, b"");
        frame(&mut bytes, Opcode::Continuation, true, b"rest");
        // Also those that follow one that is not masked.
        bytes.extend_from_slice(b"\x81\x05plain");
        frame(&mut bytes, Opcode::Binary, true, &[b'x'; 130]);
        let end = format!("rest.plain.{}.", "x".repeat(130));
        for second in 0..=bytes.len() {
            for first in (0..=second).step_by(7) {
                let cuts = [first, second];
                for (delivery, begin) in [
                    (Delivery::Messages, "whole.ping.ä"),
                    (Delivery::Fragments, "whole.äping."),
                    (Delivery::Parts, "whole.äping."),
                    (Delivery::Frames, "whole.äping."),
                ] {
                    let expected = format!("{begin}{end}");
                    assert_eq!(receive(&bytes, cuts, delivery, 1), expected, "{cuts:?}");
                }
            }
        }
        let strict = receive(&bytes, [0, 0], Delivery::Messages, 32 | 16);
        assert_eq!(strict, "masked frame from the server");
    }

    #[test]
    fn lengths_may_have_any_form() {
        let bytes = b"\x81\x7e\0\x03one\x81\x7f\0\0\0\0\0\0\0\x03two\x81\x05three";
        for second in 0..=bytes.len() {
            for first in 0..=second {
                let received = receive(bytes, [first, second], Delivery::Messages, 16);
                assert_eq!(received, "one.two.three.");
            }
        }
        let strict = receive(bytes, [0, 0], Delivery::Messages, 1);
        assert_eq!(strict, "frame length 3 is not in its shortest form");
        // Both at once.
        let both = b"\x82\xfe\0\x02\x01\x01\x01\x01\x6e\x6a";
        assert_eq!(receive(both, [3, 9], Delivery::Messages, 1 | 16), "ok.");
    }
}
