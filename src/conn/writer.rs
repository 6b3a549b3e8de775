// SPDX-License-Identifier: Apache-2.0
//! The sending side of an open connection, used by any number of threads.
//!
//! A frame is written in one turn, so frames never mix. A small frame that the socket takes at once is sent under the
//! lock, with one `send(2)`. For whatever takes longer the thread marks the turn as taken and takes the buffers along,
//! so that the lock is free while it masks, encrypts, sends and waits.
//!
//! Whoever receives never waits here: what it owes the peer (a pong, a close frame, bytes of TLS) it sends at once, or
//! leaves to the thread whose turn it is, or sends when there is room.

use super::keys::{Keys, MaskKeyFn};
use super::outgoing::{Buffers, PIECE, broken};
use super::patience::Patience;
use super::stats::Stats;
use super::submit::Queue;
use super::trace;
use crate::base::error::{Error, Kind};
use crate::base::outbox::Outbox;
use crate::base::sync::{Arc, AtomicBool, Condvar, Mutex, MutexGuard, Ordering};
use crate::net::stream::Stream;
use crate::protocol::ws::frame::Header;
use crate::protocol::ws::mask::Key;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::receiver::Event;
use crate::protocol::ws::sender::{Answer, Sender};

/// What TLS may want to send on its own account while the peer does not read: key updates without end, for one.
const MAX_TLS_BACKLOG: usize = 1 << 20;

pub struct Writer {
    pub(super) state: Mutex<State>,
    turn_is_over: Condvar,
    mask_key: Option<MaskKeyFn>,
    /// Something of the receiving thread's has not left yet.
    has_backlog: AtomicBool,
    stats: Arc<Stats>,
}

pub(super) struct State {
    pub(super) sender: Sender,
    pub(super) keys: Keys,
    pub(super) buffers: Buffers,
    /// Of a writer that does not wait.
    pub(super) queue: Queue,
    /// A thread has taken the buffers along.
    is_taken: bool,
    /// Threads that wait for the turn.
    waiting: usize,
    owed: Owed,
    /// Where what was owed last ends, counted like [`Stream::bytes_sent`].
    owed_end: u64,
    /// The socket takes nothing any more.
    pub(super) broken: Option<Error>,
}

/// What a receiving thread has left to the one that holds the turn. The latest pong replaces one that has not been
/// sent yet (RFC 6455 section 5.5.3), so a flood of pings takes no memory.
#[derive(Default)]
struct Owed {
    pong: Vec<u8>,
    close: Vec<u8>,
    tls: bool,
}

impl Writer {
    /// `wire` is what is left of the handshake.
    pub fn new(keys: Keys, mask_key: Option<MaskKeyFn>, stats: Arc<Stats>, wire: Outbox) -> Self {
        Self {
            has_backlog: AtomicBool::new(!wire.is_empty()),
            state: Mutex::new(State {
                sender: Sender::default(),
                keys,
                buffers: Buffers::with_wire(wire),
                queue: Queue::default(),
                is_taken: false,
                waiting: 0,
                owed: Owed::default(),
                owed_end: 0,
                broken: None,
            }),
            turn_is_over: Condvar::new(),
            mask_key,
            stats,
        }
    }

