// SPDX-License-Identifier: Apache-2.0
//! Which thread drives the loop, and whether the loop was freed. Any thread may ask.

use crate::base::process::ProcessMark;
use crate::base::sync::{AtomicBool, Ordering, ThreadSlot};

pub struct DriverLock {
    driver: ThreadSlot,
    is_retired: AtomicBool,
    process: ProcessMark,
}

impl Default for DriverLock {
    fn default() -> Self {
        Self {
            driver: ThreadSlot::default(),
            is_retired: AtomicBool::default(),
            process: ProcessMark::own(),
        }
    }
}

impl DriverLock {
    /// Runs `work` as the thread that drives.
    pub fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        self.driver.enter();
        let result = work();
        self.driver.leave();
        result
    }

    /// Enters this thread, which drives, into another slot, too.
    pub fn enter_slot(&self, slot: &ThreadSlot) {
        slot.enter_as(&self.driver);
    }

    /// Whether this thread drives, and so must not wait for the driver.
    pub fn is_held_here(&self) -> bool {
        self.driver.is_own()
    }

    /// Called when the user frees the loop: no more events are delivered through it.
    pub fn retire(&self) {
        self.is_retired.store(true, Ordering::Release);
    }

    /// Also true in a child process: a callback that has called fork() returns in both processes.
    pub fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Acquire) || self.is_inherited()
    }

    pub fn is_inherited(&self) -> bool {
        self.process.is_inherited()
    }
}
