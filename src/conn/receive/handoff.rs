// SPDX-License-Identifier: Apache-2.0
//! A value that one thread at a time may use, and the threads that wait for it. It holds the
//! receiving side of a connection: a receiving thread has it for as long as it waits for the peer,
//! and a closing thread must not be stuck behind it.

use crate::base::sync::{
    AtomicBool, AtomicU32, Condvar, Mutex, MutexGuard, OnceLock, Ordering, fence,
};
use std::time::Duration;

pub struct Handoff<T> {
    value: Mutex<T>,
    /// Threads that need it only for a limited time, so that others wait for them instead of
    /// failing.
    priority_waiters: AtomicU32,
    /// The number of waiting threads, and of calls of [`Handoff::watch`]; a thread increments it
    /// while it holds `gate`.
    waiting: AtomicU32,
    gate: Mutex<()>,
    is_free: Condvar,
    watcher: OnceLock<Watcher<T>>,
    /// A thread has found the value taken.
    has_turned_away: AtomicBool,
}

/// Is passed the value, and whether a thread has found it taken since the last call.
type Watcher<T> = Box<dyn Fn(&T, bool) + Send + Sync>;

impl<T> Handoff<T> {
    pub fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            priority_waiters: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            gate: Mutex::new(()),
            is_free: Condvar::new(),
            watcher: OnceLock::new(),
            has_turned_away: AtomicBool::new(false),
        }
    }

    /// Must be returned with [`Handoff::release`], or waiting threads are not woken.
    pub fn try_take(&self) -> Option<MutexGuard<'_, T>> {
        self.value.try_lock()
    }

    /// Waits once, for `span` (`None`: indefinitely). `None` if it stayed busy; what the caller
    /// waits for may have happened meanwhile.
    pub fn wait(&self, span: Option<Duration>) -> Option<MutexGuard<'_, T>> {
        let gate = self.gate.lock();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // Pairs with the fence in `release`: either this thread finds the value free, or the thread
        // that releases it finds this one counted.
        fence(Ordering::SeqCst);
        let mut taken = self.value.try_lock();
        if taken.is_none() && span != Some(Duration::ZERO) {
            drop(self.is_free.wait(gate, span));
            taken = self.value.try_lock();
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        taken
    }

    pub fn release(&self, taken: MutexGuard<'_, T>) {
        drop(taken);
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.announce();
        }
    }

    /// Calls `watcher` with the value now and after each release from now on, unless another thread
    /// has taken it again; then that thread's release follows. Only the first watcher counts.
    pub fn watch(&self, watcher: Watcher<T>) {
        self.watcher.get_or_init(|| watcher);
        let gate = self.gate.lock();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // Pairs with the fence in `release`, as in `wait`.
        fence(Ordering::SeqCst);
        drop(gate);
        self.announce();
    }

    #[cold]
    fn announce(&self) {
        self.wake_all();
        let Some(watcher) = self.watcher.get() else {
            return;
        };
        self.as_priority_waiter(|| {
            while let Some(value) = self.value.try_lock() {
                watcher(&value, self.has_turned_away.swap(false, Ordering::AcqRel));
                drop(value);
                self.wake_all();
                // Either this reads what `note_turned_away` has written meanwhile, or that call
                // reads what this has written, and its thread finds the value free. Unlike a load,
                // it reads the latest value.
                if !self.has_turned_away.fetch_or(false, Ordering::AcqRel) {
                    break;
                }
            }
        });
    }

    /// To be called before an attempt to take the value: if that fails, the watcher is told after
    /// the next release.
    pub fn note_turned_away(&self) {
        self.has_turned_away.swap(true, Ordering::AcqRel);
    }

    /// Ends all waits, so that the threads check again what has changed.
    pub fn wake_all(&self) {
        let _gate = self.gate.lock();
        self.is_free.notify_all();
    }

    /// Runs `work` as a thread that receiving threads wait for.
    pub fn as_priority_waiter<R>(&self, work: impl FnOnce() -> R) -> R {
        self.priority_waiters.fetch_add(1, Ordering::SeqCst);
        // Pairs with the fence in `has_priority_waiters`: a thread that finds the value taken by
        // this one finds this one counted.
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
