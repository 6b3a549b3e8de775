// SPDX-License-Identifier: Apache-2.0
//! The sending side of an open connection, used by any number of threads.
//!
//! A frame is written in one turn, so frames are never interleaved. A small frame that the socket
//! takes at once is sent under the lock, with one `send(2)`. For anything that takes longer the
//! thread marks the turn as taken and takes the buffers, so that the lock is free while it masks,
//! encrypts, sends and waits.
//!
//! A receiving thread never waits here: it sends its replies (a pong, a close frame, bytes of TLS)
//! at once, or leaves them to the thread that holds the turn, or sends them when there is room.

use super::buffers::{PIECE, WHOLE};
use super::compressor::Compressor;
use super::enqueue::{enqueue, make_room};
use super::keys::{Keys, MaskKeyFn};
use super::outbound::{Outbound, WhenFull};
use super::queue::Unsent;
use super::state::{SendSide, SendState};
use super::turn::WriteTurn;
use crate::base::error::{Error, Kind};
use crate::base::outbox::Outbox;
use crate::conn::stats::Stats;
use crate::conn::trace;
use crate::net::stream::Stream;
use crate::protocol::ws::deflate::Deflater;
use crate::protocol::ws::frame::Header;
use crate::protocol::ws::mask::MaskKey;
use crate::protocol::ws::message::Message;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::{ControlReply, Sender};

/// The most that TLS itself may have to send while the peer does not read, for example endless key
/// updates.
const MAX_TLS_BACKLOG: usize = 1 << 20;

pub struct Writer {
    side: SendSide,
    /// `None`: whole messages are sent unchanged, with generated keys.
    rewriting: Option<Box<Rewriting>>,
}

/// How messages are changed before they are sent.
struct Rewriting {
    /// Messages of fewer bytes are not compressed; `None` if compression was not negotiated.
    threshold: Option<u64>,
    mask_key: Option<MaskKeyFn>,
}

/// What a driver checks after each step.
#[derive(Clone, Copy, Debug)]
pub struct SendProgress {
    pub is_clean: bool,
    pub is_close_sent: bool,
    pub is_broken: bool,
}

impl Writer {
    /// `wire` holds the rest of the handshake; `deflate` is the threshold and the context if
    /// compression was negotiated.
    pub(in crate::conn) fn new(
        stream: Stream,
        keys: Keys,
        mask_key: Option<MaskKeyFn>,
        deflate: Option<(u64, Box<Deflater>)>,
        wire: Outbox,
    ) -> Self {
        let (threshold, deflater) = deflate.unzip();
        let is_plain = threshold.is_none() && mask_key.is_none();
        let rewriting = Rewriting {
            threshold,
            mask_key,
        };
        Self {
            side: SendSide::new(stream, keys, deflater, wire),
            rewriting: (!is_plain).then(|| Box::new(rewriting)),
        }
    }

    pub fn stream(&self) -> &Stream {
        &self.side.stream
    }

    /// The counters of both directions.
    pub(in crate::conn) fn stats(&self) -> &Stats {
        &self.side.stats
    }

    /// Sends one whole frame.
    #[inline]
    pub fn send(&self, message: &Outbound<'_>, mut when_full: WhenFull<'_>) -> Result<(), Error> {
        if let Some(opcode) = message.plain_opcode().filter(|_| self.sends_plain()) {
            if self.send_message(opcode, message.payload, &mut when_full)? {
                trace::frame('>', opcode, true, message.payload);
                return Ok(());
            }
        }
        self.send_any(message, when_full)
    }

