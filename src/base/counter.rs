// SPDX-License-Identifier: Apache-2.0
//! A counter that one thread at a time increments and any thread reads.

use super::sync::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A load and a store, cheaper than an atomic addition. No increment is lost: the caller holds
    /// the turn to send or to receive.
    pub fn add(&self, count: u64) {
        self.0.store(self.get() + count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
