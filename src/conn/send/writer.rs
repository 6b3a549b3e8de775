// SPDX-License-Identifier: Apache-2.0
//! The sending side of an open connection, used by any number of threads.
//!
//! A frame is written in one turn, so frames never mix. A small frame that the socket takes at once is sent under the
//! lock, with one `send(2)`. For whatever takes longer the thread marks the turn as taken and takes the buffers along,
//! so that the lock is free while it masks, encrypts, sends and waits.
//!
//! Whoever receives never waits here: what it owes the peer (a pong, a close frame, bytes of TLS) it sends at once, or
//! leaves to the thread whose turn it is, or sends when there is room.

use super::buffers::{Buffers, broken};
use super::compression::{Compression, Compressor, Parcel};
use super::keys::{Keys, MaskKeyFn};
use super::queue::Queue;
use super::turn::{TurnState, WriteTurn, timed_out};
use crate::base::error::{Error, Kind};
use crate::base::outbox::Outbox;
use crate::base::priority::PriorityMutex;
use crate::base::sync::{Arc, AtomicBool, Condvar, MutexGuard, Ordering};
use crate::conn::stats::Stats;
use crate::conn::trace;
use crate::conn::wait_budget::WaitBudget;
use crate::net::stream::Stream;
use crate::protocol::ws::deflate::Deflater;
use crate::protocol::ws::frame::{Header, MAX_HEADER_BYTES};
use crate::protocol::ws::mask::MaskKey;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::receiver::Event;
use crate::protocol::ws::sender::{Frame, Reply, Sender};

/// What is gathered at most while the writer is corked: larger batches fall out of the processor's cache.
const CORK_BYTES: usize = 64 * 1024;

/// How often the socket is written to under one lock: whoever wants the lock meanwhile must not wait for a whole queue.
const MAX_PUSHES: usize = 4;

/// What TLS may want to send on its own account while the peer does not read: key updates without end, for one.
const MAX_TLS_BACKLOG: usize = 1 << 20;

pub struct Writer {
    /// Data takes it with `lock()`, everything else with `lock_ahead()`: a thread that sends in a tight loop must not
    /// keep others from closing, aborting, or answering a ping.
    pub(in crate::conn) state: PriorityMutex<SendState>,
    pub(in crate::conn) turn_is_over: Condvar,
    /// Where compression was agreed on.
    pub(in crate::conn) compression: Option<Compression>,
    mask_key: Option<MaskKeyFn>,
    /// Something of the receiving thread's has not left yet.
    has_backlog: AtomicBool,
    /// Data is gathered and waits for the end of the cork.
    is_gathering: AtomicBool,
    stats: Arc<Stats>,
}

pub(in crate::conn) struct SendState {
    pub(in crate::conn) sender: Sender,
    pub(in crate::conn) keys: Keys,
    pub(in crate::conn) buffers: Buffers,
    /// Of a writer that does not wait.
    pub(in crate::conn) queue: Queue,
    pub(in crate::conn) turn: TurnState,
    /// `None` while a thread compresses, and where compression was not agreed on.
    pub(in crate::conn) deflater: Option<Deflater>,
    /// Threads that wait for it.
    pub(in crate::conn) waiting_for_context: usize,
    /// Data stays among the buffers' plain bytes until more has come together.
    pub(in crate::conn) is_corked: bool,
    /// Somebody has been told that there is a backlog.
    pub(in crate::conn) is_announced: bool,
    pub(in crate::conn) owed: PendingReplies,
    /// The socket takes nothing any more.
    pub(in crate::conn) broken: Option<Error>,
}

/// What a receiving thread has left to the one that holds the turn. The latest pong replaces one that has not been
/// sent yet (RFC 6455 section 5.5.3), so a flood of pings takes no memory.
#[derive(Default)]
pub(in crate::conn) struct PendingReplies {
    pong: Vec<u8>,
    close: Vec<u8>,
    tls: bool,
}

/// A frame that lacks nothing but its header.
pub(in crate::conn) struct Ready<'a> {
    pub(in crate::conn) frame: Frame,
    pub(in crate::conn) payload: &'a [u8],
    is_compressed: bool,
    given_key: Option<MaskKey>,
}

impl<'a> Ready<'a> {
    pub(in crate::conn) fn plain(parcel: &Parcel<'a>, given_key: Option<MaskKey>) -> Self {
        Self {
            frame: parcel.frame,
            payload: parcel.bytes(),
            is_compressed: false,
            given_key,
        }
    }

    /// `payload` is what the parcel's has become.
    pub(in crate::conn) fn compressed(
        parcel: &Parcel<'_>,
        payload: &'a [u8],
        given_key: Option<MaskKey>,
    ) -> Self {
        Self {
            frame: parcel.frame,
            payload,
            is_compressed: true,
            given_key,
        }
    }
}

