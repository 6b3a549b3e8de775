// SPDX-License-Identifier: Apache-2.0
//! Ends another thread's wait in `poll(2)`.

use super::sys;
use crate::base::process::ProcessMark;
use crate::base::sync::{AtomicI64, AtomicU32, Ordering};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::thread;
use std::time::Duration;

#[derive(Debug)]
pub struct Wake {
    file: File,
    /// A child of this process has the same descriptor, and must leave it alone.
    process: ProcessMark,
}

impl Wake {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            file: sys::eventfd()?.into(),
            process: ProcessMark::own(),
        })
    }

    /// Makes the descriptor readable. Async-signal-safe.
    pub fn signal(&self) {
        if !self.process.is_inherited() {
            sys::signal_eventfd(self.as_raw_fd());
        }
    }

    /// Takes the signals back. Never blocks: there may be none.
    pub fn clear(&self) {
        if !self.process.is_inherited() {
            let _ = (&self.file).read(&mut [0; 8]);
        }
    }

    /// Closes the descriptor, if it was inherited and is never dropped.
    pub fn abandon(&self) {
        sys::close_abandoned(self.as_raw_fd());
    }
}

impl AsRawFd for Wake {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

/// Which of the descriptors that a thread waits for others use to end the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakeBy {
    /// By making it readable: that of a [`Wake`].
    Event(RawFd),
    /// By shutting the socket down, which is given up then. It costs no descriptor.
    Shutdown(RawFd),
}

/// Where a signal handler finds how to end a wait, if there is one: it can neither take a lock nor
/// count references.
#[derive(Debug)]
pub struct WakeSlot {
    /// Twice the descriptor, one more for a shutdown; negative while nobody waits.
    target: AtomicI64,
    /// Calls of [`WakeSlot::signal`] under way.
    signalling: AtomicU32,
}

impl WakeSlot {
    /// Async-signal-safe.
    pub fn signal(&self) {
        self.signalling.fetch_add(1, Ordering::SeqCst);
        let target = self.target.load(Ordering::SeqCst);
        if let Ok(fd @ 0..) = RawFd::try_from(target >> 1) {
            match target & 1 {
                0 => sys::signal_eventfd(fd),
                _ => sys::shutdown(fd, libc::SHUT_RDWR),
            }
        }
        self.signalling.fetch_sub(1, Ordering::SeqCst);
    }

    pub fn set(&self, target: WakeBy) {
        let target = match target {
            WakeBy::Event(fd) => i64::from(fd) << 1,
            WakeBy::Shutdown(fd) => i64::from(fd) << 1 | 1,
        };
        self.target.store(target, Ordering::SeqCst);
    }

    /// Before the descriptor may be closed: its number may soon be another's. Waits for no more
    /// than a write(2) or a shutdown(2).
    pub fn clear(&self) {
        self.target.store(-1, Ordering::SeqCst);
        let mut looks = 0;
        while self.signalling.load(Ordering::SeqCst) > 0 {
            // A thread of a higher real-time priority does not let another one run by yielding to
            // it.
            match looks < MAX_YIELDS {
                true => thread::yield_now(),
                false => thread::sleep(Duration::from_millis(1)),
            }
            looks += 1;
        }
    }
}

/// The other thread is in one system call.
const MAX_YIELDS: u32 = 100;

impl Default for WakeSlot {
    fn default() -> Self {
        Self {
            target: AtomicI64::new(-1),
            signalling: AtomicU32::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::deadline::Deadline;
    use crate::net::poll::{OnSignal, Poll, Waited};
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    fn is_signalled(wake: &Wake) -> bool {
        let mut poll = Poll::default();
        poll.add(wake.as_raw_fd(), true, false);
        let waited = poll.wait(Deadline::at(Instant::now()), OnSignal::Continue);
        waited.expect("poll") == Waited::Ready
    }

    #[test]
    fn a_slot_signals_what_is_in_it_and_nothing_after_that() {
        let (slot, wake) = (WakeSlot::default(), Wake::new().expect("a descriptor"));
        slot.signal();
        assert!(!is_signalled(&wake));
        slot.set(WakeBy::Event(wake.as_raw_fd()));
        slot.signal();
        assert!(is_signalled(&wake));
        wake.clear();
        slot.clear();
        slot.signal();
        assert!(!is_signalled(&wake));
    }

    #[test]
    fn a_slot_shuts_down_the_socket_that_is_in_it() {
        let (near, mut far) = UnixStream::pair().expect("sockets");
        let slot = WakeSlot::default();
        slot.set(WakeBy::Shutdown(near.as_raw_fd()));
        slot.signal();
        assert_eq!(far.read(&mut [0]).expect("the end"), 0);
    }

    #[test]
    fn a_slot_signals_no_descriptor_that_was_closed() {
        const ROUNDS: usize = 2000;
        let slot = WakeSlot::default();
        let mut wrong = 0;
        let is_over = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    slot.signal();
                }
            });
            for _ in 0..ROUNDS {
                let wake = Wake::new().expect("a descriptor");
                slot.set(WakeBy::Event(wake.as_raw_fd()));
                slot.clear();
                let number = wake.as_raw_fd();
                drop(wake);
                let other = Wake::new().expect("a descriptor");
                wrong += usize::from(other.as_raw_fd() == number && is_signalled(&other));
            }
            is_over.store(true, Ordering::SeqCst);
        });
        assert_eq!(wrong, 0);
    }
}
