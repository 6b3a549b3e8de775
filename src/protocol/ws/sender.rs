// SPDX-License-Identifier: Apache-2.0
//! The sending half of an open connection: what may be sent now, and as which frames.
//!
//! The only place where the closing handshake advances (RFC 6455 sections 5.5 and 7): received
//! control frames are passed to [`Sender::reply_to`], which returns the reply to send, and sent
//! frames to [`Sender::note_sent`].

use super::close::{CloseFrame, Closing, read_payload};
use super::frame::{Header, MAX_CONTROL_BYTES};
use super::mask::{self, MaskKey};
use super::message::{Delivery, Message};
use super::opcode::Opcode;
use crate::base::error::{Error, Kind};

#[derive(Debug, Default)]
pub struct Sender {
    closing: Closing,
    fragmented: Option<Fragmented>,
}

/// The message that is being sent in fragments.
#[derive(Clone, Copy, Debug)]
struct Fragmented {
    opcode: Opcode,
    is_compressed: bool,
}

/// A frame to send, without its payload and masking key.
#[derive(Clone, Copy, Debug)]
pub enum Frame {
    /// A whole message, a ping or a pong.
    Whole(Opcode),
    /// A part of a message with this opcode.
    Fragment { opcode: Opcode, fin: bool },
    /// Our close frame, or the reply to one that was received frame by frame.
    Close,
    /// A frame from the caller.
    Made(Header),
    /// A frame from the caller that may violate the protocol.
    Raw(Header),
}

/// A reply that the protocol requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlReply {
    /// A pong with the payload of the ping.
    Pong,
    Close(CloseFrame),
}

impl Sender {
    pub fn closing(&self) -> &Closing {
        &self.closing
    }

    /// Whether a whole text or binary message may be sent now.
    pub fn may_send_message(&self) -> bool {
        self.fragmented.is_none() && self.closing.is_open()
    }

    /// The header of `frame` with a payload of `len` bytes; fails if it may not be sent now.
    pub fn header(&self, frame: Frame, len: usize, key: MaskKey) -> Result<Header, Error> {
        match frame {
            Frame::Whole(opcode) => self.message(opcode, len, key),
            Frame::Fragment { opcode, fin } => self.fragment(opcode, fin, len, key),
            Frame::Close => self.close(len, key),
            Frame::Made(header) => self.frame(Header {
                mask: Some(key),
                ..header
            }),
            Frame::Raw(header) => self.check_may_send(header.opcode).map(|()| header),
        }
    }

    /// Whether `frame` continues a message that is being sent compressed; `None` if it begins a
    /// message.
    pub fn is_compressed(&self, frame: Frame) -> Option<bool> {
        match frame {
            Frame::Fragment { .. } => self.fragmented.map(|message| message.is_compressed),
            _ => None,
        }
    }

    /// The header of a whole message, or of a control frame.
    pub fn message(&self, opcode: Opcode, len: usize, key: MaskKey) -> Result<Header, Error> {
        self.check_open()?;
        if opcode.is_control() {
            check_control_len(len)?;
        } else {
            self.check_no_fragments()?;
        }
        Ok(Header::masked(opcode, true, len, key))
    }

    /// The header of a fragment of a message (section 5.4). Control frames may be sent between two
    /// fragments.
    pub fn fragment(
        &self,
        opcode: Opcode,
        fin: bool,
        len: usize,
        key: MaskKey,
    ) -> Result<Header, Error> {
        self.check_open()?;
        let wire = match self.fragmented {
            None => opcode,
            Some(begun) if begun.opcode == opcode => Opcode::Continuation,
            Some(begun) => {
                let name = begun.opcode.name();
                return Err(Error::argument(
                    "opcode",
                    format!("must be {name}, the opcode of the message being sent"),
                ));
            }
        };
        Ok(Header::masked(wire, fin, len, key))
    }

    /// Checks whether the caller's frame may be sent now.
    pub fn frame(&self, header: Header) -> Result<Header, Error> {
        self.check_may_send(header.opcode)?;
        header
            .check_control()
            .map_err(|error| Error::argument("frame", format!("is a {error}")))?;
        match header.opcode {
            Opcode::Continuation if self.fragmented.is_none() => Err(Error::argument(
                "frame",
                "continues a message, but none is being sent",
            )),
            Opcode::Continuation if self.is_compressing() => Err(Error::argument(
                "frame",
                "continues a compressed message; use wsline_conn_send_fragment()",
            )),
            Opcode::Text | Opcode::Binary => self.check_no_fragments().map(|()| header),
            _ => Ok(header),
        }
    }

