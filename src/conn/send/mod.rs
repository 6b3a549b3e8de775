// SPDX-License-Identifier: Apache-2.0
//! The sending side of an open connection, used by any number of threads.

pub mod buffers;
pub mod compression;
pub mod keys;
pub mod prepared;
pub mod queue;
pub mod submit;
pub mod turn;
pub mod writer;
