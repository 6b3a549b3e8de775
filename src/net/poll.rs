// SPDX-License-Identifier: Apache-2.0
//! Waits for a few descriptors with `poll(2)`.

use super::sys;
use crate::base::deadline::Deadline;
use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

/// Calls `wait` with the remaining time until something is ready or `deadline` has passed. Returns
/// how many are ready.
pub(super) fn wait_until(
    deadline: Deadline,
    mut now: impl FnMut() -> Instant,
    on_signal: OnSignal,
    mut wait: impl FnMut(Option<Duration>) -> io::Result<usize>,
) -> io::Result<usize> {
    loop {
        match wait(deadline.remaining(now())) {
            // The system waits for at most 24.8 days.
            Ok(0) if !deadline.has_passed(now()) => {}
            Err(error)
                if error.kind() == io::ErrorKind::Interrupted
                    && on_signal == OnSignal::Continue => {}
            result => return result,
        }
    }
}

/// What to wait for on a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    pub fd: RawFd,
    pub readable: bool,
    pub writable: bool,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    Ready,
    TimedOut,
    /// A signal handler ran, and the wait was to end then.
    Interrupted,
}

/// Whether a wait continues after a signal handler has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSignal {
    /// The wait continues for the remaining time.
    Continue,
    Return,
}

/// Up to this many descriptors need no allocation: almost every wait is for one.
const FEW: usize = 2;

const NO_ENTRY: libc::pollfd = libc::pollfd {
    fd: -1,
    events: 0,
    revents: 0,
};

/// A set of descriptors: what to wait for on each, and after [`Poll::wait`] what each is ready for.
#[derive(Debug)]
pub struct Poll {
    few: [libc::pollfd; FEW],
    /// The number of entries of `few` in use.
    count: usize,
    /// All entries, if there are more than [`FEW`].
    many: Vec<libc::pollfd>,
    /// A descriptor with data to read that the system does not report, because TLS has taken it in.
    held: Option<RawFd>,
}

impl Default for Poll {
    fn default() -> Self {
        Self {
            few: [NO_ENTRY; FEW],
            count: 0,
            many: Vec::new(),
            held: None,
        }
    }
}

impl Poll {
    pub fn add(&mut self, fd: RawFd, readable: bool, writable: bool) {
        let read = if readable { libc::POLLIN } else { 0 };
        let write = if writable { libc::POLLOUT } else { 0 };
        let entry = libc::pollfd {
            fd,
            events: read | write,
            revents: 0,
        };
        match self.few.get_mut(self.count) {
            Some(place) => {
                *place = entry;
                self.count += 1;
            }
            None => {
                if self.many.is_empty() {
                    self.many.extend(self.few);
                }
                self.many.push(entry);
            }
        }
    }

    /// Notes that data from `fd` has already been taken out of the socket, so the next wait returns
    /// at once.
    pub fn note_held(&mut self, fd: RawFd) {
        self.held = Some(fd);
    }

    /// Whether the next wait returns at once, whatever the system reports.
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    pub fn clear(&mut self) {
        self.count = 0;
        self.many.clear();
        self.held = None;
    }

    pub fn interests(&self) -> impl Iterator<Item = Interest> {
        self.entries().iter().map(|entry| Interest {
            fd: entry.fd,
            readable: entry.events & libc::POLLIN != 0,
            writable: entry.events & libc::POLLOUT != 0,
        })
    }

