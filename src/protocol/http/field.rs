// SPDX-License-Identifier: Apache-2.0
//! Header fields: what ours may contain, and the list of received ones.

use crate::base::error::Error;
use crate::base::memory;
use std::ffi::CStr;
use std::ops::Range;

/// A header name or a subprotocol: a token (RFC 9110 section 5.6.2).
pub fn check_token(argument: &str, text: &str) -> Result<(), Error> {
    check_chars(argument, text, is_token_char)
}

/// The name of a subprotocol: a token (RFC 6455 section 4.1, item 10), or what servers use that do
/// not keep to this, with `=` and `/`.
pub fn check_subprotocol(argument: &str, name: &str) -> Result<(), Error> {
    check_chars(argument, name, |c| {
        is_token_char(c) || matches!(c, '=' | '/')
    })
}

fn check_chars(argument: &str, text: &str, is_allowed: fn(char) -> bool) -> Result<(), Error> {
    if text.is_empty() {
        return Err(Error::argument(argument, "is empty"));
    }
    match text.chars().find(|c| !is_allowed(*c)) {
        None => Ok(()),
        Some(bad) => Err(Error::argument(
            argument,
            format!(
                "contains {bad:?}, which is not allowed in an HTTP token (RFC 9110 section 5.6.2)"
            ),
        )),
    }
}

/// A header value: no CR, LF, NUL or other control character (RFC 9110 section 5.5), so that no
/// value can add a line.
pub fn check_value(argument: &str, text: &str) -> Result<(), Error> {
    match text.chars().find(|c| c.is_ascii_control() && *c != '\t') {
        None => Ok(()),
        Some(bad) => Err(Error::argument(
            argument,
            format!(
                "contains {bad:?}, which is not allowed in a header value (RFC 9110 section 5.5)"
            ),
        )),
    }
}

/// The length of the token at the start of `text`.
pub fn token_len(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| !is_token_byte(*byte));
    end.unwrap_or(text.len())
}

fn is_token_char(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_token_byte)
}

fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES.get(usize::from(byte)) == Some(&true)
}

/// A lookup for each byte is faster than the comparisons that fill the table.
#[allow(
    clippy::indexing_slicing,
    reason = "a panic would happen at compile time"
)]
static TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        let c = byte as u8;
        table[byte] = c.is_ascii_alphanumeric()
            || matches!(c, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        byte += 1;
    }
    table
};

