// SPDX-License-Identifier: Apache-2.0
//! The general case of receiving: frame by frame, all kinds.

use super::unmasking::Unmasking;
use super::{LentFrom, ReceiveEnd, Receiver};
use crate::base::buffer::{Inbox, READ_MAX};
use crate::base::error::Error;
use crate::protocol::ws::close::read_payload;
use crate::protocol::ws::frame::Header;
use crate::protocol::ws::message::{Delivery, Message, MessageFlags};
use crate::protocol::ws::message_assembler::InflateLimit;
use crate::protocol::ws::opcode::Opcode;

impl Receiver {
    pub(super) fn advance(&mut self, delivery: Delivery) -> Result<bool, Error> {
        loop {
            let header = match self.frame {
                Some(header) => header,
                None => match self.next_header(delivery)? {
                    Some(header) => header,
                    None => return Ok(false),
                },
            };
            if self.unmasking.is_some() {
                self.unmask(header);
            }
            if delivery == Delivery::Frames {
                return self.take_frame(header);
            }
            if header.opcode.is_control() {
                return self.take_control(header, delivery);
            }
            let is_inflated = self.sequence.is_compressed() || self.assembler.inflates_contents();
            let is_whole = header.fin && header.opcode != Opcode::Continuation;
            let is_found = match delivery {
                _ if is_inflated => self.take_inflated(header, delivery)?,
                Delivery::Parts => self.take_part(header)?,
                Delivery::Messages if !is_whole => self.take_joined(header)?,
                _ => self.take_data(header, delivery)?,
            };
            // A complete frame without a delivery is a fragment, so continue with the next frame.
            if is_found || self.frame.is_some() {
                return Ok(is_found);
            }
        }
    }

    fn next_header(&mut self, delivery: Delivery) -> Result<Option<Header>, Error> {
        let Some((header, len)) = self.sequence.decode(self.inbox.unread())? else {
            return Ok(None);
        };
        self.sequence.check(&header)?;
        if self.sequence.tolerates_any() {
            let mistakes = self.sequence.mistakes(&header, self.inbox.unread());
            self.mistakes.add(mistakes);
            let unmasking = header.mask.map(Unmasking::new);
            self.unmasking = unmasking.map(Box::new);
        }
        self.inbox.consume(len);
        self.frame = Some(header);
        self.frames += 1;
        self.checked = 0;
        if !header.opcode.is_control() {
            if header.opcode != Opcode::Continuation {
                self.assembler.begin(header.opcode);
            }
            self.sequence.note_frame(&header, delivery)?;
        }
        Ok(Some(header))
    }

    #[cold]
    fn unmask(&mut self, header: Header) {
        let unread = self.inbox.unread_mut();
        let len = header.len.min(unread.len() as u64) as usize;
        if let (Some(unmasking), Some(payload)) = (&mut self.unmasking, unread.get_mut(..len)) {
            unmasking.unmask(payload);
        }
    }

    fn take_frame(&mut self, header: Header) -> Result<bool, Error> {
        let is_data = !header.opcode.is_control();
        if is_data {
            self.sequence.check_size(header.len)?;
        }
        if !self.lend(header, false) {
            return Ok(false);
        }
        if is_data {
            if self.sequence.is_compressed() {
                self.assembler.skip_text();
                self.assembler
                    .skip_compressed(self.inbox.lent(), header.fin)?;
            }
            self.sequence.note_delivered(header.fin)?;
        }
        self.arrived = Message {
            opcode: header.opcode,
            flags: MessageFlags::NONE
                .with(MessageFlags::FIRST, header.opcode != Opcode::Continuation)
                .with(MessageFlags::LAST, header.fin),
            delivery: Delivery::Frames,
            rsv1: header.rsv1,
            received_ns: self.arrived.received_ns,
            payload: &[],
        };
        self.note_close(header.opcode)
    }

    fn take_control(&mut self, header: Header, delivery: Delivery) -> Result<bool, Error> {
        if !self.lend(header, false) {
            return Ok(false);
        }
        self.arrived = Message {
            opcode: header.opcode,
            delivery,
            received_ns: self.arrived.received_ns,
            ..Message::EMPTY
        };
        self.note_close(header.opcode)
    }

    /// Always true on success: the frame is delivered.
    fn note_close(&mut self, opcode: Opcode) -> Result<bool, Error> {
        if opcode == Opcode::Close {
            read_payload(self.lent())?;
            self.end = ReceiveEnd::Closed;
        }
        Ok(true)
    }

    /// Delivers a data frame by itself: a whole message, or a fragment with
    /// [`Delivery::Fragments`].
    fn take_data(&mut self, header: Header, delivery: Delivery) -> Result<bool, Error> {
        self.sequence.check_size(header.len)?;
        if self.assembler.is_text() {
            self.check_text(header)?;
        }
        if !self.lend(header, header.fin) {
            return Ok(false);
        }
        self.deliver(header.fin, delivery)
    }

    /// Delivers the lent bytes as the message in progress, or a part of it; `arrived` says whether
    /// another message has arrived.
    fn deliver(&mut self, last: bool, delivery: Delivery) -> Result<bool, Error> {
        let (opcode, first) = self.sequence.note_delivered(last)?;
        self.arrived = Message {
            opcode,
            flags: self
                .arrived
                .flags
                .with(MessageFlags::FIRST, first)
                .with(MessageFlags::LAST, last)
                .with(MessageFlags::INFLATED, self.assembler.is_inflated()),
            delivery,
            rsv1: false,
            ..self.arrived
        };
        Ok(true)
    }

