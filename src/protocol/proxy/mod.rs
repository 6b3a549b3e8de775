// SPDX-License-Identifier: Apache-2.0
//! Proxies: which one a connection uses, and the handshakes with it.

pub mod connect;
pub mod endpoint;
pub mod no_proxy;
pub mod select;
pub mod socks4;
pub mod socks5;
pub mod target;
pub mod tunnel;
