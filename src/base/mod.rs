// SPDX-License-Identifier: Apache-2.0
//! Used by every layer: errors, deadlines, locks, the log. No I/O, no clock, no WebSocket rules.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod buffer;
pub mod counter;
pub mod deadline;
pub mod error;
pub mod log;
pub mod memory;
pub mod outbox;
pub mod priority;
pub mod process;
pub mod sync;
pub mod thread_cache;
