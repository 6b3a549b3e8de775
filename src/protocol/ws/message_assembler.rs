// SPDX-License-Identifier: Apache-2.0
//! Processes the payloads of a message: inflates them (RFC 7692 section 7.2.2, and what the server
//! has compressed itself), validates text (RFC 6455 section 8.1) and joins fragments (section 5.4).

use super::deflate::Inflater;
use super::frame_sequence::check_message;
use super::inflate::Inflated;
use super::message_inflater::MessageInflater;
use super::opcode::Opcode;
use super::utf8::{self, Utf8Stream};
use crate::base::buffer::{READ_MAX, keep_larger};
use crate::base::error::{Error, Kind};
use crate::base::memory;

/// The most bytes inflated for one part.
const PIECE: usize = 64 * 1024;

#[derive(Debug)]
pub struct MessageAssembler {
    check_utf8: bool,
    /// Boxed, because most connections have none.
    inflater: Option<Box<Inflater>>,
    /// For binary messages.
    contents: Option<Box<Contents>>,
    /// The message in progress is binary, and `contents` inflates it.
    inflates_contents: bool,
    /// The message in progress is text, and is validated.
    is_text: bool,
    text: Utf8Stream,
    /// The bytes joined or inflated so far; followed by a NUL while lent.
    joined: Vec<u8>,
}

/// How much may be inflated.
#[derive(Clone, Copy, Debug)]
pub enum InflateLimit {
    /// Everything, up to this size.
    Max(u64),
    /// Enough for one part.
    Chunk,
}

/// What the server has compressed itself.
#[derive(Debug)]
struct Contents {
    inflater: MessageInflater,
    /// What permessage-deflate has inflated, and `inflater` has not.
    payload: Vec<u8>,
    /// All of the message is in `payload`.
    is_payload_all: bool,
    /// The bytes inflated so far of what continues in the next binary message.
    begun: Vec<u8>,
}

impl MessageAssembler {
    pub fn new(check_utf8: bool) -> Self {
        Self {
            check_utf8,
            inflater: None,
            contents: None,
            inflates_contents: false,
            is_text: false,
            text: Utf8Stream::default(),
            joined: Vec::new(),
        }
    }

    pub fn set_inflater(&mut self, inflater: Inflater) {
        self.inflater = Some(Box::new(inflater));
    }

    pub fn set_message_inflater(&mut self, inflater: MessageInflater) {
        self.contents = Some(Box::new(Contents {
            inflater,
            payload: Vec::new(),
            is_payload_all: false,
            begun: Vec::new(),
        }));
    }

    /// Begins a message.
    pub fn begin(&mut self, opcode: Opcode) {
        self.is_text = opcode == Opcode::Text && self.check_utf8;
        self.text = Utf8Stream::default();
        self.inflates_contents = false;
        if let (Opcode::Binary, Some(contents)) = (opcode, &mut self.contents) {
            self.inflates_contents = true;
            if !contents.begun.is_empty() {
                self.joined = std::mem::take(&mut contents.begun);
            }
        }
    }

    /// Whether the message in progress is binary and may be compressed by the server itself.
    pub fn inflates_contents(&self) -> bool {
        self.inflates_contents
    }

    /// Whether the server itself has compressed the message in progress, as far as its bytes have
    /// shown.
    pub fn is_inflated(&self) -> bool {
        let contents = self.contents.as_ref();
        self.inflates_contents && contents.is_some_and(|it| it.inflater.is_inflated())
    }

    /// Keeps what was inflated for the next binary message, which continues it.
    pub fn keep_for_next(&mut self) {
        if let Some(contents) = &mut self.contents {
            contents.begun = std::mem::take(&mut self.joined);
        }
    }

    /// Stops validating text.
    pub fn skip_text(&mut self) {
        self.is_text = false;
    }

    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// Whether a complete text message is valid, if validation is enabled.
    pub fn is_whole_text(&self, message: &[u8]) -> bool {
        !self.check_utf8 || utf8::is_valid(message)
    }

    /// Validates a complete message.
    pub fn check_whole(&self, message: &[u8]) -> Result<(), Error> {
        if !self.is_text || utf8::is_valid(message) {
            Ok(())
        } else {
            Err(not_utf8())
        }
    }

    /// Validates the next bytes of the message; `is_last` says that it ends with them.
    pub fn check(&mut self, bytes: &[u8], is_last: bool) -> Result<(), Error> {
        if self.is_text {
            check_next(&mut self.text, bytes, is_last)
        } else {
            Ok(())
        }
    }

    /// Validates the next bytes of the message and appends them.
    pub fn join(&mut self, bytes: &[u8], is_last: bool) -> Result<(), Error> {
        self.check(bytes, is_last)?;
        // One more byte for the NUL.
        memory::reserve(&mut self.joined, bytes.len() + 1)?;
        self.joined.extend_from_slice(bytes);
        Ok(())
    }

