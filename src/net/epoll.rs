// SPDX-License-Identifier: Apache-2.0
//! Waits for many descriptors; idle ones add no cost.

use super::poll::{Interest, OnSignal, wait_until};
use super::sys;
use crate::base::deadline::Deadline;
use crate::base::process::ProcessMark;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// The most descriptors that one wait reports; the next wait reports the others.
const EVENTS: usize = 256;

pub struct Epoll {
    fd: OwnedFd,
    /// A child process shares the set, and must not use it.
    process: ProcessMark,
}

/// The result of one wait.
#[derive(Default)]
pub struct Events {
    entries: Vec<libc::epoll_event>,
    count: usize,
}

/// What a descriptor is ready for. An error and the end of the stream count as readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub readable: bool,
    pub writable: bool,
    /// There is an error, or the peer has ended the stream: it stays readable.
    pub has_ended: bool,
}

impl Epoll {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            fd: sys::epoll_create()?,
            process: ProcessMark::own(),
        })
    }

    /// From now on each wait reports `key` when the descriptor is ready.
    pub fn add(&self, interest: Interest, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, interest, key)
    }

    pub fn change(&self, interest: Interest, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, interest, key)
    }

    /// To be called before the descriptor is closed: epoll keeps watching a socket as long as any
    /// process has a descriptor of it.
    pub fn remove(&self, fd: RawFd) {
        let nothing = Interest {
            fd,
            readable: false,
            writable: false,
        };
        // Cannot fail: the descriptor was added, and has not been closed.
        let _ = self.control(libc::EPOLL_CTL_DEL, nothing, 0);
    }

    /// Waits until something is ready or `deadline` has passed; polls for `spin` before it sleeps.
    pub fn wait(&self, events: &mut Events, deadline: Deadline, spin: Duration) -> io::Result<()> {
        self.process.check()?;
        events.count = 0;
        if events.entries.len() < EVENTS {
            events.entries.try_reserve_exact(EVENTS)?;
            let nothing = libc::epoll_event { events: 0, u64: 0 };
            events.entries.resize(EVENTS, nothing);
        }
        if !spin.is_zero() {
            let end = Deadline::after(Instant::now(), Some(spin)).or_earlier(deadline);
            while events.count == 0 && !end.has_passed(Instant::now()) {
                let at_once = Some(Duration::ZERO);
                events.count = sys::epoll_wait(self.fd.as_fd(), &mut events.entries, at_once)?;
                std::hint::spin_loop();
            }
            if events.count > 0 {
                return Ok(());
            }
        }
        if deadline == Deadline::NEVER {
            // Does not read the clock.
            events.count = self.wait_forever(&mut events.entries)?;
            return Ok(());
        }
        events.count = wait_until(deadline, Instant::now, OnSignal::Continue, |left| {
            sys::epoll_wait(self.fd.as_fd(), &mut events.entries, left)
        })?;
        Ok(())
    }

    fn wait_forever(&self, entries: &mut [libc::epoll_event]) -> io::Result<usize> {
        loop {
            match sys::epoll_wait(self.fd.as_fd(), entries, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Closes the descriptor of an inherited set, which is never dropped.
    pub fn abandon(&self) {
        sys::close_abandoned(self.as_raw_fd());
    }

    fn control(&self, operation: i32, interest: Interest, key: u64) -> io::Result<()> {
        let read = if interest.readable {
            libc::EPOLLIN | libc::EPOLLRDHUP
        } else {
            0
        };
        let write = if interest.writable { libc::EPOLLOUT } else { 0 };
        let event = libc::epoll_event {
            events: (read | write) as u32,
            u64: key,
        };
        self.process.check()?;
        sys::epoll_control(self.fd.as_fd(), operation, interest.fd, event)
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Readiness {
    pub const NONE: Self = Self {
        readable: false,
        writable: false,
        has_ended: false,
    };

    /// There are bytes to read, and nothing else.
    pub const READABLE: Self = Self {
        readable: true,
        ..Self::NONE
    };
}

impl Events {
    /// The keys that are ready, and what for.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Readiness)> {
        self.entries.iter().take(self.count).map(|event| {
            let events = event.events as i32;
            let ready = Readiness {
                readable: events & !libc::EPOLLOUT != 0,
                writable: events & libc::EPOLLOUT != 0,
                has_ended: events & !(libc::EPOLLIN | libc::EPOLLOUT) != 0,
            };
            (event.u64, ready)
        })
    }
}
