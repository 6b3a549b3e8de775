// SPDX-License-Identifier: Apache-2.0
//! Bytes that wait for the transport, which takes them in pieces.

use super::error::Error;
use super::memory;

#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    pub fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.unsent().is_empty()
    }

    /// Whether some of its bytes have been sent.
    pub fn is_partly_sent(&self) -> bool {
        self.sent > 0
    }

    pub fn note_sent(&mut self, count: usize) {
        self.sent += count;
        if self.is_empty() {
            self.clear();
        }
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }

    /// Takes all of `bytes`, without a copy if the outbox is empty. If there is no memory for the
    /// copy, takes none.
    pub fn take(&mut self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        if self.is_empty() {
            self.clear();
            std::mem::swap(&mut self.bytes, bytes);
        } else {
            self.forget_sent();
            self.reserve(bytes.len())?;
            self.bytes.append(bytes);
        }
        Ok(())
    }

    /// Reserves space for `count` more bytes.
    pub fn reserve(&mut self, count: usize) -> Result<(), Error> {
        memory::reserve(&mut self.bytes, count)
    }

    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes the memory out of an empty outbox.
    pub fn take_memory(&mut self) -> Vec<u8> {
        debug_assert!(self.is_empty());
        self.clear();
        std::mem::take(&mut self.bytes)
    }

    /// Keeps no more memory than the unsent bytes need.
    pub fn shrink(&mut self) {
        self.bytes.drain(..self.sent);
        self.sent = 0;
        self.bytes.shrink_to_fit();
    }

    /// Keeps an outbox that is never quite empty from growing without limit. Moves at most one byte
    /// for each byte sent.
    fn forget_sent(&mut self) {
        if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_sent_in_order() {
        let mut outbox = Outbox::default();
        outbox.take(&mut b"abc".to_vec()).unwrap();
        outbox.note_sent(1);
        outbox.take(&mut b"def".to_vec()).unwrap();
        assert_eq!(
            (outbox.unsent(), outbox.is_partly_sent()),
            (&b"bcdef"[..], true)
        );
        outbox.note_sent(5);
        assert!(outbox.is_empty() && !outbox.is_partly_sent());
    }

    #[test]
    fn an_outbox_that_is_never_empty_does_not_grow() {
        let mut outbox = Outbox::default();
        outbox.take(&mut vec![0; 100]).unwrap();
        for _ in 0..10_000 {
            outbox.take(&mut vec![0; 10]).unwrap();
            outbox.note_sent(10);
        }
        assert_eq!(outbox.unsent().len(), 100);
        assert!(
            outbox.bytes.capacity() < 1000,
            "{}",
            outbox.bytes.capacity()
        );
        outbox.shrink();
        assert_eq!(outbox.bytes.capacity(), 100);
    }
}
