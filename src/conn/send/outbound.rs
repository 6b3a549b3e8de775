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
    /// `payload` is what compressing has made of it.
    pub(super) is_compressed: bool,
    /// A key of the caller's.
    pub(super) key: Option<MaskKey>,
}

/// Whether the payload is compressed where that was negotiated and is worth it.
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

    /// A control frame, or a frame that the caller has made.
    pub fn uncompressed(frame: Frame, payload: &'a [u8]) -> Self {
        Self::new(frame, payload, Compress::Never)
    }

    pub fn prepared(prepared: &'a Prepared) -> Self {
        let frame = Frame::Whole(prepared.opcode());
        Self::new(frame, prepared.payload(), Compress::Prepared(prepared))
    }

    /// A message that is sent whole must be text where it says so; `name` is the caller's for the
    /// payload.
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

    /// That of a whole message that is sent as it is.
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

    /// A text or binary message or a part of one. A frame that the caller has made is not.
    pub(super) fn is_data(&self) -> bool {
        match self.frame {
            Frame::Whole(opcode) => !opcode.is_control(),
            Frame::Fragment { .. } => true,
            Frame::Close | Frame::Made(_) | Frame::Raw(_) => false,
        }
    }

    /// It must not wait behind a thread that sends in a tight loop.
    pub(super) fn is_urgent(&self) -> bool {
        match self.frame {
            Frame::Close => true,
            Frame::Whole(opcode) => opcode.is_control(),
            Frame::Fragment { .. } | Frame::Made(_) | Frame::Raw(_) => false,
        }
    }
}

/// What a send does where the socket takes nothing more.
pub enum WhenFull<'a> {
    /// Waits. On `Timeout` nothing has been sent and nothing is lost. If the time is up with part
    /// of the frame sent, the connection has ended, for no other frame could follow.
    Wait(&'a mut WaitBudget),
    /// Queues the frame, for whoever watches the socket to call `Writer::flush`; see
    /// `Writer::take_watch`, also after a failure. `WouldBlock` where the queue is not empty and
    /// would hold more than `limit` bytes. `NoMemory`: nothing of it has been sent or queued.
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
