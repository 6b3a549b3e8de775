// SPDX-License-Identifier: Apache-2.0
//! Sending without waiting: what the socket does not take at once is queued, up to a limit, for whoever watches the
//! socket to [`Writer::flush`]. No thread takes the buffers of such a writer along, so nobody waits for a turn.

use super::compression::Parcel;
use super::outgoing::{Buffers, PIECE, broken};
use super::trace;
use super::writer::{Ready, State, Writer};
use crate::base::error::{Error, Kind, Phase};
use crate::base::spare::{self, Spare};
use crate::net::stream::Stream;
use crate::protocol::ws::frame::{Header, MAX_HEADER_BYTES};
use std::cell::Cell;
use std::collections::VecDeque;

/// Above this, memory that a thread keeps for sending is given back.
const MAX_KEPT_BYTES: usize = 2 * PIECE;

thread_local! {
    /// Where frames are made; so a connection without a queue holds no memory for sending.
    static SCRATCH: Spare<Buffers> = const { Cell::new(None) };
}

/// What is known about the queue besides its bytes.
#[derive(Default)]
pub(super) struct Queue {
    /// Where queued messages end, counted like [`Stream::bytes_sent`].
    ends: VecDeque<u64>,
    /// Messages that are gathered, and so have no place among the bytes yet.
    gathered: u64,
    /// A message was refused for want of room.
    is_wanted: bool,
}

/// What has been queued and the system has not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    pub messages: u64,
    pub bytes: u64,
}

impl Writer {
    /// Sends one frame, or queues it; see [`Writer::take_watch`], also after a failure.
    ///
    /// `WouldBlock` where the queue is not empty and would hold more than `limit` bytes.
    pub fn submit(&self, stream: &Stream, parcel: &Parcel<'_>, limit: u64) -> Result<(), Error> {
        let given_key = self.given_key()?;
        let plain = Ready::plain(parcel, given_key);
        let shown = parcel.bytes();
        let Some(mut compressor) = self.compressor_for(parcel, None)? else {
            return self.submit_ready(stream, &plain, limit, shown);
        };
        self.make_room_now(&mut self.lock_for(parcel.frame), stream, 0, limit)?;
        let Some(packed) = compressor.pack(parcel, None)? else {
            return self.submit_ready(stream, &plain, limit, shown);
        };
        let ready = Ready::compressed(parcel, packed.bytes(parcel), given_key);
        let submitted = self.submit_ready(stream, &ready, limit, shown);
        compressor.settle(packed, submitted.is_ok());
        submitted
    }

    /// `shown` is the payload as the user knows it.
    fn submit_ready(
        &self,
        stream: &Stream,
        ready: &Ready<'_>,
        limit: u64,
        shown: &[u8],
    ) -> Result<(), Error> {
        let mut state = self.lock_for(ready.frame);
        let header = state.header(ready)?;
        if !state.has_place_for(ready) {
            self.leave(&mut state, stream);
        }
        if let Some(broken) = &state.broken {
            return Err(broken.clone());
        }
        self.make_room_now(&mut state, stream, ready.payload.len(), limit)?;
        let is_message = header.fin && !header.opcode.is_control();
        if state.has_place_for(ready) {
            state.buffers.begin(&header, ready.payload);
            state.queue.gathered += u64::from(is_message);
            self.note_sent(&mut state, ready.frame, &header);
            drop(state);
            trace::frame('>', header.opcode, header.fin, shown);
            return Ok(());
        }
        let was_quiet = state.buffers.wire.is_empty();
        let mut buffers = state.take_buffers();
        let submitted = buffers.submit(stream, &header, ready.payload);
        stream.give_back(&mut buffers.plain);
        state.put_back(buffers, was_quiet);
        if let Err(error) = submitted {
            return Err(state.break_off(error));
        }
        self.note_sent(&mut state, ready.frame, &header);
        state.note_queued(stream, u64::from(is_message));
        self.note_backlog(&mut state);
        drop(state);
        trace::frame('>', header.opcode, header.fin, shown);
        Ok(())
    }

    /// Ends gathering; see [`Writer::take_watch`].
    pub fn uncork_now(&self, stream: &Stream) -> Result<(), Error> {
        let mut state = self.state.lock();
        state.is_corked = false;
        self.leave(&mut state, stream);
        state.broken.clone().map_or(Ok(()), Err)
    }

    /// True once when there is something left over for which the socket must be watched.
    pub fn take_watch(&self) -> bool {
        if !self.has_backlog() {
            return false;
        }
        // Under the lock: whoever empties the queue stops watching the socket.
        let mut state = self.state.lock_ahead();
        self.has_backlog() && !std::mem::replace(&mut state.is_announced, true)
    }

