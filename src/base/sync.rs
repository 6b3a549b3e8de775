// SPDX-License-Identifier: Apache-2.0
//! Locks and condition variables. The whole crate uses these, so that a model checker can replace
//! them.
//!
//! A panic does not poison a lock: the call that panicked has returned `Internal`, and later calls
//! must still be able to close and free the connection.

use std::sync::PoisonError;
use std::time::Duration;

use std::sync::atomic::AtomicUsize;
pub use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering, fence};
pub use std::sync::{Arc, MutexGuard, OnceLock, Weak};

/// How often other threads may take a lock while a thread waits for it with priority. Waking a
/// thread takes about as long as this many short sends, so contention costs no throughput; at 1,
/// every collision would put a sender to sleep.
pub const MAX_PASSED_OVER: u32 = 16;

/// Identifies a thread while it lives. Unlike the standard library's `ThreadId` it allocates
/// nothing, which would never be freed on the host's own threads.
#[derive(Clone, Copy)]
struct ThreadMark(usize);

impl ThreadMark {
    fn own() -> Self {
        thread_local!(static PLACE: u8 = const { 0 });
        Self(PLACE.with(|place| std::ptr::from_ref(place).addr()))
    }
}

/// Holds the thread that is doing something, if any.
#[derive(Debug, Default)]
pub struct ThreadSlot(AtomicUsize);

impl ThreadSlot {
    /// Puts the calling thread into the slot. All operations are sequentially consistent.
    pub fn enter(&self) {
        self.0.store(ThreadMark::own().0, Ordering::SeqCst);
    }

    /// For a caller that is already in another slot: reading that is faster than finding the
    /// thread's mark.
    pub fn enter_as(&self, other: &Self) {
        let own = other.0.load(Ordering::Relaxed);
        self.0.store(own, Ordering::SeqCst);
    }

    pub fn leave(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    pub fn is_own(&self) -> bool {
        self.0.load(Ordering::SeqCst) == ThreadMark::own().0
    }

    pub fn is_empty(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` while another thread holds the lock.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}

#[derive(Debug, Default)]
pub struct Condvar(std::sync::Condvar);

impl Condvar {
    pub const fn new() -> Self {
        Self(std::sync::Condvar::new())
    }

    /// Waits for a notification, at most `span` (`None`: forever). Spurious wake-ups happen.
    pub fn wait<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        span: Option<Duration>,
    ) -> MutexGuard<'a, T> {
        match span {
            None => self.0.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(span) => {
                self.0
                    .wait_timeout(guard, span)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        }
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
