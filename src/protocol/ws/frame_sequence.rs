// SPDX-License-Identifier: Apache-2.0
//! Which frames may follow, and the message that they form (RFC 6455 section 5.4).

use super::frame::Header;
use super::message::Delivery;
use super::opcode::Opcode;
use crate::base::error::{Error, Kind};
use crate::protocol::tolerance::Mistakes;

/// Limits on what a peer sends. `u64::MAX` means no limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_message_bytes: u64,
    pub max_frame_bytes: u64,
    pub max_fragments: u64,
}

#[derive(Debug)]
pub struct FrameSequence {
    limits: Limits,
    tolerated: Mistakes,
    may_be_compressed: bool,
    /// The first byte of a whole binary message, unless its payload must be inflated.
    whole_binary: u8,
    /// The next binary message continues the last one, of which some has been delivered.
    is_partly_delivered: bool,
    /// The message in progress.
    message: Option<Incoming>,
}

#[derive(Clone, Copy, Debug)]
struct Incoming {
    opcode: Opcode,
    fragments: u64,
    is_compressed: bool,
    /// How the message is received.
    delivery: Delivery,
    /// The rest must be received in the same way.
    is_delivery_fixed: bool,
    /// Some of it has been delivered.
    is_partly_delivered: bool,
}

impl FrameSequence {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            tolerated: Mistakes::default(),
            may_be_compressed: false,
            whole_binary: WHOLE_BINARY,
            is_partly_delivered: false,
            message: None,
        }
    }

    pub fn tolerate(&mut self, mistakes: Mistakes) {
        self.tolerated = mistakes;
    }

    /// Decodes the header at the start of `bytes`, as [`Header::decode`].
    pub fn decode(&self, bytes: &[u8]) -> Result<Option<(Header, usize)>, Error> {
        match self.tolerated.contains(Mistakes::LENGTHS) {
            true => Header::decode_any_length(bytes),
            false => Header::decode(bytes),
        }
    }

    /// What is wrong with a header that was decoded from the start of `bytes`, and is tolerated.
    pub fn mistakes(&self, header: &Header, bytes: &[u8]) -> Mistakes {
        let mut mistakes = Mistakes::default();
        if header.mask.is_some() {
            mistakes.add(Mistakes::MASKED_FRAMES);
        }
        if Header::decode(bytes).is_err() {
            mistakes.add(Mistakes::LENGTHS);
        }
        mistakes
    }

    pub fn tolerates_any(&self) -> bool {
        !self.tolerated.is_empty()
    }

    pub fn allow_compression(&mut self) {
        self.may_be_compressed = true;
    }

    /// [`FrameSequence::whole_message`] no longer finds binary messages.
    pub fn inflate_binary(&mut self) {
        self.whole_binary = WHOLE_TEXT;
    }

    pub fn is_compressed(&self) -> bool {
        self.message.is_some_and(|message| message.is_compressed)
    }

    pub fn max_message_bytes(&self) -> u64 {
        self.limits.max_message_bytes
    }

    /// How the rest of the message in progress must be received.
    pub fn delivery_in_progress(&self) -> Option<Delivery> {
        let fixed = self.message.filter(|message| message.is_delivery_fixed);
        fixed.map(|message| message.delivery)
    }

    /// Sets how the message in progress is received, which must not change within a message.
    /// Returns its opcode if the delivery changed after its header, before anything was delivered.
    pub fn set_delivery(&mut self, delivery: Delivery) -> Result<Option<Opcode>, Error> {
        match &mut self.message {
            Some(message) if message.delivery == delivery => Ok(None),
            Some(message) if message.is_delivery_fixed => {
                let begun_with = match message.delivery {
                    Delivery::Messages | Delivery::Fragments => {
                        "wsline_conn_recv() or wsline_conn_recv_event()"
                    }
                    Delivery::Parts => "wsline_conn_recv_part()",
                    Delivery::Frames => "wsline_conn_recv_frame()",
                };
                let what = format!("a message begun with {begun_with} is still in progress");
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
    pub fn fix_delivery(&mut self) {
        if let Some(message) = &mut self.message {
            message.is_delivery_fixed = true;
        }
    }

    /// Checks whether the frame is allowed now.
    pub fn check(&self, header: &Header) -> Result<(), Error> {
        self.check_alone(header)?;
        match (header.opcode, &self.message) {
            (Opcode::Continuation, None) => Err(Error::protocol(
                "continuation frame without a message to continue",
            )),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(Error::protocol(
                "new message before the last fragment of the previous one",
            )),
            _ => self.check_frame_size(header),
        }
    }

    /// The rules for every frame from a server, independent of earlier frames.
    fn check_alone(&self, header: &Header) -> Result<(), Error> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            self.check_reserved_bits(header)?;
        }
        if header.mask.is_some() && !self.tolerated.contains(Mistakes::MASKED_FRAMES) {
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

    /// The unfragmented message at the start of `bytes`, if it is complete, not compressed and
    /// within all limits.
    #[inline]
    pub fn whole_message(&self, bytes: &[u8]) -> Option<WholeMessage> {
        let found = WholeMessage::decode(bytes, self.whole_binary)?;
        let limits = &self.limits;
        let limit = limits.max_frame_bytes.min(limits.max_message_bytes);
        (found.len as u64 <= limit).then_some(found)
    }

    /// Whether a message is in progress.
    pub fn is_within_message(&self) -> bool {
        self.message.is_some()
    }

    /// Whether `bytes`, which follow a message, begin with another whole message, possibly after
    /// control frames. Stops at a frame that ends the connection.
    #[inline(never)]
    pub fn has_whole_message(&self, mut bytes: &[u8]) -> bool {
        let mut is_begun = false;
        while let Scanned::Frame(header, rest) = self.scan(bytes, bytes, &mut is_begun) {
            if header.opcode == Opcode::Close {
                return false;
            }
            if header.fin && !header.opcode.is_control() {
                return true;
            }
            bytes = rest;
        }
        false
    }

    /// Finds the frame at the start of `bytes`, without taking it. `head` begins with its header:
    /// it is `bytes`, or a copy of the first of them. `is_begun` says whether a message is in
    /// progress, and is updated.
    pub fn scan<'a>(&self, head: &[u8], bytes: &'a [u8], is_begun: &mut bool) -> Scanned<'a> {
        let (header, len) = match self.decode(head) {
            Ok(Some(decoded)) => decoded,
            Ok(None) => return Scanned::Nothing,
            Err(_) => return Scanned::Invalid,
        };
        let is_in_order = match header.opcode {
            Opcode::Continuation => *is_begun,
            Opcode::Text | Opcode::Binary => !*is_begun,
            _ => true,
        };
        let is_good = is_in_order
            && self.check_alone(&header).is_ok()
            && self.check_frame_size(&header).is_ok();
        if !is_good {
            return Scanned::Invalid;
        }
        let payload = bytes.get(len..).unwrap_or_default();
        let end = usize::try_from(header.len).ok();
        let rest = end.and_then(|end| payload.get(end..));
        let Some(rest) = rest else {
            return Scanned::Part(header, payload.len());
        };
        if !header.opcode.is_control() {
            *is_begun = !header.fin;
        }
        Scanned::Frame(header, rest)
    }

    /// Section 5.2: the reserved bits must be 0, unless an extension defines them; RFC 7692 section
    /// 6 defines RSV1.
    fn check_reserved_bits(&self, header: &Header) -> Result<(), Error> {
        if header.rsv2 || header.rsv3 || !self.may_be_compressed {
            return Err(Error::protocol(
                "frame with a reserved bit set, but no extension that defines it",
            ));
        }
        match header.opcode {
            Opcode::Text | Opcode::Binary => Ok(()),
            other => Err(Error::protocol(format!(
                "{} frame with RSV1, the bit of compressed messages",
                other.name()
            ))),
        }
    }

    /// Notes the frame, which begins or continues a message (section 5.4).
    pub fn note_frame(&mut self, header: &Header, delivery: Delivery) -> Result<(), Error> {
        if header.opcode != Opcode::Continuation {
            self.message = Some(Incoming {
                opcode: header.opcode,
                fragments: 1,
                is_compressed: header.rsv1,
                delivery,
                is_delivery_fixed: !header.fin,
                is_partly_delivered: header.opcode == Opcode::Binary
                    && std::mem::take(&mut self.is_partly_delivered),
            });
            return Ok(());
        }
        let Some(message) = &mut self.message else {
            return Ok(());
        };
        message.fragments += 1;
        let limit = self.limits.max_fragments;
        // Parts need no memory, so their number is not limited.
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

    /// Notes that the message in progress, or a part of it, is delivered. Returns its opcode, and
    /// whether this is its first part.
    pub fn note_delivered(&mut self, is_last: bool) -> Result<(Opcode, bool), Error> {
        let Some(message) = &mut self.message else {
            return Err(Error::new(Kind::Internal, "a payload without a message"));
        };
        let delivered = (message.opcode, !message.is_partly_delivered);
        message.is_partly_delivered = true;
        message.is_delivery_fixed = true;
        if is_last {
            self.message = None;
        }
        Ok(delivered)
    }

    /// Notes that the message in progress has ended, but that the next binary message continues it.
    pub fn note_continued(&mut self) {
        let message = self.message.take();
        self.is_partly_delivered = message.is_some_and(|message| message.is_partly_delivered);
    }
}

/// What [`FrameSequence::scan`] finds.
pub enum Scanned<'a> {
    /// The header is incomplete.
    Nothing,
    /// A frame that ends the connection with an error.
    Invalid,
    /// A header, and this many bytes of the payload.
    Part(Header, usize),
    /// A complete frame, and the bytes after it.
    Frame(Header, &'a [u8]),
}

/// The first byte of a frame with FIN and no reserved bits (section 5.2).
const WHOLE_TEXT: u8 = 0x81;
const WHOLE_BINARY: u8 = 0x82;

/// A complete text or binary frame of fewer than 64 KiB, with FIN and no reserved bits.
#[derive(Clone, Copy, Debug)]
pub struct WholeMessage {
    pub is_text: bool,
    /// The length of the header, in bytes.
    pub header_len: usize,
    /// The length of the payload.
    pub len: usize,
}

impl WholeMessage {
    /// Decodes the header; its first byte is that of a text, or `binary`.
    #[inline]
    fn decode(bytes: &[u8], binary: u8) -> Option<Self> {
        let (first, header_len, len) = match *bytes {
            [first, len @ 0..126, ..] => (first, 2, usize::from(len)),
            [first, 126, high, low, ..] => {
                let len = u16::from_be_bytes([high, low]);
                (first, 4, Some(usize::from(len)).filter(|len| *len >= 126)?)
            }
            _ => return None,
        };
        let is_all_there = bytes.len() - header_len >= len;
        let is_text = first == WHOLE_TEXT;
        ((is_text || first == binary) && is_all_there).then_some(Self {
            is_text,
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
