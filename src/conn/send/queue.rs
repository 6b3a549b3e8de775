// SPDX-License-Identifier: Apache-2.0
//! Frames that wait for the socket, in order: whole frames behind the one in the wire buffer.
//!
//! Under TLS only the wire buffer is encrypted, a piece at a time. So queueing a frame takes no
//! longer than moving it, and a frame that is due sooner, such as a pong, can go between two
//! others.

use super::buffers::PIECE;
use crate::base::error::{Error, Kind, Phase};
use crate::base::memory;
use crate::base::outbox::Outbox;
use crate::net::stream::Stream;
use crate::protocol::ws::frame::{Header, MAX_HEADER_BYTES};
use std::collections::VecDeque;

/// What was queued and has not been passed to the system yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    pub messages: u64,
    pub bytes: u64,
}

/// The kind of a queued frame, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queued {
    /// The last, or only, frame of a message.
    MessageEnd,
    Ping,
    Other,
}

#[derive(Default)]
pub(super) struct Queue {
    /// Corked messages, which are not in the queue yet.
    pub(super) corked_messages: u64,
    /// The position at which the last ping ends, counted like [`Stream::bytes_sent`]; `u64::MAX`
    /// while it is queued.
    ping_end: u64,
    /// The first position at which messages in the wire buffer end, if any. It is stored inline so
    /// that recording a frame with nothing queued before it needs no allocation.
    first_end: MessageEnds,
    /// Allocated separately, because most connections never need it.
    backlog: Option<Box<Backlog>>,
}

#[derive(Default)]
struct Backlog {
    waiting: VecDeque<Waiting>,
    /// Bytes in `waiting` that have not been moved to the wire buffer.
    bytes: usize,
    /// The other positions at which messages in the wire buffer end.
    ends: VecDeque<MessageEnds>,
    /// Messages in `waiting`.
    messages: u64,
    /// Pings in `waiting`; of several in one entry only the last counts.
    pings: usize,
}

/// How many messages end at a position, counted like [`Stream::bytes_sent`]; 0 messages mean that
/// there is no such position.
#[derive(Clone, Copy, Default)]
struct MessageEnds {
    position: u64,
    messages: u64,
}

