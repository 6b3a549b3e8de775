// SPDX-License-Identifier: Apache-2.0
//! The calls that may wait: connect, send, receive and close. They run on the caller's thread.

use super::close_wait::CloseWait;
use super::connection::{Connection, Open};
use super::options::{DEFAULT_TIMEOUT, LINGER};
use super::wait_budget::WaitBudget;
use crate::base::deadline::{Deadline, Timeout};
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{MutexGuard, Ordering};
use crate::conn::receive::reader::{Reader, interrupted, timed_out};
use crate::conn::send::outbound::{Outbound, WhenFull};
use crate::net::socket::KEEPALIVE_IDLE;
use crate::protocol::ws::close::CloseFrame;
use crate::protocol::ws::message::{Delivery, Message};
use crate::protocol::ws::message_inflater::InflateMode;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::Frame;
use std::time::Instant;

mod connect;

impl Connection {
    /// `name` is the caller's name of the payload, for errors.
    #[inline]
    pub fn send(&self, message: &Outbound<'_>, name: &str) -> Result<(), Error> {
        if self.options.check_utf8 {
            message.check_utf8(name)?;
        }
        let open = self.open()?;
        let sent = open
            .link
            .writer
            .send(message, WhenFull::Wait(&mut self.send_budget()));
        sent.map_err(|error| self.cause(open, error).or_in_phase(Phase::Open))
    }

    /// Sends a ping, and reports it.
    pub fn ping(&self, message: &Outbound<'_>, name: &str) -> Result<(), Error> {
        let link = self.link()?;
        link.ping(message.payload, || self.send(message, name))
    }

    /// From now on, keeps data until [`Connection::uncork`].
    pub fn cork(&self) -> Result<(), Error> {
        self.open()?.link.writer.cork()
    }

    /// Sends the corked data.
    pub fn uncork(&self) -> Result<(), Error> {
        let open = self.open()?;
        let uncorked = open
            .link
            .writer
            .uncork(WhenFull::Wait(&mut self.send_budget()));
        uncorked.map_err(|error| self.cause(open, error).or_in_phase(Phase::Open))
    }

