// SPDX-License-Identifier: Apache-2.0
//! Received bytes: the transport fills the buffer, the parser reads it, and the user is lent
//! payloads without a copy.

use super::error::Error;
use super::memory;
use super::thread_cache::{self, ThreadCache};
use std::cell::Cell;

/// The size of the first reads, and of all reads on a quiet connection.
pub const READ_MIN: usize = 16 * 1024;
/// Reads grow up to this size while they fill the space they are given.
pub const READ_MAX: usize = 256 * 1024;
/// A read into a large block begins at a multiple of this, a cache line. malloc(3) maps such a
/// block 16 bytes after the start of a page, and some processors copy to that address at half the
/// speed.
const ALIGNMENT: usize = 64;
/// glibc maps blocks of 128 KiB and more (M_MMAP_THRESHOLD in mallopt(3)).
const LARGE: usize = 128 * 1024;

/// A buffer that is filled at its end and consumed at its start.
///
/// A run of bytes can be lent to the user with a NUL after it; [`Inbox::release`] restores the byte
/// that the NUL replaced.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// The inbox's own memory, while `bytes` is borrowed memory.
    own: Vec<u8>,
    /// Everything before this index is consumed.
    start: usize,
    read_size: usize,
    /// The length of the largest recent message; it decays with each smaller message.
    recent: usize,
    lent: Option<LentRange>,
}

#[derive(Clone, Copy, Debug)]
struct LentRange {
    start: usize,
    end: usize,
    /// The byte that the NUL at `end` replaces; `None` if `end` was the end of the buffer.
    replaced: Option<u8>,
}