impl Writer {
    /// `wire` is what is left of the handshake.
    pub(in crate::conn) fn new(
        keys: Keys,
        mask_key: Option<MaskKeyFn>,
        compression: Option<(Compression, Deflater)>,
        stats: Arc<Stats>,
        wire: Outbox,
    ) -> Self {
        let (compression, deflater) = compression.unzip();
        Self {
            has_backlog: AtomicBool::new(!wire.is_empty()),
            is_gathering: AtomicBool::new(false),
            state: PriorityMutex::new(SendState {
                sender: Sender::default(),
                keys,
                buffers: Buffers::with_wire(wire),
                queue: Queue::default(),
                turn: TurnState::default(),
                deflater,
                waiting_for_context: 0,
                is_corked: false,
                is_announced: false,
                owed: PendingReplies::default(),
                broken: None,
            }),
            turn_is_over: Condvar::new(),
            compression,
            mask_key,
            stats,
        }
    }

    /// Sends one frame, whole.
    ///
    /// On `Timeout` nothing has been sent and nothing is lost. If the time is up with part of the frame sent, the
    /// connection has ended, for no other frame could follow.
    pub fn send(
        &self,
        stream: &Stream,
        budget: &mut WaitBudget,
        parcel: &Parcel<'_>,
    ) -> Result<(), Error> {
        // The caller's functions, this one and the log's, run without the lock.
        let given_key = self.given_key()?;
        let header = match self.compressor_for(parcel, Some(budget))? {
            None => self.send_ready(stream, budget, &Ready::plain(parcel, given_key)),
            Some(compressor) => {
                self.compress_and_send(stream, budget, parcel, given_key, compressor)
            }
        }?;
        trace::frame('>', header.opcode, header.fin, parcel.bytes());
        Ok(())
    }

    fn compress_and_send(
        &self,
        stream: &Stream,
        budget: &mut WaitBudget,
        parcel: &Parcel<'_>,
        given_key: Option<MaskKey>,
        mut compressor: Compressor<'_>,
    ) -> Result<Header, Error> {
        let Some(packed) = compressor.pack(parcel, Some(budget))? else {
            return self.send_ready(stream, budget, &Ready::plain(parcel, given_key));
        };
        let ready = Ready::compressed(parcel, packed.bytes(parcel), given_key);
        let sent = self.send_ready(stream, budget, &ready);
        compressor.settle(packed, sent.is_ok());
        sent
    }

    fn send_ready(
        &self,
        stream: &Stream,
        budget: &mut WaitBudget,
        ready: &Ready<'_>,
    ) -> Result<Header, Error> {
        let mut turn = self.take_turn(stream, budget, self.lock_for(ready.frame))?;
        turn.send(budget, ready)
    }

    /// Gathers data from now on, to send it together.
    pub fn cork(&self) -> Result<(), Error> {
        let mut state = self.state.lock_ahead();
        state.check_end()?;
        state.is_corked = true;
        Ok(())
    }

    /// Ends gathering. On `Timeout` what was gathered is sent by whoever sends next.
    pub fn uncork(&self, stream: &Stream, budget: &mut WaitBudget) -> Result<(), Error> {
        // Before anything is waited for: from now on sends take along what was gathered.
        let mut state = self.state.lock();
        state.is_corked = false;
        let mut turn = self.take_turn(stream, budget, state)?;
        turn.clear_backlog(budget)?;
        turn.check_end()
    }

    /// Sends what a received event calls for, without waiting.
    pub fn answer(
        &self,
        stream: &Stream,
        event: &Event,
        payload: &[u8],
        auto_pong: bool,
    ) -> Result<(), Error> {
        let given_key = self.given_key()?;
        let mut state = self.state.lock_ahead();
        let Some(answer) = state.sender.answer(event, auto_pong) else {
            return Ok(());
        };
        self.post(&mut state, stream, &answer, payload, given_key);
        drop(state);
        trace_answer(&answer, payload);
        Ok(())
    }

    /// Ends the connection: tells the peer why where that is due, and makes every later call report `error`, or what
    /// had ended the connection before, which is returned.
    pub fn fail(&self, stream: &Stream, error: &Error) -> Error {
        let given_key = self.given_key().ok().flatten();
        let mut state = self.state.lock_ahead();
        let answer = state.sender.fail(error);
        if let Some(answer) = &answer {
            self.post(&mut state, stream, answer, &[], given_key);
            if !state.turn.is_taken && !state.has_backlog() {
                stream.shutdown_write();
            }
        }
        let cause = state.sender.closing().error();
        drop(state);
        if let Some(answer) = &answer {
            trace_answer(answer, &[]);
        }
        cause.unwrap_or_else(|| error.clone())
    }

