// SPDX-License-Identifier: Apache-2.0
//! A connected socket, plain or under TLS. Only this module reads and writes it.
//!
//! One thread may read while another writes. The socket of a connection in use is in blocking mode,
//! so that a plain read that must wait does so inside `recv(2)`, without a poll first; calls that
//! must not wait pass `MSG_DONTWAIT`.

use super::poll::{Interest, OnSignal, Poll, Waited};
use super::socket::{self, Connected, Peer, Setup};
use super::sys;
use super::user_transport::UserTransport;
use crate::base::buffer::keep_larger;
use crate::base::counter::Counter;
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind, Phase};
use crate::base::outbox::Outbox;
use crate::base::priority::PriorityMutex;
use crate::base::process::ProcessMark;
use crate::base::sync::{Arc, AtomicBool, AtomicU64, OnceLock, Ordering};
use crate::net::tls::channel::{Tls, TlsInfo};
use crate::net::tls::cipher_buffer::{CipherBuffer, ReadOutcome};
use socket2::Socket;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

mod receive;

pub struct Stream {
    socket: Socket,
    /// A child process shares the socket, and must not use it.
    process: ProcessMark,
    /// Sealing locks it with `lock()`, everything else with `lock_ahead()`: a sender must not block
    /// the reader. Boxed, because plain connections have none.
    tls: Option<Box<PriorityMutex<Tls>>>,
    peer: Peer,
    /// Created on first use.
    peer_address: OnceLock<Box<CString>>,
    setup: Setup,
    /// `setup` has been done.
    is_prepared: AtomicBool,
    /// Whether the socket is in blocking mode: our own ones are, after [`Stream::prepare`].
    is_blocking: AtomicBool,
    is_shut_down: AtomicBool,
    /// `bytes_sent` at the last read of a socket that is not prepared.
    sent_at_last_read: AtomicU64,
    on_signal: OnSignal,
    /// Boxed, because most connections have none.
    uncommon: Option<Box<Uncommon>>,
    /// The current `SO_RCVTIMEO` in microseconds; 0 for none.
    receive_timeout_us: AtomicU64,
    pub bytes_sent: Counter,
    pub bytes_received: Counter,
}

/// What only few connections want of a read.
#[derive(Default)]
struct Uncommon {
    /// How long a wait for bytes polls before it sleeps.
    spin: Duration,
    /// When the last bytes that were read arrived, if the socket notes it.
    last_arrival_ns: Option<AtomicU64>,
    /// Read and written instead of the socket, which shows when it may be ready.
    transport: Option<Arc<UserTransport>>,
}

/// How long a read may wait for its first byte.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    No,
    /// For `span` from now, which is until `deadline`. It becomes the timeout of the socket, which
    /// usually has that value already.
    For {
        span: Option<Duration>,
        deadline: Deadline,
    },
    /// For the rest of a wait that began earlier.
    Until(Deadline),
}

impl Stream {
    /// A caller's socket keeps its mode and its timeouts. Our own are in non-blocking mode until
    /// [`Stream::prepare`], so reads wait in `poll(2)`.
    pub fn new(connected: Connected) -> Self {
        let Connected {
            socket,
            peer,
            setup,
            is_stamped,
        } = connected;
        let uncommon = is_stamped.then(|| {
            Box::new(Uncommon {
                last_arrival_ns: Some(AtomicU64::new(0)),
                ..Uncommon::default()
            })
        });
        Self {
            socket,
            process: ProcessMark::own(),
            tls: None,
            peer,
            peer_address: OnceLock::new(),
            setup,
            is_prepared: AtomicBool::new(setup == Setup::Done),
            is_blocking: AtomicBool::new(false),
            is_shut_down: AtomicBool::new(false),
            sent_at_last_read: AtomicU64::new(0),
            on_signal: OnSignal::Continue,
            uncommon,
            receive_timeout_us: AtomicU64::new(0),
            bytes_sent: Counter::default(),
            bytes_received: Counter::default(),
        }
    }