impl Inbox {
    /// Bytes that have arrived and are not consumed yet.
    pub fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// The same, to be changed in place.
    pub fn unread_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..).unwrap_or_default()
    }

    /// Whether nothing is unread. While bytes are lent, [`Inbox::unread`] may contain the NUL after
    /// them.
    pub fn is_drained(&self) -> bool {
        match &self.lent {
            Some(lent) if lent.replaced.is_none() => true,
            _ => self.unread().is_empty(),
        }
    }

    /// Copies the first unread bytes to `head`, as they were received, and returns the copy.
    #[cold]
    pub fn copy_head<'a>(&self, head: &'a mut [u8]) -> &'a [u8] {
        let unread = if self.is_drained() {
            &[]
        } else {
            self.unread()
        };
        let len = unread.len().min(head.len());
        let head = head.get_mut(..len).unwrap_or_default();
        head.iter_mut()
            .zip(unread)
            .for_each(|(to, from)| *to = *from);
        let replaced = self.lent.and_then(|lent| lent.replaced);
        if let (Some(byte), Some(first)) = (replaced, head.first_mut()) {
            *first = byte;
        }
        head
    }

    pub fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.bytes.len());
    }

    /// Continues in `memory`, unless the inbox already has that much.
    pub fn borrow(&mut self, memory: &mut Vec<u8>) {
        debug_assert!(self.lent.is_none());
        if self.bytes.capacity() < memory.capacity().min(READ_MIN) {
            memory.clear();
            if self.bytes.capacity() == 0 {
                std::mem::swap(&mut self.bytes, memory);
                self.start = 0;
                return;
            }
            if self.start < self.bytes.len() {
                memory.extend_from_slice(self.unread());
            }
            self.start = 0;
            self.own = std::mem::replace(&mut self.bytes, std::mem::take(memory));
        }
    }

    /// Returns the memory. A few unread bytes are copied to memory of their own size, with room for
    /// a NUL; if there are many, the memory stays, because further reads will fill it.
    pub fn give_back(&mut self, memory: &mut Vec<u8>) {
        debug_assert!(self.lent.is_none());
        let mut own = std::mem::take(&mut self.own);
        if self.bytes.capacity() < READ_MIN {
            return;
        }
        if self.start == self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            if memory.capacity() == 0 {
                std::mem::swap(&mut self.bytes, memory);
            } else {
                keep_larger(memory, std::mem::take(&mut self.bytes));
            }
            return;
        }
        let unread = self.unread();
        if unread.len() > READ_MIN / 4 {
            return;
        }
        own.clear();
        if own.try_reserve_exact(unread.len() + 1).is_err() {
            return;
        }
        own.extend_from_slice(unread);
        self.start = 0;
        keep_larger(memory, std::mem::replace(&mut self.bytes, own));
    }

    pub fn clear(&mut self) {
        self.release();
        self.start = self.bytes.len();
    }

    /// Discards unread bytes; lent bytes stay as they are, with their NUL.
    pub fn drop_unread(&mut self) {
        if let Some(lent) = &mut self.lent {
            if lent.replaced.take().is_some() {
                self.bytes.truncate(lent.end + 1);
            }
            return;
        }
        self.start = self.bytes.len();
    }

    /// Space for the next read, after the unread bytes: the vector's spare capacity, of which the
    /// reader leaves the last byte free for a NUL. `wanted` is the number of bytes that the frame
    /// in progress still lacks. No more than the number of bytes already received is reserved for
    /// it (or [`READ_MAX`], if that is more), so memory grows with what a peer sends and not with
    /// what it announces.
    pub fn space(&mut self, wanted: u64) -> Result<&mut Vec<u8>, Error> {
        debug_assert!(self.lent.is_none());
        let fits = self.bytes.capacity() > READ_MIN && self.bytes.capacity() <= LARGE;
        if fits && self.bytes.is_empty() && wanted == 0 && self.read_size <= READ_MIN {
            // The usual read: nothing below applies.
            return Ok(&mut self.bytes);
        }
        let unread = self.bytes.len() - self.start;
        if self.is_filled() {
            self.read_size = (self.read_size * 2).clamp(READ_MIN, READ_MAX);
        }
        let expected = wanted.min(unread.max(READ_MAX) as u64) as usize;
        // `read_size` is still 0 if borrowed memory has been large enough so far. A read into no
        // space would look like the end of the stream.
        let room = self.read_size.max(READ_MIN).max(expected) + 1;
        let needed = self.recent.max(unread + room);
        if self.bytes.capacity() > READ_MAX * 2 && needed * 4 < self.bytes.capacity() {
            // A large message is finished and small ones follow: free its memory.
            if let Ok(rest) = memory::copy_with_room(self.unread(), 1) {
                self.bytes = rest;
                self.start = 0;
            }
        }
        if self.bytes.capacity() - self.bytes.len() < room {
            self.bytes.drain(..self.start);
            self.start = 0;
            memory::reserve(&mut self.bytes, room + ALIGNMENT)?;
        }
        if self.bytes.capacity() > LARGE && self.start == self.bytes.len() {
            self.align();
        }
        Ok(&mut self.bytes)
    }

    /// Whether the last read has filled its space.
    pub fn is_filled(&self) -> bool {
        self.bytes.len() + 1 >= self.bytes.capacity()
    }

    /// Moves the start to a multiple of [`ALIGNMENT`]; nothing may be unread.
    fn align(&mut self) {
        self.start = self.bytes.as_ptr().align_offset(ALIGNMENT);
        self.bytes.clear();
        self.bytes.resize(self.start, 0);
    }

    /// Lends the first `count` unread bytes and consumes them. They, and the NUL after them, stay
    /// valid until [`Inbox::release`], or until the next bytes are lent by a caller that has
    /// already read the byte that the NUL replaces.
    #[inline]
    pub fn lend(&mut self, count: usize) {
        let (start, end) = (self.start, self.start + count);
        self.recent = count.max(self.recent - self.recent / 8);
        let replaced = match self.bytes.get_mut(end) {
            Some(byte) => Some(std::mem::replace(byte, 0)),
            None => {
                self.bytes.push(0);
                None
            }
        };
        self.start = end;
        self.lent = Some(LentRange {
            start,
            end,
            replaced,
        });
    }

    pub fn lent(&self) -> &[u8] {
        let range = self.lent.map(|lent| lent.start..lent.end);
        range
            .and_then(|range| self.bytes.get(range))
            .unwrap_or_default()
    }

    /// Continues with a copy of the unread bytes and returns the old memory, which the user may
    /// still be reading; an empty vector if nothing is lent. Like all bytes here, the copy has room
    /// for a NUL.
    pub fn retire(&mut self) -> Result<Vec<u8>, Error> {
        let Some(LentRange { replaced, .. }) = self.lent else {
            return Ok(Vec::new());
        };
        let mut unread = memory::copy_with_room(self.unread(), 1)?;
        self.lent = None;
        match replaced {
            None => unread.clear(),
            Some(byte) => unread.iter_mut().take(1).for_each(|first| *first = byte),
        }
        self.start = 0;
        Ok(std::mem::replace(&mut self.bytes, unread))
    }

    pub fn release(&mut self) {
        let Some(LentRange { end, replaced, .. }) = self.lent.take() else {
            return;
        };
        match (replaced, self.bytes.get_mut(end)) {
            (Some(byte), Some(place)) => *place = byte,
            _ => self.bytes.truncate(end),
        }
    }
}

