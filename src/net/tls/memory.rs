// SPDX-License-Identifier: Apache-2.0
//! The two buffers that OpenSSL uses in place of a socket.

use crate::base::buffer::keep_larger;
use crate::base::error::Error;
use crate::base::memory;
use std::io::{self, Read, Write};

/// The most plaintext in one TLS record (RFC 8446 section 5.2).
const RECORD_BYTES: usize = 16 * 1024;

/// The most that encryption and the header add to a record (RFC 8446 sections 5.1 and 5.2).
const RECORD_OVERHEAD: usize = 5 + 256;

#[derive(Default)]
pub struct RecordBuffers {
    inbox: Vec<u8>,
    /// How much of `inbox` has been read.
    read: usize,
    /// Nothing will follow the bytes in `inbox`.
    pub is_ended: bool,
    pub outbox: Vec<u8>,
}

impl RecordBuffers {
    /// Takes all of `cipher`.
    pub fn feed(&mut self, cipher: &mut Vec<u8>) -> Result<(), Error> {
        self.forget_read();
        if self.inbox.is_empty() {
            std::mem::swap(&mut self.inbox, cipher);
        } else {
            memory::reserve(&mut self.inbox, cipher.len())?;
            self.inbox.append(cipher);
        }
        Ok(())
    }

    /// The inbox with space for a record, for the caller to append to.
    pub fn space(&mut self) -> Result<&mut Vec<u8>, Error> {
        self.forget_read();
        memory::reserve(&mut self.inbox, RECORD_BYTES)?;
        Ok(&mut self.inbox)
    }

    /// Reserves space for `len` bytes of plaintext, encrypted. Returns the encrypted length.
    pub fn reserve_sealed(&mut self, len: usize) -> Result<usize, Error> {
        let sealed = len + (len / RECORD_BYTES + 1) * RECORD_OVERHEAD;
        memory::reserve(&mut self.outbox, sealed)?;
        Ok(sealed)
    }

    /// Returns the inbox's memory if it is empty.
    pub fn give_back(&mut self, memory: &mut Vec<u8>) {
        self.forget_read();
        if self.inbox.is_empty() {
            keep_larger(memory, std::mem::take(&mut self.inbox));
        }
    }

    pub fn has_unread(&self) -> bool {
        self.read < self.inbox.len()
    }

    fn forget_read(&mut self) {
        if !self.has_unread() {
            self.inbox.clear();
            self.read = 0;
        }
    }
}

impl Read for RecordBuffers {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut unread = self.inbox.get(self.read..).unwrap_or_default();
        if unread.is_empty() && !self.is_ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = unread.read(into)?;
        self.read += count;
        Ok(count)
    }
}

impl Write for RecordBuffers {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.try_reserve(bytes.len())?;
        self.outbox.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