/// The position of the first control character (RFC 9110 section 5.5), if any; a tab counts as one.
pub fn first_control(text: &[u8]) -> Option<usize> {
    const LOW_BITS: u64 = u64::from_ne_bytes([0x7f; 8]);
    const HIGH_BIT: u64 = u64::from_ne_bytes([0x80; 8]);
    let eights = text.chunks_exact(8);
    let rest = eights.remainder();
    for (index, eight) in eights.enumerate() {
        // Eight bytes at once; no sum carries into the next byte. In `is_not_low` the high bit
        // stays 0 if the low bits are less than 0x20; in `is_delete` it becomes 1 if they are 0x7f.
        // Bytes with the high bit set are not ASCII.
        let eight = u64::from_le_bytes(eight.try_into().unwrap_or_default());
        let low_bits = eight & LOW_BITS;
        let is_not_low = low_bits + u64::from_ne_bytes([0x60; 8]);
        let is_delete = low_bits + u64::from_ne_bytes([1; 8]);
        let found = (!is_not_low | is_delete) & !eight & HIGH_BIT;
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let in_rest = rest.iter().position(u8::is_ascii_control)?;
    Some(text.len() - rest.len() + in_rest)
}

/// The number of characters of a list that an error shows.
const MAX_SHOWN: usize = 100;

/// A list from a peer, safe to print: escaped, and truncated if it is long. `None` if it is empty.
pub fn listed<'a>(members: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let mut members = members.take(MAX_SHOWN).peekable();
    members.peek()?;
    let mut text = Vec::new();
    for (index, member) in members.enumerate() {
        let comma: &[u8] = if index > 0 { b", " } else { b"" };
        let escaped = comma.iter().copied().chain(member.escape_ascii());
        text.extend(escaped.take(MAX_SHOWN - text.len()));
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The fields of a received head, in order, repeated ones kept.
///
/// Names and values are C strings because they are returned to C; they contain no NUL.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The reason phrase, a NUL; then for each field its name, a NUL, its value, a NUL.
    text: Vec<u8>,
    fields: Vec<Field>,
    reason_len: u32,
    /// The last field, while its value may be continued; it is at the end of `text`.
    open: Option<Field>,
    /// The value of the open field has no control characters, and no white space around it.
    is_clean: bool,
}

/// Enough for the fields of a short head, so that one allocation suffices. It is kept as long as
/// the connection.
const USUAL_BYTES: usize = 128;
const USUAL_COUNT: usize = 4;

/// The offsets of a name, its value, and the value's end; a NUL follows each. They are kept as long
/// as the connection, so they take four bytes each: a head is no longer than `MAX_HEAD_BYTES`.
#[derive(Clone, Copy, Debug)]
struct Field {
    name: u32,
    value: u32,
    end: u32,
}

impl Field {
    fn name(&self) -> Range<usize> {
        self.name as usize..self.value as usize - 1
    }

    fn value(&self) -> Range<usize> {
        self.value as usize..self.end as usize
    }
}

impl Fields {
    /// Stores the reason phrase of the status line, before the fields in the same memory.
    pub fn begin_with(&mut self, reason: &[u8]) -> Result<(), Error> {
        debug_assert!(self.text.is_empty());
        memory::reserve(&mut self.text, reason.len() + USUAL_BYTES)?;
        self.text.extend_from_slice(reason);
        self.reason_len = reason.len() as u32;
        self.text.push(0);
        Ok(())
    }

    /// The reason phrase as it was received.
    pub fn reason(&self) -> &[u8] {
        self.text
            .get(..self.reason_len as usize)
            .unwrap_or_default()
    }

    /// The same for C; a NUL in it is its end.
    pub fn reason_c_string(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.text).unwrap_or_default()
    }

    /// Adds a field; its value may be continued until [`Fields::finish`]. `is_clean`: the value has
    /// no control characters, and no white space around it.
    pub fn begin(&mut self, name: &[u8], value: &[u8], is_clean: bool) -> Result<(), Error> {
        let len = name.len() + value.len() + 2;
        if self.fields.is_empty() {
            memory::reserve(&mut self.fields, USUAL_COUNT)?;
        }
        memory::reserve(&mut self.text, len)?;
        let start = self.text.len();
        let value_start = start + name.len() + 1;
        self.open = Some(Field {
            name: start as u32,
            value: value_start as u32,
            end: (value_start + value.len()) as u32,
        });
        self.is_clean = is_clean;
        self.text.extend_from_slice(name);
        self.text.push(0);
        self.text.extend_from_slice(value);
        Ok(())
    }

    /// Adds a line to the value of the open field; false if there is none. RFC 9112 section 5.2:
    /// the line end and the white space around it become a space.
    pub fn continue_value(&mut self, line: &[u8]) -> Result<bool, Error> {
        if self.open.is_none() {
            return Ok(false);
        }
        memory::reserve(&mut self.text, 1 + line.len())?;
        self.is_clean = false;
        self.text.push(b' ');
        self.text.extend_from_slice(line);
        Ok(true)
    }

    /// Ends the open field, if there is one.
    pub fn finish(&mut self) -> Result<(), Error> {
        let Some(mut field) = self.open.take() else {
            return Ok(());
        };
        if !self.is_clean {
            self.clean(field.value as usize);
            field.end = self.text.len() as u32;
        }
        memory::push(&mut self.text, 0)?;
        memory::push(&mut self.fields, field)
    }

    /// Cleans the value that begins at `start`.
    fn clean(&mut self, start: usize) {
        // RFC 9110 section 5.5: CR and NUL must be replaced. Other control characters may be; they
        // are, so that none reaches a terminal.
        for byte in self.text.get_mut(start..).unwrap_or_default() {
            let is_control = byte.is_ascii_control() && *byte != b'\t';
            *byte = if is_control { b' ' } else { *byte };
        }
        let value = self.text.get(start..).unwrap_or_default();
        let blanks = value.len() - value.trim_ascii_start().len();
        let len = value.trim_ascii().len();
        if blanks > 0 {
            self.text.drain(start..start + blanks);
        }
        self.text.truncate(start + len);
    }

    pub fn at(&self, index: usize) -> Option<(&CStr, &CStr)> {
        let field = self.fields.get(index)?;
        Some((self.c_string(field.name()), self.c_string(field.value())))
    }

    /// The values of a field, in order; names are case-insensitive (RFC 9110 section 5.1).
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a CStr> {
        let named = self.named(name);
        named.map(|field| self.c_string(field.value()))
    }

    /// As [`Fields::all`], as bytes.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.named(name);
        named.map(|field| self.text.get(field.value()).unwrap_or_default())
    }

    /// Fastest if `name` is in its usual spelling, which is compared first.
    fn named(&self, name: &str) -> impl Iterator<Item = &Field> {
        let name = name.as_bytes();
        self.fields.iter().filter(move |field| {
            let own = self.text.get(field.name());
            own.is_some_and(|own| {
                own.len() == name.len() && (own == name || own.eq_ignore_ascii_case(name))
            })
        })
    }

    /// A NUL follows `place`.
    fn c_string(&self, place: Range<usize>) -> &CStr {
        let text = self.text.get(place.start..=place.end).unwrap_or_default();
        CStr::from_bytes_with_nul(text).unwrap_or_default()
    }

    /// The members of a list field, from all its lines (RFC 9110 section 5.6.1).
    pub fn members<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let mut values = self.values(name);
        let mut rest = &[][..];
        // A loop is inlined as one function; the standard library's adapters would become several
        // calls.
        std::iter::from_fn(move || {
            loop {
                let member = match rest.iter().position(|byte| *byte == b',') {
                    Some(comma) => {
                        let (member, after) = rest.split_at(comma);
                        rest = after.get(1..).unwrap_or_default();
                        member
                    }
                    None => std::mem::take(&mut rest),
                };
                let member = member.trim_ascii();
                if !member.is_empty() {
                    return Some(member);
                }
                if rest.is_empty() {
                    rest = values.next()?;
                }
            }
        })
    }
}

