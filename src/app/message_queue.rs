// SPDX-License-Identifier: Apache-2.0
//! When a message of an app may be passed to the connection, if it may have to wait: for the next
//! connection, for room in the socket, or for the send rate. Only an app that keeps unsent messages
//! or limits their rate has this queue.
//!
//! A message is passed to the connection when the system has accepted everything before it. So when
//! a connection ends, at most one message has been passed and not accepted, and it is known whether
//! any byte of it was: no message is sent twice. Only before a close frame everything is passed at
//! once.

use super::waiting_messages::{WaitingMessage, WaitingMessages, message_cost};
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::log::{self, Level};
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
    /// Which fragments may be sent next.
    sequence: Sender,
    /// What a thread is passing to the connection now, as counted by [`MessageQueue::bytes`].
    in_pass: u64,
    passed: Option<Passed>,
    /// The frames of this connection that count for the rate.
    frames_noted: u64,
    /// A message was rejected because the queue was full.
    was_rejected: bool,
    is_drain_announced: bool,
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

/// A message that a thread with the turn passes to the connection.
pub struct Pass {
    /// At most the position of the message's first byte, counted like `Stream::bytes_sent`.
    start: u64,
    bytes: u64,
    /// It has waited, so its loss must be reported.
    has_waited: bool,
    /// on_open has sent it.
    is_first: bool,
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

    /// What waits, and what is being passed; not 0 if that are only empty messages.
    pub fn bytes(&self) -> u64 {
        self.waiting.cost() + self.in_pass
    }

    /// When the rate allows the next message, if it is the rate that it waits for.
    pub fn due(&self) -> Deadline {
        self.due
    }

    /// True once after [`MessageQueue::due`] has become another moment.
    pub fn take_due_change(&mut self) -> bool {
        std::mem::take(&mut self.is_due_new)
    }

    /// Queues the message, or returns how to pass it to the connection at once, if the caller has
    /// the turn. `is_in_open`: on_open sends it, so that it precedes what waits.
    pub fn offer(
        &mut self,
        message: &Outbound<'_>,
        link: Option<&Link>,
        has_turn: bool,
        is_in_open: bool,
        limit: u64,
    ) -> Result<Option<Pass>, Error> {
        let (len, now) = (message.payload.len(), Instant::now());
        let is_whole = matches!(message.frame, Frame::Whole(_));
        let is_first = is_in_open && link.is_some() && self.flow == Flow::Held;
        if is_first || !is_whole && self.waiting.is_rest_missing() {
            self.check_room_for_first(len, link, limit)?;
        } else {
            self.check_room(len, link, limit, now)?;
        }
        let header = self
            .sequence
            .header(message.frame, len, MaskKey::default())?;
        let may_pass = has_turn && is_whole && self.waiting.is_next(is_first);
        if let Some(link) = link.filter(|_| may_pass) {
            let pass = self.begin_pass(link, len, is_first, Pace::OneByOne, now)?;
            if pass.is_some() {
                return Ok(pass);
            }
        }
        let copy = WaitingMessage::copy(message, now)?;
        self.waiting.push(copy, is_first)?;
        self.sequence.note_frame(message.frame, &header);
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
        if has_room(self.bytes() + on_link) {
            return Ok(());
        }
        if self.flow == Flow::Held {
            self.drop_expired(now);
        }
        let queued = self.bytes() + on_link;
        if has_room(queued) {
            return Ok(());
        }
        Err(self.reject(queued, limit))
    }

    /// The same for what on_open sends: the messages behind it must not keep it from being sent.
    fn check_room_for_first(
        &mut self,
        len: usize,
        link: Option<&Link>,
        limit: u64,
    ) -> Result<(), Error> {
        let on_link = link.map_or(0, |link| link.writer().unsent_bytes());
        let queued = self.waiting.cost_of_first() + self.in_pass + on_link;
        match queued == 0 || queued + len as u64 <= limit {
            true => Ok(()),
            false => Err(self.reject(queued, limit)),
        }
    }

