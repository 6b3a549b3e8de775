// SPDX-License-Identifier: Apache-2.0
//! What a `wsline_conn` handle refers to: options, then a connect, then a link.

use super::link::{Link, aborted};
use super::options::Options;
use crate::base::deadline::SharedTimeout;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{Arc, AtomicBool, Mutex, OnceLock, Ordering};
use crate::conn::receive::handoff::Handoff;
use crate::conn::receive::poll_set::PollSet;
use crate::conn::receive::reader::Reader;
use crate::conn::timings::Timings;
use crate::net::wake::WakeSlot;
use crate::protocol::http::reply::Response;
use std::os::fd::RawFd;
use std::time::Instant;

/// A blocking connection. It connects once; a failed connect may be repeated.
pub struct Connection {
    pub(super) options: Arc<Options>,
    timeout: SharedTimeout,
    /// Set when the connection is open, and kept after it has ended.
    open: OnceLock<Box<Open>>,
    /// Ends the wait of a connect in progress.
    pub(super) connect_wake: WakeSlot,
    /// Shared by the connection and its link, so that an abort between connecting and opening is
    /// not lost.
    pub(super) is_aborted: Arc<AtomicBool>,
    pub(super) last_connect: Mutex<LastConnect>,
    last_error: Mutex<Option<Error>>,
}

/// What is known of the last connect, also while it is in progress.
#[derive(Default)]
pub(super) struct LastConnect {
    pub(super) is_in_progress: bool,
    /// The server's response.
    pub(super) response: Option<Arc<Response>>,
    /// `None` before the first connect.
    pub(super) timings: Option<Timings>,
}

/// An open connection, and its reader, which one thread at a time may use.
pub(super) struct Open {
    pub(super) link: Arc<Link>,
    pub(super) reader: Handoff<Reader>,
    /// Created on first use.
    poll_set: OnceLock<Arc<PollSet>>,
    /// It was shut down, and a receive may still deliver what had arrived.
    pub(super) has_more: AtomicBool,
}

impl Connection {
    pub fn new(options: Arc<Options>) -> Self {
        Self {
            timeout: SharedTimeout::new(options.timeout),
            options,
            open: OnceLock::new(),
            connect_wake: WakeSlot::default(),
            is_aborted: Arc::default(),
            last_connect: Mutex::default(),
            last_error: Mutex::new(None),
        }
    }

    /// The open connection, or why there is none.
    pub fn link(&self) -> Result<&Link, Error> {
        self.open_unprepared().map(|open| &*open.link)
    }

    /// The descriptor, for the caller's use.
    pub fn fd(&self) -> Result<RawFd, Error> {
        self.open().map(|open| open.link.stream().fd())
    }

    /// The descriptor to poll for messages.
    pub fn poll_fd(&self) -> Result<RawFd, Error> {
        let open = self.open()?;
        if let Some(set) = open.poll_set.get() {
            return Ok(set.fd());
        }
        let set = Arc::new(PollSet::new(open.link.stream().fd())?);
        let set = open.poll_set.get_or_init(|| set);
        let watched = Arc::clone(set);
        open.reader.watch(Box::new(move |reader, has_turned_away| {
            watched.update(
                reader.has_pending(),
                reader.take_cut_short() || has_turned_away,
                reader.link().writer.has_backlog(),
            );
        }));
        Ok(set.fd())
    }

    /// Whether a receive would return at once without reading the socket.
    pub fn has_pending(&self) -> bool {
        let open = self.open_unprepared();
        open.is_ok_and(|Open { reader, .. }| {
            reader.as_priority_waiter(|| {
                // A thread that has it is receiving what is pending.
                reader.try_take().is_some_and(|taken| {
                    let has_pending = taken.has_pending();
                    reader.release(taken);
                    has_pending
                })
            })
        })
    }

    /// The open connection, to be used for anything but ending it.
    #[inline]
    pub(super) fn open(&self) -> Result<&Open, Error> {
        let open = self.open_unprepared()?;
        open.link.stream().prepare();
        Ok(open)
    }

    /// The open connection, to be ended.
    #[inline]
    pub(super) fn open_unprepared(&self) -> Result<&Open, Error> {
        if let Some(open) = self.open.get() {
            if self.is_aborted.load(Ordering::Relaxed) {
                self.note_abort(open);
            }
            return Ok(open);
        }
        Err(self.not_open())
    }

