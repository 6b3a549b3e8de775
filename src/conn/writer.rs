// SPDX-License-Identifier: Apache-2.0
//! The sending side of an open connection, used by any number of threads.
//!
//! A frame is written in one turn, so frames never mix. Within a turn the lock is held for memory work and for
//! `send(2)` calls that do not wait; a thread that must wait for room marks the turn as taken and waits outside the
//! lock. Whoever receives never waits here: what it owes the peer (a pong, a close frame, bytes of TLS) is sent at
//! once, or left to the thread that holds the turn.

use super::keys::{Keys, MaskKeyFn};
use super::patience::Patience;
use super::stats::Stats;
use super::trace;
use crate::base::error::{Error, Kind, Phase};
use crate::base::outbox::Outbox;
use crate::base::sync::{Arc, AtomicBool, Condvar, Mutex, MutexGuard, Ordering};
use crate::net::stream::{Stream, lost};
use crate::protocol::ws::frame::Header;
use crate::protocol::ws::mask::{self, Key};
use crate::protocol::ws::receiver::Event;
use crate::protocol::ws::sender::{Answer, Sender};

/// A larger payload is masked and sent in pieces of this size, which stay in the processor's cache between the two.
/// A multiple of four, so that each piece begins with the first byte of the key.
const PIECE: usize = 256 * 1024;

pub struct Writer {
    state: Mutex<State>,
    turn_is_over: Condvar,
    mask_key: Option<MaskKeyFn>,
    /// Bytes are left that a receiving thread could not send without waiting.
    has_backlog: AtomicBool,
    stats: Arc<Stats>,
}

struct State {
    sender: Sender,
    keys: Keys,
    /// Frames, ready but for TLS.
    plain: Vec<u8>,
    /// What goes to the socket next.
    wire: Outbox,
    /// A thread waits for room, outside the lock.
    is_taken: bool,
    /// Threads that wait for the turn.
    waiting: usize,
    owed: Owed,
    /// The socket takes nothing any more.
    broken: Option<Error>,
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
    pub fn new(keys: Keys, mask_key: Option<MaskKeyFn>, stats: Arc<Stats>) -> Self {
        Self {
            state: Mutex::new(State {
                sender: Sender::default(),
                keys,
                plain: Vec::new(),
                wire: Outbox::default(),
                is_taken: false,
                waiting: 0,
                owed: Owed::default(),
                broken: None,
            }),
            turn_is_over: Condvar::new(),
            mask_key,
            has_backlog: AtomicBool::new(false),
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
        // The caller's function runs before the lock is taken.
        let given_key = self.given_key()?;
        let mut turn = self.take_turn(patience)?;
        let result = turn.send(stream, patience, payload, given_key, header);
        if result.is_ok() {
            turn.settle(stream, patience);
        }
        result
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
        if let Some(answer) = state.sender.answer(event, auto_pong) {
            self.post(&mut state, stream, &answer, payload, given_key);
        }
        Ok(())
    }

    /// Ends the connection: tells the peer why where that is due, and makes every later call report `error`, or what
    /// had ended the connection before, which is returned.
    pub fn fail(&self, stream: &Stream, error: &Error) -> Error {
        let given_key = self.given_key().ok().flatten();
        let mut state = self.state.lock();
        if let Some(answer) = state.sender.fail(error) {
            self.post(&mut state, stream, &answer, &[], given_key);
            if !state.is_taken && !state.has_backlog() {
                stream.shutdown_write();
            }
        }
        self.turn_is_over.notify_all();
        state
            .sender
            .closing()
            .error()
            .unwrap_or_else(|| error.clone())
    }

    /// True while a receiving thread must look for room to write, too.
    pub fn has_backlog(&self) -> bool {
        self.has_backlog.load(Ordering::Relaxed)
    }

    /// Sends what waits, without waiting. For a receiving thread that has seen room, or bytes that TLS wants to send.
    pub fn flush(&self, stream: &Stream) {
        let mut state = self.state.lock();
        state.owed.tls |= stream.is_tls();
        if !state.is_taken {
            self.push(&mut state, stream);
        }
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

    fn given_key(&self) -> Result<Option<Key>, Error> {
        self.mask_key
            .as_ref()
            .map(|mask_key| mask_key())
            .transpose()
    }

    fn take_turn(&self, patience: &mut Patience) -> Result<Turn<'_>, Error> {
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
        if !state.is_taken {
            self.push(state, stream);
        }
    }

    /// Sends what is left, then what is owed, as far as the socket takes it.
    fn push(&self, state: &mut State, stream: &Stream) {
        loop {
            match stream.push(&mut state.wire) {
                Ok(true) if !state.owed.is_empty() => {}
                Ok(_) => break,
                Err(error) => {
                    state.broken = Some(lost(&error));
                    break;
                }
            }
            if state.seal_owed(stream, &self.stats).is_err() {
                break;
            }
        }
        self.note_backlog(state);
    }

    fn note_backlog(&self, state: &State) {
        self.has_backlog.store(
            state.has_backlog() && state.broken.is_none(),
            Ordering::Relaxed,
        );
    }
}

impl State {
    fn has_backlog(&self) -> bool {
        !self.wire.is_empty() || !self.owed.is_empty()
    }

    /// Moves what is owed to `wire`, which is empty.
    fn seal_owed(&mut self, stream: &Stream, stats: &Stats) -> Result<(), Error> {
        for frame in [&mut self.owed.pong, &mut self.owed.close] {
            stats.frames_sent.add(u64::from(!frame.is_empty()));
            self.plain.append(frame);
        }
        self.owed.tls = false;
        self.seal(stream)
    }

