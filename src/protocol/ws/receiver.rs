// SPDX-License-Identifier: Apache-2.0
//! The receiving half of an open connection: bytes in, messages out (RFC 6455 sections 5 to 8).
//!
//! ```text
//!   space() ← the transport appends        next() → false: feed more
//!                                                 → true: message(), until the next call
//!                                                 → error: the connection has failed, for good
//! ```

use super::close::read_payload;
use super::deflate::Inflater;
use super::frame::{Header, MAX_HEADER_BYTES};
use super::frame_sequence::{FrameSequence, Limits, WholeMessage};
use super::message::{Delivery, Message};
use super::message_assembler::{InflateLimit, MessageAssembler};
use super::opcode::Opcode;
use crate::base::buffer::{Inbox, READ_MAX};
use crate::base::error::Error;

#[derive(Debug)]
pub struct Receiver {
    order: FrameSequence,
    inbox: Inbox,
    /// The frame whose header has been read, less the payload that has been consumed.
    frame: Option<Header>,
    /// The message behind the last one, whose header has been read already.
    ahead: Option<WholeMessage>,
    content: MessageAssembler,
    /// How much of the payload in the inbox has been checked to be text.
    checked: usize,
    lent: LentFrom,
    /// Whose headers have come since [`Receiver::take_frame_count`].
    frames: u64,
    /// The last message, without its payload.
    arrived: Message<'static>,
    /// What was lent when another thread began to read for itself.
    retired: Option<Vec<u8>>,
    end: ReceiveEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LentFrom {
    Nothing,
    Inbox,
    Joined,
}

#[derive(Debug)]
enum ReceiveEnd {
    NotYet,
    /// A close frame has come: what follows is discarded (section 5.5.1).
    Closed,
    Failed(Error),
}

impl Receiver {
    pub fn new(limits: Limits, check_utf8: bool) -> Self {
        Self {
            order: FrameSequence::new(limits),
            inbox: Inbox::default(),
            frame: None,
            ahead: None,
            content: MessageAssembler::new(check_utf8),
            checked: 0,
            lent: LentFrom::Nothing,
            frames: 0,
            arrived: Message::EMPTY,
            retired: None,
            end: ReceiveEnd::NotYet,
        }
    }

    /// Messages may come compressed.
    pub fn set_inflater(&mut self, inflater: Inflater) {
        self.order.allow_compression();
        self.content.set_inflater(inflater);
    }

    /// Where the transport appends what it reads, see [`Inbox::space`]. Ends what the last message lent.
    pub fn space(&mut self) -> Result<&mut Vec<u8>, Error> {
        self.release();
        let missing = match self.frame {
            // The next header comes along, so that one read can end one frame and begin the next.
            Some(header) => {
                header.len - (self.inbox.unread().len() as u64).min(header.len)
                    + MAX_HEADER_BYTES as u64
            }
            None => 0,
        };
        self.inbox.space(missing)
    }

    /// What the last successful [`Receiver::next`] found.
    #[inline]
    pub fn message(&self) -> Message<'_> {
        Message {
            payload: self.lent(),
            ..self.arrived
        }
    }

    /// How many frames have arrived since this was asked last.
    pub fn take_frame_count(&mut self) -> u64 {
        std::mem::take(&mut self.frames)
    }

    /// Ends what the last message lent and finds the next one; false when more bytes are needed.
    #[inline]
    pub fn next(&mut self, delivery: Delivery) -> Result<bool, Error> {
        Ok(self.next_whole_message(delivery).is_some() || self.next_of_any_kind(delivery)?)
    }

    pub fn next_of_any_kind(&mut self, delivery: Delivery) -> Result<bool, Error> {
        self.release();
        match &self.end {
            ReceiveEnd::NotYet => {}
            ReceiveEnd::Closed => {
                self.inbox.clear();
                return Ok(false);
            }
            ReceiveEnd::Failed(error) => return Err(error.clone()),
        }
        if let Some(opcode) = self.order.turn_to(delivery)? {
            // None of the message is consumed, so it is looked at from its first byte again.
            self.content.begin(opcode == Opcode::Text);
            self.checked = 0;
        }
        let advanced = self.advance(delivery);
        if let Err(error) = &advanced {
            self.fail(error);
        }
        advanced
    }

