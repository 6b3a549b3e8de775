// SPDX-License-Identifier: Apache-2.0
//! Sending with an app whose messages may have to wait: see `message_queue`. Any thread passes
//! messages to the connection as soon as they may be sent; the driver passes those that had to
//! wait for room, for the rate, or for a connection.

use super::client::{App, not_connected};
use super::message_queue::{MessageQueue, Pace, Pass};
use super::waiting_messages::WaitingMessage;
use crate::base::deadline::Deadline;
use crate::base::error::Error;
use crate::base::log::{self, Level};
use crate::conn::link::Link;
use crate::conn::send::outbound::Outbound;
use crate::conn::send::queue::Unsent;
use crate::protocol::ws::sender::Frame;
use std::time::Instant;

impl App {
    /// Sends on a connection whose options ask for the queue.
    #[cold]
    pub(super) fn send_queued(&self, link: &Link, message: &Outbound<'_>) -> Result<(), Error> {
        let (limit, now) = (link.options.send_queue_limit, Instant::now());
        let len = message.payload.len();
        if !message.is_data() {
            // A ping or a pong does not wait.
            self.with_queue(|queue| queue.check_room(len, Some(link), limit, now))
                .unwrap_or(Ok(()))?;
            return self.submit_to(link, message, u64::MAX);
        }
        let is_first = self.at_work.is_own();
        let is_ending = self.is_ending();
        let offered = self.with_queue(|queue| {
            let may_queue = !link.writer().is_ending() || queue.keeps() && !is_ending;
            may_queue.then(|| queue.offer(message, Some(link), is_first, limit, now))
        });
        let Some(offered) = offered.flatten() else {
            // Reports why nothing can be sent any more.
            return self.submit_to(link, message, limit);
        };
        if let Some(pass) = offered? {
            let sent = self.submit_to(link, message, u64::MAX);
            self.end_pass(link, pass, sent, || WaitingMessage::copy(message, now).ok())?;
        }
        self.pass_waiting(link, Pace::OneByOne);
        Ok(())
    }

    /// Queues a message for the next connection, while there is none.
    pub(super) fn queue_for_next(&self, message: &Outbound<'_>) -> Result<(), Error> {
        if self.is_ending() || !message.is_data() {
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
        let is_whole = matches!(message.frame, Frame::Whole(_));
        match queue
            .as_deref_mut()
            .filter(|queue| is_whole && queue.keeps())
        {
            Some(queue) => {
                let limit = options.send_queue_limit;
                let queued = queue.offer(message, None, false, limit, Instant::now());
                queued.map(drop)
            }
            None => Err(not_connected()),
        }
    }

    /// Passes the messages that may be sent now.
    pub(super) fn pass_waiting(&self, link: &Link, pace: Pace) {
        while let Some(next) = self.take_next(link, pace) {
            let passed = next.and_then(|(message, pass)| {
                let sent = self.submit_to(link, &message.outbound(), u64::MAX);
                let sent = sent.inspect_err(|error| end_with(link, error));
                self.end_pass(link, pass, sent, || Some(message))
            });
            if let Err(error) = passed {
                end_with(link, &error);
                break;
            }
        }
        if self.with_queue(MessageQueue::take_due_change) == Some(true) {
            self.announce_timers();
        }
        self.notify_waiting();
    }

    fn take_next(&self, link: &Link, pace: Pace) -> Option<Result<(WaitingMessage, Pass), Error>> {
        let next = self.with_queue(|queue| queue.take_next(link, pace, Instant::now()));
        next.and_then(Result::transpose)
    }

    fn end_pass(
        &self,
        link: &Link,
        pass: Pass,
        sent: Result<(), Error>,
        message: impl FnOnce() -> Option<WaitingMessage>,
    ) -> Result<(), Error> {
        let mut guard = self.message_queue.lock();
        let Some(queue) = guard.as_deref_mut() else {
            return sent;
        };
        let result = queue.end_pass(pass, link, sent, message, Instant::now());
        let is_close_waiting = queue.take_waiting_close();
        drop(guard);
        if is_close_waiting {
            self.wake_driver();
        }
        result
    }

    /// Passes what waits, because a close frame follows. False if another thread is passing a
    /// message: it wakes the driver when it has finished.
    pub(super) fn pass_before_close(&self, link: &Link, reconnects: bool) -> bool {
        if link.options.message_queue.is_none() {
            return true;
        }
        let may_close = self.with_queue(|queue| {
            let stays = reconnects && queue.keeps();
            (queue.may_close(), stays)
        });
        match may_close {
            Some((false, _)) => return false,
            Some((true, false)) => self.pass_waiting(link, Pace::AtOnce),
            Some((true, true)) | None => {}
        }
        true
    }

    /// Called before other threads see the connection.
    pub(super) fn begin_connection(&self, link: &Link) {
        match &link.options.message_queue {
            Some(options) => {
                let mut queue = self.message_queue.lock();
                let new = || Box::new(MessageQueue::new(options));
                queue
                    .get_or_insert_with(new)
                    .begin_connection(options, link);
            }
            // The options have changed.
            None => self.drop_queue(),
        }
    }

    /// Called when on_open has returned.
    pub(super) fn end_opening(&self) {
        let Some(expired) = self.with_queue(|queue| queue.end_opening(Instant::now())) else {
            return;
        };
        if expired > 0 {
            let what = format_args!("{expired} messages had become too old to be sent");
            log::write(Level::Warn, what);
        }
        if let Some(link) = self.connection.link() {
            self.pass_waiting(&link, Pace::OneByOne);
        }
    }

    /// Called when a connection has ended; returns what is not sent on another one.
    pub(super) fn end_connection(&self, link: &Link, is_last: bool) -> Unsent {
        let lost = self.with_queue(|queue| queue.end_connection(link, is_last));
        lost.unwrap_or_else(|| link.unsent())
    }

    /// True once after a message was rejected, when half of the room is free again.
    pub(super) fn has_drained(&self, link: &Link) -> bool {
        let limit = link.options.send_queue_limit;
        let has_drained = self.with_queue(|queue| queue.has_drained(link, limit));
        has_drained.unwrap_or_else(|| link.writer().has_drained(limit))
    }

    /// Called when there is no connection on which what waits could be sent.
    pub(super) fn drop_queue(&self) {
        let queue = self.message_queue.lock().take();
        let count = queue.map_or(0, |mut queue| queue.waiting().len());
        if count > 0 {
            let what = format_args!("{count} messages were not sent: there was no connection");
            log::write(Level::Warn, what);
        }
    }

    /// When the driver must call a timer, or pass a message that waits for the rate.
    pub(super) fn next_timer(&self) -> Deadline {
        let due = self.with_queue(|queue| queue.due());
        let due = due.unwrap_or(Deadline::NEVER);
        self.timers.next_step().or_earlier(due)
    }

    /// What waits outside the connection.
    pub(super) fn waiting_bytes(&self) -> u64 {
        self.with_queue(|queue| queue.waiting().bytes())
            .unwrap_or(0)
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

/// A message was accepted and cannot be sent: the connection must not seem to work.
fn end_with(link: &Link, error: &Error) {
    if !link.writer().is_ending() {
        link.end_with(error);
    }
}
