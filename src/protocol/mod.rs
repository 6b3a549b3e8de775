// SPDX-License-Identifier: Apache-2.0
//! What the standards say, decided from bytes: RFC 6455, the HTTP/1.1 upgrade, URLs.
//!
//! Nothing here reads a socket, a clock or a random source; bytes, keys and time are arguments.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod backoff;
pub mod handshake;
pub mod http;
pub mod keepalive;
pub mod proxy;
pub mod url;
pub mod ws;
