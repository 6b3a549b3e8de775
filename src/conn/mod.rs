// SPDX-License-Identifier: Apache-2.0
//! One connection: connect, send, receive, close.
#![forbid(unsafe_code)]

pub mod blocking;
pub mod close_wait;
pub mod connect;
pub mod connection;
pub mod events;
pub mod link;
pub mod open;
pub mod options;
pub mod receive;
pub mod send;
pub mod stats;
pub mod timings;
pub mod trace;
pub mod wait_budget;