    /// The fast path: a whole message with nothing before it is corked, or sent with one `send(2)`.
    /// False: nothing was sent.
    fn send_message(
        &self,
        opcode: Opcode,
        payload: &[u8],
        when_full: &mut WhenFull<'_>,
    ) -> Result<bool, Error> {
        let side = &self.side;
        let mut state = side.state.lock();
        if !side.is_clear_for_message(&state) {
            return Ok(false);
        }
        let (len, is_corked) = (payload.len(), side.is_corked());
        let fits = match when_full {
            _ if is_corked => state.buffers.fits_batch(len, when_full.limit()),
            WhenFull::Wait(_) => len <= WHOLE && side.sends_at_once(&state),
            WhenFull::Queue { .. } => len <= PIECE && side.sends_at_once(&state),
        };
        if !fits {
            return Ok(false);
        }
        state.begin_message(opcode, payload)?;
        if is_corked {
            side.note_corked(&mut state);
        } else {
            let unsent = side.send_begun(&mut state)?;
            match when_full {
                WhenFull::Queue { .. } => side.keep_unsent(&mut state, unsent),
                WhenFull::Wait(budget) if unsent > 0 => {
                    let mut turn = WriteTurn::take(side, state, budget)?;
                    return turn.finish_message(opcode, budget).map(|()| true);
                }
                WhenFull::Wait(_) => {}
            }
        }
        side.count_message();
        Ok(true)
    }

    #[inline(never)]
    fn send_any(&self, message: &Outbound<'_>, when_full: WhenFull<'_>) -> Result<(), Error> {
        let header = if self.sends_plain() {
            self.send_frame(message, when_full)?
        } else {
            self.compress_and_send(message, when_full)?
        };
        trace::frame('>', header.opcode, header.fin, message.payload);
        Ok(())
    }

    /// Whether whole messages are sent unchanged, with generated keys.
    fn sends_plain(&self) -> bool {
        self.rewriting.is_none()
    }

    /// Sends with a key from the caller, or compressed. The caller's functions, for keys and for
    /// the log, run without the lock.
    fn compress_and_send(
        &self,
        message: &Outbound<'_>,
        mut when_full: WhenFull<'_>,
    ) -> Result<Header, Error> {
        let message = Outbound {
            key: self.given_key()?,
            ..*message
        };
        let threshold = self.rewriting.as_ref().and_then(|how| how.threshold);
        let Some(threshold) = threshold else {
            return self.send_frame(&message, when_full);
        };
        let compressor = Compressor::take(&self.side, &message, threshold, when_full.budget())?;
        let Some(mut compressor) = compressor else {
            return self.send_frame(&message, when_full);
        };
        if let WhenFull::Queue { limit } = when_full {
            make_room(&self.side, &mut self.side.lock_for(&message), 0, limit)?;
        }
        let Some(compressed) = compressor.compress(&message, when_full.budget())? else {
            return self.send_frame(&message, when_full);
        };
        let header = self.send_frame(&compressed, when_full)?;
        compressor.commit();
        Ok(header)
    }

    fn send_frame(&self, message: &Outbound<'_>, when_full: WhenFull<'_>) -> Result<Header, Error> {
        let mut state = self.side.lock_for(message);
        // If something is queued before it, a thread with the turn sends that, too.
        let may_cork = match when_full {
            WhenFull::Wait(_) => state.turn.waiting == 0 && !state.has_backlog(),
            WhenFull::Queue { .. } => true,
        };
        if may_cork && self.side.fits_cork(&state, message, when_full.limit()) {
            return self.side.append_corked(&mut state, message);
        }
        match when_full {
            WhenFull::Wait(budget) => {
                WriteTurn::take(&self.side, state, budget)?.send(message, budget)
            }
            WhenFull::Queue { limit } => enqueue(&self.side, state, message, limit),
        }
    }

    /// Keeps data from now on, to send it together.
    pub fn cork(&self) -> Result<(), Error> {
        let state = self.side.state.lock_ahead();
        state.check_end()?;
        self.side.set_corked(true);
        Ok(())
    }

