// SPDX-License-Identifier: Apache-2.0
//! One open connection of an app, driven by readiness. It owns everything that belongs to that
//! connection alone.

use super::callbacks::Callbacks;
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::Arc;
use crate::conn::close_wait::{CONTROL_FRAME_BYTES, CloseWait};
use crate::conn::link::Link;
use crate::conn::options::LINGER;
use crate::conn::receive::reader::{ReadBuffers, Reader};
use crate::conn::send::outbound::{Outbound, WhenFull};
use crate::net::epoll::Readiness;
use crate::net::poll::{Interest, Poll};
use crate::protocol::keepalive::{Due, Keepalive, KeepaliveOptions};
use crate::protocol::ws::close::CloseFrame;
use crate::protocol::ws::message::Delivery;
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::sender::Frame;
use std::time::{Duration, Instant};

pub struct AppConnection {
    reader: Reader,
    /// `None` if pings are disabled.
    pings: Option<Box<Pings>>,
    opened_at: Instant,
    stage: Stage,
    /// An error that prevents sending although the socket works.
    send_error: Option<Error>,
}

struct Pings {
    keepalive: Keepalive,
    seen: Movement,
}

/// The byte counters at the last check for movement.
#[derive(Default)]
struct Movement {
    delivered: u64,
    received: u64,
}

/// How a connection ended: `Ok` after a closing handshake.
pub type End = Result<(), Error>;

enum Stage {
    Open,
    /// The user wants nothing to be read.
    Paused,
    /// One close frame has been sent or received, the other one has not.
    Closing(Box<CloseWait>),
    /// The handshake is over, with this result; waiting for the server to end the stream.
    Lingering(Deadline, End),
}

impl AppConnection {
    pub fn new(reader: Reader, options: &Arc<KeepaliveOptions>, now: Instant) -> Self {
        Self {
            reader,
            pings: Self::pings(options, now),
            opened_at: now,
            stage: Stage::Open,
            send_error: None,
        }
    }

    pub fn link(&self) -> &Arc<Link> {
        self.reader.link()
    }

    pub fn opened_at(&self) -> Instant {
        self.opened_at
    }

    /// Advances as far as possible. Returns how the connection has ended, once it has.
    pub fn step(
        &mut self,
        now: Instant,
        ready: Readiness,
        memory: &mut ReadBuffers,
        callbacks: &mut Callbacks<'_>,
    ) -> Option<End> {
        if ready.writable {
            // A failure is noticed below.
            let _ = self.reader.link().writer().flush();
        }
        // Data that has arrived in time counts, even if the driver is late.
        let may_read = ready.readable || self.next_step().has_passed(now);
        let end = match self.stage {
            Stage::Lingering(..) => self.linger(now, may_read, memory),
            Stage::Paused => None,
            _ if self.reader.is_closed() => {
                self.drain(may_read, memory).then(|| self.stream_ended())
            }
            _ => self.receive(now, may_read, memory, callbacks),
        };
        let end = end.or_else(|| self.handle_deadlines(now));
        if end.is_none() && self.link().writer().is_room_wanted() {
            self.use_room(callbacks);
        }
        end
    }

    /// Sends what waits, as far as there is room, and reports that there is room again.
    #[cold]
    pub fn use_room(&self, callbacks: &mut Callbacks<'_>) {
        let link = self.link();
        callbacks.app.pass_waiting();
        if link.writer().is_room_wanted() && callbacks.app.has_drained(link) {
            callbacks.on_drain();
        }
    }

    /// Sends our close frame, if none was sent, and starts the close timeout.
    pub fn close(&mut self, frame: &CloseFrame) {
        if !matches!(self.stage, Stage::Open | Stage::Paused) {
            return;
        }
        let payload = frame.payload();
        // A failure is noticed later.
        let _ = self.submit(&Outbound::uncompressed(Frame::Close, &payload));
        self.begin_closing();
    }

    /// Adds the descriptor to wait for.
    pub fn add_interest(&self, poll: &mut Poll) {
        match self.stage {
            // The system reports the end of a stream even to those who do not want to read.
            Stage::Paused if self.wants_to_write() => {
                let fd = self.reader.link().stream().fd();
                poll.add(fd, false, true);
            }
            Stage::Paused => {}
            _ => self.reader.add_interest(poll),
        }
    }

