// SPDX-License-Identifier: Apache-2.0
//! Everything that asks the system: names, sockets, TLS, waiting. Knows no WebSocket.

pub mod poll;
pub mod resolve;
pub mod socket;
pub mod stream;
pub mod sys;
pub mod tcp;
pub mod tls;
pub mod tls_context;
pub mod tls_options;
pub mod tls_pin;
pub mod tls_session;
pub mod wake;
