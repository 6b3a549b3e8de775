// SPDX-License-Identifier: Apache-2.0
//! What a handle stands for: a recipe, then a connect, then a link that is open until it has ended.

use super::connector::Established;
use super::keys::Keys;
use super::options::Options;
use super::reader::Reader;
use super::stats::Stats;
use super::wire::Wire;
use super::writer::Writer;
use crate::base::deadline::SharedTimeout;
use crate::base::error::{Error, Kind, Phase};
use crate::base::log::{self, Level};
use crate::base::sync::{Arc, AtomicBool, AtomicU32, Condvar, Mutex, OnceLock, Ordering};
use crate::net::stream::Stream;
use crate::net::tls::TlsInfo;
use crate::net::wake::Wake;
use crate::protocol::http::reply::Response;
use crate::protocol::ws::receiver::Receiver;
use std::borrow::Cow;
use std::ffi::CString;

/// A connection of the caller's. It connects once; while that has not succeeded, it may be tried again.
pub struct Connection {
    pub(super) options: Arc<Options>,
    timeout: SharedTimeout,
    /// Set once, when the connection is open, and kept after its end: everything that belongs to it alone.
    pub(super) link: OnceLock<Link>,
    /// Ends the wait of the connect under way.
    pub(super) connecting: Mutex<Option<Arc<Wake>>>,
    /// One for the connection and its link, so that no abort falls between the two.
    pub(super) is_aborted: Arc<AtomicBool>,
    /// What the server answered the last connect.
    pub(super) response: Mutex<Option<Arc<Response>>>,
    last_error: Mutex<Option<Error>>,
}

/// An open connection.
pub struct Link {
    pub(super) stream: Stream,
    pub(super) writer: Writer,
    /// Taken by the thread that receives, for as long as it does.
    pub(super) reader: Mutex<Reader>,
    /// Threads that close: one of them may have the reader, and whoever wants to receive waits for it.
    pub(super) closers: AtomicU32,
    /// Threads that wait for the reader; they hold `gate` while they count.
    pub(super) waiting_for_reader: AtomicU32,
    pub(super) gate: Mutex<()>,
    pub(super) reader_is_free: Condvar,
    pub(super) stats: Arc<Stats>,
    pub(super) auto_pong: bool,
    is_aborted: Arc<AtomicBool>,
    peer_address: CString,
    tls_info: Option<TlsInfo>,
}

impl Connection {
    pub fn new(options: Options) -> Self {
        Self {
            timeout: SharedTimeout::new(options.timeout),
            options: Arc::new(options),
            link: OnceLock::new(),
            connecting: Mutex::new(None),
            is_aborted: Arc::default(),
            response: Mutex::new(None),
            last_error: Mutex::new(None),
        }
    }

    /// The open connection, or why there is none.
    pub fn link(&self) -> Result<&Link, Error> {
        if let Some(link) = self.link.get() {
            return Ok(link);
        }
        self.check_aborted()?;
        Err(Error::new(
            Kind::WrongState,
            "the connection has not been connected",
        ))
    }

    pub fn is_open(&self) -> bool {
        self.link.get().is_some_and(|link| link.writer.is_open())
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
        if let Some(link) = self.link.get() {
            link.abort();
        }
    }

    pub(super) fn check_aborted(&self) -> Result<(), Error> {
        if self.is_aborted.load(Ordering::SeqCst) {
            Err(aborted())
        } else {
            Ok(())
        }
    }
}

impl Link {
    pub(super) fn new(
        established: Established,
        keys: Keys,
        options: &Options,
        is_aborted: Arc<AtomicBool>,
    ) -> Result<Self, Error> {
        let Established { wire, tls_info } = established;
        let Wire {
            stream,
            intake,
            input,
            output,
        } = wire;
        let mut receiver = Receiver::new(options.limits, options.check_utf8);
        receiver.space()?.extend_from_slice(&input);
        let stats = Arc::new(Stats::default());
        Ok(Self {
            writer: Writer::new(keys, options.mask_key.clone(), Arc::clone(&stats), output),
            reader: Mutex::new(Reader::new(receiver, intake)),
            closers: AtomicU32::new(0),
            waiting_for_reader: AtomicU32::new(0),
            gate: Mutex::new(()),
            reader_is_free: Condvar::new(),
            stats,
            auto_pong: options.auto_pong,
            is_aborted,
            peer_address: stream.peer_address(),
            tls_info,
            stream,
        })
    }

    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    pub fn peer_address(&self) -> &CString {
        &self.peer_address
    }

    pub fn tls_info(&self) -> Option<&TlsInfo> {
        self.tls_info.as_ref()
    }

    /// Cuts the transport without a closing handshake.
    pub fn shutdown(&self) {
        let error = Error::new(Kind::Closed, "the connection was shut down by this side")
            .in_phase(Phase::Close);
        self.end_with(&error);
    }

    /// Ends the connection by `error`; what it had ended by before stays the reason, and is returned.
    pub(super) fn fail(&self, error: Error) -> Error {
        let error = error.or_in_phase(Phase::Open);
        if self
            .writer
            .with_sender(|sender| sender.closing().error().is_none())
        {
            log::write(Level::Warn, format_args!("{}: {error}", self.peer()));
        }
        self.writer.fail(&self.stream, &error)
    }

    /// Ends the connection at once, on this side too.
    pub(super) fn end_with(&self, error: &Error) {
        log::write(Level::Info, format_args!("{}: {error}", self.peer()));
        self.writer.fail(&self.stream, error);
        self.stream.shutdown();
        let _gate = self.gate.lock();
        self.reader_is_free.notify_all();
    }

    /// The server, for the log.
    pub(super) fn peer(&self) -> Cow<'_, str> {
        self.peer_address.to_string_lossy()
    }

    /// Why there is nothing more to receive.
    pub(super) fn end(&self) -> Error {
        let end = self.writer.with_sender(|sender| sender.closing().error());
        end.unwrap_or_else(|| {
            Error::new(Kind::Internal, "the connection has ended without a reason")
        })
    }

    pub(super) fn check_aborted(&self) -> Result<(), Error> {
        if self.is_aborted.load(Ordering::Relaxed) {
            Err(aborted().in_phase(Phase::Open))
        } else {
            Ok(())
        }
    }

    fn abort(&self) {
        self.end_with(&aborted().in_phase(Phase::Open));
    }
}

impl Drop for Link {
    /// A descriptor that the caller has, too, would keep the transport open.
    fn drop(&mut self) {
        self.stream.shutdown();
    }
}

fn aborted() -> Error {
    Error::new(Kind::Aborted, "the connection was aborted")
}
