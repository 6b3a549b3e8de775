// SPDX-License-Identifier: Apache-2.0
//! Both halves of an open connection, joined: bytes in, messages and bytes out. A connection keeps
//! them separate, so that one thread can receive while others send.

use wsline::base::error::Error;
use wsline::protocol::ws::close::CloseFrame;
use wsline::protocol::ws::frame::Header;
use wsline::protocol::ws::frame_sequence::Limits;
use wsline::protocol::ws::mask::{self, MaskKey};
use wsline::protocol::ws::message::{Delivery, Message, MessageFlags};
use wsline::protocol::ws::opcode::Opcode;
use wsline::protocol::ws::receiver::Receiver;
use wsline::protocol::ws::sender::Sender;

/// A message with its own payload.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) opcode: Opcode,
    pub(crate) first: bool,
    pub(crate) last: bool,
    pub(crate) delivery: Delivery,
    pub(crate) rsv1: bool,
    pub(crate) payload: Vec<u8>,
}

impl From<Message<'_>> for Event {
    fn from(message: Message<'_>) -> Self {
        Self {
            opcode: message.opcode,
            first: message.flags.contains(MessageFlags::FIRST),
            last: message.flags.contains(MessageFlags::LAST),
            delivery: message.delivery,
            rsv1: message.rsv1,
            payload: message.payload.to_vec(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) receiver: Receiver,
    pub(crate) sender: Sender,
    output: Vec<u8>,
    /// How the last call received.
    last: Option<Delivery>,
}

impl Session {
    pub(crate) fn new(limits: Limits, check_utf8: bool) -> Self {
        Self {
            receiver: Receiver::new(limits, check_utf8),
            sender: Sender::default(),
            output: Vec::new(),
            last: None,
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.receiver.space()?.extend_from_slice(bytes);
        Ok(())
    }

    /// The next message, already answered if it requires a reply; `None` if more bytes are needed.
    pub(crate) fn next_event(
        &mut self,
        delivery: Delivery,
        mut key: impl FnMut() -> MaskKey,
    ) -> Result<Option<Event>, Error> {
        let is_pending = self.receiver.has_pending();
        let is_change = self
            .last
            .replace(delivery)
            .is_some_and(|last| last != delivery);
        let next = self.receiver.next(delivery);
        if !is_change {
            self.check_pending(is_pending, &next);
        }
        match next {
            Ok(true) => {
                let message = self.receiver.message();
                if let Some(reply) = self.sender.reply_to(&message, true) {
                    reply.encode(message.payload, key(), &mut self.output);
                }
                Ok(Some(message.into()))
            }
            Ok(false) => Ok(None),
            Err(error) if !error.kind().is_final() => Err(error),
            Err(error) => {
                if let Some(reply) = self.sender.fail(&error) {
                    reply.encode(&[], key(), &mut self.output);
                }
                Err(error)
            }
        }
    }

    /// What is found was pending, and what was pending is found; see [`Receiver::has_pending`].
    fn check_pending(&self, is_pending: bool, next: &Result<bool, Error>) {
        match next {
            Ok(true) => assert!(is_pending, "{:?} was not pending", self.receiver.message()),
            // A compressed part, or a message that the next one continues, may yield nothing. But
            // once that is known, nothing is pending any more.
            Ok(false) if !self.receiver.is_closed() => assert!(
                !self.receiver.has_pending(),
                "nothing was found: {:?}",
                self.receiver
            ),
            _ => {}
        }
    }

    /// A whole message or a control frame.
    pub(crate) fn send(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        key: MaskKey,
    ) -> Result<(), Error> {
        let header = self.sender.message(opcode, payload.len(), key)?;
        self.put(&header, payload, key);
        Ok(())
    }

    pub(crate) fn close(&mut self, frame: &CloseFrame, key: MaskKey) -> Result<(), Error> {
        let payload = frame.payload();
        let header = self.sender.close(payload.len(), key)?;
        self.put(&header, &payload, key);
        Ok(())
    }

    /// Takes the bytes to send.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    fn put(&mut self, header: &Header, payload: &[u8], key: MaskKey) {
        header.encode(&mut self.output);
        mask::append(key, payload, &mut self.output);
        self.sender.note_sent(header);
    }
}
