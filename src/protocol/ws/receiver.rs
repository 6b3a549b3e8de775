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
use super::message::{Delivery, Message, MessageFlags};
use super::message_assembler::MessageAssembler;
use super::message_inflater::MessageInflater;
use super::opcode::Opcode;
use crate::base::buffer::Inbox;
use crate::base::error::Error;
use crate::protocol::tolerance::Mistakes;

mod frames;
mod pending;
mod unmasking;
use unmasking::Unmasking;

#[derive(Debug)]
pub struct Receiver {
    sequence: FrameSequence,
    inbox: Inbox,
    /// The frame whose header has been read; its length is that of the payload not yet consumed.
    frame: Option<Header>,
    /// The message after the last one, whose header has already been read.
    ahead: Option<WholeMessage>,
    assembler: MessageAssembler,
    /// Set while the payload of a masked frame arrives, if such frames are tolerated.
    unmasking: Option<Box<Unmasking>>,
    /// Mistakes of the server that were tolerated.
    mistakes: Mistakes,
    /// What was taken of a compressed payload yields more.
    yields_more: bool,
    /// How much of the payload in the inbox has been validated as text.
    checked: usize,
    lent: LentFrom,
    /// The number of headers read since [`Receiver::take_frame_count`].
    frames: u64,
    /// How [`Receiver::next_of_any_kind`] was called last.
    wanted: Option<Delivery>,
    /// The last message, without its payload. Its time is when the last bytes were appended.
    arrived: Message<'static>,
    /// Bytes that were lent when another thread took over reading; without memory, there are none.
    retired: Vec<u8>,
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
    /// A close frame has arrived: everything after it is discarded (section 5.5.1).
    Closed,
    Failed(Error),
}

impl Receiver {
    pub fn new(limits: Limits, check_utf8: bool) -> Self {
        Self {
            sequence: FrameSequence::new(limits),
            inbox: Inbox::default(),
            frame: None,
            ahead: None,
            assembler: MessageAssembler::new(check_utf8),
            unmasking: None,
            mistakes: Mistakes::default(),
            yields_more: false,
            checked: 0,
            lent: LentFrom::Nothing,
            frames: 0,
            wanted: None,
            arrived: Message::EMPTY,
            retired: Vec::new(),
            end: ReceiveEnd::NotYet,
        }
    }

    pub fn tolerate(&mut self, mistakes: Mistakes) {
        self.sequence.tolerate(mistakes);
    }

    /// Mistakes of the server that were tolerated so far.
    pub fn mistakes(&self) -> Mistakes {
        self.mistakes
    }

    /// Allows compressed messages.
    pub fn set_inflater(&mut self, inflater: Inflater) {
        self.sequence.allow_compression();
        self.assembler.set_inflater(inflater);
    }

    /// Inflates what the server has compressed itself.
    pub fn set_message_inflater(&mut self, inflater: MessageInflater) {
        self.sequence.inflate_binary();
        self.assembler.set_message_inflater(inflater);
    }

    /// Space to which the transport appends what it reads, see [`Inbox::space`]. Invalidates the
    /// last message.
    pub fn space(&mut self) -> Result<&mut Vec<u8>, Error> {
        self.release();
        let missing = match self.frame {
            // Includes the next header, so that one read can complete a frame and begin the next
            // one.
            Some(header) => {
                header.len - (self.inbox.unread().len() as u64).min(header.len)
                    + MAX_HEADER_BYTES as u64
            }
            None => 0,
        };
        self.inbox.space(missing)
    }

    /// Notes when the bytes arrived that were appended last. No more are appended while a message
    /// is complete, so that is when each of the next messages became complete.
    pub fn note_arrival(&mut self, ns: u64) {
        self.arrived.received_ns = ns;
    }

