// SPDX-License-Identifier: Apache-2.0
//! The receiving side of an open connection, used by one thread at a time.

use crate::base::error::{Error, Kind, Phase};
use crate::conn::link::Link;
use crate::conn::trace;
use crate::conn::wait_budget::WaitBudget;
use crate::net::poll::Waited;
use crate::net::stream::{CipherBuffer, ReadOutcome, Wait, lost};
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::receiver::{Delivery, Event, Receiver};

pub struct Reader {
    receiver: Receiver,
    intake: CipherBuffer,
}

/// ReadBuffers for reading that many connections share, one after the other: what a quiet one holds is next to nothing.
#[derive(Default)]
pub struct ReadBuffers {
    plain: Vec<u8>,
    joined: Vec<u8>,
    cipher: Vec<u8>,
}

impl Reader {
    pub fn new(receiver: Receiver, intake: CipherBuffer) -> Self {
        Self { receiver, intake }
    }

    pub fn payload(&self) -> &[u8] {
        self.receiver.payload()
    }

    /// Whether another whole message has come already.
    pub fn has_more(&self) -> bool {
        self.receiver.has_more()
    }

    /// The user has come for more: what was lent before is no longer in use.
    pub fn begin(&mut self) {
        self.receiver.drop_retired();
    }

    /// The next event, what it calls for already answered. A close frame is an event once; after it, and after
    /// whatever else ended the connection, the reason for the end is the error.
    pub fn next(
        &mut self,
        link: &Link,
        delivery: Delivery,
        budget: &mut WaitBudget,
    ) -> Result<Event, Error> {
        loop {
            match self.take(link, delivery)? {
                Some(event) => return Ok(event),
                None if self.receiver.is_closed() => return Err(link.end()),
                None => self.fill(link, budget)?,
            }
        }
    }

    /// The next event out of what has come, without waiting; for a thread that is told when there is more. `may_read`
    /// is good for one read of the socket, so that no connection keeps others waiting. `None`: wait; or, when the
    /// server's close frame has come, see [`Reader::drain_ready`].
    pub fn next_ready(
        &mut self,
        link: &Link,
        delivery: Delivery,
        may_read: &mut bool,
    ) -> Result<Option<Event>, Error> {
        loop {
            match self.take(link, delivery)? {
                Some(event) => return Ok(Some(event)),
                None if self.receiver.is_closed() => return Ok(None),
                None if !self.intake.has_more() && !std::mem::take(may_read) => return Ok(None),
                None => drop(self.read(link, Wait::No)?),
            }
        }
    }

    /// Drops what has come behind the end of the connection; true when the peer has ended the stream, or it broke.
    /// `may_read` as for [`Reader::next_ready`].
    pub fn drain_ready(&mut self, link: &Link, mut may_read: bool) -> bool {
        while self.intake.has_more() || std::mem::take(&mut may_read) {
            self.receiver.discard_input();
            let Ok(space) = self.receiver.space() else {
                return true;
            };
            let read = link.stream.read(&mut self.intake, space, Wait::No);
            if !matches!(
                read,
                Ok(ReadOutcome::Bytes | ReadOutcome::Nothing | ReadOutcome::TimedOut)
            ) {
                return true;
            }
        }
        false
    }

    /// Whether there is something to read that the descriptor does not show.
    pub fn holds_input(&self) -> bool {
        self.intake.has_more()
    }

