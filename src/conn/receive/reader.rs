// SPDX-License-Identifier: Apache-2.0
//! The receiving side of an open connection, used by one thread at a time.

use crate::base::buffer::{
    keep_cipher_memory, keep_read_memory, take_cipher_memory, take_read_memory,
};
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{Arc, AtomicBool, Ordering};
use crate::conn::link::Link;
use crate::conn::trace;
use crate::conn::wait_budget::WaitBudget;
use crate::net::poll::{Interest, Poll, Waited};
use crate::net::stream::{Stream, Wait, lost};
use crate::net::tls::cipher_buffer::{CipherBuffer, ReadOutcome};
use crate::protocol::ws::message::{Delivery, Message, MessageFlags};
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::receiver::Receiver;

pub struct Reader {
    link: Arc<Link>,
    receiver: Receiver,
    cipher: CipherBuffer,
    /// A call ended though the socket may have more.
    was_cut_short: AtomicBool,
    /// [`Reader::next_ready`] has read the socket since [`Reader::borrow`], and had space for more.
    was_read_short: bool,
}

/// Read buffers that many connections share, one after the other, so that an idle one holds almost
/// no memory.
#[derive(Default)]
pub struct ReadBuffers {
    plain: Vec<u8>,
    joined: Vec<u8>,
    cipher: Vec<u8>,
}

