// SPDX-License-Identifier: Apache-2.0
//! The sending side of an open connection, used by any number of threads.

mod buffers;
mod compressor;
mod enqueue;
pub mod keys;
pub mod outbound;
pub mod prepared;
pub mod queue;
mod state;
mod turn;
mod turn_order;
pub mod writer;
