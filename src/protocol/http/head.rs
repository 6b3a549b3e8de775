// SPDX-License-Identifier: Apache-2.0
//! The head of a response (RFC 9112 sections 2.2, 4 and 5), read line by line as it arrives.
//!
//! Follows the RFC's requirements for recipients; where it leaves a choice, the head is read as
//! curl reads it. A malformed line only prevents a switch of protocols, see [`Head::defect`]: the
//! status of other responses is still reported.

use super::field::{Fields, first_control, token_len};
use crate::base::error::Error;
use std::borrow::Cow;

/// Status line, fields and empty line together, including those of interim responses.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A longer reason phrase is not useful.
const MAX_REASON_BYTES: usize = 256;

/// The number of characters of a line that an error shows.
const MAX_SHOWN: usize = 100;

/// Optional white space (RFC 9110 section 5.6.3).
const BLANK: [u8; 2] = [b' ', b'\t'];

/// The first byte of a TLS alert record, with which a TLS server responds to a request without TLS.
const TLS_ALERT: u8 = 0x15;

#[derive(Clone, Debug, Default)]
pub struct Head {
    pub status: u16,
    /// Major and minor version.
    pub version: (u8, u8),
    pub fields: Fields,
    /// Describes the first malformed line for which curl would reject a response: a phrase whose
    /// subject is the response.
    pub defect: Option<String>,
}

impl Head {
    /// The reason phrase.
    pub fn reason(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.fields.reason())
    }

    /// 300 and 304 do not name a target. The others differ only in the method to use, and a
    /// handshake always uses GET.
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }
}

/// The state of a head.
#[derive(Debug, PartialEq, Eq)]
pub enum HeadState {
    Incomplete,
    Complete,
    TooLong,
    /// The peer responded with another protocol: a phrase whose subject is the peer.
    NotHttp(String),
}

/// Reads heads from the received bytes, one after the other.
#[derive(Debug, Default)]
pub struct HeadReader {
    head: Head,
    next: Next,
    /// The number of bytes taken for all heads.
    taken: usize,
    /// The number of bytes at the front of the input that are known to contain no line end.
    seen: usize,
}

/// The kind of the next line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    StatusLine,
    FirstField,
    Field,
    Nothing,
}

struct Line<'a> {
    /// The line without its line end.
    text: &'a [u8],
    /// The length with the line end.
    len: usize,
    /// The text has no control characters.
    is_clean: bool,
}

impl HeadReader {
    /// The head as far as it has arrived.
    pub fn head(&self) -> &Head {
        &self.head
    }

    pub fn is_complete(&self) -> bool {
        self.next == Next::Nothing
    }

    /// Takes lines from the front of `input`; true when the head is complete. Lines end with LF. A
    /// CR before it belongs to the line end, and may be missing (RFC 9112 section 2.2).
    pub fn read(&mut self, input: &mut Vec<u8>) -> Result<HeadState, Error> {
        let mut start = 0;
        let state = loop {
            let rest = input.get(start..).unwrap_or_default();
            let Some(Line {
                text,
                len,
                is_clean,
            }) = self.first_line(rest)
            else {
                if self.taken + rest.len() > MAX_HEAD_BYTES {
                    break HeadState::TooLong;
                }
                self.seen = rest.len();
                break self.state_at_start(rest);
            };
            if self.taken + len > MAX_HEAD_BYTES {
                break HeadState::TooLong;
            }
            let state = self.read_line(text, is_clean)?;
            self.taken += len;
            self.seen = 0;
            start += len;
            if state != HeadState::Incomplete {
                break state;
            }
        };
        input.drain(..start);
        Ok(state)
    }

