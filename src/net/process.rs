// SPDX-License-Identifier: Apache-2.0
//! Counts the forks of this process.

use super::sys;
use crate::base::error::{Error, Kind};
use crate::base::process::{self, ProcessMark};
use crate::base::sync::{AtomicBool, Ordering};

static IS_COUNTED: AtomicBool = AtomicBool::new(false);

/// The mark of this process, for an object that is being made. Registers the fork handler, so that
/// a child knows that the object is inherited.
pub fn own_mark() -> Result<ProcessMark, Error> {
    // No lock, because a child could find it taken. Several threads may register the handler, which
    // is harmless.
    if !IS_COUNTED.load(Ordering::Acquire) {
        sys::call_after_fork(note_fork)
            .map_err(|error| Error::os(Kind::NoMemory, "prepare for fork()", &error))?;
        IS_COUNTED.store(true, Ordering::Release);
    }
    Ok(ProcessMark::own())
}

extern "C" fn note_fork() {
    process::note_fork();
}
