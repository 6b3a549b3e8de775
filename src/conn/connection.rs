// SPDX-License-Identifier: Apache-2.0
//! What a handle stands for: a recipe, then a connect, then a link that is open until it has ended.

use super::link::{Link, aborted};
use super::options::Options;
use super::reader::Reader;
use super::seat::Seat;
use crate::base::deadline::SharedTimeout;
use crate::base::error::{Error, Kind, Phase};
use crate::base::sync::{Arc, AtomicBool, Mutex, OnceLock, Ordering};
use crate::net::wake::Wake;
use crate::protocol::http::reply::Response;

/// A connection of the caller's. It connects once; while that has not succeeded, it may be tried again.
pub struct Connection {
    pub(super) options: Arc<Options>,
    timeout: SharedTimeout,
    /// Set once, when the connection is open, and kept after its end: everything that belongs to it alone.
    open: OnceLock<Open>,
    /// Ends the wait of the connect under way.
    pub(super) connecting: Mutex<Option<Arc<Wake>>>,
    /// One for the connection and its link, so that no abort falls between the two.
    pub(super) is_aborted: Arc<AtomicBool>,
    /// What the server answered the last connect.
    pub(super) response: Mutex<Option<Arc<Response>>>,
    last_error: Mutex<Option<Error>>,
}

/// An open connection, and the seat of the thread that receives.
pub(super) struct Open {
    pub(super) link: Link,
    pub(super) reader: Seat<Reader>,
}

impl Connection {
    pub fn new(options: Arc<Options>) -> Self {
        Self {
            timeout: SharedTimeout::new(options.timeout),
            options,
            open: OnceLock::new(),
            connecting: Mutex::new(None),
            is_aborted: Arc::default(),
            response: Mutex::new(None),
            last_error: Mutex::new(None),
        }
    }

    /// The open connection, or why there is none.
    pub fn link(&self) -> Result<&Link, Error> {
        self.open().map(|open| &open.link)
    }

    pub(super) fn open(&self) -> Result<&Open, Error> {
        if let Some(open) = self.open.get() {
            return Ok(open);
        }
        self.check_aborted()?;
        Err(Error::new(
            Kind::WrongState,
            "the connection has not been connected",
        ))
    }

    pub fn is_open(&self) -> bool {
        self.open
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
    pub fn abort(&self) {
        self.is_aborted.store(true, Ordering::SeqCst);
        if let Some(wake) = &*self.connecting.lock() {
            wake.signal();
        }
        if let Some(open) = self.open.get() {
            open.end_with(&aborted().in_phase(Phase::Open));
        }
    }

    /// Cuts the transport without a closing handshake.
    pub fn shutdown(&self) -> Result<(), Error> {
        let error = Error::new(Kind::Closed, "the connection was shut down by this side");
        self.open()?.end_with(&error.in_phase(Phase::Close));
        Ok(())
    }

    /// In a child of the process that made it, when it is forgotten: the descriptor is closed, nothing else is touched.
    pub fn abandon(&self) {
        if let Some(open) = self.open.get() {
            open.link.stream.abandon();
        }
    }

    /// Whether a connect has succeeded, though the connection may have ended since.
    pub fn is_connected(&self) -> bool {
        self.open.get().is_some()
    }

    /// What a connect has made; there is one.
    pub(super) fn set_open(&self, open: Open) -> &Open {
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
        self.reader.rouse();
    }
}
