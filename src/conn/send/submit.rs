// SPDX-License-Identifier: Apache-2.0
//! Sending without waiting: what the socket does not take at once is queued, up to a limit, for whoever watches the
//! socket to [`Writer::flush`]. No thread takes the buffers of such a writer along, so nobody waits for a turn.

use super::buffers::{Buffers, PIECE};
use super::compression::Parcel;
use super::queue::Queued;
use super::writer::{Ready, SendState, Writer};
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::MutexGuard;
use crate::base::thread_cache::{self, ThreadCache};
use crate::conn::trace;
use crate::net::stream::Stream;
use crate::protocol::ws::frame::{Header, MAX_HEADER_BYTES};
use crate::protocol::ws::opcode::Opcode;
use std::cell::Cell;

/// Above this, memory that a thread keeps for sending is given back.
const MAX_KEPT_BYTES: usize = 2 * PIECE;

thread_local! {
    /// Where frames are made; so a connection without a queue holds no memory for sending.
    static SCRATCH: ThreadCache<Buffers> = const { Cell::new(None) };
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
    /// `WouldBlock` where the queue is not empty and would hold more than `limit` bytes. `NoMemory`: nothing of it has been
    /// sent or queued.
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
        let (mut state, mut header) = self.begin_submit(stream, ready, limit)?;
        let len = ready.payload.len();
        if state.fits_cork(ready) {
            state.buffers.reserve_plain(len)?;
            state.buffers.begin(&header, ready.payload);
            state.queue.gathered += u64::from(is_message(&header));
        } else if len > PIECE {
            // Masked without the lock: nobody must wait for as long as a caller's message is large.
            drop(state);
            let bytes = encode(&header, ready.payload)?;
            let key = header.mask;
            (state, header) = self.begin_submit(stream, ready, limit)?;
            header.mask = key;
            state.queue.add(bytes, queued_as(&header))?;
            self.push(&mut state, stream);
        } else if state.has_backlog() {
            state
                .queue
                .append(&header, ready.payload, queued_as(&header))?;
            self.push(&mut state, stream);
        } else {
            state.send_at_once(stream, &header, ready.payload)?;
        }
        self.note_sent(&mut state, ready.frame, &header);
        self.note_backlog(&mut state);
        drop(state);
        trace::frame('>', header.opcode, header.fin, shown);
        Ok(())
    }

    /// The lock, and the frame's header, where it may be sent now and there is room.
    fn begin_submit(
        &self,
        stream: &Stream,
        ready: &Ready<'_>,
        limit: u64,
    ) -> Result<(MutexGuard<'_, SendState>, Header), Error> {
        let mut state = self.lock_for(ready.frame);
        let header = state.header(ready)?;
        if !state.fits_cork(ready) {
            self.leave(&mut state, stream)?;
        }
        if let Some(broken) = &state.broken {
            return Err(broken.clone());
        }
        self.make_room_now(&mut state, stream, ready.payload.len(), limit)?;
        Ok((state, header))
    }

    /// Ends gathering; see [`Writer::take_watch`].
    pub fn uncork_now(&self, stream: &Stream) -> Result<(), Error> {
        let mut state = self.state.lock();
        state.is_corked = false;
        self.leave(&mut state, stream)?;
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
        state: &mut SendState,
        stream: &Stream,
        len: usize,
        limit: u64,
    ) -> Result<(), Error> {
        if !state.has_room(len, limit) {
            self.leave(state, stream)?;
        }
        state.check_room(len, limit)
    }

    /// What was gathered goes to the socket, or to the queue.
    fn leave(&self, state: &mut SendState, stream: &Stream) -> Result<(), Error> {
        if !state.buffers.plain.is_empty() {
            state.queue_gathered()?;
            self.push(state, stream);
            state.forget_sent(stream);
        }
        Ok(())
    }

    pub fn unsent_bytes(&self) -> u64 {
        self.state.lock_ahead().queued_bytes() as u64
    }

    pub fn unsent(&self, stream: &Stream) -> Unsent {
        let state = self.state.lock_ahead();
        Unsent {
            messages: state.queue.unsent_messages(stream.bytes_sent.get()),
            bytes: state.queued_bytes() as u64,
        }
    }

    /// Where the last ping ends, counted like [`Stream::bytes_sent`]; `u64::MAX` while that is not known.
    pub fn ping_end(&self) -> u64 {
        self.state.lock_ahead().queue.ping_end()
    }

    /// True once after a message was refused, when half of the room is free again.
    pub fn has_drained(&self, limit: u64) -> bool {
        let mut state = self.state.lock_ahead();
        let has_room = state.queued_bytes() as u64 <= limit / 2;
        has_room && std::mem::take(&mut state.queue.is_wanted)
    }
}