    /// Waits until something is ready or `deadline` has passed. poll(2) ends after a signal handler
    /// even if that was installed with `SA_RESTART` (signal(7)).
    pub fn wait(&mut self, deadline: Deadline, on_signal: OnSignal) -> io::Result<Waited> {
        if self.is_held() {
            return Ok(Waited::Ready);
        }
        let entries = match self.many.as_mut_slice() {
            [] => self.few.get_mut(..self.count).unwrap_or_default(),
            many => many,
        };
        let wait = |left| sys::poll(entries, left);
        match wait_until(deadline, Instant::now, on_signal, wait) {
            Ok(0) => Ok(Waited::TimedOut),
            Ok(_) => Ok(Waited::Ready),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Waited::Interrupted),
            Err(error) => Err(error),
        }
    }

    /// Whether anything happened to `fd`, errors and hang-ups included.
    pub fn is_ready(&self, fd: RawFd) -> bool {
        self.has_events(fd, !0)
    }

    /// Whether `fd` has an error or its peer has hung up.
    pub fn has_failed(&self, fd: RawFd) -> bool {
        self.has_events(fd, libc::POLLERR | libc::POLLHUP | libc::POLLNVAL)
    }

    /// Whether a read from `fd` would return at once; an error and the end of the stream count as
    /// readable.
    pub fn is_readable(&self, fd: RawFd) -> bool {
        self.held == Some(fd) || self.has_events(fd, !libc::POLLOUT)
    }

    fn entries(&self) -> &[libc::pollfd] {
        match self.many.as_slice() {
            [] => self.few.get(..self.count).unwrap_or_default(),
            many => many,
        }
    }

    fn has_events(&self, fd: RawFd, events: libc::c_short) -> bool {
        let mut entries = self.entries().iter();
        entries.any(|entry| entry.fd == fd && entry.revents & events != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsRawFd;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_wait_longer_than_the_systems_limit_continues() {
        let start = Instant::now();
        let now = std::cell::Cell::new(start);
        let mut spans = Vec::new();
        let ready = wait_until(
            Deadline::after(start, Some(30 * DAY)),
            || now.get(),
            OnSignal::Continue,
            |left| {
                let left = left.expect("there is a deadline");
                spans.push(left);
                now.set(now.get() + left.min(Duration::from_millis(i32::MAX as u64)));
                Ok(0)
            },
        );
        assert_eq!(ready.expect("no failure"), 0);
        assert_eq!(now.get(), start + 30 * DAY);
        assert_eq!(spans.len(), 2, "{spans:?}");
    }

    #[test]
    fn held_data_is_readable_and_ends_the_wait_at_once() {
        let (silent, other) = std::os::unix::net::UnixStream::pair().expect("sockets");
        let mut poll = Poll::default();
        poll.add(silent.as_raw_fd(), true, false);
        poll.add(other.as_raw_fd(), true, false);
        poll.note_held(silent.as_raw_fd());
        let waited = poll.wait(Deadline::NEVER, OnSignal::Continue);
        assert_eq!(waited.expect("no failure"), Waited::Ready);
        assert!(poll.is_readable(silent.as_raw_fd()) && !poll.is_readable(other.as_raw_fd()));
        poll.clear();
        assert!(!poll.is_held() && !poll.is_readable(silent.as_raw_fd()));
    }

    #[test]
    fn all_of_many_descriptors_are_waited_for() {
        let pairs: Vec<_> = (0..FEW + 2)
            .map(|_| std::os::unix::net::UnixStream::pair().expect("sockets"))
            .collect();
        let mut poll = Poll::default();
        for count in 1..=pairs.len() {
            poll.clear();
            for (near, _) in pairs.iter().take(count) {
                poll.add(near.as_raw_fd(), true, false);
            }
            assert_eq!(poll.interests().count(), count);
            let (near, far) = &pairs[count - 1];
            assert_eq!((&*far).write(b"x").expect("room"), 1);
            let waited = poll.wait(Deadline::NEVER, OnSignal::Continue);
            assert_eq!(waited.expect("no failure"), Waited::Ready);
            for (other, _) in &pairs {
                let is_last = other.as_raw_fd() == near.as_raw_fd();
                assert_eq!(poll.is_ready(other.as_raw_fd()), is_last);
            }
            assert_eq!((&*near).read(&mut [0; 2]).expect("a byte"), 1);
        }
    }

    #[test]
    fn without_a_deadline_a_wait_continues_after_timeouts_and_signals() {
        let mut left = [Ok(0), Err(io::ErrorKind::Interrupted), Ok(3)].into_iter();
        let ready = wait_until(Deadline::NEVER, Instant::now, OnSignal::Continue, |span| {
            assert_eq!(span, None);
            Ok(left.next().expect("no more waits")?)
        });
        assert_eq!(ready.expect("no failure"), 3);
    }
}
