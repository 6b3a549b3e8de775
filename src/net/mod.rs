// SPDX-License-Identifier: Apache-2.0
//! Everything that uses the system: name lookup, sockets, TLS, waiting. Knows nothing of
//! WebSockets.

#[cfg(feature = "tls-aws-lc")]
pub mod aws_lc;
pub mod epoll;
pub mod names;
#[cfg(not(feature = "tls-aws-lc"))]
pub mod openssl;
pub mod poll;
pub mod process;
pub mod resolve;
pub mod socket;
pub mod stream;
pub mod sys;
pub mod tcp;
pub mod thread;
pub mod tls;
pub mod user_transport;
pub mod wake;

/// The TLS library of this build.
#[cfg(feature = "tls-aws-lc")]
pub use self::aws_lc as tls_library;
#[cfg(not(feature = "tls-aws-lc"))]
pub use self::openssl as tls_library;
