// SPDX-License-Identifier: Apache-2.0
//! What a connect reports about itself: its timings, and its events.

use crate::base::sync::Arc;
use crate::conn::events::{EventKind, EventSink};
use crate::conn::timings::Timings;
use crate::net::tcp::Trial;
use std::time::Instant;

pub struct Report {
    pub timings: Timings,
    pub events: Option<Arc<EventSink>>,
}

impl Report {
    /// The connect begins.
    pub fn new(now: Instant, events: Option<Arc<EventSink>>) -> Self {
        Self {
            timings: Timings::begin(now),
            events,
        }
    }

    pub fn note_trial(&mut self, trial: Trial<'_>) {
        match trial {
            Trial::Begins(address) => {
                self.timings.note_address();
                self.emit(EventKind::Address(address));
            }
            Trial::Fails(address, error) => self.emit(EventKind::AddressFailed(address, error)),
        }
    }

    pub fn emit(&self, kind: EventKind<'_>) {
        if let Some(events) = &self.events {
            events.emit(kind, None);
        }
    }
}
