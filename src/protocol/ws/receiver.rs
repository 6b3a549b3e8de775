// SPDX-License-Identifier: Apache-2.0
//! The receiving half of an open connection: bytes in, messages out (RFC 6455 sections 5 to 8).
//!
//! ```text
//!   space() ← the transport appends        next() → false: feed more
//!                                                 → true: message(), until the next call
//!                                                 → error: the connection has failed, for good
//! ```

use super::deflate::Inflater;
use super::frame::{Header, MAX_HEADER_BYTES};
use super::frame_sequence::{FrameSequence, Limits, WholeMessage};
use super::message::{Delivery, Message};
use super::message_assembler::MessageAssembler;
use super::opcode::Opcode;
use crate::base::buffer::Inbox;
use crate::base::error::Error;

mod frames;

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

    /// Where the transport appends what it reads, see [`Inbox::space`]. Ends what the last message
    /// lent.
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

    /// The common case, in few steps: a text or binary message in one frame that is all there,
    /// short enough for every limit, and right. Everything else, whatever is wrong included, is
    /// left for [`Receiver::next_of_any_kind`].
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

    /// The next message, if it is whole and can be lent beside what was lent before: it lies behind
    /// that in the inbox, and its header, in which the NUL of the one before stands, has been read.
    /// All of them end together.
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

    /// Works in the memories given from here on, unless there is memory of its own in use; see
    /// [`Receiver::give_back`].
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

    /// Keeps what the last message lent alive while others read on, until
    /// [`Receiver::drop_retired`].
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