#[cfg(test)]
impl Fields {
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.begin(name, value, false).expect("memory");
        self.finish().expect("memory");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_cannot_add_a_header_line() {
        for bad in ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "a\x7fb", "a\x1bb"] {
            check_value("value", bad).expect_err(bad);
            check_token("name", bad).expect_err(bad);
        }
        check_value("value", "text/html; q=\"ü\"\t,").expect("a value");
        for bad in ["", "a b", "a:b", "(a)", "ü"] {
            check_token("name", bad).expect_err(bad);
        }
        check_token("name", "X-Trace_id.1").expect("a token");
    }

    #[test]
    fn control_characters_are_found_at_every_position() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut text = [b' ', b'~', 0x80, 0xff, b'a'].repeat(4);
                text[place] = byte;
                let expected = byte.is_ascii_control().then_some(place);
                assert_eq!(first_control(&text), expected, "{byte} at {place}");
                text[place..].fill(byte);
                assert_eq!(first_control(&text), expected, "{byte} from {place}");
            }
        }
        assert_eq!(first_control(b""), None);
    }

    #[test]
    fn a_list_is_shown_escaped_and_truncated() {
        let shown = |members: &[&[u8]]| listed(members.iter().copied());
        assert_eq!(shown(&[]), None);
        assert_eq!(shown(&[b""]).as_deref(), Some(""));
        assert_eq!(shown(&[b"a\"", b"\xfc"]).as_deref(), Some("a\\\", \\xfc"));
        for long in [&[&[b'x'; 5000][..]; 2][..], &[&b"x"[..]; 5000]] {
            assert_eq!(shown(long).map(|text| text.len()), Some(MAX_SHOWN));
        }
    }

    #[test]
    fn lists_span_lines_and_names_are_case_insensitive() {
        let mut fields = Fields::default();
        for (name, value) in [
            ("Connection", &b"keep-alive, \tUpgrade"[..]),
            ("CONNECTION", b",x,"),
        ] {
            fields.push(name.as_bytes(), value);
        }
        assert_eq!(
            fields.members("connection").collect::<Vec<_>>(),
            [&b"keep-alive"[..], b"Upgrade", b"x"]
        );
        assert_eq!(fields.all("Connection").count(), 2);
    }
}
