// SPDX-License-Identifier: Apache-2.0
//! When a message of an app may be passed to the connection, if it may have to wait: for the next
//! connection, for room in the socket, or for the send rate. Only an app that keeps unsent messages
//! or limits their rate has this queue.
//!
//! A message is passed to the connection when the system has accepted everything before it. So when
//! a connection ends, at most one message has been passed and not accepted, and it is known whether
//! any byte of it was: no message is sent twice.

use super::waiting_messages::{WaitingMessage, WaitingMessages};
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::sync::Arc;
use crate::conn::link::Link;
use crate::conn::options::MessageQueueOptions;
use crate::conn::send::outbound::Outbound;
use crate::conn::send::queue::{Unsent, queue_is_full};
use crate::protocol::send_rate::SendRate;
use crate::protocol::ws::mask::MaskKey;
use crate::protocol::ws::sender::{Frame, Sender};
use std::time::Instant;

#[derive(Default)]
pub struct MessageQueue {
    options: Arc<MessageQueueOptions>,
    rate: SendRate,
    waiting: WaitingMessages,
    flow: Flow,
    /// Counts the connections: a thread may still be passing a message to one that has ended.
    connection: u64,
    /// Which fragments may be sent next.
    sequence: Sender,
    /// A thread is passing a message to the connection, without the lock: others queue theirs while
    /// a large one is compressed or encrypted.
    is_passing: bool,
    /// A thread waits to close the connection until no other one is passing a message.
    is_close_waiting: bool,
    passed: Option<Passed>,
    /// The frames of this connection that count for the rate.
    frames_noted: u64,
    /// A message was rejected because the queue was full.
    was_rejected: bool,
    /// When the rate allows the next message.
    due: Deadline,
    is_due_new: bool,
    /// Messages that have become too old.
    expired: u64,
    /// Messages that had waited, and failed to be sent.
    lost: Unsent,
}

/// Whether messages are passed to the connection.
#[derive(Default, PartialEq, Eq)]
enum Flow {
    #[default]
    Open,
    /// From the end of a connection until on_open of the next one has returned.
    Held,
    /// There will be no other connection.
    Ended,
}

/// The message that was passed to the connection last.
struct Passed {
    /// To send it on the next connection.
    message: Option<WaitingMessage>,
    bytes: u64,
    start: u64,
}

/// The right of one thread to pass one message to the connection.
pub struct Pass {
    connection: u64,
    /// At most the position of the message's first byte, counted like `Stream::bytes_sent`.
    start: u64,
    bytes: u64,
    /// It has waited, so its loss must be reported.
    has_waited: bool,
}

/// Whether a message is passed although the system has not accepted those before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    OneByOne,
    /// A close frame follows.
    AtOnce,
}

impl MessageQueue {
    pub fn new(options: &Arc<MessageQueueOptions>) -> Self {
        Self {
            options: Arc::clone(options),
            ..Self::default()
        }
    }

    /// Whether messages are sent on the next connection.
    pub fn keeps(&self) -> bool {
        self.flow != Flow::Ended && self.options.max_age.is_none_or(|age| !age.is_zero())
    }

    pub fn waiting(&mut self) -> &mut WaitingMessages {
        &mut self.waiting
    }

    /// When the rate allows the next message, if it is the rate that it waits for.
    pub fn due(&self) -> Deadline {
        self.due
    }

    /// True once after [`MessageQueue::due`] has become another moment.
    pub fn take_due_change(&mut self) -> bool {
        std::mem::take(&mut self.is_due_new)
    }

