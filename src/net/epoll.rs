// SPDX-License-Identifier: Apache-2.0
//! Waiting for many descriptors, at a cost that does not grow with those that are quiet.

use super::poll::{Interest, OnSignal, wait_until};
use super::sys;
use crate::base::deadline::Deadline;
use crate::base::process::ProcessMark;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// How many descriptors are told about at once; the others' turn comes with the next wait.
const EVENTS: usize = 256;

pub struct Epoll {
    fd: OwnedFd,
    /// A child of this process has the same set, and must leave it alone.
    process: ProcessMark,
}

/// What one wait has brought.
#[derive(Default)]
pub struct Events {
    places: Vec<libc::epoll_event>,
    count: usize,
}

/// What can be done with a descriptor. An error or the end can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    pub readable: bool,
    pub writable: bool,
}

impl Epoll {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            fd: sys::epoll_create()?,
            process: ProcessMark::own(),
        })
    }

    /// From now on `key` is told whenever what is awaited is there.
    pub fn add(&self, interest: Interest, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, interest, key)
    }

    pub fn change(&self, interest: Interest, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, interest, key)
    }

    /// Before the descriptor is closed: the system keeps watching a socket for as long as anyone
    /// has a descriptor of it.
    pub fn remove(&self, fd: RawFd) {
        let nothing = Interest {
            fd,
            readable: false,
            writable: false,
        };
        // It was added, and has not been closed.
        let _ = self.control(libc::EPOLL_CTL_DEL, nothing, 0);
    }

    /// Waits until something is ready or `deadline` has passed; looks for `spin` before it sleeps.
    pub fn wait(&self, events: &mut Events, deadline: Deadline, spin: Duration) -> io::Result<()> {
        self.process.check()?;
        events.count = 0;
        if events.places.len() < EVENTS {
            events.places.try_reserve_exact(EVENTS)?;
            let nothing = libc::epoll_event { events: 0, u64: 0 };
            events.places.resize(EVENTS, nothing);
        }
        if !spin.is_zero() {
            let end = Deadline::after(Instant::now(), Some(spin)).or_earlier(deadline);
            while events.count == 0 && !end.has_passed(Instant::now()) {
                let at_once = Some(Duration::ZERO);
                events.count = sys::epoll_wait(self.fd.as_fd(), &mut events.places, at_once)?;
                std::hint::spin_loop();
            }
            if events.count > 0 {
                return Ok(());
            }
        }
        if deadline == Deadline::NEVER {
            // Without a look at the clock.
            events.count = self.wait_for_ever(&mut events.places)?;
            return Ok(());
        }
        events.count = wait_until(deadline, Instant::now, OnSignal::Continue, |left| {
            sys::epoll_wait(self.fd.as_fd(), &mut events.places, left)
        })?;
        Ok(())
    }

    fn wait_for_ever(&self, places: &mut [libc::epoll_event]) -> io::Result<usize> {
        loop {
            match sys::epoll_wait(self.fd.as_fd(), places, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Closes the descriptor of a set that was inherited and is never dropped.
    pub fn abandon(&self) {
        sys::close_abandoned(self.as_raw_fd());
    }

    fn control(&self, operation: i32, interest: Interest, key: u64) -> io::Result<()> {
        let read = if interest.readable { libc::EPOLLIN } else { 0 };
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

impl Events {
    /// Keys with what is ready of theirs.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Readiness)> {
        self.places.iter().take(self.count).map(|event| {
            let events = event.events as i32;
            let ready = Readiness {
                readable: events & !libc::EPOLLOUT != 0,
                writable: events & libc::EPOLLOUT != 0,
            };
            (event.u64, ready)
        })
    }
}
