// SPDX-License-Identifier: Apache-2.0
//! Replaces the library's `base/sync.rs`.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

pub use loom::sync::Arc;
pub use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
pub use std::sync::OnceLock;

/// The smallest number with both cases: exploring every order of more would take hours.
pub const MAX_PASSED_OVER: u32 = 1;

/// Loom never interrupts a thread at an unlock, so `try_lock()` would rarely find a lock held. It
/// has its own flag, which is invisible to threads that wait for the lock.
pub struct Mutex<T> {
    value: loom::sync::Mutex<T>,
    is_taken: AtomicBool,
}

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self {
            value: loom::sync::Mutex::new(value),
            is_taken: AtomicBool::new(false),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            value: self.value.lock().ok(),
            mark: None,
        }
    }

    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        // A real `try_lock()` that fails may also have read an old value.
        if self.is_taken.load(Ordering::Relaxed) {
            return None;
        }
        self.is_taken
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        let value = self.value.try_lock().ok();
        if value.is_none() {
            self.is_taken.store(false, Ordering::Release);
            return None;
        }
        Some(MutexGuard {
            value,
            mark: Some(&self.is_taken),
        })
    }
}

/// Holds a value until it is dropped.
pub struct MutexGuard<'a, T> {
    value: Option<loom::sync::MutexGuard<'a, T>>,
    mark: Option<&'a AtomicBool>,
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        if let Some(is_taken) = self.mark {
            is_taken.store(false, Ordering::Release);
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().expect("held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_deref_mut().expect("held")
    }
}

pub struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    pub fn wait<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        span: Option<Duration>,
    ) -> MutexGuard<'a, T> {
        assert_eq!(span, None, "loom knows no time");
        let value = guard.value.take();
        guard.value = value.and_then(|value| self.0.wait(value).ok());
        guard
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