    /// Reads and writes a transport of the user's, which serves one connection.
    pub fn over(transport: &Arc<UserTransport>) -> Result<Self, Error> {
        let socket = transport.take_socket().ok_or_else(|| {
            let what = "the transport has already been used, or belongs to the parent process; \
                        each connect needs a new one";
            Error::new(Kind::WrongState, what).in_phase(Phase::Connect)
        })?;
        let mut stream = Self::new(Connected {
            socket,
            peer: Peer::Named(CString::default()),
            setup: Setup::Done,
            is_stamped: false,
        });
        stream.uncommon.get_or_insert_default().transport = Some(Arc::clone(transport));
        Ok(stream)
    }

    /// Whether a transport of the user's is read instead of the socket.
    pub fn has_transport(&self) -> bool {
        self.transport().is_some()
    }

    #[inline]
    fn transport(&self) -> Option<&UserTransport> {
        self.uncommon.as_ref()?.transport.as_deref()
    }

    /// From now on bytes go through `tls`, which runs inside the TLS that was started before, if
    /// any.
    pub fn start_tls(&mut self, tls: Tls) {
        match &self.tls {
            Some(outer) => outer.lock_ahead().put_inside(tls),
            None => self.tls = Some(Box::new(PriorityMutex::new(tls))),
        }
    }

    /// Sets the socket's default options and its mode, before a connection is used for anything but
    /// closing it. A connection that is closed at once avoids these six system calls. If the mode
    /// cannot be set, reads wait in `poll(2)`.
    #[inline]
    pub fn prepare(&self) {
        if !self.is_prepared.load(Ordering::Relaxed) {
            self.prepare_first();
        }
    }

    #[cold]
    fn prepare_first(&self) {
        let is_blocking = socket::prepare(&self.socket, self.setup);
        self.is_blocking.store(is_blocking, Ordering::Relaxed);
        // Only once: the system would refuse the same again, and the caller may have changed the
        // options since.
        self.is_prepared.store(true, Ordering::Relaxed);
    }

    /// From now on a signal handler that runs ends a wait. The system may resume `recv(2)` after it
    /// (`SA_RESTART`), but never `poll(2)`.
    pub fn end_waits_on_signal(&mut self) {
        self.on_signal = OnSignal::Return;
    }

    /// From now on a wait for bytes polls for `span` before it sleeps: the system needs longer to
    /// wake a thread than most responses need to arrive.
    pub fn spin_before_waits(&mut self, span: Duration) {
        if !span.is_zero() {
            self.uncommon.get_or_insert_default().spin = span;
        }
    }

    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// When the last bytes that were read arrived, in nanoseconds since 1970; 0 if the system does
    /// not know. `None` if nobody wants to know.
    #[inline]
    pub fn last_arrival_ns(&self) -> Option<u64> {
        let ns = self.uncommon.as_ref()?.last_arrival_ns.as_ref();
        ns.map(|ns| ns.load(Ordering::Relaxed))
    }

    /// The number of bytes that TLS has to send and that have not been taken out yet.
    pub fn tls_output_len(&self) -> usize {
        let tls = self.tls.as_ref();
        tls.map_or(0, |tls| tls.lock_ahead().output().len())
    }

    /// Queues the close_notify of TLS; the next [`Stream::seal`] takes it out.
    pub fn end_tls(&self) {
        if let Some(tls) = &self.tls {
            tls.lock_ahead().end();
        }
    }

    /// Describes the TLS that was started last.
    pub fn tls_info(&self) -> Option<TlsInfo> {
        self.tls.as_ref().map(|tls| tls.lock_ahead().info())
    }

    /// `127.0.0.1:80`, `[::1]:80`, or the path of a Unix-domain socket; empty for a transport of
    /// the user's.
    pub fn peer_address(&self) -> &CString {
        self.peer_address.get_or_init(|| Box::new(self.peer.name()))
    }

    /// Continues the TLS handshake; true when it is done, or if there is no TLS.
    pub fn handshake(&self, cipher: &mut CipherBuffer) -> Result<bool, Error> {
        let Some(tls) = &self.tls else {
            return Ok(true);
        };
        cipher.check_held()?;
        let is_done = tls.lock_ahead().handshake()?;
        if is_done {
            // The read that completed the handshake may contain the peer's first bytes, too.
            cipher.hold_bytes();
        }
        Ok(is_done)
    }

