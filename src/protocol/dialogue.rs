// SPDX-License-Identifier: Apache-2.0
//! One exchange before a connection is open: we say something, the peer answers, until it is settled.
//!
//! The HTTP upgrade is one. The connector drives any of them with the same few lines.

use crate::base::error::Error;

pub trait Dialogue {
    type Outcome;

    /// What to send, once.
    fn request(&self) -> &[u8];

    /// Takes what it needs from the front of `input` and leaves the rest for whoever comes after.
    /// `None` while the answer is incomplete.
    fn receive(&mut self, input: &mut Vec<u8>) -> Result<Option<Self::Outcome>, Error>;

    /// The peer will send no more.
    fn end(&mut self) -> Result<Self::Outcome, Error>;
}