thread_local! {
    static READ_MEMORY: ThreadCache<Vec<u8>> = const { Cell::new(None) };
    /// For bytes that TLS has not decrypted yet.
    static CIPHER_MEMORY: ThreadCache<Vec<u8>> = const { Cell::new(None) };
}

/// This thread's memory for a read: empty, with room for [`READ_MIN`] bytes and a NUL.
#[inline]
pub fn take_read_memory() -> Result<Vec<u8>, Error> {
    let mut memory = thread_cache::take(&READ_MEMORY).unwrap_or_default();
    memory.clear();
    memory::reserve(&mut memory, READ_MIN + 1)?;
    Ok(memory)
}

/// Keeps `memory` for the next read on this thread.
#[inline]
pub fn keep_read_memory(memory: Vec<u8>) {
    if memory.capacity() > 0 {
        thread_cache::keep(&READ_MEMORY, memory);
    }
}

pub fn take_cipher_memory() -> Vec<u8> {
    thread_cache::take(&CIPHER_MEMORY).unwrap_or_default()
}

pub fn keep_cipher_memory(memory: Vec<u8>) {
    if memory.capacity() > 0 {
        thread_cache::keep(&CIPHER_MEMORY, memory);
    }
}

/// Keeps the larger of two vectors whose bytes are no longer needed.
pub fn keep_larger(memory: &mut Vec<u8>, other: Vec<u8>) {
    if other.capacity() > memory.capacity() {
        *memory = other;
    }
    memory.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(inbox: &mut Inbox, bytes: &[u8]) {
        inbox.space(0).expect("memory").extend_from_slice(bytes);
    }

    #[test]
    fn lent_bytes_end_with_a_nul_and_the_replaced_byte_is_restored() {
        let mut inbox = Inbox::default();
        fill(&mut inbox, b"abcdef");
        inbox.lend(3);
        assert_eq!(inbox.lent(), b"abc");
        assert_eq!(inbox.bytes[3], 0);
        inbox.release();
        assert_eq!(inbox.unread(), b"def");
        inbox.lend(3);
        assert_eq!((inbox.lent(), inbox.bytes[6]), (&b"def"[..], 0));
        inbox.release();
        assert_eq!(inbox.unread(), b"");
    }

    #[test]
    fn retired_bytes_stay_unchanged_and_unread_bytes_are_kept() {
        let mut inbox = Inbox::default();
        fill(&mut inbox, b"abcdef");
        inbox.lend(3);
        let retired = inbox.retire().expect("memory");
        assert!(retired.ends_with(b"abc\0ef"), "{retired:?}");
        assert_eq!(inbox.unread(), b"def");
        inbox.lend(3);
        assert_eq!(inbox.retire().expect("memory").last(), Some(&0));
        assert_eq!(inbox.unread(), b"");
        assert_eq!(inbox.retire().expect("memory").capacity(), 0);
    }

    #[test]
    fn dropping_unread_bytes_keeps_lent_bytes() {
        let mut inbox = Inbox::default();
        for (text, lent) in [(&b"abcdef"[..], 3), (b"abc", 3), (b"abc", 0)] {
            fill(&mut inbox, text);
            inbox.lend(lent);
            inbox.drop_unread();
            assert!(inbox.is_drained());
            assert_eq!(inbox.lent(), &text[..lent]);
            assert_eq!(inbox.bytes.last(), Some(&0));
            inbox.release();
            assert_eq!(inbox.unread(), b"");
        }
        fill(&mut inbox, b"abc");
        inbox.drop_unread();
        assert_eq!(inbox.unread(), b"");
    }

    #[test]
    fn an_announced_length_does_not_reserve_memory_for_all_of_it() {
        let mut inbox = Inbox::default();
        fill(&mut inbox, b"abc");
        let space = inbox.space(1 << 40).expect("memory");
        assert!(space.capacity() <= 2 * READ_MAX);
    }

    #[test]
    fn borrowed_memory_is_returned_and_unread_bytes_are_kept() {
        let mut inbox = Inbox::default();
        let mut memory = Vec::with_capacity(4 * READ_MIN);
        inbox.borrow(&mut memory);
        fill(&mut inbox, b"abcdef");
        assert_eq!(memory.capacity(), 0);
        inbox.lend(4);
        inbox.release();
        inbox.give_back(&mut memory);
        assert_eq!(memory.capacity(), 4 * READ_MIN);
        assert_eq!((inbox.unread(), inbox.bytes.capacity()), (&b"ef"[..], 3));
        let own = inbox.bytes.as_ptr();
        inbox.borrow(&mut memory);
        assert_eq!((inbox.unread(), memory.capacity()), (&b"ef"[..], 0));
        inbox.give_back(&mut memory);
        assert_eq!((inbox.unread(), inbox.bytes.as_ptr()), (&b"ef"[..], own));
        inbox.borrow(&mut memory);
        // With many unread bytes the memory is not returned.
        fill(&mut inbox, &[b'g'; READ_MIN]);
        inbox.give_back(&mut memory);
        assert_eq!(inbox.unread().len(), 2 + READ_MIN);
        inbox.consume(2 + READ_MIN);
        inbox.give_back(&mut memory);
        assert_eq!(
            (inbox.bytes.capacity(), memory.capacity()),
            (0, 4 * READ_MIN)
        );
    }

    #[test]
    fn a_first_read_into_large_borrowed_memory_has_space() {
        for capacity in [0, READ_MIN, READ_MIN + 1, 2 * READ_MAX + 1, 16 * READ_MAX] {
            let mut inbox = Inbox::default();
            inbox.borrow(&mut Vec::with_capacity(capacity));
            let space = inbox.space(0).expect("memory");
            assert!(
                space.capacity() > READ_MIN,
                "{capacity}: {}",
                space.capacity()
            );
        }
    }

    #[test]
    fn a_read_into_a_large_block_is_aligned_to_a_cache_line() {
        let mut inbox = Inbox::default();
        for (size, count) in [(READ_MAX * 4, 100_000), (0, 3), (0, 200_000), (0, 3)] {
            let space = inbox.space(size as u64).expect("memory");
            let place = space.as_ptr().wrapping_add(space.len());
            assert_eq!(place.align_offset(ALIGNMENT), 0);
            assert!(space.capacity() - space.len() > READ_MIN);
            space.extend(std::iter::repeat_n(b'x', count));
            assert_eq!(inbox.unread().len(), count);
            inbox.lend(count);
            assert_eq!(inbox.lent().len(), count);
            inbox.release();
        }
    }

    #[test]
    fn a_byte_is_always_left_for_the_nul() {
        let mut inbox = Inbox::default();
        let space = inbox.space(0).expect("memory");
        let room = space.capacity() - space.len() - 1;
        space.extend(std::iter::repeat_n(b'x', room));
        let before = inbox.bytes.as_ptr();
        inbox.lend(room);
        assert_eq!(inbox.bytes.as_ptr(), before, "lending moved the bytes");
    }

    #[test]
    fn unread_bytes_copied_when_retiring_have_room_for_a_nul() {
        let mut inbox = Inbox::default();
        fill(&mut inbox, b"abcdef");
        inbox.lend(3);
        inbox.retire().expect("memory");
        let before = inbox.bytes.as_ptr();
        inbox.lend(3);
        assert_eq!((inbox.lent(), inbox.bytes.as_ptr()), (&b"def"[..], before));
    }

    #[test]
    fn full_reads_grow_and_large_buffers_shrink_again() {
        let mut inbox = Inbox::default();
        for _ in 0..8 {
            let space = inbox.space(0).expect("memory");
            let room = space.capacity() - space.len() - 1;
            space.extend(std::iter::repeat_n(b'x', room));
        }
        assert_eq!(inbox.read_size, READ_MAX);
        let held = inbox.unread().len();
        assert!(inbox.bytes.capacity() > held);
        for _ in 0..4 {
            inbox
                .space(READ_MAX as u64 * 8)
                .expect("memory")
                .extend_from_slice(&[0; READ_MAX]);
        }
        inbox.consume(inbox.unread().len());
        inbox.space(0).expect("memory");
        assert!(
            inbox.bytes.capacity() <= READ_MAX * 3,
            "{} bytes kept",
            inbox.bytes.capacity()
        );
    }
}
