// SPDX-License-Identifier: Apache-2.0
//! The head of a response, collected as it arrives and parsed once, by httparse.

use super::field::Fields;
use crate::base::error::{Error, Kind};
use crate::base::memory;

/// Status line, fields and empty line together.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;
pub const MAX_FIELDS: usize = 100;

#[derive(Clone, Debug, Default)]
pub struct Head {
    pub status: u16,
    pub reason: String,
    /// The minor version: HTTP/1.`minor`.
    pub minor_version: u8,
    pub fields: Fields,
}

/// Finds where a head ends without looking at any byte twice.
#[derive(Debug, Default)]
pub struct HeadFinder {
    /// Bytes looked at.
    seen: usize,
    /// Where the current line began.
    line_start: usize,
}

impl HeadFinder {
    /// The length of the head at the start of `input`, its empty line included, once it is complete.
    ///
    /// `budget` is what may still be spent on heads. Lines end with LF; a CR before it is part of the line end,
    /// and its absence is tolerated (RFC 9112 section 2.2).
    pub fn find(&mut self, input: &[u8], budget: usize) -> Result<Option<usize>, Error> {
        let mut rest = input.get(self.seen..).unwrap_or_default();
        while let Some(offset) = rest.iter().position(|byte| *byte == b'\n') {
            let line = input.get(self.line_start..self.seen + offset);
            let is_empty = matches!(line, Some(b"" | b"\r"));
            self.seen += offset + 1;
            rest = input.get(self.seen..).unwrap_or_default();
            if is_empty && self.line_start > 0 {
                check_budget(self.seen, budget)?;
                return Ok(Some(self.seen));
            }
            self.line_start = self.seen;
        }
        self.seen = input.len();
        check_budget(self.seen, budget)?;
        Ok(None)
    }
}

fn check_budget(bytes: usize, budget: usize) -> Result<(), Error> {
    if bytes <= budget {
        return Ok(());
    }
    Err(bad(format!(
        "the response head is longer than {MAX_HEAD_BYTES} bytes"
    )))
}

impl Head {
    /// Parses a complete head.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        match response.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(bad("the response head is cut short")),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(bad(format!(
                    "the response has more than {MAX_FIELDS} header fields"
                )));
            }
            Err(error) => return Err(bad(format!("the response is not HTTP: {error}"))),
        }
        let mut head = Self {
            status: response.code.unwrap_or_default(),
            reason: memory::string(response.reason.unwrap_or_default())?,
            minor_version: response.version.unwrap_or_default(),
            fields: Fields::default(),
        };
        for field in response.headers.iter() {
            head.fields.push(field.name, field.value)?;
        }
        Ok(head)
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Kind::BadUpgrade, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` byte by byte; the length at which the head was found.
    fn find_byte_by_byte(input: &[u8]) -> Option<usize> {
        let mut finder = HeadFinder::default();
        (1..=input.len()).find_map(|end| {
            finder
                .find(&input[..end], MAX_HEAD_BYTES)
                .expect("within the budget")
        })
    }

    #[test]
    fn the_end_is_found_at_every_split_and_not_beyond() {
        for head in [
            &b"HTTP/1.1 101 x\r\nA: b\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\nA: b\n\n",
            b"HTTP/1.1 200\r\n\r\n",
        ] {
            let with_rest = [head, b"\x81\x02\n\n\r\n\r\n"].concat();
            assert_eq!(find_byte_by_byte(&with_rest), Some(head.len()));
            let mut finder = HeadFinder::default();
            assert_eq!(
                finder.find(&with_rest, MAX_HEAD_BYTES).expect("found"),
                Some(head.len())
            );
        }
    }

    #[test]
    fn a_head_beyond_its_budget_is_refused_while_it_arrives() {
        let mut finder = HeadFinder::default();
        assert!(
            finder
                .find(&vec![b'x'; MAX_HEAD_BYTES], MAX_HEAD_BYTES)
                .expect("just fits")
                .is_none()
        );
        assert_eq!(
            finder
                .find(&vec![b'x'; MAX_HEAD_BYTES + 1], MAX_HEAD_BYTES)
                .expect_err("too long")
                .kind(),
            Kind::BadUpgrade
        );
    }

    #[test]
    fn malformed_heads_are_refused() {
        let many: String = (0..=MAX_FIELDS).map(|i| format!("X-{i}: v\r\n")).collect();
        let table = [
            "FOO 101 x\r\n\r\n".to_owned(),
            "HTTP/1.1 10 x\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n".to_owned(),
            format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
        ];
        for head in table {
            assert_eq!(
                Head::parse(head.as_bytes()).expect_err(&head).kind(),
                Kind::BadUpgrade,
                "{head:?}"
            );
        }
    }
}