    fn reject(&mut self, queued: u64, limit: u64) -> Error {
        self.was_rejected = true;
        // Otherwise it might never drain.
        self.waiting.release_corked();
        queue_is_full(queued, limit)
    }

    /// Whether a thread with the turn has something to do: [`MessageQueue::take_next`] would return
    /// a message, or the passed one has been accepted.
    pub fn has_work(&mut self, link: &Link) -> bool {
        if self.due.has_passed(Instant::now()) {
            // Even if something else prevents sending: or the driver would look again and again.
            self.due = Deadline::NEVER;
        }
        let is_ready = self.waiting.next_bytes().is_some()
            && self.flow != Flow::Held
            && self.due == Deadline::NEVER
            && !link.writer().is_ending();
        (is_ready || self.passed.is_some()) && link.writer().is_idle()
    }

    /// The message to pass to the connection next, if it may be passed now.
    pub fn take_next(
        &mut self,
        link: &Link,
        pace: Pace,
    ) -> Result<Option<(WaitingMessage, Pass)>, Error> {
        let now = Instant::now();
        if link.writer().is_idle() {
            self.note_accepted(link, now);
        }
        self.due = Deadline::NEVER;
        let Some(bytes) = self.waiting.next_bytes() else {
            return Ok(None);
        };
        let Some(pass) = self.begin_pass(link, bytes, false, pace, now)? else {
            return Ok(None);
        };
        let next = self.waiting.pop();
        Ok(next.map(|(next, is_first)| {
            let pass = Pass {
                has_waited: true,
                is_first,
                ..pass
            };
            (next, pass)
        }))
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
        let has_room = pace == Pace::AtOnce || writer.is_idle();
        if is_held || writer.is_ending() || !has_room {
            return Ok(None);
        }
        self.note_accepted(link, now);
        let next = self.rate.next_send(&self.options.rate, bytes as u64, now)?;
        if next > now {
            self.due = Deadline::at(next);
            self.is_due_new = true;
            return Ok(None);
        }
        self.in_pass = message_cost(bytes);
        Ok(Some(Pass {
            start: link.stream().bytes_sent.get(),
            bytes: bytes as u64,
            has_waited: false,
            is_first,
        }))
    }

    /// Called with the result of passing a message; `message` is needed to send it again. Fails if
    /// the message is not kept.
    pub fn end_pass(
        &mut self,
        pass: &Pass,
        link: &Link,
        sent: Result<(), Error>,
        message: impl FnOnce() -> Option<WaitingMessage>,
    ) -> Result<(), Error> {
        self.in_pass = 0;
        let writer = link.writer();
        let Err(error) = &sent else {
            // Also true if the socket has failed meanwhile.
            let has_backlog = !writer.is_idle();
            let copy = (self.keeps() && has_backlog).then(message);
            self.passed = Some(Passed {
                message: copy.flatten(),
                bytes: pass.bytes,
                start: pass.start,
            });
            if !has_backlog {
                self.note_accepted(link, Instant::now());
            }
            return sent;
        };
        let came_too_late = error.kind() == Kind::Closed;
        let is_untouched = came_too_late || link.stream().bytes_sent.get() <= pass.start;
        let stays = writer.is_ending() && is_untouched && (self.keeps() || pass.has_waited);
        let copy = stays.then(message).flatten();
        if copy.is_some_and(|copy| self.waiting.put_back(copy, pass.is_first)) {
            // The end of the connection, which follows, keeps or reports it.
            return Ok(());
        }
        if pass.has_waited {
            self.lost.messages += 1;
            self.lost.bytes += pass.bytes;
        }
        sent
    }

    /// Called before a close frame; returns how many messages precede it.
    pub fn begin_close(&mut self) -> usize {
        if self.flow == Flow::Held {
            self.drop_expired(Instant::now());
        }
        self.waiting.release_corked();
        self.waiting.len()
    }