    /// The descriptor to wait for, and whether there is something to read that it does not show.
    /// `None` while it is paused.
    pub fn interest(&self) -> Option<(Interest, bool)> {
        match self.stage {
            Stage::Paused => None,
            _ => Some(self.reader.interest()),
        }
    }

    /// Whether the last step has read everything that had arrived; false if that is not known.
    pub fn has_emptied_socket(&self) -> bool {
        self.reader.has_emptied_socket()
    }

    pub fn set_paused(&mut self, is_paused: bool) {
        match self.stage {
            Stage::Open if is_paused => self.stage = Stage::Paused,
            Stage::Paused if !is_paused => {
                self.stage = Stage::Open;
                // What has arrived meanwhile says nothing about pings.
                self.pings = Self::pings(&self.reader.link().options.ping, Instant::now());
            }
            _ => {}
        }
    }

    fn pings(options: &Arc<KeepaliveOptions>, now: Instant) -> Option<Box<Pings>> {
        options.interval.map(|_| {
            Box::new(Pings {
                keepalive: Keepalive::new(Arc::clone(options), now),
                seen: Movement::default(),
            })
        })
    }

    fn wants_to_write(&self) -> bool {
        self.reader.link().writer().has_backlog()
    }

    /// When to step even if no descriptor is ready.
    pub fn next_step(&self) -> Deadline {
        match &self.stage {
            Stage::Open => self.next_ping(),
            Stage::Paused => Deadline::NEVER,
            Stage::Closing(wait) => wait.next_step(),
            Stage::Lingering(deadline, _) => *deadline,
        }
    }

    fn next_ping(&self) -> Deadline {
        let pings = self.pings.as_ref();
        pings.map_or(Deadline::NEVER, |pings| pings.keepalive.next_step())
    }

    /// Sends a frame of the library's own, regardless of the queue limit.
    fn submit(&mut self, message: &Outbound<'_>) -> Result<(), Error> {
        let submitted = self
            .reader
            .link()
            .writer()
            .send(message, WhenFull::Queue { limit: u64::MAX });
        // Other failures are recorded by the writer.
        self.send_error = submitted.clone().err();
        self.send_error
            .take_if(|error| error.kind() != Kind::Internal);
        submitted
    }