    fn seal(&mut self, stream: &Stream) -> Result<(), Error> {
        let sealed = stream.seal(&mut self.plain, &mut self.wire);
        if let Err(error) = &sealed {
            self.plain.clear();
            self.broken = Some(error.clone());
        }
        sealed
    }
}

impl Owed {
    fn is_empty(&self) -> bool {
        self.pong.is_empty() && self.close.is_empty() && !self.tls
    }
}

/// The right to write, with the lock held except while waiting for room.
struct Turn<'a> {
    writer: &'a Writer,
    /// `None` only inside [`Turn::wait`].
    state: Option<MutexGuard<'a, State>>,
}

impl Turn<'_> {
    fn send(
        &mut self,
        stream: &Stream,
        patience: &mut Patience,
        payload: &[u8],
        given_key: Option<Key>,
        header: impl FnOnce(&Sender, Key) -> Result<Header, Error>,
    ) -> Result<(), Error> {
        let state = self.state();
        if state.has_backlog() {
            self.drain_backlog(stream, patience)?;
        }
        let state = self.state();
        let key = given_key.unwrap_or_else(|| state.keys.mask_key());
        let header = header(&state.sender, key)?;
        if let Some(broken) = &state.broken {
            return Err(broken.clone());
        }
        trace::frame('>', header.opcode, header.fin, payload);
        header.encode(&mut state.plain);
        let mut pieces = payload.chunks(PIECE);
        let first = pieces.next().unwrap_or_default();
        append(&header, first, &mut state.plain);
        state.seal(stream)?;
        self.transmit_first(stream, patience)?;
        for piece in pieces {
            let state = self.state();
            append(&header, piece, &mut state.plain);
            state.seal(stream)?;
            self.transmit_rest(stream, patience)?;
        }
        self.state().sender.note_sent(&header);
        let stats = &self.writer.stats;
        stats.frames_sent.add(1);
        stats
            .messages_sent
            .add(u64::from(header.fin && !header.opcode.is_control()));
        Ok(())
    }

    /// Waits until everything before our frame has gone.
    fn drain_backlog(&mut self, stream: &Stream, patience: &mut Patience) -> Result<(), Error> {
        loop {
            let writer = self.writer;
            writer.push(self.state(), stream);
            if !self.state().has_backlog() || self.state().broken.is_some() {
                return Ok(());
            }
            if !self.wait(stream, patience)? {
                return Err(timed_out("earlier frames are still being sent"));
            }
        }
    }

    /// The beginning of a frame. Until its first byte has gone it can be taken back, unless TLS has counted it.
    fn transmit_first(&mut self, stream: &Stream, patience: &mut Patience) -> Result<(), Error> {
        while !self.push_wire(stream)? {
            if !self.wait(stream, patience)? {
                let state = self.state();
                if !state.wire.is_begun() && !stream.is_tls() {
                    state.wire.clear();
                    return Err(timed_out("nothing of the message has been sent"));
                }
                return Err(self.half_sent(stream));
            }
        }
        Ok(())
    }

    fn transmit_rest(&mut self, stream: &Stream, patience: &mut Patience) -> Result<(), Error> {
        while !self.push_wire(stream)? {
            if !self.wait(stream, patience)? {
                return Err(self.half_sent(stream));
            }
        }
        Ok(())
    }

    /// False where the socket takes no more for now.
    fn push_wire(&mut self, stream: &Stream) -> Result<bool, Error> {
        let state = self.state();
        stream.push(&mut state.wire).map_err(|error| {
            // What the peer sent before it went can still be received, so only sending ends here.
            let broken = lost(&error).in_phase(Phase::Open);
            state.broken = Some(broken.clone());
            state.sender.closing().error().unwrap_or(broken)
        })
    }

    fn half_sent(&mut self, stream: &Stream) -> Error {
        let error = Error::new(
            Kind::ConnectionLost,
            "the time for sending was up with a frame half sent; the connection was ended",
        );
        let state = self.state();
        state.sender.fail(&error);
        state.broken = Some(error.clone());
        stream.shutdown();
        error
    }

    /// Waits for room with the lock released; false when the time is up.
    fn wait(&mut self, stream: &Stream, patience: &mut Patience) -> Result<bool, Error> {
        self.state().is_taken = true;
        self.state = None;
        let ready = stream.wait_writable(patience.deadline());
        self.state = Some(self.writer.state.lock());
        self.state().is_taken = false;
        ready.map_err(|error| Error::os(Kind::Io, "wait for the socket", &error))
    }

    /// After our frame: what receiving threads have left to us. It must not be lost, but it is not our caller's failure.
    fn settle(&mut self, stream: &Stream, patience: &mut Patience) {
        if !self.state().owed.is_empty() {
            let _ = self.drain_backlog(stream, patience);
        }
    }

    fn state(&mut self) -> &mut State {
        self.state
            .as_mut()
            .expect("the lock is released only while waiting")
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(state) = &self.state else { return };
        self.writer.note_backlog(state);
        if state.waiting > 0 {
            self.writer.turn_is_over.notify_one();
        }
    }
}

fn append(header: &Header, piece: &[u8], out: &mut Vec<u8>) {
    match header.mask {
        Some(key) => mask::append(key, piece, out),
        None => out.extend_from_slice(piece),
    }
}

fn timed_out(why: &str) -> Error {
    Error::new(Kind::Timeout, format!("the time for sending is up: {why}"))
}