    /// The message found by the last successful [`Receiver::next`].
    #[inline]
    pub fn message(&self) -> Message<'_> {
        Message {
            payload: self.lent(),
            ..self.arrived
        }
    }

    /// The number of frames that have arrived since the last call.
    pub fn take_frame_count(&mut self) -> u64 {
        std::mem::take(&mut self.frames)
    }

    /// Invalidates the last message and finds the next one; false if more bytes are needed.
    #[inline]
    pub fn next(&mut self, delivery: Delivery) -> Result<bool, Error> {
        Ok(self.next_whole_message(delivery).is_some() || self.next_of_any_kind(delivery)?)
    }

    pub fn next_of_any_kind(&mut self, delivery: Delivery) -> Result<bool, Error> {
        self.release();
        self.wanted = Some(delivery);
        match &self.end {
            ReceiveEnd::NotYet => {}
            ReceiveEnd::Closed => {
                self.inbox.clear();
                return Ok(false);
            }
            ReceiveEnd::Failed(error) => return Err(error.clone()),
        }
        if let Some(opcode) = self.sequence.set_delivery(delivery)? {
            // None of the message has been consumed, so it is validated again from its first byte.
            self.assembler.begin(opcode);
            self.checked = 0;
        }
        let advanced = self.advance(delivery);
        if let Err(error) = &advanced {
            self.fail(error);
        }
        advanced
    }

    /// The common case, in few steps: a text or binary message in one complete frame that is valid
    /// and within every limit. Everything else, including errors, is left to
    /// [`Receiver::next_of_any_kind`].
    #[inline]
    pub fn next_whole_message(&mut self, delivery: Delivery) -> Option<Message<'_>> {
        if !matches!(delivery, Delivery::Messages | Delivery::Fragments) {
            return None;
        }
        let found = match self.ahead {
            // The last message's NUL replaces a byte of this header, which has already been
            // decoded.
            Some(found) => found,
            None => self.find_whole_message()?,
        };
        let unread = self.inbox.unread();
        let (payload, after) = unread
            .get(found.header_len..)
            .and_then(|rest| rest.split_at_checked(found.len))?;
        if found.is_text && !self.assembler.is_whole_text(payload) {
            return None;
        }
        let ahead = self.sequence.whole_message(after);
        let more = ahead.is_some() || (!after.is_empty() && self.sequence.has_whole_message(after));
        self.ahead = ahead;
        self.inbox.consume(found.header_len);
        self.inbox.lend(found.len);
        self.lent = LentFrom::Inbox;
        self.arrived = Message {
            opcode: match found.is_text {
                true => Opcode::Text,
                false => Opcode::Binary,
            },
            flags: MessageFlags::WHOLE.with(MessageFlags::MORE, more),
            delivery,
            received_ns: self.arrived.received_ns,
            ..Message::EMPTY
        };
        Some(Message {
            payload: self.inbox.lent(),
            ..self.arrived
        })
    }

    /// The next message, if it is whole and can be lent while earlier ones stay lent: it follows
    /// them in the inbox, and its header, which the NUL of the previous one overwrites, has already
    /// been read. All of them become invalid together.
    pub fn next_beside(&mut self, delivery: Delivery) -> Option<Message<'_>> {
        self.ahead?;
        self.next_whole_message(delivery)
    }

    fn find_whole_message(&mut self) -> Option<WholeMessage> {
        self.release();
        if !self.is_between_messages() {
            return None;
        }
        self.sequence.whole_message(self.inbox.unread())
    }

    /// Whether the last read has filled the space that it was given.
    pub fn is_filled(&self) -> bool {
        self.inbox.is_filled()
    }

    /// Whether everything that has arrived has been delivered.
    pub fn is_idle(&self) -> bool {
        self.inbox.is_drained() && self.is_between_messages()
    }

    fn is_between_messages(&self) -> bool {
        self.frame.is_none()
            && !self.sequence.is_within_message()
            && matches!(self.end, ReceiveEnd::NotYet)
    }

    /// Ends receiving with `error`.
    pub fn fail(&mut self, error: &Error) {
        self.end = ReceiveEnd::Failed(error.clone());
        self.inbox.clear();
    }

    /// Whether a close frame has been received: no more messages will follow.
    pub fn is_closed(&self) -> bool {
        matches!(self.end, ReceiveEnd::Closed)
    }

    /// How the rest of the message in progress must be received.
    pub fn delivery_in_progress(&self) -> Option<Delivery> {
        self.sequence.delivery_in_progress()
    }

    /// Uses the given memory from now on, unless it is already using its own; see
    /// [`Receiver::give_back`].
    pub fn borrow(&mut self, memory: &mut Vec<u8>, joined: &mut Vec<u8>) {
        self.inbox.borrow(memory);
        self.assembler.borrow(joined);
    }

    /// Uses the given memory for reading only; see [`Receiver::give_back_inbox`].
    pub fn borrow_inbox(&mut self, memory: &mut Vec<u8>) {
        self.release();
        self.inbox.borrow(memory);
    }

    /// Returns the memory for reading, unless it holds many bytes; a few are copied to memory of
    /// their own size.
    pub fn give_back_inbox(&mut self, memory: &mut Vec<u8>) {
        self.inbox.give_back(memory);
    }

    /// Invalidates the last message, and returns memory that is not in use.
    pub fn give_back(&mut self, memory: &mut Vec<u8>, joined: &mut Vec<u8>) {
        self.release();
        self.inbox.give_back(memory);
        self.assembler.give_back(joined);
    }

    /// Discards bytes that have not been delivered. The last message stays valid.
    pub fn drop_unread(&mut self) {
        self.ahead = None;
        self.inbox.drop_unread();
    }

    /// Keeps the last message valid while another thread continues reading, until
    /// [`Receiver::drop_retired`].
    pub fn retire(&mut self) -> Result<(), Error> {
        if self.retired.capacity() > 0 {
            // `retired` is the user's message; later ones were lent to the thread that reads.
            self.release();
            return Ok(());
        }
        let retired = match self.lent {
            LentFrom::Nothing => return Ok(()),
            LentFrom::Inbox => self.inbox.retire()?,
            LentFrom::Joined => self.assembler.take_lent(),
        };
        self.ahead = None;
        self.lent = LentFrom::Nothing;
        self.retired = retired;
        Ok(())
    }

    /// The user has called again, so the message lent before is no longer in use.
    pub fn drop_retired(&mut self) {
        if self.retired.capacity() > 0 {
            self.retired = Vec::new();
        }
    }

    fn lent(&self) -> &[u8] {
        match self.lent {
            LentFrom::Nothing => &[],
            LentFrom::Inbox => self.inbox.lent(),
            LentFrom::Joined => self.assembler.lent(),
        }
    }

    /// Invalidates lent bytes. Restores the byte replaced by a NUL, so a header read ahead must be
    /// read again.
    fn release(&mut self) {
        self.ahead = None;
        match self.lent {
            LentFrom::Nothing => return,
            LentFrom::Inbox => self.inbox.release(),
            LentFrom::Joined => self.assembler.release(),
        }
        self.lent = LentFrom::Nothing;
    }
}