    /// The server's close frame has come; what follows it is dropped.
    pub fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }

    /// How the fragmented message under way is being received.
    pub fn delivery_under_way(&self) -> Option<Delivery> {
        self.receiver.delivery_under_way()
    }

    /// Takes memory for reading, for as long as there is something to read.
    pub fn borrow(&mut self, memory: &mut ReadBuffers) {
        self.receiver.borrow(&mut memory.plain, &mut memory.joined);
        self.intake.borrow(&mut memory.cipher);
    }

    /// Gives back what [`Reader::borrow`] took, less what has come of an unfinished message.
    pub fn give_back(&mut self, link: &Link, memory: &mut ReadBuffers) {
        self.receiver
            .give_back(&mut memory.plain, &mut memory.joined);
        self.intake.give_back(&mut memory.cipher);
        link.stream.give_back(&mut memory.cipher);
    }

    /// Events for a thread that only waits for the end, whatever way the message under way was begun in. What another
    /// thread was lent stays as it is.
    pub fn next_to_discard(
        &mut self,
        link: &Link,
        budget: &mut WaitBudget,
    ) -> Result<Event, Error> {
        self.receiver.retire().map_err(|error| link.fail(error))?;
        let under_way = self.receiver.delivery_under_way();
        self.next(link, under_way.unwrap_or(Delivery::Messages), budget)
    }

    /// Reads and drops until the peer ends the stream or the time is up.
    pub fn drain(&mut self, link: &Link, budget: &mut WaitBudget) {
        if self.receiver.retire().is_err() {
            return;
        }
        while !budget.expired_after_waiting() {
            self.receiver.discard_input();
            let Ok(space) = self.receiver.space() else {
                return;
            };
            let read = link.stream.read(&mut self.intake, space, budget.wait());
            if !matches!(read, Ok(ReadOutcome::Bytes | ReadOutcome::Nothing)) {
                return;
            }
        }
    }

    /// The next event out of what has been read, what it calls for done.
    fn take(&mut self, link: &Link, delivery: Delivery) -> Result<Option<Event>, Error> {
        link.check_aborted()?;
        let event = match self.receiver.next_event(delivery) {
            Err(error) if !error.kind().is_final() => return Err(error),
            event => event.map_err(|error| link.fail(error))?,
        };
        let frames = self.receiver.take_frame_count();
        link.stats.frames_received.add(frames);
        if let Some(event) = &event {
            self.note(link, event).map_err(|error| link.fail(error))?;
        }
        Ok(event)
    }

    fn note(&self, link: &Link, event: &Event) -> Result<(), Error> {
        let payload = self.payload();
        let (opcode, fin) = match event {
            Event::Data { opcode, last, .. } => (*opcode, *last),
            Event::Ping => (Opcode::Ping, true),
            Event::Pong => (Opcode::Pong, true),
            Event::Close(_) => (Opcode::Close, true),
            Event::Frame { header, .. } => (header.opcode, header.fin),
        };
        trace::frame('<', opcode, fin, payload);
        link.stats
            .messages_received
            .add(u64::from(fin && !opcode.is_control()));
        match event {
            Event::Data { .. } => Ok(()),
            _ => link
                .writer
                .answer(&link.stream, event, payload, link.auto_pong),
        }
    }

    /// One read from the transport, waiting for it as long as the caller may.
    fn fill(&mut self, link: &Link, budget: &mut WaitBudget) -> Result<(), Error> {
        if budget.expired_after_waiting() {
            return Err(timed_out());
        }
        // What TLS holds may come to nothing. Then the wait begins only now.
        if self.intake.has_more() && self.read(link, Wait::No)? != ReadOutcome::Nothing {
            return Ok(());
        }
        let mut wait = budget.wait();
        let mut may_find_nothing = false;
        link.writer.end_batch();
        if link.writer.has_backlog() {
            // Something of ours did not find room: what comes first, room or bytes, decides.
            let ready = link.stream.wait_either(budget.deadline());
            let ready = ready.map_err(|error| link.fail(lost(&error)))?;
            match ready {
                Waited::Ready => {}
                Waited::TimedOut => return Err(timed_out()),
                Waited::Interrupted => return Err(interrupted()),
            }
            self.flush(link)?;
            wait = Wait::No;
            may_find_nothing = true;
        }
        match self.read(link, wait)? {
            ReadOutcome::TimedOut if !may_find_nothing => Err(timed_out()),
            ReadOutcome::Interrupted => Err(interrupted()),
            _ => Ok(()),
        }
    }

    fn read(&mut self, link: &Link, wait: Wait) -> Result<ReadOutcome, Error> {
        let space = self.receiver.space();
        let received = space.and_then(|space| link.stream.read(&mut self.intake, space, wait));
        if self.intake.owes_output {
            self.flush(link)?;
        }
        match received {
            Ok(ReadOutcome::End) => Err(link.fail(ended())),
            Ok(received) => Ok(received),
            Err(error) => {
                if error.kind() == Kind::NoMemory {
                    // More bytes may wait, but this has been told to be the end.
                    self.receiver.fail(&error);
                }
                Err(link.fail(error))
            }
        }
    }

    fn flush(&self, link: &Link) -> Result<(), Error> {
        let flushed = link.writer.flush(&link.stream);
        flushed.map_err(|error| link.fail(error))
    }
}

pub(in crate::conn) fn timed_out() -> Error {
    Error::new(Kind::Timeout, "nothing whole was received in time").in_phase(Phase::Open)
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
