// SPDX-License-Identifier: Apache-2.0
//! Replaces the library's `net/wake.rs`.

use crate::base::sync::{Condvar, Mutex};

/// The operations that the library needs of an event descriptor, and waiting for it.
pub struct Wake {
    is_readable: Mutex<bool>,
    becomes_readable: Condvar,
}

impl Wake {
    pub fn new() -> Self {
        Self {
            is_readable: Mutex::new(false),
            becomes_readable: Condvar::new(),
        }
    }

    pub fn signal(&self) {
        *self.is_readable.lock() = true;
        self.becomes_readable.notify_all();
    }

    pub fn clear(&self) {
        *self.is_readable.lock() = false;
    }

    /// Like `epoll_wait(2)` without or with an infinite timeout: whether there are signals. They
    /// are kept.
    pub fn wait(&self, may_wait: bool) -> bool {
        let mut is_readable = self.is_readable.lock();
        while may_wait && !*is_readable {
            is_readable = self.becomes_readable.wait(is_readable, None);
        }
        *is_readable
    }
}