/// Whole frames, of which the first `taken` bytes have been moved to the wire buffer.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    taken: usize,
    /// Where messages end in `bytes`.
    ends: VecDeque<usize>,
    /// Messages in `bytes` whose ends are not known.
    corked_messages: u64,
    /// Where the last ping ends in `bytes`.
    ping_end: Option<usize>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.backlog.as_ref().is_none_or(|it| it.waiting.is_empty())
    }

    pub(super) fn bytes(&self) -> usize {
        self.backlog.as_ref().map_or(0, |backlog| backlog.bytes)
    }

    pub(super) fn ping_end(&self) -> u64 {
        self.ping_end
    }

    /// Whether the wire buffer ends with a whole frame.
    pub(super) fn is_between_frames(&self) -> bool {
        let backlog = self.backlog.as_ref();
        let front = backlog.and_then(|backlog| backlog.waiting.front());
        front.is_none_or(|front| front.taken == 0)
    }

    pub(super) fn unsent_messages(&self, sent: u64) -> u64 {
        let backlog = self.backlog.as_ref();
        let more = backlog.into_iter().flat_map(|backlog| &backlog.ends);
        let ends = std::iter::once(&self.first_end).chain(more);
        let on_wire = ends.filter(|end| end.position > sent);
        let on_wire: u64 = on_wire.map(|end| end.messages).sum();
        on_wire + backlog.map_or(0, |backlog| backlog.messages) + self.corked_messages
    }

    /// Adds one frame behind all others.
    pub(super) fn add(&mut self, bytes: Vec<u8>, what: Queued) -> Result<(), Error> {
        let backlog = self.backlog_with_room()?;
        reserve(&mut backlog.waiting)?;
        let mut waiting = Waiting::default();
        reserve(&mut waiting.ends)?;
        backlog.bytes += bytes.len();
        waiting.bytes = bytes;
        backlog.waiting.push_back(waiting);
        self.note_queued(what);
        Ok(())
    }

    /// Builds one frame behind all others; small frames share memory.
    pub(super) fn append(
        &mut self,
        header: &Header,
        payload: &[u8],
        what: Queued,
    ) -> Result<(), Error> {
        let len = MAX_HEADER_BYTES + payload.len();
        let backlog = self.backlog_with_room()?;
        let last = backlog.waiting.back();
        if last.is_none_or(|last| last.taken > 0 || last.bytes.len() + len > PIECE) {
            reserve(&mut backlog.waiting)?;
            backlog.waiting.push_back(Waiting::default());
        }
        let Some(last) = backlog.waiting.back_mut() else {
            return Ok(());
        };
        reserve(&mut last.ends)?;
        memory::reserve(&mut last.bytes, len)?;
        let before = last.bytes.len();
        header.encode(&mut last.bytes);
        header.append_payload(payload, &mut last.bytes);
        backlog.bytes += last.bytes.len() - before;
        self.note_queued(what);
        Ok(())
    }

    /// Moves the corked frames behind all others; `plain` is left empty.
    pub(super) fn add_corked(&mut self, plain: &mut Vec<u8>) -> Result<(), Error> {
        let backlog = self.backlog.get_or_insert_default();
        reserve(&mut backlog.waiting)?;
        let corked_messages = std::mem::take(&mut self.corked_messages);
        backlog.bytes += plain.len();
        backlog.messages += corked_messages;
        backlog.waiting.push_back(Waiting {
            bytes: std::mem::take(plain),
            corked_messages,
            ..Waiting::default()
        });
        Ok(())
    }

    /// Records a frame that was not queued; `unsent` bytes of it are in the wire buffer.
    pub(super) fn note_on_wire(&mut self, what: Queued, sent: u64, unsent: u64) {
        self.forget_sent(sent);
        match what {
            Queued::MessageEnd if unsent > 0 && self.first_end.messages == 0 => {
                self.first_end = MessageEnds {
                    position: sent + unsent,
                    messages: 1,
                };
            }
            Queued::MessageEnd if unsent > 0 => {
                let more = &mut self.backlog.get_or_insert_default().ends;
                note_end(&mut self.first_end, more, sent + unsent, 1);
            }
            Queued::Ping => self.ping_end = sent + unsent,
            _ => {}
        }
    }

    /// The backlog, with room for the end of one more message, so that recording it cannot fail.
    fn backlog_with_room(&mut self) -> Result<&mut Backlog, Error> {
        let backlog = self.backlog.get_or_insert_default();
        let count = backlog.messages as usize + 1;
        let reserved = backlog.ends.try_reserve(count);
        reserved.map_err(|_| Error::no_memory((count * size_of::<MessageEnds>()) as u64))?;
        Ok(backlog)
    }

    /// Moves the next frames, or the next piece of one, to the wire buffer, which is empty; false
    /// if there is none.
    pub(super) fn seal_next(&mut self, stream: &Stream, wire: &mut Outbox) -> Result<bool, Error> {
        let sent = stream.bytes_sent.get();
        let Some(backlog) = &mut self.backlog else {
            return Ok(false);
        };
        let Some(front) = backlog.waiting.front_mut() else {
            return Ok(false);
        };
        let before = front.taken;
        if stream.is_tls() {
            let rest = front.bytes.get(before..).unwrap_or_default();
            let piece = rest.get(..PIECE).unwrap_or(rest);
            stream.reserve_sealed(piece.len(), wire)?;
            stream.encrypt(piece, wire)?;
            front.taken += piece.len();
        } else {
            front.taken = front.bytes.len();
            wire.take(&mut front.bytes)?;
        }
        backlog.bytes -= front.taken - before;
        // Under TLS the end of the encrypted piece stands for each message end in it.
        let sealed_end = sent + wire.unsent().len() as u64;
        let position = |end: usize| match stream.is_tls() {
            true => sealed_end,
            false => sent + end as u64,
        };
        while let Some(end) = front.ends.front().filter(|end| **end <= front.taken) {
            let position = position(*end);
            note_end(&mut self.first_end, &mut backlog.ends, position, 1);
            backlog.messages -= 1;
            front.ends.pop_front();
        }
        if let Some(end) = front.ping_end.take_if(|end| *end <= front.taken) {
            backlog.pings -= 1;
            if backlog.pings == 0 {
                self.ping_end = position(end);
            }
        }
        if front.taken == front.bytes.len() || front.bytes.is_empty() {
            let corked_messages = front.corked_messages;
            backlog.messages -= corked_messages;
            if corked_messages > 0 && backlog.ends.try_reserve(1).is_ok() {
                let ends = &mut backlog.ends;
                note_end(&mut self.first_end, ends, sealed_end, corked_messages);
            }
            backlog.waiting.pop_front();
        }
        Ok(true)
    }

    pub(super) fn forget_sent(&mut self, sent: u64) {
        while self.first_end.messages > 0 && self.first_end.position <= sent {
            let backlog = self.backlog.as_mut();
            let next = backlog.and_then(|backlog| backlog.ends.pop_front());
            self.first_end = next.unwrap_or_default();
        }
    }

    /// Frees the memory that the queued frames do not need.
    pub(super) fn shrink(&mut self) {
        let is_over = |it: &mut Box<Backlog>| it.waiting.is_empty() && it.ends.is_empty();
        self.backlog.take_if(is_over);
        if let Some(backlog) = &mut self.backlog {
            backlog.ends.shrink_to_fit();
            backlog.waiting.shrink_to_fit();
        }
    }

    /// Records the kind of the frame at the end of `waiting`.
    fn note_queued(&mut self, what: Queued) {
        let Some(backlog) = &mut self.backlog else {
            return;
        };
        let Some(last) = backlog.waiting.back_mut() else {
            return;
        };
        let end = last.bytes.len();
        match what {
            Queued::MessageEnd => {
                last.ends.push_back(end);
                backlog.messages += 1;
            }
            Queued::Ping => {
                backlog.pings += usize::from(last.ping_end.replace(end).is_none());
                self.ping_end = u64::MAX;
            }
            Queued::Other => {}
        }
    }
}

