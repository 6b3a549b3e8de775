// SPDX-License-Identifier: Apache-2.0
//! What a handle stands for: a recipe, then a connect, then a link that is open until it has ended.

use super::link::{Link, aborted};
use super::options::Options;
use crate::base::deadline::SharedTimeout;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{Arc, AtomicBool, Mutex, OnceLock, Ordering};
use crate::conn::receive::handoff::Handoff;
use crate::conn::receive::reader::Reader;
use crate::net::wake::WakeSlot;
use crate::protocol::http::reply::Response;
use std::os::fd::RawFd;

/// A connection of the caller's. It connects once; while that has not succeeded, it may be tried
/// again.
pub struct Connection {
    pub(super) options: Arc<Options>,
    timeout: SharedTimeout,
    /// Set once, when the connection is open, and kept after its end: everything that belongs to it
    /// alone.
    open: OnceLock<Box<Open>>,
    pub(super) is_connecting: Mutex<bool>,
    /// Ends the wait of the connect under way.
    pub(super) connect_wake: WakeSlot,
    /// One for the connection and its link, so that no abort falls between the two.
    pub(super) is_aborted: Arc<AtomicBool>,
    /// What the server answered the last connect.
    pub(super) response: Mutex<Option<Arc<Response>>>,
    last_error: Mutex<Option<Error>>,
}

/// An open connection, and what hands its reader from thread to thread.
pub(super) struct Open {
    pub(super) link: Arc<Link>,
    pub(super) reader: Handoff<Reader>,
}

impl Connection {
    pub fn new(options: Arc<Options>) -> Self {
        Self {
            timeout: SharedTimeout::new(options.timeout),
            options,
            open: OnceLock::new(),
            is_connecting: Mutex::new(false),
            connect_wake: WakeSlot::default(),
            is_aborted: Arc::default(),
            response: Mutex::new(None),
            last_error: Mutex::new(None),
        }
    }

    /// The open connection, or why there is none.
    pub fn link(&self) -> Result<&Link, Error> {
        self.open_to_end().map(|open| &*open.link)
    }

    /// The descriptor, for the caller's use.
    pub fn fd(&self) -> Result<RawFd, Error> {
        self.open().map(|open| open.link.stream().fd())
    }

    /// For its use, whatever that is.
    #[inline]
    pub(super) fn open(&self) -> Result<&Open, Error> {
        let open = self.open_to_end()?;
        open.link.stream().prepare();
        Ok(open)
    }

    /// For ending it.
    #[inline]
    pub(super) fn open_to_end(&self) -> Result<&Open, Error> {
        if let Some(open) = self.open.get() {
            if self.is_aborted.load(Ordering::Relaxed) {
                self.note_abort(open);
            }
            return Ok(open);
        }
        Err(self.not_open())
    }

    #[cold]
    fn not_open(&self) -> Error {
        let not_connected = || {
            let message = "the connection has not been connected";
            Error::new(Kind::WrongState, message)
        };
        self.check_aborted().err().unwrap_or_else(not_connected)
    }

    pub fn is_open(&self) -> bool {
        !self.is_aborted.load(Ordering::SeqCst)
            && self
                .open
                .get()
                .is_some_and(|open| open.link.writer.is_open())
    }

    pub fn timeout(&self) -> &SharedTimeout {
        &self.timeout
    }

    pub fn response(&self) -> Option<Arc<Response>> {
        self.response.lock().clone()
    }

    pub fn last_error(&self) -> Option<Error> {
        self.last_error.lock().clone()
    }

    pub fn set_last_error(&self, error: &Error) {
        *self.last_error.lock() = Some(error.clone());
    }

    /// Wakes whoever waits, in whatever phase, and lets no later call do anything.
    ///
    /// Async-signal-safe: no lock, no memory, no log. Whoever wakes, or calls next, notes the end.
    /// Threads that wait for another one wake when that one has.
    pub fn abort(&self) {
        self.is_aborted.store(true, Ordering::SeqCst);
        self.connect_wake.signal();
        if let Some(open) = self.open.get() {
            open.link.stream().shutdown();
        }
    }

    /// The failure of a call on an open connection: that of a socket may be an abort's doing.
    pub(super) fn cause(&self, open: &Open, error: Error) -> Error {
        if !error.kind().is_final() || self.check_aborted().is_ok() {
            return error;
        }
        self.note_abort(open);
        open.link.end()
    }

    fn note_abort(&self, open: &Open) {
        // What it returns is for a receive.
        let _ = open.link.check_aborted();
    }

    /// Cuts the transport without a closing handshake.
    pub fn shutdown(&self) -> Result<(), Error> {
        let error = Error::new(Kind::Closed, "the connection was shut down by this side");
        self.open_to_end()?.end_with(&error.in_phase(Phase::Close));
        Ok(())
    }

    /// In a child of the process that made it, when it is forgotten: the descriptor is closed,
    /// nothing else is touched.
    pub fn abandon(&self) {
        if let Some(open) = self.open.get() {
            open.link.stream().abandon();
        }
    }

    /// Whether a connect has succeeded, though the connection may have ended since.
    pub fn is_connected(&self) -> bool {
        self.open.get().is_some()
    }

    /// What a connect has made; there is one.
    pub(super) fn set_open(&self, open: Box<Open>) -> &Open {
        self.open.get_or_init(|| open)
    }

    pub(super) fn check_aborted(&self) -> Result<(), Error> {
        if self.is_aborted.load(Ordering::SeqCst) {
            Err(aborted())
        } else {
            Ok(())
        }
    }
}

impl Open {
    /// Ends the connection at once, on this side too.
    pub(super) fn end_with(&self, error: &Error) {
        self.link.end_with(error);
        self.reader.wake_all();
    }
}