    /// Sends one frame, whole. `header` makes its header, or says why it may not be sent now.
    ///
    /// On `Timeout` nothing has been sent and nothing is lost. If the time is up with part of the frame sent, the
    /// connection has ended, for no other frame could follow.
    pub fn send(
        &self,
        stream: &Stream,
        patience: &mut Patience,
        payload: &[u8],
        header: impl FnOnce(&Sender, Key) -> Result<Header, Error>,
    ) -> Result<(), Error> {
        // The caller's functions, this one and the log's, run without the lock.
        let given_key = self.given_key()?;
        let mut turn = self.take_turn(stream, patience)?;
        let header = turn.send(patience, payload, given_key, header)?;
        turn.settle(patience);
        drop(turn);
        trace::frame('>', header.opcode, header.fin, payload);
        Ok(())
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
        let mut state = self.state.lock();
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
        let mut state = self.state.lock();
        let answer = state.sender.fail(error);
        if let Some(answer) = &answer {
            self.post(&mut state, stream, answer, &[], given_key);
            if !state.is_taken && !state.has_backlog() {
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

    /// Sends what waits, without waiting. For a receiving thread that has seen room, or bytes that TLS wants to send.
    pub fn flush(&self, stream: &Stream) -> Result<(), Error> {
        let mut state = self.state.lock();
        state.owed.tls |= stream.is_tls();
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
        let mut state = self.state.lock();
        if state.is_taken || state.broken.is_some() {
            return;
        }
        // TLS takes nothing after its end.
        state.seal_owed(stream, &self.stats);
        stream.end_tls();
        state.owed.tls |= stream.is_tls();
        self.push(&mut state, stream);
    }

    /// Why nothing can be sent any more, though the connection may still be open.
    pub fn failure(&self) -> Option<Error> {
        self.state.lock().broken.clone()
    }

    /// Looks at the closing handshake; the lock is held meanwhile.
    pub fn with_sender<T>(&self, look: impl FnOnce(&Sender) -> T) -> T {
        look(&self.state.lock().sender)
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        let state = self.state.lock();
        state.broken.is_none() && state.sender.closing().is_open()
    }

    pub(super) fn given_key(&self) -> Result<Option<Key>, Error> {
        self.mask_key
            .as_ref()
            .map(|mask_key| mask_key())
            .transpose()
    }

    fn take_turn<'a>(
        &'a self,
        stream: &'a Stream,
        patience: &mut Patience,
    ) -> Result<Turn<'a>, Error> {
        let mut state = self.state.lock();
        while state.is_taken {
            if patience.is_over() {
                return Err(timed_out("another thread's message is still being sent"));
            }
            state.waiting += 1;
            state = self.turn_is_over.wait(state, patience.remaining());
            state.waiting -= 1;
        }
        Ok(Turn {
            writer: self,
            stream,
            state: Some(state),
        })
    }

    /// Sends a control frame now, or leaves it to whoever is in the way.
    fn post(
        &self,
        state: &mut State,
        stream: &Stream,
        answer: &Answer,
        ping_payload: &[u8],
        given_key: Option<Key>,
    ) {
        let key = given_key.unwrap_or_else(|| state.keys.mask_key());
        let owed = match answer {
            Answer::Pong => &mut state.owed.pong,
            Answer::Close(_) => &mut state.owed.close,
        };
        owed.clear();
        answer.encode(ping_payload, key, owed);
        self.push(state, stream);
    }

    /// Sends what is left, then what is owed, as far as the socket takes it, unless another thread has the turn.
    fn push(&self, state: &mut State, stream: &Stream) {
        while !state.is_taken && state.broken.is_none() {
            match stream.push(&mut state.buffers.wire) {
                Ok(true) if !state.owed.is_empty() => state.seal_owed(stream, &self.stats),
                // A queue that never empties must not keep it back. One at a time, or a flood of pings would fill memory.
                Ok(false) if state.may_seal_owed(stream) => {
                    state.seal_owed(stream, &self.stats);
                    break;
                }
                Ok(_) => break,
                Err(error) => state.broken = Some(broken(&error)),
            }
        }
        self.note_backlog(state);
    }

    /// A frame is on its way and cannot be taken back.
    pub(super) fn note_sent(&self, state: &mut State, header: &Header) {
        self.stats.frames_sent.add(1);
        let is_message = header.fin && !header.opcode.is_control();
        self.stats.messages_sent.add(u64::from(is_message));
        state.sender.note_sent(header);
        if header.opcode == Opcode::Close {
            // Nothing follows a close frame (RFC 6455 section 5.5.1), not even what came due meanwhile.
            state.owed.pong.clear();
            state.owed.close.clear();
        }
    }

    pub(super) fn note_backlog(&self, state: &State) {
        let has_backlog = state.has_backlog() && state.broken.is_none();
        self.has_backlog.store(has_backlog, Ordering::Relaxed);
    }
}

impl State {
    fn has_backlog(&self) -> bool {
        !self.buffers.wire.is_empty() || !self.owed.is_empty()
    }

    /// The socket or TLS takes nothing any more. What the peer sent before can still be received.
    pub(super) fn break_off(&mut self, error: Error) -> Error {
        self.broken = Some(error.clone());
        self.sender.closing().error().unwrap_or(error)
    }

    /// What is owed may go behind what waits: what was owed before has left.
    fn may_seal_owed(&self, stream: &Stream) -> bool {
        !self.owed.is_empty() && self.owed_end <= stream.bytes_sent.get()
    }

    /// Moves what is owed to the wire.
    fn seal_owed(&mut self, stream: &Stream, stats: &Stats) {
        for frame in [&mut self.owed.pong, &mut self.owed.close] {
            stats.frames_sent.add(u64::from(!frame.is_empty()));
            self.buffers.plain.append(frame);
        }
        self.owed.tls = false;
        self.broken = self.buffers.seal(stream).err();
        self.owed_end = stream.bytes_sent.get() + self.buffers.wire.unsent().len() as u64;
    }
}

impl Owed {
    fn is_empty(&self) -> bool {
        self.pong.is_empty() && self.close.is_empty() && !self.tls
    }
}

/// The right to write.
struct Turn<'a> {
    writer: &'a Writer,
    stream: &'a Stream,
    /// The lock; `None` only inside [`Turn::unlocked`].
    state: Option<MutexGuard<'a, State>>,
}

