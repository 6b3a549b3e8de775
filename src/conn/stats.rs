// SPDX-License-Identifier: Apache-2.0
//! What has gone through an open connection so far; the bytes are counted by the stream.

use crate::base::counter::Counter;

#[derive(Debug, Default)]
pub struct Stats {
    pub messages_sent: Counter,
    pub messages_received: Counter,
    pub frames_sent: Counter,
    pub frames_received: Counter,
}