impl Reader {
    pub fn new(link: Arc<Link>, receiver: Receiver, cipher: CipherBuffer) -> Self {
        Self {
            link,
            receiver,
            cipher,
            was_cut_short: AtomicBool::new(false),
            was_read_short: false,
        }
    }

    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// The message that was received last.
    pub fn message(&self) -> Message<'_> {
        self.receiver.message()
    }

    /// The caller receives again, so what was lent before is no longer in use.
    pub fn begin(&mut self) {
        self.receiver.drop_retired();
    }

    /// The fast path: a whole message in one frame that has arrived. `None`: nothing was taken; use
    /// [`Reader::next`].
    #[inline]
    pub fn next_whole_message(&mut self, delivery: Delivery) -> Option<Message<'_>> {
        if self.link.is_aborted() {
            return None;
        }
        let message = self.receiver.next_whole_message(delivery)?;
        note_message(&self.link, &message);
        Some(message)
    }

    /// The next message, if it can be lent together with those lent before.
    pub fn next_beside(&mut self, delivery: Delivery) -> Option<Message<'_>> {
        let message = self.receiver.next_beside(delivery)?;
        note_message(&self.link, &message);
        Some(message)
    }

    /// Waits for the next message, see [`Reader::message`]; a control frame has been answered. A
    /// close frame is received once. After it, and after any other end of the connection, the error
    /// is the reason for the end.
    pub fn next(&mut self, delivery: Delivery, budget: &mut WaitBudget) -> Result<(), Error> {
        while self.receiver.is_idle() || !self.take(delivery)? {
            self.link.check_aborted()?;
            if self.receiver.is_closed() {
                return Err(self.link.end());
            }
            self.fill(budget)?;
        }
        Ok(())
    }

    /// Receives the next message without waiting, for an event loop. `may_read` allows one read of
    /// the socket, so that no connection keeps others waiting. False: wait; or, once the server's
    /// close frame has arrived, use [`Reader::drain_ready`].
    pub fn next_ready(&mut self, delivery: Delivery, may_read: &mut bool) -> Result<bool, Error> {
        while self.receiver.is_idle() || !self.take(delivery)? {
            self.link.check_aborted()?;
            let is_held = self.cipher.has_more();
            if self.receiver.is_closed() || !(is_held || std::mem::take(may_read)) {
                return Ok(false);
            }
            self.read(Wait::No)?;
            self.was_read_short = !is_held && !self.receiver.is_filled();
        }
        Ok(true)
    }

    /// Whether [`Reader::next_ready`] may find another message.
    pub fn may_have_more(&self, may_read: bool) -> bool {
        may_read || !self.receiver.is_idle() || self.cipher.has_more()
    }

    /// Discards what has arrived after the end of the connection; true when the peer has ended the
    /// stream, or it has failed. `may_read` as for [`Reader::next_ready`].
    pub fn drain_ready(&mut self, mut may_read: bool) -> bool {
        while self.cipher.has_more() || std::mem::take(&mut may_read) {
            self.receiver.drop_unread();
            let stream = self.link.writer.stream();
            let space = self.receiver.space();
            let read = space.and_then(|space| discard(stream, &mut self.cipher, space, Wait::No));
            if !matches!(
                read,
                Ok(ReadOutcome::Bytes | ReadOutcome::Nothing | ReadOutcome::TimedOut)
            ) {
                return true;
            }
        }
        false
    }

    /// Whether [`Reader::next`] would return something, or fail, without reading the socket.
    pub fn has_pending(&self) -> bool {
        self.link.is_aborted() || self.cipher.has_more() || self.receiver.has_pending()
    }

    /// Notes that the caller stops although the socket may have more.
    pub fn note_cut_short(&self) {
        self.was_cut_short.store(true, Ordering::Relaxed);
    }

    /// True once after that.
    pub fn take_cut_short(&self) -> bool {
        self.was_cut_short.swap(false, Ordering::Relaxed)
    }

    /// Adds the descriptor to wait for.
    pub fn add_interest(&self, poll: &mut Poll) {
        let writer = &self.link.writer;
        let wants_room = writer.has_backlog();
        writer.stream().add_interest(&self.cipher, wants_room, poll);
    }

    /// The descriptor to wait for, and whether there is something to read that it does not show.
    pub fn interest(&self) -> (Interest, bool) {
        let writer = &self.link.writer;
        writer.stream().interest(&self.cipher, writer.has_backlog())
    }

    /// Whether everything that had arrived has been read since [`Reader::borrow`]: the read got
    /// less than it had space for. False if that is not known.
    pub fn has_emptied_socket(&self) -> bool {
        let is_socket_read = !self.link.stream().has_transport();
        self.was_read_short && is_socket_read && !self.cipher.was_filled()
    }

    /// Whether the server's close frame has arrived; what follows it is discarded.
    pub fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }

    /// How the fragmented message in progress is being delivered.
    pub fn delivery_in_progress(&self) -> Option<Delivery> {
        self.receiver.delivery_in_progress()
    }

    /// Borrows read buffers for as long as there is something to read.
    pub fn borrow(&mut self, memory: &mut ReadBuffers) {
        self.was_read_short = false;
        self.receiver.borrow(&mut memory.plain, &mut memory.joined);
        if self.link.stream().is_tls() {
            self.cipher.borrow(&mut memory.cipher);
        }
    }

    /// Returns the buffers that [`Reader::borrow`] took, except what an unfinished message
    /// occupies.
    pub fn give_back(&mut self, memory: &mut ReadBuffers) {
        self.receiver
            .give_back(&mut memory.plain, &mut memory.joined);
        if self.link.stream().is_tls() {
            self.cipher.give_back(&mut memory.cipher);
            self.link.stream().give_back(&mut memory.cipher);
        }
    }

    /// Waits for the next message on behalf of a thread that only waits for the end. A message in
    /// progress keeps its delivery, and what was lent to another thread stays valid.
    pub fn next_to_discard(&mut self, budget: &mut WaitBudget) -> Result<(), Error> {
        let retired = self.receiver.retire();
        retired.map_err(|error| self.link.fail(error))?;
        let in_progress = self.receiver.delivery_in_progress();
        self.next(in_progress.unwrap_or(Delivery::Messages), budget)
    }

    /// Reads and discards until the peer ends the stream or the time is up. Uses the thread's read
    /// buffer, so lent messages stay valid.
    pub fn drain(&mut self, budget: &mut WaitBudget) {
        self.receiver.drop_unread();
        let Ok(mut memory) = take_read_memory() else {
            return;
        };
        loop {
            memory.clear();
            let stream = self.link.writer.stream();
            let read = discard(stream, &mut self.cipher, &mut memory, budget.wait());
            let may_have_more = matches!(read, Ok(ReadOutcome::Bytes | ReadOutcome::Nothing));
            if !may_have_more || budget.is_over() {
                break;
            }
        }
        keep_read_memory(memory);
    }

    /// Takes the next message from what has been read, and answers it if it is a control frame.
    fn take(&mut self, delivery: Delivery) -> Result<bool, Error> {
        if self.next_whole_message(delivery).is_some() {
            return Ok(true);
        }
        self.link.check_aborted()?;
        let mistakes_before = self.receiver.mistakes();
        let is_found = match self.receiver.next_of_any_kind(delivery) {
            Ok(is_found) => is_found,
            Err(error) if !error.kind().is_final() => return Err(error),
            Err(error) => return Err(self.link.fail(error)),
        };
        let mistakes = self.receiver.mistakes().without(mistakes_before);
        if !mistakes.is_empty() {
            trace::mistakes(mistakes);
        }
        let frames = self.receiver.take_frame_count();
        self.link.writer.stats().frames_received.add(frames);
        if is_found {
            self.note()?;
        }
        Ok(is_found)
    }

    fn note(&self) -> Result<(), Error> {
        let message = self.receiver.message();
        let is_last = message.flags.contains(MessageFlags::LAST);
        trace::frame('<', message.opcode, is_last, message.payload);
        if message.opcode.is_control() {
            return self.answer(&message);
        }
        let stats = self.link.writer.stats();
        stats.messages_received.add(u64::from(is_last));
        Ok(())
    }

    #[cold]
    fn answer(&self, control: &Message<'_>) -> Result<(), Error> {
        if control.opcode == Opcode::Pong {
            self.link.emit_pong(control.payload);
        }
        let answered = self
            .link
            .writer
            .answer(control, self.link.options.auto_pong);
        answered.map_err(|error| self.link.fail(error))
    }

    /// Reads once, and waits for it as long as the caller may. Uses the thread's read buffer, so an
    /// idle connection holds no more than its last message needs.
    fn fill(&mut self, budget: &mut WaitBudget) -> Result<(), Error> {
        let mut memory = take_read_memory().map_err(|error| self.fail(error))?;
        self.receiver.borrow_inbox(&mut memory);
        let filled = if self.link.stream().is_tls() {
            self.wait_and_read_tls(budget)
        } else {
            self.wait_and_read(budget)
        };
        self.receiver.give_back_inbox(&mut memory);
        keep_read_memory(memory);
        filled
    }

    /// The encrypted bytes are read into a buffer of the thread, too.
    fn wait_and_read_tls(&mut self, budget: &mut WaitBudget) -> Result<(), Error> {
        let mut memory = take_cipher_memory();
        self.cipher.borrow(&mut memory);
        let filled = self.wait_and_read(budget);
        self.cipher.give_back(&mut memory);
        self.link.stream().give_back(&mut memory);
        keep_cipher_memory(memory);
        filled
    }

    fn wait_and_read(&mut self, budget: &mut WaitBudget) -> Result<(), Error> {
        if budget.expired_after_waiting() {
            self.note_cut_short();
            return Err(timed_out());
        }
        // What TLS holds may yield no data. Then the wait begins only now.
        if self.cipher.has_more() && self.read(Wait::No)? != ReadOutcome::Nothing {
            return Ok(());
        }
        let mut wait = budget.wait();
        let mut may_find_nothing = false;
        self.link.writer.end_batch();
        if self.link.writer.has_backlog() {
            // The socket did not take everything: wait for room or for bytes, whichever comes
            // first.
            let ready = self
                .link
                .writer
                .stream()
                .wait_either(&self.cipher, budget.deadline());
            let ready = ready.map_err(|error| self.link.fail(lost(&error)))?;
            match ready {
                Waited::Ready => {}
                Waited::TimedOut => return Err(timed_out()),
                Waited::Interrupted => return Err(interrupted()),
            }
            self.flush()?;
            wait = Wait::No;
            may_find_nothing = true;
        }
        let read = match wait {
            Wait::No => self.read_counted(budget)?,
            wait => self.read(wait)?,
        };
        match read {
            ReadOutcome::TimedOut if !may_find_nothing => Err(timed_out()),
            ReadOutcome::Interrupted => Err(interrupted()),
            _ => Ok(()),
        }
    }

    fn read_counted(&mut self, budget: &mut WaitBudget) -> Result<ReadOutcome, Error> {
        let before = self.link.stream().bytes_received.get();
        let read = self.read(Wait::No);
        budget.note_read((self.link.stream().bytes_received.get() - before) as usize);
        read
    }

    fn read(&mut self, wait: Wait) -> Result<ReadOutcome, Error> {
        let writer = &self.link.writer;
        let space = self.receiver.space();
        let received = space.and_then(|space| {
            let stream = writer.stream();
            stream.read(&mut self.cipher, space, wait, || writer.flush())
        });
        match received {
            Ok(ReadOutcome::End) => Err(self.link.fail(ended())),
            Ok(received) => {
                if let Some(ns) = writer.stream().last_arrival_ns() {
                    self.receiver.note_arrival(ns);
                }
                Ok(received)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        if error.kind() == Kind::NoMemory {
            // More bytes may be waiting, but the caller was told that this is the end.
            self.receiver.fail(&error);
        }
        self.link.fail(error)
    }

    fn flush(&self) -> Result<(), Error> {
        let flushed = self.link.writer.flush();
        flushed.map_err(|error| self.link.fail(error))
    }
}

/// Reads once, to discard. This side has ended TLS, so TLS requests of the peer are no longer
/// answered.
fn discard(
    stream: &Stream,
    cipher: &mut CipherBuffer,
    memory: &mut Vec<u8>,
    wait: Wait,
) -> Result<ReadOutcome, Error> {
    stream.read(cipher, memory, wait, || Ok(()))
}

/// Counts and traces a whole message that was received in one frame.
#[inline]
fn note_message(link: &Link, message: &Message<'_>) {
    let stats = link.writer.stats();
    stats.frames_received.add(1);
    stats.messages_received.add(1);
    trace::frame('<', message.opcode, true, message.payload);
}

pub(in crate::conn) fn timed_out() -> Error {
    Error::new(Kind::Timeout, "no complete message received in time").in_phase(Phase::Open)
}

pub(in crate::conn) fn interrupted() -> Error {
    Error::interrupted("the server").in_phase(Phase::Open)
}

fn ended() -> Error {
    Error::new(
        Kind::ConnectionLost,
        "the server ended the connection without a close frame",
    )
}
