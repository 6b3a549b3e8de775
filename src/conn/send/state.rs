// SPDX-License-Identifier: Apache-2.0
//! What the threads that send on a connection share: the stream, and behind the lock the session
//! and what waits.

use super::buffers::{Buffers, CORK_BYTES, MAX_KEPT_BYTES, broken};
use super::keys::Keys;
use super::outbound::Outbound;
use super::queue::{Queue, Queued};
use super::turn_order::TurnState;
use crate::base::error::Error;
use crate::base::memory;
use crate::base::outbox::Outbox;
use crate::base::priority::PriorityMutex;
use crate::base::sync::{AtomicBool, Condvar, MutexGuard, Ordering};
use crate::base::thread_cache::{self, ThreadCache};
use crate::conn::stats::Stats;
use crate::net::stream::Stream;
use crate::protocol::ws::deflate::Deflater;
use crate::protocol::ws::frame::{Header, MAX_HEADER_BYTES};
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::{Frame, Sender};
use std::cell::Cell;

thread_local! {
    /// Memory of what has been sent.
    static BATCH: ThreadCache<Vec<u8>> = const { Cell::new(None) };
}

/// How often the socket is written to under one lock: a thread that wants the lock must not wait
/// for a whole queue.
const MAX_PUSHES: usize = 4;

pub(super) struct SendSide {
    pub(super) stream: Stream,
    /// Data takes it with `lock()`, everything else with `lock_ahead()`: a thread that sends in a
    /// tight loop must not keep others from closing, aborting, or answering a ping.
    pub(super) state: PriorityMutex<SendState>,
    /// The write turn is free.
    pub(super) turn_is_over: Condvar,
    /// No thread compresses any more.
    pub(super) context_is_back: Condvar,
    /// Something waits for room in the socket.
    has_backlog: AtomicBool,
    /// Data is gathered and waits for the end of the cork.
    is_gathering: AtomicBool,
    /// Data stays among the buffers' plain bytes until more has come together. Changed under the
    /// lock.
    is_corked: AtomicBool,
    /// A message was refused for want of room, and nobody knows yet that there is some again.
    was_refused: AtomicBool,
    /// The closing handshake has begun, the connection has failed, or the socket takes nothing any
    /// more. It stays.
    is_ending: AtomicBool,
    pub(super) stats: Stats,
}

pub(super) struct SendState {
    pub(super) sender: Sender,
    keys: Keys,
    pub(super) buffers: Buffers,
    pub(super) queue: Queue,
    pub(super) turn: TurnState,
    /// `None` while a thread compresses, and where compression was not negotiated.
    pub(super) deflater: Option<Box<Deflater>>,
    /// Threads that wait for it.
    pub(super) waiting_for_context: u32,
    /// Somebody has been told that there is a backlog.
    pub(super) is_announced: bool,
    /// In memory of its own, while there is any.
    pub(super) pending: Option<Box<PendingReplies>>,
    /// TLS may have something to send on its own account.
    pub(super) is_tls_due: bool,
    /// The socket takes nothing any more.
    pub(super) broken: Option<Error>,
}

/// What a receiving thread has left to the one that holds the turn. The latest pong replaces one
/// that has not been sent yet (RFC 6455 section 5.5.3), so a flood of pings takes no memory.
#[derive(Default)]
pub(super) struct PendingReplies {
    pub(super) pong: Vec<u8>,
    pub(super) close: Vec<u8>,
}

impl SendSide {
    /// `wire` is what is left of the handshake.
    pub(super) fn new(
        stream: Stream,
        keys: Keys,
        deflater: Option<Box<Deflater>>,
        wire: Outbox,
    ) -> Self {
        Self {
            stream,
            has_backlog: AtomicBool::new(!wire.is_empty()),
            is_gathering: AtomicBool::new(false),
            is_corked: AtomicBool::new(false),
            was_refused: AtomicBool::new(false),
            state: PriorityMutex::new(SendState {
                sender: Sender::default(),
                keys,
                buffers: Buffers::with_wire(wire),
                queue: Queue::default(),
                turn: TurnState::default(),
                deflater,
                waiting_for_context: 0,
                is_announced: false,
                pending: None,
                is_tls_due: false,
                broken: None,
            }),
            turn_is_over: Condvar::new(),
            context_is_back: Condvar::new(),
            is_ending: AtomicBool::new(false),
            stats: Stats::default(),
        }
    }

