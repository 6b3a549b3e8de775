// SPDX-License-Identifier: Apache-2.0
//! Who drives a loop, and whether it is still wanted: what others may ask while somebody drives.

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
    /// Does `work` as the one that drives.
    pub fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        self.driver.enter();
        let result = work();
        self.driver.leave();
        result
    }

    /// Puts this thread, which drives, into another slot.
    pub fn enter_too(&self, slot: &ThreadSlot) {
        slot.enter_as(&self.driver);
    }

    /// Whether a wait on this thread would be one for itself.
    pub fn is_held_here(&self) -> bool {
        self.driver.is_own()
    }

    /// The user has freed the loop: nothing more is told through it.
    pub fn retire(&self) {
        self.is_retired.store(true, Ordering::Release);
    }

    /// Likewise in a child: a callback that has called fork() returns in both processes.
    pub fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Acquire) || self.is_inherited()
    }

    pub fn is_inherited(&self) -> bool {
        self.process.is_inherited()
    }
}
