// SPDX-License-Identifier: Apache-2.0
//! Sending with an app whose messages may have to wait: see `message_queue`.
//!
//! One thread at a time passes messages to the connection: the one with the turn. It does so
//! without the lock of the queue, so that others can queue theirs while it compresses or encrypts;
//! it then passes theirs, too. Whoever queues a message looks for the turn afterwards, so none is
//! forgotten. The driver changes the connection only with the turn.

use super::client::{App, TURN_TAKEN, TURN_WANTED, not_connected};
use super::message_queue::{MessageQueue, Pace, Pass};
use super::waiting_messages::WaitingMessage;
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::log::{self, Level};
use crate::base::sync::{Arc, Ordering};
use crate::conn::link::Link;
use crate::conn::send::outbound::Outbound;
use crate::conn::send::queue::Unsent;
use crate::protocol::ws::sender::Frame;
use std::time::Instant;

/// How many messages a thread passes in a row, most of them of other threads.
const MAX_PASSES: usize = 64;

impl App {
    /// Sends while there is, or was, a connection whose options ask for the queue.
    #[cold]
    pub(super) fn send_queued(&self, message: &Outbound<'_>) -> Result<(), Error> {
        if !message.is_data() {
            return self.send_control(message);
        }
        let is_in_open = self.at_work.is_own();
        let is_ending = self.is_ending();
        let turn = self.try_turn();
        let Some(link) = self.connection.link() else {
            drop(turn);
            return self.queue_for_next(message);
        };
        let limit = link.options.send_queue_limit;
        let outlives_connection = !is_ending && matches!(message.frame, Frame::Whole(_));
        let offered = self.with_queue(|queue| {
            let is_kept = queue.keeps() && outlives_connection;
            let may_queue = !link.writer().is_ending() || is_kept;
            let has_turn = turn.is_some();
            may_queue.then(|| match is_ending {
                // Its close frame follows what was queued before.
                true => Err(Error::new(Kind::Closed, "the app is being closed")),
                false => queue.offer(message, Some(&link), has_turn, is_in_open, limit),
            })
        });
        let result = match offered.flatten() {
            // Reports why nothing can be sent any more.
            None => self.submit_to(&link, message, limit),
            Some(Ok(Some(pass))) => {
                let sent = self.submit_to(&link, message, u64::MAX);
                let copy = || WaitingMessage::copy(message, Instant::now()).ok();
                self.end_pass(&link, &pass, sent, copy)
            }
            Some(queued) => queued.map(drop),
        };
        drop(turn);
        self.pass_waiting();
        result
    }

    /// Pings and pongs do not wait; but what is corked precedes them.
    fn send_control(&self, message: &Outbound<'_>) -> Result<(), Error> {
        let link = self.connection.link().ok_or_else(not_connected)?;
        let (limit, len) = (link.options.send_queue_limit, message.payload.len());
        self.with_queue(|queue| queue.waiting().release_corked());
        self.pass_waiting();
        let checked =
            self.with_queue(|queue| queue.check_room(len, Some(&link), limit, Instant::now()));
        let result = checked
            .unwrap_or(Ok(()))
            .and_then(|()| self.submit_to(&link, message, u64::MAX));
        // It may have sent what others waited for.
        self.pass_waiting();
        result
    }

    /// Queues a message for the next connection, while there is none.
    pub(super) fn queue_for_next(&self, message: &Outbound<'_>) -> Result<(), Error> {
        if self.is_ending() || !matches!(message.frame, Frame::Whole(_)) || !message.is_data() {
            return Err(not_connected());
        }
        let options = self.target().options;
        // The end of the run, which drops the queue, takes this lock.
        let state = self.state.lock();
        let mut queue = self.message_queue.lock();
        if queue.is_none() && state.driver.is_some() {
            let options = options.message_queue.as_ref();
            *queue = options.map(|options| Box::new(MessageQueue::new(options)));
        }
        let result = match queue.as_deref_mut().filter(|queue| queue.keeps()) {
            Some(queue) => {
                let limit = options.send_queue_limit;
                queue.offer(message, None, false, false, limit).map(drop)
            }
            None => Err(not_connected()),
        };
        drop(queue);
        drop(state);
        // A connection may have opened meanwhile.
        self.pass_waiting();
        result
    }

