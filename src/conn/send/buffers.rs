// SPDX-License-Identifier: Apache-2.0
//! The buffers of a frame that is being sent: it is masked, encrypted under TLS, and sent piece by
//! piece.

use crate::base::error::{Error, Phase};
use crate::base::memory;
use crate::base::outbox::Outbox;
use crate::conn::wait_budget::WaitBudget;
use crate::net::poll::Waited;
use crate::net::stream::{Stream, lost};
use crate::protocol::ws::frame::{Header, MAX_HEADER_BYTES};
use std::io;

/// A larger payload is masked and sent in pieces of this size, which stay in the processor's cache
/// between the two. A multiple of four, so that each piece begins with the first byte of the key.
pub(super) const PIECE: usize = 256 * 1024;

/// Without TLS, a payload of up to this size is sent whole, with one system call if the socket has
/// room.
pub(super) const WHOLE: usize = 1024 * 1024;

/// The most that a corked writer keeps: larger batches fall out of the processor's cache.
pub(super) const CORK_BYTES: usize = 64 * 1024;

/// Larger send buffers are freed.
pub(super) const MAX_KEPT_BYTES: usize = 2 * PIECE;

#[derive(Default)]
pub(super) struct Buffers {
    /// Complete frames, not yet encrypted.
    pub(super) plain: Vec<u8>,
    /// The bytes that are written to the socket next.
    pub(super) wire: Outbox,
    /// Whether `wire` begins with a frame's first byte.
    is_first_piece: bool,
}

impl Buffers {
    /// `wire` holds the rest of the handshake; if it is empty, its memory is freed.
    pub(super) fn with_wire(mut wire: Outbox) -> Self {
        wire.shrink();
        Self {
            wire,
            ..Self::default()
        }
    }

    /// Whether a payload may be added to the corked bytes, if nothing is queued before them, in a
    /// queue of `limit` bytes.
    pub(super) fn fits_batch(&self, len: usize, limit: u64) -> bool {
        let queued = self.plain.len();
        let total = queued + len + MAX_HEADER_BYTES;
        total <= CORK_BYTES && (queued == 0 || total as u64 <= limit)
    }

    /// Reserves room for a frame with a payload of `len` bytes; returns how much.
    pub(super) fn reserve_plain(&mut self, len: usize) -> Result<usize, Error> {
        let room = MAX_HEADER_BYTES + len;
        memory::reserve(&mut self.plain, room)?;
        Ok(room)
    }

    /// Called after a frame was sent, except for what an interrupted wait left in `wire`.
    pub(super) fn clear_sent(&mut self) {
        self.plain.clear();
        if self.capacity() > MAX_KEPT_BYTES && self.wire.is_empty() {
            self.plain = Vec::new();
            self.wire.take_memory();
        }
    }

    /// Reserves room for a frame, or its first piece, in both buffers, so that an allocation fails
    /// before anything of the frame has been sent.
    pub(super) fn reserve(&mut self, stream: &Stream, len: usize) -> Result<(), Error> {
        let room = self.reserve_plain(len.min(PIECE))?;
        let sealed = stream.reserve_sealed(room, &mut self.wire)?;
        if len > PIECE {
            self.wire.reserve(sealed)?;
        }
        Ok(())
    }

    #[inline]
    pub(super) fn begin(&mut self, header: &Header, piece: &[u8]) {
        header.encode(&mut self.plain);
        header.append_payload(piece, &mut self.plain);
        self.is_first_piece = true;
    }

    /// Adds the next piece of the frame that was begun.
    pub(super) fn append_piece(&mut self, header: &Header, piece: &[u8]) {
        header.append_payload(piece, &mut self.plain);
        self.is_first_piece = false;
    }

    pub(super) fn seal(&mut self, stream: &Stream) -> Result<(), Error> {
        let sealed = stream.seal(&mut self.plain, &mut self.wire);
        self.plain.clear();
        sealed
    }

    pub(super) fn capacity(&self) -> usize {
        self.plain.capacity() + self.wire.capacity()
    }

    /// Frees the memory that the pending bytes do not need.
    pub(super) fn shrink(&mut self) {
        self.plain.shrink_to_fit();
        self.wire.shrink();
    }

    /// Discards the frame if nothing of it has been sent.
    pub(super) fn discard_if_unsent(&mut self) -> bool {
        let may = self.is_first_piece && !self.wire.is_partly_sent();
        if may {
            self.wire.clear();
        }
        may
    }

    /// False if the socket takes no more for now.
    pub(super) fn seal_and_push(&mut self, stream: &Stream) -> Result<bool, Error> {
        self.seal(stream)?;
        stream.push(&mut self.wire).map_err(|error| broken(&error))
    }

    /// Sends what the first attempt did not, waiting for room. A signal interrupts this only while
    /// the frame can be discarded, which it then is; later the rest stays here, and the next send
    /// or receive sends it.
    pub(super) fn send_rest<'a>(
        &mut self,
        stream: &Stream,
        budget: &mut WaitBudget,
        header: &Header,
        mut pieces: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<Waited, Error> {
        loop {
            while !stream
                .push(&mut self.wire)
                .map_err(|error| broken(&error))?
            {
                let waited = stream.wait_writable(budget.deadline());
                match waited.map_err(|error| broken(&error))? {
                    Waited::Ready => {}
                    Waited::TimedOut => return Ok(Waited::TimedOut),
                    Waited::Interrupted if !stream.is_tls() && self.discard_if_unsent() => {
                        return Ok(Waited::Interrupted);
                    }
                    // Without memory for the rest the wait continues.
                    Waited::Interrupted if !self.has_room_for(pieces.clone()) => {}
                    Waited::Interrupted => {
                        budget.interrupt();
                        for piece in pieces {
                            self.append_piece(header, piece);
                            self.seal(stream)?;
                        }
                        return Ok(Waited::Ready);
                    }
                }
            }
            let Some(piece) = pieces.next() else {
                return Ok(Waited::Ready);
            };
            self.append_piece(header, piece);
            self.seal(stream)?;
        }
    }

    /// Reserves room for these pieces in `wire`, with what TLS adds: some 30 bytes for each 16 KiB.
    fn has_room_for<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>) -> bool {
        let len: usize = pieces.map(<[u8]>::len).sum();
        self.wire.reserve(len + len / 256 + PIECE).is_ok()
    }
}

pub(super) fn broken(error: &io::Error) -> Error {
    lost(error).in_phase(Phase::Open)
}
