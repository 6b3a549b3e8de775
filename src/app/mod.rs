// SPDX-License-Identifier: Apache-2.0
//! The long-lived client: callbacks, keepalive, reconnecting, and the loop that drives any number
//! of them. The only layer that calls the user's functions or owns a thread that does.
#![forbid(unsafe_code)]

mod attempts;
pub mod callbacks;
pub mod client;
pub mod driver_lock;
pub mod event_loop;
pub mod handlers;
pub mod link_slot;
pub mod mailbox;
pub mod message_queue;
pub mod open_connection;
pub mod queued_sending;
pub mod reactor;
pub mod requests;
pub mod retryable;
pub mod runner;
pub mod sending;
mod target;
pub mod thread;
pub mod timers;
pub mod waiting_messages;
