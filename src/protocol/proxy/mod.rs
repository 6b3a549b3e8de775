// SPDX-License-Identifier: Apache-2.0
//! Proxies: which one a connection goes through, and what is said to it.

pub mod connect;
pub mod endpoint;
pub mod no_proxy;
pub mod select;
pub mod socks4;
pub mod socks5;
pub mod target;
pub mod tunnel;