    /// The common case, in few steps: a text or binary message in one frame that is all there, short enough for every
    /// limit, and right. Everything else, whatever is wrong included, is left for [`Receiver::next_of_any_kind`].
    #[inline]
    pub fn next_whole_message(&mut self, delivery: Delivery) -> Option<Message<'_>> {
        if !matches!(delivery, Delivery::Messages | Delivery::Fragments) {
            return None;
        }
        let found = match self.ahead {
            // The byte that the last message's NUL replaces is of this header.
            Some(found) => found,
            None => self.find_whole_message()?,
        };
        let unread = self.inbox.unread();
        let (payload, behind) = unread
            .get(found.header_len..)
            .and_then(|rest| rest.split_at_checked(found.len))?;
        if found.is_text && !self.content.is_whole_text(payload) {
            return None;
        }
        let ahead = self.order.whole_message(behind);
        let more = ahead.is_some() || (!behind.is_empty() && self.order.has_whole_message(behind));
        self.ahead = ahead;
        self.inbox.consume(found.header_len);
        self.inbox.lend(found.len);
        self.lent = LentFrom::Inbox;
        self.arrived = Message {
            opcode: match found.is_text {
                true => Opcode::Text,
                false => Opcode::Binary,
            },
            more,
            delivery,
            ..Message::EMPTY
        };
        Some(Message {
            payload: self.inbox.lent(),
            ..self.arrived
        })
    }

    /// The next message, if it is whole and can be lent beside what was lent before: it lies behind that in the inbox, and
    /// its header, in which the NUL of the one before stands, has been read. All of them end together.
    pub fn next_beside(&mut self, delivery: Delivery) -> Option<Message<'_>> {
        self.ahead?;
        self.next_whole_message(delivery)
    }

    fn find_whole_message(&mut self) -> Option<WholeMessage> {
        self.release();
        if !self.is_between_messages() {
            return None;
        }
        self.order.whole_message(self.inbox.unread())
    }

    /// Nothing is to be found in what has arrived: all of it has been handed out.
    pub fn is_idle(&self) -> bool {
        self.inbox.is_drained() && self.is_between_messages()
    }

    fn is_between_messages(&self) -> bool {
        self.frame.is_none()
            && !self.order.is_within_message()
            && matches!(self.end, ReceiveEnd::NotYet)
    }

    /// There will be no more messages.
    pub fn fail(&mut self, error: &Error) {
        self.end = ReceiveEnd::Failed(error.clone());
        self.inbox.clear();
    }

    /// A close frame has been received: there will be no more messages.
    pub fn is_closed(&self) -> bool {
        matches!(self.end, ReceiveEnd::Closed)
    }

    /// How the rest of the message under way must be received.
    pub fn delivery_under_way(&self) -> Option<Delivery> {
        self.order.delivery_under_way()
    }

    /// Works in the memories given from here on, unless there is memory of its own in use; see [`Receiver::give_back`].
    pub fn borrow(&mut self, memory: &mut Vec<u8>, joined: &mut Vec<u8>) {
        self.inbox.borrow(memory);
        self.content.borrow(joined);
    }

    /// The same, for reading alone; see [`Receiver::give_back_inbox`].
    pub fn borrow_inbox(&mut self, memory: &mut Vec<u8>) {
        self.release();
        self.inbox.borrow(memory);
    }

    /// Parts with memory for reading that holds little, which goes to memory of its own size.
    pub fn give_back_inbox(&mut self, memory: &mut Vec<u8>) {
        self.inbox.give_back(memory);
    }

    /// Ends what the last message lent, and parts with memory that holds nothing.
    pub fn give_back(&mut self, memory: &mut Vec<u8>, joined: &mut Vec<u8>) {
        self.release();
        self.inbox.give_back(memory);
        self.content.give_back(joined);
    }

    /// Forgets what has arrived. What the last message lent stays as it is.
    pub fn drop_unread(&mut self) {
        self.ahead = None;
        self.inbox.drop_unread();
    }

    fn advance(&mut self, delivery: Delivery) -> Result<bool, Error> {
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

    /// A data frame that is handed out as it is: a whole message, or a fragment where fragments are wanted.
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

    /// What has arrived of a frame, if it is not too much for a piece. Nothing is a part only where the message ends with it.
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

    /// Checks what has arrived of the frame's text and was not checked before, so that a wrong byte ends the
    /// connection when it comes and not when its message ends.
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

    /// Lends the payload of the frame in progress if it is all there. Looks further where a message ends with it; were
    /// that done at every frame, many small ones would be looked at again and again.
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
    /// Keeps what the last message lent alive while others read on, until [`Receiver::drop_retired`].
    pub fn retire(&mut self) -> Result<(), Error> {
        if self.retired.is_some() {
            // The user's; what has been lent since was to whoever reads on.
            self.release();
            return Ok(());
        }
        let retired = match self.lent {
            LentFrom::Nothing => return Ok(()),
            LentFrom::Inbox => self.inbox.retire()?,
            LentFrom::Joined => Some(self.content.take_lent()),
        };
        self.ahead = None;
        self.lent = LentFrom::Nothing;
        self.retired = retired;
        Ok(())
    }

    /// The user has come back: whatever was lent before is no longer in use.
    pub fn drop_retired(&mut self) {
        self.retired = None;
    }

    fn lent(&self) -> &[u8] {
        match self.lent {
            LentFrom::Nothing => &[],
            LentFrom::Inbox => self.inbox.lent(),
            LentFrom::Joined => self.content.lent(),
        }
    }

    /// Ends what is lent. Unread bytes are as they came again, so a header is read again, too.
    fn release(&mut self) {
        self.ahead = None;
        match self.lent {
            LentFrom::Nothing => return,
            LentFrom::Inbox => self.inbox.release(),
            LentFrom::Joined => self.content.release(),
        }
        self.lent = LentFrom::Nothing;
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
