// SPDX-License-Identifier: Apache-2.0
//! What one thread at a time may use, and the threads that want it next. The receiving side of a
//! connection lies in one: a thread that receives has it for as long as it waits for the peer, and
//! threads that close must not wait behind it.

use crate::base::sync::{AtomicU32, Condvar, Mutex, MutexGuard, Ordering, fence};
use std::time::Duration;

pub struct Handoff<T> {
    thing: Mutex<T>,
    /// Threads that want it only until something has happened, and whom others wait for.
    priority_waiters: AtomicU32,
    /// Threads that wait; they hold `gate` while they count.
    waiting: AtomicU32,
    gate: Mutex<()>,
    is_free: Condvar,
}

impl<T> Handoff<T> {
    pub fn new(thing: T) -> Self {
        Self {
            thing: Mutex::new(thing),
            priority_waiters: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            gate: Mutex::new(()),
            is_free: Condvar::new(),
        }
    }

    /// Give it back with [`Handoff::release`], or waiting threads are not woken.
    pub fn try_take(&self) -> Option<MutexGuard<'_, T>> {
        self.thing.try_lock()
    }

    /// Waits once, for `span` (`None`: indefinitely). `None` where it was busy for a while and much
    /// may have changed.
    pub fn wait(&self, span: Option<Duration>) -> Option<MutexGuard<'_, T>> {
        let gate = self.gate.lock();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // Against the fence in `release`: either this thread finds it free, or the one that frees
        // it finds this one counted.
        fence(Ordering::SeqCst);
        let mut taken = self.thing.try_lock();
        if taken.is_none() && span != Some(Duration::ZERO) {
            drop(self.is_free.wait(gate, span));
            taken = self.thing.try_lock();
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        taken
    }

    pub fn release(&self, taken: MutexGuard<'_, T>) {
        drop(taken);
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.wake_all();
        }
    }

    /// Ends the waits, so that all look again at what has changed.
    pub fn wake_all(&self) {
        let _gate = self.gate.lock();
        self.is_free.notify_all();
    }

    /// Does `work` as a thread that those who receive wait for.
    pub fn as_priority_waiter<R>(&self, work: impl FnOnce() -> R) -> R {
        self.priority_waiters.fetch_add(1, Ordering::SeqCst);
        // Against the fence in `has_priority_waiters`: a thread that finds it taken by this one
        // finds this one counted.
        fence(Ordering::SeqCst);
        let result = work();
        self.priority_waiters.fetch_sub(1, Ordering::SeqCst);
        result
    }

    pub fn has_priority_waiters(&self) -> bool {
        fence(Ordering::SeqCst);
        self.priority_waiters.load(Ordering::SeqCst) > 0
    }
}