    /// Nothing is refused on account of what is only gathered.
    fn make_room_now(
        &self,
        state: &mut State,
        stream: &Stream,
        len: usize,
        limit: u64,
    ) -> Result<(), Error> {
        if !state.has_room(len, limit) {
            self.leave(state, stream);
        }
        state.check_room(len, limit)
    }

    /// What was gathered goes to the socket, or to the queue.
    fn leave(&self, state: &mut State, stream: &Stream) {
        if !state.buffers.plain.is_empty() {
            state.seal_gathered(stream);
            self.push(state, stream);
            state.forget_sent(stream);
        }
    }

    pub fn unsent_bytes(&self) -> u64 {
        self.state.lock_ahead().queued_bytes() as u64
    }

    pub fn unsent(&self, stream: &Stream) -> Unsent {
        let state = self.state.lock_ahead();
        let (queue, sent) = (&state.queue, stream.bytes_sent.get());
        let queued = queue.ends.iter().filter(|end| **end > sent).count();
        Unsent {
            messages: queued as u64 + queue.gathered,
            bytes: state.queued_bytes() as u64,
        }
    }

    /// True once after a message was refused, when half of the room is free again.
    pub fn has_drained(&self, limit: u64) -> bool {
        let mut state = self.state.lock_ahead();
        let has_room = state.queued_bytes() as u64 <= limit / 2;
        has_room && std::mem::take(&mut state.queue.is_wanted)
    }
}

impl State {
    pub(super) fn queued_bytes(&self) -> usize {
        self.buffers.wire.unsent().len() + self.buffers.plain.len()
    }

    fn has_room(&self, len: usize, limit: u64) -> bool {
        let queued = self.queued_bytes();
        queued == 0 || (queued + len + MAX_HEADER_BYTES) as u64 <= limit
    }

    fn check_room(&mut self, len: usize, limit: u64) -> Result<(), Error> {
        if self.has_room(len, limit) {
            return Ok(());
        }
        let queued = self.queued_bytes();
        self.queue.is_wanted = true;
        let message = format!("{queued} bytes are queued already, the limit is {limit}");
        Err(Error::new(Kind::WouldBlock, message).in_phase(Phase::Open))
    }

    fn take_buffers(&mut self) -> Buffers {
        if self.buffers.wire.is_empty() {
            spare::take(&SCRATCH).unwrap_or_default()
        } else {
            std::mem::take(&mut self.buffers)
        }
    }

    fn put_back(&mut self, mut buffers: Buffers, was_quiet: bool) {
        if !buffers.wire.is_empty() {
            if was_quiet {
                // The thread's memory was for any message, not for this queue.
                buffers.shrink();
            }
            self.buffers = buffers;
        } else if buffers.capacity() <= MAX_KEPT_BYTES {
            spare::keep(&SCRATCH, buffers);
        }
    }

    fn note_queued(&mut self, stream: &Stream, messages: u64) {
        self.forget_ends(stream);
        let unsent = self.buffers.wire.unsent().len() as u64;
        if unsent > 0 {
            let end = stream.bytes_sent.get() + unsent;
            let ends = std::iter::repeat_n(end, messages as usize);
            self.queue.ends.extend(ends);
        }
    }

    /// What was gathered goes to the socket next.
    pub(super) fn seal_gathered(&mut self, stream: &Stream) {
        if !self.buffers.plain.is_empty() && self.broken.is_none() {
            self.broken = self.buffers.seal(stream).err();
            let gathered = std::mem::take(&mut self.queue.gathered);
            self.note_queued(stream, gathered);
        }
    }

    fn forget_ends(&mut self, stream: &Stream) {
        let sent = stream.bytes_sent.get();
        while self.queue.ends.front().is_some_and(|end| *end <= sent) {
            self.queue.ends.pop_front();
        }
    }

    /// After a flush: lets go of what is no longer queued, and of the memory it took.
    pub(super) fn forget_sent(&mut self, stream: &Stream) {
        self.forget_ends(stream);
        if self.buffers.wire.is_empty() {
            self.buffers.shrink();
            self.queue.ends.shrink_to_fit();
        }
    }
}

impl Buffers {
    /// Hands the frame to the socket piece by piece for as long as it takes them; the rest stays.
    fn submit(&mut self, stream: &Stream, header: &Header, payload: &[u8]) -> Result<(), Error> {
        let mut takes_more = self.wire.is_empty();
        let mut pieces = payload.chunks(PIECE);
        self.begin(header, pieces.next().unwrap_or_default());
        loop {
            self.seal(stream)?;
            if takes_more {
                takes_more = stream
                    .push(&mut self.wire)
                    .map_err(|error| broken(&error))?;
            }
            match pieces.next() {
                Some(piece) => self.go_on(header, piece),
                None => return Ok(()),
            }
        }
    }
}
