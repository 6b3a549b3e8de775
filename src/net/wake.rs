// SPDX-License-Identifier: Apache-2.0
//! Ends another thread's wait in `poll(2)`.

use super::sys;
use crate::base::process::Birth;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};

#[derive(Debug)]
pub struct Wake {
    file: File,
    /// A child of this process has the same descriptor, and must leave it alone.
    birth: Birth,
}

impl Wake {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            file: sys::eventfd()?.into(),
            birth: Birth::now(),
        })
    }

    /// Makes the descriptor readable. Never blocks: a counter that is full is readable already.
    pub fn signal(&self) {
        if !self.birth.is_inherited() {
            let _ = (&self.file).write(&1u64.to_ne_bytes());
        }
    }

    /// Takes the signals back. Never blocks: there may be none.
    pub fn clear(&self) {
        if !self.birth.is_inherited() {
            let _ = (&self.file).read(&mut [0; 8]);
        }
    }

    /// Closes the descriptor, if it was inherited and is never dropped.
    pub fn abandon(&self) {
        sys::close_abandoned(self.as_raw_fd());
    }
}

impl AsRawFd for Wake {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}