    pub(super) fn has_backlog(&self) -> bool {
        self.has_backlog.load(Ordering::Relaxed)
    }

    pub(super) fn is_gathering(&self) -> bool {
        self.is_gathering.load(Ordering::Relaxed)
    }

    pub(super) fn is_corked(&self) -> bool {
        self.is_corked.load(Ordering::Relaxed)
    }

    pub(super) fn was_refused(&self) -> bool {
        self.was_refused.load(Ordering::Relaxed)
    }

    /// Under the lock.
    pub(super) fn note_refusal(&self, was_refused: bool) {
        self.was_refused.store(was_refused, Ordering::Relaxed);
    }

    /// Under the lock.
    pub(super) fn set_corked(&self, is_corked: bool) {
        self.is_corked.store(is_corked, Ordering::Relaxed);
    }

    /// Whether the message stays here until more has come together, in a queue of at most `limit`
    /// bytes. Only data does.
    pub(super) fn fits_cork(&self, state: &SendState, message: &Outbound<'_>, limit: u64) -> bool {
        let may_stay = self.is_corked() && !state.turn.is_taken && message.is_data();
        let len = message.payload.len() + MAX_HEADER_BYTES;
        may_stay && state.queued_bytes() + len <= CORK_BYTES && state.has_room(len, limit)
    }

    /// Whether a whole message may be sent, and neither another thread nor another frame comes
    /// before it.
    pub(super) fn is_clear_for_message(&self, state: &SendState) -> bool {
        let may_send = state.broken.is_none() && state.sender.may_send_message();
        may_send && !self.has_backlog() && !state.turn.is_taken && state.turn.waiting == 0
    }

    /// A whole message has been put behind what is gathered.
    pub(super) fn note_gathered(&self, state: &mut SendState) {
        state.queue.gathered += 1;
        self.is_gathering.store(true, Ordering::Relaxed);
    }

    /// Whether a message before which no frame waits may leave with one `send(2)`.
    pub(super) fn sends_at_once(&self, state: &SendState) -> bool {
        !self.is_corked() && state.buffers.plain.is_empty() && !self.stream.is_tls()
    }

    /// Hands what was begun to the system with one call. The bytes that it did not take are on the
    /// wire; how many.
    pub(super) fn send_begun(&self, state: &mut SendState) -> Result<usize, Error> {
        let buffers = &mut state.buffers;
        let len = buffers.plain.len();
        match self.stream.send(&buffers.plain) {
            Ok(count) if count == len => {
                buffers.clear_sent();
                Ok(0)
            }
            Ok(count) => {
                buffers.wire.take(&mut buffers.plain)?;
                buffers.wire.note_sent(count);
                Ok(len - count)
            }
            Err(error) => {
                buffers.plain.clear();
                Err(self.break_off(state, broken(&error)))
            }
        }
    }

    /// After [`SendSide::send_begun`], for whoever does not wait. The bytes that are left are
    /// queued in memory of their own size; all other memory goes to the thread.
    pub(super) fn leave_unsent(&self, state: &mut SendState, unsent: usize) {
        if unsent == 0 {
            keep_for_a_batch(std::mem::take(&mut state.buffers.plain));
            return;
        }
        state.buffers.wire.shrink();
        let sent = self.stream.bytes_sent.get();
        let queue = &mut state.queue;
        queue.note_on_wire(Queued::MessageEnd, sent, unsent as u64);
        self.note_backlog(state);
    }

    /// A message in one frame is on its way.
    pub(super) fn count_message(&self) {
        let stats = &self.stats;
        stats.frames_sent.add(1);
        stats.messages_sent.add(1);
    }