    /// The open connection, to be received from: the reader notices if it was aborted.
    #[inline]
    pub(super) fn open_to_receive(&self) -> Result<&Open, Error> {
        let Some(open) = self.open.get() else {
            return Err(self.not_open());
        };
        open.link.stream().prepare();
        Ok(open)
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
        self.last_connect.lock().response.clone()
    }

    /// Of the connect in progress, or else of the last one.
    pub fn timings(&self) -> Option<Timings> {
        let timings = self.last_connect.lock().timings;
        timings.map(|timings| timings.until(Instant::now()))
    }

    pub fn last_error(&self) -> Option<Error> {
        self.last_error.lock().clone()
    }

    pub fn set_last_error(&self, error: &Error) {
        *self.last_error.lock() = Some(error.clone());
    }

    /// Called after a failed call, which may be the first to notice that the connection has ended.
    #[cold]
    pub fn emit_end(&self) {
        if let Some(open) = self.open.get() {
            if !open.has_more.load(Ordering::Relaxed) {
                open.link.emit_end();
            }
        }
    }

    /// Wakes all waiting threads, in any phase, and makes every later call fail.
    ///
    /// Async-signal-safe: takes no lock, allocates nothing, logs nothing. The thread that wakes up
    /// or calls next records the end. A thread that waits for another thread wakes up after that
    /// thread has.
    pub fn abort(&self) {
        self.is_aborted.store(true, Ordering::SeqCst);
        self.connect_wake.signal();
        if let Some(open) = self.open.get() {
            open.link.stream().shutdown();
        }
    }

    /// The error to return from a failed call on an open connection: a socket error may be a
    /// consequence of an abort.
    pub(super) fn cause(&self, open: &Open, error: Error) -> Error {
        if !error.kind().is_final() || self.check_aborted().is_ok() {
            return error;
        }
        self.note_abort(open);
        open.link.end()
    }

    fn note_abort(&self, open: &Open) {
        // The error is for a receive only.
        let _ = open.link.check_aborted();
    }

    /// Drops the connection without a closing handshake.
    pub fn shutdown(&self) -> Result<(), Error> {
        let error = Error::new(Kind::Closed, "the connection was shut down by this side");
        let open = self.open_unprepared()?;
        // The call that finds nothing more to receive reports the end, with all counters.
        open.has_more.store(true, Ordering::Relaxed);
        open.end_with(&error.in_phase(Phase::Close));
        Ok(())
    }

    /// Called before the connection is freed.
    pub fn free(&self) {
        if self.options.events.is_none() {
            return;
        }
        if let Some(open) = self.open.get() {
            let error = Error::new(Kind::Closed, "the connection was freed");
            open.link.end_unless_ended(&error.in_phase(Phase::Close));
            open.link.emit_any_end();
        }
    }

    /// Called in a child process when it frees an inherited connection: closes the descriptor and
    /// touches nothing else.
    pub fn abandon(&self) {
        if let Some(open) = self.open.get() {
            open.link.stream().abandon();
            open.poll_set
                .get()
                .into_iter()
                .for_each(|set| set.abandon());
        }
    }

    /// Whether a connect has succeeded, though the connection may have ended since.
    pub fn is_connected(&self) -> bool {
        self.open.get().is_some()
    }

    /// Stores the open connection. It is set only once, because a connection connects once.
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
    pub(super) fn new(link: Arc<Link>, reader: Reader) -> Self {
        Self {
            link,
            reader: Handoff::new(reader),
            poll_set: OnceLock::new(),
            has_more: AtomicBool::new(false),
        }
    }

    /// Called by a thread that keeps the reader until the connection has ended: meanwhile others
    /// cannot receive, so they need not be woken.
    pub(super) fn pause_poll_set(&self) {
        if let Some(set) = self.poll_set.get() {
            set.update(false, false, false);
        }
    }

    /// Ends the connection at once, and wakes the threads that wait for its reader.
    pub(super) fn end_with(&self, error: &Error) {
        self.link.end_with(error);
        self.reader.wake_all();
    }
}
