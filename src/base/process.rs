// SPDX-License-Identifier: Apache-2.0
//! Telling a process from its parent.
//!
//! `fork(2)` copies memory and descriptors, but of the threads only the one that calls it. In the
//! child a lock may be held by a thread that is not there, memory may be half changed, and each
//! socket is one with the parent's. So what a process has made is used in that process alone.

use super::sync::{AtomicU32, OnceLock, Ordering};
use std::io;

/// How many forks lie between the process that has loaded the library and this one; more, if
/// several threads asked for the count at the same time.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// For the handler that runs in the child. It must not lock or allocate.
pub fn note_fork() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Tells a process from its parent, as [`super::sync::ThreadSlot`] tells threads apart. An object
/// has that of the process that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessMark(u32);

impl ProcessMark {
    /// In this process.
    pub fn own() -> Self {
        Self(GENERATION.load(Ordering::Relaxed))
    }

    /// True in a child of the process that made it.
    pub fn is_inherited(self) -> bool {
        self != Self::own()
    }

    /// For what must not touch a descriptor that is the parent's as well.
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

/// A value that each process makes for itself, when it first needs it.
pub struct PerProcess<T> {
    own: OnceLock<T>,
    /// The child's. Only a child touches it, so no thread can have been at it when the child began.
    next: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    pub const fn new() -> Self {
        Self {
            own: OnceLock::new(),
            next: OnceLock::new(),
        }
    }

    /// `make` is given the value of the process's nearest ancestor that has one.
    pub fn get_or_make(&self, make: impl FnOnce(Option<&T>) -> T) -> &T {
        let ProcessMark(generation) = ProcessMark::own();
        let (mut place, mut inherited) = (self, None);
        for _ in 0..generation {
            inherited = place.own.get().or(inherited);
            place = place.next.get_or_init(Box::default);
        }
        place.own.get_or_init(|| make(inherited))
    }

    /// For values that do not depend on those of ancestors.
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