    /// The lock, for sending this.
    pub(super) fn lock_for(&self, message: &Outbound<'_>) -> MutexGuard<'_, SendState> {
        if message.is_urgent() {
            self.state.lock_ahead()
        } else {
            self.state.lock()
        }
    }

    /// Puts a frame for which there is room behind what is gathered.
    pub(super) fn gather(
        &self,
        state: &mut SendState,
        message: &Outbound<'_>,
    ) -> Result<Header, Error> {
        let header = state.header(message)?;
        state.check_broken()?;
        state.reserve_in_batch(message.payload.len())?;
        state.buffers.begin(&header, message.payload);
        state.queue.gathered += u64::from(is_message(&header));
        self.commit(state, message.frame, &header);
        Ok(header)
    }

    /// A frame is on its way and cannot be taken back.
    pub(super) fn commit(&self, state: &mut SendState, frame: Frame, header: &Header) {
        self.stats.frames_sent.add(1);
        self.stats.messages_sent.add(u64::from(is_message(header)));
        state.sender.note_frame(frame, header);
        if header.opcode == Opcode::Close {
            // Nothing follows a close frame (RFC 6455 section 5.5.1), not even what came due
            // meanwhile.
            state.pending = None;
        }
        self.note_backlog(state);
    }

    /// Sends what is left, then what is pending, as far as the socket takes it, unless another
    /// thread has the turn.
    pub(super) fn push(&self, state: &mut SendState) {
        for _ in 0..MAX_PUSHES {
            if state.turn.is_taken || state.broken.is_some() {
                break;
            }
            match self.stream.push(&mut state.buffers.wire) {
                Ok(true) if self.seal_due(state) => {}
                Ok(_) => break,
                Err(error) => state.broken = Some(broken(&error)),
            }
        }
        self.note_backlog(state);
    }

    pub(super) fn note_backlog(&self, state: &mut SendState) {
        let is_open = state.broken.is_none();
        let has_plain = is_open && !state.buffers.plain.is_empty();
        let is_gathering = has_plain && self.is_corked();
        let has_backlog = is_open && (state.has_backlog() || has_plain != is_gathering);
        state.is_announced &= has_backlog;
        self.is_gathering.store(is_gathering, Ordering::Relaxed);
        self.has_backlog.store(has_backlog, Ordering::Relaxed);
        self.note_end(state);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Acquire)
    }

    /// After whatever may end the connection, or sending, under the lock.
    pub(super) fn note_end(&self, state: &SendState) {
        if state.broken.is_some() || !state.sender.closing().is_open() {
            self.is_ending.store(true, Ordering::Release);
        }
    }

    /// The socket or TLS takes nothing any more. What the peer sent before can still be received.
    pub(super) fn break_off(&self, state: &mut SendState, error: Error) -> Error {
        state.broken = Some(error.clone());
        self.note_end(state);
        state.sender.closing().error().unwrap_or(error)
    }

    /// What was gathered goes to the socket, or to the queue.
    pub(super) fn flush_cork(&self, state: &mut SendState) -> Result<(), Error> {
        if !state.buffers.plain.is_empty() {
            state.queue_gathered()?;
            self.push(state);
            self.forget_sent(state);
            if state.has_backlog() {
                state.buffers.wire.shrink();
            }
        }
        Ok(())
    }

    /// After a flush: lets go of what is no longer queued, and of the memory it took.
    pub(super) fn forget_sent(&self, state: &mut SendState) {
        state.queue.forget_sent(self.stream.bytes_sent.get());
        if !state.has_backlog() {
            keep_for_a_batch(state.buffers.wire.take_memory());
            state.buffers.shrink();
            state.queue.shrink();
        }
    }

    /// With an empty wire: puts on it what is due next; false where that is nothing, or nothing can
    /// be sent any more.
    fn seal_due(&self, state: &mut SendState) -> bool {
        if state.has_pending() && state.queue.is_between_frames() {
            self.seal_pending(state);
        }
        if !state.buffers.wire.is_empty() {
            return true;
        }
        let sealed = state.queue.seal_next(&self.stream, &mut state.buffers.wire);
        sealed.unwrap_or_else(|error| {
            state.broken = Some(error);
            false
        })
    }

