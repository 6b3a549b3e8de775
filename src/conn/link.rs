// SPDX-License-Identifier: Apache-2.0
//! The part of an open connection that all threads share. The receiving thread owns the reader.

use super::close_wait::Progress;
use super::events::{EventKind, EventSink};
use super::options::Options;
use super::stats::Totals;
use crate::base::error::{Error, Kind, Phase};
use crate::base::log::{self, Level};
use crate::base::sync::{Arc, AtomicBool, OnceLock, Ordering};
use crate::conn::send::queue::Unsent;
use crate::conn::send::writer::Writer;
use crate::net::stream::Stream;
use crate::net::tls::channel::TlsInfo;
use crate::protocol::ws::close::Closing;
use std::borrow::Cow;
use std::ffi::CString;

pub struct Link {
    pub(super) writer: Writer,
    /// Those of the attempt that made it.
    pub options: Arc<Options>,
    /// The owner's abort flag, if it has one.
    is_aborted: Option<Arc<AtomicBool>>,
    /// The server speaks TLS, not only a proxy.
    is_secure: bool,
    /// `None` if nobody listens.
    events: Option<Arc<EventSink>>,
    /// Created on first use.
    tls_info: OnceLock<Box<TlsInfo>>,
}

impl Link {
    /// `is_aborted` is shared with the owner, so that an abort between connecting and this call is
    /// not lost.
    pub(super) fn new(
        writer: Writer,
        options: Arc<Options>,
        is_aborted: Option<Arc<AtomicBool>>,
        is_secure: bool,
        events: Option<Arc<EventSink>>,
    ) -> Self {
        Self {
            options,
            is_aborted,
            is_secure,
            events,
            tls_info: OnceLock::new(),
            writer,
        }
    }

    pub fn stream(&self) -> &Stream {
        self.writer.stream()
    }

    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// What was queued and has not been passed to the system yet.
    pub fn unsent(&self) -> Unsent {
        self.writer.unsent()
    }

    pub fn progress(&self) -> Progress {
        let delivered = self.stream().delivered();
        let accepted = self.stream().bytes_sent.get() + self.writer.unsent_bytes();
        Progress {
            received: self.stream().bytes_received.get(),
            delivered,
            undelivered: accepted.saturating_sub(delivered),
        }
    }

    pub fn frames_sent(&self) -> u64 {
        self.writer.stats().frames_sent.get()
    }

    pub fn totals(&self) -> Totals {
        let stats = self.writer.stats();
        Totals {
            messages_sent: stats.messages_sent.get(),
            messages_received: stats.messages_received.get(),
            frames_sent: stats.frames_sent.get(),
            frames_received: stats.frames_received.get(),
            bytes_sent: self.stream().bytes_sent.get(),
            bytes_received: self.stream().bytes_received.get(),
        }
    }

    pub fn peer_address(&self) -> &CString {
        self.stream().peer_address()
    }

    /// What TLS has negotiated with the server.
    pub fn tls_info(&self) -> Option<&TlsInfo> {
        let made = || Box::new(self.stream().tls_info().unwrap_or_default());
        self.is_secure.then(|| &**self.tls_info.get_or_init(made))
    }

    /// Fails the connection with `error`. If it has ended before, the first reason stays. Returns
    /// the reason.
    pub(super) fn fail(&self, error: Error) -> Error {
        let error = if self.is_aborted() {
            // The socket error is a consequence of the abort.
            aborted().in_phase(Phase::Open)
        } else {
            error.or_in_phase(Phase::Open)
        };
        if self
            .writer
            .with_sender(|sender| sender.closing().error().is_none())
        {
            log::write(Level::Warn, format_args!("{}: {error}", self.peer()));
        }
        self.writer.fail(&error)
    }

    /// Fails the connection and shuts the socket down.
    pub fn end_with(&self, error: &Error) {
        log::write(Level::Info, format_args!("{}: {error}", self.peer()));
        self.writer.fail(error);
        self.stream().shutdown();
    }

    /// Like [`Link::end_with`], unless the connection has ended before.
    pub fn end_unless_ended(&self, error: &Error) {
        let end = self.writer.with_sender(|sender| sender.closing().error());
        if end.is_none() {
            self.end_with(error);
        }
    }

    /// The server's address, for the log.
    pub fn peer(&self) -> Cow<'_, str> {
        self.peer_address().to_string_lossy()
    }

    /// Why there is nothing more to receive.
    pub fn end(&self) -> Error {
        let end = self.writer.with_sender(|sender| sender.closing().error());
        end.unwrap_or_else(|| {
            Error::new(Kind::Internal, "the connection has ended without a reason")
        })
    }

    /// Reports an event.
    pub fn emit(&self, kind: EventKind<'_>) {
        if let Some(events) = &self.events {
            events.emit(kind, Some((self.peer_address(), self.totals())));
        }
    }

    /// Sends a ping whose pong is to be reported with its round-trip time, and reports it.
    pub fn ping(
        &self,
        payload: &[u8],
        send: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(events) = &self.events else {
            return send();
        };
        // Its pong may arrive before `send` returns.
        let number = events.note_ping(payload);
        match send() {
            Ok(()) => self.emit(EventKind::Ping),
            Err(error) => {
                events.forget_ping(number);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Reports that a pong has arrived.
    pub(super) fn emit_pong(&self, payload: &[u8]) {
        if let Some(events) = &self.events {
            self.emit(EventKind::Pong(events.note_pong(payload)));
        }
    }

    /// Reports that the connection has ended, once it has. If only the server has sent a close
    /// frame, the closing handshake may still be completed, unless the connection was aborted.
    #[inline]
    pub(super) fn emit_end(&self) {
        if let Some(events) = &self.events {
            // A failure has no code.
            let is_over = |closing: &Closing, end: &Error| {
                closing.is_sent() || end.close_code() == 0 || self.is_aborted()
            };
            self.emit_end_to(events, is_over);
        }
    }

    /// The same when nothing more can happen.
    pub(super) fn emit_any_end(&self) {
        if let Some(events) = &self.events {
            self.emit_end_to(events, |_, _| true);
        }
    }

    #[cold]
    fn emit_end_to(&self, events: &EventSink, is_over: impl FnOnce(&Closing, &Error) -> bool) {
        let closing = self.writer.with_sender(|sender| sender.closing().clone());
        let error = closing.error().filter(|error| is_over(&closing, error));
        if let Some(error) = error.filter(|_| events.begin_close()) {
            let info = closing.info();
            let error = Some(&error).filter(|_| !info.clean);
            self.emit(EventKind::Closed(&info, Unsent::default(), error, None));
        }
    }

    pub(super) fn is_aborted(&self) -> bool {
        let is_aborted = self.is_aborted.as_ref();
        is_aborted.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    pub(super) fn check_aborted(&self) -> Result<(), Error> {
        if !self.is_aborted() {
            return Ok(());
        }
        let error = aborted().in_phase(Phase::Open);
        // The abort may have come from a signal handler, which can only set the flag.
        self.end_unless_ended(&error);
        Err(error)
    }
}

impl Drop for Link {
    /// A duplicate of the descriptor that the caller holds would keep the connection open.
    fn drop(&mut self) {
        self.stream().shutdown();
    }
}

pub fn aborted() -> Error {
    Error::new(Kind::Aborted, "the connection was aborted")
}