    fn receive(
        &mut self,
        now: Instant,
        mut may_read: bool,
        memory: &mut ReadBuffers,
        callbacks: &mut Callbacks<'_>,
    ) -> Option<End> {
        self.reader.borrow(memory);
        let result = loop {
            let delivery = self.delivery(callbacks);
            match self.reader.next_ready(delivery, &mut may_read) {
                Ok(true) => self.deliver(now, callbacks),
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
            if !self.reader.may_have_more(may_read) || !callbacks.delivers_more() {
                break Ok(());
            }
        };
        self.reader.give_back(memory);
        result.err().and_then(|error| self.fail(error))
    }

    fn delivery(&self, callbacks: &mut Callbacks<'_>) -> Delivery {
        let in_progress = self.reader.delivery_in_progress();
        in_progress.unwrap_or_else(|| match callbacks.delivers_parts() {
            true => Delivery::Parts,
            false => Delivery::Messages,
        })
    }

    fn deliver(&mut self, now: Instant, callbacks: &mut Callbacks<'_>) {
        let message = self.reader.message();
        match message.opcode {
            Opcode::Ping => callbacks.on_ping(&message),
            Opcode::Pong => {
                let pings = self.pings.as_mut();
                let rtt = pings.and_then(|it| it.keepalive.note_pong(message.payload, now));
                if let Some(rtt) = rtt {
                    callbacks.app.set_rtt(rtt);
                }
                callbacks.on_pong(&message);
            }
            // `on_close` reports it.
            Opcode::Close => {}
            _ => callbacks.on_data(&mut self.reader),
        }
    }

    /// The close frame that names the error must reach the server, so this side does not drop the
    /// connection at once.
    fn fail(&mut self, error: Error) -> Option<End> {
        if error.kind().close_code().is_none() {
            return Some(Err(error));
        }
        self.stage = Stage::Lingering(deadline(Some(LINGER)), Err(error));
        None
    }

    /// Discards what arrives after the handshake; true when the server has ended the stream.
    #[cold]
    fn drain(&mut self, may_read: bool, memory: &mut ReadBuffers) -> bool {
        self.reader.borrow(memory);
        let has_ended = self.reader.drain_ready(may_read);
        self.reader.give_back(memory);
        has_ended
    }

    /// The server has sent its close frame, and ended the stream.
    fn stream_ended(&self) -> End {
        if !self.wants_to_write() {
            return Ok(());
        }
        let message = "the server ended the connection before it read our close frame";
        Err(Error::new(Kind::ConnectionLost, message).in_phase(Phase::Close))
    }

    #[cold]
    fn linger(&mut self, now: Instant, may_read: bool, memory: &mut ReadBuffers) -> Option<End> {
        let has_ended = self.drain(may_read, memory);
        match &self.stage {
            Stage::Lingering(deadline, end) if has_ended || deadline.has_passed(now) => {
                Some(end.clone())
            }
            _ => None,
        }
    }

    /// Does what is due by time.
    fn handle_deadlines(&mut self, now: Instant) -> Option<End> {
        let writer = self.reader.link().writer();
        if let Some(send_error) = self.send_error.take() {
            return Some(Err(send_error));
        }
        let is_quiet = matches!(self.stage, Stage::Open) && !writer.is_ending();
        if is_quiet && self.pings.is_none() {
            return None;
        }
        let progress = writer.progress();
        match &mut self.stage {
            Stage::Lingering(..) => None,
            _ if progress.is_clean && !writer.has_backlog() => {
                writer.end_tls();
                self.stage = Stage::Lingering(deadline(Some(LINGER)), Ok(()));
                None
            }
            Stage::Open | Stage::Paused if progress.is_close_sent || progress.is_broken => {
                self.begin_closing();
                None
            }
            Stage::Open => self.keep_alive(now),
            Stage::Paused => None,
            Stage::Closing(wait) => {
                let is_late = wait.next_step().has_passed(now)
                    && wait.is_over(now, self.reader.link().progress());
                is_late.then(|| Err(self.close_timed_out()))
            }
        }
    }

    fn begin_closing(&mut self) {
        let link = self.reader.link();
        let (span, progress) = (link.options.close_span(), link.progress());
        let wait = CloseWait::while_moving(span, Instant::now(), progress);
        self.stage = Stage::Closing(Box::new(wait));
    }

    fn keep_alive(&mut self, now: Instant) -> Option<End> {
        let pings = self.pings.as_mut()?;
        if !pings.keepalive.next_step().has_passed(now) {
            return None;
        }
        let has_moved = pings.seen.has_moved(self.reader.link());
        let is_queued =
            self.reader.link().writer().ping_end() > self.reader.link().stream().bytes_sent.get();
        match pings.keepalive.step(Instant::now(), has_moved, is_queued) {
            Due::Nothing => None,
            Due::Ping(payload) => {
                self.ping(&payload);
                None
            }
            Due::Dead => {
                let message = "the server did not answer a ping in time";
                let error = Error::new(Kind::PongTimeout, message);
                Some(Err(error.in_phase(Phase::Open)))
            }
        }
    }

    #[cold]
    fn ping(&mut self, payload: &[u8]) {
        let link = Arc::clone(self.link());
        let ping = Outbound::uncompressed(Frame::Whole(Opcode::Ping), payload);
        // A failure is noticed later.
        let _ = link.ping(payload, || self.submit(&ping));
    }

    fn close_timed_out(&self) -> Error {
        let what = if self.reader.is_closed() {
            "the server did not read all data sent before the close frame in time"
        } else {
            "the server did not answer the close frame in time"
        };
        let late = Error::new(Kind::Timeout, format!("{what}; the connection was dropped"));
        // If sending has failed, that is the cause.
        let failure = self.reader.link().writer().failure();
        failure.unwrap_or_else(|| late.in_phase(Phase::Close))
    }
}

impl Movement {
    /// Whether bytes have moved that delay the ping, in any buffer, or that may delay its pong.
    fn has_moved(&mut self, link: &Link) -> bool {
        let stream = link.stream();
        let (delivered, received) = (stream.delivered(), stream.bytes_received.get());
        let ping_end = link.writer().ping_end();
        let ping = match ping_end {
            u64::MAX => u64::MAX,
            // Delivery of the ping itself is not movement.
            end => end.saturating_sub(CONTROL_FRAME_BYTES),
        };
        let out = self.delivered < ping && delivered > self.delivered;
        let into = received > self.received;
        (self.delivered, self.received) = (delivered, received);
        out || into
    }
}

/// From now, not from the start of the turn: a callback may have taken long.
fn deadline(span: Option<Duration>) -> Deadline {
    Deadline::after(Instant::now(), span)
}
