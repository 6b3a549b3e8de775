// SPDX-License-Identifier: Apache-2.0
//! The right to write, of one thread at a time: what it does with it while it waits for the socket.

use super::buffers::{Buffers, PIECE};
use super::writer::{Ready, SendState, Writer};
use crate::base::error::{Error, Kind};
use crate::base::sync::{MAX_PASSED_OVER, MutexGuard};
use crate::conn::wait_budget::WaitBudget;
use crate::net::poll::Waited;
use crate::net::stream::Stream;
use crate::protocol::ws::frame::Header;

pub(in crate::conn) struct WriteTurn<'a> {
    writer: &'a Writer,
    stream: &'a Stream,
    /// The lock; `None` only inside [`WriteTurn::unlocked`].
    state: Option<MutexGuard<'a, SendState>>,
}

impl<'a> WriteTurn<'a> {
    pub(in crate::conn) fn new(
        writer: &'a Writer,
        stream: &'a Stream,
        state: MutexGuard<'a, SendState>,
    ) -> Self {
        Self {
            writer,
            stream,
            state: Some(state),
        }
    }

    /// Sends one frame, or corks it.
    pub(in crate::conn) fn send(
        &mut self,
        budget: &mut WaitBudget,
        ready: &Ready<'_>,
    ) -> Result<Header, Error> {
        if !self.state().fits_cork(ready) {
            self.make_room(budget)?;
        }
        let writer = self.writer;
        let state = self.state();
        let header = state.header(ready)?;
        if let Some(broken) = &state.broken {
            return Err(broken.clone());
        }
        if state.fits_cork(ready) {
            state.buffers.reserve_plain(ready.payload.len())?;
            state.buffers.begin(&header, ready.payload);
            writer.note_backlog(state);
        } else {
            self.send_now(budget, &header, ready.payload)?;
        }
        writer.note_sent(self.state(), ready.frame, &header);
        Ok(header)
    }

    /// Why nothing can be sent any more, if so.
    pub(in crate::conn) fn check_end(&mut self) -> Result<(), Error> {
        self.state().check_end()
    }

    /// Sends what was gathered, and what else waits.
    pub(in crate::conn) fn clear_backlog(&mut self, budget: &mut WaitBudget) -> Result<(), Error> {
        let (writer, stream) = (self.writer, self.stream);
        self.state().queue_gathered()?;
        let had_backlog = self.state().has_backlog();
        while self.state().has_backlog() && self.state().broken.is_none() {
            writer.push(self.state(), stream);
            if self.state().has_backlog() && !self.wait(budget)? {
                return Err(timed_out("earlier frames are still being sent"));
            }
        }
        if had_backlog {
            self.state().forget_sent(stream);
        }
        Ok(())
    }

