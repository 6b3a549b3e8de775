// SPDX-License-Identifier: Apache-2.0
//! A handshake before a connection is open: requests and responses, until it succeeds or fails.
//!
//! The HTTP upgrade is one, the request to a proxy is another. The connector drives all of them
//! with the same code.

use crate::base::error::Error;
use crate::protocol::http::reply::Response;

pub trait Handshake {
    /// The next bytes to send, each once; `None` while waiting for the peer.
    fn output(&mut self) -> Option<Output>;

    /// Consumes what it needs from the front of `input` and leaves the rest for the next protocol.
    /// Returns true when the handshake has succeeded, an error if the peer has refused it or
    /// violated the protocol.
    fn receive(&mut self, input: &mut Vec<u8>) -> Result<bool, Error>;

    /// The error if the peer closes the connection now.
    fn end(&mut self) -> Error;

    /// Whether the peer has refused; the rest of the response is only information for the user.
    fn is_refused(&self) -> bool {
        false
    }

    /// The response as far as it has arrived, if the peer speaks HTTP. Called once, at the end.
    fn take_response(&mut self) -> Option<Response> {
        None
    }
}

pub struct Output {
    pub bytes: Vec<u8>,
    /// Text for the log, in place of bytes that are not text or are secret.
    pub words: Option<String>,
}

impl Output {
    /// The lines of an HTTP head.
    pub fn text(lines: String) -> Self {
        Self {
            bytes: lines.into_bytes(),
            words: None,
        }
    }

    /// The text for the log.
    pub fn shown(&self) -> &str {
        match &self.words {
            Some(words) => words,
            None => std::str::from_utf8(&self.bytes).unwrap_or_default(),
        }
    }
}
