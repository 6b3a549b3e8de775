// SPDX-License-Identifier: Apache-2.0
//! Which frames may come now, and the message they make (RFC 6455 section 5.4).

use super::frame::Header;
use super::message::Delivery;
use super::opcode::Opcode;
use crate::base::error::{Error, Kind};

/// What a peer may make us hold or count. `u64::MAX` is no limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_message_bytes: u64,
    pub max_frame_bytes: u64,
    pub max_fragments: u64,
}

#[derive(Debug)]
pub struct FrameSequence {
    limits: Limits,
    may_be_compressed: bool,
    /// The message whose end is still to come.
    message: Option<Incoming>,
}

#[derive(Clone, Copy, Debug)]
struct Incoming {
    opcode: Opcode,
    fragments: u64,
    is_compressed: bool,
    /// How it is received.
    delivery: Delivery,
    /// The rest of it must be received in the same way.
    is_bound: bool,
    /// Some of it has been handed out.
    is_begun: bool,
}

impl FrameSequence {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            may_be_compressed: false,
            message: None,
        }
    }

    pub fn allow_compression(&mut self) {
        self.may_be_compressed = true;
    }

    pub fn is_compressed(&self) -> bool {
        self.message.is_some_and(|message| message.is_compressed)
    }

    pub fn max_message_bytes(&self) -> u64 {
        self.limits.max_message_bytes
    }

    /// How the rest of the message under way must be received.
    pub fn delivery_under_way(&self) -> Option<Delivery> {
        let bound = self.message.filter(|message| message.is_bound);
        bound.map(|message| message.delivery)
    }

    /// A message is received in one way from its first byte to its last. The opcode of one that
    /// goes another way than was thought when its header came.
    pub fn turn_to(&mut self, delivery: Delivery) -> Result<Option<Opcode>, Error> {
        match &mut self.message {
            Some(message) if message.delivery == delivery => Ok(None),
            Some(message) if message.is_bound => {
                let begun_with = match message.delivery {
                    Delivery::Messages | Delivery::Fragments => {
                        "wsline_conn_recv() or wsline_conn_recv_event()"
                    }
                    Delivery::Parts => "wsline_conn_recv_part()",
                    Delivery::Frames => "wsline_conn_recv_frame()",
                };
                let what = format!("a message is under way that was begun with {begun_with}");
                Err(Error::new(Kind::WrongState, what))
            }
            Some(message) => {
                message.delivery = delivery;
                Ok(Some(message.opcode))
            }
            None => Ok(None),
        }
    }

    /// The rest of the message must be received in the same way.
    pub fn bind(&mut self) {
        if let Some(message) = &mut self.message {
            message.is_bound = true;
        }
    }

    /// Whether the frame may come now.
    pub fn check(&self, header: &Header) -> Result<(), Error> {
        self.check_alone(header)?;
        match (header.opcode, &self.message) {
            (Opcode::Continuation, None) => Err(Error::protocol(
                "continuation frame without a message to continue",
            )),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(Error::protocol(
                "new message before the last fragment of the one before",
            )),
            _ => self.check_frame_size(header),
        }
    }

    /// The rules a frame from a server must keep whatever has come before.
    fn check_alone(&self, header: &Header) -> Result<(), Error> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            self.check_reserved_bits(header)?;
        }
        if header.mask.is_some() {
            // Section 5.1: "A server MUST NOT mask any frames that it sends to the client."
            return Err(Error::protocol("masked frame from the server"));
        }
        header.check_control()
    }

    fn check_frame_size(&self, header: &Header) -> Result<(), Error> {
        if header.opcode.is_control() {
            return Ok(());
        }
        let limit = self.limits.max_frame_bytes;
        let option = "wsline_options_set_max_frame_bytes";
        check_limit("frame", header.len, limit, option)
    }

    /// The message in one frame with which `bytes` begin, if it is all there, not compressed and
    /// within all limits.
    #[inline]
    pub fn whole_message(&self, bytes: &[u8]) -> Option<WholeMessage> {
        let found = WholeMessage::decode(bytes)?;
        let limits = &self.limits;
        let limit = limits.max_frame_bytes.min(limits.max_message_bytes);
        (found.len as u64 <= limit).then_some(found)
    }

    /// Whether a message is under way.
    pub fn is_within_message(&self) -> bool {
        self.message.is_some()
    }

    /// Whether `bytes`, which follow a message, begin with another whole one, or with control
    /// frames and then that. Looks no further than to a frame that ends the connection.
    pub fn has_whole_message(&self, mut bytes: &[u8]) -> bool {
        let mut is_begun = false;
        while let Ok(Some((header, len))) = Header::decode(bytes) {
            let is_in_order = match header.opcode {
                Opcode::Continuation => is_begun,
                Opcode::Text | Opcode::Binary => !is_begun,
                other => other != Opcode::Close,
            };
            let end = usize::try_from(header.len)
                .ok()
                .and_then(|payload| payload.checked_add(len));
            let rest = end.and_then(|end| bytes.get(end..));
            let is_good = is_in_order
                && self.check_alone(&header).is_ok()
                && self.check_frame_size(&header).is_ok();
            let (Some(rest), true) = (rest, is_good) else {
                return false;
            };
            let is_data = !header.opcode.is_control();
            if header.fin && is_data {
                return true;
            }
            is_begun |= is_data;
            bytes = rest;
        }
        false
    }

    /// Section 5.2: they must be 0, unless an extension gives them a meaning; RFC 7692 section 6
    /// does so for the first.
    fn check_reserved_bits(&self, header: &Header) -> Result<(), Error> {
        if header.rsv2 || header.rsv3 || !self.may_be_compressed {
            return Err(Error::protocol(
                "frame with a reserved bit set and no extension to give it a meaning",
            ));
        }
        match header.opcode {
            Opcode::Text | Opcode::Binary => Ok(()),
            other => Err(Error::protocol(format!(
                "{} frame with the bit of compressed messages, RSV1",
                other.name()
            ))),
        }
    }

    /// Keeps account of the message that a frame begins or goes on with (section 5.4).
    pub fn enter(&mut self, header: &Header, delivery: Delivery) -> Result<(), Error> {
        if header.opcode != Opcode::Continuation {
            self.message = Some(Incoming {
                opcode: header.opcode,
                fragments: 1,
                is_compressed: header.rsv1,
                delivery,
                is_bound: !header.fin,
                is_begun: false,
            });
            return Ok(());
        }
        let Some(message) = &mut self.message else {
            return Ok(());
        };
        message.fragments += 1;
        let limit = self.limits.max_fragments;
        // Parts take no memory, however many they are.
        if message.fragments > limit && delivery != Delivery::Parts {
            return Err(Error::new(
                Kind::MessageTooBig,
                format!(
                    "message of more than {limit} fragments (wsline_options_set_max_fragments)"
                ),
            ));
        }
        Ok(())
    }

    pub fn check_size(&self, bytes: u64) -> Result<(), Error> {
        check_message(bytes, self.limits.max_message_bytes)
    }

    /// The message in progress, or a part of it, of which the payload is lent.
    /// Its opcode, and whether none of it was handed out before.
    pub fn hand_out(&mut self, is_last: bool) -> Result<(Opcode, bool), Error> {
        let Some(message) = &mut self.message else {
            return Err(Error::new(Kind::Internal, "a payload without a message"));
        };
        let handed_out = (message.opcode, !message.is_begun);
        message.is_begun = true;
        message.is_bound = true;
        if is_last {
            self.message = None;
        }
        Ok(handed_out)
    }
}

