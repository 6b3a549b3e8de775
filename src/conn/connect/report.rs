// SPDX-License-Identifier: Apache-2.0
//! What a connect reports about itself.

use crate::conn::timings::Timings;
use crate::net::tcp::Trial;
use std::time::Instant;

pub struct Report {
    pub timings: Timings,
}

impl Report {
    /// The connect begins.
    pub fn new(now: Instant) -> Self {
        Self {
            timings: Timings::begin(now),
        }
    }

    pub fn note_trial(&mut self, trial: Trial<'_>) {
        match trial {
            Trial::Begins(_) => self.timings.note_address(),
        }
    }
}