    /// Queues the message, or returns the right to pass it to the connection at once. `is_in_open`:
    /// on_open sends it, so that it precedes what waits.
    pub fn offer(
        &mut self,
        message: &Outbound<'_>,
        link: Option<&Link>,
        is_in_open: bool,
        limit: u64,
        now: Instant,
    ) -> Result<Option<Pass>, Error> {
        let is_first = is_in_open && link.is_some() && self.flow == Flow::Held;
        let len = message.payload.len();
        self.check_room(len, link, limit, now)?;
        let header = self
            .sequence
            .header(message.frame, len, MaskKey::default())?;
        let is_whole = matches!(message.frame, Frame::Whole(_));
        let may_pass = is_whole && self.waiting.is_next(is_first);
        if let Some(link) = link.filter(|_| may_pass) {
            let pass = self.begin_pass(link, len, is_first, Pace::OneByOne, now)?;
            if pass.is_some() {
                return Ok(pass);
            }
        }
        let copy = WaitingMessage::copy(message, now)?;
        self.waiting.push(copy, is_first)?;
        self.sequence.note_frame(message.frame, &header);
        if let Some(link) = link {
            link.writer().want_room(true);
        }
        Ok(None)
    }

    /// Fails if the queue is not empty and would hold more than `limit` bytes.
    pub fn check_room(
        &mut self,
        len: usize,
        link: Option<&Link>,
        limit: u64,
        now: Instant,
    ) -> Result<(), Error> {
        let on_link = link.map_or(0, |link| link.writer().unsent_bytes());
        let has_room = |queued: u64| queued == 0 || queued + len as u64 <= limit;
        if has_room(self.waiting.bytes() + on_link) {
            return Ok(());
        }
        if self.flow == Flow::Held {
            self.drop_expired(now);
        }
        let queued = self.waiting.bytes() + on_link;
        if has_room(queued) {
            return Ok(());
        }
        self.was_rejected = true;
        if let Some(link) = link {
            link.writer().want_room(true);
        }
        Err(queue_is_full(queued, limit))
    }

    /// The message to pass to the connection next, if it may be passed now.
    pub fn take_next(
        &mut self,
        link: &Link,
        pace: Pace,
        now: Instant,
    ) -> Result<Option<(WaitingMessage, Pass)>, Error> {
        let Some(bytes) = self.waiting.next_bytes() else {
            return Ok(None);
        };
        let Some(pass) = self.begin_pass(link, bytes, false, pace, now)? else {
            return Ok(None);
        };
        let pass = Pass {
            has_waited: true,
            ..pass
        };
        Ok(self.waiting.pop().map(|next| (next, pass)))
    }

    fn begin_pass(
        &mut self,
        link: &Link,
        bytes: usize,
        is_first: bool,
        pace: Pace,
        now: Instant,
    ) -> Result<Option<Pass>, Error> {
        let writer = link.writer();
        let is_held = self.flow == Flow::Held && !is_first && pace == Pace::OneByOne;
        let has_room = pace == Pace::AtOnce || !writer.has_backlog();
        if self.is_passing || is_held || writer.is_ending() || !has_room {
            return Ok(None);
        }
        self.note_accepted(link, now);
        let bytes = bytes as u64;
        let next = self.rate.next_send(&self.options.rate, bytes, now)?;
        let due = Some(next).filter(|next| *next > now);
        let due = due.map_or(Deadline::NEVER, Deadline::at);
        self.is_due_new |= due != self.due && due != Deadline::NEVER;
        self.due = due;
        self.is_passing = due == Deadline::NEVER;
        Ok(self.is_passing.then(|| Pass {
            connection: self.connection,
            start: link.stream().bytes_sent.get(),
            bytes,
            has_waited: false,
        }))
    }

