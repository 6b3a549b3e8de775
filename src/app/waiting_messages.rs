// SPDX-License-Identifier: Apache-2.0
//! Messages in the order in which they are sent: those of on_open, then all others, the corked ones
//! last. They are stored as the caller passed them, because a frame that was compressed or
//! encrypted for one connection is useless on another.

use crate::base::error::Error;
use crate::base::memory;
use crate::conn::send::outbound::{Compress, Outbound};
use crate::conn::send::queue::Unsent;
use crate::protocol::ws::sender::Frame;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The memory of a waiting message beside its payload, roughly; it counts towards the limit of the
/// queue, or empty messages would need no room.
const MESSAGE_OVERHEAD: u64 = 128;

/// What corked messages may hold; more are sent.
const CORK_BYTES: usize = 64 * 1024;

/// How much room a message with a payload of `bytes` needs.
pub fn message_cost(bytes: usize) -> u64 {
    bytes as u64 + MESSAGE_OVERHEAD
}

#[derive(Default)]
pub struct WaitingMessages {
    list: VecDeque<WaitingMessage>,
    /// The payloads in `list`.
    bytes: usize,
    /// How many at the start were sent by on_open.
    first: usize,
    /// The last of these is a fragment; the rest of its message follows it, before all others.
    is_first_unfinished: bool,
    /// How many at the end are corked.
    corked: usize,
    /// Their payloads.
    corked_bytes: usize,
    is_corked: bool,
}

pub struct WaitingMessage {
    frame: Frame,
    payload: Vec<u8>,
    may_compress: bool,
    since: Instant,
}

impl WaitingMessage {
    pub fn copy(message: &Outbound<'_>, since: Instant) -> Result<Self, Error> {
        Ok(Self {
            frame: message.frame,
            payload: memory::copy(message.payload)?,
            may_compress: message.may_compress(),
            since,
        })
    }

    pub fn outbound(&self) -> Outbound<'_> {
        let compress = match self.may_compress {
            true => Compress::IfNegotiated,
            false => Compress::Never,
        };
        Outbound::new(self.frame, &self.payload, compress)
    }

    pub fn is_fragment(&self) -> bool {
        matches!(self.frame, Frame::Fragment { .. })
    }

    fn ends_message(&self) -> bool {
        !matches!(self.frame, Frame::Fragment { fin: false, .. })
    }
}

impl WaitingMessages {
    /// How much room all of them need.
    pub fn cost(&self) -> u64 {
        self.bytes as u64 + self.list.len() as u64 * MESSAGE_OVERHEAD
    }

    /// The same, for those that on_open has sent.
    pub fn cost_of_first(&self) -> u64 {
        let first = self.list.iter().take(self.first);
        let costs = first.map(|message| message_cost(message.payload.len()));
        costs.sum()
    }

