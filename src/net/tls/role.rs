// SPDX-License-Identifier: Apache-2.0
//! Who is at the other end of TLS.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The caller may have set another name for it than the URL's host, and pinned its key.
    Server,
    /// An HTTPS proxy: trust, identity and protocol are those set for the server.
    Proxy,
}
