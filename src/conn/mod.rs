// SPDX-License-Identifier: Apache-2.0
//! One connection: connect, send, receive, close. The only room that knows both the protocol and sockets.
#![forbid(unsafe_code)]

pub mod attempt;
pub mod blocking;
pub mod close_wait;
pub mod compression;
pub mod connection;
pub mod connector;
pub mod keys;
pub mod link;
pub mod options;
mod outgoing;
pub mod patience;
pub mod prepared;
mod queue;
pub mod reader;
pub mod seat;
pub mod stats;
pub mod submit;
pub mod talk;
pub mod trace;
mod turn;
pub mod wire;
pub mod writer;
