// SPDX-License-Identifier: Apache-2.0
//! The counters of an open connection; its bytes are counted by the stream.

use crate::base::counter::Counter;

#[derive(Debug, Default)]
pub struct Stats {
    pub messages_sent: Counter,
    pub messages_received: Counter,
    pub frames_sent: Counter,
    pub frames_received: Counter,
}

/// All counters at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub messages_sent: u64,
    pub messages_received: u64,
    pub frames_sent: u64,
    pub frames_received: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
}