pub fn queue_is_full(queued: u64, limit: u64) -> Error {
    let message = format!("the send queue already holds {queued} bytes; the limit is {limit}");
    Error::new(Kind::WouldBlock, message).in_phase(Phase::Open)
}

/// There is room for one more position.
fn note_end(
    first: &mut MessageEnds,
    more: &mut VecDeque<MessageEnds>,
    position: u64,
    messages: u64,
) {
    if first.messages == 0 {
        *first = MessageEnds { position, messages };
        return;
    }
    let last = more.back_mut().unwrap_or(first);
    if last.position == position {
        last.messages += messages;
    } else {
        more.push_back(MessageEnds { position, messages });
    }
}

/// Reserves room for one more.
fn reserve<T>(entries: &mut VecDeque<T>) -> Result<(), Error> {
    let reserved = entries.try_reserve(1);
    reserved.map_err(|_| Error::no_memory(size_of::<T>() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::socket::{SocketOptions, SuppliedSocket};
    use crate::protocol::ws::opcode::Opcode;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    /// A stream without TLS, and its other end, which must stay open.
    fn stream() -> (Stream, UnixStream) {
        let (near, far) = UnixStream::pair().expect("sockets");
        let near = SuppliedSocket::new(near.as_raw_fd());
        let near = near.take(&SocketOptions::default()).expect("a socket");
        (Stream::new(near), far)
    }

    fn frame(queue: &mut Queue, opcode: Opcode, payload: &[u8], what: Queued) {
        let header = Header::masked(opcode, true, payload.len(), [0; 4]);
        queue.append(&header, payload, what).expect("memory");
    }

    /// The number of entries in which frames wait.
    fn waiting(queue: &Queue) -> usize {
        let backlog = queue.backlog.as_ref();
        backlog.map_or(0, |backlog| backlog.waiting.len())
    }

    /// Moves the next entry to the wire buffer, and sends it.
    fn send_next(queue: &mut Queue, stream: &Stream, wire: &mut Outbox) -> bool {
        let is_more = queue.seal_next(stream, wire).expect("memory");
        assert!(stream.push(wire).expect("the other end is open"));
        is_more
    }

    #[test]
    fn messages_and_bytes_are_counted_until_they_are_sent() {
        let ((stream, _far), mut queue) = (stream(), Queue::default());
        let mut wire = Outbox::default();
        frame(&mut queue, Opcode::Text, b"abc", Queued::MessageEnd);
        frame(&mut queue, Opcode::Text, b"d", Queued::Other);
        queue
            .add(vec![0; 1000], Queued::MessageEnd)
            .expect("memory");
        queue.corked_messages = 2;
        queue.add_corked(&mut vec![0; 50]).expect("memory");
        queue.corked_messages = 1;
        // Two headers of six bytes.
        assert_eq!(queue.bytes(), 9 + 7 + 1000 + 50);
        let mut left = Vec::new();
        loop {
            left.push(queue.unsent_messages(stream.bytes_sent.get()));
            if !send_next(&mut queue, &stream, &mut wire) {
                break;
            }
        }
        assert_eq!(left, [5, 4, 3, 1]);
        assert_eq!((queue.bytes(), queue.is_empty()), (0, true));
    }

    #[test]
    fn a_partly_sent_message_is_unsent() {
        let mut queue = Queue::default();
        queue.note_on_wire(Queued::MessageEnd, 100, 20);
        queue.note_on_wire(Queued::MessageEnd, 100, 30);
        assert_eq!(queue.unsent_messages(119), 2);
        assert_eq!(queue.unsent_messages(120), 1);
        queue.note_on_wire(Queued::MessageEnd, 120, 0);
        assert_eq!(queue.unsent_messages(120), 1);
        assert_eq!(queue.unsent_messages(130), 0);
    }

    #[test]
    fn the_end_of_the_last_ping_is_known_once_it_is_in_the_wire_buffer() {
        let ((stream, _far), mut queue) = (stream(), Queue::default());
        let mut wire = Outbox::default();
        queue.note_on_wire(Queued::Ping, 5, 0);
        assert_eq!(queue.ping_end(), 5);
        frame(&mut queue, Opcode::Ping, b"1", Queued::Ping);
        queue
            .add(vec![0; 1000], Queued::MessageEnd)
            .expect("memory");
        frame(&mut queue, Opcode::Ping, b"22", Queued::Ping);
        frame(&mut queue, Opcode::Ping, b"333", Queued::Ping);
        while queue.bytes() > 8 + 9 {
            assert_eq!(queue.ping_end(), u64::MAX);
            send_next(&mut queue, &stream, &mut wire);
        }
        send_next(&mut queue, &stream, &mut wire);
        assert_eq!(queue.ping_end(), 7 + 1000 + 8 + 9);
    }

    #[test]
    fn small_frames_share_memory_and_large_ones_do_not() {
        let mut queue = Queue::default();
        for _ in 0..100 {
            frame(&mut queue, Opcode::Binary, &[0; 100], Queued::MessageEnd);
        }
        assert_eq!(waiting(&queue), 1);
        frame(
            &mut queue,
            Opcode::Binary,
            &[0; PIECE - 100],
            Queued::MessageEnd,
        );
        assert_eq!(waiting(&queue), 2);
        assert!(queue.is_between_frames());
    }
}
