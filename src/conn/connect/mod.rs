// SPDX-License-Identifier: Apache-2.0
//! From a URL to an open connection.

pub mod attempt;
pub mod connector;
pub mod cookies;
pub mod handshake_io;
pub mod report;
pub mod transport;
