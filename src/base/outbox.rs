// SPDX-License-Identifier: Apache-2.0
//! Bytes on their way to the transport, which takes them bit by bit.

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

    /// Some of what is in it has gone already.
    pub fn is_begun(&self) -> bool {
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

    /// Takes all of `bytes`; without a copy where nothing waits before them. Without memory for the
    /// copy, none of them.
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

    /// Makes room for this many bytes more.
    pub fn reserve(&mut self, count: usize) -> Result<(), Error> {
        memory::reserve(&mut self.bytes, count)
    }

    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Parts with the memory of a box that is empty.
    pub fn take_memory(&mut self) -> Vec<u8> {
        debug_assert!(self.is_empty());
        self.clear();
        std::mem::take(&mut self.bytes)
    }

    /// Keeps no more memory than what waits needs.
    pub fn shrink(&mut self) {
        self.bytes.drain(..self.sent);
        self.sent = 0;
        self.bytes.shrink_to_fit();
    }

    /// A box that is never quite empty must not grow forever. Moves a byte at most once for each
    /// byte sent.
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
    fn bytes_leave_in_the_order_they_came() {
        let mut outbox = Outbox::default();
        outbox.take(&mut b"abc".to_vec()).unwrap();
        outbox.note_sent(1);
        outbox.take(&mut b"def".to_vec()).unwrap();
        assert_eq!((outbox.unsent(), outbox.is_begun()), (&b"bcdef"[..], true));
        outbox.note_sent(5);
        assert!(outbox.is_empty() && !outbox.is_begun());
    }

    #[test]
    fn a_box_that_is_never_empty_does_not_grow() {
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
