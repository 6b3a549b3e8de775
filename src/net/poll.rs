// SPDX-License-Identifier: Apache-2.0
//! Waiting for descriptors.

use super::sys;
use crate::base::deadline::Deadline;
use std::io;
use std::os::fd::RawFd;
use std::time::Instant;

/// What is awaited of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    pub fd: RawFd,
    pub readable: bool,
    pub writable: bool,
}

/// A set of descriptors with what is awaited of each, and after [`Poll::wait`] what came.
#[derive(Debug, Default)]
pub struct Poll(Vec<libc::pollfd>);

impl Poll {
    pub fn add(&mut self, fd: RawFd, readable: bool, writable: bool) {
        let read = if readable { libc::POLLIN } else { 0 };
        let write = if writable { libc::POLLOUT } else { 0 };
        self.0.push(libc::pollfd {
            fd,
            events: read | write,
            revents: 0,
        });
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn interests(&self) -> impl Iterator<Item = Interest> {
        self.0.iter().map(|entry| Interest {
            fd: entry.fd,
            readable: entry.events & libc::POLLIN != 0,
            writable: entry.events & libc::POLLOUT != 0,
        })
    }

    /// Waits until something is ready or `deadline` has passed; false if it has passed.
    pub fn wait(&mut self, deadline: Deadline) -> io::Result<bool> {
        loop {
            match sys::poll(&mut self.0, deadline.remaining(Instant::now())) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                // A signal handler has run; the wait goes on with what is left.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether anything happened to `fd`, errors and hang-ups included.
    pub fn is_ready(&self, fd: RawFd) -> bool {
        self.0
            .iter()
            .any(|entry| entry.fd == fd && entry.revents != 0)
    }

    /// Whether a read from `fd` would not wait; an error or the end is something to read, too.
    pub fn is_readable(&self, fd: RawFd) -> bool {
        self.0
            .iter()
            .any(|entry| entry.fd == fd && entry.revents & !libc::POLLOUT != 0)
    }
}