    /// True once when the driver must report that a rejection is over, with
    /// [`MessageQueue::take_drained`].
    pub fn announce_drained(&mut self, link: &Link, limit: u64) -> bool {
        let is_new = !self.is_drain_announced && self.is_drained(link, limit);
        self.is_drain_announced |= is_new;
        is_new
    }

    /// True once after a message was rejected, when half of the room is free again.
    pub fn take_drained(&mut self, link: &Link, limit: u64) -> bool {
        let is_drained = self.is_drained(link, limit);
        self.was_rejected &= !is_drained;
        self.is_drain_announced = false;
        self.want_room(link);
        is_drained
    }

    fn is_drained(&self, link: &Link, limit: u64) -> bool {
        let waiting = match self.waiting.is_rest_missing() {
            true => self.waiting.cost_of_first(),
            false => self.waiting.cost(),
        };
        let queued = waiting + self.in_pass + link.writer().unsent_bytes();
        self.was_rejected && queued <= limit / 2
    }

    /// Has the driver look after each step, as long as there is something to do when there is room.
    pub fn want_room(&self, link: &Link) {
        let is_waiting = !self.waiting.is_empty() || self.passed.is_some();
        link.writer().want_room(self.was_rejected || is_waiting);
    }

    /// Called before other threads see the connection.
    pub fn begin_connection(&mut self, options: &Arc<MessageQueueOptions>, link: &Link) {
        self.options = Arc::clone(options);
        self.frames_noted = 0;
        self.waiting.uncork();
        self.flow = if self.keeps() { Flow::Held } else { Flow::Open };
        self.want_room(link);
    }

    /// Called when on_open has returned; returns how many messages have become too old.
    pub fn end_opening(&mut self) -> u64 {
        if self.flow == Flow::Held {
            self.drop_expired(Instant::now());
            self.flow = Flow::Open;
        }
        self.waiting.end_opening();
        std::mem::take(&mut self.expired)
    }

    /// Called when the connection has ended; returns what is not sent on another one.
    pub fn end_connection(&mut self, link: &Link, is_last: bool) -> Unsent {
        let sent = link.stream().bytes_sent.get();
        let (bytes, untouched) = match self.passed.take() {
            Some(passed) if sent > passed.start => (passed.bytes, None),
            Some(passed) => (0, passed.message),
            None => (0, None),
        };
        self.note_frames(link, bytes, Instant::now());
        self.sequence = Sender::default();
        self.due = Deadline::NEVER;
        self.flow = if is_last { Flow::Ended } else { Flow::Held };
        let keeps = self.keeps();
        let mut on_link = link.unsent();
        let dropped = self.waiting.end_connection(keeps);
        if let Some(message) = untouched {
            let may_wait = keeps && !message.is_fragment();
            if may_wait && self.waiting.put_back(message, false) {
                on_link = Unsent::default();
            }
        }
        let lost = std::mem::take(&mut self.lost);
        Unsent {
            messages: on_link.messages + dropped.messages + lost.messages,
            bytes: on_link.bytes + dropped.bytes + lost.bytes,
        }
    }

    /// Called when no connection will send what waits.
    pub fn log_unreported(&self) {
        let count = self.waiting.len() as u64 + self.expired + self.lost.messages;
        if count > 0 {
            let what = format_args!("{count} messages were not sent: there was no connection");
            log::write(Level::Warn, what);
        }
    }

    /// Records that the system has accepted everything that was passed.
    fn note_accepted(&mut self, link: &Link, now: Instant) {
        let bytes = self.passed.take().map_or(0, |passed| passed.bytes);
        self.note_frames(link, bytes, now);
    }

    /// Records the frames that were sent since the last call.
    fn note_frames(&mut self, link: &Link, bytes: u64, now: Instant) {
        let frames = link.frames_sent();
        let more = frames.saturating_sub(std::mem::replace(&mut self.frames_noted, frames));
        self.rate.note_sent(&self.options.rate, more, bytes, now);
    }

    fn drop_expired(&mut self, now: Instant) {
        if let Some(max_age) = self.options.max_age {
            self.expired += self.waiting.drop_older(max_age, now);
        }
    }
}
