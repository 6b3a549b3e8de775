// SPDX-License-Identifier: Apache-2.0
//! A connected socket, plain or under TLS: the one place that reads and writes it.
//!
//! One thread may read while another writes. The socket of a connection in use is in blocking mode,
//! so that a plain read that has to wait does so inside `recv(2)`, without a call to wait first;
//! whatever must not wait says `MSG_DONTWAIT`.

use super::poll::{Interest, OnSignal, Poll, Waited};
use super::socket::{self, Connected, Peer, Setup};
use super::sys;
use crate::base::buffer::keep_larger;
use crate::base::counter::Counter;
use crate::base::deadline::Deadline;
use crate::base::error::{Error, Kind};
use crate::base::outbox::Outbox;
use crate::base::priority::PriorityMutex;
use crate::base::process::ProcessMark;
use crate::base::sync::{AtomicBool, AtomicU64, OnceLock, Ordering};
use crate::net::tls::channel::{Tls, TlsInfo};
use crate::net::tls::cipher_buffer::{CipherBuffer, ReadOutcome};
use socket2::Socket;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

pub struct Stream {
    socket: Socket,
    /// A child of this process has the same socket, and must leave it alone.
    process: ProcessMark,
    /// Sealing takes it with `lock()`, everything else with `lock_ahead()`: a sender must not keep
    /// the reader from it. In memory of its own, which plain connections do without.
    tls: Option<Box<PriorityMutex<Tls>>>,
    peer: Peer,
    /// Made when it is asked for.
    peer_address: OnceLock<CString>,
    setup: Setup,
    /// Nothing of `setup` is left to do.
    is_prepared: AtomicBool,
    /// A socket of our own, after [`Stream::prepare`].
    is_blocking: AtomicBool,
    is_shut_down: AtomicBool,
    /// `bytes_sent` at the last read of a socket that is not prepared.
    sent_at_last_read: AtomicU64,
    on_signal: OnSignal,
    /// How long a wait for bytes looks for them before it sleeps.
    spin: Duration,
    /// The `SO_RCVTIMEO` that is set, in microseconds; 0 is none.
    receive_timeout_us: AtomicU64,
    pub bytes_sent: Counter,
    pub bytes_received: Counter,
}

/// How long a read may wait for its first byte.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    No,
    /// `span` from now, which is until `deadline`: given to the socket itself, where it mostly is
    /// set already.
    For {
        span: Option<Duration>,
        deadline: Deadline,
    },
    /// What is left of a wait that began earlier.
    Until(Deadline),
}