impl SendState {
    pub(in crate::conn) fn queued_bytes(&self) -> usize {
        self.buffers.wire.unsent().len() + self.queue.bytes() + self.buffers.plain.len()
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

    /// A frame before which nothing waits.
    fn send_at_once(
        &mut self,
        stream: &Stream,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Error> {
        let mut buffers = thread_cache::take(&SCRATCH).unwrap_or_default();
        let reserved = self
            .queue
            .reserve_end()
            .and_then(|()| buffers.reserve(stream, payload.len()));
        if reserved.is_err() {
            thread_cache::keep(&SCRATCH, buffers);
            return reserved;
        }
        buffers.begin(header, payload);
        let pushed = buffers.seal_and_push(stream);
        stream.give_back(&mut buffers.plain);
        let unsent = buffers.wire.unsent().len() as u64;
        if unsent > 0 {
            // The thread's memory was for any message, not for this queue.
            buffers.shrink();
            self.buffers = buffers;
        } else if buffers.capacity() <= MAX_KEPT_BYTES {
            thread_cache::keep(&SCRATCH, buffers);
        }
        if let Err(error) = pushed {
            return Err(self.break_off(error));
        }
        self.queue
            .note_on_wire(queued_as(header), stream.bytes_sent.get(), unsent);
        Ok(())
    }

    /// What was gathered leaves next, behind what is queued.
    pub(in crate::conn) fn queue_gathered(&mut self) -> Result<(), Error> {
        if self.buffers.plain.is_empty() || self.broken.is_some() {
            return Ok(());
        }
        self.queue.add_gathered(&mut self.buffers.plain)
    }

    /// With an empty wire: puts on it what is due next. False where nothing is, or nothing can be sent any more.
    pub(in crate::conn) fn seal_next(&mut self, stream: &Stream) -> bool {
        debug_assert!(self.buffers.wire.is_empty());
        let sealed = self.queue.seal_next(stream, &mut self.buffers.wire);
        match sealed {
            Ok(is_more) => is_more,
            Err(error) => {
                self.broken = Some(error);
                false
            }
        }
    }

    /// After a flush: lets go of what is no longer queued, and of the memory it took.
    pub(in crate::conn) fn forget_sent(&mut self, stream: &Stream) {
        self.queue.forget_sent(stream.bytes_sent.get());
        if !self.has_backlog() {
            self.buffers.shrink();
            self.queue.shrink();
        }
    }
}

fn is_message(header: &Header) -> bool {
    header.fin && !header.opcode.is_control()
}

fn queued_as(header: &Header) -> Queued {
    match header.opcode {
        Opcode::Ping => Queued::Ping,
        _ if is_message(header) => Queued::MessageEnd,
        _ => Queued::Other,
    }
}

/// The whole frame, in memory of exactly its size.
fn encode(header: &Header, payload: &[u8]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let len = MAX_HEADER_BYTES + payload.len();
    bytes
        .try_reserve_exact(len)
        .map_err(|_| Error::no_memory(len as u64))?;
    header.encode(&mut bytes);
    header.append_payload(payload, &mut bytes);
    Ok(bytes)
}
