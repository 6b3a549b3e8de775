// SPDX-License-Identifier: Apache-2.0
//! Everything that asks the system: names, sockets, TLS, waiting. Knows no WebSocket.

pub mod epoll;
pub mod poll;
pub mod process;
pub mod resolve;
pub mod socket;
pub mod stream;
pub mod sys;
pub mod tcp;
pub mod thread;
pub mod tls;
pub mod tls_error;
pub mod tls_files;
pub mod tls_identity;
pub mod tls_keylog;
pub mod tls_memory;
pub mod tls_options;
pub mod tls_pin;
pub mod tls_protocol;
#[cfg(test)]
pub mod tls_server;
pub mod tls_session;
pub mod tls_trust;
pub mod wake;