    /// Moves `plain` to `wire`, encrypted under TLS, with everything else TLS has to send. Does not
    /// use the socket.
    pub fn seal(&self, plain: &mut Vec<u8>, wire: &mut Outbox) -> Result<(), Error> {
        if self.is_tls() {
            self.encrypt(plain, wire)?;
            plain.clear();
            return Ok(());
        }
        wire.take(plain)
    }

    /// As [`Stream::seal`], under TLS.
    pub fn encrypt(&self, plain: &[u8], wire: &mut Outbox) -> Result<(), Error> {
        let Some(tls) = &self.tls else { return Ok(()) };
        let mut tls = tls.lock();
        tls.encrypt(plain)?;
        wire.take(tls.output())
    }

    /// Reserves space to seal `len` bytes and move them to `wire`. Returns their sealed length. TLS
    /// takes the memory of an empty `wire`, and keeps none of its own afterwards.
    pub fn reserve_sealed(&self, len: usize, wire: &mut Outbox) -> Result<usize, Error> {
        let Some(tls) = &self.tls else { return Ok(len) };
        let mut tls = tls.lock();
        let output = tls.output();
        if output.is_empty() && wire.is_empty() {
            keep_larger(output, wire.take_memory());
        }
        tls.reserve_sealed(len)
    }

    /// Sends what the system takes without waiting; true if that is everything. One call only:
    /// after a partial send the system has no space for the rest, so a second call would be wasted.
    pub fn push(&self, wire: &mut Outbox) -> io::Result<bool> {
        if !wire.is_empty() {
            wire.note_sent(self.send(wire.unsent())?);
        }
        Ok(wire.is_empty())
    }

    /// One `send(2)` that does not wait, of bytes as they go over the wire. Returns how many the
    /// system took.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.process.check()?;
        if let Some(transport) = self.transport() {
            return self.send_over(transport, bytes);
        }
        loop {
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            match sys::send(self.socket.as_fd(), bytes, flags) {
                Ok(count) => {
                    self.bytes_sent.add(count as u64);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                Err(error) => return Err(error),
            }
        }
    }

