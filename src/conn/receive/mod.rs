// SPDX-License-Identifier: Apache-2.0
//! The receiving side of an open connection, used by one thread at a time.

pub mod handoff;
pub(in crate::conn) mod poll_set;
pub mod reader;
