// SPDX-License-Identifier: Apache-2.0
//! A frame to be sent, from the caller to the buffer in which it is masked.

use super::prepared::Prepared;
use crate::base::error::Error;
use crate::conn::wait_budget::WaitBudget;
use crate::protocol::ws::mask::MaskKey;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::Frame;
use crate::protocol::ws::utf8;

#[derive(Clone, Copy)]
pub struct Outbound<'a> {
    pub frame: Frame,
    pub payload: &'a [u8],
    pub compress: Compress<'a>,
    /// `payload` has been compressed.
    pub(super) is_compressed: bool,
    /// The masking key, if the caller supplies it.
    pub(super) key: Option<MaskKey>,
}

/// Whether to compress the payload, if that was negotiated and the payload is large enough.
#[derive(Clone, Copy)]
pub enum Compress<'a> {
    IfNegotiated,
    Never,
    /// Once for all connections.
    Prepared(&'a Prepared),
}

impl<'a> Outbound<'a> {
    pub fn new(frame: Frame, payload: &'a [u8], compress: Compress<'a>) -> Self {
        Self {
            frame,
            payload,
            compress,
            is_compressed: false,
            key: None,
        }
    }

    /// A control frame, or a frame that the caller has built.
    pub fn uncompressed(frame: Frame, payload: &'a [u8]) -> Self {
        Self::new(frame, payload, Compress::Never)
    }

    pub fn prepared(prepared: &'a Prepared) -> Self {
        let frame = Frame::Whole(prepared.opcode());
        Self::new(frame, prepared.payload(), Compress::Prepared(prepared))
    }

    /// Validates the payload of a whole text message; `name` is the caller's name of the payload.
    pub fn check_utf8(&self, name: &str) -> Result<(), Error> {
        let is_checked = matches!(self.compress, Compress::Prepared(_));
        if !matches!(self.frame, Frame::Whole(Opcode::Text)) || is_checked {
            return Ok(());
        }
        if utf8::is_valid(self.payload) {
            Ok(())
        } else {
            Err(Error::argument(name, "is not UTF-8"))
        }
    }

    /// The opcode of a whole message that is sent unchanged.
    pub(super) fn plain_opcode(&self) -> Option<Opcode> {
        match self.frame {
            Frame::Whole(opcode @ (Opcode::Text | Opcode::Binary))
                if !self.is_compressed && self.key.is_none() =>
            {
                Some(opcode)
            }
            _ => None,
        }
    }

    /// Whether this is a text or binary message or a fragment of one. A frame that the caller has
    /// built is not.
    pub fn is_data(&self) -> bool {
        match self.frame {
            Frame::Whole(opcode) => !opcode.is_control(),
            Frame::Fragment { .. } => true,
            Frame::Close | Frame::Made(_) | Frame::Raw(_) => false,
        }
    }

    /// Whether the caller allows it to be compressed.
    pub fn may_compress(&self) -> bool {
        match self.compress {
            Compress::IfNegotiated => true,
            Compress::Never => false,
            Compress::Prepared(prepared) => !prepared.is_uncompressed(),
        }
    }

    /// Whether this must not wait behind a thread that sends in a tight loop.
    pub(super) fn is_urgent(&self) -> bool {
        match self.frame {
            Frame::Close => true,
            Frame::Whole(opcode) => opcode.is_control(),
            Frame::Fragment { .. } | Frame::Made(_) | Frame::Raw(_) => false,
        }
    }
}

/// What a send does when the socket takes nothing more.
pub enum WhenFull<'a> {
    /// Waits. On `Timeout` nothing has been sent. If the time is up after part of the frame was
    /// sent, the connection fails, because no other frame could follow.
    Wait(&'a mut WaitBudget),
    /// Queues the frame; the driver that watches the socket calls `Writer::flush`. Check
    /// `Writer::take_watch` afterwards, also after a failure. `WouldBlock` if the queue is not
    /// empty and would hold more than `limit` bytes. On `NoMemory` nothing has been sent or queued.
    Queue { limit: u64 },
}

impl WhenFull<'_> {
    pub(super) fn limit(&self) -> u64 {
        match self {
            Self::Wait(_) => u64::MAX,
            Self::Queue { limit } => *limit,
        }
    }

    pub(super) fn budget(&mut self) -> Option<&mut WaitBudget> {
        match self {
            Self::Wait(budget) => Some(budget),
            Self::Queue { .. } => None,
        }
    }
}