    /// A pong goes before what is queued (RFC 6455 section 5.4 allows it between two frames), a
    /// close frame behind it.
    fn seal_pending(&self, state: &mut SendState) {
        let is_to_close = state.pending.as_ref();
        let is_to_close = is_to_close.is_some_and(|due| !due.close.is_empty());
        let may_close = is_to_close && state.queue_gathered().is_ok() && state.queue.is_empty();
        let mut frames = Vec::new();
        if let Some(due) = &mut state.pending {
            frames.append(&mut due.pong);
            self.stats.frames_sent.add(u64::from(!frames.is_empty()));
            if may_close {
                self.stats.frames_sent.add(1);
                frames.append(&mut due.close);
            }
        }
        state.pending.take_if(|due| due.close.is_empty());
        state.is_tls_due = false;
        let sealed = self.stream.seal(&mut frames, &mut state.buffers.wire);
        state.broken = sealed.err().or_else(|| state.broken.take());
    }
}

impl SendState {
    /// The header of the frame, or why it may not be sent now.
    pub(super) fn header(&mut self, message: &Outbound<'_>) -> Result<Header, Error> {
        let key = message.key.unwrap_or_else(|| self.keys.mask_key());
        let len = message.payload.len();
        let mut header = self.sender.header(message.frame, len, key)?;
        // RFC 7692 section 6.1: the bit is set on the first frame of a compressed message.
        header.rsv1 |= message.is_compressed && header.opcode != Opcode::Continuation;
        Ok(header)
    }

    /// Puts a whole message that may be sent behind what is gathered.
    #[inline(never)]
    pub(super) fn begin_message(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Error> {
        self.reserve_in_batch(payload.len())?;
        let key = self.keys.mask_key();
        let header = Header::masked(opcode, true, payload.len(), key);
        self.buffers.begin(&header, payload);
        Ok(())
    }

    /// Makes room for a payload behind what is gathered.
    #[inline]
    fn reserve_in_batch(&mut self, len: usize) -> Result<(), Error> {
        if self.buffers.plain.capacity() == 0 {
            self.buffers.plain = kept_for_a_batch();
        }
        memory::reserve(&mut self.buffers.plain, MAX_HEADER_BYTES + len)
    }

    pub(super) fn mask_key(&mut self) -> [u8; 4] {
        self.keys.mask_key()
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.buffers.wire.unsent().len() + self.queue.bytes() + self.buffers.plain.len()
    }

    /// Whether `len` bytes more may be queued. An empty queue takes one message of any size.
    pub(super) fn has_room(&self, len: usize, limit: u64) -> bool {
        let queued = self.queued_bytes();
        queued == 0 || (queued + len) as u64 <= limit
    }

    pub(super) fn has_backlog(&self) -> bool {
        !self.buffers.wire.is_empty() || self.has_pending() || !self.queue.is_empty()
    }

    fn has_pending(&self) -> bool {
        self.is_tls_due || self.pending.is_some()
    }

    /// What was gathered leaves next, behind what is queued.
    pub(super) fn queue_gathered(&mut self) -> Result<(), Error> {
        if self.buffers.plain.is_empty() || self.broken.is_some() {
            return Ok(());
        }
        if !self.has_backlog() {
            return self.queue.add_gathered(&mut self.buffers.plain);
        }
        // It waits: in as much memory as it needs, and not in that of a batch.
        self.queue
            .add_gathered(&mut memory::copy(&self.buffers.plain)?)?;
        let mut batch = std::mem::take(&mut self.buffers.plain);
        batch.clear();
        keep_for_a_batch(batch);
        Ok(())
    }

    /// Why nothing can be sent any more, if so.
    pub(super) fn check_end(&self) -> Result<(), Error> {
        let end = self.sender.closing().send_error();
        end.map_or_else(|| self.check_broken(), Err)
    }

    pub(super) fn check_broken(&self) -> Result<(), Error> {
        match &self.broken {
            None => Ok(()),
            Some(broken) => Err(broken.clone()),
        }
    }
}

/// Memory of what has been sent, if there is.
fn kept_for_a_batch() -> Vec<u8> {
    thread_cache::take(&BATCH).unwrap_or_default()
}

/// The next message or batch of this thread is made in it.
fn keep_for_a_batch(mut memory: Vec<u8>) {
    if memory.capacity() <= MAX_KEPT_BYTES {
        memory.clear();
        thread_cache::keep(&BATCH, memory);
    }
}

pub(super) fn is_message(header: &Header) -> bool {
    header.fin && !header.opcode.is_control()
}
