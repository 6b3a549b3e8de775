// SPDX-License-Identifier: Apache-2.0
//! The body of a response that refuses the request: as much of it as helps the user, with its
//! framing decoded (RFC 9112 section 6).

use super::head::Head;
use crate::base::error::Error;
use crate::base::memory;

/// The most bytes to keep; the rest is not read.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The size of a chunk, with its extensions.
const MAX_CHUNK_LINE_BYTES: usize = 1024;

#[derive(Debug)]
pub struct Body {
    pub bytes: Vec<u8>,
    framing: Framing,
}

#[derive(Debug)]
enum Framing {
    /// The number of bytes still to arrive.
    Length(u64),
    /// The number of bytes of the current chunk still to arrive.
    Chunked(u64),
    UntilEnd,
    Done,
}

impl Body {
    pub fn new(head: &Head) -> Self {
        let coding = head.fields.members("transfer-encoding").last();
        let length = head.fields.members("content-length").next();
        let length = length.and_then(|length| std::str::from_utf8(length).ok()?.parse().ok());
        let framing = match (head.status, coding, length) {
            // RFC 9110 section 6.4.1: these have no body.
            (100..=199 | 204 | 304, ..) => Framing::Done,
            (_, Some(last), _) if last.eq_ignore_ascii_case(b"chunked") => Framing::Chunked(0),
            (_, None, Some(length)) => Framing::Length(length),
            _ => Framing::UntilEnd,
        };
        Self {
            bytes: Vec::new(),
            framing,
        }
    }

    /// For a response whose body is not read.
    pub fn none() -> Self {
        Self {
            bytes: Vec::new(),
            framing: Framing::Done,
        }
    }

    /// Takes the bytes of the body from the front of `input`. Returns true when it is complete, or
    /// [`MAX_BODY_BYTES`] have arrived.
    pub fn receive(&mut self, input: &mut Vec<u8>) -> Result<bool, Error> {
        loop {
            match self.framing {
                Framing::Done => return Ok(true),
                Framing::UntilEnd => {
                    self.keep(input, u64::MAX)?;
                    return Ok(self.is_full());
                }
                Framing::Length(left) => {
                    let left = left - self.keep(input, left)?;
                    self.framing = if left == 0 || self.is_full() {
                        Framing::Done
                    } else {
                        Framing::Length(left)
                    };
                    if left > 0 && input.is_empty() {
                        return Ok(self.is_full());
                    }
                }
                Framing::Chunked(0) => {
                    let line = skip_line_end(input);
                    let line = line.get(..MAX_CHUNK_LINE_BYTES).unwrap_or(line);
                    let line_end = line.iter().position(|byte| *byte == b'\n');
                    let size = line_end.and_then(|end| chunk_size(line.get(..end)?));
                    self.framing = match (line_end, size) {
                        (None, _) if line.len() < MAX_CHUNK_LINE_BYTES => return Ok(false),
                        (Some(end), Some(size)) if size > 0 => {
                            input.drain(..=end);
                            Framing::Chunked(size)
                        }
                        _ => Framing::Done,
                    };
                }
                Framing::Chunked(left) => {
                    let left = left - self.keep(input, left)?;
                    self.framing = if self.is_full() {
                        Framing::Done
                    } else {
                        Framing::Chunked(left)
                    };
                    if left > 0 && input.is_empty() {
                        return Ok(self.is_full());
                    }
                }
            }
        }
    }

    fn keep(&mut self, input: &mut Vec<u8>, most: u64) -> Result<u64, Error> {
        let count = most
            .min(input.len() as u64)
            .min((MAX_BODY_BYTES - self.bytes.len()) as u64) as usize;
        // One more byte for the NUL that follows the lent body.
        memory::reserve(&mut self.bytes, count + 1)?;
        self.bytes.extend(input.drain(..count));
        Ok(count as u64)
    }

    fn is_full(&self) -> bool {
        self.bytes.len() == MAX_BODY_BYTES
    }
}

/// Each chunk ends with a line end, before the next chunk's size.
fn skip_line_end(input: &mut Vec<u8>) -> &[u8] {
    let line_end = input
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    input.drain(..line_end);
    input
}

/// The number at the start of a chunk's line. White space and extensions may follow (RFC 9112
/// section 7.1.1).
fn chunk_size(line: &[u8]) -> Option<u64> {
    let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
    let end = line.iter().position(|byte| !is_digit(byte));
    let (digits, rest) = line.split_at(end.unwrap_or(line.len()));
    if !matches!(rest.trim_ascii(), [] | [b';', ..]) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(head: &str, wire: &[u8], step: usize) -> (Vec<u8>, bool) {
        let head = Head::parse(head.as_bytes());
        let mut body = Body::new(&head);
        let mut done = false;
        for piece in wire.chunks(step) {
            done = body.receive(&mut piece.to_vec()).expect("memory");
        }
        (body.bytes, done)
    }

    #[test]
    fn bodies_of_every_framing_are_read_in_any_split() {
        for step in [1, 2, 3, 100] {
            let sized = "HTTP/1.1 403 no\r\nContent-Length: 5\r\n\r\n";
            assert_eq!(body(sized, b"hello", step), (b"hello".to_vec(), true));
            let open = "HTTP/1.1 403 no\r\n\r\n";
            assert_eq!(body(open, b"hello", step), (b"hello".to_vec(), false));
        }
        let chunked = "HTTP/1.1 403 no\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(
            body(chunked, b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 100),
            (b"hello".to_vec(), true)
        );
        let none = "HTTP/1.1 204 none\r\n\r\n";
        assert_eq!(body(none, b"x", 1), (Vec::new(), true));
    }

    #[test]
    fn an_endless_chunk_line_ends_the_body() {
        let head = "HTTP/1.1 403 no\r\nTransfer-Encoding: chunked\r\n\r\n";
        let line = [b"5;".to_vec(), vec![b'a'; MAX_CHUNK_LINE_BYTES]].concat();
        assert_eq!(body(head, &line, line.len()), (Vec::new(), true));
    }

    #[test]
    fn a_long_body_is_truncated() {
        let head = "HTTP/1.1 500 x\r\nContent-Length: 1000000\r\n\r\n";
        let (bytes, done) = body(head, &vec![b'x'; MAX_BODY_BYTES + 10], 1000);
        assert_eq!((bytes.len(), done), (MAX_BODY_BYTES, true));
    }
}
