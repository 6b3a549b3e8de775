// SPDX-License-Identifier: Apache-2.0
//! Connections with blocking calls. The order of the modules is the order of the header.

pub mod object;

pub mod send;

pub mod prepared;

pub mod receive;

pub mod poll;

pub mod close;

pub mod state;
