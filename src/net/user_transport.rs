// SPDX-License-Identifier: Apache-2.0
//! A transport of the user's: functions that read and write bytes instead of a socket.

use super::poll::{OnSignal, Poll, Waited};
use super::sys;
use crate::base::deadline::Deadline;
use crate::base::process::ProcessMark;
use crate::base::sync::{AtomicBool, Mutex, Ordering};
use socket2::{Domain, Socket, Type};
use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

/// How long the user's function waits at a time: between two waits the thread notices an abort, or
/// that another thread has shut the connection down.
const WAIT_AT_A_TIME: Duration = Duration::from_millis(100);

/// More than a socket with the smallest buffer takes.
const FILLING: [u8; 4096] = [0; 4096];

/// The user's functions. Both directions may be in use at once, by one thread each. An error of the
/// kind `WouldBlock` means that nothing can be transferred now.
pub trait TransportFunctions: Send + Sync {
    /// Appends to `into`, up to its spare capacity less one byte. Returns the number of bytes; 0 at
    /// the end of the stream.
    fn read(&self, into: &mut Vec<u8>) -> io::Result<usize>;

    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    fn can_wait(&self) -> bool;

    /// Waits until bytes can be read or written; false if `span` has passed first.
    fn wait(&self, readable: bool, writable: bool, span: Duration) -> io::Result<bool>;
}

/// Waiting threads and loops see one end of a pair of sockets: it is readable and writable when the
/// transport may be. So nothing that waits needs to know whether it waits for a socket.
pub struct UserTransport {
    functions: Box<dyn TransportFunctions>,
    /// A child process shares the sockets, and must not use them.
    process: ProcessMark,
    /// Taken by the connection that uses the transport.
    near: Mutex<Option<Socket>>,
    far: Socket,
    shown: Mutex<Shown>,
    /// Whether the user's function has said that something can be read, or written, and that was
    /// not true so far.
    claims: [AtomicBool; 2],
}

/// What the near socket shows.
struct Shown {
    readable: bool,
    writable: bool,
    /// Why nothing can be read any more, once that is known. It stays readable then.
    end: Option<TransportEnd>,
}

#[derive(Clone)]
enum TransportEnd {
    Ended,
    /// With the text of the error.
    Failed(String),
}

