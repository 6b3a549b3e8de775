// SPDX-License-Identifier: Apache-2.0
//! The response to one request, as it arrives: interim responses, the head, and the body if the
//! request was refused.

use super::body::Body;
use super::challenge;
use super::extension;
use super::field::listed;
use super::head::{Head, HeadReader, HeadState, MAX_HEAD_BYTES};
use crate::base::error::Error;
use crate::protocol::tolerance::Mistakes;
use crate::protocol::url;
use crate::protocol::ws::deflate::Agreement;
use std::ffi::CStr;
use std::ops::RangeInclusive;

/// The number of characters that an error shows of the reason phrase and of each field.
const MAX_SHOWN: usize = 100;

/// A response, complete or as far as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Response {
    pub head: Head,
    /// The received body of a refusal, followed by a NUL, because it is lent to C. Empty if there
    /// is none.
    pub body_and_nul: Vec<u8>,
    /// The negotiated compression.
    pub deflate: Option<Agreement>,
    /// What the server has done wrong, and was tolerated.
    pub tolerated: Mistakes,
}

impl Response {
    pub fn body(&self) -> &[u8] {
        let body = self.body_and_nul.split_last();
        body.map_or(&[], |(_, body)| body)
    }

    /// The value of `Sec-WebSocket-Extensions`, if an extension is in use.
    pub fn extensions(&self) -> Option<&CStr> {
        // Others were not offered, and are ignored if that is tolerated.
        let is_deflate = |value: &&CStr| extension::names_deflate(value.to_bytes());
        let mut values = self.head.fields.all("sec-websocket-extensions");
        let named = values.find(is_deflate);
        named.filter(|_| self.deflate.is_some())
    }
}

#[derive(Debug)]
pub struct Reply {
    /// The statuses that mean success.
    accepted: RangeInclusive<u16>,
    reader: HeadReader,
    /// The body of a refusal, once its head is complete.
    refusal: Option<Body>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyProgress {
    Incomplete,
    Accepted,
    /// The request was refused, and the body is complete or long enough.
    Refused,
    /// Not a valid HTTP response: a phrase whose subject is the peer.
    Wrong(String),
}

impl Reply {
    pub fn new(accepted: RangeInclusive<u16>) -> Self {
        Self {
            accepted,
            reader: HeadReader::default(),
            refusal: None,
        }
    }

    pub fn head(&self) -> &Head {
        self.reader.head()
    }

    /// Whether the status has arrived and refuses the request.
    pub fn is_refused(&self) -> bool {
        match self.head().status {
            // Interim responses may precede the final one (RFC 9110 section 15.2).
            0 | 100 | 102..=199 => false,
            status => !self.accepted.contains(&status),
        }
    }

    pub fn is_refused_with_whole_head(&self) -> bool {
        self.refusal.is_some()
    }

    pub fn receive(&mut self, input: &mut Vec<u8>) -> Result<ReplyProgress, Error> {
        loop {
            if let Some(body) = &mut self.refusal {
                return Ok(if body.receive(input)? {
                    ReplyProgress::Refused
                } else {
                    ReplyProgress::Incomplete
                });
            }
            match self.reader.read(input)? {
                HeadState::Incomplete => return Ok(ReplyProgress::Incomplete),
                HeadState::Complete if self.is_refused() => {
                    self.refusal = Some(Body::new(self.head()));
                }
                HeadState::Complete if self.accepted.contains(&self.head().status) => {
                    return Ok(ReplyProgress::Accepted);
                }
                // An interim response, which is ignored.
                HeadState::Complete => drop(self.reader.take_head()),
                HeadState::TooLong if self.is_refused() => {
                    self.reader.finish()?;
                    self.refusal = Some(Body::none());
                }
                HeadState::TooLong => {
                    let what = format!("sent a head of more than {MAX_HEAD_BYTES} bytes");
                    return Ok(ReplyProgress::Wrong(what));
                }
                HeadState::NotHttp(what) => return Ok(ReplyProgress::Wrong(what)),
            }
        }
    }

    /// The peer has closed the connection. Omits a field for which there is no memory: the status
    /// matters more.
    pub fn end(&mut self) {
        let _ = self.reader.finish();
    }

    pub fn take_response(&mut self) -> Response {
        let is_final = self.is_refused() || self.reader.is_complete();
        let head = self.reader.take_head();
        // An empty body is not lent, so it needs no NUL.
        let refusal = self.refusal.take().map(|body| body.bytes);
        let mut body_and_nul = refusal.unwrap_or_default();
        if !body_and_nul.is_empty() {
            body_and_nul.push(0);
        }
        Response {
            head: if is_final { head } else { Head::default() },
            body_and_nul,
            deflate: None,
            tolerated: Mistakes::default(),
        }
    }

    /// "403 Forbidden", safe to print.
    pub fn status_line(&self) -> String {
        let head = self.head();
        let reason: String = head.reason().escape_debug().take(MAX_SHOWN).collect();
        let blank = if reason.is_empty() { "" } else { " " };
        format!("{}{blank}{reason}", head.status)
    }

    /// The status line, and what the fields say about how to succeed; safe to print.
    pub fn refusal(&self) -> String {
        let head = self.head();
        let mut hints = Vec::new();
        let first = |name| head.fields.all(name).next();
        if let Some(location) = first("location").filter(|_| head.is_redirect()) {
            let location = url::without_secrets(&location.to_string_lossy());
            hints.push(format!("redirects to {}", location.escape_debug()));
        }
        if let Some(time) = first("retry-after").filter(|time| !time.is_empty()) {
            let is_number = time.to_bytes().iter().all(u8::is_ascii_digit);
            let unit = if is_number { " s" } else { "" };
            let time = time
                .to_bytes()
                .escape_ascii()
                .take(MAX_SHOWN)
                .map(char::from);
            hints.push(format!("retry after {}{unit}", time.collect::<String>()));
        }
        let schemes = ["www-authenticate", "proxy-authenticate"].into_iter();
        let schemes = schemes.flat_map(|name| challenge::schemes(&head.fields, name));
        if let Some(schemes) = listed(schemes) {
            hints.push(format!("requires {schemes} authentication"));
        }
        let status_line = self.status_line();
        if hints.is_empty() {
            return status_line;
        }
        format!("{status_line} ({})", hints.join("; "))
    }
}
