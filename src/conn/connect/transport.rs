// SPDX-License-Identifier: Apache-2.0
//! A connected stream during the handshakes, before the connection is open.

use crate::base::buffer::{READ_MIN, take_read_memory};
use crate::base::error::Error;
use crate::base::memory;
use crate::base::outbox::Outbox;
use crate::net::poll::Poll;
use crate::net::stream::{Stream, Wait, lost};
use crate::net::tls::cipher_buffer::{CipherBuffer, ReadOutcome};

/// The segment size that every path supports (RFC 9293 section 3.7.1).
const MIN_SEGMENT_BYTES: usize = 536;

/// The size of a read. An upgrade response has a few hundred bytes; what follows it belongs to the
/// open connection.
const READ_BYTES: usize = READ_MIN + 1;

pub struct Transport {
    pub stream: Stream,
    pub cipher: CipherBuffer,
    /// Received bytes that have not been processed yet.
    pub input: Vec<u8>,
    /// Bytes that the socket has not taken yet.
    pub output: Outbox,
}

impl Transport {
    pub fn new(stream: Stream) -> Self {
        Self {
            stream,
            cipher: CipherBuffer::default(),
            input: Vec::new(),
            output: Outbox::default(),
        }
    }

    pub fn add_interests(&self, poll: &mut Poll) {
        let wants_room = !self.output.is_empty();
        self.stream.add_interest(&self.cipher, wants_room, poll);
    }

    /// Advances the TLS handshake as far as the socket allows; true when it is done. Its last bytes
    /// are sent together with the request: if they were sent alone, in a small segment, Nagle's
    /// algorithm would delay the request.
    pub fn handshake(&mut self, poll: &Poll) -> Result<bool, Error> {
        let mut may_read = poll.is_readable(self.stream.fd());
        loop {
            let result = self.stream.handshake(&mut self.cipher);
            // An alert that says why the handshake failed must be sent, too.
            self.stream.seal(&mut Vec::new(), &mut self.output)?;
            if let Ok(true) = result {
                return Ok(true);
            }
            let sent = self.send();
            result?;
            sent?;
            if !may_read {
                return Ok(false);
            }
            self.stream.feed_tls(&mut self.cipher)?;
            may_read = false;
        }
    }

    /// Queues `bytes` for the next [`Transport::send`].
    pub fn queue(&mut self, mut bytes: Vec<u8>) -> Result<(), Error> {
        if self.output.unsent().len() + bytes.len() > MIN_SEGMENT_BYTES {
            // Sets TCP_NODELAY: Nagle's algorithm would delay the last segment until those before
            // it are acknowledged.
            self.stream.prepare();
        }
        self.stream.seal(&mut bytes, &mut self.output)
    }

    /// Sends what the socket takes without waiting.
    pub fn send(&mut self) -> Result<(), Error> {
        let pushed = self.stream.push(&mut self.output);
        pushed.map(|_| ()).map_err(|error| lost(&error))
    }

    /// Reads once from the socket, or from what TLS still holds. Uses the thread's read buffer,
    /// which `open()` returns to the thread.
    pub fn read(&mut self) -> Result<ReadOutcome, Error> {
        if self.input.capacity() == 0 {
            self.input = take_read_memory()?;
        }
        memory::reserve(&mut self.input, READ_BYTES)?;
        let (stream, output) = (&self.stream, &mut self.output);
        let send_reply = || {
            stream.seal(&mut Vec::new(), output)?;
            // If the peer takes no more, what it sent before still counts.
            let _ = stream.push(output);
            Ok(())
        };
        stream.read(&mut self.cipher, &mut self.input, Wait::No, send_reply)
    }
}
