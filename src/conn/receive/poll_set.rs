// SPDX-License-Identifier: Apache-2.0
//! One descriptor that is readable when a receive would return something: the socket, together with
//! an event descriptor for what has been taken out of the socket already.

use crate::base::error::{Error, Kind};
use crate::base::sync::{AtomicBool, Ordering};
use crate::net::epoll::Epoll;
use crate::net::poll::Interest;
use crate::net::wake::Wake;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// Reports nothing about which of the two is ready: nobody waits for the set itself.
const NO_KEY: u64 = 0;

pub(in crate::conn) struct PollSet {
    epoll: Epoll,
    socket: RawFd,
    /// Readable while something is pending.
    pending: Wake,
    is_pending: AtomicBool,
    /// The socket is watched for room, too, because a receive sends what is left of a pong or a
    /// close frame.
    wants_room: AtomicBool,
}

impl PollSet {
    /// Watches `socket`, which belongs to the same connection as the set.
    pub(in crate::conn) fn new(socket: RawFd) -> Result<Self, Error> {
        Self::create(socket)
            .map_err(|error| Error::os(Kind::Io, "create a descriptor to poll", &error))
    }

    fn create(socket: RawFd) -> io::Result<Self> {
        let set = Self {
            epoll: Epoll::new()?,
            socket,
            pending: Wake::new()?,
            is_pending: AtomicBool::new(false),
            wants_room: AtomicBool::new(false),
        };
        set.epoll.add(readable(socket, false), NO_KEY)?;
        let pending = readable(set.pending.as_raw_fd(), false);
        set.epoll.add(pending, NO_KEY)?;
        Ok(set)
    }

    pub(in crate::conn) fn fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Called by the thread that has the reader. Makes a system call only if something has changed,
    /// or if watchers must look again, even those that wait for an edge.
    pub(in crate::conn) fn update(&self, is_pending: bool, look_again: bool, wants_room: bool) {
        let is_shown = is_pending || look_again;
        let was_shown = self.is_pending.swap(is_shown, Ordering::Relaxed);
        if look_again || (is_shown && !was_shown) {
            self.pending.signal();
        } else if was_shown && !is_shown {
            self.pending.clear();
        }
        if self.wants_room.swap(wants_room, Ordering::Relaxed) != wants_room {
            // Cannot fail: the socket was added, and has not been closed.
            let _ = self.epoll.change(readable(self.socket, wants_room), NO_KEY);
        }
    }

    /// Closes inherited descriptors, which are never dropped.
    pub(in crate::conn) fn abandon(&self) {
        self.epoll.abandon();
        self.pending.abandon();
    }
}

fn readable(fd: RawFd, writable: bool) -> Interest {
    Interest {
        fd,
        readable: true,
        writable,
    }
}
