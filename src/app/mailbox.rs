// SPDX-License-Identifier: Apache-2.0
//! What other threads leave for the one that drives a loop, and how they wake it: with one system
//! call if it sleeps, with none if it is awake.

use crate::base::sync::{AtomicBool, Mutex, MutexGuard, Ordering};
use crate::net::wake::Wake;
use std::collections::TryReserveError;

pub struct Mailbox<T> {
    queue: Mutex<Vec<T>>,
    /// Whether the queue is not empty; changed under its lock.
    has_mail: AtomicBool,
    /// Whoever drives will look into the box before it sleeps.
    is_awake: AtomicBool,
    wake: Wake,
}

impl<T> Mailbox<T> {
    pub fn new(wake: Wake) -> Self {
        Self {
            queue: Mutex::new(Vec::new()),
            has_mail: AtomicBool::new(false),
            is_awake: AtomicBool::new(false),
            wake,
        }
    }

    /// Its descriptor becomes readable when there is something for a sleeper.
    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    /// From any thread. For commands of which there are few.
    pub fn post(&self, command: T) {
        let mut queue = self.queue.lock();
        queue.push(command);
        self.note_mail(queue);
    }

    /// The same for commands of which there may be any number.
    pub fn try_post(&self, command: T) -> Result<(), TryReserveError> {
        let mut queue = self.queue.lock();
        queue.try_reserve(1)?;
        queue.push(command);
        self.note_mail(queue);
        Ok(())
    }

    fn note_mail(&self, queue: MutexGuard<'_, Vec<T>>) {
        // Whoever sees that this has found a driver awake, or was roused by it, sees this, too.
        self.has_mail.store(true, Ordering::Relaxed);
        drop(queue);
        self.rouse();
    }

    /// Makes a sleeper look.
    pub fn rouse(&self) {
        if !self.is_awake.swap(true, Ordering::AcqRel) {
            self.wake.signal();
        }
    }

    /// The sleeper has woken, whatever for.
    pub fn woke_up(&self, is_roused: bool) {
        if is_roused {
            self.wake.clear();
        }
        self.is_awake.swap(true, Ordering::AcqRel);
    }

    pub fn take(&self) -> Vec<T> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut queue = self.queue.lock();
        self.has_mail.store(false, Ordering::Relaxed);
        std::mem::take(&mut *queue)
    }

    pub fn is_empty(&self) -> bool {
        !self.has_mail.load(Ordering::Relaxed)
    }

    /// Before each wait. What came since [`Mailbox::take`] makes the wait end at once.
    pub fn prepare_to_wait(&self) {
        // Reads what `post` wrote: a thread that found this one awake has left its command before.
        self.is_awake.swap(false, Ordering::AcqRel);
        if !self.is_empty() {
            self.rouse();
        }
    }
}
