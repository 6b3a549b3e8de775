// SPDX-License-Identifier: Apache-2.0
//! The grammar of UTF-8, for comparison.

use std::ops::RangeInclusive;

#[derive(Debug, PartialEq)]
pub(crate) enum Text {
    Whole,
    /// The last character is incomplete.
    Cut,
    Wrong,
}

/// The grammar of RFC 3629 section 4.
pub(crate) fn read_text(bytes: &[u8]) -> Text {
    const TAIL: RangeInclusive<u8> = 0x80..=0xbf;
    let mut bytes = bytes.iter();
    while let Some(first) = bytes.next() {
        let tails: &[RangeInclusive<u8>] = match first {
            0x00..=0x7f => &[],
            0xc2..=0xdf => &[TAIL],
            0xe0 => &[0xa0..=0xbf, TAIL],
            0xe1..=0xec | 0xee..=0xef => &[TAIL, TAIL],
            0xed => &[0x80..=0x9f, TAIL],
            0xf0 => &[0x90..=0xbf, TAIL, TAIL],
            0xf1..=0xf3 => &[TAIL, TAIL, TAIL],
            0xf4 => &[0x80..=0x8f, TAIL, TAIL],
            _ => return Text::Wrong,
        };
        for tail in tails {
            match bytes.next() {
                None => return Text::Cut,
                Some(byte) if !tail.contains(byte) => return Text::Wrong,
                Some(_) => {}
            }
        }
    }
    Text::Whole
}
