// SPDX-License-Identifier: Apache-2.0
//! Whether the next receive needs more bytes.

use super::{ReceiveEnd, Receiver};
use crate::protocol::ws::frame::{Header, MAX_HEADER_BYTES};
use crate::protocol::ws::frame_sequence::Scanned;
use crate::protocol::ws::message::{Delivery, MessageFlags};
use crate::protocol::ws::opcode::Opcode;

impl Receiver {
    /// Whether [`Receiver::next`] would find something in what has arrived, or fail; with the
    /// delivery of the message in progress, or else of the last call. Takes nothing, so it cannot
    /// find an error in a payload that is still incomplete. Before the first call, any part of a
    /// payload counts.
    #[cold]
    pub fn has_pending(&self) -> bool {
        if !matches!(self.end, ReceiveEnd::NotYet) || self.yields_more {
            return true;
        }
        let last = (!self.has_delivered_nothing()).then_some(self.arrived.delivery);
        let delivery = self.delivery_in_progress().or(self.wanted).or(last);
        let mut first = [0; MAX_HEADER_BYTES];
        let mut head = self.inbox.copy_head(&mut first);
        let mut bytes = if head.is_empty() {
            &[]
        } else {
            self.inbox.unread()
        };
        let mut is_begun = self.sequence.is_within_message();
        if let Some(header) = self.frame {
            let arrived = bytes.len() as u64;
            if is_found(&header, arrived.min(header.len), delivery) {
                return true;
            }
            let Some(rest) = bytes.get(header.len as usize..) else {
                return false;
            };
            is_begun &= header.opcode.is_control() || !header.fin;
            (head, bytes) = (rest, rest);
        }
        loop {
            match self.sequence.scan(head, bytes, &mut is_begun) {
                Scanned::Nothing => return false,
                Scanned::Invalid => return true,
                Scanned::Part(header, len) => return is_found(&header, len as u64, delivery),
                Scanned::Frame(header, _) if is_found(&header, header.len, delivery) => {
                    return true;
                }
                Scanned::Frame(_, rest) => (head, bytes) = (rest, rest),
            }
        }
    }

    /// No other continuation is the first frame of a message.
    fn has_delivered_nothing(&self) -> bool {
        self.arrived.opcode == Opcode::Continuation
            && self.arrived.flags.contains(MessageFlags::FIRST)
    }
}

/// Whether something is delivered once `arrived` bytes of a frame are there.
fn is_found(frame: &Header, arrived: u64, delivery: Option<Delivery>) -> bool {
    let is_complete = arrived == frame.len;
    match delivery {
        None => is_complete || arrived > 0,
        Some(Delivery::Parts) if !frame.opcode.is_control() => {
            arrived > 0 || (is_complete && frame.fin)
        }
        Some(Delivery::Messages) => is_complete && frame.fin,
        Some(_) => is_complete,
    }
}
