// SPDX-License-Identifier: Apache-2.0
//! Stands in for the library's `net/wake.rs`.

use crate::base::sync::{Condvar, Mutex};

/// What the library needs of an event descriptor, and the wait for it.
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

    /// As `epoll_wait(2)`, forever or not at all: whether there are signals. They stay.
    pub fn wait(&self, may_wait: bool) -> bool {
        let mut is_readable = self.is_readable.lock();
        while may_wait && !*is_readable {
            is_readable = self.becomes_readable.wait(is_readable, None);
        }
        *is_readable
    }
}
