// SPDX-License-Identifier: Apache-2.0
//! What the threads that send on a connection share: the stream, and behind the lock the protocol
//! state and the pending data.

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
    /// A buffer whose content has been sent, for the next message or batch.
    static BATCH: ThreadCache<Vec<u8>> = const { Cell::new(None) };
}

/// How often the socket is written to while the lock is held: another thread must not wait for a
/// whole queue.
const MAX_PUSHES: usize = 4;

pub(super) struct SendSide {
    pub(super) stream: Stream,
    /// Data takes it with `lock()`, everything else with `lock_ahead()`: a thread that sends in a
    /// tight loop must not keep others from closing, aborting, or answering a ping.
    pub(super) state: PriorityMutex<SendState>,
    /// Notified when the write turn is free.
    pub(super) turn_is_over: Condvar,
    /// Notified when no thread is compressing any more.
    pub(super) context_is_back: Condvar,
    /// Something waits for room in the socket.
    has_backlog: AtomicBool,
    /// There is corked data.
    has_corked_data: AtomicBool,
    /// Data stays in the plain buffer until the writer is uncorked or the buffer is full. Changed
    /// under the lock.
    is_corked: AtomicBool,
    /// The driver must check after each step whether there is room again: a message was rejected
    /// because the queue was full, or waits outside of it.
    is_room_wanted: AtomicBool,
    /// The closing handshake has begun, the connection has failed, or nothing more can be sent.
    /// Never reset.
    is_ending: AtomicBool,
    pub(super) stats: Stats,
}

pub(super) struct SendState {
    pub(super) sender: Sender,
    keys: Keys,
    pub(super) buffers: Buffers,
    pub(super) queue: Queue,
    pub(super) turn: TurnState,
    /// `None` while a thread is compressing, and if compression was not negotiated.
    pub(super) deflater: Option<Box<Deflater>>,
    /// Threads that wait for `deflater`.
    pub(super) waiting_for_context: u32,
    /// The driver has been told that there is a backlog.
    pub(super) is_announced: bool,
    /// Allocated only while there are any.
    pub(super) pending: Option<Box<PendingReplies>>,
    /// TLS itself may have something to send.
    pub(super) is_tls_due: bool,
    /// Set when nothing more can be sent.
    pub(super) broken: Option<Error>,
}

/// Replies that a receiving thread has left to the one that holds the turn. The latest pong
/// replaces one that has not been sent yet (RFC 6455 section 5.5.3), so a flood of pings takes no
/// memory.
#[derive(Default)]
pub(super) struct PendingReplies {
    pub(super) pong: Vec<u8>,
    pub(super) close: Vec<u8>,
}

