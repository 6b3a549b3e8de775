// SPDX-License-Identifier: Apache-2.0
//! Header fields: what may stand in ours, and the list of those received.

use crate::base::error::Error;
use crate::base::memory;
use std::ffi::CStr;

/// A header name or a subprotocol: a token (RFC 9110 section 5.6.2).
pub fn check_token(argument: &str, text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Err(Error::argument(argument, "is empty"));
    }
    match text.chars().find(|c| !is_token_char(*c)) {
        None => Ok(()),
        Some(bad) => Err(Error::argument(
            argument,
            format!("contains {bad:?}, which no HTTP token may (RFC 9110 section 5.6.2)"),
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
            format!("contains {bad:?}, which no header value may (RFC 9110 section 5.5)"),
        )),
    }
}

/// How much of the front of `text` is a token.
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

/// Each byte of a name is looked up, and one look is less than the comparisons that the table is
/// made of.
#[allow(
    clippy::indexing_slicing,
    reason = "a panic would be one of the compiler's"
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

/// Where the first control character is (RFC 9110 section 5.5), if there is one; a tab is one here.
pub fn first_control(text: &[u8]) -> Option<usize> {
    const LOW_BITS: u64 = u64::from_ne_bytes([0x7f; 8]);
    const HIGH_BIT: u64 = u64::from_ne_bytes([0x80; 8]);
    let eights = text.chunks_exact(8);
    let rest = eights.remainder();
    for (index, eight) in eights.enumerate() {
        // Eight bytes at once, and no sum carries into the next of them. The high bit stays 0 where
        // the rest of the byte is less than 0x20, and becomes 1 where it is 0x7f. Bytes that have
        // it are no ASCII.
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

/// As much of a list as an error shows.
const MAX_SHOWN: usize = 100;

/// What a peer has listed, safe to print: escaped, and cut where it is long. `None` where there is
/// nothing.
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
/// Names and values are C strings because that is how they are handed out; no NUL gets as far as
/// here.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The reason, then of each field its name, a NUL, its value, a NUL.
    text: Vec<u8>,
    reason_len: usize,
    fields: Vec<Field>,
    /// The last one, while its value may be continued; its text is the end of `text`.
    open: Option<Field>,
    /// The value of the open one has nothing to replace, and no white space around it.
    is_clean: bool,
}

/// What the fields of a short head have: one piece of memory, then, is enough. It stays as long as
/// the connection.
const USUAL_BYTES: usize = 128;
const USUAL_COUNT: usize = 4;

/// Where a name and its value begin, and where the value ends; a NUL ends each.
#[derive(Clone, Copy, Debug)]
struct Field {
    name: usize,
    value: usize,
    end: usize,
}

impl Fields {
    /// Keeps the reason of the status line: the fields come after it, in the same memory.
    pub fn begin_with(&mut self, reason: &[u8]) -> Result<(), Error> {
        debug_assert!(self.text.is_empty());
        memory::reserve(&mut self.text, reason.len() + USUAL_BYTES)?;
        self.text.extend_from_slice(reason);
        self.reason_len = reason.len();
        Ok(())
    }

    /// As it was received.
    pub fn reason(&self) -> &[u8] {
        self.text.get(..self.reason_len).unwrap_or_default()
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
            name: start,
            value: value_start,
            end: value_start + value.len(),
        });
        self.is_clean = is_clean;
        self.text.extend_from_slice(name);
        self.text.push(0);
        self.text.extend_from_slice(value);
        Ok(())
    }

    /// Adds a line to the value of the field that was begun; false where none was. RFC 9112 section
    /// 5.2: the line end and the white space around it stand for a blank.
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

    /// Ends the field that was begun, if there is one.
    pub fn finish(&mut self) -> Result<(), Error> {
        let Some(mut field) = self.open.take() else {
            return Ok(());
        };
        if !self.is_clean {
            self.clean(field.value);
            field.end = self.text.len();
        }
        memory::push(&mut self.text, 0)?;
        memory::push(&mut self.fields, field)
    }

    /// Makes the text from `start` on, to its end, a value.
    fn clean(&mut self, start: usize) {
        // RFC 9110 section 5.5: CR and NUL are to be replaced. Other control characters may be, and
        // then no terminal sees them.
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
        let name = self.c_string(field.name, field.value - 1);
        Some((name, self.c_string(field.value, field.end)))
    }

    /// The values of a field, in order; names have no case (RFC 9110 section 5.1).
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a CStr> {
        let named = self.named(name);
        named.map(|field| self.c_string(field.value, field.end))
    }

    /// The same as bytes.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.named(name);
        named.map(|field| self.text.get(field.value..field.end).unwrap_or_default())
    }

    /// `name` is best in its usual spelling: that is compared at once.
    fn named(&self, name: &str) -> impl Iterator<Item = &Field> {
        let name = name.as_bytes();
        self.fields.iter().filter(move |field| {
            let own = self.text.get(field.name..field.value - 1);
            own.is_some_and(|own| {
                own.len() == name.len() && (own == name || own.eq_ignore_ascii_case(name))
            })
        })
    }

    /// `end` is where the NUL is.
    fn c_string(&self, start: usize, end: usize) -> &CStr {
        let text = self.text.get(start..=end).unwrap_or_default();
        CStr::from_bytes_with_nul(text).unwrap_or_default()
    }

    /// The members of a field that is a list, over all its lines (RFC 9110 section 5.6.1).
    pub fn members<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let mut values = self.values(name);
        let mut rest = &[][..];
        // A loop, of which the standard library's adapters for the same make several that are
        // called.
        std::iter::from_fn(move || {
            loop {
                let member = match rest.iter().position(|byte| *byte == b',') {
                    Some(comma) => {
                        let (member, behind) = rest.split_at(comma);
                        rest = behind.get(1..).unwrap_or_default();
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
    fn nothing_configured_can_add_a_line() {
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
    fn control_characters_are_found_wherever_they_are() {
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
    fn a_list_is_shown_escaped_and_cut() {
        let shown = |members: &[&[u8]]| listed(members.iter().copied());
        assert_eq!(shown(&[]), None);
        assert_eq!(shown(&[b""]).as_deref(), Some(""));
        assert_eq!(shown(&[b"a\"", b"\xfc"]).as_deref(), Some("a\\\", \\xfc"));
        for long in [&[&[b'x'; 5000][..]; 2][..], &[&b"x"[..]; 5000]] {
            assert_eq!(shown(long).map(|text| text.len()), Some(MAX_SHOWN));
        }
    }

    #[test]
    fn lists_run_over_lines_and_ignore_case_of_the_name() {
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