impl Turn<'_> {
    fn send(
        &mut self,
        patience: &mut Patience,
        payload: &[u8],
        given_key: Option<Key>,
        header: impl FnOnce(&Sender, Key) -> Result<Header, Error>,
    ) -> Result<Header, Error> {
        self.make_room(patience)?;
        let stream = self.stream;
        let state = self.state();
        let key = given_key.unwrap_or_else(|| state.keys.mask_key());
        let header = header(&state.sender, key)?;
        if let Some(broken) = &state.broken {
            return Err(broken.clone());
        }
        let mut pieces = payload.chunks(PIECE);
        state
            .buffers
            .begin(&header, pieces.next().unwrap_or_default());
        let mut sent = state.buffers.seal_and_push(stream);
        let is_whole = matches!(sent, Ok(true)) && pieces.len() == 0;
        if !is_whole && sent.is_ok() {
            sent = self.unlocked(|buffers| buffers.send_rest(stream, patience, &header, pieces));
        }
        match sent {
            Ok(true) => self.writer.note_sent(self.state(), &header),
            Ok(false) => return Err(self.give_up()),
            Err(error) => return Err(self.state().break_off(error)),
        }
        Ok(header)
    }

    /// Sends what is left of others' frames first. Under TLS a frame cannot be taken back once it is encrypted, so one
    /// with a deadline is not begun before there is room.
    fn make_room(&mut self, patience: &mut Patience) -> Result<(), Error> {
        let (writer, stream) = (self.writer, self.stream);
        while self.state().has_backlog() && self.state().broken.is_none() {
            writer.push(self.state(), stream);
            if self.state().has_backlog() && !self.wait(patience)? {
                return Err(timed_out("earlier frames are still being sent"));
            }
        }
        if stream.is_tls() && patience.is_limited() && !self.wait(patience)? {
            return Err(timed_out("nothing of the message has been sent"));
        }
        Ok(())
    }

    /// Waits for room; false when the time is up.
    fn wait(&mut self, patience: &mut Patience) -> Result<bool, Error> {
        let stream = self.stream;
        let ready = self.unlocked(|_| stream.wait_writable(patience.deadline()));
        ready.map_err(|error| Error::os(Kind::Io, "wait for the socket", &error))
    }

    /// The time is up. A frame of which nothing has left is taken back; one that has begun ends the connection.
    fn give_up(&mut self) -> Error {
        let stream = self.stream;
        let state = self.state();
        if !stream.is_tls() && state.buffers.take_back() {
            return timed_out("nothing of the message has been sent");
        }
        let error = Error::new(
            Kind::ConnectionLost,
            "the time for sending was up with part of a frame sent; the connection was ended",
        );
        state.sender.fail(&error);
        state.broken = Some(error.clone());
        stream.shutdown();
        error
    }

    /// After our frame: what a receiving thread has left to us. It must not be lost, but is not our caller's failure.
    fn settle(&mut self, patience: &mut Patience) {
        let (writer, stream) = (self.writer, self.stream);
        while !self.state().owed.is_empty() && self.state().broken.is_none() {
            writer.push(self.state(), stream);
            if self.state().has_backlog() && !matches!(self.wait(patience), Ok(true)) {
                return;
            }
        }
    }

    /// Does with the buffers what takes longer, with the lock released and the turn marked as taken.
    fn unlocked<T>(&mut self, work: impl FnOnce(&mut Buffers) -> T) -> T {
        let state = self.state();
        state.is_taken = true;
        let mut buffers = std::mem::take(&mut state.buffers);
        self.state = None;
        let result = work(&mut buffers);
        let mut state = self.writer.state.lock();
        state.is_taken = false;
        state.buffers = buffers;
        self.state = Some(state);
        result
    }

    fn state(&mut self) -> &mut State {
        self.state
            .as_mut()
            .expect("the lock is released only inside unlocked()")
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let (writer, stream) = (self.writer, self.stream);
        let Some(state) = &mut self.state else {
            return;
        };
        if state.has_backlog() {
            writer.push(state, stream);
        }
        if state.waiting > 0 {
            writer.turn_is_over.notify_one();
        }
    }
}

fn timed_out(why: &str) -> Error {
    Error::new(Kind::Timeout, format!("the time for sending is up: {why}"))
}

fn trace_answer(answer: &Answer, ping_payload: &[u8]) {
    match answer {
        Answer::Pong => trace::frame('>', Opcode::Pong, true, ping_payload),
        Answer::Close(frame) => trace::frame('>', Opcode::Close, true, &frame.payload()),
    }
}
