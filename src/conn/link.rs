// SPDX-License-Identifier: Apache-2.0
//! An open connection: what all threads share of it. Its reader belongs to whoever receives.

use super::close_wait::Progress;
use super::stats::Totals;
use crate::base::error::{Error, Kind, Phase};
use crate::base::log::{self, Level};
use crate::base::sync::{Arc, AtomicBool, OnceLock, Ordering};
use crate::conn::send::queue::Unsent;
use crate::conn::send::writer::Writer;
use crate::net::stream::Stream;
use crate::net::tls::channel::TlsInfo;
use std::borrow::Cow;
use std::ffi::CString;

pub struct Link {
    pub(super) writer: Writer,
    pub(super) auto_pong: bool,
    /// Of an owner who aborts by a flag.
    is_aborted: Option<Arc<AtomicBool>>,
    /// The server speaks TLS, and not a proxy alone.
    is_secure: bool,
    /// Made when it is first asked for.
    tls_info: OnceLock<Box<TlsInfo>>,
}

impl Link {
    /// `is_aborted` is the owner's, so that no abort falls between connecting and this.
    pub(super) fn new(
        writer: Writer,
        auto_pong: bool,
        is_aborted: Option<Arc<AtomicBool>>,
        is_secure: bool,
    ) -> Self {
        Self {
            auto_pong,
            is_aborted,
            is_secure,
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

    /// What was queued and the system has not taken.
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

    /// What TLS has agreed on with the server.
    pub fn tls_info(&self) -> Option<&TlsInfo> {
        let made = || Box::new(self.stream().tls_info().unwrap_or_default());
        self.is_secure.then(|| &**self.tls_info.get_or_init(made))
    }

    /// Ends the connection by `error`; what it had ended by before stays the reason, and is
    /// returned.
    pub(super) fn fail(&self, error: Error) -> Error {
        let error = if self.is_aborted() {
            // What the socket says is the abort's doing.
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

    /// Ends the connection at once, on this side too.
    pub fn end_with(&self, error: &Error) {
        log::write(Level::Info, format_args!("{}: {error}", self.peer()));
        self.writer.fail(error);
        self.stream().shutdown();
    }

    /// The same, where nothing has ended it before.
    pub fn end_unless_ended(&self, error: &Error) {
        let end = self.writer.with_sender(|sender| sender.closing().error());
        if end.is_none() {
            self.end_with(error);
        }
    }

    /// The server, for the log.
    pub fn peer(&self) -> Cow<'_, str> {
        self.peer_address().to_string_lossy()
    }

    /// Why there is nothing more to receive.
    pub(super) fn end(&self) -> Error {
        let end = self.writer.with_sender(|sender| sender.closing().error());
        end.unwrap_or_else(|| {
            Error::new(Kind::Internal, "the connection has ended without a reason")
        })
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
        // The abort itself may have come in a signal handler, which can do no more than set the
        // flag.
        self.end_unless_ended(&error);
        Err(error)
    }
}

impl Drop for Link {
    /// A descriptor that the caller has, too, would keep the transport open.
    fn drop(&mut self) {
        self.stream().shutdown();
    }
}

pub fn aborted() -> Error {
    Error::new(Kind::Aborted, "the connection was aborted")
}
