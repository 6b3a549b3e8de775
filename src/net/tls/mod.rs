// SPDX-License-Identifier: Apache-2.0
//! TLS by OpenSSL, between two buffers.

pub mod channel;
pub mod cipher_buffer;
pub mod error;
pub mod files;
pub mod identity;
pub mod keylog;
pub mod memory;
pub mod options;
pub mod pin;
pub mod protocol;
pub mod resumption;
pub mod role;
#[cfg(test)]
pub mod test_server;
pub mod trust;
