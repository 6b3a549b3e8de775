// SPDX-License-Identifier: Apache-2.0
//! A mutex that some threads take ahead of others.
//!
//! The standard library's mutex is unfair: a thread that sends in a tight loop can take it again
//! and again while the thread that answers pings on the same connection is still waking up. This
//! one bounds how often.

use super::sync::{AtomicU32, Condvar, MAX_PASSED_OVER, Mutex, MutexGuard, Ordering};

pub struct PriorityMutex<T> {
    mutex: Mutex<T>,
    /// The number of threads that wait in [`PriorityMutex::lock_ahead`].
    ahead: AtomicU32,
    /// How often [`PriorityMutex::lock`] has succeeded while they waited; changed under the mutex
    /// only.
    passed_over: AtomicU32,
    /// The number of threads that wait until `ahead` is 0; changed under the mutex only.
    behind: AtomicU32,
    none_ahead: Condvar,
}

impl<T> PriorityMutex<T> {
    pub fn new(value: T) -> Self {
        Self {
            mutex: Mutex::new(value),
            ahead: AtomicU32::new(0),
            passed_over: AtomicU32::new(0),
            behind: AtomicU32::new(0),
            none_ahead: Condvar::new(),
        }
    }

    /// For work that may be repeated in a tight loop, such as sending data.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let guard = self.mutex.lock();
        if self.ahead.load(Ordering::Relaxed) == 0 {
            return guard;
        }
        self.let_ahead(guard)
    }

    #[cold]
    fn let_ahead<'a>(&'a self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        while self.ahead.load(Ordering::Relaxed) > 0 {
            let passed_over = self.passed_over.load(Ordering::Relaxed);
            if passed_over < MAX_PASSED_OVER {
                self.passed_over.store(passed_over + 1, Ordering::Relaxed);
                break;
            }
            self.behind.fetch_add(1, Ordering::Relaxed);
            guard = self.none_ahead.wait(guard, None);
            self.behind.fetch_sub(1, Ordering::Relaxed);
        }
        guard
    }

    /// For everything else: at most [`MAX_PASSED_OVER`] calls of [`PriorityMutex::lock`] that began
    /// later succeed first.
    pub fn lock_ahead(&self) -> MutexGuard<'_, T> {
        if let Some(guard) = self.mutex.try_lock() {
            return guard;
        }
        self.ahead.fetch_add(1, Ordering::SeqCst);
        let guard = self.mutex.lock();
        self.passed_over.store(0, Ordering::Relaxed);
        let is_last = self.ahead.fetch_sub(1, Ordering::Relaxed) == 1;
        if is_last && self.behind.load(Ordering::Relaxed) > 0 {
            self.none_ahead.notify_all();
        }
        guard
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn a_tight_loop_overtakes_a_priority_waiter_a_bounded_number_of_times() {
        const ROUNDS: usize = 200;
        const TIGHT: usize = 50 * MAX_PASSED_OVER as usize;
        for _ in 0..ROUNDS {
            let order = Arc::new(PriorityMutex::new(Vec::new()));
            let mut guard = order.lock();
            let urgent = {
                let order = Arc::clone(&order);
                thread::spawn(move || order.lock_ahead().push("urgent"))
            };
            while order.ahead.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            for _ in 0..TIGHT {
                drop(guard);
                guard = order.lock();
                guard.push("tight");
            }
            drop(guard);
            urgent.join().unwrap();
            let order = order.lock();
            assert_eq!(order.len(), TIGHT + 1);
            let place = order.iter().position(|who| *who == "urgent");
            assert!(
                place.unwrap() <= MAX_PASSED_OVER as usize,
                "passed over {place:?} times"
            );
        }
    }
}
