// SPDX-License-Identifier: Apache-2.0
//! The commands of other threads to the one that drives a loop. Posting one takes one system call
//! if the driver sleeps, and none if it is awake.

use crate::base::sync::{AtomicBool, Mutex, MutexGuard, Ordering};
use crate::net::wake::Wake;
use std::collections::TryReserveError;

pub struct Mailbox<T> {
    queue: Mutex<Vec<T>>,
    /// Whether the queue is not empty; changed under its lock.
    has_commands: AtomicBool,
    /// The driver will check the queue before it sleeps.
    is_awake: AtomicBool,
    wake: Wake,
}

impl<T> Mailbox<T> {
    pub fn new(wake: Wake) -> Self {
        Self {
            queue: Mutex::new(Vec::new()),
            has_commands: AtomicBool::new(false),
            is_awake: AtomicBool::new(false),
            wake,
        }
    }

    /// Its descriptor becomes readable when a sleeping driver must wake up.
    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    /// Posts from any thread; for commands of which there are few.
    pub fn post(&self, command: T) {
        let mut queue = self.queue.lock();
        queue.push(command);
        self.note_command(queue);
    }

    /// Like [`Mailbox::post`], for commands of which there may be any number.
    pub fn try_post(&self, command: T) -> Result<(), TryReserveError> {
        let mut queue = self.queue.lock();
        queue.try_reserve(1)?;
        queue.push(command);
        self.note_command(queue);
        Ok(())
    }

    fn note_command(&self, queue: MutexGuard<'_, Vec<T>>) {
        // A driver that sees that this thread has found it awake, or that was woken by it, sees
        // this, too.
        self.has_commands.store(true, Ordering::Relaxed);
        drop(queue);
        self.wake_driver();
    }

    /// Wakes the driver if it sleeps.
    pub fn wake_driver(&self) {
        if !self.is_awake.swap(true, Ordering::AcqRel) {
            self.wake.signal();
        }
    }

    /// Called when the driver has woken up, for any reason.
    pub fn woke_up(&self, is_signaled: bool) {
        if is_signaled {
            self.wake.clear();
        }
        self.is_awake.swap(true, Ordering::AcqRel);
    }

    pub fn take(&self) -> Vec<T> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut queue = self.queue.lock();
        self.has_commands.store(false, Ordering::Relaxed);
        std::mem::take(&mut *queue)
    }

    pub fn is_empty(&self) -> bool {
        !self.has_commands.load(Ordering::Relaxed)
    }

    /// Called before each wait. A command posted since [`Mailbox::take`] ends the wait at once.
    pub fn prepare_to_wait(&self) {
        // Reads what `post` wrote: a thread that found the driver awake had queued its command
        // before.
        self.is_awake.swap(false, Ordering::AcqRel);
        if !self.is_empty() {
            self.wake_driver();
        }
    }
}
