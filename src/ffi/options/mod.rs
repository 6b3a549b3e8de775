// SPDX-License-Identifier: Apache-2.0
//! Options. The order of the modules is the order of the header.

pub mod object;

pub mod request;

pub mod time;

pub mod proxy;

pub mod socket;

pub mod names;

pub mod tls_trust;

pub mod tls_identity;

pub mod tls_protocol;

pub mod protocol;

pub mod tolerance;

pub mod deflate;

pub mod app;

pub mod send_queue;

pub mod events;
