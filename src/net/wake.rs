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
    /// A child process shares the descriptor, and must not use it.
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

    /// Makes the descriptor unreadable again. Never blocks, even if it was not readable.
    pub fn clear(&self) {
        if !self.process.is_inherited() {
            let _ = (&self.file).read(&mut [0; 8]);
        }
    }

    /// Closes an inherited descriptor, which is never dropped.
    pub fn abandon(&self) {
        sys::close_abandoned(self.as_raw_fd());
    }
}

impl AsRawFd for Wake {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

/// How another thread ends this thread's wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakeBy {
    /// By making the descriptor of a [`Wake`] readable.
    Event(RawFd),
    /// By shutting down the socket, which cannot be used any more then. This needs no extra
    /// descriptor.
    Shutdown(RawFd),
}

/// Where a signal handler finds how to end the current wait, if any: it can neither lock nor count
/// references.
#[derive(Debug)]
pub struct WakeSlot {
    /// Twice the descriptor, plus one for a shutdown; negative while no thread waits.
    target: AtomicI64,
    /// The number of calls of [`WakeSlot::signal`] in progress.
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

    /// To be called before the descriptor is closed, because its number may be reused at once.
    /// Waits at most for a write(2) or a shutdown(2) in progress.
    pub fn clear(&self) {
        self.target.store(-1, Ordering::SeqCst);
        let mut looks = 0;
        while self.signalling.load(Ordering::SeqCst) > 0 {
            // Yielding does not let a thread of a lower real-time priority run.
            match looks < MAX_YIELDS {
                true => thread::yield_now(),
                false => thread::sleep(Duration::from_millis(1)),
            }
            looks += 1;
        }
    }
}

/// Enough in most cases: the other thread is inside a single system call.
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
    fn a_slot_signals_its_descriptor_until_it_is_cleared() {
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
    fn a_slot_shuts_down_its_socket() {
        let (near, mut far) = UnixStream::pair().expect("sockets");
        let slot = WakeSlot::default();
        slot.set(WakeBy::Shutdown(near.as_raw_fd()));
        slot.signal();
        assert_eq!(far.read(&mut [0]).expect("the end"), 0);
    }

    #[test]
    fn a_slot_never_signals_a_closed_descriptor() {
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