    /// Called with the result of passing a message; `message` is needed to send it again. Fails if
    /// the message is not kept.
    pub fn end_pass(
        &mut self,
        pass: Pass,
        link: &Link,
        sent: Result<(), Error>,
        message: impl FnOnce() -> Option<WaitingMessage>,
        now: Instant,
    ) -> Result<(), Error> {
        self.is_passing = false;
        let is_current = pass.connection == self.connection;
        let has_backlog = link.writer().has_backlog();
        if sent.is_ok() && is_current {
            let copy = (self.keeps() && has_backlog).then(message);
            self.passed = Some(Passed {
                message: copy.flatten(),
                bytes: pass.bytes,
                start: pass.start,
            });
            if !has_backlog {
                self.note_accepted(link, now);
            }
            return sent;
        }
        // Nothing more is sent on that connection.
        let has_ended = !is_current || link.writer().is_ending();
        let came_too_late = |error: &Error| error.kind() == Kind::Closed;
        let is_untouched =
            sent.as_ref().is_err_and(came_too_late) || link.stream().bytes_sent.get() <= pass.start;
        let is_needed = self.keeps() || pass.has_waited && is_current;
        let copy = (has_ended && is_untouched && is_needed).then(message);
        if copy.flatten().is_some_and(|it| self.waiting.put_back(it)) {
            return Ok(());
        }
        if pass.has_waited && sent.is_err() {
            self.lost.messages += 1;
            self.lost.bytes += pass.bytes;
        }
        sent
    }

    /// False if a thread is passing a message: it wakes the driver when it has finished.
    pub fn may_close(&mut self) -> bool {
        self.waiting.release_corked();
        self.is_close_waiting = self.is_passing;
        !self.is_passing
    }

    /// True once after [`MessageQueue::may_close`] has returned false.
    pub fn take_waiting_close(&mut self) -> bool {
        std::mem::take(&mut self.is_close_waiting)
    }

    /// True once after a message was rejected, when half of the room is free again.
    pub fn has_drained(&mut self, link: &Link, limit: u64) -> bool {
        let queued = self.waiting.bytes() + link.writer().unsent_bytes();
        let has_drained = self.was_rejected && queued <= limit / 2;
        self.was_rejected &= !has_drained;
        self.want_room(link);
        has_drained
    }

    /// Called before other threads see the connection.
    pub fn begin_connection(&mut self, options: &Arc<MessageQueueOptions>, link: &Link) {
        self.options = Arc::clone(options);
        self.frames_noted = 0;
        self.flow = if self.keeps() { Flow::Held } else { Flow::Open };
        self.want_room(link);
    }

    /// Called when on_open has returned; returns how many messages have become too old.
    pub fn end_opening(&mut self, now: Instant) -> u64 {
        if self.flow == Flow::Held {
            self.drop_expired(now);
            self.flow = Flow::Open;
        }
        self.waiting.end_opening();
        std::mem::take(&mut self.expired)
    }

    /// Called when the connection has ended; returns what is not sent on another one.
    pub fn end_connection(&mut self, link: &Link, is_last: bool) -> Unsent {
        self.connection += 1;
        self.sequence = Sender::default();
        self.due = Deadline::NEVER;
        self.flow = if is_last { Flow::Ended } else { Flow::Held };
        let keeps = self.keeps();
        let mut on_link = link.unsent();
        let dropped = self.waiting.end_connection(keeps);
        if let Some(passed) = self.passed.take() {
            let is_untouched = link.stream().bytes_sent.get() <= passed.start;
            let message = passed
                .message
                .filter(|it| keeps && is_untouched && !it.is_fragment());
            if message.is_some_and(|message| self.waiting.put_back(message)) {
                on_link = Unsent::default();
            }
        }
        let lost = std::mem::take(&mut self.lost);
        Unsent {
            messages: on_link.messages + dropped.messages + lost.messages,
            bytes: on_link.bytes + dropped.bytes + lost.bytes,
        }
    }

    /// Has the driver look after each step whether there is room.
    fn want_room(&self, link: &Link) {
        let is_wanted = self.was_rejected || !self.waiting.is_empty();
        link.writer().want_room(is_wanted);
    }

    /// Records what the system has accepted since the last call.
    fn note_accepted(&mut self, link: &Link, now: Instant) {
        let frames = link.frames_sent();
        let more = frames - std::mem::replace(&mut self.frames_noted, frames);
        let bytes = self.passed.take().map_or(0, |passed| passed.bytes);
        self.rate.note_sent(&self.options.rate, more, bytes, now);
    }

    fn drop_expired(&mut self, now: Instant) {
        if let Some(max_age) = self.options.max_age {
            self.expired += self.waiting.drop_older(max_age, now);
        }
    }
}