    /// Sends the corked data. On `Timeout` the next send sends it.
    pub fn uncork(&self, when_full: WhenFull<'_>) -> Result<(), Error> {
        // Before any wait: from now on sends include the corked data.
        let mut state = self.side.state.lock();
        self.side.set_corked(false);
        match when_full {
            WhenFull::Wait(budget) => {
                let mut turn = WriteTurn::take(&self.side, state, budget)?;
                turn.clear_backlog(budget)?;
                turn.check_end()
            }
            WhenFull::Queue { .. } => {
                self.side.flush_cork(&mut state)?;
                state.check_broken()
            }
        }
    }

    /// Sends the reply to a received control frame, without waiting.
    pub fn answer(&self, received: &Message<'_>, auto_pong: bool) -> Result<(), Error> {
        let given_key = self.given_key()?;
        let mut state = self.side.state.lock_ahead();
        let reply = state.sender.reply_to(received, auto_pong);
        self.side.note_end(&state);
        let Some(reply) = reply else {
            return Ok(());
        };
        self.post(&mut state, &reply, received.payload, given_key);
        drop(state);
        trace_reply(&reply, received.payload);
        Ok(())
    }

    /// Fails the connection: sends a close frame if one is due, and makes every later call report
    /// `error`. If the connection has ended before, the first reason stays. Returns the reason.
    pub fn fail(&self, error: &Error) -> Error {
        let given_key = self.given_key().ok().flatten();
        let mut state = self.side.state.lock_ahead();
        let reply = state.sender.fail(error);
        self.side.note_end(&state);
        if let Some(reply) = &reply {
            self.post(&mut state, reply, &[], given_key);
            if !state.turn.is_taken && !state.has_backlog() {
                self.side.stream.shutdown_write();
            }
        }
        let cause = state.sender.closing().error();
        drop(state);
        if let Some(reply) = &reply {
            trace_reply(reply, &[]);
        }
        cause.unwrap_or_else(|| error.clone())
    }

    /// True while a receiving thread must wait for room to write, too.
    pub fn has_backlog(&self) -> bool {
        self.side.has_backlog()
    }

    /// The opposite of [`Writer::has_backlog`], read under the lock: what the caller has written
    /// before is seen by the thread that clears the backlog after this.
    pub fn is_idle(&self) -> bool {
        !self.side.state.lock_ahead().has_backlog()
    }

    /// Called before a receive waits: queues the corked data, because the server may wait for it
    /// before it replies.
    #[inline]
    pub fn end_batch(&self) {
        if self.side.has_corked_data() {
            self.queue_batch();
        }
    }

    #[cold]
    fn queue_batch(&self) {
        let mut state = self.side.state.lock_ahead();
        // Without memory it stays corked.
        let _ = state.queue_corked();
        self.side.note_backlog(&mut state);
    }

    /// Sends what is pending, without waiting. For a receiving thread that has found room, or bytes
    /// that TLS has to send.
    pub fn flush(&self) -> Result<(), Error> {
        let mut state = self.side.state.lock_ahead();
        state.is_tls_due |= self.side.stream.is_tls();
        if !state.turn.is_taken && !self.side.is_corked() {
            // Left by an uncork that timed out. Without memory it stays corked.
            let _ = state.queue_corked();
        }
        self.side.push(&mut state);
        self.side.forget_sent(&mut state);
        if self.side.stream.tls_output_len() > MAX_TLS_BACKLOG {
            return Err(Error::new(
                Kind::ConnectionLost,
                "the server keeps requesting TLS replies, but does not read them",
            ));
        }
        Ok(())
    }

    /// Sends close_notify (RFC 8446 section 6.1), as far as that needs no waiting.
    pub fn end_tls(&self) {
        let mut state = self.side.state.lock_ahead();
        if state.turn.is_taken || state.broken.is_some() {
            return;
        }
        self.side.push(&mut state);
        if state.has_backlog() {
            // TLS takes nothing after close_notify.
            return;
        }
        self.side.stream.end_tls();
        state.is_tls_due |= self.side.stream.is_tls();
        self.side.push(&mut state);
    }