impl UserTransport {
    pub fn new(functions: Box<dyn TransportFunctions>) -> io::Result<Self> {
        let (near, far) = Socket::pair(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        // The system rounds this up to its minimum.
        near.set_send_buffer_size(1)?;
        let transport = Self {
            functions,
            process: ProcessMark::own(),
            near: Mutex::new(Some(near)),
            far,
            shown: Mutex::new(Shown {
                readable: false,
                writable: true,
                end: None,
            }),
            claims: Default::default(),
        };
        // The first read finds out whether there is something.
        transport.ready();
        Ok(transport)
    }

    pub fn process(&self) -> ProcessMark {
        self.process
    }

    /// The socket to wait for; once, because a transport serves one connection. `None` also in a
    /// child process.
    pub fn take_socket(&self) -> Option<Socket> {
        match self.process.is_inherited() {
            true => None,
            false => self.near.lock().take(),
        }
    }

    /// Shows that the transport may be readable and writable. Any thread.
    pub fn ready(&self) {
        let mut shown = self.shown.lock();
        self.show_readable(&mut shown);
        self.show_writable(&mut shown);
    }

    fn show_readable(&self, shown: &mut Shown) {
        if !shown.readable {
            // If it fails, the connection has ended, or the system has no memory for it now.
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            shown.readable = sys::send(self.far.as_fd(), &[0], flags).is_ok();
        }
    }

    fn show_writable(&self, shown: &mut Shown) {
        if !std::mem::replace(&mut shown.writable, true) {
            empty(&self.far);
        }
    }

    /// As `recv(2)`.
    pub fn read(&self, near: &Socket, into: &mut Vec<u8>) -> io::Result<usize> {
        if let Some(end) = self.shown.lock().end.clone() {
            return end.result();
        }
        let mut result = self.functions.read(into);
        if would_block(&result) {
            let mut shown = self.shown.lock();
            if std::mem::replace(&mut shown.readable, false) {
                empty(near);
            }
            drop(shown);
            // What has become ready before that is found now, what becomes ready later is shown.
            result = self.functions.read(into);
            if would_block(&result) {
                return result;
            }
            // There may be more, which was reported already.
            self.show_readable(&mut self.shown.lock());
        }
        self.note_read(&result);
        result
    }

    /// As `send(2)`.
    pub fn write(&self, near: &Socket, bytes: &[u8]) -> io::Result<usize> {
        let mut result = self.functions.write(bytes);
        if would_block(&result) {
            let mut shown = self.shown.lock();
            if std::mem::replace(&mut shown.writable, false) {
                let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
                while sys::send(near.as_fd(), &FILLING, flags).is_ok() {}
            }
            drop(shown);
            result = self.functions.write(bytes);
            if would_block(&result) {
                return result;
            }
            self.show_writable(&mut self.shown.lock());
        }
        self.withdraw_claim(WRITE);
        result
    }

    /// Notes that bytes were read, or never will be: a function may return something else the next
    /// time, but the connection has ended. A write that fails ends only the writing.
    fn note_read(&self, result: &io::Result<usize>) {
        self.withdraw_claim(READ);
        let end = match result {
            Ok(1..) => return,
            Ok(0) => TransportEnd::Ended,
            Err(error) => TransportEnd::Failed(error.to_string()),
        };
        self.shown.lock().end.get_or_insert(end);
        // The near socket is readable from now on.
        let _ = self.far.shutdown(Shutdown::Write);
    }

    /// Waits for the near socket, which is in `poll`, or with the user's function until `is_over`.
    pub fn wait(
        &self,
        poll: &mut Poll,
        deadline: Deadline,
        on_signal: OnSignal,
        is_over: impl Fn() -> bool,
    ) -> io::Result<Waited> {
        let interest = poll.interests().next();
        let Some(interest) = interest.filter(|_| self.functions.can_wait() && !poll.is_held())
        else {
            return poll.wait(deadline, on_signal);
        };
        let (readable, writable) = (interest.readable, interest.writable);
        let claims = || self.claims.iter().zip([readable, writable]);
        let claims = || claims().filter(|(_, is_wanted)| *is_wanted);
        loop {
            let left = deadline.remaining(Instant::now());
            let is_late = left == Some(Duration::ZERO);
            // So that a function that always says "ready" cannot outlast the deadline.
            if is_late && claims().any(|(claim, _)| claim.swap(false, Ordering::Relaxed)) {
                return Ok(Waited::TimedOut);
            }
            let span = left.map_or(WAIT_AT_A_TIME, |left| left.min(WAIT_AT_A_TIME));
            let waited = self.functions.wait(readable, writable, span);
            let is_ready = waited.inspect_err(|error| {
                let failed = Err(io::Error::other(error.to_string()));
                self.note_read(&failed);
            })?;
            if is_ready || is_over() {
                claims().for_each(|(claim, _)| claim.store(true, Ordering::Relaxed));
                poll.note_held(interest.fd);
                return Ok(Waited::Ready);
            }
            if is_late {
                return Ok(Waited::TimedOut);
            }
        }
    }

    fn withdraw_claim(&self, direction: usize) {
        let claim = self.claims.get(direction).into_iter();
        claim.for_each(|claim| claim.store(false, Ordering::Relaxed));
    }

    /// Closes the descriptors in a child process, where nothing is dropped.
    pub fn abandon(&self) {
        sys::close_abandoned(self.far.as_raw_fd());
        // A lock that is held may never be released.
        let near = self.near.try_lock();
        let near = near.as_ref().and_then(|near| near.as_ref());
        near.into_iter()
            .for_each(|near| sys::close_abandoned(near.as_raw_fd()));
    }
}

const READ: usize = 0;
const WRITE: usize = 1;

impl TransportEnd {
    fn result(self) -> io::Result<usize> {
        match self {
            Self::Ended => Ok(0),
            Self::Failed(text) => Err(io::Error::other(text)),
        }
    }
}

fn would_block(result: &io::Result<usize>) -> bool {
    let error = result.as_ref().err();
    error.is_some_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

fn empty(socket: &Socket) {
    let mut place = [MaybeUninit::uninit(); FILLING.len()];
    let read = |place: &mut _| sys::without_cancellation(|| socket.recv(place));
    while matches!(read(&mut place), Ok(1..)) {}
}
