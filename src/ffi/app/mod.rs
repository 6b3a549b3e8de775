// SPDX-License-Identifier: Apache-2.0
//! Apps and loops. The order of the modules is the order of the header.

pub mod object;

mod handlers;

pub mod callbacks;

pub mod callback_table;

pub mod connecting;

pub mod send;

pub mod state;

pub mod event_loop;

pub mod post;