    /// The header of our close frame, which may be sent once (section 5.5.1), also as the reply to
    /// one received with [`Delivery::Frames`].
    pub fn close(&self, len: usize, key: MaskKey) -> Result<Header, Error> {
        self.check_may_close()?;
        Ok(Header::masked(Opcode::Close, true, len, key))
    }

    /// Notes that a frame is being sent. A raw frame changes no state, unless it is a close frame.
    pub fn note_frame(&mut self, frame: Frame, header: &Header) {
        if !matches!(frame, Frame::Raw(_)) || header.opcode == Opcode::Close {
            self.note_sent(header);
        }
    }

    pub fn note_sent(&mut self, header: &Header) {
        match header.opcode {
            Opcode::Close => self.closing.note_sent(),
            Opcode::Continuation | Opcode::Text | Opcode::Binary if header.fin => {
                self.fragmented = None;
            }
            Opcode::Text | Opcode::Binary => {
                self.fragmented.get_or_insert(Fragmented {
                    opcode: header.opcode,
                    is_compressed: header.rsv1,
                });
            }
            _ => {}
        }
    }

    /// The reply to a received control frame, which is then considered sent. With
    /// [`Delivery::Frames`] the caller replies.
    pub fn reply_to(&mut self, received: &Message<'_>, auto_pong: bool) -> Option<ControlReply> {
        let by_us = received.delivery != Delivery::Frames;
        match received.opcode {
            // Section 5.5.2: a ping is answered "unless it already received a Close frame"; after
            // our own, nothing may be sent.
            Opcode::Ping if by_us && auto_pong && self.closing.is_open() => {
                Some(ControlReply::Pong)
            }
            Opcode::Close => {
                // The receiver has already validated it.
                let (code, reason) = read_payload(received.payload).unwrap_or_default();
                if !by_us {
                    self.closing.note_received(code, reason);
                    return None;
                }
                let due = !self.closing.is_sent();
                self.closing.note_received(code, reason);
                self.closing.note_sent();
                // Section 5.5.1: "the endpoint typically echos the status code it received".
                due.then(|| {
                    ControlReply::Close(CloseFrame {
                        code,
                        reason: String::new(),
                    })
                })
            }
            _ => None,
        }
    }

    /// Notes that `error` ended the connection; every later call returns it. Returns the close
    /// frame to send, if any, which is then considered sent.
    pub fn fail(&mut self, error: &Error) -> Option<ControlReply> {
        let Some(code) = error.kind().close_code() else {
            self.closing.note_failure(error.clone());
            return None;
        };
        let is_due = !self.closing.is_sent();
        let error = error.clone().with_close_code(code);
        self.closing.note_failure(error);
        self.closing.note_sent();
        is_due.then(|| {
            ControlReply::Close(CloseFrame {
                code: Some(code),
                reason: String::new(),
            })
        })
    }

    fn is_compressing(&self) -> bool {
        self.fragmented.is_some_and(|message| message.is_compressed)
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closing.is_open() {
            return Ok(());
        }
        self.closing.send_error().map_or(Ok(()), Err)
    }

    fn check_may_send(&self, opcode: Opcode) -> Result<(), Error> {
        match opcode {
            Opcode::Close => self.check_may_close(),
            _ => self.check_open(),
        }
    }

    fn check_may_close(&self) -> Result<(), Error> {
        if self.closing.is_received() && !self.closing.is_sent() {
            Ok(())
        } else {
            self.check_open()
        }
    }

    fn check_no_fragments(&self) -> Result<(), Error> {
        if self.fragmented.is_none() {
            return Ok(());
        }
        Err(Error::new(
            Kind::Busy,
            "a fragmented message is being sent; finish it first",
        ))
    }
}

impl ControlReply {
    /// Appends the frame to `out`.
    pub fn encode(&self, ping_payload: &[u8], key: MaskKey, out: &mut Vec<u8>) {
        match self {
            Self::Pong => encode(Opcode::Pong, ping_payload, key, out),
            Self::Close(frame) => encode(Opcode::Close, &frame.payload(), key, out),
        }
    }
}

pub fn check_control_len(len: usize) -> Result<(), Error> {
    if len <= MAX_CONTROL_BYTES {
        return Ok(());
    }
    Err(Error::argument(
        "len",
        format!("is {len}, the limit for control frames is {MAX_CONTROL_BYTES}"),
    ))
}

fn encode(opcode: Opcode, payload: &[u8], key: MaskKey, out: &mut Vec<u8>) {
    Header::masked(opcode, true, payload.len(), key).encode(out);
    mask::append(key, payload, out);
}