    fn send_now(
        &mut self,
        budget: &mut WaitBudget,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Error> {
        let stream = self.stream;
        let state = self.state();
        state.buffers.reserve(stream, payload.len())?;
        let mut pieces = payload.chunks(PIECE);
        state
            .buffers
            .begin(header, pieces.next().unwrap_or_default());
        let sent = match state.buffers.seal_and_push(stream) {
            Ok(is_all) if is_all && pieces.len() == 0 => return Ok(()),
            Ok(_) => self.unlocked(|buffers| buffers.send_rest(stream, budget, header, pieces)),
            Err(error) => Err(error),
        };
        match sent {
            Ok(Waited::Ready) => Ok(()),
            Ok(Waited::TimedOut) => Err(self.give_up()),
            Ok(Waited::Interrupted) => Err(interrupted()),
            Err(error) => Err(self.state().break_off(error)),
        }
    }

    /// Sends what is left of others' frames first. Under TLS a frame cannot be taken back once it is encrypted, so one
    /// with a deadline is not begun before there is room.
    fn make_room(&mut self, budget: &mut WaitBudget) -> Result<(), Error> {
        self.clear_backlog(budget)?;
        if self.stream.is_tls() && budget.is_limited() && !self.wait(budget)? {
            return Err(timed_out("nothing of the message has been sent"));
        }
        Ok(())
    }

    /// Waits for room; false when the time is up.
    fn wait(&mut self, budget: &mut WaitBudget) -> Result<bool, Error> {
        let stream = self.stream;
        let waited = self.unlocked(|_| stream.wait_writable(budget.deadline()));
        match waited.map_err(|error| Error::os(Kind::Io, "wait for the socket", &error))? {
            Waited::Ready => Ok(true),
            Waited::TimedOut => Ok(false),
            Waited::Interrupted => Err(interrupted()),
        }
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

    /// Does with the buffers what takes longer, with the lock released and the turn marked as taken.
    fn unlocked<T>(&mut self, work: impl FnOnce(&mut Buffers) -> T) -> T {
        let state = self.state();
        state.turn.is_taken = true;
        let mut buffers = std::mem::take(&mut state.buffers);
        self.state = None;
        let result = work(&mut buffers);
        let mut state = self.writer.state.lock();
        state.turn.is_taken = false;
        state.buffers = buffers;
        self.writer.note_backlog(&mut state);
        self.state = Some(state);
        result
    }

    fn state(&mut self) -> &mut SendState {
        self.state
            .as_mut()
            .expect("the lock is released only inside unlocked()")
    }
}

impl Drop for WriteTurn<'_> {
    /// What a receiving thread has left to this one leaves now; where there is no room it leaves with the next call that
    /// sends or receives. It is not for our caller to wait for.
    fn drop(&mut self) {
        let (writer, stream) = (self.writer, self.stream);
        let Some(state) = &mut self.state else {
            return;
        };
        if state.has_backlog() {
            writer.push(state, stream);
        }
        if state.turn.pass_on() {
            writer.turn_is_over.notify_one();
        }
    }
}

/// Who has the turn, and who waits for it. The lock guards it.
#[derive(Default)]
pub(in crate::conn) struct TurnState {
    /// A thread has taken the buffers along, or the turn is kept for one that waits.
    pub(in crate::conn) is_taken: bool,
    /// The turn is kept for a thread that has waited too long.
    is_kept: bool,
    /// Threads that wait.
    pub(in crate::conn) waiting: usize,
    /// How often a thread that had not waited went first.
    passed_over: u32,
}

impl TurnState {
    pub(in crate::conn) fn is_free_for(&self, has_waited: bool) -> bool {
        !self.is_taken || (has_waited && self.is_kept)
    }

    pub(in crate::conn) fn begin(&mut self, has_waited: bool) {
        if has_waited {
            (self.is_taken, self.is_kept) = (false, false);
            self.passed_over = 0;
        } else if self.waiting > 0 {
            self.passed_over += 1;
        }
    }

    /// After a turn. True where a thread that waits must be woken.
    fn pass_on(&mut self) -> bool {
        if self.waiting > 0 && self.passed_over >= MAX_PASSED_OVER {
            (self.is_taken, self.is_kept) = (true, true);
        }
        self.waiting > 0
    }
}

fn interrupted() -> Error {
    Error::interrupted("room to send; nothing of the message has been sent")
}

pub(in crate::conn) fn timed_out(why: &str) -> Error {
    Error::new(Kind::Timeout, format!("the time for sending is up: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_thread_is_passed_over_a_bounded_number_of_times() {
        let mut turn = TurnState::default();
        for _ in 0..1000 {
            turn.begin(false);
            assert!(!turn.pass_on() && turn.is_free_for(false));
        }
        turn.waiting = 1;
        for _ in 0..MAX_PASSED_OVER {
            assert!(turn.is_free_for(false));
            turn.begin(false);
            assert!(turn.pass_on());
        }
        assert!(!turn.is_free_for(false) && turn.is_free_for(true));
        turn.waiting = 0;
        turn.begin(true);
        assert!(!turn.pass_on() && turn.is_free_for(false));
    }
}
