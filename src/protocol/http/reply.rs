// SPDX-License-Identifier: Apache-2.0
//! The answer to one request, as it arrives: interim responses, the head, and of a refusal the body.

use super::body::Body;
use super::head::{Head, HeadFinder, MAX_HEAD_BYTES};
use crate::base::error::Error;
use crate::protocol::ws::deflate::Agreement;
use std::ffi::CString;
use std::ops::RangeInclusive;

/// What a peer answered, complete or as far as it came.
#[derive(Clone, Debug, Default)]
pub struct Response {
    pub head: Head,
    /// What came of a refusal's body, and a NUL, with which it is lent to C.
    pub body_and_nul: Vec<u8>,
    /// The compression that it has agreed to.
    pub deflate: Option<Agreement>,
}

impl Response {
    pub fn body(&self) -> &[u8] {
        let body = self.body_and_nul.split_last();
        body.map_or(&[], |(_, body)| body)
    }

    /// The value of `Sec-WebSocket-Extensions`, where it names what is in use.
    pub fn extensions(&self) -> Option<&CString> {
        let mut values = self.head.fields.all("sec-websocket-extensions");
        let named = values.find(|value| !value.is_empty());
        named.filter(|_| self.deflate.is_some())
    }
}

#[derive(Debug)]
pub struct Reply {
    /// The statuses that are a yes.
    accepted: RangeInclusive<u16>,
    finder: HeadFinder,
    /// Bytes of interim responses so far.
    spent: usize,
    head: Head,
    /// The body of a refusal, once its head has come.
    refusal: Option<Body>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Incomplete,
    Accepted,
    /// Its body is complete, or as much of it as is kept.
    Refused,
}

impl Reply {
    pub fn new(accepted: RangeInclusive<u16>) -> Self {
        Self {
            accepted,
            finder: HeadFinder::default(),
            spent: 0,
            head: Head::default(),
            refusal: None,
        }
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Only the body of a refusal is still missing.
    pub fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    pub fn receive(&mut self, input: &mut Vec<u8>) -> Result<Progress, Error> {
        loop {
            if let Some(body) = &mut self.refusal {
                return Ok(if body.receive(input)? {
                    Progress::Refused
                } else {
                    Progress::Incomplete
                });
            }
            let Some(len) = self.finder.find(input, MAX_HEAD_BYTES - self.spent)? else {
                return Ok(Progress::Incomplete);
            };
            self.head = Head::parse(input.get(..len).unwrap_or_default())?;
            input.drain(..len);
            match self.head.status {
                status if self.accepted.contains(&status) => return Ok(Progress::Accepted),
                100 | 102..=199 => {
                    // Interim responses may come before the final one (RFC 9110 section 15.2).
                    self.spent += len;
                    self.finder = HeadFinder::default();
                }
                _ => self.refusal = Some(Body::new(&self.head)),
            }
        }
    }

    pub fn take_response(&mut self) -> Response {
        let mut body_and_nul = self.refusal.take().map_or_else(Vec::new, |body| body.bytes);
        body_and_nul.push(0);
        Response {
            head: std::mem::take(&mut self.head),
            body_and_nul,
            deflate: None,
        }
    }

    /// "403 Forbidden", safe to print.
    pub fn status_line(&self) -> String {
        let reason: String = self.head.reason.escape_debug().take(100).collect();
        let blank = if reason.is_empty() { "" } else { " " };
        format!("{}{blank}{reason}", self.head.status)
    }
}
