// SPDX-License-Identifier: Apache-2.0
//! The protocols, as functions of bytes: RFC 6455, the HTTP/1.1 upgrade, proxies, URLs.
//!
//! Nothing here reads a socket, a clock or a source of randomness; bytes, keys and time are
//! arguments.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod backoff;
pub mod handshake;
pub mod http;
pub mod keepalive;
pub mod proxy;
pub mod send_rate;
pub mod tolerance;
pub mod url;
pub mod ws;
