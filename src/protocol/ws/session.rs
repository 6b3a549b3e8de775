// SPDX-License-Identifier: Apache-2.0
//! An open connection as one state machine: bytes in, events and bytes out.
//!
//! [`Receiver`] and [`Sender`] are its two halves. A connection keeps them apart, so that one thread receives while
//! others send; joined, as here, they are what the conformance tests talk to.

use super::close::CloseFrame;
use super::frame::Header;
use super::frame_sequence::Limits;
use super::mask::{self, MaskKey};
use super::opcode::Opcode;
use super::receiver::{Delivery, Event, Receiver};
use super::sender::Sender;
use crate::base::error::Error;

#[derive(Debug)]
pub struct Session {
    pub receiver: Receiver,
    pub sender: Sender,
    output: Vec<u8>,
}

impl Session {
    pub fn new(limits: Limits, check_utf8: bool) -> Self {
        Self {
            receiver: Receiver::new(limits, check_utf8),
            sender: Sender::default(),
            output: Vec::new(),
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.receiver.space()?.extend_from_slice(bytes);
        Ok(())
    }

    /// The next event, what it asks for already answered; `None` when more bytes are needed.
    pub fn next_event(
        &mut self,
        delivery: Delivery,
        mut key: impl FnMut() -> MaskKey,
    ) -> Result<Option<Event>, Error> {
        match self.receiver.next_event(delivery) {
            Ok(Some(event)) => {
                if let Some(answer) = self.sender.answer(&event, true) {
                    answer.encode(self.receiver.payload(), key(), &mut self.output);
                }
                Ok(Some(event))
            }
            Ok(None) => Ok(None),
            Err(error) if !error.kind().is_final() => Err(error),
            Err(error) => {
                if let Some(answer) = self.sender.fail(&error) {
                    answer.encode(&[], key(), &mut self.output);
                }
                Err(error)
            }
        }
    }

    /// A whole message or a control frame.
    pub fn send(&mut self, opcode: Opcode, payload: &[u8], key: MaskKey) -> Result<(), Error> {
        let header = self.sender.message(opcode, payload.len(), key)?;
        self.put(&header, payload, key);
        Ok(())
    }

    pub fn close(&mut self, frame: &CloseFrame, key: MaskKey) -> Result<(), Error> {
        let payload = frame.payload();
        let header = self.sender.close(payload.len(), key)?;
        self.put(&header, &payload, key);
        Ok(())
    }

    /// What is to be sent, taken out.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    fn put(&mut self, header: &Header, payload: &[u8], key: MaskKey) {
        header.encode(&mut self.output);
        mask::append(key, payload, &mut self.output);
        self.sender.note_sent(header);
    }
}