impl Stream {
    /// A caller's socket keeps its mode and its timeouts, and one of our own is in non-blocking
    /// mode until
    /// [`Stream::prepare`]: reads wait in `poll(2)`.
    pub fn new(connected: Connected) -> Self {
        let Connected {
            socket,
            peer,
            setup,
        } = connected;
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
            spin: Duration::ZERO,
            receive_timeout_us: AtomicU64::new(0),
            bytes_sent: Counter::default(),
            bytes_received: Counter::default(),
        }
    }

    /// From here on what is sent and received goes through `tls`, inside the TLS there is, if any.
    pub fn start_tls(&mut self, tls: Tls) {
        match &self.tls {
            Some(carrier) => carrier.lock_ahead().carry(tls),
            None => self.tls = Some(Box::new(PriorityMutex::new(tls))),
        }
    }

    /// Before a connection is used for anything but closing it: sets the default options of the
    /// socket and its mode. One that is closed at once does without these six system calls. Where
    /// the mode cannot be set, reads wait in `poll(2)`.
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
        // Once: what the system refuses now it refuses again, and the caller may have set what is
        // set here.
        self.is_prepared.store(true, Ordering::Relaxed);
    }

    /// From now on a signal handler that has run ends a wait. After it the system may resume a
    /// `recv(2)` by itself (`SA_RESTART`), but never a `poll(2)`.
    pub fn end_waits_on_signal(&mut self) {
        self.on_signal = OnSignal::Return;
    }

    /// From now on a wait for bytes looks for them for so long before it sleeps: waking a thread
    /// takes the system longer than most answers take.
    pub fn spin_before_waits(&mut self, span: Duration) {
        self.spin = span;
    }

    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What TLS has to send and nobody has taken yet, in bytes.
    pub fn tls_output_len(&self) -> usize {
        let tls = self.tls.as_ref();
        tls.map_or(0, |tls| tls.lock_ahead().output().len())
    }

    /// Lets TLS say that this side will send no more; [`Stream::seal`] takes it along.
    pub fn end_tls(&self) {
        if let Some(tls) = &self.tls {
            tls.lock_ahead().end();
        }
    }

    /// About the TLS that was started last.
    pub fn tls_info(&self) -> Option<TlsInfo> {
        self.tls.as_ref().map(|tls| tls.lock_ahead().info())
    }

    /// `127.0.0.1:80`, `[::1]:80`, or the path of a Unix-domain socket.
    pub fn peer_address(&self) -> &CString {
        self.peer_address.get_or_init(|| self.peer.name())
    }

    /// Goes on with the TLS handshake; true when it is done, or when there is no TLS.
    pub fn handshake(&self, cipher: &mut CipherBuffer) -> Result<bool, Error> {
        let Some(tls) = &self.tls else {
            return Ok(true);
        };
        cipher.check_held()?;
        let is_done = tls.lock_ahead().handshake()?;
        if is_done {
            // What ended the handshake may have brought the peer's first bytes, too.
            cipher.hold_bytes();
        }
        Ok(is_done)
    }

    /// Moves `plain` to `wire`, encrypted where there is TLS, with whatever else TLS has to send.
    /// Does not touch the socket.
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

    /// Makes room for `len` bytes to be sealed and moved to `wire`; how many they will be. TLS
    /// takes the memory of an empty `wire`, and has none of its own afterwards.
    pub fn reserve_sealed(&self, len: usize, wire: &mut Outbox) -> Result<usize, Error> {
        let Some(tls) = &self.tls else { return Ok(len) };
        let mut tls = tls.lock();
        let output = tls.output();
        if output.is_empty() && wire.is_empty() {
            keep_larger(output, wire.take_memory());
        }
        tls.reserve_sealed(len)
    }

    /// Hands to the system what it takes at once; true when that is all. One call: a system that
    /// has taken a part has no room for the rest, and asking it again would cost another.
    pub fn push(&self, wire: &mut Outbox) -> io::Result<bool> {
        if !wire.is_empty() {
            wire.note_sent(self.send(wire.unsent())?);
        }
        Ok(wire.is_empty())
    }

    /// One `send(2)` that does not wait: how many of the bytes, which are what the wire carries,
    /// the system has taken.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.process.check()?;
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

    /// How many of the bytes sent the peer's system has acknowledged.
    pub fn delivered(&self) -> u64 {
        let underway = sys::unacknowledged(self.socket.as_fd()).unwrap_or(0);
        self.bytes_sent.get().saturating_sub(underway)
    }

    /// Waits until the system takes more.
    pub fn wait_writable(&self, deadline: Deadline) -> io::Result<Waited> {
        let mut poll = Poll::default();
        poll.add(self.fd(), false, true);
        poll.wait(deadline, self.on_signal)
    }

    /// Waits for bytes to read or room to write.
    pub fn wait_either(&self, cipher: &CipherBuffer, deadline: Deadline) -> io::Result<Waited> {
        let mut poll = Poll::default();
        self.add_interest(cipher, true, &mut poll);
        poll.wait(deadline, self.on_signal)
    }

    /// Names what [`Stream::interest`] tells.
    pub fn add_interest(&self, cipher: &CipherBuffer, writable: bool, poll: &mut Poll) {
        let (interest, is_held) = self.interest(cipher, writable);
        poll.add(interest.fd, interest.readable, interest.writable);
        if is_held {
            poll.note_held(interest.fd);
        }
    }

    /// What a reader waits for, who may wait for room to write, too; and whether TLS holds
    /// something, so that there is nothing to wait for. Whoever waits to read does so in
    /// [`Stream::read`] or by this.
    pub fn interest(&self, cipher: &CipherBuffer, writable: bool) -> (Interest, bool) {
        let interest = Interest {
            fd: self.fd(),
            readable: true,
            writable,
        };
        (interest, cipher.has_more())
    }

    /// One read: appends to `out`, which has spare capacity. `answer` sends what TLS has to say to
    /// what came, such as an alert; if it fails, so does the read.
    pub fn read(
        &self,
        cipher: &mut CipherBuffer,
        out: &mut Vec<u8>,
        wait: Wait,
        answer: impl FnOnce() -> Result<(), Error>,
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
        let (decrypted, owes_answer) = cipher.decrypt(&mut tls.lock_ahead(), out);
        if owes_answer {
            answer()?;
        }
        decrypted
    }

    /// For the TLS handshake, which has no plaintext: one read that does not wait, fed to TLS.
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

    /// For a connection that is mostly quiet, among many.
    pub fn release_tls_buffers(&self) {
        if let Some(tls) = &self.tls {
            tls.lock_ahead().release_buffers();
        }
    }

    /// Parts with TLS's memory for what comes in, if it holds nothing.
    pub fn give_back(&self, memory: &mut Vec<u8>) {
        if let Some(tls) = &self.tls {
            tls.lock_ahead().give_back(memory);
        }
    }

    /// Ends both directions. Whoever waits for the socket wakes; the descriptor stays valid until
    /// the stream is dropped. Async-signal-safe.
    pub fn shutdown(&self) {
        if !self.is_shut_down.swap(true, Ordering::Relaxed) {
            self.shut(libc::SHUT_RDWR);
        }
    }

    /// Tells the peer that nothing more will come.
    pub fn shutdown_write(&self) {
        self.shut(libc::SHUT_WR);
    }

    /// Closes the descriptor of a stream that was inherited and is never dropped.
    pub fn abandon(&self) {
        sys::close_abandoned(self.fd());
    }

    /// shutdown(2) ends the connection for all who have a descriptor of it.
    fn shut(&self, how: libc::c_int) {
        if !self.process.is_inherited() {
            sys::shutdown(self.fd(), how);
        }
    }

    fn receive(&self, into: &mut Vec<u8>, wait: Wait) -> io::Result<ReadOutcome> {
        match wait {
            Wait::For { deadline, .. } | Wait::Until(deadline) if !self.spin.is_zero() => {
                self.spin_and_receive(into, wait, deadline)
            }
            _ => self.wait_and_receive(into, wait),
        }
    }

    #[cold]
    fn spin_and_receive(
        &self,
        into: &mut Vec<u8>,
        wait: Wait,
        deadline: Deadline,
    ) -> io::Result<ReadOutcome> {
        let end = Deadline::after(Instant::now(), Some(self.spin)).or_earlier(deadline);
        while !end.has_passed(Instant::now()) {
            match self.wait_and_receive(into, Wait::No)? {
                ReadOutcome::TimedOut => std::hint::spin_loop(),
                outcome => return Ok(outcome),
            }
        }
        match wait {
            Wait::For {
                span: Some(_),
                deadline,
            } => self.wait_and_receive(into, Wait::Until(deadline)),
            wait => self.wait_and_receive(into, wait),
        }
    }

    fn wait_and_receive(&self, into: &mut Vec<u8>, wait: Wait) -> io::Result<ReadOutcome> {
        self.process.check()?;
        let deadline = match wait {
            Wait::No => None,
            Wait::For { deadline, .. } | Wait::Until(deadline) => Some(deadline),
        };
        let mut flags = match wait {
            Wait::For { span, .. } if self.waits_in_read() => {
                self.set_receive_timeout(span).map(|()| 0)?
            }
            Wait::Until(Deadline::NEVER) if self.waits_in_read() => {
                self.set_receive_timeout(None).map(|()| 0)?
            }
            _ => libc::MSG_DONTWAIT,
        };
        let mut must_wait = self.awaits_answer() && deadline.is_some();
        loop {
            if !std::mem::take(&mut must_wait) {
                match sys::receive(self.socket.as_fd(), into, flags) {
                    Ok(0) => return Ok(ReadOutcome::End),
                    Ok(count) => {
                        self.bytes_received.add(count as u64);
                        return Ok(ReadOutcome::Bytes);
                    }
                    Err(error) => match error.kind() {
                        io::ErrorKind::Interrupted if flags != 0 => continue,
                        // By now part of the time set on the socket has passed, or all of it, to
                        // the tick.
                        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => {}
                        _ => return Err(error),
                    },
                }
            }
            let Some(deadline) = deadline else {
                return Ok(ReadOutcome::TimedOut);
            };
            let mut poll = Poll::default();
            poll.add(self.fd(), true, false);
            match poll.wait(deadline, self.on_signal)? {
                Waited::Ready => {}
                Waited::TimedOut => return Ok(ReadOutcome::TimedOut),
                Waited::Interrupted => return Ok(ReadOutcome::Interrupted),
            }
            flags = libc::MSG_DONTWAIT;
        }
    }

    /// Whether a read that must wait may do so inside `recv(2)`.
    fn waits_in_read(&self) -> bool {
        self.on_signal == OnSignal::Continue && self.is_blocking.load(Ordering::Relaxed)
    }

    /// Whether a read that would have to wait in `poll(2)` hardly finds anything before: something
    /// was sent since the last one, and the answer takes a while.
    fn awaits_answer(&self) -> bool {
        if self.is_prepared.load(Ordering::Relaxed) {
            return false;
        }
        let sent = self.bytes_sent.get();
        self.sent_at_last_read.swap(sent, Ordering::Relaxed) != sent
    }

    /// A system call only when the value changes; a caller's usual timeout stays set.
    fn set_receive_timeout(&self, span: Option<Duration>) -> io::Result<()> {
        // Zero would mean no limit (socket(7)).
        let us = span.map_or(0, |span| {
            u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1)
        });
        if self.receive_timeout_us.swap(us, Ordering::Relaxed) != us {
            self.socket
                .set_read_timeout(span.map(|_| Duration::from_micros(us)))?;
        }
        Ok(())
    }
}

/// What a failing read or write says about the connection.
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
