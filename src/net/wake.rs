// SPDX-License-Identifier: Apache-2.0
//! Ends another thread's wait in `poll(2)`.

use super::sys;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};

#[derive(Debug)]
pub struct Wake(File);

impl Wake {
    pub fn new() -> io::Result<Self> {
        sys::eventfd().map(|fd| Self(fd.into()))
    }

    /// Makes the descriptor readable. Never blocks: a counter that is full is readable already.
    pub fn signal(&self) {
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    /// Takes the signals back. Never blocks: there may be none.
    pub fn clear(&self) {
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

impl AsRawFd for Wake {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
