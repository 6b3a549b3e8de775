// SPDX-License-Identifier: Apache-2.0
//! The write turn: the right of one thread at a time to write, and to wait for the socket.

use super::buffers::{Buffers, PIECE};
use super::outbound::Outbound;
use super::state::{SendSide, SendState};
use crate::base::error::{Error, Kind};
use crate::base::sync::MutexGuard;
use crate::conn::wait_budget::WaitBudget;
use crate::net::poll::Waited;
use crate::protocol::ws::frame::Header;
use crate::protocol::ws::mask::MaskKey;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::Frame;

pub(super) struct WriteTurn<'a> {
    side: &'a SendSide,
    /// The lock; `None` only inside [`WriteTurn::unlocked`].
    state: Option<MutexGuard<'a, SendState>>,
}

impl<'a> WriteTurn<'a> {
    /// Waits for the turn.
    pub(super) fn take(
        side: &'a SendSide,
        mut state: MutexGuard<'a, SendState>,
        budget: &mut WaitBudget,
    ) -> Result<Self, Error> {
        let mut has_waited = false;
        while !state.turn.is_free_for(has_waited) {
            if budget.is_over() {
                return Err(timed_out("while another thread's message was being sent"));
            }
            state.turn.waiting += 1;
            state = side.turn_is_over.wait(state, budget.remaining());
            state.turn.waiting -= 1;
            has_waited = true;
        }
        state.turn.begin(has_waited);
        Ok(Self {
            side,
            state: Some(state),
        })
    }

    /// Sends or corks one frame.
    pub(super) fn send(
        &mut self,
        message: &Outbound<'_>,
        budget: &mut WaitBudget,
    ) -> Result<Header, Error> {
        let side = self.side;
        if !side.fits_cork(self.state(), message, u64::MAX) {
            self.make_room(budget)?;
        }
        let state = self.state();
        if side.fits_cork(state, message, u64::MAX) {
            return side.append_corked(state, message);
        }
        let header = state.header(message)?;
        state.check_broken()?;
        self.send_now(&header, message.payload, budget)?;
        side.commit(self.state(), message.frame, &header);
        Ok(header)
    }

    /// Sends what is left of a whole message that the socket did not take at once.
    #[cold]
    pub(super) fn finish_message(
        &mut self,
        opcode: Opcode,
        budget: &mut WaitBudget,
    ) -> Result<(), Error> {
        // All of it is masked already.
        let header = Header::masked(opcode, true, 0, MaskKey::default());
        self.send_rest(&header, &[], budget)?;
        self.state().buffers.clear_sent();
        let frame = Frame::Whole(opcode);
        self.side.commit(self.state(), frame, &header);
        Ok(())
    }

    /// Fails if nothing more can be sent, with the reason.
    pub(super) fn check_end(&mut self) -> Result<(), Error> {
        self.state().check_end()
    }

    /// Sends the corked data and everything else that is pending.
    pub(super) fn clear_backlog(&mut self, budget: &mut WaitBudget) -> Result<(), Error> {
        let side = self.side;
        if !self.state().has_backlog() && self.state().buffers.plain.is_empty() {
            return Ok(());
        }
        self.state().queue_corked()?;
        let had_backlog = self.state().has_backlog();
        while self.state().has_backlog() && self.state().broken.is_none() {
            side.push(self.state());
            if self.state().has_backlog() && !self.wait(budget)? {
                return Err(timed_out("while earlier frames were being sent"));
            }
        }
        if had_backlog {
            side.forget_sent(self.state());
        }
        Ok(())
    }

    fn send_now(
        &mut self,
        header: &Header,
        payload: &[u8],
        budget: &mut WaitBudget,
    ) -> Result<(), Error> {
        let stream = &self.side.stream;
        let state = self.state();
        state.buffers.reserve(stream, payload.len())?;
        let (first, rest) = payload.split_at_checked(PIECE).unwrap_or((payload, &[]));
        state.buffers.begin(header, first);
        match state.buffers.seal_and_push(stream) {
            Ok(true) if rest.is_empty() => Ok(()),
            Ok(_) => self.send_rest(header, rest, budget),
            Err(error) => Err(self.fail_sending(error)),
        }
    }

    /// Sends the wire buffer and the rest of the payload.
    fn send_rest(
        &mut self,
        header: &Header,
        rest: &[u8],
        budget: &mut WaitBudget,
    ) -> Result<(), Error> {
        let stream = &self.side.stream;
        let pieces = rest.chunks(PIECE);
        match self.unlocked(|buffers| buffers.send_rest(stream, budget, header, pieces)) {
            Ok(Waited::Ready) => Ok(()),
            Ok(Waited::TimedOut) => Err(self.give_up()),
            Ok(Waited::Interrupted) => Err(interrupted()),
            Err(error) => Err(self.fail_sending(error)),
        }
    }

    /// Sends what is left of earlier frames. Under TLS a frame cannot be discarded once it is
    /// encrypted, so a send with a deadline does not begin before there is room.
    fn make_room(&mut self, budget: &mut WaitBudget) -> Result<(), Error> {
        self.clear_backlog(budget)?;
        if self.side.stream.is_tls() && budget.is_limited() && !self.wait(budget)? {
            return Err(timed_out("before any of the message was sent"));
        }
        Ok(())
    }

    fn fail_sending(&mut self, error: Error) -> Error {
        let side = self.side;
        side.fail_sending(self.state(), error)
    }

    /// Waits for room; false when the time is up.
    fn wait(&mut self, budget: &mut WaitBudget) -> Result<bool, Error> {
        let stream = &self.side.stream;
        let waited = self.unlocked(|_| stream.wait_writable(budget.deadline()));
        match waited.map_err(|error| Error::os(Kind::Io, "wait for the socket", &error))? {
            Waited::Ready => Ok(true),
            Waited::TimedOut => Ok(false),
            Waited::Interrupted => Err(interrupted()),
        }
    }

    /// The time is up. A frame of which nothing has been sent is discarded; after part of one the
    /// connection fails.
    fn give_up(&mut self) -> Error {
        let stream = &self.side.stream;
        let state = self.state();
        if !stream.is_tls() && state.buffers.discard_if_unsent() {
            return timed_out("before any of the message was sent");
        }
        let error = Error::new(
            Kind::ConnectionLost,
            "send timed out after part of a frame was sent; the connection was dropped",
        );
        state.sender.fail(&error);
        state.broken = Some(error.clone());
        self.side.note_end(self.state());
        stream.shutdown();
        error
    }

    /// Runs `work`, which may take long, on the buffers, with the lock released and the turn marked
    /// as taken.
    fn unlocked<T>(&mut self, work: impl FnOnce(&mut Buffers) -> T) -> T {
        let state = self.state();
        state.turn.is_taken = true;
        let mut buffers = std::mem::take(&mut state.buffers);
        self.state = None;
        let result = work(&mut buffers);
        let mut state = self.side.state.lock();
        state.turn.is_taken = false;
        state.buffers = buffers;
        self.side.note_backlog(&mut state);
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
    /// Sends what a receiving thread has left to this one. If there is no room, the next call that
    /// sends or receives sends it: this caller does not wait for it.
    fn drop(&mut self) {
        let side = self.side;
        let Some(state) = &mut self.state else {
            return;
        };
        if state.has_backlog() {
            side.push(state);
        }
        if state.turn.pass_on() {
            side.turn_is_over.notify_one();
        }
    }
}

fn interrupted() -> Error {
    Error::interrupted("room to send; none of the message was sent")
}

pub(super) fn timed_out(when: &str) -> Error {
    Error::new(Kind::Timeout, format!("send timed out {when}"))
}
