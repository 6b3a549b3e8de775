// SPDX-License-Identifier: Apache-2.0
//! The general case of receiving: frame by frame, whatever comes.

use super::{LentFrom, ReceiveEnd, Receiver};
use crate::base::buffer::{Inbox, READ_MAX};
use crate::base::error::Error;
use crate::protocol::ws::close::read_payload;
use crate::protocol::ws::frame::Header;
use crate::protocol::ws::message::{Delivery, Message};
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
            if delivery == Delivery::Frames {
                return self.take_frame(header);
            }
            if header.opcode.is_control() {
                return self.take_control(header, delivery);
            }
            let is_compressed = self.order.is_compressed();
            let is_whole = header.fin && header.opcode != Opcode::Continuation;
            let is_found = match delivery {
                _ if is_compressed => self.take_inflated(header, delivery)?,
                Delivery::Parts => self.take_part(header)?,
                Delivery::Messages if !is_whole => self.take_joined(header)?,
                _ => self.take_data(header, delivery)?,
            };
            // A frame that is over and brought nothing is one of several.
            if is_found || self.frame.is_some() {
                return Ok(is_found);
            }
        }
    }

    fn next_header(&mut self, delivery: Delivery) -> Result<Option<Header>, Error> {
        let Some((header, len)) = Header::decode(self.inbox.unread())? else {
            return Ok(None);
        };
        self.order.check(&header)?;
        self.inbox.consume(len);
        self.frame = Some(header);
        self.frames += 1;
        self.checked = 0;
        if !header.opcode.is_control() {
            if header.opcode != Opcode::Continuation {
                self.content.begin(header.opcode == Opcode::Text);
            }
            self.order.enter(&header, delivery)?;
        }
        Ok(Some(header))
    }

    fn take_frame(&mut self, header: Header) -> Result<bool, Error> {
        let is_data = !header.opcode.is_control();
        if is_data {
            self.order.check_size(header.len)?;
        }
        if !self.lend(header, false) {
            return Ok(false);
        }
        if is_data {
            if self.order.is_compressed() {
                self.content.skip_text();
                self.content.skim(self.inbox.lent(), header.fin)?;
            }
            self.order.hand_out(header.fin)?;
        }
        self.arrived = Message {
            opcode: header.opcode,
            first: header.opcode != Opcode::Continuation,
            last: header.fin,
            more: false,
            delivery: Delivery::Frames,
            rsv1: header.rsv1,
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
            ..Message::EMPTY
        };
        self.note_close(header.opcode)
    }

    /// True: whatever arrived is handed out.
    fn note_close(&mut self, opcode: Opcode) -> Result<bool, Error> {
        if opcode == Opcode::Close {
            read_payload(self.lent())?;
            self.end = ReceiveEnd::Closed;
        }
        Ok(true)
    }

    /// A data frame that is handed out as it is: a whole message, or a fragment where fragments are
    /// wanted.
    fn take_data(&mut self, header: Header, delivery: Delivery) -> Result<bool, Error> {
        self.order.check_size(header.len)?;
        if self.content.is_text() {
            self.check_text(header)?;
        }
        if !self.lend(header, header.fin) {
            return Ok(false);
        }
        self.hand_out(header.fin, delivery)
    }

    /// What is lent is the message in progress, or a part of it.
    fn hand_out(&mut self, last: bool, delivery: Delivery) -> Result<bool, Error> {
        let (opcode, first) = self.order.hand_out(last)?;
        self.arrived = Message {
            opcode,
            first,
            last,
            delivery,
            rsv1: false,
            ..self.arrived
        };
        Ok(true)
    }

    /// What has arrived of a frame, if it is not too much for a piece. Nothing is a part only where
    /// the message ends with it.
    fn take_part(&mut self, header: Header) -> Result<bool, Error> {
        let part = arrived(&self.inbox, header);
        let part = part.get(..READ_MAX).unwrap_or(part);
        let len = part.len() as u64;
        let is_last = header.fin && len == header.len;
        if len == 0 && !is_last {
            self.consume(header, 0);
            return Ok(false);
        }
        self.content.check(part, is_last)?;
        self.lend(Header { len, ..header }, is_last);
        self.frame = rest(header, len);
        self.hand_out(is_last, Delivery::Parts)
    }

    /// Checks what has arrived of the frame's text and was not checked before, so that a wrong byte
    /// ends the connection when it comes and not when its message ends.
    fn check_text(&mut self, header: Header) -> Result<(), Error> {
        let arrived = arrived(&self.inbox, header);
        let is_last = header.fin && arrived.len() as u64 == header.len;
        if is_last && self.checked == 0 && header.opcode == Opcode::Text {
            return self.content.check_whole(arrived);
        }
        let unchecked = arrived.get(self.checked..).unwrap_or_default();
        self.checked = arrived.len();
        self.content.check(unchecked, is_last)
    }

    /// Appends what has arrived of a fragment to its message, which is handed out at its end.
    fn take_joined(&mut self, header: Header) -> Result<bool, Error> {
        self.order
            .check_size(self.content.joined().len() as u64 + header.len)?;
        let part = arrived(&self.inbox, header);
        let len = part.len();
        let is_last = header.fin && len as u64 == header.len;
        self.content.join(part, is_last)?;
        self.consume(header, len);
        if !is_last {
            return Ok(false);
        }
        self.hand_out_joined(true, Delivery::Messages)
    }

    /// Inflates what has arrived of a frame.
    fn take_inflated(&mut self, header: Header, delivery: Delivery) -> Result<bool, Error> {
        let part = arrived(&self.inbox, header);
        let is_end = part.len() as u64 == header.len;
        let is_last = header.fin && is_end;
        let room = match delivery {
            Delivery::Parts => InflateLimit::Chunk,
            _ => InflateLimit::Max(self.order.max_message_bytes()),
        };
        let inflated = self.content.inflate(part, is_last, room)?;
        self.order.bind();
        self.consume(header, inflated.taken);
        if !inflated.is_all {
            // Its frame is not over, even where all of it is consumed.
            self.frame.get_or_insert(Header { len: 0, ..header });
            return self.hand_out_joined(false, delivery);
        }
        let is_wanted = match delivery {
            Delivery::Parts => is_last || !self.content.joined().is_empty(),
            Delivery::Fragments => is_end,
            _ => is_last,
        };
        if !is_wanted {
            return Ok(false);
        }
        self.hand_out_joined(is_last, delivery)
    }

    /// What was joined or inflated.
    fn hand_out_joined(&mut self, is_last: bool, delivery: Delivery) -> Result<bool, Error> {
        self.content.lend()?;
        self.lent = LentFrom::Joined;
        self.arrived.more = is_last && self.order.has_whole_message(self.inbox.unread());
        self.hand_out(is_last, delivery)
    }

    fn consume(&mut self, header: Header, count: usize) {
        self.inbox.consume(count);
        self.frame = rest(header, count as u64);
    }

    /// Lends the payload of the frame in progress if it is all there. Looks further where a message
    /// ends with it; were that done at every frame, many small ones would be looked at again and
    /// again.
    fn lend(&mut self, header: Header, ends_message: bool) -> bool {
        let unread = self.inbox.unread();
        if (unread.len() as u64) < header.len {
            return false;
        }
        let len = header.len as usize;
        let may_have_more = ends_message && unread.len() > len;
        self.arrived.more = may_have_more
            && self
                .order
                .has_whole_message(unread.get(len..).unwrap_or_default());
        self.inbox.lend(len);
        self.lent = LentFrom::Inbox;
        self.frame = None;
        true
    }
}

/// As much of a frame's payload as is there.
fn arrived(inbox: &Inbox, header: Header) -> &[u8] {
    let unread = inbox.unread();
    let len = header.len.min(unread.len() as u64) as usize;
    unread.get(..len).unwrap_or_default()
}

/// The frame without the first `count` bytes of its payload; `None` where that is nothing.
fn rest(header: Header, count: u64) -> Option<Header> {
    let len = header.len - count;
    (len > 0).then_some(Header { len, ..header })
}