impl SendSide {
    /// `wire` holds the rest of the handshake.
    pub(super) fn new(
        stream: Stream,
        keys: Keys,
        deflater: Option<Box<Deflater>>,
        wire: Outbox,
    ) -> Self {
        Self {
            stream,
            has_backlog: AtomicBool::new(!wire.is_empty()),
            has_corked_data: AtomicBool::new(false),
            is_corked: AtomicBool::new(false),
            is_room_wanted: AtomicBool::new(false),
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

    pub(super) fn has_corked_data(&self) -> bool {
        self.has_corked_data.load(Ordering::Relaxed)
    }

    pub(super) fn is_corked(&self) -> bool {
        self.is_corked.load(Ordering::Relaxed)
    }

    pub(super) fn is_room_wanted(&self) -> bool {
        self.is_room_wanted.load(Ordering::Relaxed)
    }

    /// Under the lock, or under that of the queue outside.
    pub(super) fn want_room(&self, is_wanted: bool) {
        self.is_room_wanted.store(is_wanted, Ordering::Relaxed);
    }

    /// Under the lock.
    pub(super) fn set_corked(&self, is_corked: bool) {
        self.is_corked.store(is_corked, Ordering::Relaxed);
    }

    /// Whether to cork the message, in a queue of at most `limit` bytes. Only data is corked.
    pub(super) fn fits_cork(&self, state: &SendState, message: &Outbound<'_>, limit: u64) -> bool {
        let may_stay = self.is_corked() && !state.turn.is_taken && message.is_data();
        let len = message.payload.len() + MAX_HEADER_BYTES;
        may_stay && state.queued_bytes() + len <= CORK_BYTES && state.has_room(len, limit)
    }

    /// Whether a whole message may be sent, and no other thread or frame comes before it.
    pub(super) fn is_clear_for_message(&self, state: &SendState) -> bool {
        let may_send = state.broken.is_none() && state.sender.may_send_message();
        may_send && !self.has_backlog() && !state.turn.is_taken && state.turn.waiting == 0
    }

    /// Records a whole message that was added to the corked data.
    pub(super) fn note_corked(&self, state: &mut SendState) {
        state.queue.corked_messages += 1;
        self.has_corked_data.store(true, Ordering::Relaxed);
    }

    /// Whether a message with no frame queued before it may be sent with one `send(2)`.
    pub(super) fn sends_at_once(&self, state: &SendState) -> bool {
        !self.is_corked() && state.buffers.plain.is_empty() && !self.stream.is_tls()
    }

    /// Sends the message that was begun, with one system call. Moves the bytes that the socket did
    /// not take to the wire buffer; returns how many.
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
                Err(self.fail_sending(state, broken(&error)))
            }
        }
    }

    /// Called after [`SendSide::send_begun`] by senders that do not wait. The bytes that are left
    /// stay in memory of their own size; all other memory goes to the thread.
    pub(super) fn keep_unsent(&self, state: &mut SendState, unsent: usize) {
        if unsent == 0 {
            keep_batch_buffer(std::mem::take(&mut state.buffers.plain));
            return;
        }
        state.buffers.wire.shrink();
        let sent = self.stream.bytes_sent.get();
        let queue = &mut state.queue;
        queue.note_on_wire(Queued::MessageEnd, sent, unsent as u64);
        self.note_backlog(state);
    }

    /// Counts a message that was sent in one frame.
    pub(super) fn count_message(&self) {
        let stats = &self.stats;
        stats.frames_sent.add(1);
        stats.messages_sent.add(1);
    }

    /// Takes the lock for sending `message`.
    pub(super) fn lock_for(&self, message: &Outbound<'_>) -> MutexGuard<'_, SendState> {
        if message.is_urgent() {
            self.state.lock_ahead()
        } else {
            self.state.lock()
        }
    }

    /// Adds a frame, for which there is room, to the corked data.
    pub(super) fn append_corked(
        &self,
        state: &mut SendState,
        message: &Outbound<'_>,
    ) -> Result<Header, Error> {
        let header = state.header(message)?;
        state.check_broken()?;
        state.reserve_in_batch(message.payload.len())?;
        state.buffers.begin(&header, message.payload);
        state.queue.corked_messages += u64::from(is_message(&header));
        self.commit(state, message.frame, &header);
        Ok(header)
    }

    /// Records a frame that was sent or queued and can no longer be discarded.
    pub(super) fn commit(&self, state: &mut SendState, frame: Frame, header: &Header) {
        self.stats.frames_sent.add(1);
        self.stats.messages_sent.add(u64::from(is_message(header)));
        state.sender.note_frame(frame, header);
        if header.opcode == Opcode::Close {
            // Nothing follows a close frame (RFC 6455 section 5.5.1), not even replies that have
            // become due meanwhile.
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
        let has_corked_data = has_plain && self.is_corked();
        let has_backlog = is_open && (state.has_backlog() || has_plain != has_corked_data);
        state.is_announced &= has_backlog;
        self.has_corked_data
            .store(has_corked_data, Ordering::Relaxed);
        self.has_backlog.store(has_backlog, Ordering::Relaxed);
        self.note_end(state);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Acquire)
    }

    /// Called under the lock after anything that may end the connection or sending.
    pub(super) fn note_end(&self, state: &SendState) {
        if state.broken.is_some() || !state.sender.closing().is_open() {
            self.is_ending.store(true, Ordering::Release);
        }
    }

    /// Called when the socket or TLS has failed, so nothing more can be sent. What the peer sent
    /// before can still be received.
    pub(super) fn fail_sending(&self, state: &mut SendState, error: Error) -> Error {
        state.broken = Some(error.clone());
        self.note_end(state);
        state.sender.closing().error().unwrap_or(error)
    }

    /// Moves the corked data to the socket or the queue.
    pub(super) fn flush_cork(&self, state: &mut SendState) -> Result<(), Error> {
        if !state.buffers.plain.is_empty() {
            state.queue_corked()?;
            self.push(state);
            self.forget_sent(state);
            if state.has_backlog() {
                state.buffers.wire.shrink();
            }
        }
        Ok(())
    }

    /// Called after a flush: forgets what has been sent, and frees its memory.
    pub(super) fn forget_sent(&self, state: &mut SendState) {
        state.queue.forget_sent(self.stream.bytes_sent.get());
        if !state.has_backlog() {
            keep_batch_buffer(state.buffers.wire.take_memory());
            state.buffers.shrink();
            state.queue.shrink();
        }
    }

    /// Moves what is due next to the wire buffer, which is empty; false if nothing is due, or
    /// nothing more can be sent.
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
        let may_close = is_to_close && state.queue_corked().is_ok() && state.queue.is_empty();
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

    /// Builds a whole message, which may be sent now, behind the corked data.
    #[inline(never)]
    pub(super) fn begin_message(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Error> {
        self.reserve_in_batch(payload.len())?;
        let key = self.keys.mask_key();
        let header = Header::masked(opcode, true, payload.len(), key);
        self.buffers.begin(&header, payload);
        Ok(())
    }

    /// Reserves room for a payload behind the corked data.
    #[inline]
    fn reserve_in_batch(&mut self, len: usize) -> Result<(), Error> {
        if self.buffers.plain.capacity() == 0 {
            self.buffers.plain = take_batch_buffer();
        }
        memory::reserve(&mut self.buffers.plain, MAX_HEADER_BYTES + len)
    }

    pub(super) fn mask_key(&mut self) -> [u8; 4] {
        self.keys.mask_key()
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.buffers.wire.unsent().len() + self.queue.bytes() + self.buffers.plain.len()
    }

    /// Whether `len` more bytes may be queued. An empty queue takes one message of any size.
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

    /// Moves the corked data to the end of the queue.
    pub(super) fn queue_corked(&mut self) -> Result<(), Error> {
        if self.buffers.plain.is_empty() || self.broken.is_some() {
            return Ok(());
        }
        if !self.has_backlog() {
            return self.queue.add_corked(&mut self.buffers.plain);
        }
        // It must wait: copied to memory of its own size, so that the batch buffer is free.
        self.queue
            .add_corked(&mut memory::copy(&self.buffers.plain)?)?;
        let mut batch = std::mem::take(&mut self.buffers.plain);
        batch.clear();
        keep_batch_buffer(batch);
        Ok(())
    }

    /// Fails if nothing more can be sent, with the reason.
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

/// The thread's batch buffer, or an empty one.
fn take_batch_buffer() -> Vec<u8> {
    thread_cache::take(&BATCH).unwrap_or_default()
}

/// Keeps the buffer for the next message or batch of this thread.
fn keep_batch_buffer(mut memory: Vec<u8>) {
    if memory.capacity() <= MAX_KEPT_BYTES {
        memory.clear();
        thread_cache::keep(&BATCH, memory);
    }
}

pub(super) fn is_message(header: &Header) -> bool {
    header.fin && !header.opcode.is_control()
}