    /// Whether all others wait for the rest of a message of on_open.
    pub fn is_rest_missing(&self) -> bool {
        self.is_first_unfinished
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether a new message would be the next one to be sent.
    pub fn is_next(&self, is_first: bool) -> bool {
        let before = if is_first {
            self.first
        } else {
            self.list.len()
        };
        before == 0 && !self.is_corked
    }

    /// The size of the next message, unless it is corked.
    pub fn next_bytes(&self) -> Option<usize> {
        let is_rest_missing = self.first == 0 && self.is_first_unfinished;
        let has_next = self.list.len() > self.corked && !is_rest_missing;
        let next = self.list.front().filter(|_| has_next);
        next.map(|next| next.payload.len())
    }

    /// `is_first`: on_open sends it.
    pub fn push(&mut self, message: WaitingMessage, is_first: bool) -> Result<(), Error> {
        let reserved = self.list.try_reserve(1);
        reserved.map_err(|_| Error::no_memory(size_of::<WaitingMessage>() as u64))?;
        self.bytes += message.payload.len();
        if is_first || self.is_first_unfinished && message.is_fragment() {
            self.is_first_unfinished = !message.ends_message();
            self.list.insert(self.first, message);
            self.first += 1;
        } else {
            if self.is_corked {
                self.corked += 1;
                self.corked_bytes += message.payload.len();
            }
            self.list.push_back(message);
            if self.corked_bytes > CORK_BYTES {
                self.release_corked();
            }
        }
        Ok(())
    }

    /// The next message, and whether on_open has sent it.
    pub fn pop(&mut self) -> Option<(WaitingMessage, bool)> {
        let message = self.list.pop_front()?;
        self.bytes -= message.payload.len();
        let is_first = self.first > 0;
        self.first -= usize::from(is_first);
        Some((message, is_first))
    }

    /// Returns a message that was taken but not sent; false without memory.
    pub fn put_back(&mut self, message: WaitingMessage, is_first: bool) -> bool {
        let has_memory = self.list.try_reserve(1).is_ok();
        if has_memory {
            self.bytes += message.payload.len();
            let place = if is_first { 0 } else { self.first };
            self.list.insert(place, message);
            self.first += usize::from(is_first);
        }
        has_memory
    }

    /// Corks what is sent from now on.
    pub fn cork(&mut self) {
        self.is_corked = true;
    }

    pub fn uncork(&mut self) {
        self.is_corked = false;
        self.release_corked();
    }

    /// Lets go what has been corked until now.
    pub fn release_corked(&mut self) {
        (self.corked, self.corked_bytes) = (0, 0);
    }

    /// Called when on_open has returned.
    pub fn end_opening(&mut self) {
        if !self.is_first_unfinished {
            self.first = 0;
        }
    }

    /// Called when a connection has ended: drops the fragments, or everything. Returns what was
    /// dropped.
    pub fn end_connection(&mut self, keeps: bool) -> Unsent {
        self.uncork();
        (self.first, self.is_first_unfinished) = (0, false);
        let mut dropped = Unsent::default();
        self.list.retain(|message| {
            let stays = keeps && !message.is_fragment();
            if !stays {
                dropped.bytes += message.payload.len() as u64;
                dropped.messages += u64::from(message.ends_message());
            }
            stays
        });
        self.bytes -= dropped.bytes as usize;
        dropped
    }

    /// Drops messages that were sent at least `age` ago; returns how many. Fragments are for this
    /// connection, and stay.
    pub fn drop_older(&mut self, age: Duration, now: Instant) -> u64 {
        let is_old = |message: &WaitingMessage| {
            !message.is_fragment() && now.duration_since(message.since) >= age
        };
        let mut count = 0;
        // The oldest is the first one that on_open has not sent.
        while self.list.get(self.first).is_some_and(is_old) {
            let message = self.list.remove(self.first);
            self.bytes -= message.map_or(0, |message| message.payload.len());
            count += 1;
        }
        self.corked = self.corked.min(self.list.len() - self.first);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ws::opcode::Opcode;

    const SECOND: Duration = Duration::from_secs(1);

    fn whole(text: &str, since: Instant) -> WaitingMessage {
        let frame = Frame::Whole(Opcode::Text);
        let message = Outbound::uncompressed(frame, text.as_bytes());
        WaitingMessage::copy(&message, since).expect("memory")
    }

    fn fragment(text: &str, fin: bool) -> WaitingMessage {
        let opcode = Opcode::Text;
        let message = Outbound::uncompressed(Frame::Fragment { opcode, fin }, text.as_bytes());
        WaitingMessage::copy(&message, Instant::now()).expect("memory")
    }

    fn push(waiting: &mut WaitingMessages, texts: &[&str], is_first: bool) {
        for text in texts {
            let message = whole(text, Instant::now());
            waiting.push(message, is_first).expect("memory");
        }
    }

    /// Takes all messages that are not corked.
    fn take(waiting: &mut WaitingMessages) -> String {
        let mut texts = String::new();
        while waiting.next_bytes().is_some() {
            let (message, _) = waiting.pop().expect("a message");
            texts += std::str::from_utf8(&message.payload).expect("text");
        }
        texts
    }

    #[test]
    fn what_on_open_sends_precedes_the_rest() {
        let mut waiting = WaitingMessages::default();
        push(&mut waiting, &["c", "d"], false);
        assert!(waiting.is_next(true) && !waiting.is_next(false));
        push(&mut waiting, &["a", "b"], true);
        push(&mut waiting, &["e"], false);
        assert!(!waiting.is_next(true));
        assert_eq!((waiting.cost(), waiting.len()), (5 + 5 * 128, 5));
        assert_eq!(take(&mut waiting), "abcde");
        assert_eq!((waiting.cost(), waiting.is_empty()), (0, true));
    }

    #[test]
    fn a_message_that_was_put_back_is_before_those_that_came_later() {
        let mut waiting = WaitingMessages::default();
        push(&mut waiting, &["b", "c"], false);
        assert!(waiting.put_back(whole("a", Instant::now()), false));
        assert!(waiting.put_back(whole("!", Instant::now()), true));
        push(&mut waiting, &["?"], true);
        assert_eq!(take(&mut waiting), "!?abc");
    }

    #[test]
    fn corked_messages_wait() {
        let mut waiting = WaitingMessages::default();
        push(&mut waiting, &["a"], false);
        waiting.cork();
        push(&mut waiting, &["b", "c"], false);
        assert_eq!(take(&mut waiting), "a");
        waiting.release_corked();
        push(&mut waiting, &["d"], false);
        assert_eq!(take(&mut waiting), "bc");
        assert!(!waiting.is_next(false));
        waiting.uncork();
        assert_eq!(take(&mut waiting), "d");
        assert!(waiting.is_next(false));
        // More than may be corked.
        waiting.cork();
        let half = "x".repeat(CORK_BYTES / 2);
        push(&mut waiting, &[&half, &half], false);
        assert_eq!(waiting.next_bytes(), None);
        push(&mut waiting, &["y"], false);
        assert_eq!(take(&mut waiting).len(), CORK_BYTES + 1);
    }

    #[test]
    fn only_whole_messages_outlive_a_connection() {
        let mut waiting = WaitingMessages::default();
        waiting.push(fragment("1", false), false).expect("memory");
        waiting.push(fragment("23", true), false).expect("memory");
        waiting.cork();
        push(&mut waiting, &["abcd"], false);
        let dropped = waiting.end_connection(true);
        assert_eq!((dropped.messages, dropped.bytes), (1, 3));
        assert_eq!(waiting.next_bytes(), Some(4));
        let dropped = waiting.end_connection(false);
        assert_eq!((dropped.messages, dropped.bytes), (1, 4));
        assert_eq!((waiting.cost(), waiting.is_empty()), (0, true));
    }

    #[test]
    fn a_fragmented_message_of_on_open_stays_together() {
        let mut waiting = WaitingMessages::default();
        push(&mut waiting, &["kept"], false);
        waiting.push(fragment("a", false), true).expect("memory");
        waiting.end_opening();
        assert_eq!(take(&mut waiting), "a");
        // The rest, which comes later, precedes what was kept.
        push(&mut waiting, &["new"], false);
        waiting.push(fragment("b", false), false).expect("memory");
        waiting.push(fragment("c", true), false).expect("memory");
        assert_eq!(take(&mut waiting), "bckeptnew");
    }

    #[test]
    fn old_messages_are_dropped() {
        let (mut waiting, start) = (WaitingMessages::default(), Instant::now());
        waiting.cork();
        for (second, text) in ["a", "b", "c"].into_iter().enumerate() {
            let since = start + SECOND * second as u32;
            waiting.push(whole(text, since), false).expect("memory");
        }
        waiting.push(whole("!", start), true).expect("memory");
        assert_eq!(waiting.drop_older(2 * SECOND, start + 3 * SECOND), 2);
        assert_eq!(waiting.cost(), message_cost(1) * 2);
        waiting.uncork();
        assert_eq!(take(&mut waiting), "!c");
    }
}
