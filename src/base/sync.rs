// SPDX-License-Identifier: Apache-2.0
//! Locks and condition variables, for the whole crate from this one place, so that a model checker
//! can stand in for them.
//!
//! A panic under a lock does not poison it for the others: the call that panicked has answered
//! `Internal`, and whoever comes next must still be able to close and free.

use std::sync::PoisonError;
use std::time::Duration;

use std::sync::atomic::AtomicUsize;
pub use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering, fence};
pub use std::sync::{Arc, MutexGuard, OnceLock, Weak};

/// How often others may take a lock while a thread waits for it. Waking a thread takes about as
/// long as this many short sends, so contention costs no throughput; at 1, every collision would
/// put a sender to sleep.
pub const MAX_PASSED_OVER: u32 = 16;

/// Tells one thread from another while both live. Unlike the standard library's it allocates
/// nothing, which on the host's own threads nobody would free.
#[derive(Clone, Copy)]
struct ThreadMark(usize);

impl ThreadMark {
    fn own() -> Self {
        thread_local!(static PLACE: u8 = const { 0 });
        Self(PLACE.with(|place| std::ptr::from_ref(place).addr()))
    }
}

/// Which thread does something, if any does.
#[derive(Debug, Default)]
pub struct ThreadSlot(AtomicUsize);

impl ThreadSlot {
    /// The caller does it from now on. Sequentially consistent, as all here.
    pub fn enter(&self) {
        self.0.store(ThreadMark::own().0, Ordering::SeqCst);
    }

    /// The same where the caller is in another slot already, which is read faster than the thread's
    /// mark is found.
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

    /// Waits for a notification, at most `span` (`None`: forever). Wakes without cause now and
    /// then, as all of its kind.
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
