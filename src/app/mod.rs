// SPDX-License-Identifier: Apache-2.0
//! The long-lived client: callbacks, keepalive, reconnecting, and the loop that drives any number of them. The only
//! room that calls the user's functions or owns a thread that does.
#![forbid(unsafe_code)]

pub mod audience;
pub mod client;
pub mod core;
pub mod event_loop;
pub mod handler;
pub mod helm;
pub mod mailbox;
pub mod retry;
pub mod runner;
pub mod session;
pub mod thread;
