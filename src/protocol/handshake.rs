// SPDX-License-Identifier: Apache-2.0
//! One exchange before a connection is open: we say something, the peer answers, until it is
//! settled.
//!
//! The HTTP upgrade is one, the request to a proxy another. The connector drives them all with the
//! same few lines.

use crate::base::error::Error;
use crate::protocol::http::reply::Response;

pub trait Handshake {
    /// What to send now, each part once; `None` while it is the peer's turn.
    fn output(&mut self) -> Option<Output>;

    /// Takes what it needs from the front of `input` and leaves the rest for whoever comes after.
    /// True when it is settled; an error when the peer has refused, or answered what no peer may.
    fn receive(&mut self, input: &mut Vec<u8>) -> Result<bool, Error>;

    /// What it means that the peer will send no more.
    fn end(&mut self) -> Error;

    /// The peer has refused; what is still awaited only helps a person.
    fn is_refused(&self) -> bool {
        false
    }

    /// What the peer answered so far, where it speaks HTTP. Asked once, at the end.
    fn take_response(&mut self) -> Option<Response> {
        None
    }
}

pub struct Output {
    pub bytes: Vec<u8>,
    /// For the log, in place of bytes that are no text or are secret.
    pub words: Option<String>,
}

impl Output {
    /// The lines of a head.
    pub fn text(lines: String) -> Self {
        Self {
            bytes: lines.into_bytes(),
            words: None,
        }
    }

    /// The same for the log.
    pub fn shown(&self) -> &str {
        match &self.words {
            Some(words) => words,
            None => std::str::from_utf8(&self.bytes).unwrap_or_default(),
        }
    }
}