    /// True while a receiving thread must look for room to write, too.
    pub fn has_backlog(&self) -> bool {
        self.has_backlog.load(Ordering::Relaxed)
    }

    /// Before a receive waits: what was gathered becomes backlog, for the answer may depend on it.
    pub fn end_batch(&self) {
        if !self.is_gathering.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock_ahead();
        // Without memory it stays gathered.
        let _ = state.queue_gathered();
        self.note_backlog(&mut state);
    }

    /// Sends what waits, without waiting. For a receiving thread that has seen room, or bytes that TLS wants to send.
    pub fn flush(&self, stream: &Stream) -> Result<(), Error> {
        let mut state = self.state.lock_ahead();
        state.owed.tls |= stream.is_tls();
        if !state.turn.is_taken && !state.is_corked {
            // What an uncork could not send. Without memory it stays gathered.
            let _ = state.queue_gathered();
        }
        self.push(&mut state, stream);
        state.forget_sent(stream);
        if stream.tls_output_len() > MAX_TLS_BACKLOG {
            return Err(Error::new(
                Kind::ConnectionLost,
                "the server makes TLS answer, but does not read the answers",
            ));
        }
        Ok(())
    }

    /// Ends TLS in order (RFC 8446 section 6.1), as far as that needs no waiting.
    pub fn end_tls(&self, stream: &Stream) {
        let mut state = self.state.lock_ahead();
        if state.turn.is_taken || state.broken.is_some() {
            return;
        }
        self.push(&mut state, stream);
        if state.has_backlog() {
            // TLS takes nothing after its end.
            return;
        }
        stream.end_tls();
        state.owed.tls |= stream.is_tls();
        self.push(&mut state, stream);
    }

    /// Why nothing can be sent any more, though the connection may still be open.
    pub fn failure(&self) -> Option<Error> {
        self.state.lock_ahead().broken.clone()
    }

    /// Looks at the closing handshake; the lock is held meanwhile.
    pub fn with_sender<T>(&self, look: impl FnOnce(&Sender) -> T) -> T {
        look(&self.state.lock_ahead().sender)
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        let state = self.state.lock_ahead();
        state.broken.is_none() && state.sender.closing().is_open()
    }

    pub(in crate::conn) fn given_key(&self) -> Result<Option<MaskKey>, Error> {
        self.mask_key
            .as_ref()
            .map(|mask_key| mask_key())
            .transpose()
    }

    /// The lock, for sending this frame.
    pub(in crate::conn) fn lock_for(&self, frame: Frame) -> MutexGuard<'_, SendState> {
        let is_urgent = match frame {
            Frame::Close => true,
            Frame::Whole(opcode) => opcode.is_control(),
            Frame::Fragment { .. } | Frame::Made(_) | Frame::Raw(_) => false,
        };
        if is_urgent {
            self.state.lock_ahead()
        } else {
            self.state.lock()
        }
    }

    fn take_turn<'a>(
        &'a self,
        stream: &'a Stream,
        budget: &mut WaitBudget,
        mut state: MutexGuard<'a, SendState>,
    ) -> Result<WriteTurn<'a>, Error> {
        let mut has_waited = false;
        while !state.turn.is_free_for(has_waited) {
            if budget.is_over() {
                return Err(timed_out("another thread's message is still being sent"));
            }
            state.turn.waiting += 1;
            state = self.turn_is_over.wait(state, budget.remaining());
            state.turn.waiting -= 1;
            has_waited = true;
        }
        state.turn.begin(has_waited);
        Ok(WriteTurn::new(self, stream, state))
    }

    /// Sends a control frame now, or leaves it to whoever is in the way.
    fn post(
        &self,
        state: &mut SendState,
        stream: &Stream,
        answer: &Reply,
        ping_payload: &[u8],
        given_key: Option<MaskKey>,
    ) {
        let key = given_key.unwrap_or_else(|| state.keys.mask_key());
        let owed = match answer {
            Reply::Pong => &mut state.owed.pong,
            Reply::Close(_) => &mut state.owed.close,
        };
        owed.clear();
        answer.encode(ping_payload, key, owed);
        self.push(state, stream);
    }

    /// Sends what is left, then what is owed, as far as the socket takes it, unless another thread has the turn.
    pub(in crate::conn) fn push(&self, state: &mut SendState, stream: &Stream) {
        for _ in 0..MAX_PUSHES {
            if state.turn.is_taken || state.broken.is_some() {
                break;
            }
            match stream.push(&mut state.buffers.wire) {
                Ok(true) if state.seal_due(stream, &self.stats) => {}
                Ok(_) => break,
                Err(error) => state.broken = Some(broken(&error)),
            }
        }
        self.note_backlog(state);
    }

    /// A frame is on its way and cannot be taken back.
    pub(in crate::conn) fn note_sent(&self, state: &mut SendState, frame: Frame, header: &Header) {
        self.stats.frames_sent.add(1);
        let is_message = header.fin && !header.opcode.is_control();
        self.stats.messages_sent.add(u64::from(is_message));
        state.sender.note_frame(frame, header);
        if header.opcode == Opcode::Close {
            // Nothing follows a close frame (RFC 6455 section 5.5.1), not even what came due meanwhile.
            state.owed.pong.clear();
            state.owed.close.clear();
        }
    }

    pub(in crate::conn) fn note_backlog(&self, state: &mut SendState) {
        let is_open = state.broken.is_none();
        let has_plain = is_open && !state.buffers.plain.is_empty();
        let is_gathering = has_plain && state.is_corked;
        let has_backlog = is_open && (state.has_backlog() || has_plain != is_gathering);
        state.is_announced &= has_backlog;
        self.is_gathering.store(is_gathering, Ordering::Relaxed);
        self.has_backlog.store(has_backlog, Ordering::Relaxed);
    }
}

