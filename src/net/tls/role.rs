// SPDX-License-Identifier: Apache-2.0
//! The role of the TLS peer.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The caller may have set a name other than the URL's host for it, and pinned its key.
    Server,
    /// An HTTPS proxy: uses the trust, identity and protocol set for the server.
    Proxy,
}