    /// Inflates, validates and appends bytes. `is_compressed`: by permessage-deflate.
    pub fn inflate(
        &mut self,
        input: &[u8],
        is_last: bool,
        is_compressed: bool,
        room: InflateLimit,
    ) -> Result<Inflated, Error> {
        let before = self.joined.len();
        let most = match room {
            InflateLimit::Chunk => PIECE,
            // One more byte shows that the limit is exceeded.
            InflateLimit::Max(limit) => {
                usize::try_from(limit).map_or(usize::MAX, |limit| limit.saturating_add(1))
            }
        };
        let most = most.saturating_sub(before);
        let extension = self.inflater.as_mut().filter(|_| is_compressed);
        let contents = self.contents.as_mut().filter(|_| self.inflates_contents);
        let out = &mut self.joined;
        let inflated = match (extension, contents) {
            (Some(extension), None) => extension.inflate(input, is_last, most, out)?,
            (None, Some(contents)) => contents.inflater.inflate(input, is_last, most, out)?,
            (Some(extension), Some(contents)) => {
                contents.inflate_twice(extension, input, is_last, most, out)?
            }
            (None, None) => {
                return Err(Error::new(
                    Kind::Internal,
                    "compressed data without an inflater",
                ));
            }
        };
        if self.is_text {
            let new = self.joined.get(before..).unwrap_or_default();
            check_next(&mut self.text, new, inflated.ends_message)?;
        }
        if let InflateLimit::Max(limit) = room {
            check_message(self.joined.len() as u64, limit)?;
        }
        Ok(inflated)
    }

    /// Inflates and discards a payload that is delivered compressed, because later messages may
    /// refer to it.
    pub fn skip_compressed(&mut self, input: &[u8], is_last: bool) -> Result<(), Error> {
        let inflater = self.inflater.as_mut().filter(|it| it.takes_over());
        let Some(inflater) = inflater else {
            return Ok(());
        };
        let mut taken = 0;
        loop {
            let rest = input.get(taken..).unwrap_or_default();
            let inflated = inflater.inflate(rest, is_last, PIECE, &mut self.joined)?;
            taken += inflated.taken;
            self.joined.clear();
            if inflated.is_all {
                return Ok(());
            }
        }
    }

    pub fn joined(&self) -> &[u8] {
        &self.joined
    }

    /// Appends the NUL to the joined bytes.
    pub fn lend(&mut self) -> Result<(), Error> {
        // Exactly one byte: doubling the memory here would waste as much as the message is long.
        let reserved = self.joined.try_reserve_exact(1);
        reserved.map_err(|_| Error::no_memory(1))?;
        self.joined.push(0);
        Ok(())
    }

    pub fn lent(&self) -> &[u8] {
        self.joined.split_last().map_or(&[], |(_, payload)| payload)
    }

    pub fn take_lent(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.joined)
    }

    pub fn release(&mut self) {
        self.joined.clear();
        // Keeps the memory of a message of usual size for the next one; frees that of a huge one.
        self.joined.shrink_to(READ_MAX);
    }

    /// Continues in `memory`, if it has no memory of its own.
    pub fn borrow(&mut self, memory: &mut Vec<u8>) {
        if self.joined.capacity() == 0 && memory.capacity() > 0 {
            std::mem::swap(&mut self.joined, memory);
        }
    }

    /// Returns empty memory.
    pub fn give_back(&mut self, memory: &mut Vec<u8>) {
        if self.joined.is_empty() && self.joined.capacity() > 0 {
            keep_larger(memory, std::mem::take(&mut self.joined));
        }
    }
}

impl Contents {
    /// Inflates with permessage-deflate first.
    fn inflate_twice(
        &mut self,
        extension: &mut Inflater,
        input: &[u8],
        is_last: bool,
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<Inflated, Error> {
        let before = out.len();
        let mut taken = 0;
        loop {
            let mut is_input_taken = self.is_payload_all;
            if !self.is_payload_all {
                let rest = input.get(taken..).unwrap_or_default();
                let room = PIECE.saturating_sub(self.payload.len());
                let first = extension.inflate(rest, is_last, room, &mut self.payload)?;
                taken += first.taken;
                is_input_taken = first.is_all;
                self.is_payload_all = first.ends_message;
            }
            let left = most - (out.len() - before);
            let second = self
                .inflater
                .inflate(&self.payload, self.is_payload_all, left, out)?;
            self.payload.drain(..second.taken);
            if second.is_all && self.is_payload_all {
                self.is_payload_all = false;
                // Not kept while the connection is idle.
                self.payload = Vec::new();
            }
            if !second.is_all || is_input_taken {
                return Ok(Inflated { taken, ..second });
            }
        }
    }
}

fn check_next(text: &mut Utf8Stream, bytes: &[u8], is_last: bool) -> Result<(), Error> {
    text.feed(bytes).map_err(|_| not_utf8())?;
    if is_last && !text.is_complete() {
        return Err(not_utf8());
    }
    Ok(())
}

fn not_utf8() -> Error {
    Error::new(Kind::Payload, "text message that is not UTF-8")
}
