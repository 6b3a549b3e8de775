// SPDX-License-Identifier: Apache-2.0
//! A frame on its way: masked, sealed and pushed piece by piece.

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

/// A payload of up to this size goes to a socket without TLS whole: with one call, however the peer
/// reads.
pub(super) const WHOLE: usize = 1024 * 1024;

/// What is gathered at most while the writer is corked: larger batches fall out of the processor's
/// cache.
pub(super) const CORK_BYTES: usize = 64 * 1024;

/// Above this, memory for sending is given back.
pub(super) const MAX_KEPT_BYTES: usize = 2 * PIECE;

#[derive(Default)]
pub(super) struct Buffers {
    /// Frames, ready but for TLS.
    pub(super) plain: Vec<u8>,
    /// What goes to the socket next.
    pub(super) wire: Outbox,
    /// What is on the wire begins with a frame's first byte.
    is_first_piece: bool,
}

impl Buffers {
    /// With what is left of the handshake. Where that is nothing its memory goes.
    pub(super) fn with_wire(mut wire: Outbox) -> Self {
        wire.shrink();
        Self {
            wire,
            ..Self::default()
        }
    }

    /// Whether a payload may be gathered behind the plain bytes, before which nothing waits, in a
    /// queue of `limit` bytes.
    pub(super) fn fits_batch(&self, len: usize, limit: u64) -> bool {
        let queued = self.plain.len();
        let total = queued + len + MAX_HEADER_BYTES;
        total <= CORK_BYTES && (queued == 0 || total as u64 <= limit)
    }

    /// Makes room for a frame with a payload of `len` bytes; how much.
    pub(super) fn reserve_plain(&mut self, len: usize) -> Result<usize, Error> {
        let room = MAX_HEADER_BYTES + len;
        memory::reserve(&mut self.plain, room)?;
        Ok(room)
    }

    /// After a frame that has left, but for what an interrupted wait has kept on the wire.
    pub(super) fn clear_sent(&mut self) {
        self.plain.clear();
        if self.capacity() > MAX_KEPT_BYTES && self.wire.is_empty() {
            self.plain = Vec::new();
            self.wire.take_memory();
        }
    }

    /// The same, or for its first piece, on each side of [`Buffers::seal`], so that memory fails
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

    /// The next piece of the frame that was begun.
    pub(super) fn go_on(&mut self, header: &Header, piece: &[u8]) {
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

    /// Keeps no more memory than what waits needs.
    pub(super) fn shrink(&mut self) {
        self.plain.shrink_to_fit();
        self.wire.shrink();
    }

    /// Forgets the frame if nothing of it has left.
    pub(super) fn take_back(&mut self) -> bool {
        let may = self.is_first_piece && !self.wire.is_begun();
        if may {
            self.wire.clear();
        }
        may
    }

    /// False where the socket takes no more for now.
    pub(super) fn seal_and_push(&mut self, stream: &Stream) -> Result<bool, Error> {
        self.seal(stream)?;
        stream.push(&mut self.wire).map_err(|error| broken(&error))
    }

    /// What the first attempt has not sent, waiting for room. A signal interrupts this only while
    /// the frame can be taken back, and it is; after that the rest stays here, and leaves with the
    /// next send or receive.
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
                    Waited::Interrupted if !stream.is_tls() && self.take_back() => {
                        return Ok(Waited::Interrupted);
                    }
                    // Without memory for the rest the wait continues.
                    Waited::Interrupted if !self.has_room_for(pieces.clone()) => {}
                    Waited::Interrupted => {
                        budget.interrupt();
                        for piece in pieces {
                            self.go_on(header, piece);
                            self.seal(stream)?;
                        }
                        return Ok(Waited::Ready);
                    }
                }
            }
            let Some(piece) = pieces.next() else {
                return Ok(Waited::Ready);
            };
            self.go_on(header, piece);
            self.seal(stream)?;
        }
    }

    /// Makes room for these pieces on the wire, with what TLS adds: some 30 bytes for each 16 KiB.
    fn has_room_for<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>) -> bool {
        let len: usize = pieces.map(<[u8]>::len).sum();
        self.wire.reserve(len + len / 256 + PIECE).is_ok()
    }
}

pub(super) fn broken(error: &io::Error) -> Error {
    lost(error).in_phase(Phase::Open)
}
