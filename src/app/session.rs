// SPDX-License-Identifier: Apache-2.0
//! One open connection of an app, driven by readiness: everything that belongs to it alone, and dropped with it.

use super::client::App;
use super::handler::{Handlers, Message, View};
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::Arc;
use crate::conn::link::Link;
use crate::conn::reader::{Memory, Reader};
use crate::conn::submit::Unsent;
use crate::net::epoll::Ready;
use crate::protocol::keepalive::{Due, Keepalive};
use crate::protocol::ws::close::{CloseFrame, Closing};
use crate::protocol::ws::opcode::Opcode;
use crate::protocol::ws::receiver::{Delivery, Event};
use std::time::{Duration, Instant};

/// How long the server may take to end the stream after a closing handshake (RFC 6455 section 7.1.1: it goes first).
const LINGER: Duration = Duration::from_secs(1);

pub struct Session {
    link: Arc<Link>,
    reader: Reader,
    keepalive: Keepalive,
    opened_at: Instant,
    stage: Stage,
    seen: Seen,
}

/// How far the bytes were when it was last looked whether they move.
#[derive(Default)]
struct Seen {
    /// Where the ping begins among what is sent.
    ping: u64,
    delivered: u64,
    received: u64,
}

/// How a connection ended: `Ok` by a closing handshake.
pub type End = Result<(), Error>;

enum Stage {
    Open,
    /// One close frame has been sent or received, the other one has not.
    Closing(Deadline),
    /// All is said, with this result; the server ends the stream.
    Lingering(Deadline, End),
}

/// Who is told, and by whom.
pub struct Audience<'a> {
    pub app: &'a App,
    pub view: &'a mut View,
}

impl Session {
    pub fn new(link: Arc<Link>, reader: Reader, keepalive: Keepalive, now: Instant) -> Self {
        Self {
            link,
            reader,
            keepalive,
            opened_at: now,
            stage: Stage::Open,
            seen: Seen::default(),
        }
    }

    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub fn opened_at(&self) -> Instant {
        self.opened_at
    }

    /// Moves on; `may_read` says whether a read of the socket brings something. The end, when it has come.
    pub fn step(
        &mut self,
        now: Instant,
        ready: Ready,
        memory: &mut Memory,
        audience: &mut Audience<'_>,
    ) -> Option<End> {
        if ready.writable {
            self.flush(audience);
        }
        let received = match self.stage {
            Stage::Lingering(..) => self.linger(now, ready, memory),
            _ => self.receive(now, ready, memory, audience),
        };
        received.or_else(|| self.keep_time(now, audience.app))
    }

    /// Sends our close frame, if none has been.
    pub fn close(&self, frame: &CloseFrame) {
        if !self
            .link
            .writer()
            .with_sender(|sender| sender.closing().is_open())
        {
            return;
        }
        let payload = frame.payload();
        // Where it cannot be sent, the socket tells why.
        let _ = self
            .link
            .writer()
            .submit(self.link.stream(), &payload, u64::MAX, |sender, key| {
                sender.close(payload.len(), key)
            });
    }

    pub fn wants_to_write(&self) -> bool {
        self.link.writer().has_backlog()
    }

    /// When to step even if nothing has come.
    pub fn next_step(&self) -> Deadline {
        match &self.stage {
            Stage::Open => self.keepalive.next_step(),
            Stage::Closing(deadline) | Stage::Lingering(deadline, _) => *deadline,
        }
    }

    fn flush(&mut self, audience: &mut Audience<'_>) {
        let (writer, stream) = (self.link.writer(), self.link.stream());
        // What breaks here is found by the next read.
        let _ = writer.flush(stream);
        if writer.has_drained(audience.app.options.send_queue_limit) {
            audience.tell_drain();
        }
    }