    /// False while the connection is open and can send: then [`Writer::progress`] need not be
    /// checked.
    pub fn is_ending(&self) -> bool {
        self.side.is_ending()
    }

    /// The state of the closing handshake, and whether something can still be sent.
    pub fn progress(&self) -> SendProgress {
        let state = self.side.state.lock_ahead();
        let closing = state.sender.closing();
        SendProgress {
            is_clean: closing.is_clean(),
            is_close_sent: closing.is_sent(),
            is_broken: state.broken.is_some(),
        }
    }

    /// Why nothing can be sent any more, though the connection may still be open.
    pub fn failure(&self) -> Option<Error> {
        self.side.state.lock_ahead().broken.clone()
    }

    /// Runs `look` on the protocol state, under the lock.
    pub fn with_sender<T>(&self, look: impl FnOnce(&Sender) -> T) -> T {
        look(&self.side.state.lock_ahead().sender)
    }

    /// Whether messages can still be sent.
    pub fn is_open(&self) -> bool {
        let state = self.side.state.lock_ahead();
        state.broken.is_none() && state.sender.closing().is_open()
    }

    /// True once when something is pending, so the socket must be watched for room.
    pub fn take_watch(&self) -> bool {
        if !self.has_backlog() {
            return false;
        }
        // Under the lock, because emptying the queue resets this.
        let mut state = self.side.state.lock_ahead();
        self.has_backlog() && !std::mem::replace(&mut state.is_announced, true)
    }

    pub fn unsent_bytes(&self) -> u64 {
        self.side.state.lock_ahead().queued_bytes() as u64
    }

    /// What was queued and has not been passed to the system yet.
    pub fn unsent(&self) -> Unsent {
        let state = self.side.state.lock_ahead();
        let sent = self.side.stream.bytes_sent.get();
        Unsent {
            messages: state.queue.unsent_messages(sent),
            bytes: state.queued_bytes() as u64,
        }
    }

    /// The position at which the last ping ends, counted like [`Stream::bytes_sent`]; `u64::MAX`
    /// while it is not known.
    pub fn ping_end(&self) -> u64 {
        self.side.state.lock_ahead().queue.ping_end()
    }

    /// Whether the driver must check after each step if there is room again.
    pub fn is_room_wanted(&self) -> bool {
        self.side.is_room_wanted()
    }

    /// For messages that wait outside the writer; the caller holds the lock of their queue.
    pub fn want_room(&self, is_wanted: bool) {
        self.side.want_room(is_wanted);
    }

    /// True once after a message was rejected, when half of the room is free again.
    pub fn has_drained(&self, limit: u64) -> bool {
        let state = self.side.state.lock_ahead();
        let has_room = state.queued_bytes() as u64 <= limit / 2;
        if has_room {
            self.side.want_room(false);
        }
        has_room
    }

    fn given_key(&self) -> Result<Option<MaskKey>, Error> {
        let rewriting = self.rewriting.as_ref();
        let mask_key = rewriting.and_then(|how| how.mask_key.as_ref());
        mask_key.map(|mask_key| mask_key()).transpose()
    }

    /// Sends a control frame now, or leaves it to the thread that holds the turn.
    fn post(
        &self,
        state: &mut SendState,
        reply: &ControlReply,
        ping_payload: &[u8],
        given_key: Option<MaskKey>,
    ) {
        let key = given_key.unwrap_or_else(|| state.mask_key());
        let pending = state.pending.get_or_insert_default();
        let frame = match reply {
            ControlReply::Pong => &mut pending.pong,
            ControlReply::Close(_) => &mut pending.close,
        };
        frame.clear();
        reply.encode(ping_payload, key, frame);
        self.side.push(state);
    }
}

fn trace_reply(reply: &ControlReply, ping_payload: &[u8]) {
    match reply {
        ControlReply::Pong => trace::frame('>', Opcode::Pong, true, ping_payload),
        ControlReply::Close(frame) => trace::frame('>', Opcode::Close, true, &frame.payload()),
    }
}
