// SPDX-License-Identifier: Apache-2.0
//! Validates UTF-8 as the bytes arrive (RFC 3629; RFC 6455 sections 5.6 and 8.1).

use simdutf8::{basic, compat};

/// Below this size simdutf8 processes single bytes, which is slower than checking for ASCII.
const SHORT: usize = 64;

pub fn is_valid(bytes: &[u8]) -> bool {
    (bytes.len() < SHORT && bytes.is_ascii()) || basic::from_utf8(bytes).is_ok()
}

/// Text that arrives in pieces. A character may be split anywhere; an invalid one is rejected at
/// its first wrong byte.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8Stream {
    /// The first bytes of an incomplete character.
    pending: Pending,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    bytes: [u8; 4],
    len: usize,
}

impl Pending {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }
}

/// The text is not UTF-8, whatever bytes follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

impl Utf8Stream {
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Invalid> {
        while !self.pending.bytes().is_empty() {
            let Some((&next, rest)) = bytes.split_first() else {
                return Ok(());
            };
            self.pending.push(next);
            bytes = rest;
            match compat::from_utf8(self.pending.bytes()) {
                Ok(_) => self.pending = Pending::default(),
                Err(error) if error.error_len().is_some() => return Err(Invalid),
                Err(_) => {}
            }
        }
        if let Err(error) = compat::from_utf8(bytes) {
            if error.error_len().is_some() {
                return Err(Invalid);
            }
            let incomplete = bytes.get(error.valid_up_to()..).unwrap_or_default();
            incomplete.iter().for_each(|byte| self.pending.push(*byte));
        }
        Ok(())
    }

    /// Whether the text may end here, that is, not inside a character.
    pub fn is_complete(&self) -> bool {
        self.pending.bytes().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` one at a time; returns how many were accepted before an error.
    fn accepted_before_error(bytes: &[u8]) -> Option<usize> {
        let mut stream = Utf8Stream::default();
        bytes.iter().position(|byte| stream.feed(&[*byte]).is_err())
    }

    #[test]
    fn text_is_accepted_however_it_is_split() {
        let text = "κόσμε \u{10ffff} 한글 \u{fffe}".as_bytes();
        for cut in 0..=text.len() {
            let mut stream = Utf8Stream::default();
            stream.feed(&text[..cut]).expect("a prefix");
            stream.feed(&text[cut..]).expect("the rest");
            assert!(stream.is_complete());
        }
    }

    #[test]
    fn the_first_invalid_byte_is_rejected() {
        assert_eq!(accepted_before_error(b"ab\xff"), Some(2));
        // Above U+10FFFF, a surrogate, an overlong form: the second byte decides.
        assert_eq!(accepted_before_error(b"\xf4\x90\x80\x80"), Some(1));
        assert_eq!(accepted_before_error(b"\xed\xa0\x80"), Some(1));
        assert_eq!(accepted_before_error(b"\xc0\xaf"), Some(0));
    }

    #[test]
    fn an_end_inside_a_character_is_incomplete() {
        let mut stream = Utf8Stream::default();
        stream.feed(b"\xe2\x82").expect("a beginning");
        assert!(!stream.is_complete());
    }
}