/// A text or binary frame with FIN and no other bit, of fewer than 64 KiB, all of which has
/// arrived.
#[derive(Clone, Copy, Debug)]
pub struct WholeMessage {
    pub is_text: bool,
    /// That of the header, in bytes.
    pub header_len: usize,
    /// That of the payload.
    pub len: usize,
}

impl WholeMessage {
    /// Section 5.2, for these frames.
    #[inline]
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (first, header_len, len) = match *bytes {
            [first, len @ 0..126, ..] => (first, 2, usize::from(len)),
            [first, 126, high, low, ..] => {
                let len = u16::from_be_bytes([high, low]);
                (first, 4, Some(usize::from(len)).filter(|len| *len >= 126)?)
            }
            _ => return None,
        };
        let is_all_there = bytes.len() - header_len >= len;
        (matches!(first, 0x81 | 0x82) && is_all_there).then_some(Self {
            is_text: first == 0x81,
            header_len,
            len,
        })
    }
}

pub fn check_message(bytes: u64, limit: u64) -> Result<(), Error> {
    check_limit(
        "message",
        bytes,
        limit,
        "wsline_options_set_max_message_bytes",
    )
}

fn check_limit(what: &str, bytes: u64, limit: u64, option: &str) -> Result<(), Error> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Error::new(
        Kind::MessageTooBig,
        format!("{what} of {bytes} bytes or more, the limit is {limit} ({option})"),
    ))
}