    /// Delivers what has arrived of a frame, up to the size of a part. An empty part is delivered
    /// only at the end of the message.
    fn take_part(&mut self, header: Header) -> Result<bool, Error> {
        let part = arrived(&self.inbox, header);
        let part = part.get(..READ_MAX).unwrap_or(part);
        let len = part.len() as u64;
        let is_last = header.fin && len == header.len;
        if len == 0 && !is_last {
            self.consume(header, 0);
            return Ok(false);
        }
        self.assembler.check(part, is_last)?;
        self.lend(Header { len, ..header }, is_last);
        self.frame = rest(header, len);
        self.deliver(is_last, Delivery::Parts)
    }

    /// Validates the newly arrived text of the frame, so that an invalid byte fails the connection
    /// when it arrives and not at the end of its message.
    fn check_text(&mut self, header: Header) -> Result<(), Error> {
        let arrived = arrived(&self.inbox, header);
        let is_last = header.fin && arrived.len() as u64 == header.len;
        if is_last && self.checked == 0 && header.opcode == Opcode::Text {
            return self.assembler.check_whole(arrived);
        }
        let unchecked = arrived.get(self.checked..).unwrap_or_default();
        self.checked = arrived.len();
        self.assembler.check(unchecked, is_last)
    }

    /// Appends what has arrived of a fragment to its message, which is delivered when it is
    /// complete.
    fn take_joined(&mut self, header: Header) -> Result<bool, Error> {
        self.sequence
            .check_size(self.assembler.joined().len() as u64 + header.len)?;
        let part = arrived(&self.inbox, header);
        let len = part.len();
        let is_last = header.fin && len as u64 == header.len;
        self.assembler.join(part, is_last)?;
        self.consume(header, len);
        if !is_last {
            return Ok(false);
        }
        self.deliver_joined(true, Delivery::Messages)
    }

    /// Inflates what has arrived of a frame.
    fn take_inflated(&mut self, header: Header, delivery: Delivery) -> Result<bool, Error> {
        let part = arrived(&self.inbox, header);
        let is_end = part.len() as u64 == header.len;
        let is_last = header.fin && is_end;
        let room = match delivery {
            Delivery::Parts => InflateLimit::Chunk,
            _ => InflateLimit::Max(self.sequence.max_message_bytes()),
        };
        let is_compressed = self.sequence.is_compressed();
        let inflated = self.assembler.inflate(part, is_last, is_compressed, room)?;
        self.sequence.fix_delivery();
        self.consume(header, inflated.taken);
        self.yields_more = !inflated.is_all;
        if self.yields_more {
            // The frame is not finished, even if all of its payload is consumed.
            self.frame.get_or_insert(Header { len: 0, ..header });
            return self.deliver_joined(false, delivery);
        }
        let is_wanted = match delivery {
            Delivery::Parts => inflated.ends_message || !self.assembler.joined().is_empty(),
            Delivery::Fragments => is_end,
            _ => inflated.ends_message,
        };
        if is_wanted {
            self.deliver_joined(inflated.ends_message, delivery)?;
        } else if is_last {
            self.assembler.keep_for_next();
        }
        if is_last && !inflated.ends_message {
            self.sequence.note_continued();
        }
        Ok(is_wanted)
    }

    /// Delivers the joined or inflated bytes.
    fn deliver_joined(&mut self, is_last: bool, delivery: Delivery) -> Result<bool, Error> {
        self.assembler.lend()?;
        self.lent = LentFrom::Joined;
        let has_more = is_last && self.sequence.has_whole_message(self.inbox.unread());
        self.arrived.flags = MessageFlags::NONE.with(MessageFlags::MORE, has_more);
        self.deliver(is_last, delivery)
    }

    fn consume(&mut self, header: Header, count: usize) {
        self.inbox.consume(count);
        if let Some(unmasking) = &mut self.unmasking {
            unmasking.consume(count);
        }
        self.frame = rest(header, count as u64);
    }

    /// Lends the payload of the frame in progress if it is complete. Looks for another message only
    /// at the end of a message: doing so at every frame would scan many small frames again and
    /// again.
    fn lend(&mut self, header: Header, ends_message: bool) -> bool {
        let unread = self.inbox.unread();
        if (unread.len() as u64) < header.len {
            return false;
        }
        let len = header.len as usize;
        let may_have_more = ends_message && unread.len() > len;
        let has_more = may_have_more
            && self
                .sequence
                .has_whole_message(unread.get(len..).unwrap_or_default());
        self.arrived.flags = MessageFlags::NONE.with(MessageFlags::MORE, has_more);
        self.inbox.lend(len);
        if let Some(unmasking) = &mut self.unmasking {
            unmasking.consume(len);
        }
        self.lent = LentFrom::Inbox;
        self.frame = None;
        true
    }
}

/// The part of a frame's payload that has arrived.
fn arrived(inbox: &Inbox, header: Header) -> &[u8] {
    let unread = inbox.unread();
    let len = header.len.min(unread.len() as u64) as usize;
    unread.get(..len).unwrap_or_default()
}

/// The frame without the first `count` bytes of its payload; `None` if nothing is left.
fn rest(header: Header, count: u64) -> Option<Header> {
    let len = header.len - count;
    (len > 0).then_some(Header { len, ..header })
}