impl SendState {
    /// The header of the frame, or why it may not be sent now.
    pub(in crate::conn) fn header(&mut self, ready: &Ready<'_>) -> Result<Header, Error> {
        let key = ready.given_key.unwrap_or_else(|| self.keys.mask_key());
        let header = self.sender.header(ready.frame, ready.payload.len(), key)?;
        // RFC 7692 section 6.1: the bit is set on the first frame of a compressed message.
        let is_first = header.opcode != Opcode::Continuation;
        Ok(Header {
            rsv1: header.rsv1 || (ready.is_compressed && is_first),
            ..header
        })
    }

    /// Whether the frame stays here until more has come together; only data does.
    pub(in crate::conn) fn corks(&self, frame: Frame) -> bool {
        let is_data = match frame {
            Frame::Whole(opcode) => !opcode.is_control(),
            Frame::Fragment { .. } => true,
            Frame::Close | Frame::Made(_) | Frame::Raw(_) => false,
        };
        is_data && self.is_corked
    }

    /// The same, with regard to what has come together already.
    pub(in crate::conn) fn fits_cork(&self, ready: &Ready<'_>) -> bool {
        let len = self.queued_bytes() + ready.payload.len() + MAX_HEADER_BYTES;
        self.corks(ready.frame) && len <= CORK_BYTES
    }

    pub(in crate::conn) fn has_backlog(&self) -> bool {
        !self.buffers.wire.is_empty() || !self.owed.is_empty() || !self.queue.is_empty()
    }

    /// The socket or TLS takes nothing any more. What the peer sent before can still be received.
    pub(in crate::conn) fn break_off(&mut self, error: Error) -> Error {
        self.broken = Some(error.clone());
        self.sender.closing().error().unwrap_or(error)
    }

    /// With an empty wire: puts on it what is due next; false where that is nothing.
    fn seal_due(&mut self, stream: &Stream, stats: &Stats) -> bool {
        if !self.owed.is_empty() && self.queue.is_between_frames() {
            self.seal_owed(stream, stats);
        }
        !self.buffers.wire.is_empty() || self.seal_next(stream)
    }

    /// A pong goes before what is queued (RFC 6455 section 5.4 allows it between two frames), a close frame behind it.
    fn seal_owed(&mut self, stream: &Stream, stats: &Stats) {
        let mut frames = std::mem::take(&mut self.owed.pong);
        stats.frames_sent.add(u64::from(!frames.is_empty()));
        if !self.owed.close.is_empty() && self.queue_gathered().is_ok() && self.queue.is_empty() {
            stats.frames_sent.add(1);
            frames.append(&mut self.owed.close);
        }
        self.owed.tls = false;
        let sealed = stream.seal(&mut frames, &mut self.buffers.wire);
        self.broken = sealed.err().or_else(|| self.broken.take());
    }
}

impl PendingReplies {
    pub(in crate::conn) fn is_empty(&self) -> bool {
        self.pong.is_empty() && self.close.is_empty() && !self.tls
    }
}

fn trace_answer(answer: &Reply, ping_payload: &[u8]) {
    match answer {
        Reply::Pong => trace::frame('>', Opcode::Pong, true, ping_payload),
        Reply::Close(frame) => trace::frame('>', Opcode::Close, true, &frame.payload()),
    }
}