    /// The line at the front of `input`, if it has arrived.
    fn first_line<'a>(&self, input: &'a [u8]) -> Option<Line<'a>> {
        // Most lines have no control characters except their line end, so one pass finds that end
        // and shows that the line is clean.
        if self.seen == 0 {
            let end = first_control(input)?;
            if let Some((text, [b'\r', b'\n', ..])) = input.split_at_checked(end) {
                return Some(Line {
                    text,
                    len: end + 2,
                    is_clean: true,
                });
            }
        }
        let unseen = input.get(self.seen..)?;
        let end = self.seen + unseen.iter().position(|byte| *byte == b'\n')?;
        let text = input.get(..end)?;
        Some(Line {
            text: text.strip_suffix(b"\r").unwrap_or(text),
            len: end + 1,
            is_clean: false,
        })
    }

    /// No more lines will arrive: completes the last field, so that the head can be used as far as
    /// it has arrived.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.head.fields.finish()
    }

    pub fn take_head(&mut self) -> Head {
        self.next = Next::StatusLine;
        std::mem::take(&mut self.head)
    }

    /// A response in another protocol need not begin with a line, and its peer may be waiting for
    /// us.
    fn state_at_start(&self, line: &[u8]) -> HeadState {
        let is_long = line.len() > MAX_SHOWN;
        let other = match line {
            // Possibly the CR of an empty line.
            [] | b"\r" => None,
            _ if self.next != Next::StatusLine => None,
            [first, ..] if is_long || !is_text(*first) => other_protocol(line),
            _ => None,
        };
        other.map_or(HeadState::Incomplete, HeadState::NotHttp)
    }

    /// `is_clean`: the line has no control characters.
    fn read_line(&mut self, line: &[u8], is_clean: bool) -> Result<HeadState, Error> {
        match (self.next, line) {
            // Some servers wrongly send an extra line end after a body, which precedes the next
            // head.
            (Next::StatusLine, b"") => {}
            (Next::StatusLine, _) => {
                if let Some(what) = other_protocol(line) {
                    return Ok(HeadState::NotHttp(what));
                }
                let Some(reason) = self.read_status_line(line) else {
                    return Ok(HeadState::NotHttp(not_http(line)));
                };
                self.head.fields.begin_with(reason)?;
                self.next = Next::FirstField;
            }
            (_, b"") => {
                self.finish()?;
                self.next = Next::Nothing;
                return Ok(HeadState::Complete);
            }
            _ => {
                self.read_field_line(line, is_clean)?;
                self.next = Next::Field;
            }
        }
        if !is_clean && line.contains(&0) {
            self.note_defect("has a NUL in the line", line);
        }
        Ok(HeadState::Incomplete)
    }

    /// Section 4. Returns the reason phrase. A recipient may accept any white space as the
    /// separator.
    fn read_status_line<'a>(&mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        let rest = line.strip_prefix(b"HTTP/")?;
        let version_end = rest.iter().position(|byte| BLANK.contains(byte))?;
        let (version, rest) = rest.split_at(version_end);
        self.head.version = match version {
            // A higher minor version is read as the highest known one (RFC 9110 section 2.5).
            [b'1', b'.', minor @ b'0'..=b'9'] => (1, minor - b'0'),
            // Some programs send this over HTTP/1.1 connections.
            b"2" | b"2.0" => (2, 0),
            _ => return None,
        };
        let (status, reason) = rest.trim_ascii().split_at_checked(3)?;
        let [
            hundreds @ b'1'..=b'9',
            tens @ b'0'..=b'9',
            ones @ b'0'..=b'9',
        ] = status
        else {
            return None;
        };
        if reason.first().is_some_and(|byte| !BLANK.contains(byte)) {
            return None;
        }
        let digit = |byte: &u8| u16::from(byte - b'0');
        self.head.status = digit(hundreds) * 100 + digit(tens) * 10 + digit(ones);
        let reason = reason.trim_ascii();
        Some(reason.get(..MAX_REASON_BYTES).unwrap_or(reason))
    }

    /// Section 5. A line whose name is not a token is ignored, together with its continuation
    /// lines.
    fn read_field_line(&mut self, line: &[u8], is_clean: bool) -> Result<(), Error> {
        if line.first().is_some_and(|byte| BLANK.contains(byte)) {
            let is_continued = self.head.fields.continue_value(line.trim_ascii())?;
            if !is_continued && self.next == Next::FirstField {
                // Section 2.2: such lines must be ignored, or the message must be rejected.
                self.note_defect("has white space before its first field, in the line", line);
            }
            return Ok(());
        }
        self.finish()?;
        let (name, value) = line.split_at(token_len(line));
        match value.split_first() {
            Some((b':', value)) if !name.is_empty() => {
                self.head.fields.begin(name, value.trim_ascii(), is_clean)?;
            }
            _ if !value.contains(&b':') => self.note_defect("has no colon in the line", line),
            _ => {}
        }
        Ok(())
    }

    fn note_defect(&mut self, what: &str, line: &[u8]) {
        let defect = || format!("{what} {}", quoted(line));
        self.head.defect.get_or_insert_with(defect);
    }
}