    #[cold]
    fn send_over(&self, transport: &UserTransport, bytes: &[u8]) -> io::Result<usize> {
        self.check_shut_down()?;
        match transport.write(&self.socket, bytes) {
            Ok(count) => {
                self.bytes_sent.add(count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// The number of sent bytes that the peer's system has acknowledged.
    pub fn delivered(&self) -> u64 {
        if self.transport().is_some() {
            return self.bytes_sent.get();
        }
        let underway = sys::unacknowledged(self.socket.as_fd()).unwrap_or(0);
        self.bytes_sent.get().saturating_sub(underway)
    }

    /// Waits until the system accepts more bytes.
    pub fn wait_writable(&self, deadline: Deadline) -> io::Result<Waited> {
        let mut poll = Poll::default();
        poll.add(self.fd(), false, true);
        self.wait(&mut poll, deadline)
    }

    /// Waits until the socket is readable or writable.
    pub fn wait_either(&self, cipher: &CipherBuffer, deadline: Deadline) -> io::Result<Waited> {
        let mut poll = Poll::default();
        self.add_interest(cipher, true, &mut poll);
        self.wait(&mut poll, deadline)
    }

    fn wait(&self, poll: &mut Poll, deadline: Deadline) -> io::Result<Waited> {
        match self.transport() {
            None => poll.wait(deadline, self.on_signal),
            Some(transport) => {
                let is_over = || self.is_shut_down.load(Ordering::Relaxed);
                transport.wait(poll, deadline, self.on_signal, is_over)
            }
        }
    }

    /// Adds the result of [`Stream::interest`] to `poll`.
    pub fn add_interest(&self, cipher: &CipherBuffer, writable: bool, poll: &mut Poll) {
        let (interest, is_held) = self.interest(cipher, writable);
        poll.add(interest.fd, interest.readable, interest.writable);
        if is_held {
            poll.note_held(interest.fd);
        }
    }

    /// What a reader waits for, which may include space to write; and whether TLS holds something,
    /// so that it must not wait. Every wait to read happens in [`Stream::read`] or uses this.
    pub fn interest(&self, cipher: &CipherBuffer, writable: bool) -> (Interest, bool) {
        let interest = Interest {
            fd: self.fd(),
            readable: true,
            writable,
        };
        (interest, cipher.has_more())
    }

    /// One read: appends to `out`, which has spare capacity. `send_reply` sends what TLS replies to
    /// the received bytes, such as an alert; if it fails, so does the read.
    pub fn read(
        &self,
        cipher: &mut CipherBuffer,
        out: &mut Vec<u8>,
        wait: Wait,
        send_reply: impl FnOnce() -> Result<(), Error>,
    ) -> Result<ReadOutcome, Error> {
        let Some(tls) = &self.tls else {
            return self.receive(out, wait).map_err(|error| lost(&error));
        };
        if let Some(held) = cipher.take_end() {
            return held;
        }
        if !cipher.has_more() {
            match self
                .receive(cipher.space()?, wait)
                .map_err(|error| lost(&error))?
            {
                ReadOutcome::Bytes => cipher.hand_to(&mut tls.lock_ahead())?,
                ReadOutcome::End => tls.lock_ahead().end_input(),
                other => return Ok(other),
            }
        }
        let (decrypted, has_reply) = cipher.decrypt(&mut tls.lock_ahead(), out);
        if has_reply {
            send_reply()?;
        }
        decrypted
    }

    /// One read that does not wait, fed to TLS: for the TLS handshake, which has no plaintext.
    pub fn feed_tls(&self, cipher: &mut CipherBuffer) -> Result<ReadOutcome, Error> {
        let received = self
            .receive(cipher.space()?, Wait::No)
            .map_err(|error| lost(&error))?;
        if let Some(tls) = &self.tls {
            match received {
                ReadOutcome::Bytes => cipher.hand_to(&mut tls.lock_ahead())?,
                ReadOutcome::End => tls.lock_ahead().end_input(),
                ReadOutcome::Nothing | ReadOutcome::TimedOut | ReadOutcome::Interrupted => {}
            }
        }
        Ok(received)
    }

    /// For a mostly idle connection among many.
    pub fn release_tls_buffers(&self) {
        if let Some(tls) = &self.tls {
            tls.lock_ahead().release_buffers();
        }
    }

    /// Returns TLS's memory for input, if it is empty.
    pub fn give_back(&self, memory: &mut Vec<u8>) {
        if let Some(tls) = &self.tls {
            tls.lock_ahead().give_back(memory);
        }
    }

    /// Shuts down both directions. Threads that wait for the socket wake up; the descriptor stays
    /// valid until the stream is dropped. Async-signal-safe.
    pub fn shutdown(&self) {
        if !self.is_shut_down.swap(true, Ordering::Relaxed) {
            self.shut(libc::SHUT_RDWR);
        }
    }

    /// Tells the peer that no more data will follow. A transport of the user's cannot do that.
    pub fn shutdown_write(&self) {
        if self.transport().is_none() {
            self.shut(libc::SHUT_WR);
        }
    }

    /// Fails once the stream is shut down, as a socket does by itself.
    fn check_shut_down(&self) -> io::Result<()> {
        match self.is_shut_down.load(Ordering::Relaxed) {
            true => Err(io::Error::from_raw_os_error(libc::EPIPE)),
            false => Ok(()),
        }
    }

    /// Closes the descriptor of an inherited stream, which is never dropped.
    pub fn abandon(&self) {
        sys::close_abandoned(self.fd());
    }

    /// shutdown(2) ends the connection for all processes that share it.
    fn shut(&self, how: libc::c_int) {
        if !self.process.is_inherited() {
            sys::shutdown(self.fd(), how);
        }
    }
}

/// The error of a connection whose socket failed.
pub fn lost(error: &io::Error) -> Error {
    let kind = match error.raw_os_error() {
        Some(
            libc::ECONNRESET
            | libc::EPIPE
            | libc::ETIMEDOUT
            | libc::EHOSTUNREACH
            | libc::ENETUNREACH
            | libc::ENOTCONN,
        ) => Kind::ConnectionLost,
        _ => Kind::Io,
    };
    Error::os(kind, "connection lost", error)
}