    fn receive(
        &mut self,
        now: Instant,
        ready: Ready,
        memory: &mut Memory,
        audience: &mut Audience<'_>,
    ) -> Option<End> {
        self.reader.borrow(memory);
        let mut may_read = ready.readable;
        let result = loop {
            let delivery = self.delivery(audience);
            let next = self.reader.next_ready(&self.link, delivery, &mut may_read);
            match next {
                Ok(Some(event)) => self.tell(&event, now, audience),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if !audience.app.listens() {
                break Ok(());
            }
        };
        self.reader.give_back(&self.link, memory);
        result.err().and_then(|error| self.fail(error, now))
    }

    fn delivery(&self, audience: &mut Audience<'_>) -> Delivery {
        let under_way = self.reader.delivery_under_way();
        under_way.unwrap_or_else(|| {
            if audience.handlers().fragment.is_some() {
                Delivery::Fragments
            } else {
                Delivery::Messages
            }
        })
    }

    fn tell(&mut self, event: &Event, now: Instant, audience: &mut Audience<'_>) {
        let payload = self.reader.payload();
        match event {
            Event::Data {
                opcode,
                first,
                last,
            } => audience.tell_data(&Message {
                opcode: *opcode,
                first: *first,
                last: *last,
                payload,
            }),
            Event::Ping => audience.tell_ping(payload),
            Event::Pong => {
                if let Some(rtt) = self.keepalive.note_pong(payload, now) {
                    audience.app.set_rtt(rtt);
                }
                audience.tell_pong(payload);
            }
            // Of the end the last callback tells.
            Event::Close(_) | Event::Frame { .. } => {}
        }
    }

    /// A close frame that says what was wrong must reach the server, so this side does not break off at once.
    fn fail(&mut self, error: Error, now: Instant) -> Option<End> {
        if error.kind().close_code().is_none() {
            return Some(Err(error));
        }
        let deadline = Deadline::after(now, Some(LINGER));
        self.stage = Stage::Lingering(deadline, Err(error));
        None
    }

    fn linger(&mut self, now: Instant, ready: Ready, memory: &mut Memory) -> Option<End> {
        self.reader.borrow(memory);
        let has_ended = ready.readable && self.reader.drain_ready(&self.link);
        self.reader.give_back(&self.link, memory);
        match &self.stage {
            Stage::Lingering(deadline, end) if has_ended || deadline.has_passed(now) => {
                Some(end.clone())
            }
            _ => None,
        }
    }

    /// What is due now, whatever has come.
    fn keep_time(&mut self, now: Instant, app: &App) -> Option<End> {
        let closing = self.link.writer().with_sender(|sender| {
            let closing = sender.closing();
            (closing.is_clean(), closing.is_sent())
        });
        match (&self.stage, closing) {
            (Stage::Open | Stage::Closing(_), (true, _)) => {
                self.link.writer().end_tls(self.link.stream());
                let deadline = Deadline::after(now, Some(LINGER));
                self.stage = Stage::Lingering(deadline, Ok(()));
                None
            }
            (Stage::Open, (false, true)) => {
                let span = app.options.close_span(app.options.timeout);
                self.stage = Stage::Closing(Deadline::after(now, span));
                None
            }
            (Stage::Open, (false, false)) => self.keep_alive(now),
            (Stage::Closing(deadline), (false, _)) if deadline.has_passed(now) => {
                Some(Err(self.cut_closing()))
            }
            (Stage::Closing(_) | Stage::Lingering(..), _) => None,
        }
    }

    fn keep_alive(&mut self, now: Instant) -> Option<End> {
        if !self.keepalive.next_step().has_passed(now) {
            return None;
        }
        let has_moved = self.has_moved();
        match self.keepalive.step(now, has_moved) {
            Due::Nothing => None,
            Due::Ping(payload) => {
                let (writer, stream) = (self.link.writer(), self.link.stream());
                self.seen.ping = stream.bytes_sent.get() + writer.unsent(stream).bytes;
                // Where it cannot be sent, the socket tells why.
                let _ = writer.submit(stream, &payload, u64::MAX, |sender, key| {
                    sender.message(Opcode::Ping, payload.len(), key)
                });
                None
            }
            Due::Dead => {
                let message = "the server did not answer a ping in time";
                let error = Error::new(Kind::PongTimeout, message).in_phase(Phase::Open);
                self.link.end_with(&error);
                Some(Err(error))
            }
        }
    }

    /// Whether something moves that is in the way of the ping, in whatever buffer, or of its pong.
    fn has_moved(&mut self) -> bool {
        let stream = self.link.stream();
        let (delivered, received) = (stream.delivered(), stream.bytes_received.get());
        let seen = &mut self.seen;
        let out = seen.delivered < seen.ping && delivered > seen.delivered;
        let into = self.reader.is_in_a_message() && received > seen.received;
        (seen.delivered, seen.received) = (delivered, received);
        out || into
    }

    fn cut_closing(&self) -> Error {
        let what = "the server did not answer the close frame in time";
        let error = Error::new(Kind::Timeout, format!("{what}; the connection was cut"));
        let error = error.in_phase(Phase::Close);
        self.link.end_with(&error);
        error
    }
}

impl Audience<'_> {
    fn handlers(&mut self) -> &Handlers {
        self.view.current(&self.app.handlers)
    }

    pub fn tell_open(&mut self, is_first: bool) {
        let handlers = self.handlers();
        let reconnect = handlers.reconnect.as_ref().filter(|_| !is_first);
        if let Some(open) = reconnect.or(handlers.open.as_ref()) {
            open();
        }
    }

    pub fn tell_error(&mut self, error: &Error, retry: Option<Duration>) {
        if let Some(on_error) = &self.handlers().error {
            on_error(error, retry);
        }
    }

    /// Asked with nothing locked, and of a connection that changes no more.
    pub fn tell_close(&mut self, closing: &Closing, unsent: Unsent) {
        if let Some(close) = &self.handlers().close {
            close(&closing.info(), unsent);
        }
    }

    fn tell_data(&mut self, message: &Message<'_>) {
        if let Some(data) = &self.handlers().data {
            data(message);
            if !self.app.listens() {
                return;
            }
        }
        let handlers = self.handlers();
        if let Some(fragment) = &handlers.fragment {
            fragment(message);
        } else if let Some(whole) = &handlers.message {
            whole(message);
        }
    }

    fn tell_ping(&mut self, payload: &[u8]) {
        if let Some(ping) = &self.handlers().ping {
            ping(&control(Opcode::Ping, payload));
        }
    }

    fn tell_pong(&mut self, payload: &[u8]) {
        if let Some(pong) = &self.handlers().pong {
            pong(&control(Opcode::Pong, payload));
        }
    }

    fn tell_drain(&mut self) {
        if let Some(drain) = &self.handlers().drain {
            drain();
        }
    }
}

fn control(opcode: Opcode, payload: &[u8]) -> Message<'_> {
    Message {
        opcode,
        first: true,
        last: true,
        payload,
    }
}
