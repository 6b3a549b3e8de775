// SPDX-License-Identifier: Apache-2.0
//! A transport of the user's: functions that read and write bytes instead of a socket.

use super::poll::{OnSignal, Poll, Waited};
use super::sys;
use crate::base::deadline::Deadline;
use crate::base::process::ProcessMark;
use crate::base::sync::Mutex;
use socket2::{Domain, Socket, Type};
use std::io;
use std::os::fd::AsFd;
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
}

/// What the near socket shows.
struct Shown {
    readable: bool,
    writable: bool,
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
            }),
        };
        // The first read finds out whether there is something.
        transport.ready();
        Ok(transport)
    }

    pub fn process(&self) -> ProcessMark {
        self.process
    }

    /// The socket to wait for; once, because a transport serves one connection.
    pub fn take_socket(&self) -> Option<Socket> {
        self.near.lock().take()
    }

    /// Shows that the transport may be readable and writable. Any thread.
    pub fn ready(&self) {
        let mut shown = self.shown.lock();
        if !std::mem::replace(&mut shown.readable, true) {
            // If it fails, the connection has ended.
            let _ = sys::send(
                self.far.as_fd(),
                &[0],
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            );
        }
        if !std::mem::replace(&mut shown.writable, true) {
            empty(&self.far);
        }
    }

    /// As `recv(2)`.
    pub fn read(&self, near: &Socket, into: &mut Vec<u8>) -> io::Result<usize> {
        match self.functions.read(into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
        let mut shown = self.shown.lock();
        if std::mem::replace(&mut shown.readable, false) {
            empty(near);
        }
        drop(shown);
        // What has become ready before that is found now, what becomes ready later is shown.
        self.functions.read(into)
    }

    /// As `send(2)`.
    pub fn write(&self, near: &Socket, bytes: &[u8]) -> io::Result<usize> {
        match self.functions.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
        let mut shown = self.shown.lock();
        if std::mem::replace(&mut shown.writable, false) {
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            while sys::send(near.as_fd(), &FILLING, flags).is_ok() {}
        }
        drop(shown);
        self.functions.write(bytes)
    }

    /// Waits for the near socket, which is in `poll`, or with the user's function. `Ready` may mean
    /// that it is time to look again.
    pub fn wait(
        &self,
        poll: &mut Poll,
        deadline: Deadline,
        on_signal: OnSignal,
    ) -> io::Result<Waited> {
        let interest = poll.interests().next();
        let Some(interest) = interest.filter(|_| self.functions.can_wait() && !poll.is_held())
        else {
            return poll.wait(deadline, on_signal);
        };
        let left = deadline.remaining(Instant::now());
        let span = left.map_or(WAIT_AT_A_TIME, |left| left.min(WAIT_AT_A_TIME));
        let (readable, writable) = (interest.readable, interest.writable);
        let is_ready = self.functions.wait(readable, writable, span)?;
        if !is_ready && deadline.has_passed(Instant::now()) {
            return Ok(Waited::TimedOut);
        }
        poll.note_held(interest.fd);
        Ok(Waited::Ready)
    }
}

fn empty(socket: &Socket) {
    let mut memory = Vec::with_capacity(FILLING.len() + 1);
    loop {
        memory.clear();
        match sys::receive(socket.as_fd(), &mut memory, libc::MSG_DONTWAIT) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
}