#[cfg(test)]
impl Head {
    /// A complete head.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut reader = HeadReader::default();
        let state = reader.read(&mut bytes.to_vec()).expect("memory");
        assert_eq!(state, HeadState::Complete, "{}", bytes.escape_ascii());
        reader.take_head()
    }
}

/// An HTTP response begins with "HTTP/" in capitals.
fn other_protocol(line: &[u8]) -> Option<String> {
    match line.first() {
        _ if line.starts_with(b"HTTP/") => None,
        Some(&TLS_ALERT) => Some("responded with TLS, not HTTP".to_owned()),
        Some(first) if !is_text(*first) => Some("did not respond with HTTP".to_owned()),
        _ => Some(not_http(line)),
    }
}

fn not_http(line: &[u8]) -> String {
    format!("did not respond with HTTP but {}", quoted(line))
}

fn is_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b' '
}

/// A line, escaped and truncated for printing.
fn quoted(line: &[u8]) -> String {
    let shown = line.get(..MAX_SHOWN).unwrap_or(line);
    format!("\"{}\"", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut HeadReader, input: &mut Vec<u8>) -> HeadState {
        reader.read(input).expect("memory")
    }

    fn fields(lines: &[u8]) -> Vec<(String, String)> {
        let head = Head::parse(&[b"HTTP/1.1 200 OK\r\n", lines, b"\r\n"].concat());
        let fields = (0..).map_while(|index| head.fields.at(index));
        let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
        fields
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    #[test]
    #[rustfmt::skip]
    fn fields_are_read_as_the_rfc_requires() {
        //   lines                          their values
        let table: [(&[u8], &[&str]); 18] = [
            (b"A: b\r\n",                   &["b"]),
            (b"A: b\nA:c\n",                &["b", "c"]),
            (b"A:\t b \t\r\n",              &["b"]),
            (b"A:\r\n",                     &[""]),
            // Section 5.2.
            (b"A: b,\r\n\tc\r\n",           &["b, c"]),
            (b"A: b \t\r\n \t c\n d\r\n",   &["b c d"]),
            (b"A:\r\n b\r\n",               &["b"]),
            (b"A: b\r\n \r\n\t\r\nA: c\r\n", &["b", "c"]),
            (b"A: b\r\n c: d\r\n",          &["b c: d"]),
            // RFC 9110 section 5.5.
            (b"A: b\rc\0d\x1b[2J\x7f\r\n",  &["b c d [2J"]),
            (b"A: b\tc\r\r\n",              &["b\tc"]),
            (b"A: \x80\xff\r\n",            &["\u{fffd}\u{fffd}"]),
            // Ignored, with their continuation lines.
            (b"A : b\r\n c\r\nA: d\r\n",    &["d"]),
            (b"A B: c\r\n A: b\r\nA: d\r\n", &["d"]),
            (b": b\r\nA\0: b\r\nA\xe9: b\r\n\rA: b\r\n", &[]),
            (b"b\r\n A: b\r\nA: c\r\n",     &["c"]),
            (b" A: b\r\n\tA: b\r\nA: c\r\n", &["c"]),
            (b"",                           &[]),
        ];
        for (lines, expected) in table {
            let expected: Vec<_> = expected.iter().map(|value| ("A".to_owned(), (*value).to_owned())).collect();
            assert_eq!(fields(lines), expected, "{}", lines.escape_ascii());
        }
    }

    #[test]
    #[rustfmt::skip]
    fn lines_that_curl_rejects_are_defects() {
        let table: [(&[u8], Option<&str>); 9] = [
            (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nD : e\r\n: f\r\nG: \r\x1b\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\nA\r\nB\r\n\r\n",     Some("has no colon in the line \"A\"")),
            (b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",     Some("has a NUL in the line \"A: b\\x00\"")),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n \0\r\n\r\n", Some("has a NUL in the line \" \\x00\"")),
            (b"HTTP/1.1 200 O\0\r\nA: b\r\n\r\n",      Some("has a NUL in the line \"HTTP/1.1 200 O\\x00\"")),
            (b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
                Some("has white space before its first field, in the line \" A: b\"")),
            (b"HTTP/1.1 200 OK\r\n \r\n\r\n",          Some("has white space before its first field, in the line \" \"")),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\n\r\n",               None),
        ];
        for (head, expected) in table {
            let defect = Head::parse(head).defect;
            assert_eq!(defect.as_deref(), expected, "{}", head.escape_ascii());
        }
    }

    #[test]
    #[rustfmt::skip]
    fn status_lines_are_parsed() {
        type Row = (&'static [u8], (u8, u8), u16, &'static str);
        let table: [Row; 11] = [
            (b"HTTP/1.1 403 No entry\r\n\r\n",   (1, 1), 403, "No entry"),
            (b"HTTP/1.0 403 \n\n",               (1, 0), 403, ""),
            (b"HTTP/1.1 403\r\n\r\n",            (1, 1), 403, ""),
            (b"\r\n\n\r\nHTTP/1.1 403 x\r\n\r\n", (1, 1), 403, "x"),
            (b"HTTP/1.1 \t 403  x \r\n\r\n",     (1, 1), 403, "x"),
            (b"HTTP/1.7 403 x\r\n\r\n",          (1, 7), 403, "x"),
            (b"HTTP/2 403 x\r\n\r\n",            (2, 0), 403, "x"),
            (b"HTTP/2.0 403\r\n\r\n",            (2, 0), 403, ""),
            (b"HTTP/1.1 999 x\r\n\r\n",          (1, 1), 999, "x"),
            (b"HTTP/1.1 403 \xfcx\r\n\r\n",      (1, 1), 403, "\u{fffd}x"),
            (b"HTTP/1.1 403 a\0b\r\x1b\r\n\r\n", (1, 1), 403, "a\0b\r\x1b"),
        ];
        for (head, version, status, reason) in table {
            let read = Head::parse(head);
            let shown = (read.version, read.status, &*read.reason());
            assert_eq!(shown, (version, status, reason), "{}", head.escape_ascii());
        }
    }

    #[test]
    #[rustfmt::skip]
    fn other_protocols_are_recognized_by_their_start() {
        const LONG: [u8; 101] = [b'x'; 101];
        let quoted = |line: &str| Some(format!("did not respond with HTTP but \"{line}\""));
        let binary = || Some("did not respond with HTTP".to_owned());
        let table: [(&[u8], Option<String>); 22] = [
            (b"HTTP/1.1 4x3 No\r\n",  quoted("HTTP/1.1 4x3 No")),
            (b"HTTP/1.1 40 No\r\n",   quoted("HTTP/1.1 40 No")),
            (b"HTTP/1.1 4030 No\r\n", quoted("HTTP/1.1 4030 No")),
            (b"HTTP/1.1 003 No\r\n",  quoted("HTTP/1.1 003 No")),
            (b"HTTP/1.1 403\r\n",     None),
            (b"HTTP/1.1\n",           quoted("HTTP/1.1")),
            (b"HTTP/3 403 No\n",      quoted("HTTP/3 403 No")),
            (b"HTTP/0.9 403 No\n",    quoted("HTTP/0.9 403 No")),
            (b"HTTP/1.12 403 No\n",   quoted("HTTP/1.12 403 No")),
            (b"http/1.1 403 No\r\n",  quoted("http/1.1 403 No")),
            (b" HTTP/1.1 403\r\n",    quoted(" HTTP/1.1 403")),
            (b"SSH-2.0-x\r\n",        quoted("SSH-2.0-x")),
            (b"\r\nSSH-2.0-x\r\n",    quoted("SSH-2.0-x")),
            (b"SSH-2.0-x",            None),
            (&LONG,                   quoted(&"x".repeat(100))),
            (b"\r",                   None),
            (b"\r\r\n",               binary()),
            (b"\0\0\x12",             binary()),
            (b"\x81\x05hello",        binary()),
            (b"\x15",                 Some("responded with TLS, not HTTP".to_owned())),
            (b"\r\n\x15\n",           Some("responded with TLS, not HTTP".to_owned())),
            (b"",                     None),
        ];
        for (start, what) in table {
            let expected = what.map_or(HeadState::Incomplete, HeadState::NotHttp);
            let mut whole = HeadReader::default();
            assert_eq!(read(&mut whole, &mut start.to_vec()), expected, "{}", start.escape_ascii());
            let (mut bytes, mut input) = (HeadReader::default(), Vec::new());
            let mut reads = start.iter().map(|byte| {
                input.push(*byte);
                read(&mut bytes, &mut input)
            });
            let found = reads.find(|state| *state != HeadState::Incomplete).unwrap_or(HeadState::Incomplete);
            assert_eq!(found, expected, "{}, byte by byte", start.escape_ascii());
        }
    }

    #[test]
    fn heads_end_at_their_empty_line_in_every_split() {
        for head in [
            &b"HTTP/1.1 101 x\r\nA: b\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\nA: b\n\n",
            b"\r\nHTTP/1.1 200\r\n\r\n",
        ] {
            let rest = b"\x81\x02\n\n\r\n\r\n";
            let input = [head, rest].concat();
            for split in 0..input.len() {
                let (before, after) = input.split_at(split);
                let mut reader = HeadReader::default();
                let mut input = before.to_vec();
                let is_complete = read(&mut reader, &mut input) == HeadState::Complete;
                assert_eq!(is_complete, split >= head.len(), "{split}");
                input.extend(after);
                if !is_complete {
                    assert_eq!(read(&mut reader, &mut input), HeadState::Complete);
                }
                assert_eq!(input, rest, "{split}");
            }
        }
    }

    #[test]
    fn all_heads_together_have_one_limit() {
        let interim = b"HTTP/1.1 103 x\r\n\r\n";
        let last = b"HTTP/1.1 200 x\r\nA: \r\n\r\n";
        let room = MAX_HEAD_BYTES - interim.len() - last.len();
        for (more, expected) in [(0, HeadState::Complete), (1, HeadState::TooLong)] {
            let value = "x".repeat(room + more);
            let last = format!("HTTP/1.1 200 x\r\nA: {value}\r\n\r\n").into_bytes();
            let mut input = [&interim[..], &last].concat();
            let mut reader = HeadReader::default();
            assert_eq!(read(&mut reader, &mut input), HeadState::Complete);
            assert_eq!(reader.take_head().status, 103);
            assert_eq!(read(&mut reader, &mut input), expected);
            assert_eq!(reader.head().status, 200);
        }
        let mut reader = HeadReader::default();
        let mut input = b"HTTP/1.1 200 ".to_vec();
        input.resize(MAX_HEAD_BYTES, b'x');
        assert_eq!(read(&mut reader, &mut input), HeadState::Incomplete);
        input.push(b'x');
        assert_eq!(read(&mut reader, &mut input), HeadState::TooLong);
    }
}