    /// Passes the messages that may be sent now, unless another thread does.
    pub(super) fn pass_waiting(&self) {
        while let Some(link) = self.connection.link() {
            // Before looking for room: a thread that makes some after that sees it.
            let has_queue = self.with_queue(|queue| queue.want_room(&link)).is_some();
            if !has_queue || self.with_queue(|queue| queue.has_work(&link)) != Some(true) {
                break;
            }
            let Some(turn) = self.try_turn() else {
                // Its holder looks again after releasing it.
                return;
            };
            let Some(link) = self.connection.link() else {
                break;
            };
            let is_over = self.pass_some(&link, Pace::OneByOne, MAX_PASSES);
            drop(turn);
            if !is_over {
                self.wake_driver();
                break;
            }
        }
        self.announce_changes();
    }

    /// Called with the turn. False if there is more to pass.
    fn pass_some(&self, link: &Link, pace: Pace, max: usize) -> bool {
        for _ in 0..max {
            let next = self.with_queue(|queue| queue.take_next(link, pace));
            let Some(next) = next.and_then(Result::transpose) else {
                return true;
            };
            let passed = next.and_then(|(message, pass)| {
                let sent = self.submit_to(link, &message.outbound(), u64::MAX);
                let sent = sent.inspect_err(|error| end_with(link, error));
                self.end_pass(link, &pass, sent, || Some(message))
            });
            if let Err(error) = passed {
                end_with(link, &error);
                return true;
            }
        }
        false
    }

    fn end_pass(
        &self,
        link: &Link,
        pass: &Pass,
        sent: Result<(), Error>,
        message: impl FnOnce() -> Option<WaitingMessage>,
    ) -> Result<(), Error> {
        match self.message_queue.lock().as_deref_mut() {
            Some(queue) => queue.end_pass(pass, link, sent, message),
            None => sent,
        }
    }

    /// Tells the driver and waiting threads what has changed.
    fn announce_changes(&self) {
        if self.with_queue(MessageQueue::take_due_change) == Some(true) {
            self.announce_timers();
        }
        if let Some(link) = self.connection.link() {
            let limit = link.options.send_queue_limit;
            if self.with_queue(|queue| queue.announce_drained(&link, limit)) == Some(true) {
                self.wake_driver();
            }
        }
        self.notify_waiting();
    }

    /// Passes what waits, then sends the close frame, or whatever `close` does.
    pub(super) fn close_after_waiting(&self, link: &Link, reconnects: bool, close: impl FnOnce()) {
        if link.options.message_queue.is_none() {
            return close();
        }
        let turn = self.turn();
        let current = self.connection.link();
        if current.is_some_and(|current| std::ptr::eq(&*current, link)) {
            let count = self.with_queue(|queue| match reconnects && queue.keeps() {
                true => 0,
                false => queue.begin_close(),
            });
            self.pass_some(link, Pace::AtOnce, count.unwrap_or(0));
        }
        close();
        drop(turn);
    }

