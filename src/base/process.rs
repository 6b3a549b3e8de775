// SPDX-License-Identifier: Apache-2.0
//! Distinguishes a process from its parent.
//!
//! `fork(2)` copies memory and descriptors, but only the calling thread. In the child a lock may be
//! held by a thread that does not exist there, data structures may be half modified, and each
//! socket is shared with the parent. So an object is used only in the process that created it.

use super::sync::{AtomicU32, OnceLock, Ordering};
use std::io;

/// The number of forks between the process that loaded the library and this one, or more if several
/// threads registered the handler at the same time.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Called by the fork handler in the child, so it must not lock or allocate.
pub fn note_fork() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Identifies the process that created an object, as [`super::sync::ThreadSlot`] identifies
/// threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessMark(u32);

impl ProcessMark {
    /// The mark of this process.
    pub fn own() -> Self {
        Self(GENERATION.load(Ordering::Relaxed))
    }

    /// True in a child of the process that created the object.
    pub fn is_inherited(self) -> bool {
        self != Self::own()
    }

    /// Fails in a child, where a descriptor is shared with the parent and must not be used.
    #[inline]
    pub fn check(self) -> io::Result<()> {
        if self.is_inherited() {
            return Err(inherited());
        }
        Ok(())
    }
}

#[cold]
fn inherited() -> io::Error {
    io::Error::other("it was made before fork()")
}

/// A value that each process creates for itself on first use.
pub struct PerProcess<T> {
    own: OnceLock<T>,
    /// The child's value. Only a child accesses it, so no thread of the parent can have been
    /// modifying it during the fork.
    next: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    pub const fn new() -> Self {
        Self {
            own: OnceLock::new(),
            next: OnceLock::new(),
        }
    }

    /// `make` receives the value of the nearest ancestor process that has one.
    pub fn get_or_make(&self, make: impl FnOnce(Option<&T>) -> T) -> &T {
        let ProcessMark(generation) = ProcessMark::own();
        let (mut place, mut inherited) = (self, None);
        for _ in 0..generation {
            inherited = place.own.get().or(inherited);
            place = place.next.get_or_init(Box::default);
        }
        place.own.get_or_init(|| make(inherited))
    }

    /// For values that do not depend on the ancestors' values.
    pub fn get(&self) -> &T
    where
        T: Default,
    {
        self.get_or_make(|_| T::default())
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}