    /// Waits for a message and passes it to `take`. As long as `take` returns true, it also gets
    /// the messages that have arrived and can be lent together with the first. Control frames are
    /// delivered if `wants_control` is true.
    #[inline]
    pub fn receive(
        &self,
        delivery: Delivery,
        wants_control: bool,
        timeout: Timeout,
        mut take: impl FnMut(&Message<'_>) -> bool,
    ) -> Result<(), Error> {
        let open = self.open_to_receive()?;
        if delivery == Delivery::Frames {
            self.check_frames()?;
        }
        let delivery = match delivery {
            Delivery::Messages if self.options.deliver_fragments => Delivery::Fragments,
            other => other,
        };
        let Some(mut reader) = open.reader.try_take() else {
            let mut budget = self.wait_budget(timeout);
            let mut reader = open.take_busy_reader(&mut budget)?;
            reader.begin();
            return open.receive(reader, delivery, wants_control, &mut budget, take);
        };
        reader.begin();
        if let Some(message) = reader.next_whole_message(delivery) {
            let wants_more = take(&message);
            take_more(&mut reader, delivery, wants_more, take);
            open.reader.release(reader);
            return Ok(());
        }
        let mut budget = self.wait_budget(timeout);
        open.receive(reader, delivery, wants_control, &mut budget, take)
    }

    /// Frames are delivered as received, so a stream would lack what they contain.
    fn check_frames(&self) -> Result<(), Error> {
        if self.options.inflate_messages != Some(InflateMode::Stream) {
            return Ok(());
        }
        let what =
            "frames of a zlib stream cannot be received (wsline_options_set_inflate_messages)";
        Err(Error::new(Kind::WrongState, what).in_phase(Phase::Open))
    }

    /// Performs the closing handshake, then shuts the socket down, even if the handshake has
    /// failed. A timeout that the caller passes limits the whole call; the one from the options
    /// limits the time during which nothing moves.
    pub fn close(&self, frame: &CloseFrame, timeout: Timeout) -> Result<(), Error> {
        let open = self.open_unprepared()?;
        let span = match timeout {
            Timeout::DEFAULT => self.options.close_span(),
            named => named.span(),
        };
        if span.is_none_or(|span| span > KEEPALIVE_IDLE) {
            open.link.stream().prepare();
        }
        let now = Instant::now();
        let wait = match timeout {
            Timeout::DEFAULT => CloseWait::while_moving(span, now, open.link.progress()),
            _ => CloseWait::fixed(span, now),
        };
        let result = open.reader.as_priority_waiter(|| open.close(frame, wait));
        open.has_more.store(false, Ordering::Relaxed);
        match &result {
            // Another call may still complete the handshake.
            Err(error) if error.kind() == Kind::Interrupted => {}
            _ => open.link.emit_any_end(),
        }
        result
    }

    fn send_budget(&self) -> WaitBudget {
        self.wait_budget(self.options.send_timeout)
    }

    fn wait_budget(&self, timeout: Timeout) -> WaitBudget {
        let timeout = timeout.or(self.timeout().get());
        WaitBudget::new(timeout.or(DEFAULT_TIMEOUT.get()))
    }
}

impl Open {
    /// Receives with the reader, and releases it.
    #[inline(never)]
    fn receive(
        &self,
        mut reader: MutexGuard<'_, Reader>,
        delivery: Delivery,
        wants_control: bool,
        budget: &mut WaitBudget,
        mut take: impl FnMut(&Message<'_>) -> bool,
    ) -> Result<(), Error> {
        let result = loop {
            if let Err(error) = reader.next(delivery, budget) {
                break Err(error);
            }
            let message = reader.message();
            match message.opcode {
                opcode if wants_control || !opcode.is_control() => {
                    let wants_more = take(&message);
                    take_more(&mut reader, delivery, wants_more, take);
                    break Ok(());
                }
                Opcode::Close => break Err(self.link.end()),
                _ if budget.expired_while_processing() => {
                    reader.note_cut_short();
                    break Err(timed_out());
                }
                _ => {}
            }
        };
        self.reader.release(reader);
        if result.as_ref().is_err_and(|error| error.kind().is_final()) {
            self.has_more.store(false, Ordering::Relaxed);
        }
        result
    }

    fn close(&self, frame: &CloseFrame, mut wait: CloseWait) -> Result<(), Error> {
        let writer = &self.link.writer;
        let mut is_sent = false;
        let result = loop {
            let span = wait.next_step().remaining(Instant::now());
            let mut budget = WaitBudget::for_close(Timeout::of_span(span));
            match self.exchange_close(frame, &mut is_sent, &mut budget) {
                Err(error) if error.kind() == Kind::Timeout => {
                    if wait.is_over(Instant::now(), self.link.progress()) {
                        break Err(error);
                    }
                }
                result => break result,
            }
        };
        match result {
            Err(error) if error.kind() == Kind::Timeout => {
                let what = "the server did not answer the close frame in time";
                let closed = Error::new(Kind::Closed, format!("closed by this side; {what}"));
                self.end_with(&closed.in_phase(Phase::Close));
                let message = format!("{what}; the connection was dropped");
                Err(Error::new(Kind::Timeout, message).in_phase(Phase::Close))
            }
            Err(error) if error.kind() == Kind::Interrupted => Err(error.in_phase(Phase::Close)),
            result => {
                writer.end_tls();
                self.linger(wait.limit());
                writer.stream().shutdown();
                result
            }
        }
    }

    /// After `Timeout` or `Interrupted` another call continues the handshake.
    fn exchange_close(
        &self,
        frame: &CloseFrame,
        is_sent: &mut bool,
        budget: &mut WaitBudget,
    ) -> Result<(), Error> {
        if !*is_sent {
            let payload = frame.payload();
            let message = Outbound::uncompressed(Frame::Close, &payload);
            match self.link.writer.send(&message, WhenFull::Wait(budget)) {
                Err(error) if matches!(error.kind(), Kind::Timeout | Kind::Interrupted) => {
                    return Err(error);
                }
                // Even if it could not be sent, the data from the server still shows how the
                // connection ended.
                Ok(()) | Err(_) => *is_sent = true,
            }
        }
        self.await_close(budget)
    }

    /// Waits until the closing handshake is done, and reads if no other thread does.
    fn await_close(&self, budget: &mut WaitBudget) -> Result<(), Error> {
        loop {
            let how = self.link.writer.with_sender(|sender| {
                let closing = sender.closing();
                match closing.is_clean() {
                    true => Some(Ok(())),
                    false => closing.error().map(Err),
                }
            });
            if let Some(how) = how {
                return how;
            }
            if budget.is_interrupted() {
                return Err(interrupted());
            }
            // A call that does not wait looks at everything that it has read.
            if budget.may_wait() && budget.expired_after_waiting() {
                return Err(timed_out());
            }
            if let Some(mut reader) = self.wait_for_reader(budget)? {
                self.pause_poll_set();
                let discarded = reader.next_to_discard(budget);
                self.reader.release(reader);
                if let Err(error) = discarded {
                    // The next check of the closing handshake returns a final error.
                    if !error.kind().is_final() {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Takes the reader for a thread that receives. Fails if another thread is receiving; waits for
    /// a thread that is closing, or only looks.
    #[cold]
    fn take_busy_reader(&self, budget: &mut WaitBudget) -> Result<MutexGuard<'_, Reader>, Error> {
        let mut is_receiving = false;
        loop {
            // Before the attempt: if it fails, the thread that has the reader releases it later.
            self.reader.note_turned_away();
            if let Some(reader) = self.reader.try_take() {
                return Ok(reader);
            }
            if self.reader.has_priority_waiters() {
                if let Some(reader) = self.wait_for_reader(budget)? {
                    return Ok(reader);
                }
            } else if std::mem::replace(&mut is_receiving, true) {
                // The first time, a closing thread may have released it between the two checks.
                let message = "another thread is receiving on this connection";
                return Err(Error::new(Kind::Busy, message));
            }
        }
    }

    /// Waits for the reader. `None` if it stayed busy: the closing handshake may have moved on, so
    /// check again.
    fn wait_for_reader(
        &self,
        budget: &mut WaitBudget,
    ) -> Result<Option<MutexGuard<'_, Reader>>, Error> {
        if let Some(reader) = self.reader.try_take() {
            // Does not read the clock.
            return Ok(Some(reader));
        }
        let reader = self.reader.wait(budget.remaining());
        if reader.is_none() && budget.is_over() {
            let message = "timed out waiting for another thread's receive";
            return Err(Error::new(Kind::Timeout, message));
        }
        Ok(reader)
    }

    /// Lets the server end the stream first: if it sent more data to a closed socket, the reset
    /// could destroy our close frame.
    fn linger(&self, limit: Deadline) {
        let left = limit.remaining(Instant::now());
        let span = left.map_or(LINGER, |left| left.min(LINGER));
        if let Some(mut reader) = self.reader.try_take() {
            reader.drain(&mut WaitBudget::new(Timeout::after(span)));
            self.reader.release(reader);
        }
    }
}

/// Passes `take` the messages that can be lent together with the previous one.
#[inline]
fn take_more(
    reader: &mut Reader,
    delivery: Delivery,
    mut wants_more: bool,
    mut take: impl FnMut(&Message<'_>) -> bool,
) {
    while wants_more {
        match reader.next_beside(delivery) {
            Some(message) => wants_more = take(&message),
            None => return,
        }
    }
}