    /// The turn, for a caller that waits for it; those that only try let it go first. The caller
    /// holds no lock.
    pub(super) fn turn(&self) -> Turn<'_> {
        // Under the lock, so that one that waits sees each change of the others.
        let mut state = self.state.lock();
        self.flags.fetch_or(TURN_WANTED, Ordering::SeqCst);
        while self.flags.fetch_or(TURN_TAKEN, Ordering::SeqCst) & TURN_TAKEN != 0 {
            state = self.state_changed.wait(state, None);
            self.flags.fetch_or(TURN_WANTED, Ordering::SeqCst);
        }
        self.flags.fetch_and(!TURN_WANTED, Ordering::SeqCst);
        Turn(self)
    }

    /// `None`: another thread has the turn. It passes what waits, or changes the connection; after
    /// that the driver does.
    fn try_turn(&self) -> Option<Turn<'_>> {
        if self.flags.load(Ordering::SeqCst) & TURN_WANTED != 0 {
            return None;
        }
        let before = self.flags.fetch_or(TURN_TAKEN, Ordering::SeqCst);
        (before & TURN_TAKEN == 0).then(|| Turn(self))
    }

    /// Called when a connection has opened: shows it to other threads.
    pub(super) fn begin_connection(&self, link: Arc<Link>) {
        let turn = self.turn();
        match &link.options.message_queue {
            Some(options) => {
                let mut queue = self.message_queue.lock();
                let new = || Box::new(MessageQueue::new(options));
                queue
                    .get_or_insert_with(new)
                    .begin_connection(options, &link);
            }
            // The options have changed.
            None => {
                let queue = self.message_queue.lock().take();
                if let Some(queue) = queue {
                    queue.log_unreported();
                }
            }
        }
        self.connection.set_link(link);
        drop(turn);
        // Others that found the turn taken may have queued something.
        self.pass_waiting();
    }

    /// Called when on_open has returned.
    pub(super) fn end_opening(&self) {
        let expired = self.with_queue(MessageQueue::end_opening);
        if let Some(1..) = expired {
            let expired = expired.unwrap_or_default();
            let what = format_args!("{expired} messages had become too old to be sent");
            log::write(Level::Warn, what);
        }
        if expired.is_some() {
            self.pass_waiting();
        }
    }

    /// Called when a connection has ended; returns what is not sent on another one.
    pub(super) fn end_connection(&self, link: &Link, is_last: bool) -> Unsent {
        let turn = self.turn();
        let lost = self.with_queue(|queue| queue.end_connection(link, is_last));
        self.connection.retire();
        drop(turn);
        lost.unwrap_or_else(|| link.unsent())
    }

    /// True once after a message was rejected, when half of the room is free again.
    pub(super) fn has_drained(&self, link: &Link) -> bool {
        let limit = link.options.send_queue_limit;
        let has_drained = self.with_queue(|queue| queue.take_drained(link, limit));
        has_drained.unwrap_or_else(|| link.writer().has_drained(limit))
    }

    /// When the driver must call a timer, or pass a message that waits for the rate.
    pub(super) fn next_timer(&self) -> Deadline {
        let due = self.with_queue(|queue| queue.due());
        let due = due.unwrap_or(Deadline::NEVER);
        self.timers.next_step().or_earlier(due)
    }

    /// What is queued on the connection and outside of it. Together, because a message moves from
    /// one to the other.
    pub(super) fn queued_bytes(&self, link: Option<&Link>) -> u64 {
        let on_link = || link.map_or(0, |link| link.writer().unsent_bytes());
        let both = self.with_queue(|queue| queue.bytes() + on_link());
        both.unwrap_or_else(on_link)
    }

    /// Whether messages are sent on the next connection.
    pub(super) fn keeps_messages(&self) -> bool {
        self.with_queue(|queue| queue.keeps()) == Some(true)
    }

    /// `None` if the app needs no queue.
    pub(super) fn with_queue<T>(&self, work: impl FnOnce(&mut MessageQueue) -> T) -> Option<T> {
        self.message_queue.lock().as_deref_mut().map(work)
    }
}

/// Given back when it is dropped.
pub(super) struct Turn<'a>(&'a App);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let before = self.0.flags.fetch_and(!TURN_TAKEN, Ordering::SeqCst);
        if before & TURN_WANTED != 0 {
            let _state = self.0.state.lock();
            self.0.state_changed.notify_all();
        }
    }
}

/// A message was accepted and cannot be sent: the connection must not seem to work.
fn end_with(link: &Link, error: &Error) {
    if !link.writer().is_ending() {
        link.end_with(error);
    }
}
